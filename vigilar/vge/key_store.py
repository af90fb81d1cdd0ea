"""All that changes keys: the secrets folder, and the folder of memory where the clear keys of a locked-up house lie.

Invariants, true between any two steps, so that whatever is killed can be done again:

1. ``key-lock`` decides. While it is there, programs read the clear keys in memory and nothing else; without it, those
   in the secrets folder. It is written when memory holds all keys, and removed when the secrets folder does.
2. No clear file is removed from the secrets folder before its sealed twin is on the disk, and the other way round.
3. While ``key-lock`` is there, clear files in the secrets folder are left over from what was broken off. Each start and
   each unlocking seals them, for which no secret is needed.
4. A start key is on the disk, sealed, before anything is recorded under it.
5. While memory holds the oldest epoch it holds each key that anything was recorded under: what was killed while it
   unlocked or locked counts as locked, and is done again.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.base.file_system import find_file_system
from vigilar.vge.gate import file_errors
from vigilar.vge.key_lock import KeyLock, Opener, new_private, passphrase_opener, public_of, seal, unseal
from vigilar.vge.keys import (
    EPOCH_NAME,
    LOCK_FILE,
    MEMORY,
    RECOVERY_NAME,
    SEALED,
    START_NAME,
    EpochKey,
    KeyRing,
    is_house_locked,
    load_sheet,
    locked_house,
    memory_folder,
    number_of,
)
from vigilar.vge.recovery import make_recovery_key
from vigilar.vge.sticks import open_by_stick

_NAMES = (START_NAME, RECOVERY_NAME, EPOCH_NAME)
"""Of key files, in the order in which they are put into memory, those of higher numbers first: with the last, the
oldest epoch, the house is unlocked, and what is recorded meanwhile is under the newest. They are taken away in the
opposite order."""

_START_RECOVERY = "recovery-key-0000"
"""The recovery key of a start key, in memory only: the sheet makes it again from the files."""

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


# What everybody asks


def load_lock(secrets_dir: Path) -> KeyLock | None:
    """The key lock of the house; None when its keys are not sealed. Raises RecordingError."""
    path = secrets_dir / LOCK_FILE
    with file_errors("read", path):
        try:
            return KeyLock.parse(path.read_bytes())
        except FileNotFoundError:
            return None


def prepare_keys(secrets_dir: Path) -> KeyRing:
    """What a start of the house does: the first key of all; or, with a key lock, unlock by a stick that is there, else
    make a start key to record under. Called by who holds the data folder's lock. Raises RecordingError."""
    lock = load_lock(secrets_dir)
    if lock is None:
        ring = KeyRing.load_or_create(secrets_dir)
        _drop_twins(secrets_dir)
        return ring
    _seal_leftovers(secrets_dir, lock)
    if is_house_locked(secrets_dir) and not unlock_by_stick(secrets_dir):
        _ensure_start_key(secrets_dir, lock)
    return KeyRing.load(secrets_dir)


# Opening and locking


def unlock_by_stick(secrets_dir: Path) -> bool:
    """Unlock the house if a stick of it is there. Raises RecordingError."""
    lock = load_lock(secrets_dir)
    private = None if lock is None else open_by_stick(lock)
    if private is None:
        return False
    unlock(secrets_dir, private)
    return True


def unlock(secrets_dir: Path, private: bytes) -> None:
    """Put all keys in clear into memory, where the running processes find them. Raises RecordingError."""
    lock = load_lock(secrets_dir)
    if lock is None:
        return
    _seal_leftovers(secrets_dir, lock)
    folder = _make_memory(secrets_dir)
    for name in _sealed_names(secrets_dir):
        _write(folder, name, _unsealed(secrets_dir, private, name))
    with file_errors("remove a key in", folder):
        (folder / _START_RECOVERY).unlink(missing_ok=True)


def lock_again(secrets_dir: Path) -> None:
    """Take the clear keys out of memory. Processes that run keep what they hold until they end."""
    lock = load_lock(secrets_dir)
    if lock is None:
        return
    _seal_leftovers(secrets_dir, lock)
    _empty_memory(secrets_dir)
    _ensure_start_key(secrets_dir, lock)


# Making and removing the lock


def set_passphrase(secrets_dir: Path, passphrase: str, private: bytes | None) -> None:
    """Lock the keys up by ``passphrase``, or replace the one there is: then ``private`` must be given."""
    add_opener(secrets_dir, lambda key: passphrase_opener(key, passphrase), private)


def add_opener(secrets_dir: Path, make_opener: Callable[[bytes], Opener], private: bytes | None) -> None:
    """Add a way to open the keys; with the first of them the keys are locked up. A passphrase replaces the one before.

    ``private`` is the private half of the lock there is. Killed at any point it may be done again. Raises
    RecordingError.
    """
    lock = load_lock(secrets_dir)
    if lock is None:
        _lock_up(secrets_dir, make_opener)
        return
    if private is None:
        raise locked_house()
    made = make_opener(private)
    kept = tuple(one for one in lock.openers if made.kind == "stick" or one.kind != made.kind)
    _write(secrets_dir, LOCK_FILE, KeyLock(lock.public, (*kept, made)).dump())


def remove_opener(secrets_dir: Path, opener_id: str, private: bytes) -> None:
    """Take a way to open the keys away. With the last the keys lie in clear in the secrets folder again."""
    lock = load_lock(secrets_dir)
    if lock is None:
        return
    left = lock.without(opener_id)
    if left.openers:
        _write(secrets_dir, LOCK_FILE, left.dump())
    else:
        _open_up(secrets_dir, private)


def _lock_up(secrets_dir: Path, make_opener: Callable[[bytes], Opener]) -> None:
    KeyRing.load(secrets_dir)  # there must be keys, and all of them readable
    _drop_twins(secrets_dir)
    if lost := list(_sealed_names(secrets_dir)):
        raise RecordingError(
            f"{lost[0]}{SEALED} was sealed by a key lock that is not there any more",
            code="vge.keys",
            next_step=f"Put {LOCK_FILE} back into {secrets_dir} from your backup, or move the file elsewhere.",
            exit_code=ExitCode.REFUSED,
        )
    private = new_private()
    opener = make_opener(private)  # refuses before anything is changed
    lock = KeyLock(public_of(private), (opener,))
    _empty_memory(secrets_dir)
    folder = _make_memory(secrets_dir)
    for name in _clear_names(secrets_dir):
        _write(folder, name, _read(secrets_dir / name))
    _write(secrets_dir, LOCK_FILE, lock.dump())
    # What lay in clear may be read from the disk for long; a key that never did comes with ``add_keys``.
    _seal_leftovers(secrets_dir, lock)


def _open_up(secrets_dir: Path, private: bytes) -> None:
    for name in _sealed_names(secrets_dir):
        _write(secrets_dir, name, _unsealed(secrets_dir, private, name))
    with file_errors("remove the key lock in", secrets_dir):
        (secrets_dir / LOCK_FILE).unlink()
        fsync_folder(secrets_dir)
    _drop_twins(secrets_dir)
    _empty_memory(secrets_dir)


def _seal_leftovers(secrets_dir: Path, lock: KeyLock) -> None:
    for name in list(_clear_names(secrets_dir)):
        clear, sealed = secrets_dir / name, name + SEALED
        if not (secrets_dir / sealed).exists():
            _write(secrets_dir, sealed, seal(lock.public, name, _read(clear)))
        with file_errors("remove", clear):
            clear.unlink()
            fsync_folder(secrets_dir)


def _drop_twins(secrets_dir: Path) -> None:
    """Without a lock: remove what is left over from one, sealed keys that lie there in clear as well. A later lock
    would take them for its own, and could not open them."""
    clear = set(_clear_names(secrets_dir))
    with file_errors("remove a key in", secrets_dir):
        for name in [name for name in _sealed_names(secrets_dir) if name in clear]:
            (secrets_dir / (name + SEALED)).unlink()
        fsync_folder(secrets_dir)


# New keys


def add_epoch(secrets_dir: Path) -> None:
    """Make the key of the next epoch; on the disk when this returns. Processes see it when they load the ring anew.
    Raises RecordingError: the house is locked, or what the system says."""
    _require_open(secrets_dir)
    number = _next_number(secrets_dir, EPOCH_NAME)
    _store(secrets_dir, f"recording-key-{number:04d}", secrets.token_hex(32).encode() + b"\n")


def add_recovery_key(secrets_dir: Path, make: Callable[[int], EpochKey]) -> EpochKey:
    """Store the recovery key that ``make`` gives for the next number; on the disk when this returns."""
    _require_open(secrets_dir)
    number = _next_number(secrets_dir, RECOVERY_NAME)
    made = make(number)
    _store(secrets_dir, f"recovery-key-{number:04d}", _dump_recovery(made))
    return made


def add_keys(secrets_dir: Path) -> None:
    """A new epoch, and the recovery key that belongs to it when there is a sheet: what a rotation begins with."""
    public = load_sheet(secrets_dir)
    if public is not None:
        add_recovery_key(secrets_dir, lambda number: make_recovery_key(public, number))
    add_epoch(secrets_dir)


def _ensure_start_key(secrets_dir: Path, lock: KeyLock) -> None:
    folder = _make_memory(secrets_dir)
    with file_errors("read the keys in", folder):
        if any(START_NAME.fullmatch(path.name) for path in folder.iterdir()):
            return  # a start after which the machine has not been without power
    name = f"start-key-{_next_number(secrets_dir, START_NAME):04d}"
    data = secrets.token_hex(32).encode() + b"\n"
    _write(secrets_dir, name + SEALED, seal(lock.public, name, data))
    public = load_sheet(secrets_dir)
    if public is not None:
        _write(folder, _START_RECOVERY, _dump_recovery(make_recovery_key(public, 0)))
    _write(folder, name, data)


def _store(secrets_dir: Path, name: str, data: bytes) -> None:
    """Sealed on the disk, then in memory; without a lock in clear on the disk."""
    lock = load_lock(secrets_dir)
    if lock is None:
        _write(secrets_dir, name, data)
        return
    _write(secrets_dir, name + SEALED, seal(lock.public, name, data))
    _write(memory_folder(secrets_dir), name, data)


def _require_open(secrets_dir: Path) -> None:
    if is_house_locked(secrets_dir):
        raise locked_house()


def _dump_recovery(key: EpochKey) -> bytes:
    return "".join(f"{one.hex()}\n" for one in (key.key, key.ephemeral, key.sheet_id)).encode()


# Files


def _next_number(secrets_dir: Path, pattern: re.Pattern[str]) -> int:
    with file_errors("read the keys in", secrets_dir):
        names = [path.name.removesuffix(SEALED) for path in secrets_dir.iterdir()]
    return 1 + max((int(match[1]) for name in names if (match := pattern.fullmatch(name))), default=0)


def _clear_names(secrets_dir: Path) -> Iterator[str]:
    return _in_order(secrets_dir, "")


def _sealed_names(secrets_dir: Path) -> Iterator[str]:
    """Of the keys that are sealed, without the ending."""
    return _in_order(secrets_dir, SEALED)


def _in_order(folder: Path, ending: str) -> Iterator[str]:
    with file_errors("read the keys in", folder):
        found = [path.name.removesuffix(ending) for path in folder.iterdir() if path.name.endswith(ending)]
    for pattern in _NAMES:
        yield from sorted((name for name in found if pattern.fullmatch(name)), key=number_of, reverse=True)


def _unsealed(secrets_dir: Path, private: bytes, name: str) -> bytes:
    return unseal(private, name, _read(secrets_dir / (name + SEALED)))


def _read(path: Path) -> bytes:
    with file_errors("read", path):
        return path.read_bytes()


def _write(folder: Path, name: str, data: bytes) -> None:
    """Root may do this for the user of Vigilar, whose the file then is."""
    path = folder / name
    with file_errors("write", path):
        write_atomic(path, data)
        if os.geteuid() == 0:
            owner = folder.stat()
            os.chown(path, owner.st_uid, owner.st_gid)


def _make_memory(secrets_dir: Path) -> Path:
    """The house's own folder in memory. Raises RecordingError when there is none that is memory only."""
    folder = memory_folder(secrets_dir)
    with file_errors("keep keys in", MEMORY):
        if find_file_system(MEMORY).kind not in _IN_MEMORY:
            raise RecordingError(
                f"{MEMORY} is not memory here, so keys in it would be on a disk",
                code="vge.keys",
                next_step=f"Mount a tmpfs at {MEMORY}, as every Linux system does.",
            )
        make_private_folder(folder)
        made, house = folder.stat(), secrets_dir.stat()
        if os.geteuid() == 0 and made.st_uid != house.st_uid:
            os.chown(folder, house.st_uid, house.st_gid)
        elif made.st_uid != os.geteuid():
            raise RecordingError(
                f"The folder {folder} belongs to somebody else",
                kind=ErrorKind.DENIED,
                code="vge.keys",
                next_step="Remove it, and look at who else is on this machine.",
                exit_code=ExitCode.LOCKED,
            )
    return folder


def _empty_memory(secrets_dir: Path) -> None:
    folder = memory_folder(secrets_dir)
    if not folder.is_dir():
        return
    with file_errors("remove the keys in", folder), suppress(FileNotFoundError):
        for name in reversed(list(_in_order(folder, ""))):
            (folder / name).unlink()
        for path in list(folder.iterdir()):  # a temporary file of what was killed
            path.unlink()
        folder.rmdir()
