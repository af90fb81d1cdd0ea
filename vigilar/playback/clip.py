"""An MP4 file that exists only while it is sent: the records of a range, with times that begin at zero.

The length is known before anything is decrypted, because times are rewritten in place (``media.boxes``). For a byte
range only the records it touches are decrypted. Where one file ends and the next begins, the second is moved to where
the first one stops, so no picture is missing and none is doubled; a real gap stays a gap.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vigilar.base.errors import RecordingError
from vigilar.media.boxes import (
    Data,
    Track,
    may_follow,
    read_default_durations,
    read_end_times,
    read_tracks,
    sample_descriptions,
    set_duration,
    shift_decode_times,
)
from vigilar.playback.damage import GroupReader, playable_from, slots_of
from vigilar.playback.library import DAMAGED, Library
from vigilar.playback.pieces import in_pieces
from vigilar.playback.stretch import Stretch
from vigilar.vge.reader import RecordEntry, damaged

SEAM_S = Fraction(1, 4)
"""Files whose clocks say they follow one another within this are joined without a gap: rolling to a new file takes
no time, and the two stamps come from one clock, read a packet apart."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch in the clip: ``start`` is the place of its first byte, ``shift`` ticks to add by track id."""

    start: int
    stretch: Stretch
    shift: dict[int, int]


@dataclass(frozen=True, slots=True)
class _Setup:
    """What an init segment says. Clips join files of equal set-up, and what brings its parameter sets with it."""

    tracks: tuple[Track, ...]
    descriptions: tuple[bytes, ...]

    def scale(self, track_id: int) -> int:
        return next(track.timescale for track in self.tracks if track.id == track_id)

    def may_follow(self, before: _Setup) -> bool:
        return self.tracks == before.tracks and all(map(may_follow, self.descriptions, before.descriptions))


class Clip:
    """A planned MP4. ``size_bytes`` is exact; ``etag`` changes when the recording has grown.

    ``is_cut_short`` is true when the picture's format changes inside the range: one MP4 cannot hold both, so the clip
    ends there (the HLS playlist goes on).
    """

    def __init__(self, library: Library, init: bytes, parts: Sequence[_Part], *, is_cut_short: bool) -> None:
        self._library = library
        self._init = init
        self._parts = parts
        self._starts = [part.start for part in parts]
        self.size_bytes = parts[-1].start + parts[-1].stretch.size_bytes
        self.is_cut_short = is_cut_short
        self.start_ms = parts[0].stretch.start_ms

    @property
    def etag(self) -> str:
        first, last = self._parts[0].stretch, self._parts[-1].stretch
        text = f"{first.row.id}.{first.index.number(first.first)}-{last.row.id}.{last.end.number}.{self.size_bytes}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), in pieces; one record at a time is in memory. What is damaged is a gap of its own
        length (``damage``). Raises RecordingError on arriving at a file that was deleted."""
        if start < len(self._init):
            yield self._init[start : min(stop, len(self._init))]
            start = min(stop, len(self._init))
        index = max(0, bisect_right(self._starts, start) - 1)
        while start < stop:
            part = self._parts[index]
            end = min(stop, part.start + part.stretch.size_bytes)
            yield from self._read_part(part, start - part.start, end - part.start)
            start = max(start, end)
            index += 1

    def _read_part(self, part: _Part, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) of a stretch."""
        stretch = part.stretch
        base = stretch.index.plaintext_offset(stretch.first)
        group = _group_at(stretch, base + start)
        while start < stop and group <= stretch.last:
            reader = GroupReader(self._library, stretch.row, stretch.stop_of(group).utc_ns // 1_000_000)
            for slot in slots_of(stretch, group, self._library.group(stretch, group)):
                place = slot.start - base
                if place >= stop:
                    break
                if slot.stop - base <= start:
                    reader.skip(slot)
                    continue
                data = reader.read(slot)
                shift_decode_times(data, part.shift)
                yield from in_pieces(memoryview(data)[start - place : stop - place])
                del data  # before the next is read
                start = min(stop, slot.stop - base)
            group += 1


def _group_at(stretch: Stretch, plaintext_offset: int) -> int:
    """The keyframe in whose group a byte lies."""
    groups = range(stretch.first, stretch.last + 1)
    return groups[max(0, bisect_right(groups, plaintext_offset, key=stretch.index.plaintext_offset) - 1)]


def plan_clip(library: Library, stretches: Sequence[Stretch]) -> Clip | None:
    """The clip of these stretches; None when there are none. Reads the INIT and at most three records of each file.

    A file begins at its first keyframe that can be shown, and one without any is left out. Raises RecordingError when
    that leaves nothing.
    """
    if not stretches:
        return None
    usable = _usable(library, stretches)
    first = next(usable, None)
    if first is None:
        raise damaged(stretches[0].file.path, stretches[0].index.plaintext_offset(stretches[0].first))
    joined = _Joined(library, first)
    is_cut_short = False
    for one in usable:
        if not joined.add(one):
            is_cut_short = True
            break
    return joined.clip(is_cut_short=is_cut_short)


@dataclass(frozen=True, slots=True)
class _Usable:
    """A stretch that begins with a keyframe which can be shown: the set-up of its file, and where its tracks begin,
    in ticks."""

    stretch: Stretch
    init: Data
    starts: dict[int, int]


def _usable(library: Library, stretches: Sequence[Stretch]) -> Iterator[_Usable]:
    """One behind the other, each looked at when its turn comes."""
    for stretch in stretches:
        try:
            init = library.find_init(stretch.row)
        except RecordingError as error:
            if error.code != DAMAGED:
                raise
            init = None
        found = None if init is None else playable_from(library, stretch)
        if init is None:
            library.tell_damage(stretch.row, stretch.start_ms, stretch.end.utc_ns // 1_000_000)
        elif found is not None:
            yield _Usable(found[0], init, found[1])


class _Joined:
    """Files put behind one another on one line of time that begins at zero."""

    def __init__(self, library: Library, first: _Usable) -> None:
        self._library = library
        self._init = bytes(first.init)
        self._setup = _read_setup(self._init)
        self._default_durations = read_default_durations(self._init)
        starts = first.starts
        origin = min(Fraction(ticks, self._setup.scale(track)) for track, ticks in starts.items())
        shift = {track.id: -round(origin * track.timescale) for track in self._setup.tracks}
        self._stretches = [(first.stretch, shift)]

    def add(self, found: _Usable) -> bool:
        """Put a stretch behind what is there; False if its picture has another format."""
        if not _read_setup(found.init).may_follow(self._setup):
            return False
        stretch = found.stretch
        head = self._library.group(stretch, stretch.first)[0]
        starts = found.starts
        tail = self._tail()
        ends = self._ends(tail)
        lead = next((track for track in self._setup.tracks if track.is_video and track.id in starts), None)
        lead_id = lead.id if lead else min(starts)
        scale = self._setup.scale(lead_id)
        seam = Fraction(ends.get(lead_id, 0), scale)
        gap = _gap_s(tail, head)
        offset = seam + (gap if gap > SEAM_S else 0) - Fraction(starts[lead_id], scale)
        shift = {track.id: round(offset * track.timescale) for track in self._setup.tracks}
        for track_id, start in starts.items():  # sound may not begin before the sound of the file before has ended
            shift[track_id] = max(shift[track_id], ends.get(track_id, 0) - start)
        self._stretches.append((stretch, shift))
        return True

    def clip(self, *, is_cut_short: bool) -> Clip:
        parts = []
        place = len(self._init)
        for stretch, shift in self._stretches:
            parts.append(_Part(place, stretch, shift))
            place += stretch.size_bytes
        ends = self._ends(self._tail())
        length = max(Fraction(ticks, self._setup.scale(track)) for track, ticks in ends.items())
        init = set_duration(self._init, round(length * 1000))
        return Clip(self._library, init, parts, is_cut_short=is_cut_short)

    def _tail(self) -> list[RecordEntry]:
        """The last records of what is there: sound may be absent from the very last one, or pictures. Where the last
        group is lost, those of one before; the first one is there."""
        stretch, _ = self._stretches[-1]
        for group in range(stretch.last, stretch.first - 1, -1):
            found = self._library.group(stretch, group)
            if any(not self._library.find_damage(stretch.row, one) for one in found[-3:]):
                return found[-3:]
        return self._library.group(stretch, stretch.first)[:1]

    def _ends(self, tail: Sequence[RecordEntry]) -> dict[int, int]:
        """Where each track ends on the clip's line of time, in ticks; of the last file's last record of each."""
        stretch, shift = self._stretches[-1]
        ends: dict[int, int] = {}
        good = [entry for entry in tail if not self._library.find_damage(stretch.row, entry)]
        for entry in reversed(good[-2:]):
            found = read_end_times(self._library.read(stretch.row, entry), self._default_durations)
            for track_id, ticks in found.items():
                ends[track_id] = max(ends.get(track_id, 0), ticks + shift.get(track_id, 0))
        return ends


def _gap_s(tail: Sequence[RecordEntry], after: RecordEntry) -> Fraction:
    """Seconds without a picture before ``after``: by the monotonic clock, by UTC after a restart of the box."""
    before = max(tail, key=lambda entry: entry.utc_ns + entry.duration_ms * 1_000_000)
    apart_ns = after.mono_ns - before.mono_ns
    if apart_ns <= 0:
        apart_ns = after.utc_ns - before.utc_ns
    return max(Fraction(0), Fraction(apart_ns, 1_000_000_000) - Fraction(before.duration_ms, 1000))


def _read_setup(init: Data) -> _Setup:
    return _Setup(tuple(read_tracks(init)), tuple(sample_descriptions(init)))
