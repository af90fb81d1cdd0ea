"""What stands in the place of records that are not as they were written, so that all others still play.

An answer's length is promised before its records are read, and proving all of them first would take as long as sending
them. So nothing is proved in advance: where a record does not prove itself, a box ``free`` of the same length
(ISO/IEC 14496-12, 8.1.2) is sent, which every player skips. Length, byte ranges and all later times stay as they
were promised. What follows up to the next true keyframe cannot be drawn without it and is replaced in the same way. The
box says which time it stands for, so the gap is named in the saved file too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vigilar.base.errors import RecordingError
from vigilar.media.boxes import read_decode_times
from vigilar.playback.library import DAMAGED, Library
from vigilar.playback.pieces import in_pieces
from vigilar.playback.stretch import Stretch
from vigilar.store.files import FileRow
from vigilar.vge.reader import RecordEntry, damaged

_BOX_HEADER_BYTES = 8
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Slot:
    """Bytes [start, stop) of a file's plaintext: those of ``entry``, or of something that cannot be shown (None)."""

    start: int
    stop: int
    entry: RecordEntry | None


def gap_box(size: int, utc_ms: int) -> bytearray:
    """``size`` bytes that players skip. ``utc_ms`` is when the first lost picture was taken."""
    text = f"damaged recording, nothing can be shown from {utc_ms} ms since 1970 UTC on".encode()
    if size < _BOX_HEADER_BYTES:
        return bytearray(size)
    room = size - _BOX_HEADER_BYTES
    return bytearray(size.to_bytes(4, "big") + b"free" + text[:room] + bytes(max(0, room - len(text))))


def slots_of(stretch: Stretch, group: int, entries: Sequence[RecordEntry]) -> Iterator[Slot]:
    """The group of one keyframe without a byte left out: what its records leave is a slot of its own."""
    at, end = stretch.index.plaintext_offset(group), stretch.stop_of(group).plaintext_offset
    for entry in entries:
        if entry.plaintext_offset > at:
            yield Slot(at, entry.plaintext_offset, None)
        at = entry.plaintext_offset + entry.payload_len
        yield Slot(entry.plaintext_offset, at, entry)
    if at < end:
        yield Slot(at, end, None)


def read_segment(library: Library, row: FileRow, entries: Sequence[RecordEntry]) -> Iterator[bytes]:
    """The payloads of ``entries`` one behind the other, in pieces. Raises RecordingError when none can be shown, before
    the first piece."""
    reader = GroupReader(library, row, entries[-1].utc_ns // _NS_PER_MS + entries[-1].duration_ms)
    at = entries[0].plaintext_offset
    if not entries[0].is_keyframe:  # the keyframe it begins with is not there any more
        reader.skip(Slot(at, at, None))
    for entry in entries:
        if entry.plaintext_offset > at:
            reader.skip(Slot(at, entry.plaintext_offset, None))
        at = entry.plaintext_offset + entry.payload_len
        data = reader.read(Slot(entry.plaintext_offset, at, entry))
        if entry is entries[0] and reader.is_lost and not _has_keyframe(library, row, entries[1:]):
            raise damaged(library.open(row).path, entry.plaintext_offset)
        yield from in_pieces(memoryview(data))
        del data  # before the next is read


def _has_keyframe(library: Library, row: FileRow, entries: Sequence[RecordEntry]) -> bool:
    return any(entry.is_keyframe and not library.find_damage(row, entry) for entry in entries)


class GroupReader:
    """Reads the records of one group, or of a segment, in order. One thread.

    From the first record that cannot be shown on, the others cannot be either, up to a true keyframe.
    """

    def __init__(self, library: Library, row: FileRow, stop_ms: int) -> None:
        self._library = library
        self._row = row
        self._stop_ms = stop_ms
        self._lost_ms: int | None = None
        self._at_ms = row.start_ms

    def skip(self, slot: Slot) -> None:
        """The slot is not asked for; whether it can be shown counts for those behind it. Decrypts nothing."""
        if self._is_lost(slot):
            return
        if slot.entry is not None and self._library.find_damage(self._row, slot.entry):
            self._lose(slot.entry.utc_ns // _NS_PER_MS)

    def read(self, slot: Slot) -> bytearray | memoryview:
        """The bytes of the slot, of its whole length."""
        if not self._is_lost(slot) and slot.entry is not None:
            try:
                return self._library.read(self._row, slot.entry)
            except RecordingError as error:
                if error.code != DAMAGED:
                    raise
                self._lose(slot.entry.utc_ns // _NS_PER_MS)
        return gap_box(slot.stop - slot.start, self._lost_ms or 0)

    @property
    def is_lost(self) -> bool:
        """Whether what was read last could not be shown."""
        return self._lost_ms is not None

    def _is_lost(self, slot: Slot) -> bool:
        if slot.entry is None and self._lost_ms is None:
            self._lose(self._at_ms)
        if slot.entry is not None:
            self._at_ms = slot.entry.utc_ns // _NS_PER_MS + slot.entry.duration_ms
            if slot.entry.is_keyframe:
                self._lost_ms = None
        return self._lost_ms is not None

    def _lose(self, at_ms: int) -> None:
        self._lost_ms = at_ms
        self._library.tell_damage(self._row, at_ms, max(at_ms, self._stop_ms))


def playable_from(library: Library, stretch: Stretch) -> tuple[Stretch, dict[int, int]] | None:
    """The stretch from its first keyframe that can be shown on, and that one's decode times in ticks by track; None
    when there is none."""
    for group in range(stretch.first, stretch.last + 1):
        entries = library.group(stretch, group)
        if not entries or entries[0].number != stretch.index.number(group):
            continue
        try:
            starts = read_decode_times(library.read(stretch.row, entries[0]))
        except RecordingError as error:
            if error.code != DAMAGED:
                raise
            library.tell_damage(stretch.row, stretch.start_ms, stretch.stop_of(group).utc_ns // _NS_PER_MS)
            continue
        return (stretch if group == stretch.first else replace(stretch, first=group)), starts
    return None
