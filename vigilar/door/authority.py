"""The house's own certificate authority: made once, its root key destroyed at once, leaves renewed by themselves.

A root signs one intermediate and its key is forgotten before anything is written. The intermediate may sign only for
the names of this house and for private addresses (RFC 5280, 4.2.1.10; critical), so whoever steals the box can never
make a certificate for a bank. Leaves hold the names and addresses of today, for 397 days, the most that browsers take
(CA/Browser Forum, Baseline Requirements 6.3.2; Apple takes 825 from authorities that people added).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vigilar.base.atomic import make_private_folder, write_atomic

ROOT, INTERMEDIATE, INTERMEDIATE_KEY = "root.crt", "intermediate.crt", "intermediate.key"

AUTHORITY_DAYS = 20 * 365
LEAF_DAYS = 397
RENEW_DAYS = 60
"""Renewed when so many are left: a house that is switched off for a winter comes back with a certificate that holds."""

OLDEST_NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""A box without a clock battery may believe that it is 1970; nothing here was made before this was written."""

HOUSE_NAMES = ("vigilar.local", "vigilar.home.arpa")
"""The first is found by multicast (RFC 6762), the second is for whoever runs a name server at home (RFC 8375)."""

PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15",
        "fc00::/7", "fe80::/10", "::1/128", "2001:db8::/32",
    )
)  # fmt: skip
"""For which a leaf may be made: addresses that lead nowhere on the internet (RFC 6890; the second line: laboratories).
Of any other somebody else may be the owner tomorrow."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Authority:
    """What is left of it: the root that people trust, and who signs."""

    root: x509.Certificate
    intermediate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def permits(self, name: str) -> bool:
        """Whether the intermediate may sign for that host name."""
        found = self.intermediate.extensions.get_extension_for_class(x509.NameConstraints).value
        allowed = [one.value for one in found.permitted_subtrees or () if isinstance(one, x509.DNSName)]
        return any(name == one or name.endswith(f".{one}") for one in allowed)


def load_or_create_authority(folder: Path, names: Collection[str], now: datetime) -> Authority:
    """The authority in ``folder``; a new one, which may sign for HOUSE_NAMES and ``names``, if there is none.

    Raises OSError, ValueError for files that are no certificates.
    """
    try:
        key = serialization.load_pem_private_key((folder / INTERMEDIATE_KEY).read_bytes(), None)
        root = x509.load_pem_x509_certificate((folder / ROOT).read_bytes())
        intermediate = x509.load_pem_x509_certificate((folder / INTERMEDIATE).read_bytes())
    except FileNotFoundError:
        return _create(folder, names, now)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / INTERMEDIATE_KEY} is no key of Vigilar")
    return Authority(root, intermediate, key)


def issue_leaf(authority: Authority, names: Collection[str], addresses: Collection[Address], now: datetime) -> bytes:
    """Key, certificate and intermediate as PEM, for private addresses and those names that may be signed for."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder("Vigilar", authority.intermediate.subject, key, now, LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName(_alternatives(authority, names, addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_data=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_issuer_id(authority.intermediate), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _dump_key(key) + _dump(certificate) + _dump(authority.intermediate)


def alternatives_of(certificate: x509.Certificate) -> tuple[frozenset[str], frozenset[Address]]:
    """The names and addresses a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(), frozenset()
    addresses = (one for one in found.get_values_for_type(x509.IPAddress) if isinstance(one, Address))
    return frozenset(found.get_values_for_type(x509.DNSName)), frozenset(addresses)


def covered(
    authority: Authority, names: Collection[str], addresses: Collection[Address]
) -> tuple[frozenset[str], frozenset[Address]]:
    """Those names and addresses for which this house may make a certificate."""
    good_names = frozenset(one for one in names if authority.permits(one))
    return good_names, frozenset(one for one in addresses if is_private(one))


def is_private(address: Address) -> bool:
    return any(address in network for network in PRIVATE_NETWORKS if network.version == address.version)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as people compare it: pairs with colons, as phones show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _create(folder: Path, names: Collection[str], now: datetime) -> Authority:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = max(now, OLDEST_NOW)
    root_name = _name("Vigilar of this house")
    root = (
        _builder("Vigilar of this house", root_name, root_key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    intermediate = (
        _builder("Vigilar of this house, signer", root_name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(_permitted(names), None), critical=True)
        .add_extension(_issuer_id(root), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    del root_key  # it was never written, and from here on nobody has it
    make_private_folder(folder)
    # The key last: without it all three are made anew.
    for name, data in ((ROOT, _dump(root)), (INTERMEDIATE, _dump(intermediate)), (INTERMEDIATE_KEY, _dump_key(key))):
        write_atomic(folder / name, data)
    return Authority(root, intermediate, key)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    """Valid from a day ago: the clocks of a house differ."""
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days - 1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _permitted(names: Collection[str]) -> list[x509.GeneralName]:
    wanted = dict.fromkeys((*HOUSE_NAMES, "localhost", *names))
    return [*map(x509.DNSName, wanted), *map(x509.IPAddress, PRIVATE_NETWORKS)]


def _alternatives(
    authority: Authority, names: Collection[str], addresses: Collection[Address]
) -> Sequence[x509.GeneralName]:
    good_names, good_addresses = covered(authority, names, addresses)
    return [
        *map(x509.DNSName, sorted(good_names)),
        *map(x509.IPAddress, sorted(good_addresses, key=lambda one: (one.version, int(one)))),
    ]


def _usage(*, signs_certificates: bool = False, signs_data: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _dump(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _dump_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
