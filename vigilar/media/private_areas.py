"""Areas of a picture that nobody may see: which pixels they cover. Pure.

What is covered is black in every picture that is made of a decoded one (stills, storyboards, tiles, MJPEG, live video,
which is encoded anew for that). The camera's own stream is recorded as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

Polygon = tuple[tuple[float, float], ...]
"""Corners in 0..1 of width and height."""

GetPrivate = Callable[[], tuple[Polygon, ...]]
"""The areas as they are now: a decoder outlives a change of the settings."""

Span = tuple[int, int, int]
"""Row, first column, and the column behind the last."""


def no_private_areas() -> tuple[Polygon, ...]:
    return ()


@lru_cache(maxsize=16)
def covered_spans(polygons: tuple[Polygon, ...], width: int, height: int) -> tuple[Span, ...]:
    """The pixels of a picture of that size that the areas touch, and one more to each side: rather too much is black
    than too little."""
    return tuple(
        (row, max(0, int(left * width) - 1), min(width, int(right * width) + 2))
        for polygon in polygons
        for row in range(height)
        for left, right in _row_spans(polygon, row, height)
    )


def _row_spans(polygon: Polygon, row: int, height: int) -> list[tuple[float, float]]:
    """What the polygon covers of a row: looked at where the row begins, in its middle and where it ends."""
    found: list[tuple[float, float]] = []
    for at in (row - 0.5, row + 0.5, row + 1.5):
        crossings = _crossings(polygon, at / height)
        found.extend(zip(crossings[::2], crossings[1::2], strict=True))
    return found


def _crossings(polygon: Polygon, y: float) -> list[float]:
    """Where the edges cross the height ``y``, from left to right; always an even number."""
    found = []
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        if (y1 > y) != (y0 > y):
            found.append((x0 - x1) * (y - y1) / (y0 - y1) + x1)
        x0, y0 = x1, y1
    return sorted(found)
