"""What zones and lines say of something that is there."""

from __future__ import annotations

from typing import get_args

import pytest

from vigilar.config import areas
from vigilar.detect.zones import KINDS, MOTION, Direction, Line, Role, Zone, ZoneMap, is_inside

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
LOWER = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))


def box(x: float, y: float, height: float = 0.2) -> tuple[float, float, float, float]:
    """One whose foot is at x, y."""
    return x - 0.05, y - height, x + 0.05, y


def walk(*feet: tuple[float, float], every_ms: int = 500) -> list[tuple[int, tuple[float, float, float, float]]]:
    return [(number * every_ms, box(*foot)) for number, foot in enumerate(feet)]


def include(name: str = "Left", **more: object) -> Zone:
    return Zone(name.lower(), name, Role.INCLUDE, LEFT, **more)  # type: ignore[arg-type]  # fields by their names


def test_kinds_are_those_of_the_settings() -> None:
    assert get_args(areas.Kind) == KINDS


@pytest.mark.parametrize(
    ("at", "inside"),
    [((0.25, 0.75), True), ((0.75, 0.25), False), ((0.25, 1.0), True), ((0.0, 0.5), True), ((0.51, 1.0), False)],
)
def test_lower_edge_of_the_picture_belongs_to_what_touches_it(at: tuple[float, float], inside: bool) -> None:
    assert is_inside(LEFT, at) is inside


def test_hollow_shape_has_its_hollow_outside() -> None:
    u_shape = ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.3), (0.3, 0.3), (0.3, 1), (0, 1))
    assert not is_inside(u_shape, (0.5, 0.8))
    assert is_inside(u_shape, (0.15, 0.8))


def test_without_zones_everything_counts_everywhere() -> None:
    watch = ZoneMap().judge("cat", walk((0.9, 0.9)))
    assert (watch.counts, watch.names) == (True, [])


def test_foot_decides_and_not_the_head() -> None:
    zones = ZoneMap((Zone("low", "Low", Role.INCLUDE, LOWER),))
    assert zones.judge("person", walk((0.5, 0.6))).names == ["Low"]
    assert not zones.judge("person", walk((0.5, 0.45))).counts


def test_only_what_is_in_an_included_zone_counts() -> None:
    zones = ZoneMap((include(),))
    assert not zones.judge("person", walk((0.9, 0.9), (0.6, 0.9))).counts
    assert zones.judge("person", walk((0.9, 0.9), (0.4, 0.9))).names == ["Left"]


def test_zone_of_people_is_none_for_cars_but_for_what_only_moves() -> None:
    zones = ZoneMap((include(kinds=frozenset({"person"})),))
    assert not zones.judge("vehicle", walk((0.2, 0.9))).counts
    assert zones.judge("motion", walk((0.2, 0.9))).names == ["Left"]


def test_ignored_area_counts_for_nothing_in_it() -> None:
    zones = ZoneMap((Zone("tree", "Tree", Role.IGNORE, LEFT),))
    assert not zones.judge("person", walk((0.2, 0.9), (0.3, 0.9))).counts
    assert zones.judge("person", walk((0.2, 0.9), (0.7, 0.9))).counts


def test_area_that_ignores_cars_still_sees_people_and_motion() -> None:
    zones = ZoneMap((Zone("road", "Road", Role.IGNORE, LEFT, frozenset({"vehicle"})),))
    assert not zones.judge("vehicle", walk((0.2, 0.9))).counts
    assert zones.judge("person", walk((0.2, 0.9))).counts
    assert zones.judge("motion", walk((0.2, 0.9))).counts


@pytest.mark.parametrize(
    ("kinds", "asks"),
    [(None, False), (frozenset({"cat"}), True), (frozenset({"cat", MOTION}), False)],
    ids=["all kinds", "cats", "cats and motion"],
)
def test_zones_ask_for_kinds_where_a_motion_alone_says_nothing(kinds: frozenset[str] | None, asks: bool) -> None:
    corner = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    assert ZoneMap((Zone("z", "z", Role.IGNORE, corner, kinds),)).asks_kinds is asks
    assert ZoneMap((Zone("z", "z", Role.INCLUDE, corner, kinds),)).asks_kinds is asks
    assert ZoneMap((), (Line("l", "l", (0.0, 0.0), (1.0, 1.0), kinds),)).asks_kinds is asks
    assert not ZoneMap((Zone("z", "z", Role.PRIVATE, corner),)).asks_kinds


def test_stay_counts_when_it_was_long_enough() -> None:
    zones = ZoneMap((include(dwell_s=2.0),))
    assert not zones.judge("person", walk(*[(0.2, 0.9)] * 4)).counts
    assert zones.judge("person", walk(*[(0.2, 0.9)] * 5)).counts


def test_stay_bears_a_moment_outside_but_no_longer_one() -> None:
    zones = ZoneMap((include(dwell_s=2.0),))
    short = [(0.2, 0.9), (0.2, 0.9), (0.6, 0.9), (0.2, 0.9), (0.2, 0.9)]
    long = [(0.2, 0.9), (0.2, 0.9), (0.6, 0.9), (0.6, 0.9), (0.6, 0.9), (0.2, 0.9)]
    assert zones.judge("person", walk(*short)).counts
    assert not zones.judge("person", walk(*long)).counts


@pytest.mark.parametrize(("height", "counts"), [(0.05, False), (0.11, True), (0.39, True), (0.5, False)])
def test_size_is_the_height_of_the_box(height: float, counts: bool) -> None:
    zones = ZoneMap((include(least_height=0.1, most_height=0.4),))
    assert zones.judge("person", [(0, (0.2, 0.5, 0.3, 0.5 + height))]).counts is counts


@pytest.mark.parametrize(
    ("direction", "downwards", "upwards"),
    [(Direction.BOTH, True, True), (Direction.IN, True, False), (Direction.OUT, False, True)],
)
def test_line_is_crossed_in_to_the_right_hand_of_its_way(direction: Direction, downwards: bool, upwards: bool) -> None:
    """From left to right in the picture, the right hand points down."""
    zones = ZoneMap(lines=(Line("gate", "Gate", (0.2, 0.5), (0.8, 0.5), None, direction),))
    assert zones.judge("person", walk((0.5, 0.4), (0.5, 0.6))).counts is downwards
    assert zones.judge("person", walk((0.5, 0.6), (0.5, 0.4))).counts is upwards


def test_way_past_the_end_of_a_line_crosses_nothing() -> None:
    zones = ZoneMap(lines=(Line("gate", "Gate", (0.2, 0.5), (0.8, 0.5)),))
    watch = zones.judge("person", walk((0.9, 0.4), (0.9, 0.6)))
    assert (watch.counts, watch.names) == (False, [])


def test_line_counts_beside_zones_and_is_named() -> None:
    zones = ZoneMap((include(),), (Line("gate", "Gate", (0.2, 0.5), (0.8, 0.5)),))
    assert zones.judge("person", walk((0.7, 0.4), (0.7, 0.6))).names == ["Gate"]
    assert zones.judge("person", walk((0.3, 0.4), (0.3, 0.6))).names == ["Left", "Gate"]


def test_text_of_a_job_says_the_same() -> None:
    plain = areas.plain_areas(
        [
            areas.Zone.model_validate(
                {
                    "id": "a",
                    "name": "A",
                    "kind": "include",
                    "points": [[0, 0], [1, 0], [1, 1]],
                    "kinds": ["dog"],
                    "dwell": "2s",
                }
            )
        ],
        [areas.Line.model_validate({"id": "b", "name": "B", "from": [0, 0], "to": [1, 1], "direction": "out"})],
    )
    assert ZoneMap.of(plain) == ZoneMap(
        (Zone("a", "A", Role.INCLUDE, ((0, 0), (1, 0), (1, 1)), frozenset({"dog"}), 2.0),),
        (Line("b", "B", (0, 0), (1, 1), None, Direction.OUT),),
    )
    assert ZoneMap.parse("") == ZoneMap()
