"""An MP4 file that exists only while it is sent: the records of a range, with times that begin at zero.

The length is known before anything is decrypted, because times are rewritten in place (``boxes``). For a byte range
only the records it touches are decrypted. Where one file ends and the next begins, the second is moved to where the
first one stops, so no picture is missing and none is doubled; a real gap stays a gap.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vigilar.store.files import FileRow
from vigilar.vge.reader import RecordEntry
from vigilar.web.footage.boxes import (
    Track,
    read_decode_times,
    read_default_durations,
    read_end_times,
    read_tracks,
    sample_descriptions,
    set_duration,
    shift_decode_times,
)
from vigilar.web.footage.library import Library, Stretch

SEAM_S = Fraction(1, 4)
"""Files whose clocks say they follow one another within this are joined without a gap: rolling to a new file takes
no time, and the two stamps come from one clock, read a packet apart."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A record in the clip: ``start`` is its first byte's place, ``shift`` ticks to add by track id."""

    start: int
    row: FileRow
    entry: RecordEntry
    shift: dict[int, int]


@dataclass(frozen=True, slots=True)
class _Setup:
    """What an init segment says. Clips join only files of equal set-up."""

    tracks: tuple[Track, ...]
    descriptions: tuple[bytes, ...]

    def scale(self, track_id: int) -> int:
        return next(track.timescale for track in self.tracks if track.id == track_id)


class Clip:
    """A planned MP4. ``size_bytes`` is exact; ``etag`` changes when the recording has grown.

    ``is_cut_short`` is true when the picture's format changes inside the range: one MP4 cannot hold both, so the clip
    ends there (the HLS playlist goes on).
    """

    def __init__(self, library: Library, init: bytes, pieces: Sequence[_Piece], *, is_cut_short: bool) -> None:
        self._library = library
        self._init = init
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]
        self.size_bytes = pieces[-1].start + pieces[-1].entry.payload_len
        self.is_cut_short = is_cut_short
        self.start_ms = pieces[0].entry.utc_ns // 1_000_000

    @property
    def etag(self) -> str:
        first, last = self._pieces[0], self._pieces[-1]
        text = f"{first.row.id}.{first.entry.number}-{last.row.id}.{last.entry.number}.{self.size_bytes}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), a record at a time. Raises RecordingError on arriving at a damaged record."""
        if start < len(self._init):
            yield self._init[start : min(stop, len(self._init))]
            start = min(stop, len(self._init))
        index = max(0, bisect_right(self._starts, start) - 1)
        while start < stop:
            piece = self._pieces[index]
            data = shift_decode_times(self._library.read_entry(piece.row, piece.entry), piece.shift)
            part = data[start - piece.start : stop - piece.start]
            yield part
            start += len(part)
            index += 1


def plan_clip(library: Library, stretches: Sequence[Stretch]) -> Clip | None:
    """The clip of these stretches; None when there are none. Reads the INIT and at most two records of each file."""
    if not stretches:
        return None
    joined = _Joined(library, stretches[0])
    is_cut_short = False
    for stretch in stretches[1:]:
        if not joined.add(stretch):
            is_cut_short = True
            break
    return joined.clip(is_cut_short=is_cut_short)


class _Joined:
    """Files put behind one another on one line of time that begins at zero."""

    def __init__(self, library: Library, first: Stretch) -> None:
        self._library = library
        self._first = first
        self._last = first
        self._init = library.read_entry(first.row, first.init)
        self._setup = _read_setup(self._init)
        self._default_durations = read_default_durations(self._init)
        starts = read_decode_times(library.read_entry(first.row, first.media[0]))
        origin = min(Fraction(ticks, self._setup.scale(track)) for track, ticks in starts.items())
        shift = {track.id: -round(origin * track.timescale) for track in self._setup.tracks}
        self._stretches = [(first, shift)]

    def add(self, stretch: Stretch) -> bool:
        """Put ``stretch`` behind what is there; False if its picture has another format."""
        init = self._library.read_entry(stretch.row, stretch.init)
        if _read_setup(init) != self._setup:
            return False
        starts = read_decode_times(self._library.read_entry(stretch.row, stretch.media[0]))
        ends = self._ends()
        lead = next((track for track in self._setup.tracks if track.is_video and track.id in starts), None)
        lead_id = lead.id if lead else min(starts)
        scale = self._setup.scale(lead_id)
        seam = Fraction(ends.get(lead_id, 0), scale)
        gap = self._gap_s(stretch)
        offset = seam + (gap if gap > SEAM_S else 0) - Fraction(starts[lead_id], scale)
        shift = {track.id: round(offset * track.timescale) for track in self._setup.tracks}
        for track_id, start in starts.items():  # sound may not begin before the sound of the file before has ended
            shift[track_id] = max(shift[track_id], ends.get(track_id, 0) - start)
        self._stretches.append((stretch, shift))
        self._last = stretch
        return True

    def clip(self, *, is_cut_short: bool) -> Clip:
        pieces = []
        place = len(self._init)
        for stretch, shift in self._stretches:
            for entry in stretch.media:
                pieces.append(_Piece(place, stretch.row, entry, shift))
                place += entry.payload_len
        ends = self._ends()
        length = max(Fraction(ticks, self._setup.scale(track)) for track, ticks in ends.items())
        init = set_duration(self._init, round(length * 1000))
        return Clip(self._library, init, pieces, is_cut_short=is_cut_short)

    def _ends(self) -> dict[int, int]:
        """Where each track ends on the clip's line of time, in ticks; of the last file's last record of each."""
        stretch, shift = self._stretches[-1]
        ends: dict[int, int] = {}
        for entry in reversed(stretch.media[-2:]):  # sound may be absent from the very last fragment
            found = read_end_times(self._library.read_entry(stretch.row, entry), self._default_durations)
            for track_id, ticks in found.items():
                ends[track_id] = max(ends.get(track_id, 0), ticks + shift.get(track_id, 0))
        return ends

    def _gap_s(self, stretch: Stretch) -> Fraction:
        """Seconds without a picture before ``stretch``: by the monotonic clock, by UTC after a restart of the box."""
        before, after = self._last.last, stretch.media[0]
        apart_ns = after.mono_ns - before.mono_ns
        if apart_ns <= 0:
            apart_ns = after.utc_ns - before.utc_ns
        return max(Fraction(0), Fraction(apart_ns, 1_000_000_000) - Fraction(before.duration_ms, 1000))


def _read_setup(init: bytes) -> _Setup:
    return _Setup(tuple(read_tracks(init)), tuple(sample_descriptions(init)))
