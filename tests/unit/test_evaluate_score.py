"""Motions held against labels: recall, false starts, delays, pre-roll."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vigilar.evaluate.infrared import is_grey
from vigilar.evaluate.labels import Named, Rate, Tally, judge
from vigilar.evaluate.ours import Found, Motion
from vigilar.evaluate.score import score
from vigilar.evaluate.trial import percentile
from vigilar.evaluate.truth import ClipTruth, Visit
from vigilar.media.packets import StreamRole

PERSON = frozenset({"person"})
WILD = frozenset({"animal", "bird"})


def truth(*visits: tuple[float, float], quiet: tuple[tuple[float, float], ...] = ()) -> ClipTruth:
    made = tuple(Visit(a, b, "person", PERSON) for a, b in visits)
    return ClipTruth("x.mp4", Path("x.mp4"), StreamRole.SUB, 60.0, 0.5, made, quiet, "x.mp4")


def found(*motions: tuple[float, float, float], kept: list[tuple[float, float]] | None = None) -> Found:
    return Found([Motion(*one) for one in motions], kept=kept)


def test_visit_that_a_motion_overlaps_is_found_with_its_delay() -> None:
    result = score(found((20.2, 25.0, 20.6)), truth((20.0, 30.0)), 1, 60.0)
    assert (result.found, result.visits) == (1, 1)
    assert result.delays_s == pytest.approx((0.6,))
    assert result.start_errors_s == pytest.approx((0.2,))


def test_visit_known_long_after_its_end_is_missed() -> None:
    assert score(found((20.2, 25.0, 31.1)), truth((20.0, 30.0)), 1, 60.0).found == 0


def test_motion_that_went_on_before_has_no_delay() -> None:
    assert score(found((10.0, 40.0, 10.3)), truth((20.0, 30.0)), 1, 60.0).delays_s == (0.0,)


@pytest.mark.parametrize(
    ("motion", "count"),
    [
        ((40.0, 41.0, 40.3), 1),  # in a quiet span
        ((35.0, 36.0, 35.3), 0),  # where nothing is labelled
        ((30.4, 45.0, 30.6), 0),  # the end of a visit, within the tolerance
        ((2.0, 2.5, 2.4), 0),  # nobody is judged while a background is learned
    ],
)
def test_false_start_lies_in_a_quiet_span_and_touches_no_visit(motion: tuple[float, float, float], count: int) -> None:
    labelled = truth((20.0, 30.0), quiet=((0.0, 19.0), (30.0, 33.0), (38.0, 60.0)))
    assert score(found(motion), labelled, 1, 60.0).false_starts == count


def test_second_round_is_judged_like_the_first() -> None:
    result = score(found((80.0, 85.0, 80.2)), truth((20.0, 30.0), quiet=((40.0, 50.0),)), 2, 60.0)
    assert (result.found, result.visits, result.quiet_s) == (1, 2, 20.0)


@pytest.mark.parametrize(
    ("kept", "whole"),
    [([(14.9, 40.0)], 1), ([(15.7, 40.0)], 0), ([(14.9, 18.0), (18.5, 40.0)], 0)],
)
def test_preroll_is_whole_only_without_a_hole(kept: list[tuple[float, float]], whole: int) -> None:
    result = score(found((20.0, 30.0, 20.3), kept=kept), truth((20.0, 30.0)), 1, 60.0)
    assert (result.whole_before, result.recorded) == (whole, 1)


def test_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([0.1, 0.2, 0.3, 0.4], 0.5) == 0.2
    assert percentile([0.1, 0.2, 0.3, 0.4], 0.95) == 0.4
    assert percentile([], 0.5) is None


def test_names_are_right_for_the_visit_they_touch() -> None:
    labelled = ClipTruth(
        "x.mp4",
        Path("x.mp4"),
        StreamRole.MAIN,
        60.0,
        0.5,
        (
            Visit(10, 20, "person", PERSON),
            Visit(30, 35, "deer", frozenset({"animal", "bird"})),
            Visit(40, 42, "x", PERSON),
        ),
        (),
        "x.mp4",
    )
    named = [Named(9.8, 21, "person"), Named(30, 36, "cat"), Named(50, 51, "vehicle"), Named(52, 53, "")]
    rates = judge(named, labelled, Tally())
    assert rates["person"] == Rate(1.0, 0.5, 1, 2)
    assert rates["animal"] == Rate(None, 0.0, 0, 1)
    assert (rates["cat"].precision, rates["vehicle"].precision) == (0.0, 0.0)
    assert rates["all"] == Rate(0.333, 0.333, 3, 3)


def test_motion_of_something_without_a_known_name_is_no_mistake() -> None:
    labelled = ClipTruth(
        "x.mp4", Path("x.mp4"), StreamRole.MAIN, 60.0, 0.5, (Visit(10, 20, "robot", frozenset()),), (), "x.mp4"
    )
    assert judge([Named(10, 20, "person")], labelled, Tally()) == {}


def test_an_animal_is_no_wrong_name_for_a_cat_and_finds_none() -> None:
    cat = Visit(10, 20, "cat", frozenset({"cat"}))
    labelled = ClipTruth("x.mp4", Path("x.mp4"), StreamRole.MAIN, 60.0, 0.5, (cat,), (), "x.mp4")
    rates = judge([Named(10, 20, "animal")], labelled)
    assert (rates["all"].precision, rates["all"].recall) == (1.0, 0.0)
    assert judge([Named(10, 20, "person")], labelled)["all"].precision == 0.0


def test_picture_without_colour_is_of_infrared_light_whatever_compression_left() -> None:
    day = np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    infrared = np.repeat(day[..., :1], 3, axis=2)
    compressed = infrared.copy()
    compressed[::2, ::2, 0] ^= 3
    compressed[1::2, ::2, 2] ^= 3
    assert [is_grey(one) for one in (day, infrared, compressed, infrared[..., 0])] == [False, True, True, True]
