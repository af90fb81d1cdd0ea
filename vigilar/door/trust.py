"""What a phone or a computer takes to trust the house: its root certificate, in the forms that systems install."""

from __future__ import annotations

import plistlib
import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from vigilar.door.authority import ROOT, fingerprint
from vigilar.door.places import certificates_dir


@dataclass(frozen=True, slots=True)
class HouseRoot:
    """The root certificate as DER, and its SHA-256 as people compare it."""

    der: bytes
    fingerprint: str

    @property
    def pem(self) -> str:
        """As programs read it from a file."""
        return ssl.DER_cert_to_PEM_cert(self.der)

    @property
    def short(self) -> str:
        """The beginning of the fingerprint: enough to compare by eye."""
        return self.fingerprint[:23]


def find_root(secrets_dir: Path) -> HouseRoot | None:
    """None when the house has none that can be read."""
    try:
        root = x509.load_pem_x509_certificate((certificates_dir(secrets_dir) / ROOT).read_bytes())
    except (OSError, ValueError):
        return None
    return HouseRoot(root.public_bytes(serialization.Encoding.DER), fingerprint(root))


def apple_profile(root: HouseRoot, house_name: str) -> bytes:
    """A configuration profile that installs the root (Apple: Configuration Profile Reference,
    ``com.apple.security.root``). The same root gives the same profile, so that a second one replaces the first."""
    identity = uuid.uuid5(uuid.NAMESPACE_OID, root.fingerprint)
    inner = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"home.vigilar.root.{identity}",
        "PayloadUUID": str(uuid.uuid5(identity, "root")).upper(),
        "PayloadDisplayName": f"Vigilar, {house_name}",
        "PayloadCertificateFileName": "vigilar.cer",
        "PayloadContent": root.der,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"home.vigilar.{identity}",
        "PayloadUUID": str(identity).upper(),
        "PayloadDisplayName": f"Vigilar, {house_name}",
        "PayloadDescription": "Lets this device trust the pages of your own house, and nothing else.",
        "PayloadContent": [inner],
    }
    return plistlib.dumps(profile)
