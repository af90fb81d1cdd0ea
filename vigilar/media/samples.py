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
    """One sample. ``decode_time``, ``duration`` and ``offset`` (composition) in ticks of its track."""

    decode_time: int
    duration: int
    offset: int
    size: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class TrackSamples:
    """The samples of one track in a fragment, one behind the other; ``at`` is the place of the first in it and ``time``
    its decode time, in ticks. Columns and not samples, because a day has four million; all equally long, and
    ``offsets`` empty where no sample has any."""

    track_id: int
    at: int
    time: int
    durations: tuple[int, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    marks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def last_time(self) -> int:
        """Decode time of the last sample, of which there must be one."""
        return self.time + sum(self.durations) - self.durations[-1]

    @property
    def first_offset(self) -> int:
        """Composition offset of the first sample."""
        return self.offsets[0] if self.offsets else 0

    @property
    def is_even(self) -> bool:
        """Whether all last equally long and have one composition offset, as nearly always; there must be one."""
        durations, offsets = self.durations, self.offsets
        return durations.count(durations[0]) == len(durations) and offsets.count(self.first_offset) == len(offsets)

    def keys(self, first: int) -> list[int]:
        """The numbers of those that are decoded alone, the first of all being number ``first``."""
        return [number for number, mark in enumerate(self.marks, first) if not mark & _NOT_SYNC]

    def samples(self) -> list[Sample]:
        """One by one."""
        times = accumulate(self.durations, initial=self.time)
        are_keys = (not mark & _NOT_SYNC for mark in self.marks)
        return list(map(Sample, times, self.durations, self.offsets or repeat(0), self.sizes, are_keys))


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
        if track.at < mdat.body or track.at + sum(track.sizes) > mdat.end:
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
    return TrackSamples(
        track_id, moof.start + at, time, durations, numbers[3::width] if width > 3 else (), sizes, marks
    )


def _corrupt() -> RecordingError:
    return RecordingError("A part of this recording is not whole.", kind=ErrorKind.CORRUPT, code="recording.corrupt")
