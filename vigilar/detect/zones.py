"""Where it matters: zones and lines of a camera's picture, and what they say of something that is there.

One meaning for all who ask: the analysis of motion, the tracks of objects, and the page that counts what a drawing
would have done to last week's events. Pure, without numpy or OpenCV, so that the page may ask as well.

- Something stands where its *foot* is: the middle of its box's lower edge.
- ``ignore``: what stands in it does not count there.
- ``include``: once there is one, or a line, only what stands in such a zone long enough, and is of its kinds and size,
  or crosses a line, counts.
- ``private``: is black before anybody looks, so nothing is ever in it.
- A line is crossed ``in`` from the left hand to the right hand of somebody who goes from its start to its end as the
  picture shows it, ``out`` the other way.
- What is only known to move (kind ``motion``) may be anything, so each kind that a zone or line wants fits it; but it
  is ignored only by a zone that ignores all kinds, or motion by name.

Points are in 0..1 of the picture's width and height, from its upper left corner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MOTION = "motion"
KINDS = ("person", "vehicle", "cat", "dog", "bird", "animal", MOTION)
"""What something can be."""

GAP_MS = 1_000
"""Somebody in a zone who is not seen for this long, or whose foot leaves it, has not gone yet."""

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]
"""Left, top, right, bottom of a box, in 0..1."""


class Role(Enum):
    """What a zone is for; ``kind`` in the forms that others see."""

    INCLUDE = "include"
    IGNORE = "ignore"
    PRIVATE = "private"


class Direction(Enum):
    """Which crossings of a line count."""

    BOTH = "both"
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Zone:
    """An area. ``kinds`` None: all. ``least_height`` and ``most_height`` bound the height of a box, in parts of the
    picture's. ``dwell_s`` and the heights are for INCLUDE."""

    id: str
    name: str
    role: Role
    points: tuple[Point, ...]
    kinds: frozenset[str] | None = None
    dwell_s: float = 0.0
    least_height: float = 0.0
    most_height: float = 1.0
    bounds: Bounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        xs, ys = zip(*self.points, strict=True)
        object.__setattr__(self, "bounds", (min(xs), min(ys), max(xs), max(ys)))

    def holds(self, foot: Point) -> bool:
        """Whether ``foot`` is inside. On the lower edge of the picture counts as inside of what touches it."""
        left, top, right, bottom = self.bounds
        return left <= foot[0] <= right and top <= foot[1] <= bottom and is_inside(self.points, foot)

    def wants(self, kind: str, height: float) -> bool:
        return _fits(self.kinds, kind) and self.least_height <= height <= self.most_height


@dataclass(frozen=True, slots=True)
class Line:
    """A line that something may cross."""

    id: str
    name: str
    start: Point
    end: Point
    kinds: frozenset[str] | None = None
    direction: Direction = Direction.BOTH
    bounds: Bounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        (x0, y0), (x1, y1) = self.start, self.end
        object.__setattr__(self, "bounds", (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))

    def is_crossed(self, before: Point, after: Point) -> bool:
        """Whether the way from ``before`` to ``after`` crosses it in the wanted direction."""
        side_before, side_after = _side(self.start, self.end, before), _side(self.start, self.end, after)
        if (side_before > 0) == (side_after > 0) or side_before == side_after:
            return False
        if (_side(before, after, self.start) > 0) == (_side(before, after, self.end) > 0):
            return False
        is_in = side_after > side_before  # y grows downwards, so the right hand is where the product is positive
        return self.direction is Direction.BOTH or is_in == (self.direction is Direction.IN)


@dataclass(frozen=True, slots=True)
class ZoneMap:
    """All zones and lines of one camera. Equal ones mean the same."""

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ZoneMap:
        """From what ``dump`` made, or ``""`` for none. It was checked where it was set (``config``)."""
        return cls.of(json.loads(text)) if text else cls()

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> ZoneMap:
        """From the form that the page sends: ``{"zones": [...], "lines": [...]}``."""
        return cls(
            tuple(_zone(one) for one in plain.get("zones", ())), tuple(_line(one) for one in plain.get("lines", ()))
        )

    def of_role(self, role: Role) -> tuple[Zone, ...]:
        return tuple(zone for zone in self.zones if zone.role is role)

    @property
    def private(self) -> tuple[tuple[Point, ...], ...]:
        """The areas that must be black."""
        return tuple(zone.points for zone in self.of_role(Role.PRIVATE))

    @property
    def asks_kinds(self) -> bool:
        """Whether it depends on what somebody is if they count: a motion alone does not say then."""
        areas: tuple[Zone | Line, ...] = (*self.of_role(Role.IGNORE), *self.of_role(Role.INCLUDE), *self.lines)
        return any(one.kinds is not None and MOTION not in one.kinds for one in areas)

    def is_ignored(self, kind: str, foot: Point) -> bool:
        """Whether something of ``kind`` that stands at ``foot`` does not count there."""
        return any(_is_of(zone, kind) and zone.holds(foot) for zone in self.of_role(Role.IGNORE))

    def may_count(self, kind: str, feet: Bounds, lasts_ms: int) -> bool:
        """Whether something that stands only within ``feet``, and for so long, may count at all; what is ignored is
        not looked at."""
        zones = self.of_role(Role.INCLUDE)
        if not (zones or self.lines):
            return True
        stays = [zone.bounds for zone in zones if _fits(zone.kinds, kind) and zone.dwell_s * 1000 <= lasts_ms]
        crosses = [line.bounds for line in self.lines if _fits(line.kinds, kind)]
        return any(_meet(feet, bounds) for bounds in (*stays, *crosses))

    def judge(self, kind: str, path: Iterable[tuple[int, Bounds]], gap_ms: int = GAP_MS) -> ZoneWatch:
        """What a whole path says: milliseconds that rise, and boxes."""
        watch = ZoneWatch(self, kind, gap_ms)
        for at_ms, box in path:
            watch.add(at_ms, box)
        return watch


NO_ZONES = ZoneMap()


@dataclass(slots=True)
class _Stay:
    """Somebody is in a zone."""

    since_ms: int
    seen_ms: int


@dataclass(slots=True)
class ZoneWatch:
    """Follows one thing over the zones. ``kind`` may be set anew as more is known of it; it counts from then on.

    ``names`` are the zones it has been in, long enough, and the lines it has crossed, in that order. ``counts``:
    whether it is to be told at all. ``gap_ms`` is more than GAP_MS where its boxes are rarer.
    """

    zones: ZoneMap
    kind: str
    gap_ms: int = GAP_MS
    counts: bool = False
    is_counting: bool = False
    names: list[str] = field(default_factory=list)
    _stays: dict[str, _Stay] = field(default_factory=dict)
    _foot: Point | None = None
    _has_crossed: bool = False
    _ignores: tuple[Zone, ...] = ()
    _includes: tuple[Zone, ...] = ()

    def __post_init__(self) -> None:
        self._ignores, self._includes = self.zones.of_role(Role.IGNORE), self.zones.of_role(Role.INCLUDE)

    def add(self, at_ms: int, box: Bounds) -> bool:
        """It is at ``box`` at ``at_ms``, which does not go back. Gives ``is_counting``: whether it counts there."""
        foot = foot_of(box)
        before, self._foot = self._foot, foot
        if self._ignores and self.zones.is_ignored(self.kind, foot):
            self.is_counting = False
            return False
        includes, lines = self._includes, self.zones.lines
        is_inside = False
        for zone in includes:
            if zone.wants(self.kind, box[3] - box[1]) and zone.holds(foot) and self._stays_in(zone, at_ms):
                is_inside = True
                self._name(zone.name)
        if before is not None:
            for line in lines:
                if line.is_crossed(before, foot) and _fits(line.kinds, self.kind):
                    self._has_crossed = True
                    self._name(line.name)
        self.is_counting = is_inside or self._has_crossed or not (includes or lines)
        self.counts = self.counts or self.is_counting
        return self.is_counting

    def _name(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)

    def _stays_in(self, zone: Zone, at_ms: int) -> bool:
        """Whether it has been in ``zone``, where it stands, for long enough."""
        stay = self._stays.get(zone.id)
        if stay is None or at_ms - stay.seen_ms > self.gap_ms:
            stay = self._stays[zone.id] = _Stay(at_ms, at_ms)
        stay.seen_ms = at_ms
        return at_ms - stay.since_ms >= zone.dwell_s * 1000


def foot_of(box: Bounds) -> Point:
    """Where something stands, that its box is around; beyond the picture counts as on its edge."""
    # Compared by hand: this is asked for each box of a week, and min and max took as long as the judgement.
    x, y = (box[0] + box[2]) / 2, box[3]
    return 0.0 if x < 0.0 else 1.0 if x > 1.0 else x, 0.0 if y < 0.0 else 1.0 if y > 1.0 else y


def is_inside(points: Sequence[Point], at: Point) -> bool:
    """Whether ``at``, in 0..1, is in the polygon, by the even-odd rule."""
    x, y = min(max(at[0], _EDGE), 1 - _EDGE), min(max(at[1], _EDGE), 1 - _EDGE)
    inside = False
    x0, y0 = points[-1]
    for x1, y1 in points:
        if (y1 > y) != (y0 > y) and x < (x0 - x1) * (y - y1) / (y0 - y1) + x1:
            inside = not inside
        x0, y0 = x1, y1
    return inside


_EDGE = 1e-6
"""A foot on the picture's lower edge is in a zone that reaches down to it: it is looked for so little above."""


def _meet(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _fits(kinds: frozenset[str] | None, kind: str) -> bool:
    return kinds is None or kind == MOTION or kind in kinds


def _is_of(zone: Zone, kind: str) -> bool:
    return zone.kinds is None or kind in zone.kinds


def _side(start: Point, end: Point, at: Point) -> float:
    """Above 0 to the right of the way from start to end, below 0 to its left, as the picture shows it."""
    return (end[0] - start[0]) * (at[1] - start[1]) - (end[1] - start[1]) * (at[0] - start[0])


def _zone(plain: Mapping[str, Any]) -> Zone:
    return Zone(
        id=plain["id"],
        name=plain["name"],
        role=Role(plain["kind"]),
        points=tuple((float(x), float(y)) for x, y in plain["points"]),
        kinds=_kinds(plain.get("kinds")),
        dwell_s=float(plain.get("dwell_s") or 0.0),
        least_height=float(plain.get("least_height") or 0.0),
        most_height=float(1.0 if plain.get("most_height") is None else plain["most_height"]),
    )


def _line(plain: Mapping[str, Any]) -> Line:
    return Line(
        id=plain["id"],
        name=plain["name"],
        start=(float(plain["from"][0]), float(plain["from"][1])),
        end=(float(plain["to"][0]), float(plain["to"][1])),
        kinds=_kinds(plain.get("kinds")),
        direction=Direction(plain.get("direction") or "both"),
    )


def _kinds(plain: Sequence[str] | None) -> frozenset[str] | None:
    return None if plain is None else frozenset(plain)
