"""Which certificate the door shows: the owner's own if there is one, else the house's, renewed by itself.

``serving.pem`` is what HAProxy reads. Made at the start, before HAProxy; looked after by the web process, which hands a
new one to the running HAProxy.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.door.authority import (
    HOUSE_NAMES,
    LEAF_DAYS,
    RENEW_DAYS,
    Address,
    Authority,
    alternatives_of,
    covered,
    fingerprint,
    issue_leaf,
    load_or_create_authority,
)
from vigilar.door.own_certificate import BadCertificate, OwnCertificate, check_own, read_own
from vigilar.door.places import certificates_dir, serving_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateWish:
    """What the settings say. ``names`` are those of ``[web] names``; ``certificate`` and ``key`` are files of the
    owner's, empty for the house's own."""

    secrets_dir: Path
    names: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class CertificateState:
    """What is shown, and what people should know of it. ``is_own``: it is the owner's. ``state`` is ok, warn or bad."""

    state: str
    sentence: str
    is_own: bool = False
    ends_ms: int = 0
    names: tuple[str, ...] = ()


def ensure_certificate(
    wish: CertificateWish, now: datetime, find_addresses: Callable[[], Collection[Address]] | None = None
) -> tuple[CertificateState, bool]:
    """Have the right certificate in ``serving.pem``; its state, and whether it is a new one. Raises OSError.

    When the owner's own cannot be used, the house's is shown, and the state says why.
    """
    try:
        own = (
            check_own(read_own(wish.certificate, wish.key), now, house_names(wish.names)) if wish.certificate else None
        )
    except BadCertificate as error:
        state, is_new = _ensure_house(wish, now, find_addresses or own_addresses)
        return CertificateState("bad", f"{error} The house's own certificate is shown.", False, state.ends_ms), is_new
    if own is None:
        return _ensure_house(wish, now, find_addresses or own_addresses)
    return own_state(own), _put(wish.secrets_dir, own.pem)


def read_state(secrets_dir: Path) -> CertificateState | None:
    """What the door shows, for who only looks; None when there is nothing to show. Raises nothing."""
    certificate = _read_serving(secrets_dir)
    if certificate is None:
        return None
    names, addresses = alternatives_of(certificate)
    ends_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
    shown = tuple(sorted([*names, *map(str, addresses)]))
    return CertificateState("ok", "The certificate of the pages.", False, ends_ms, shown)


def own_addresses() -> set[Address]:
    """The addresses this machine has now, loopback included."""
    found: set[Address] = set()
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            text = one.ip if isinstance(one.ip, str) else one.ip[0]
            found.add(ipaddress.ip_address(text.partition("%")[0]))
    return found


def own_names(names: Collection[str]) -> tuple[str, ...]:
    """By what this machine may be called."""
    host = socket.gethostname().lower().rstrip(".")
    bare = host.partition(".")[0]
    all_names = (*HOUSE_NAMES, "localhost", host, f"{bare}.local", *(name.lower() for name in names))
    return tuple(dict.fromkeys(name for name in all_names if name and not _is_address(name)))


def load_house_authority(wish: CertificateWish, now: datetime) -> Authority:
    """Raises OSError, ValueError."""
    return load_or_create_authority(certificates_dir(wish.secrets_dir), own_names(wish.names), now)


def house_fingerprint(wish: CertificateWish, now: datetime) -> str:
    """Of the root that people trust. Raises OSError, ValueError."""
    return fingerprint(load_house_authority(wish, now).root)


def _ensure_house(
    wish: CertificateWish, now: datetime, find_addresses: Callable[[], Collection[Address]]
) -> tuple[CertificateState, bool]:
    authority = load_house_authority(wish, now)
    names, addresses = covered(authority, own_names(wish.names), find_addresses())
    certificate = _read_serving(wish.secrets_dir)
    is_new = certificate is None or not _holds(certificate, authority, names, addresses, now)
    if is_new:
        _put(wish.secrets_dir, issue_leaf(authority, names, addresses, now))
        certificate = _read_serving(wish.secrets_dir)
        logger.info("made a certificate for %s", ", ".join([*sorted(names), *map(str, sorted(map(str, addresses)))]))
    assert certificate is not None  # noqa: S101 -- it was just written
    left_out = [name for name in wish.names if not _is_address(name) and not authority.permits(name.lower())]
    ends_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
    if left_out:
        sentence = (
            f"The house's certificate cannot name {', '.join(left_out)}: it was allowed its names when it was made. "
            "Give Vigilar a certificate of your own for it, or make the house's anew: vigilar certificate renew --all."
        )
        return CertificateState("warn", sentence, False, ends_ms, tuple(sorted(names))), is_new
    sentence = f"The house's own certificate; renewed by itself, at the latest {RENEW_DAYS} days before its end."
    return CertificateState("ok", sentence, False, ends_ms, tuple(sorted(names))), is_new


def _holds(
    certificate: x509.Certificate,
    authority: Authority,
    names: frozenset[str],
    addresses: frozenset[Address],
    now: datetime,
) -> bool:
    """Whether it is this authority's, for just these names and addresses, and for long enough."""
    try:
        certificate.verify_directly_issued_by(authority.intermediate)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):  # as its documentation says
        return False
    left = certificate.not_valid_after_utc - now
    if not timedelta(days=RENEW_DAYS) < left <= timedelta(days=LEAF_DAYS) or certificate.not_valid_before_utc > now:
        return False
    return alternatives_of(certificate) == (names, addresses)


def own_state(own: OwnCertificate) -> CertificateState:
    """What is said of a certificate of the owner's while it is shown."""
    names, addresses = alternatives_of(own.certificate)
    ends_ms = int(own.certificate.not_valid_after_utc.timestamp() * 1000)
    known = tuple(sorted([*names, *map(str, addresses)]))
    if own.notes:
        return CertificateState("warn", " ".join(own.notes), True, ends_ms, known)
    return CertificateState("ok", "Your own certificate.", True, ends_ms, known)


def house_names(names: Collection[str]) -> frozenset[str]:
    """By which names the pages may be asked for, lower case; ``names`` are those of ``[web] names``."""
    return frozenset(name.lower().rstrip(".") for name in (*names, socket.gethostname(), *HOUSE_NAMES, "localhost"))


def _read_serving(secrets_dir: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(serving_file(secrets_dir).read_bytes())[0]
    except (OSError, ValueError, IndexError):
        return None


def _put(secrets_dir: Path, pem: bytes) -> bool:
    """Whether it was another one."""
    path = serving_file(secrets_dir)
    make_private_folder(path.parent)
    if path.exists() and path.read_bytes() == pem:
        return False
    write_atomic(path, pem)
    return True


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def utc_now() -> datetime:
    return datetime.now(UTC)
