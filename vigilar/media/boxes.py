"""Boxes of MP4 (ISO/IEC 14496-12): made, walked, read, and rewritten in place. ``recording_boxes`` makes ours of them.

Only fields of fixed size are rewritten, so a part stays as long as it was: that is what lets the length of a clip be
known before anything is decrypted. Pure functions on bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vigilar.base.errors import ErrorKind, RecordingError

Data = bytes | bytearray | memoryview

_SETS_IN_BAND = {b"avc3": b"avc1", b"hev1": b"hvc1"}
"""Sample entries whose samples bring their parameter sets with each keyframe, and what they are called without
(ISO/IEC 14496-15 5.3.3, 8.4.1)."""

_ENTRY_BYTES = 8 + 78
"""Of a VisualSampleEntry before the boxes in it (ISO/IEC 14496-12 12.1.3)."""

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"})


class Box(NamedTuple):
    """One box: ``start`` of its header, ``body`` (first byte after it) and ``end``, as offsets into the data. A tuple,
    because an hour of recordings has a hundred thousand."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Track:
    """A track of an init segment. ``timescale`` is ticks a second."""

    id: int
    timescale: int
    is_video: bool


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of these parts."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box whose body begins with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def walk(data: Data, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes from ``start`` to ``end``, one level. Raises RecordingError (corrupt) when one does not fit."""
    end = len(data) if end is None else end
    while start < end:
        if end - start < 8:
            raise _corrupt()
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            if end - start < 16:
                raise _corrupt()
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        if size < body - start or start + size > end:
            raise _corrupt()
        yield Box(kind, start, body, start + size)
        start += size


def find_all(data: Data, path: tuple[bytes, ...], start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes at ``path``, such as ``(b"moof", b"traf", b"tfdt")``."""
    for one in walk(data, start, end):
        if one.kind != path[0]:
            continue
        if len(path) == 1:
            yield one
        elif one.kind in _CONTAINERS:
            yield from find_all(data, path[1:], one.body, one.end)


def read_tracks(init: Data) -> list[Track]:
    """The tracks of an init segment, in its order."""
    tracks = []
    for trak in find_all(init, (b"moov", b"trak")):
        tkhd = _one(init, (b"tkhd",), trak)
        mdhd = _one(init, (b"mdia", b"mdhd"), trak)
        hdlr = _one(init, (b"mdia", b"hdlr"), trak)
        track_id = _u32(init, tkhd.body + (20 if init[tkhd.body] == 1 else 12))
        timescale = _u32(init, mdhd.body + (20 if init[mdhd.body] == 1 else 12))
        tracks.append(Track(track_id, timescale, init[hdlr.body + 8 : hdlr.body + 12] == b"vide"))
    if not tracks or any(track.timescale == 0 for track in tracks):
        raise _corrupt()
    return tracks


def read_decode_times(fragment: Data) -> dict[int, int]:
    """The decode time of the first sample of each track in ``fragment``, in ticks, by track id."""
    times: dict[int, int] = {}
    for traf in find_all(fragment, (b"moof", b"traf")):
        track_id = _u32(fragment, _one(fragment, (b"tfhd",), traf).body + 4)
        times.setdefault(track_id, _read_tfdt(fragment, _one(fragment, (b"tfdt",), traf)))
    return times


def read_end_times(fragment: Data, default_duration: Mapping[int, int] | None = None) -> dict[int, int]:
    """The decode time after the last sample of each track in ``fragment``, in ticks, by track id."""
    ends: dict[int, int] = {}
    for traf in find_all(fragment, (b"moof", b"traf")):
        tfhd = _one(fragment, (b"tfhd",), traf)
        track_id = _u32(fragment, tfhd.body + 4)
        sample_duration = _tfhd_duration(fragment, tfhd)
        if sample_duration is None:
            sample_duration = (default_duration or {}).get(track_id, 0)
        end = _read_tfdt(fragment, _one(fragment, (b"tfdt",), traf))
        for trun in find_all(fragment, (b"trun",), traf.body, traf.end):
            end += _trun_duration(fragment, trun, sample_duration)
        ends[track_id] = end
    return ends


def shift_decode_times(fragment: bytearray | memoryview, shift: Mapping[int, int]) -> None:
    """Add ``shift[track id]`` ticks to each decode time, in place; never below zero."""
    for traf in find_all(fragment, (b"moof", b"traf")):
        track_id = _u32(fragment, _one(fragment, (b"tfhd",), traf).body + 4)
        tfdt = _one(fragment, (b"tfdt",), traf)
        time = max(0, _read_tfdt(fragment, tfdt) + shift.get(track_id, 0))
        if fragment[tfdt.body] == 1:
            struct.pack_into(">Q", fragment, tfdt.body + 4, time)
        else:
            struct.pack_into(">I", fragment, tfdt.body + 4, min(time, 0xFFFFFFFF))


def set_duration(init: Data, duration_ms: int) -> bytes:
    """``init`` with the length of what follows in its headers, so that players show it. The length in bytes stays.

    An ``edts`` box that would hide the start of the picture is left alone: our muxer writes none that does.
    """
    out = bytearray(init)
    mvhd = _first(out, (b"moov", b"mvhd"))
    movie_scale = _u32(out, mvhd.body + (20 if out[mvhd.body] == 1 else 12))
    _put_duration(out, mvhd, 24 if out[mvhd.body] == 1 else 16, duration_ms * movie_scale // 1000)
    for trak in list(find_all(out, (b"moov", b"trak"))):
        tkhd = _one(out, (b"tkhd",), trak)
        _put_duration(out, tkhd, 28 if out[tkhd.body] == 1 else 20, duration_ms * movie_scale // 1000)
        mdhd = _one(out, (b"mdia", b"mdhd"), trak)
        scale = _u32(out, mdhd.body + (20 if out[mdhd.body] == 1 else 12))
        _put_duration(out, mdhd, 24 if out[mdhd.body] == 1 else 16, duration_ms * scale // 1000)
    return bytes(out)


def sample_descriptions(init: Data) -> list[bytes]:
    """What a decoder needs to know of each track (the ``stsd`` boxes): equal ones can share one clip."""
    return [
        bytes(init[one.start : one.end])
        for one in find_all(init, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"))
    ]


def may_follow(description: bytes, before: bytes) -> bool:
    """Whether samples of ``description`` can stand behind those of ``before`` under the latter's description (each a
    ``stsd`` box): it is the same, or they bring their own parameter sets and differ in nothing else."""
    if description == before:
        return True
    if description[20:24] not in _SETS_IN_BAND:
        return False
    return _entry(description) == _entry(before)


def _entry(description: bytes) -> bytes:
    """Codec, width, height and what else stands before the parameter sets."""
    name = description[20:24]
    return _SETS_IN_BAND.get(name, name) + description[24 : 16 + _ENTRY_BYTES]


def read_default_durations(init: Data) -> dict[int, int]:
    """Sample durations that a fragment may leave out (``trex``), in ticks, by track id."""
    return {_u32(init, one.body + 4): _u32(init, one.body + 12) for one in find_all(init, (b"moov", b"mvex", b"trex"))}


def _put_duration(out: bytearray, header: Box, offset: int, ticks: int) -> None:
    if out[header.body] == 1:
        struct.pack_into(">Q", out, header.body + offset, ticks)
    else:
        struct.pack_into(">I", out, header.body + offset, min(ticks, 0xFFFFFFFE))


def _tfhd_duration(data: Data, tfhd: Box) -> int | None:
    flags = _u32(data, tfhd.body) & 0xFFFFFF
    if not flags & 0x8:
        return None
    offset = tfhd.body + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    return _u32(data, offset)


def _trun_duration(data: Data, trun: Box, sample_duration: int) -> int:
    flags = _u32(data, trun.body) & 0xFFFFFF
    count = _u32(data, trun.body + 4)
    if not flags & 0x100:
        return count * sample_duration
    first = trun.body + 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    step = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    if first + count * step > trun.end:
        raise _corrupt()
    return sum(_u32(data, first + i * step) for i in range(count))


def _read_tfdt(data: Data, tfdt: Box) -> int:
    if data[tfdt.body] == 1:
        return int(struct.unpack_from(">Q", data, tfdt.body + 4)[0])
    return _u32(data, tfdt.body + 4)


def _one(data: Data, path: tuple[bytes, ...], parent: Box) -> Box:
    for one in find_all(data, path, parent.body, parent.end):
        return one
    raise _corrupt()


def _first(data: Data, path: tuple[bytes, ...]) -> Box:
    for one in find_all(data, path):
        return one
    raise _corrupt()


def _u32(data: Data, offset: int) -> int:
    try:
        return int(struct.unpack_from(">I", data, offset)[0])
    except struct.error as error:
        raise _corrupt() from error


def _corrupt() -> RecordingError:
    return RecordingError("A part of this recording is not whole.", kind=ErrorKind.CORRUPT, code="recording.corrupt")
