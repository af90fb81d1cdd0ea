"""Moving files to the newest key epoch and recovery key without touching their records.

Two writes of the one header sector, each durable before the next: add the slot of the newest epoch, then leave only
what a new file would have. A file opens at every point between, and doing it again finishes what was begun.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.crypto import FileKeys
from vigilar.vge.format import EMPTY_SLOT, SLOT_COUNT, KeySlot, SlotType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.output import hold_alone, write_at

THREADS = 16
"""Files moved side by side: each waits for the disk twice, and a file system makes many durable at the cost of one."""

_OF_SHEET = (SlotType.RECOVERY, SlotType.SHEET)


@dataclass(slots=True)
class Moved:
    """What became of many files: ``already`` were as they should be, ``busy`` are being written, ``failed`` say why."""

    moved: int = 0
    already: int = 0
    busy: int = 0
    failed: list[tuple[Path, RecordingError]] = field(default_factory=list)

    @property
    def looked_at(self) -> int:
        return self.moved + self.already + self.busy + len(self.failed)


def rewrap_files(paths: Iterable[Path], ring: KeyRing, note: Callable[[Moved], None] = lambda _: None) -> Moved:
    """Move all of ``paths``; may be killed at any moment and done again. ``note`` is told of the progress. One thread
    calls it; files that go meanwhile are left out."""
    done = Moved()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="rewrap") as pool:
        running: dict[Future[bool], Path] = {}
        for path in paths:
            running[pool.submit(rewrap_file, path, ring)] = path
            if len(running) >= 4 * THREADS:
                _take_finished(running, done, note)
        while running:
            _take_finished(running, done, note)
    return done


def _take_finished(running: dict[Future[bool], Path], done: Moved, note: Callable[[Moved], None]) -> None:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        path = running.pop(future)
        try:
            if future.result():
                done.moved += 1
            else:
                done.already += 1
        except RecordingError as error:
            if error.exit_code is ExitCode.BUSY:
                done.busy += 1
            elif error.exit_code is not ExitCode.NOT_FOUND:
                done.failed.append((path, error))
    note(done)


def rewrap_file(path: Path, ring: KeyRing, *, allow_test_files: bool = False) -> bool:
    """Wrap the file key of ``path`` as a new file's would be. False if it was so already. Without a recovery key on the
    ring a recovery slot stays as it is.

    Raises RecordingError: no key on the ring opens the file, all four slots are taken, the file is being written, or
    what the system says.
    """
    with file_errors("rewrap", path):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            hold_alone(fd, path)
            header, keys = open_header(fd, ring, allow_test_files=allow_test_files)
            return _move(fd, header, keys, ring)
        finally:
            os.close(fd)


def is_moved(path: Path, ring: KeyRing) -> bool:
    """Whether a file is wrapped as a new one would be. Raises RecordingError as ``VgeReader.open``."""
    with file_errors("read", path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            header, keys = open_header(fd, ring)
        finally:
            os.close(fd)
    return header.slots == _wanted(header, ring, keys.file_key)


def _wanted(header: Header, ring: KeyRing, file_key: bytes) -> tuple[KeySlot, ...]:
    """The slots as they should be. Wrapping gives the same bytes each time (RFC 3394), so they can be compared."""
    slots = ring.wrap(file_key)
    if ring.recovery is None:
        slots += [slot for slot in header.slots if slot.type in _OF_SHEET]
    return _padded(slots)


def _with_newest(header: Header, ring: KeyRing, file_key: bytes) -> Header:
    """The header with a slot of the newest epoch, in the place of an empty one."""
    newest = ring.wrap(file_key)[0]
    if newest in header.slots:
        return header
    slots = [slot for slot in header.slots if slot.type != SlotType.EMPTY]
    if len(slots) == SLOT_COUNT:  # a move was broken off, and then came another epoch
        older = [slot for slot in slots if slot.type == SlotType.EPOCH and ring.find(slot.key_id)]
        if len(older) < 2:
            raise RecordingError(
                "All key slots of this recording are taken", kind=ErrorKind.PERMANENT, code="vge.slots"
            )
        slots.remove(min(older, key=lambda slot: slot.epoch))
    return replace(header, slots=_padded([*slots, newest]))


def _padded(slots: list[KeySlot]) -> tuple[KeySlot, ...]:
    return (*slots, *[EMPTY_SLOT] * (SLOT_COUNT - len(slots)))


def _move(fd: int, header: Header, keys: FileKeys, ring: KeyRing) -> bool:
    wanted = replace(header, slots=_wanted(header, ring, keys.file_key))
    if header == wanted:
        return False
    at = header
    for after in (_with_newest(header, ring, keys.file_key), wanted):
        if after != at:
            write_at(fd, after.dump(keys), 0)
            os.fsync(fd)
            at = after
    return True
