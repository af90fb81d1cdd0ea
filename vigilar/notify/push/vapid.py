"""Who we are to a push service: RFC 8292. One key a house, made once; phones subscribe to it and to no other.

A house that loses the file must have every phone subscribe anew, so it is never replaced: one that cannot be read is
an error that people are told.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from vigilar.base.atomic import fsync_folder, make_private_folder
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.notify.push import base64url

KEY_FILE = "push-key.pem"

TOKEN_FOR_S = 12 * 3600
"""RFC 8292, 2: at most 24 hours ahead. Half of it, so that a clock that is a few hours wrong still works."""

SUBJECT = "mailto:vigilar@vigilar.invalid"
"""RFC 8292, 2.1 wants somebody to write to. A house has no such address to give away; the services ask for the form
(Apple refuses a token without one), and nobody can be found by this one."""


class VapidKey:
    """The house's key. Any thread."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    @property
    def public_text(self) -> str:
        """What a browser subscribes with (``applicationServerKey``): 65 bytes as base64url."""
        return base64url.encode(self.public)

    def authorization(self, origin: str, now_s: int, subject: str = SUBJECT) -> str:
        """The value of the header for the push service at ``origin`` (``https://host[:port]``)."""
        claims = {"aud": origin, "exp": now_s + TOKEN_FOR_S, "sub": subject}
        head = base64url.encode(_compact({"typ": "JWT", "alg": "ES256"}))
        signed = f"{head}.{base64url.encode(_compact(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        signature = base64url.encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))  # RFC 7518, 3.4
        return f"vapid t={signed}.{signature}, k={self.public_text}"


def load_or_create_key(secrets_dir: Path) -> VapidKey:
    """The key in ``secrets_dir``, made (0600) if there is none; of two who make it at once one wins.

    Raises VigilarError for a file that others may read, that cannot be read, or that holds no key, and on a disk that
    takes none.
    """
    path = secrets_dir / KEY_FILE
    try:
        return _load(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be read") from error
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        make_private_folder(secrets_dir)
        _put_once(path, pem)
        return _load(path)
    except OSError as error:
        raise VigilarError(
            f"The key for pushes cannot be stored: {error.strerror}.",
            kind=ErrorKind.TRANSIENT,
            next_step=f"Look at the folder {secrets_dir}; phones cannot be told before.",
        ) from error


def _load(path: Path) -> VapidKey:
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise _unreadable(path, "other users of this machine can read it", f"chmod 600 {path}")
        raw = file.read(4096)
    try:
        key = serialization.load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unreadable(path, "it is damaged") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unreadable(path, "it is a key of another kind")
    return VapidKey(key)


def _put_once(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, and never takes another's place: written aside, then linked."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    fsync_folder(path.parent)


def _unreadable(path: Path, why: str, next_step: str = "") -> VigilarError:
    return VigilarError(
        f"The key for pushes, {path}, is not usable: {why}.",
        kind=ErrorKind.DENIED,
        next_step=next_step or "Bring it back from a backup; with another key every phone must be added again.",
        exit_code=ExitCode.DENIED,
    )


def _compact(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
