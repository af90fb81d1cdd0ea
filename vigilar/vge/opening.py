"""From 512 bytes and a key ring to a proved header and the keys of the file. Reasons: ``docs/format-vge.md`` 7."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.crypto import FileKeys, unwrap_file_key
from vigilar.vge.format import (
    CORE_BYTES,
    EMPTY_SLOT,
    HEADER_BYTES,
    MAC_END,
    MAGIC,
    SLOT_BYTES,
    SLOT_COUNT,
    SLOTS_END,
    CoreFlag,
    FileCore,
    KeySlot,
    SlotType,
    check_keyless,
    damaged_header,
    dump_variable_part,
    rejection,
)
from vigilar.vge.keys import UNLOCK_STEP, KeyRing

LOCKED_CODES = frozenset({"vge.key-missing", "vge.key-wrong", "vge.locked"})
"""Codes of errors that say nothing about the file, only that no key here opens it."""

_OPENABLE = (SlotType.EPOCH, SlotType.RECOVERY)


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it stands in the file: the core's own bytes, what they say, and the key slots."""

    core_bytes: bytes
    core: FileCore
    slots: tuple[KeySlot, ...]

    def dump(self, keys: FileKeys) -> bytes:
        """The 512 bytes, with MAC and CRC made anew."""
        slots = b"".join(slot.dump() for slot in self.slots)
        return dump_variable_part(self.core_bytes, slots, keys.header_mac(self.core_bytes + slots))


def make_header(core: FileCore, slots: list[KeySlot]) -> Header:
    """A header with ``slots`` first and the rest of the four empty."""
    return Header(core.dump(), core, (*slots, *[EMPTY_SLOT] * (SLOT_COUNT - len(slots))))


def open_header(
    fd: int, ring: KeyRing, *, allow_test_files: bool = False, is_crc_checked: bool = True
) -> tuple[Header, FileKeys]:
    """Read, unlock and prove the header of an open file.

    Raises RecordingError whose code is the reason and whose message is the sentence for a person. Test files are
    made with known randomness, so they protect nothing: only tests allow them. Without ``is_crc_checked`` the MAC alone
    decides, which proves more and takes a third of the time; playback opens hundreds of files for a day.
    """
    # A pipe or a folder has no first byte to look at.
    data = os.pread(fd, HEADER_BYTES, 0) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    if not data.startswith(MAGIC):
        raise rejection("not-a-recording", "Not a Vigilar recording")
    if len(data) < HEADER_BYTES:
        raise rejection("header-short", "Not a whole Vigilar recording: it ends inside its header", ErrorKind.CORRUPT)
    core = FileCore.parse(data[:CORE_BYTES])
    if is_crc_checked:
        check_keyless(data)
    slots = tuple(KeySlot.parse(data[at : at + SLOT_BYTES]) for at in range(CORE_BYTES, SLOTS_END, SLOT_BYTES))
    try:
        keys = _unlock(data, slots, ring)
    except RecordingError as error:
        if error.kind is ErrorKind.DENIED:
            check_keyless(data)  # a slot that is damaged names a key that there never was
        raise
    if CoreFlag.TEST_FILE in core.flags and not allow_test_files:
        raise rejection("test-file", "A test file made with known randomness, not a recording")
    return Header(data[:CORE_BYTES], core, slots), keys


def read_unproved_core(fd: int) -> FileCore:
    """What a file says it is, as anybody may have written it: for who has no key that would prove it. Raises
    RecordingError."""
    data = os.pread(fd, HEADER_BYTES, 0)
    if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
        raise rejection("not-a-recording", "Not a Vigilar recording")
    check_keyless(data)
    return FileCore.parse(data[:CORE_BYTES])


def locked_recording() -> RecordingError:
    """The error of a file from before the start of a house that is locked."""
    return RecordingError(
        "This recording is locked since the restart",
        kind=ErrorKind.DENIED,
        code="vge.locked",
        next_step=UNLOCK_STEP,
        exit_code=ExitCode.LOCKED,
    )


def _unlock(data: bytes, slots: tuple[KeySlot, ...], ring: KeyRing) -> FileKeys:
    """The keys behind the first slot the ring opens, once the header MAC agrees."""
    openable = [slot for slot in slots if slot.type in _OPENABLE]
    if not openable:
        raise rejection("no-slot", "This recording carries no key that could open it", ErrorKind.CORRUPT)
    held = [(slot, key) for slot in openable if (key := ring.find(slot.key_id))]
    if not held and ring.is_locked:
        raise locked_recording()
    if not held:
        key_id = openable[0].key_id.hex()[:8]
        raise rejection(
            "key-missing", f"The key for this recording is not on this box (key id {key_id}...)", ErrorKind.DENIED
        )
    for slot, key in held:
        file_key = unwrap_file_key(slot, key.key)
        if file_key is None:
            continue
        keys = FileKeys(file_key, data[:CORE_BYTES])
        if keys.header_mac(data[:SLOTS_END]) != data[SLOTS_END:MAC_END]:
            raise damaged_header()
        return keys
    key_id = held[0][0].key_id.hex()[:8]
    raise rejection(
        "key-wrong", f"The key on this box does not open this recording (key id {key_id}...)", ErrorKind.DENIED
    )
