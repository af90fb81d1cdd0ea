"""The box's signing key (Ed25519, RFC 8032): who holds its public half can tell what this box has stated.

File ``box-signing-key`` in the secrets folder: 64 hex digits and a newline, mode 0600. It signs checkpoints and
manifests, and opens no recording.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.gate import file_errors

FILE_NAME = "box-signing-key"
SIGNATURE_BYTES = 64


class BoxKey:
    """The key of this box. Any thread. Its repr does not show it."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        """32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    @classmethod
    def load_or_create(cls, secrets_dir: Path) -> BoxKey:
        """The key in ``secrets_dir``, made at the first call. Raises RecordingError: denied or corrupt."""
        path = secrets_dir / FILE_NAME
        with file_errors("make a signing key in", secrets_dir):
            make_private_folder(secrets_dir)
            if not path.exists():
                write_atomic(path, secrets.token_hex(32).encode() + b"\n")
        return cls.load(secrets_dir)

    @classmethod
    def load(cls, secrets_dir: Path) -> BoxKey:
        """The key in ``secrets_dir``. Raises RecordingError: not there, denied or corrupt."""
        path = secrets_dir / FILE_NAME
        with file_errors("read", path):
            text = path.read_text(encoding="ascii", errors="replace")
        try:
            seed = bytes.fromhex(text)
            return cls(seed)
        except ValueError as error:
            raise RecordingError(
                f"The key file {path} does not hold 64 hex digits",
                kind=ErrorKind.CORRUPT,
                code="vge.keys",
                next_step="Put the key file back from your backup.",
                exit_code=ExitCode.LOCKED,
            ) from error


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` over ``message`` is that of the key whose public half is ``public`` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
