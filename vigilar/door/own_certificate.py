"""A certificate of the owner's own: whether its two files can be shown to browsers, and what browsers will say of them.

What makes it unusable is an error; what makes some device warn is a note, and shown all the same: its owner may know
better than we, as with an authority of the household's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.door.authority import alternatives_of
from vigilar.door.places import certificates_dir

MAX_FILE_BYTES = 256 * 1024

SOON_DAYS = 14
"""Whoever renews by hand needs a weekend."""

MAX_PEM_BYTES = 16_000
"""Key, certificate and chain together: what any HAProxy takes, by a command that must fit its buffer (tune.bufsize; of
16 KiB by default, of which 16 319 bytes were taken and 16 518 not). A usual chain with RSA keys has half of that."""

LEAST_BITS, LEAST_CURVE_BITS, LEAST_DIGEST_BYTES = 2048, 224, 28
"""What OpenSSL takes at security level 2 (SSL_CTX_set_security_level(3)), which Debian sets. With less in the file
HAProxy would not start, and no page would come."""

KEPT = 12
"""More than the changes of the settings that can be taken back."""

Which = Literal["certificate", "key"]


class BadCertificate(Exception):
    """Why the owner's certificate cannot be used, as one sentence. ``file`` is the one to look at."""

    def __init__(self, sentence: str, file: Which = "certificate") -> None:
        super().__init__(sentence)
        self.file: Which = file


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The contents of both files, and what people call them in a sentence: paths, or "the certificate"."""

    certificate: bytes
    key: bytes = field(repr=False)
    certificate_name: str = "The certificate"
    key_name: str = "The key"


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """``pem``: key, certificate and chain in one, as HAProxy reads them. ``notes``: sentences on what is not as it
    should be, none when all is well."""

    pem: bytes = field(repr=False)
    certificate: x509.Certificate
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The host names it is for."""
        return tuple(sorted(alternatives_of(self.certificate)[0]))


def read_own(certificate: str, key: str) -> OwnFiles:
    """The files at these paths. Raises BadCertificate."""
    return OwnFiles(_read(certificate, "certificate"), _read(key, "key"), certificate, key)


def check_own(files: OwnFiles, now: datetime, answers_to: Collection[str] = ()) -> OwnCertificate:
    """Both files as one. ``answers_to``: the names by which this house may be called, lower case; without any it is not
    looked at. Raises BadCertificate."""
    chain = _certificates(files)
    leaf, key = chain[0], _key(files)
    if key.public_key() != leaf.public_key():
        raise BadCertificate(
            f"{files.key_name} does not belong to the certificate {files.certificate_name}."
            if files.key_name.startswith("/")
            else "The key does not belong to this certificate: they were made apart from each other.",
            "key",
        )
    if leaf.not_valid_after_utc <= now:
        raise BadCertificate(f"{files.certificate_name} has ended on {leaf.not_valid_after_utc:%d %B %Y}.")
    if leaf.not_valid_before_utc > now:
        raise BadCertificate(f"{files.certificate_name} is not valid before {leaf.not_valid_before_utc:%d %B %Y}.")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    whole = pem + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    if len(whole) > MAX_PEM_BYTES:
        raise BadCertificate(
            f"{files.certificate_name} is too long with its chain: {len(chain)} certificates, {len(whole)} bytes "
            f"with the key, and {MAX_PEM_BYTES} are the most. Leave in it the certificate and those who signed it, "
            "without the root."
        )
    notes = [*_chain_notes(chain), *_name_notes(leaf, answers_to), *_end_notes(leaf, now)]
    return OwnCertificate(whole, leaf, tuple(notes))


def keep_own(secrets_dir: Path, files: OwnFiles) -> tuple[str, str]:
    """Keep both files among the house's secrets; their paths. Named by what is in them, so that taking a change of the
    settings back finds the ones before it; the newest few are kept. Raises OSError.

    The key first: there is never a certificate without its key, so one that stands alone is what a stop in between left
    of an older order, and goes. The settings name both only afterwards, so till then those of before are in use.
    """
    folder = certificates_dir(secrets_dir) / "own"
    make_private_folder(folder)
    name = hashlib.sha256(files.certificate + files.key).hexdigest()[:16]
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    write_atomic(paths[1], files.key, 0o600)
    write_atomic(paths[0], files.certificate, 0o600)
    for lone in folder.glob("*.crt"):
        if not lone.with_suffix(".key").exists():
            lone.unlink(missing_ok=True)
    keys = sorted(folder.glob("*.key"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in keys[KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".crt").unlink(missing_ok=True)
    return str(paths[0]), str(paths[1])


def _certificates(files: OwnFiles) -> list[x509.Certificate]:
    if b"-----BEGIN" in files.certificate and b"-----BEGIN CERTIFICATE" not in files.certificate:
        raise BadCertificate(f"{files.certificate_name} holds no certificate: were the two files mixed up?")
    try:
        found = x509.load_pem_x509_certificates(files.certificate)
        _check_strength(files, found)
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate(f"{files.certificate_name} is no certificate in PEM form.") from None
    return found


def _key(files: OwnFiles) -> PrivateKeyTypes:
    if b"ENCRYPTED" in files.key:
        raise BadCertificate(
            f"{files.key_name} has a password; take it off first: openssl pkey -in KEY -out NEW-KEY.", "key"
        )
    try:
        found = serialization.load_pem_private_key(files.key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadCertificate(f"{files.key_name} is no private key in PEM form without a password.", "key") from None
    return found


def _check_strength(files: OwnFiles, chain: Sequence[x509.Certificate]) -> None:
    """That the door takes each of them. Of one that vouches for itself it looks at the key alone."""
    for one in chain:
        whose = files.certificate_name if one is chain[0] else "A certificate behind the first"
        key, digest = one.public_key(), one.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.key_size < LEAST_BITS:
            raise BadCertificate(f"{whose} has a key of {key.key_size} bits; it needs {LEAST_BITS} or more.")
        if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < LEAST_CURVE_BITS:
            raise BadCertificate(f"{whose} has a key of {key.key_size} bits; it needs {LEAST_CURVE_BITS} or more.")
        if digest is not None and digest.digest_size < LEAST_DIGEST_BYTES and one.issuer != one.subject:
            raise BadCertificate(f"{whose} is signed with {digest.name.upper()}, which no browser trusts any more.")


def _chain_notes(chain: Sequence[x509.Certificate]) -> list[str]:
    leaf = chain[0]
    if len(chain) == 1:
        if leaf.issuer == leaf.subject:
            return ["It vouches for itself, so every device warns until it was told to trust it."]
        return [_NO_CHAIN]
    for signed, signer in pairwise(chain):
        try:
            signed.verify_directly_issued_by(signer)
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            return ["The chain is not in order: first the certificate, behind it who signed it, and so on."]
    return []


_NO_CHAIN = (
    "The file holds no other certificate than this: put the one of who signed it behind it (a file that is often "
    "called fullchain.pem), or some phones will warn."
)


def _name_notes(leaf: x509.Certificate, answers_to: Collection[str]) -> list[str]:
    names, addresses = alternatives_of(leaf)
    if not names and not addresses:
        return ["It names no host (no subject alternative name), so every browser warns."]
    if not answers_to or addresses or any(_matches(one, answers_to) for one in names):
        return []
    shown = ", ".join(sorted(names))
    return [f"It is for {shown}, and this house answers to no such name: write the name into [web] names."]


def _matches(name: str, answers_to: Collection[str]) -> bool:
    """Whether the certificate's ``name``, which may begin with ``*.``, is that of one of the house's names."""
    low = name.lower()
    if not low.startswith("*."):
        return low in answers_to or low.endswith(".local")
    return any(one.partition(".")[2] == low[2:] for one in answers_to)


def _end_notes(leaf: x509.Certificate, now: datetime) -> list[str]:
    left_days = (leaf.not_valid_after_utc - now).days
    return [f"Your own certificate ends in {left_days} days."] if left_days < SOON_DAYS else []


def _read(path: str, which: Which) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise BadCertificate(f"The {which} {path} cannot be read: {error.strerror}.", which) from error
    except ValueError as error:  # a null character
        raise BadCertificate(f"The {which} {path!r} cannot be read: there is no such path.", which) from error
