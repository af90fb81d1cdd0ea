"""The box's recording keys: one 32-byte key per epoch, each in a file of its own in the secrets folder.

File ``recording-key-0001`` (epoch 1): 64 hex digits and a newline, mode 0600. The key id is computed from the key,
so a renamed or exchanged file can never be taken for another key. Deleting a file erases all recordings of its epoch.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.crypto import wrap_file_key
from vigilar.vge.format import KeySlot, SlotType
from vigilar.vge.gate import file_errors

_FILE_NAME = re.compile(r"recording-key-(\d{4})")
_FORBIDDEN_BITS = 0o177  # anything beyond reading and writing by the owner


@dataclass(frozen=True, slots=True, repr=False)
class EpochKey:
    """A wrapping key: ``key_id`` of 16 bytes, ``key`` of 32. Its repr does not show the key."""

    epoch: int
    key_id: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"EpochKey(epoch={self.epoch}, key_id={self.key_id.hex()})"

    @classmethod
    def of(cls, epoch: int, key: bytes) -> EpochKey:
        """The key with its id, the first half of a hash of it."""
        return cls(epoch, sha256(b"vigilar.key-id|" + key).digest()[:16], key)


class KeyRing:
    """The wrapping keys this process holds. Immutable; safe to share between threads.

    ``recovery`` is the key that opens recordings without the box; when held, new files carry a slot for it too.
    """

    def __init__(self, epochs: Iterable[EpochKey], recovery: EpochKey | None = None) -> None:
        self._epochs = tuple(sorted(epochs, key=lambda one: one.epoch))
        self._recovery = recovery
        held = self._epochs if recovery is None else (*self._epochs, recovery)
        self._by_id = {one.key_id: one for one in held}

    def newest(self) -> EpochKey:
        """The key that new files are written under. Raises RecordingError if the ring holds no epoch."""
        if not self._epochs:
            raise _locked("There is no recording key on this box", ErrorKind.PERMANENT)
        return self._epochs[-1]

    def find(self, key_id: bytes) -> EpochKey | None:
        """The key of that id, be it an epoch's or the recovery key."""
        return self._by_id.get(key_id)

    def wrap(self, file_key: bytes) -> list[KeySlot]:
        """The slots of a new file."""
        newest = self.newest()
        slots = [wrap_file_key(SlotType.EPOCH, newest.epoch, newest.key_id, newest.key, file_key)]
        if self._recovery is not None:
            slots.append(wrap_file_key(SlotType.RECOVERY, 0, self._recovery.key_id, self._recovery.key, file_key))
        return slots

    @classmethod
    def load(cls, secrets_dir: Path) -> KeyRing:
        """All epochs in ``secrets_dir``.

        Raises RecordingError with exit code LOCKED: permanent if there is no key, denied if others could read one,
        corrupt if a file holds no key.
        """
        with file_errors("read the keys in", secrets_dir):
            paths = list(secrets_dir.iterdir()) if secrets_dir.is_dir() else []
            found = [_load_key(path, int(match[1])) for path in paths if (match := _match(path))]
        if not found:
            raise _locked(f"There is no recording key in {secrets_dir}", ErrorKind.PERMANENT)
        return cls(found)

    @classmethod
    def load_or_create(cls, secrets_dir: Path) -> KeyRing:
        """As ``load``, but makes the folder (0700) and epoch 1 at the very first start.

        Called by the one process that holds the data folder's lock, so two first keys cannot race.
        """
        with file_errors("make a recording key in", secrets_dir):
            make_private_folder(secrets_dir)
            if not any(_match(path) for path in secrets_dir.iterdir()):
                write_atomic(secrets_dir / "recording-key-0001", secrets.token_hex(32).encode() + b"\n")
        return cls.load(secrets_dir)


def _match(path: Path) -> re.Match[str] | None:
    return _FILE_NAME.fullmatch(path.name)


def _load_key(path: Path, epoch: int) -> EpochKey:
    if path.stat().st_mode & _FORBIDDEN_BITS:
        raise _locked(f"The key file {path} can be read by others; its mode must be 0600", ErrorKind.DENIED)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise _locked(f"The key file {path} does not hold 64 hex digits", ErrorKind.CORRUPT)
    return EpochKey.of(epoch, key)


def _locked(sentence: str, kind: ErrorKind) -> RecordingError:
    return RecordingError(
        sentence,
        kind=kind,
        code="vge.keys",
        next_step="Put the key file back from your backup, owned by the user of Vigilar, mode 0600.",
        exit_code=ExitCode.LOCKED,
    )
