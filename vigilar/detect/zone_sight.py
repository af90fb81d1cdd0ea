"""Zones and lines for the analysis of motion: where a small picture is black, what is ignored, which blobs count.

A blob has no name and no path: it is taken as ``MOTION``, its foot is the middle of its lower edge, a stay in a zone is
that of whatever moves in it, and it has crossed a line when the nearest blob of the look before stood on the other
side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vigilar.detect.lighting import Blob, Grey
from vigilar.detect.zones import MOTION, Bounds, Line, Point, Role, Zone, ZoneMap, foot_of

NEAR_BELOW = 0.02
"""A blob is cut off where an ignored area begins: one that stands this close above it, in parts of the height, has its
foot in there."""
GAP_S = 1.0
"""Whatever moves in a zone and is not seen for this long has left it; longer where looks are rarer."""
REACH = 0.15
"""So far, in parts of the picture, something goes between two looks at most."""
CROSSED_S = 3.0
"""After a line was crossed, what moves counts for this long: it is the one that crossed, or close to it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """``counting``: the largest blob that counts. ``stirring_px``: the pixels of the largest that counts or may come to
    soon, as it stays in a zone or may cross a line. ``names``: zones and lines of what counts."""

    counting: Blob | None = None
    stirring_px: int = 0
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Stay:
    since_ns: int
    seen_ns: int


@dataclass(slots=True)
class _Memory:
    """What is known from the looks before."""

    stays: dict[str, _Stay] = field(default_factory=dict)
    feet: list[Point] = field(default_factory=list)
    looked_ns: int = 0
    crossed: dict[str, int] = field(default_factory=dict)


class ZoneSight:
    """The zones of one camera for pictures of one size. One thread."""

    def __init__(self, zones: ZoneMap, shape: tuple[int, int]) -> None:
        self._zones = zones
        self._height, self._width = shape
        self._private = _mask([zone.points for zone in zones.of_role(Role.PRIVATE)], shape, widen=True)
        ignored = [zone for zone in zones.of_role(Role.IGNORE) if zone.kinds is None or MOTION in zone.kinds]
        self._ignored = _mask([zone.points for zone in ignored], shape, widen=False)
        self._includes = zones.of_role(Role.INCLUDE)
        self._memory = _Memory()

    def blacken(self, small: Grey) -> Grey:
        """``small`` with its private areas black, in place."""
        if self._private is not None:
            small[self._private > 0] = 0
        return small

    def hide(self, found: Grey) -> Grey:
        """The foreground ``found`` without what is ignored, in place."""
        if self._ignored is not None:
            found[self._ignored > 0] = 0
        return found

    def standing(self, blobs: Sequence[Blob]) -> list[Blob]:
        """Those that do not stand in an ignored area."""
        if self._ignored is None:
            return list(blobs)
        return [blob for blob in blobs if not self._is_ignored(self._bounds(blob))]

    def judge(self, blobs: Sequence[Blob], mono_ns: int, *, is_newest: bool) -> Judged:
        """What zones and lines say of the blobs of a picture, largest first. One that is looked back at
        (``is_newest`` false) sees what stands in zones, and begins no stay and crosses no line."""
        if not self._includes and not self._zones.lines:
            return Judged(blobs[0], blobs[0].area_px) if blobs else Judged()
        boxes = [self._bounds(blob) for blob in blobs]
        crossed = self._crossed([foot_of(box) for box in boxes], mono_ns) if is_newest else self._memory.crossed
        counting: Blob | None = None
        stirring_px = 0
        names: dict[str, None] = dict.fromkeys(crossed)
        for blob, box in zip(blobs, boxes, strict=True):
            inside = [zone for zone in self._includes if _is_in(zone, box)]
            stayed = [zone for zone in inside if self._has_stayed(zone, mono_ns, is_newest=is_newest)]
            if stayed or crossed:
                counting = counting or blob
                names |= dict.fromkeys(zone.name for zone in stayed)
            if inside or self._zones.lines:
                stirring_px = max(stirring_px, blob.area_px)
        if is_newest:
            self._memory.looked_ns = mono_ns
        return Judged(counting, stirring_px, tuple(names) if counting else ())

    def _bounds(self, blob: Blob) -> Bounds:
        return (
            blob.x / self._width,
            blob.y / self._height,
            (blob.x + blob.width) / self._width,
            (blob.y + blob.height) / self._height,
        )

    def _is_ignored(self, box: Bounds) -> bool:
        x, y = foot_of(box)
        return self._zones.is_ignored(MOTION, (x, y)) or self._zones.is_ignored(MOTION, (x, y + NEAR_BELOW))

    def _has_stayed(self, zone: Zone, mono_ns: int, *, is_newest: bool) -> bool:
        stay = self._memory.stays.get(zone.id)
        if not is_newest:
            return zone.dwell_s == 0.0 or (stay is not None and mono_ns - stay.since_ns >= zone.dwell_s * 1e9)
        gap_ns = max(GAP_S * 1e9, 1.5 * (mono_ns - self._memory.looked_ns))
        if stay is None or mono_ns - stay.seen_ns > gap_ns:
            stay = self._memory.stays[zone.id] = _Stay(mono_ns, mono_ns)
        stay.seen_ns = mono_ns
        return mono_ns - stay.since_ns >= zone.dwell_s * 1e9

    def _crossed(self, feet: list[Point], mono_ns: int) -> dict[str, int]:
        """Lines that were crossed lately, by name."""
        memory = self._memory
        for foot in feet:
            before = min(memory.feet, key=lambda other, foot=foot: _apart(other, foot), default=None)  # type: ignore[misc]
            if before is not None and _apart(before, foot) <= REACH:
                memory.crossed |= {line.name: mono_ns for line in self._zones.lines if _crosses(line, before, foot)}
        if feet:
            memory.feet = feet
        memory.crossed = {name: at for name, at in memory.crossed.items() if mono_ns - at <= CROSSED_S * 1e9}
        return memory.crossed


def _crosses(line: Line, before: Point, after: Point) -> bool:
    return line.is_crossed(before, after)


def _is_in(zone: Zone, box: Bounds) -> bool:
    return zone.wants(MOTION, box[3] - box[1]) and zone.holds(foot_of(box))


def _apart(one: Point, other: Point) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _mask(polygons: Sequence[Sequence[Point]], shape: tuple[int, int], *, widen: bool) -> Grey | None:
    """255 where one of them is; None where there is none. ``widen``: and one pixel around."""
    if not polygons or 0 in shape:
        return None
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    for points in polygons:
        corners = np.round(np.asarray(points) * (width, height)).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255)
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), dtype=np.uint8) if widen else mask
