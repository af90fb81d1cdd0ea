"""Which moments a time-lapse shows: even steps of the time that is recorded, smaller ones where something happened.
Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

MOST_SLOWED = 8.0
"""So many times slower is it where something happens: who walks by for half a minute is seen for half a second in a
minute of a day, and would be two pictures without it."""

MOST_SHARE = 0.6
"""At most so much of a smart one is of what happened: the day is to pass, too."""

Span = tuple[int, int]
"""[from, to) in UTC ms."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """In order, overlapping ones as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif begin < end:
            found.append((begin, end))
    return found


def clipped(spans: Iterable[Span], within: Sequence[Span]) -> list[Span]:
    """The parts of ``spans`` that lie in ``within``; both in order."""
    cut = ((max(a, begin), min(b, end)) for a, b in spans for begin, end in within)
    return joined((begin, end) for begin, end in cut if begin < end)


def pick_times(recorded: Sequence[Span], busy: Sequence[Span], count: int) -> list[int]:
    """``count`` moments (UTC ms) of what is recorded, in order. ``busy``: where it goes slower; both in order, each
    without overlaps. Fewer where there is not a millisecond for each."""
    slow = clipped(busy, recorded)
    busy_ms, whole_ms = _length(slow), _length(recorded)
    if whole_ms <= 0 or count <= 0:
        return []
    parts = _parts(recorded, slow)
    weight = _weight(busy_ms, whole_ms - busy_ms)
    weights = [(end - begin) * (weight if is_slow else 1.0) for begin, end, is_slow in parts]
    ends = list(accumulate(weights))
    times = []
    for number in range(count):
        at = (number + 0.5) * ends[-1] / count
        index = min(len(parts) - 1, bisect_right(ends, at))
        begin, end, _ = parts[index]
        into = (at - (ends[index] - weights[index])) / weights[index]
        times.append(min(end - 1, begin + int(into * (end - begin))))
    return times


def _weight(busy_ms: int, quiet_ms: int) -> float:
    """How many times slower what is busy goes, so that it takes no more than its share."""
    if not busy_ms or not quiet_ms:
        return 1.0
    return max(1.0, min(MOST_SLOWED, MOST_SHARE / (1 - MOST_SHARE) * quiet_ms / busy_ms))


def _parts(recorded: Sequence[Span], slow: Sequence[Span]) -> list[tuple[int, int, bool]]:
    """All that is recorded in pieces, each with whether it goes slower."""
    parts = []
    for begin, end in recorded:
        at = begin
        for first, last in slow:
            if last <= begin or first >= end:
                continue
            if at < first:
                parts.append((at, first, False))
            parts.append((first, last, True))
            at = last
        if at < end:
            parts.append((at, end, False))
    return parts


def _length(spans: Iterable[Span]) -> int:
    return sum(end - begin for begin, end in spans)
