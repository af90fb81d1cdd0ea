"""Moving a file to the newest key epoch without touching its records.

Two writes of the one header sector, each durable before the next: add the new slot, then empty the old epochs'
slots. A file opens at every point between, and doing it again finishes what was begun.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.vge.crypto import FileKeys
from vigilar.vge.format import EMPTY_SLOT, KeySlot, SlotType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.output import hold_alone, write_at


def rewrap_file(path: Path, ring: KeyRing, *, allow_test_files: bool = False) -> bool:
    """Wrap the file key of ``path`` under the newest epoch alone; a recovery slot stays. False if it was so already.

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


def add_newest(header: Header, ring: KeyRing, file_key: bytes) -> Header:
    """The header with a slot of the newest epoch; the same header if it has one."""
    newest = ring.newest()
    if any(_is_under(slot, newest.key_id) for slot in header.slots):
        return header
    free = next((at for at, slot in enumerate(header.slots) if slot.type == SlotType.EMPTY), None)
    if free is None:
        raise RecordingError("All key slots of this recording are taken", code="vge.slots")
    slots = list(header.slots)
    slots[free] = ring.wrap(file_key)[0]
    return replace(header, slots=tuple(slots))


def drop_older(header: Header, ring: KeyRing) -> Header:
    """The header without slots of other epochs than the newest."""
    key_id = ring.newest().key_id
    slots = (EMPTY_SLOT if slot.type == SlotType.EPOCH and slot.key_id != key_id else slot for slot in header.slots)
    return replace(header, slots=tuple(slots))


def _is_under(slot: KeySlot, key_id: bytes) -> bool:
    return slot.type == SlotType.EPOCH and slot.key_id == key_id


def _move(fd: int, header: Header, keys: FileKeys, ring: KeyRing) -> bool:
    added = add_newest(header, ring, keys.file_key)
    cleared = drop_older(added, ring)
    for before, after in ((header, added), (added, cleared)):
        if after != before:
            write_at(fd, after.dump(keys), 0)
            os.fsync(fd)
    return cleared != header
