"""Where the keyframes of one recording stand: from its INDEX, or from its records where there is none.

A closed file tells by two records at its end, so that five minutes of video are known after reading a few kilobytes.
What has no INDEX (still being written, or ended by a crash) is looked through record by record, headers only.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vigilar.vge.bodies import CloseBody, IndexEntry, parse_index
from vigilar.vge.format import FileCore, RecordFlag, RecordHeader, RecordType
from vigilar.vge.scan import FIRST_PLACE, ProvedRecord, RecordFile, place_after

CLOCK_STEP_NS = 200_000_000
"""When a file's UTC and monotonic clock disagree on its length by more than this, UTC was set meanwhile. NTP's slewing
moves both."""

_KEYFRAME = int(RecordFlag.KEYFRAME)
_NS_PER_MS = 1_000_000


class TimeLine(NamedTuple):
    """Keyframes by the length of the pictures before them, from the first keyframe on. ``ticks`` has ``per_ms`` a
    millisecond, from ``origin`` on: a day has 86,400 keyframes, of which few are looked at."""

    ticks: Sequence[int]
    origin: int
    per_ms: int

    def before_ms(self, index: int) -> int:
        """Length of the pictures before a keyframe."""
        return (self.ticks[index] - self.origin) // self.per_ms

    def first_from(self, ms: int, start: int, stop: int) -> int:
        """The first keyframe of [start, stop) with at least ``ms`` before it; ``stop`` if there is none."""
        return bisect_left(self.ticks, self.origin + ms * self.per_ms, start, stop)


@dataclass(slots=True)
class KeyframeIndex:
    """Keyframes in file order, and the end of the pictures. Grows at its end alone, so what was read of it stays true.

    ``table`` holds number, offset, UTC in ns and plaintext offset of each (32 bytes a keyframe). ``lengths_ms`` is the
    length of the pictures before each, where UTC cannot tell it; else None. ``end`` is the place behind the last
    picture, its ``utc_ns`` the time at which that one ends.
    """

    table: array[int]
    lengths_ms: array[int] | None
    end: IndexEntry
    end_ms: int
    is_closed: bool

    def __len__(self) -> int:
        return len(self.table) // 4

    @property
    def size_bytes(self) -> int:
        """Memory it takes."""
        lengths = 0 if self.lengths_ms is None else self.lengths_ms.itemsize * len(self.lengths_ms)
        return self.table.itemsize * len(self.table) + lengths

    def at(self, index: int) -> IndexEntry:
        """A keyframe; the end of the pictures for the index behind the last."""
        if index >= len(self):
            return self.end
        return IndexEntry(*self.table[4 * index : 4 * index + 4])

    def number(self, index: int) -> int:
        return self.table[4 * index]

    def utc_ns(self, index: int) -> int:
        return self.table[4 * index + 2]

    def plaintext_offset(self, index: int) -> int:
        return self.table[4 * index + 3]

    def time_line(self) -> TimeLine:
        """When each keyframe comes, as it is now."""
        if self.lengths_ms is not None:
            return TimeLine(self.lengths_ms[:], 0, 1)
        return TimeLine(self.table[2::4], self.table[2], _NS_PER_MS)

    def numbers(self) -> Sequence[int]:
        """The record number of each keyframe. A copy."""
        return self.table[::4]

    def times_ns(self, count: int) -> Sequence[int]:
        """UTC in ns of each of the first ``count`` keyframes. A copy: to ask for each by itself takes four times as
        long."""
        return self.table[2 : 4 * count : 4]


def read_index(records: RecordFile, core: FileCore, close: ProvedRecord | None) -> KeyframeIndex | None:
    """The index of a file that ends with ``close``, out of that and its INDEX, both proved. Raises OSError,
    RecordingError. ``close`` is what ``records`` proved last.

    None when the file does not end with these two, and when the clock was set while it was written: INDEX has no
    other clock that could tell how long its pictures last.
    """
    body = CloseBody.find(bytes(close.payload)) if close else None
    if close is None or body is None or _was_clock_set(core, body):
        return None
    index_at = close.offset - close.header.previous_len
    index = records.header_at(index_at, close.offset) if index_at > 0 else None
    if index is None or index.type is not RecordType.INDEX:
        return None
    proved = records.prove(index_at, index)
    if proved is None or not index.payload_len:
        return None
    table = parse_index(proved.payload)
    end_ms = max(0, body.end_utc_ns - table[2]) // _NS_PER_MS
    return KeyframeIndex(
        table, None, IndexEntry(index.number, index_at, body.end_utc_ns, index.plaintext_offset), end_ms, True
    )


def _was_clock_set(core: FileCore, body: CloseBody) -> bool:
    by_utc, by_mono = body.end_utc_ns - core.start_utc_ns, body.end_mono_ns - core.start_mono_ns
    return abs(by_utc - by_mono) > CLOCK_STEP_NS


@dataclass(slots=True)
class KeyframeScan:
    """The index of a file without one, from its records; ``look`` again when it may have grown. One thread."""

    index: KeyframeIndex = field(
        default_factory=lambda: KeyframeIndex(array("Q"), array("q"), IndexEntry(0, 0, 0, 0), 0, False)
    )
    _seen_bytes: int = 0
    _at: tuple[RecordHeader, int] | None = None
    _clock_ns: int | None = None
    _was_clock_set: bool = False
    _last_ends: deque[int] = field(default_factory=lambda: deque(maxlen=3))

    def look(self, records: RecordFile) -> KeyframeIndex:
        """Take in what was appended since. Cheap when nothing was. Raises OSError.

        The last record of a file without CLOSE is proved: its header may have reached the disk before its payload.
        """
        size = records.size()
        if size == self._seen_bytes or self.index.is_closed:
            return self.index
        self._seen_bytes = size
        place = FIRST_PLACE if self._at is None else place_after(self._at[1], self._at[0])
        fresh = [(header, offset) for header, offset, _ in records.steps(place, size)]
        while fresh and records.prove(fresh[-1][1], fresh[-1][0]) is None:
            fresh.pop()
            self._seen_bytes = 0  # look again next time even if the length stays
        for header, offset in fresh:
            self._take(header, offset)
        if fresh:
            self._at = fresh[-1]
        return self.index

    def _take(self, header: RecordHeader, offset: int) -> None:
        index = self.index
        if header.type is RecordType.CLOSE:
            index.is_closed = True
        if header.type is not RecordType.MEDIA:
            return
        ends_ns = header.utc_ns + header.duration_ms * _NS_PER_MS
        self._look_at_clock(header.utc_ns - header.mono_ns)
        if not index.table and not header.flags & _KEYFRAME:
            return
        start_ns = index.table[2] if index.table else header.utc_ns
        # As INDEX tells it, so that nothing moves when the file is closed; after a step of the clock by adding up.
        before_ms = index.end_ms if self._was_clock_set else (header.utc_ns - start_ns) // _NS_PER_MS
        if header.flags & _KEYFRAME:
            assert index.lengths_ms is not None  # noqa: S101 -- a scan always counts them
            # The length first: who reads meanwhile counts the table's rows.
            index.lengths_ms.append(before_ms)
            index.table.extend((header.number, offset, header.utc_ns, header.plaintext_offset))
        # The very last record may hold nothing but a little sound, and then does not end last.
        self._last_ends.append(ends_ns)
        end_ns = max(self._last_ends)
        index.end_ms = before_ms + header.duration_ms if self._was_clock_set else (end_ns - start_ns) // _NS_PER_MS
        behind = place_after(offset, header)
        index.end = IndexEntry(behind.number, behind.offset, end_ns, behind.plaintext_offset)

    def _look_at_clock(self, utc_before_mono_ns: int) -> None:
        if self._clock_ns is None:
            self._clock_ns = utc_before_mono_ns
        if abs(utc_before_mono_ns - self._clock_ns) > CLOCK_STEP_NS and not self._was_clock_set:
            self._was_clock_set = True
            self._last_ends.clear()  # told by the clock as it was
