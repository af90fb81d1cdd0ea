"""The head of a plain MP4: ``ftyp``, ``moov`` with all tables, and the start of ``mdat`` (ISO/IEC 14496-12).

Plain means what every player of the last twenty years opens: no fragments, tables first, the true length, and a start
and end that an edit list cuts to the picture (8.6.6). Tables are arrays of numbers, because a day has four million
samples. Pure, no I/O.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from vigilar.media.boxes import Box, Data, box, find_all, full_box, walk
from vigilar.media.samples import Sample, TrackSamples

MOVIE_SCALE = 90_000
"""Ticks a second of the edit list: those of nearly every camera's pictures, so that a cut is exact."""

_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SMALL = 0xFFFFFFFF
_NO_MEDIA = -1
"""media_time of an edit that shows nothing (8.6.6.3)."""


@dataclass(slots=True)
class _Runs:
    """Numbers of which many in a row are equal, as (count, value)."""

    counts: array[int] = field(default_factory=lambda: array("I"))
    values: array[int] = field(default_factory=lambda: array("q"))

    def add(self, value: int, count: int = 1) -> None:
        if self.values and self.values[-1] == value:
            self.counts[-1] += count
        else:
            self.counts.append(count)
            self.values.append(value)


@dataclass(slots=True)
class MovieTrack:
    """The tables of one track, grown sample by sample. ``trak`` is its box in the init segment, whose set-up it keeps.

    Times are ticks of the track's ``scale``, from the movie's beginning on. ``shown_from`` and ``shown_to`` are the
    presentation times that a player shows; what lies outside is there to be decoded, not to be seen.
    """

    id: int
    scale: int
    is_video: bool
    trak: bytes
    shown_from: int = 0
    shown_to: int = 0
    first_time: int = 0
    end: int = 0
    count: int = 0
    sizes: array[int] = field(default_factory=lambda: array("I"))
    chunk_places: array[int] = field(default_factory=lambda: array("Q"))
    chunk_counts: array[int] = field(default_factory=lambda: array("I"))
    _keys: array[int] = field(default_factory=lambda: array("I"))
    _durations: _Runs = field(default_factory=_Runs)
    _offsets: _Runs = field(default_factory=_Runs)
    _last: tuple[int, int] | None = None

    def begin_chunk(self, place: int) -> None:
        """The samples that follow stand one behind the other from ``place`` bytes into the media on."""
        self.chunk_places.append(place)
        self.chunk_counts.append(0)

    def add(self, sample: Sample, time: int) -> None:
        """Append a sample of the chunk at hand, to be decoded at ``time``, which is later than that of the one before:
        that one lasts until then."""
        if self._last is None:
            self.first_time = time
        else:
            self._durations.add(time - self._last[0])
        self._last = (time, sample.duration)
        self.end = time + sample.duration
        self.count += 1
        self.sizes.append(sample.size)
        self.chunk_counts[-1] += 1
        self._offsets.add(sample.offset)
        if sample.is_key:
            self._keys.append(self.count)

    def extend(self, part: TrackSamples, shift: int) -> None:
        """As ``add`` for each sample of ``part``, of one chunk, at its decode time and ``shift``. Quick where all last
        equally long, as nearly all do."""
        if not part:
            return
        if not part.is_even:
            for one in part.samples():
                self.add(one, one.decode_time + shift)
            return
        time, length, more = part.time + shift, part.durations[0], len(part) - 1
        if self._last is None:
            self.first_time = time
        else:
            self._durations.add(time - self._last[0])
        if more:
            self._durations.add(length, more)
        self._offsets.add(part.first_offset, len(part))
        self.sizes.extend(part.sizes)
        if self.is_video:
            self._keys.extend(part.keys(self.count + 1))
        self.count += len(part)
        self.chunk_counts[-1] += len(part)
        self._last = (time + more * length, length)
        self.end = time + len(part) * length

    @property
    def last_time(self) -> int:
        """Decode time of the newest sample; below any time while there is none."""
        return self._last[0] if self._last else -1 << 62

    def media_ticks(self) -> int:
        return self.end - self.first_time

    def dump_tables(self, shift: int, *, is_long: bool) -> bytes:
        """``stts`` to ``stco`` (8.6, 8.7); ``shift`` is where the media begin in the file."""
        durations = _Runs(self._durations.counts[:], self._durations.values[:])
        if self._last is not None:
            durations.add(self._last[1])
        pairs = len(durations.counts)
        parts = [full_box(b"stts", 0, 0, struct.pack(">I", pairs), _pairs(durations))]
        if any(self._offsets.values):
            version = 1 if min(self._offsets.values) < 0 else 0
            parts.append(
                full_box(b"ctts", version, 0, struct.pack(">I", len(self._offsets.counts)), _pairs(self._offsets))
            )
        if self.is_video:
            parts.append(full_box(b"stss", 0, 0, struct.pack(">I", len(self._keys)), _big(self._keys)))
        chunks = self._chunk_runs()
        parts.append(full_box(b"stsc", 0, 0, struct.pack(">I", len(chunks) // 3), _big(chunks)))
        parts.append(full_box(b"stsz", 0, 0, struct.pack(">II", 0, self.count), _big(self.sizes)))
        places = array("Q" if is_long else "I", (place + shift for place in self._places()))
        parts.append(full_box(b"co64" if is_long else b"stco", 0, 0, struct.pack(">I", len(places)), _big(places)))
        return b"".join(parts)

    def _places(self) -> Iterable[int]:
        return (place for place, count in zip(self.chunk_places, self.chunk_counts, strict=True) if count)

    def _chunk_runs(self) -> array[int]:
        """First chunk, samples a chunk, sample description: one row where the second changes (8.7.4)."""
        found = array("I")
        for number, count in enumerate((one for one in self.chunk_counts if one), 1):
            if not found or found[-2] != count:
                found.extend((number, count, 1))
        return found

    def edits(self, start_ticks: int) -> bytes:
        """The edit list. ``start_ticks`` (MOVIE_SCALE) is the moment in the movie at which a player begins."""
        begin = max(self.shown_from, self.first_time)
        wait = _movie_ticks(begin, self.scale) - start_ticks
        length = max(0, _movie_ticks(self.shown_to, self.scale) - _movie_ticks(begin, self.scale))
        rows = [(wait, _NO_MEDIA)] if wait > 0 else []
        rows.append((length, begin - self.first_time))
        body = b"".join(struct.pack(">QqI", ticks, media, 0x10000) for ticks, media in rows)
        return box(b"edts", full_box(b"elst", 1, 0, struct.pack(">I", len(rows)), body))


def movie_tracks(init: Data) -> dict[int, MovieTrack]:
    """An empty track for each of an init segment, by its id."""
    found = {}
    for trak in find_all(init, (b"moov", b"trak")):
        data = bytes(init[trak.start : trak.end])
        tkhd, mdhd, hdlr = (_body(data, path) for path in ((b"tkhd",), (b"mdia", b"mdhd"), (b"mdia", b"hdlr")))
        (track_id,) = struct.unpack_from(">I", tkhd, 20 if tkhd[0] == 1 else 12)
        (scale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)
        found[track_id] = MovieTrack(track_id, scale, hdlr[8:12] == b"vide", data)
    return found


def movie_head(tracks: Iterable[MovieTrack], media_bytes: int, created_s: int) -> bytes:
    """All that stands before ``media_bytes`` of media. ``created_s`` is UTC in seconds since 1970."""
    used = [track for track in tracks if track.count]
    start = min(_movie_ticks(max(one.shown_from, one.first_time), one.scale) for one in used if one.is_video)
    ftyp = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41")
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + media_bytes)
    # Whether places fit 32 bits must be known before they are: the tables' length depends on it.
    room = len(ftyp) + len(large) + 4096 + sum(12 * len(one.chunk_places) + 32 * one.count for one in used)
    is_long = media_bytes + room > _SMALL
    size = len(_moov(used, 0, start, created_s, is_long=is_long))
    moov = _moov(used, len(ftyp) + size + len(large), start, created_s, is_long=is_long)
    return ftyp + moov + large


def _moov(tracks: list[MovieTrack], shift: int, start: int, created_s: int, *, is_long: bool) -> bytes:
    made = created_s + 2_082_844_800  # counted from 1904 (8.2.2)
    length = max(_movie_ticks(one.shown_to, one.scale) - start for one in tracks)
    mvhd = full_box(
        b"mvhd", 1, 0, struct.pack(">QQIQ", made, made, MOVIE_SCALE, length), struct.pack(">IH10x", 0x10000, 0x100),
        _UNITY, bytes(24), struct.pack(">I", max(one.id for one in tracks) + 1),
    )  # fmt: skip
    return box(b"moov", mvhd, *(_trak(one, shift, start, made, is_long=is_long) for one in tracks))


def _trak(track: MovieTrack, shift: int, start: int, made: int, *, is_long: bool) -> bytes:
    data = track.trak
    tail = _body(data, (b"tkhd",))[-60:]  # layer, group, volume, matrix and size end it in every version (8.3.2)
    length = max(0, _movie_ticks(track.shown_to, track.scale) - start)
    tkhd = full_box(b"tkhd", 1, 3, struct.pack(">QQIIQ", made, made, track.id, 0, length), tail)
    mdhd = full_box(b"mdhd", 1, 0, struct.pack(">QQIQHH", made, made, track.scale, track.media_ticks(), 0x55C4, 0))
    stsd = _find(data, (b"mdia", b"minf", b"stbl", b"stsd"))
    stbl = box(b"stbl", data[stsd.start : stsd.end], track.dump_tables(shift, is_long=is_long))
    old = _find(data, (b"mdia", b"minf"))
    kept = [data[one.start : one.end] for one in walk(data, old.body, old.end) if one.kind != b"stbl"]
    hdlr = _find(data, (b"mdia", b"hdlr"))
    mdia = box(b"mdia", mdhd, data[hdlr.start : hdlr.end], box(b"minf", *kept, stbl))
    return box(b"trak", tkhd, track.edits(start), mdia)


def _find(trak: bytes, path: tuple[bytes, ...]) -> Box:
    whole = next(walk(trak))
    return next(find_all(trak, path, whole.body, whole.end))


def _body(trak: bytes, path: tuple[bytes, ...]) -> bytes:
    one = _find(trak, path)
    return trak[one.body : one.end]


def _movie_ticks(ticks: int, scale: int) -> int:
    return ticks * MOVIE_SCALE // scale


def _pairs(runs: _Runs) -> bytes:
    both = array("I", bytes(8 * len(runs.counts)))
    both[::2] = runs.counts
    both[1::2] = array("I", (value & _SMALL for value in runs.values))
    return _big(both)


def _big(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
