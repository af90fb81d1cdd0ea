"""Cuts stretches into segments a player asks for one by one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vigilar.playback.stretch import Stretch

SEGMENT_MS = 2000
"""A segment ends at the first keyframe after this: few requests, and a jump into it is still quick."""

LONG_SEGMENT_MS = 6000
"""The same in a range longer than ``LONG_RANGE_MS``: a day would else be a list of 43,200 segments, 3 MB. Six seconds
is what Apple's HLS authoring specification asks for."""

LONG_RANGE_MS = 3600 * 1000


class Segment(NamedTuple):
    """Records ``first`` to ``last`` of a file, from a keyframe on. ``starts_file`` needs a new set-up before it.

    A tuple, because a day has 14,400.
    """

    file_id: int
    first: int
    last: int
    start_ms: int
    duration_ms: int
    starts_file: bool


def segment_length_ms(range_ms: int) -> int:
    """How long the segments of a playlist over ``range_ms`` are to be. The same for one address, always."""
    return LONG_SEGMENT_MS if range_ms > LONG_RANGE_MS else SEGMENT_MS


def cut_segments(stretches: Sequence[Stretch], *, is_finished: bool, length_ms: int = SEGMENT_MS) -> list[Segment]:
    """Segments of the stretches. Cuts depend only on what comes before them, so a growing recording never changes a
    segment that was listed; unless ``is_finished``, the last one of a growing file waits for the keyframe after it."""
    segments: list[Segment] = []
    for stretch in stretches:
        found = _cut(stretch, length_ms)
        if stretch is stretches[-1] and stretch.is_growing and not is_finished:
            found.pop()
        segments += found
    return segments


def _cut(stretch: Stretch, length_ms: int) -> list[Segment]:
    first, behind = stretch.first, stretch.last + 1
    line, numbers = stretch.index.time_line(), stretch.index.numbers()
    file_id, at, at_ms = stretch.row.id, first, line.before_ms(first)
    offset_ms = stretch.start_ms - at_ms
    segments = []
    while at < behind:
        following = line.first_from(at_ms + length_ms, at + 1, behind)
        stop, stop_ms = stretch.end.number, stretch.end_length_ms
        if following < behind:
            stop, stop_ms = numbers[following], line.before_ms(following)
        length = max(1, stop_ms - at_ms)
        segments.append(Segment(file_id, numbers[at], stop - 1, offset_ms + at_ms, length, at == first))
        at, at_ms = following, stop_ms
    return segments
