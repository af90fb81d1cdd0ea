"""Zones and lines of a camera's picture: ``[[camera.zone]]`` and ``[[camera.line]]``, and the form they travel in.

What they mean says ``vigilar.detect.zones``; here they are only checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from vigilar.config.table import Table
from vigilar.config.values import CameraId, Name, Seconds, as_tuple, between_s, refuse, takes

MOST_ZONES, MOST_LINES, MOST_POINTS = 32, 16, 64
"""More is a mistake of a program: nobody can look after them."""
LEAST_AREA = 1e-4
"""A hundredth of the picture's width by a hundredth of its height: what is smaller was a slip of the finger."""
LEAST_LENGTH = 0.01
DIGITS = 4
"""Of a coordinate in the file: a quarter of a pixel in a picture 2560 wide."""

Kind = Literal["person", "vehicle", "cat", "dog", "bird", "animal", "motion"]
Point = tuple[float, float]

_POINT = "two numbers from 0 to 1, such as [0.25, 0.5]: across from the left, and down from the top"


def _read_point(value: object) -> Point:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_part, value)):
        return round(float(value[0]), DIGITS), round(float(value[1]), DIGITS)
    raise refuse(f"must be {_POINT}")


def _is_part(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _read_points(value: object) -> tuple[Point, ...]:
    if not isinstance(value, (list, tuple)) or not 3 <= len(value) <= MOST_POINTS:
        raise refuse(f"must be a list of 3 to {MOST_POINTS} corners, each {_POINT}")
    points = tuple(_read_point(point) for point in value)
    if area_of(points) < LEAST_AREA:
        raise refuse("must be the corners of an area: these lie on one line, or next to one another")
    return points


def area_of(points: tuple[Point, ...]) -> float:
    """The part of the picture inside, 0..1; a shape that crosses itself has less."""
    edges = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2


def _read_kinds(value: object) -> object:
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and not value:
        raise refuse("must name at least one kind; leave it out for all")
    return as_tuple(value)


def _check_part(value: float) -> float:
    if _is_part(value):
        return float(value)
    raise refuse("must be a number from 0 to 1: a part of the picture's height")


_A_POINT = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 2}
_Corner = Annotated[Point, BeforeValidator(_read_point), PlainSerializer(list), WithJsonSchema(_A_POINT)]
_Corners = Annotated[
    tuple[Point, ...],
    BeforeValidator(_read_points),
    PlainSerializer(lambda points: [list(point) for point in points]),
    WithJsonSchema({"type": "array", "items": _A_POINT, "minItems": 3, "maxItems": MOST_POINTS}),
]
_Kinds = Annotated[tuple[Kind, ...] | None, BeforeValidator(_read_kinds)]
_Part = Annotated[float, AfterValidator(_check_part)]
_KINDS_TAKE = takes('list of "person", "vehicle", "cat", "dog", "bird", "animal", "motion"')


class Zone(Table):
    """An area of a camera's picture. Something is in it where it stands: at the middle of its lower edge. Once a camera
    has an `include` zone or a line, only what is in such a zone or crosses a line is told. Changed while running."""

    given_id: CameraId = Field(
        alias="id", description="Its short name, its own among zones and lines.", json_schema_extra=takes("short name")
    )
    name: Name = Field(description="What the area is called.", json_schema_extra=takes("text"))
    role: Literal["include", "ignore", "private"] = Field(
        default="include",
        alias="kind",
        description="`include`: tell of what is here. `ignore`: what moves here does not count. `private`: black in "
        "stills and in what is looked at; recordings and the full live picture keep it unless the camera masks it.",
        json_schema_extra=takes('"include", "ignore" or "private"'),
    )
    points: _Corners = Field(
        description="The corners in order, each in parts of the picture's width and height.",
        json_schema_extra=takes(f"list of 3 to {MOST_POINTS} corners, each `[x, y]` from 0 to 1"),
    )
    kinds: _Kinds = Field(
        default=None, description="Only these count here; left out: all.", json_schema_extra=_KINDS_TAKE
    )
    dwell_s: Annotated[Seconds, AfterValidator(between_s(0, 600))] = Field(
        default=0.0,
        alias="dwell",
        description="How long something must be here before it counts. Not for other zones than `include`.",
        json_schema_extra=takes('time, "0s" to "10m"'),
    )
    least_height: _Part = Field(
        default=0.0,
        alias="smallest",
        description="What is lower in the picture does not count here. Not for other zones than `include`.",
        json_schema_extra=takes("0 to 1 of the picture's height"),
    )
    most_height: _Part = Field(
        default=1.0,
        alias="largest",
        description="What is higher in the picture does not count here. Not for other zones than `include`.",
        json_schema_extra=takes("0 to 1 of the picture's height"),
    )

    @model_validator(mode="after")
    def _fits_role(self) -> Self:
        if self.role != "include":
            wrong = "dwell" if self.dwell_s else "smallest" if self.least_height else "largest"
            if self.dwell_s or self.least_height or self.most_height < 1:
                raise refuse('is for a zone with kind = "include"', key=wrong)
            if self.role == "private" and self.kinds is not None:
                raise refuse("is not for a private area, in which nothing is seen", key="kinds")
        if self.least_height >= self.most_height:
            raise refuse('must be below "largest"', key="smallest")
        return self

    def plain(self) -> dict[str, Any]:
        """As in the form of the page."""
        return {
            "id": self.given_id,
            "name": self.name,
            "kind": self.role,
            "kinds": None if self.kinds is None else list(self.kinds),
            "points": [list(point) for point in self.points],
            "dwell_s": self.dwell_s,
            "least_height": self.least_height,
            "most_height": self.most_height,
        }


class Line(Table):
    """A line that something crosses, with the point where it stands. Once a camera has one, only what crosses a line or
    is in an `include` zone is told. Changed while running."""

    given_id: CameraId = Field(
        alias="id", description="Its short name, its own among zones and lines.", json_schema_extra=takes("short name")
    )
    name: Name = Field(description="What the line is called.", json_schema_extra=takes("text"))
    start: _Corner = Field(
        alias="from", description="Where it begins.", json_schema_extra=takes("`[x, y]` from 0 to 1")
    )
    end: _Corner = Field(alias="to", description="Where it ends.", json_schema_extra=takes("`[x, y]` from 0 to 1"))
    kinds: _Kinds = Field(
        default=None, description="Only these count here; left out: all.", json_schema_extra=_KINDS_TAKE
    )
    direction: Literal["both", "in", "out"] = Field(
        default="both",
        description="`in`: from the left hand to the right hand of somebody who goes from `from` to `to`. `out`: the "
        "other way.",
        json_schema_extra=takes('"both", "in" or "out"'),
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if max(abs(self.start[0] - self.end[0]), abs(self.start[1] - self.end[1])) < LEAST_LENGTH:
            raise refuse("must be away from the beginning of the line", key="to")
        return self

    def plain(self) -> dict[str, Any]:
        """As in the form of the page."""
        return {
            "id": self.given_id,
            "name": self.name,
            "from": list(self.start),
            "to": list(self.end),
            "kinds": None if self.kinds is None else list(self.kinds),
            "direction": self.direction,
        }


def check_areas(zones: tuple[Zone, ...], lines: tuple[Line, ...]) -> tuple[str, int, str] | None:
    """What is wrong with them together: key, index, and the end of a sentence about its ``id``."""
    if len(zones) > MOST_ZONES:
        return "zone", MOST_ZONES, f"is one too many: a camera has at most {MOST_ZONES} zones"
    if len(lines) > MOST_LINES:
        return "line", MOST_LINES, f"is one too many: a camera has at most {MOST_LINES} lines"
    known: set[str] = set()
    listed = [("zone", at, one.given_id) for at, one in enumerate(zones)]
    for key, index, area_id in listed + [("line", at, one.given_id) for at, one in enumerate(lines)]:
        if area_id in known:
            return key, index, "is already the id of another zone or line of this camera"
        known.add(area_id)
    return None


def plain_areas(zones: Iterable[Zone], lines: Iterable[Line]) -> dict[str, Any]:
    """The form of the page: ``{"zones": [...], "lines": [...]}``."""
    return {"zones": [zone.plain() for zone in zones], "lines": [line.plain() for line in lines]}


def dump_areas(zones: tuple[Zone, ...], lines: tuple[Line, ...]) -> str:
    """The same as text, for a job; ``""`` when there are none."""
    return json.dumps(plain_areas(zones, lines), separators=(",", ":")) if zones or lines else ""


def zone_table(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What of the page's form of a zone stands in the file; defaults are left out."""
    table = {key: plain[key] for key in ("id", "name", "kind", "points", "kinds") if plain.get(key) is not None}
    if plain.get("dwell_s"):
        table["dwell"] = f"{round(plain['dwell_s'] * 1000)}ms" if plain["dwell_s"] % 1 else f"{plain['dwell_s']:.0f}s"
    if plain.get("least_height"):
        table["smallest"] = plain["least_height"]
    if plain.get("most_height") not in (None, 1, 1.0):
        table["largest"] = plain["most_height"]
    return table


def line_table(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a line."""
    return {
        key: plain[key]
        for key in ("id", "name", "from", "to", "kinds", "direction")
        if plain.get(key) is not None and plain[key] != "both"
    }
