"""The box's recording keys: one 32-byte key per epoch, each in a file of its own in the secrets folder.

Beside them, once there is a recovery sheet, its public half (``recovery-sheet``) and the recovery keys made from it
(``recovery-key-0001``: key, public half of the pair of one use, and sheet id, a line of hex each): see ``recovery``.

File ``recording-key-0001`` (epoch 1): 64 hex digits and a newline, mode 0600. The key id is computed from the key,
so a renamed or exchanged file can never be taken for another key. Deleting a file erases all recordings of its epoch.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.crypto import wrap_file_key
from vigilar.vge.format import KeySlot, SlotType
from vigilar.vge.gate import file_errors

_FILE_NAME = re.compile(r"recording-key-(\d{4})")
_RECOVERY_NAME = re.compile(r"recovery-key-(\d{4})")
SHEET_FILE = "recovery-sheet"
"""Public half of the recovery sheet, and its id: a line of hex each."""

_FORBIDDEN_BITS = 0o177  # anything beyond reading and writing by the owner


@dataclass(frozen=True, slots=True, repr=False)
class EpochKey:
    """A wrapping key: ``key_id`` of 16 bytes, ``key`` of 32. Its repr does not show the key.

    A recovery key has what its sheet needs to make it again: ``ephemeral`` of 32 bytes, and the ``sheet_id`` of 16.
    """

    epoch: int
    key_id: bytes
    key: bytes
    ephemeral: bytes = b""
    sheet_id: bytes = bytes(16)

    def __repr__(self) -> str:
        return f"EpochKey(epoch={self.epoch}, key_id={self.key_id.hex()})"

    @classmethod
    def of(cls, epoch: int, key: bytes, ephemeral: bytes = b"", sheet_id: bytes = bytes(16)) -> EpochKey:
        """The key with its id, the first half of a hash of it."""
        return cls(epoch, sha256(b"vigilar.key-id|" + key).digest()[:16], key, ephemeral, sheet_id)


class KeyRing:
    """The wrapping keys this process holds. Immutable; safe to share between threads.

    ``recovery`` is the key that opens recordings without the box; when held, new files carry a slot for it too.
    ``older`` are recovery keys that open files and are not given to new ones.
    """

    def __init__(
        self, epochs: Iterable[EpochKey], recovery: EpochKey | None = None, older: Iterable[EpochKey] = ()
    ) -> None:
        self._epochs = tuple(sorted(epochs, key=lambda one: one.epoch))
        self.recovery = recovery
        held = (*self._epochs, *older) if recovery is None else (*self._epochs, *older, recovery)
        self._by_id = {one.key_id: one for one in held}

    @property
    def epochs(self) -> tuple[EpochKey, ...]:
        """The epochs held, oldest first."""
        return self._epochs

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
        recovery = self.recovery
        if recovery is not None:
            slots.append(wrap_file_key(SlotType.RECOVERY, 0, recovery.key_id, recovery.key, file_key))
            if recovery.ephemeral:
                slots.append(KeySlot(SlotType.SHEET, 0, recovery.sheet_id, recovery.ephemeral + bytes(8)))
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
            recovery = [_load_recovery(path, int(match[1])) for path in paths if (match := _match_recovery(path))]
        if not found:
            raise _locked(f"There is no recording key in {secrets_dir}", ErrorKind.PERMANENT)
        recovery.sort(key=lambda one: one.epoch)
        sheet = load_sheet_id(secrets_dir)
        newest = next((one for one in reversed(recovery) if one.sheet_id == sheet), None)
        return cls(found, newest, recovery)

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


def add_epoch(secrets_dir: Path) -> None:
    """Make the key of the next epoch; on the disk when this returns. Processes see it when they load the ring anew."""
    newest = max((int(match[1]) for path in secrets_dir.iterdir() if (match := _match(path))), default=0)
    path = secrets_dir / f"recording-key-{newest + 1:04d}"
    with file_errors("make a recording key in", secrets_dir):
        write_atomic(path, secrets.token_hex(32).encode() + b"\n")


def add_recovery_key(secrets_dir: Path, make: Callable[[int], EpochKey]) -> EpochKey:
    """Store the recovery key that ``make`` gives for the next number; on the disk when this returns."""
    newest = max((int(match[1]) for path in secrets_dir.iterdir() if (match := _match_recovery(path))), default=0)
    made = make(newest + 1)
    lines = (made.key, made.ephemeral, made.sheet_id)
    with file_errors("store a recovery key in", secrets_dir):
        write_atomic(
            secrets_dir / f"recovery-key-{newest + 1:04d}", "".join(f"{one.hex()}\n" for one in lines).encode()
        )
    return made


def save_sheet(secrets_dir: Path, public: bytes, sheet_id: bytes) -> None:
    """Keep the public half (32 bytes) of the recovery sheet that counts from now on."""
    with file_errors("store the recovery sheet's public half in", secrets_dir):
        write_atomic(secrets_dir / SHEET_FILE, f"{public.hex()}\n{sheet_id.hex()}\n".encode())


def load_sheet(secrets_dir: Path) -> bytes | None:
    """The public half of the sheet that counts, 32 bytes; None before there is one. Raises RecordingError."""
    found = _load_lines(secrets_dir / SHEET_FILE, (32, 16))
    return None if found is None else found[0]


def load_sheet_id(secrets_dir: Path) -> bytes | None:
    """The id of the sheet that counts, 16 bytes; None before there is one. Raises RecordingError."""
    found = _load_lines(secrets_dir / SHEET_FILE, (32, 16))
    return None if found is None else found[1]


def _match_recovery(path: Path) -> re.Match[str] | None:
    return _RECOVERY_NAME.fullmatch(path.name)


def _load_recovery(path: Path, number: int) -> EpochKey:
    found = _load_lines(path, (32, 32, 16))
    if found is None:
        raise _locked(f"The key file {path} has gone", ErrorKind.TRANSIENT)
    return EpochKey.of(number, *found)


def _load_lines(path: Path, sizes: tuple[int, ...]) -> list[bytes] | None:
    """The lines of hex in a file of ours; None without the file."""
    with file_errors("read", path):
        if not path.exists():
            return None
        if path.stat().st_mode & _FORBIDDEN_BITS:
            raise _locked(f"The key file {path} can be read by others; its mode must be 0600", ErrorKind.DENIED)
        text = path.read_text(encoding="ascii", errors="replace")
    try:
        found = [bytes.fromhex(line) for line in text.splitlines()]
    except ValueError:
        found = []
    if tuple(len(one) for one in found) != sizes:
        raise _locked(f"The key file {path} is damaged", ErrorKind.CORRUPT)
    return found


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
