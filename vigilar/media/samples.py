"""What a fragment says of its samples: the way back from ``recording_boxes.movie_fragment``. Pure bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import NamedTuple

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.boxes import Box, Data, find_all, walk

_NOT_SYNC = 0x00010000
"""sample_is_non_sync_sample (ISO/IEC 14496-12 8.8.3.1)."""

_MDAT_HEADER = 16
"""Size, kind, and a long size (4.2)."""

_FIELDS = (0x100, 0x200, 0x400, 0x800)
"""Flags of ``trun`` for a sample's duration, size, flags and composition offset, in the order in which they stand."""


class Sample(NamedTuple):
    """One sample. ``decode_time``, ``duration`` and ``offset`` (composition) in ticks of its track. A tuple, because a
    day has four million."""

    decode_time: int
    duration: int
    offset: int
    size: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class TrackSamples:
    """The samples of one track in a fragment, one behind the other; ``at`` is the place of the first in it."""

    track_id: int
    at: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class FragmentContent:
    """A fragment in parts: its media begin at ``body`` and reach to its end."""

    body: int
    tracks: tuple[TrackSamples, ...]


def tables_length(first: Data) -> int:
    """How many bytes of a fragment ``read_fragment`` looks at, told by its first 8 bytes: all before the media."""
    (size,) = struct.unpack_from(">I", first)
    return int(size) + _MDAT_HEADER


def read_fragment(fragment: Data) -> FragmentContent:
    """The samples of one ``moof`` and ``mdat`` as we write them. Raises RecordingError (corrupt) for anything else."""
    boxes = list(walk(fragment))
    if [one.kind for one in boxes] != [b"moof", b"mdat"]:
        raise _corrupt()
    moof, mdat = boxes
    try:
        tracks = tuple(
            _read_track(fragment, moof, traf) for traf in find_all(fragment, (b"traf",), moof.body, moof.end)
        )
    except struct.error as error:
        raise _corrupt() from error
    for track in tracks:
        if track.at < mdat.body or track.at + sum(one.size for one in track.samples) > mdat.end:
            raise _corrupt()
    return FragmentContent(mdat.body, tracks)


def _read_track(data: Data, moof: Box, traf: Box) -> TrackSamples:
    parts = {one.kind: one for one in walk(data, traf.body, traf.end)}
    if not {b"tfhd", b"tfdt", b"trun"} <= parts.keys():
        raise _corrupt()
    tfdt, trun = parts[b"tfdt"], parts[b"trun"]
    (track_id,) = struct.unpack_from(">I", data, parts[b"tfhd"].body + 4)
    (time,) = struct.unpack_from(">Q" if data[tfdt.body] == 1 else ">I", data, tfdt.body + 4)
    flags, count, at = struct.unpack_from(">IIi", data, trun.body)
    flags &= 0xFFFFFF
    if flags & 0x705 != 0x701:  # data offset, and duration, size and flags of each sample
        raise _corrupt()
    width = sum(1 for flag in _FIELDS if flags & flag)
    if trun.body + 12 + 4 * width * count > trun.end:
        raise _corrupt()
    # Column by column and not sample by sample: an hour has two hundred thousand.
    numbers = struct.unpack_from(f">{width * count}i", data, trun.body + 12)
    durations, sizes, marks = (numbers[column::width] for column in range(3))
    if count and (min(durations) < 0 or min(sizes) < 0):
        raise _corrupt()
    offsets = numbers[3::width] if width > 3 else repeat(0, count)
    times = accumulate(durations, initial=time)
    samples = tuple(map(Sample, times, durations, offsets, sizes, [not mark & _NOT_SYNC for mark in marks]))
    return TrackSamples(track_id, moof.start + at, samples)


def _corrupt() -> RecordingError:
    return RecordingError("A part of this recording is not whole.", kind=ErrorKind.CORRUPT, code="recording.corrupt")
