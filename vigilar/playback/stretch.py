"""The part of one recording that covers a range of time, named by keyframes and not by each record. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.store.files import FileRow
from vigilar.vge.bodies import IndexEntry
from vigilar.vge.keyframes import KeyframeIndex
from vigilar.vge.sealed import SealedFile

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pictures of one file from keyframe ``first`` on, up to ``end``; never empty.

    ``last`` is the index of the last keyframe in it; ``end`` the place of the first record behind it, its ``utc_ns``
    the time at which the last picture ends. ``end_length_ms`` counts as ``TimeLine.before_ms``. ``is_growing``
    is true while the file is being written and the range reaches to its end.
    """

    row: FileRow
    file: SealedFile
    index: KeyframeIndex
    first: int
    last: int
    end: IndexEntry
    end_length_ms: int
    is_growing: bool

    @property
    def start_ms(self) -> int:
        """UTC ms of the first picture."""
        return self.index.utc_ns(self.first) // _NS_PER_MS

    @property
    def size_bytes(self) -> int:
        """Bytes of its pictures in clear."""
        return self.end.plaintext_offset - self.index.plaintext_offset(self.first)

    def stop_of(self, keyframe: int) -> IndexEntry:
        """Where the group of ``keyframe`` ends, as far as it belongs to the stretch."""
        return self.end if keyframe >= self.last else self.index.at(keyframe + 1)


def cut_stretch(row: FileRow, file: SealedFile, from_ms: int, to_ms: int) -> Stretch | None:
    """What ``file`` holds of [from_ms, to_ms) in UTC ms, from a keyframe at or before the range's start on; None when
    that is nothing. Looks at the records of one group at most. Raises RecordingError."""
    index = file.index()
    count = len(index)
    end, end_length_ms = index.end, index.end_ms  # of one moment: the file may be growing
    if not count:
        return None
    is_growing = row.state == "open" and not index.is_closed
    first = 0
    last = count - 1
    from_ns, to_ns = from_ms * _NS_PER_MS, to_ms * _NS_PER_MS
    if index.utc_ns(0) < from_ns or end.utc_ns >= to_ns:
        # One by one and not by halves: after a step of the clock the times in a file may go back.
        times_ns = index.times_ns(count)
        behind = next((i for i, at_ns in enumerate(times_ns) if at_ns >= to_ns), count)
        if behind == 0:
            return None
        last = behind - 1
        first = next((i for i in range(last, -1, -1) if times_ns[i] <= from_ns), 0)
        if behind < count:
            end, end_length_ms, is_growing = index.at(behind), index.time_line().before_ms(behind), False
        cut = next((one for one in file.media(index.at(last), end.number) if one.utc_ns >= to_ns), None)
        if cut is not None:
            end_length_ms -= max(0, end.utc_ns - cut.utc_ns) // _NS_PER_MS
            end, is_growing = IndexEntry(cut.number, cut.offset, cut.utc_ns, cut.plaintext_offset), False
    if end.utc_ns <= from_ns or end.number <= index.number(first):
        return None
    return Stretch(row, file, index, first, last, end, end_length_ms, is_growing)
