"""Boxes over time, packed: the column ``path`` of ``tracks``, the message of a track, META of recordings.

12 bytes a box, little-endian: u32 milliseconds after the first, u16 left, top, width and height in 1/65535 of the
picture. Symmetrical, no I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_BOX = struct.Struct("<IHHHH")
BOX_BYTES = _BOX.size
_ONE = 65535
MAX_BOXES = 2000
_MAX_MS = 2**32 - 1


class BadPath(ValueError):
    """Bytes that are no path."""


@dataclass(frozen=True, slots=True)
class PathBox:
    """Where something was at ``ts_ms`` (UTC): left, top, width and height in 0..1 of the picture."""

    ts_ms: int
    left: float
    top: float
    width: float
    height: float

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of its lower edge."""
        return self.left + self.width / 2, self.top + self.height


def pack_path(boxes: Sequence[PathBox]) -> bytes:
    """``boxes`` in their order, none before the first; sides are cut to 0..1."""
    start = boxes[0].ts_ms if boxes else 0
    return b"".join(
        _BOX.pack(
            min(max(one.ts_ms - start, 0), _MAX_MS),
            *(round(min(max(side, 0.0), 1.0) * _ONE) for side in (one.left, one.top, one.width, one.height)),
        )
        for one in boxes
    )


def unpack_path(raw: bytes, start_ms: int) -> list[PathBox]:
    """Raises BadPath when ``raw`` is no whole number of boxes, has too many, or goes back in time."""
    if len(raw) % BOX_BYTES or len(raw) > MAX_BOXES * BOX_BYTES:
        raise BadPath("this is not a path")
    found = [
        PathBox(start_ms + after, left / _ONE, top / _ONE, width / _ONE, height / _ONE)
        for after, left, top, width, height in _BOX.iter_unpack(raw)
    ]
    if any(one.ts_ms > other.ts_ms for one, other in pairwise(found)):
        raise BadPath("the path goes back in time")
    return found
