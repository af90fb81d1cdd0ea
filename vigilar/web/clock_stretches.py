"""Stretches of time in which the house's clock keeps one distance from UTC: two or three a year. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from itertools import pairwise

HOUR_MS = 3_600_000


MAX_BACK_DAYS = 4000
"""Hours of the clock are looked for so far back: longer than anything is kept."""


def clock_spans(from_ms: int, to_ms: int, zone: tzinfo) -> list[tuple[int, int, int]]:
    """The stretches of [from_ms, to_ms) in which the zone's distance from UTC is one, each with that distance in ms: by
    it the clock of a moment is ``(moment + distance) % day``."""
    from_ms = max(from_ms, to_ms - MAX_BACK_DAYS * 24 * HOUR_MS, 0)
    edges = [from_ms]
    at = from_ms
    while at < to_ms:
        after = min(to_ms, at + 7 * 24 * HOUR_MS)
        if _offset_ms(at, zone) != _offset_ms(after, zone):
            edges.append(find_edge(at, after, zone))
        at = after
    return [(first, last, _offset_ms(first, zone)) for first, last in pairwise([*edges, to_ms]) if first < last]


def find_edge(low: int, high: int, zone: tzinfo) -> int:
    """The first ms after ``low`` at which the offset is that of ``high``."""
    wanted = _offset_ms(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_ms(middle, zone) == wanted:
            high = middle
        else:
            low = middle
    return high


def _offset_ms(ms: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)
