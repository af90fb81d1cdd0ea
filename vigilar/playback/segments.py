"""Cuts stretches into segments a player asks for one by one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vigilar.playback.stretch import Stretch

SEGMENT_MS = 2000
"""A segment ends at the first keyframe after this: few requests, and a jump into it is still quick."""

LONG_SEGMENT_MS = 6000
"""The same in a range longer than ``LONG_RANGE_MS``: a day would else be a list of 43,200 segments, 3 MB. Six seconds
is what Apple's HLS authoring specification asks for."""

LONG_RANGE_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Segment:
    """Records ``first`` to ``last`` of a file, from a keyframe on. ``starts_file`` needs a new set-up before it."""

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
        borders = _borders(stretch, length_ms)
        if stretch is stretches[-1] and stretch.is_growing and not is_finished:
            borders.pop()
        segments += [_segment(stretch, border, following) for border, following in pairwise(borders)]
    return segments


def _borders(stretch: Stretch, length_ms: int) -> list[int]:
    """The keyframes with which segments begin, and the one behind the stretch."""
    borders = [stretch.first]
    began_ms = stretch.length_ms(stretch.first)
    for keyframe in range(stretch.first + 1, stretch.last + 1):
        at_ms = stretch.index.length_ms(keyframe)
        if at_ms - began_ms >= length_ms:
            borders.append(keyframe)
            began_ms = at_ms
    return [*borders, stretch.last + 1]


def _segment(stretch: Stretch, keyframe: int, following: int) -> Segment:
    index = stretch.index
    return Segment(
        file_id=stretch.row.id,
        first=index.number(keyframe),
        last=(stretch.end.number if following > stretch.last else index.number(following)) - 1,
        start_ms=index.utc_ns(keyframe) // 1_000_000,
        duration_ms=max(1, stretch.length_ms(following) - stretch.length_ms(keyframe)),
        starts_file=keyframe == stretch.first,
    )
