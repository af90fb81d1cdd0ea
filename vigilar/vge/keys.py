"""The box's recording keys: one 32-byte key per epoch, each in a file of its own in the secrets folder.

Beside them, once there is a recovery sheet, its public half (``recovery-sheet``) and the recovery keys made from it
(``recovery-key-0001``: key, public half of the pair of one use, and sheet id, a line of hex each): see ``recovery``.

File ``recording-key-0001`` (epoch 1): 64 hex digits and a newline, mode 0600. The key id is computed from the key,
so a renamed or exchanged file can never be taken for another key. Deleting a file erases all recordings of its epoch.

With a key lock (``key-lock``: ``key_lock``, ``key_store``) none of this lies there in clear: each file is sealed as
``recording-key-0001.sealed``, and while the house is unlocked the clear ones lie in a folder of memory alone. While it
is locked, that folder holds a *start key* (``start-key-0001``, as an epoch's file, its epoch is 0): what is recorded
until somebody unlocks the house is under it.
"""

from __future__ import annotations

import os
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

EPOCH_NAME = re.compile(r"recording-key-(\d{4,})")
RECOVERY_NAME = re.compile(r"recovery-key-(\d{4,})")
START_NAME = re.compile(r"start-key-(\d{4,})")

SEALED = ".sealed"
"""Ending of the name of a sealed key file."""

LOCK_FILE = "key-lock"
"""There when the keys are sealed. Whoever puts it there or takes it away does so when all else is ready."""

MEMORY = Path("/dev/shm")  # noqa: S108 -- shared memory (shm_overview(7)): gone when the machine is without power
"""Where the clear keys of a house with a key lock lie."""

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
        self,
        epochs: Iterable[EpochKey],
        recovery: EpochKey | None = None,
        older: Iterable[EpochKey] = (),
        *,
        is_locked: bool = False,
    ) -> None:
        """``is_locked``: the house is, and only what was recorded since its start can be opened."""
        self._epochs = tuple(sorted(epochs, key=lambda one: one.epoch))
        self.recovery = recovery
        self.is_locked = is_locked
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
        """All keys of the house whose secrets lie in ``secrets_dir``.

        Raises RecordingError with exit code LOCKED: permanent if there is no key, denied if others could read one or if
        the house is locked and has not started since, corrupt if a file holds no key.
        """
        files = _find_key_files(secrets_dir)
        with file_errors("read the keys in", secrets_dir):
            epochs = [load_key(path, 0) for _, path in files.starts]
            epochs += [load_key(path, number) for number, path in files.epochs]
        recovery = [_load_recovery(path, number) for number, path in files.recovery]
        sheet = load_sheet_id(secrets_dir)
        newest = next((one for one in reversed(recovery) if one.sheet_id == sheet), None)
        return cls(epochs, newest, recovery, is_locked=files.is_locked)

    @classmethod
    def load_newest(cls, secrets_dir: Path) -> KeyRing:
        """What a new file is written under, and nothing else: the newest epoch's key (of a locked house the start key)
        and the recovery key of the sheet that counts. No other key's file is opened, but for recovery keys newer than
        that one. For who writes only. Raises as ``load``."""
        files = _find_key_files(secrets_dir)
        with file_errors("read the newest key in", secrets_dir):
            number, path = files.epochs[-1] if files.epochs else (0, files.starts[-1][1])
            newest = load_key(path, number)
        sheet = load_sheet_id(secrets_dir)
        found = (_load_recovery(path, number) for number, path in reversed(files.recovery) if sheet is not None)
        return cls([newest], next((one for one in found if one.sheet_id == sheet), None), is_locked=files.is_locked)

    @classmethod
    def load_or_create(cls, secrets_dir: Path) -> KeyRing:
        """As ``load``, but makes the folder (0700) and epoch 1 at the very first start.

        Called by the one process that holds the data folder's lock, so two first keys cannot race.
        """
        with file_errors("make a recording key in", secrets_dir):
            make_private_folder(secrets_dir)
            if not has_key_lock(secrets_dir) and not any(EPOCH_NAME.fullmatch(p.name) for p in secrets_dir.iterdir()):
                write_atomic(secrets_dir / "recording-key-0001", secrets.token_hex(32).encode() + b"\n")
        return cls.load(secrets_dir)


@dataclass(frozen=True, slots=True)
class _KeyFiles:
    """The clear key files of a house with their numbers, each kind oldest first; there is an epoch or a start key."""

    epochs: list[tuple[int, Path]]
    starts: list[tuple[int, Path]]
    recovery: list[tuple[int, Path]]
    is_locked: bool


def _find_key_files(secrets_dir: Path) -> _KeyFiles:
    """Where keys are read from, by their names alone. Raises RecordingError when there is none."""
    is_sealed = has_key_lock(secrets_dir)
    folder = memory_folder(secrets_dir) if is_sealed else secrets_dir
    with file_errors("read the keys in", folder):
        paths = list(folder.iterdir()) if folder.is_dir() else []
        if is_sealed and paths:
            _check_owner(folder, secrets_dir)
    epochs, starts, recovery = (
        sorted((int(match[1]), path) for path in paths if (match := name.fullmatch(path.name)) is not None)
        for name in (EPOCH_NAME, START_NAME, RECOVERY_NAME)
    )
    if not epochs and not starts:
        none_there = _locked(f"There is no recording key in {secrets_dir}", ErrorKind.PERMANENT)
        raise locked_house() if is_sealed else none_there
    return _KeyFiles(epochs, starts, recovery, is_sealed and is_house_locked(secrets_dir))


def has_key_lock(secrets_dir: Path) -> bool:
    """Whether the keys of this house are sealed by a passphrase or a stick."""
    return (secrets_dir / LOCK_FILE).exists()


def memory_folder(secrets_dir: Path) -> Path:
    """Where the clear keys lie while a house with a key lock is unlocked. Touches no disk but to resolve the name."""
    name = sha256(os.fsencode(secrets_dir.resolve())).hexdigest()[:24]
    return MEMORY / f"vigilar-keys-{name}"


def is_house_locked(secrets_dir: Path) -> bool:
    """Whether there is a key lock and nobody has opened it since the machine came up.

    It is open while the oldest of its epochs lies in memory: unlocking puts that one there last, and locking takes it
    away first (``key_store``), so what was broken off in between is locked, and is done again.
    """
    if not has_key_lock(secrets_dir):
        return False
    folder = memory_folder(secrets_dir)
    with file_errors("read the keys in", folder):
        clear = (
            {path.name for path in folder.iterdir() if EPOCH_NAME.fullmatch(path.name)} if folder.is_dir() else set()
        )
        sealed = [path.name.removesuffix(SEALED) for path in secrets_dir.iterdir() if path.name.endswith(SEALED)]
    oldest = min((one for one in sealed if EPOCH_NAME.fullmatch(one)), key=number_of, default=None)
    return not clear if oldest is None else oldest not in clear


def number_of(name: str) -> int:
    """The number in the name of a key file, without the ending: of an epoch, itself."""
    return int(name.rpartition("-")[2])


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


def _check_owner(folder: Path, secrets_dir: Path) -> None:
    """Anybody may make folders where memory is: one that is not the house's own is not believed."""
    made = folder.stat()
    if made.st_uid not in (0, secrets_dir.stat().st_uid) or made.st_mode & 0o077:
        raise _locked(f"The folder {folder} was not made by this house", ErrorKind.DENIED)


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


def load_key(path: Path, epoch: int) -> EpochKey:
    """The key in a file of 64 hex digits. Raises RecordingError: denied or corrupt; OSError."""
    if path.stat().st_mode & _FORBIDDEN_BITS:
        raise _locked(f"The key file {path} can be read by others; its mode must be 0600", ErrorKind.DENIED)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise _locked(f"The key file {path} does not hold 64 hex digits", ErrorKind.CORRUPT)
    return EpochKey.of(epoch, key)


LOCKED_SENTENCE = "The recordings are locked"
UNLOCK_STEP = "Put the key stick in, or give the passphrase: on the page under System, Keys, or vigilar keys unlock"


def locked_house() -> RecordingError:
    """The error of who needs a key that is sealed."""
    return RecordingError(
        LOCKED_SENTENCE,
        kind=ErrorKind.DENIED,
        code="vge.locked",
        next_step=UNLOCK_STEP,
        exit_code=ExitCode.LOCKED,
    )


def _locked(sentence: str, kind: ErrorKind) -> RecordingError:
    return RecordingError(
        sentence,
        kind=kind,
        code="vge.keys",
        next_step="Put the key file back from your backup, owned by the user of Vigilar, mode 0600.",
        exit_code=ExitCode.LOCKED,
    )
