"""Single looks become one start, dated back, and one end."""

from __future__ import annotations

import pytest

from vigilar.detect.hysteresis import QUIET_S, Hysteresis, Look, Turn

LEAST = 0.01


def _play(values: list[float], rate: float = 10.0, hysteresis: Hysteresis | None = None) -> list[tuple[int, Turn]]:
    hysteresis = hysteresis or Hysteresis(LEAST)
    changes = []
    for n, value in enumerate(values):
        at_ns = round(n / rate * 1e9)
        change = hysteresis.add(Look(at_ns, at_ns, value))
        if change is not None:
            changes.append((n, change))
    return changes


@pytest.mark.parametrize("flash", [[0.5], [0.5, 0.5], [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]])
def test_flash_starts_nothing(flash: list[float]) -> None:
    assert _play([0.0] * 5 + flash + [0.0] * 10, rate=15) == []


@pytest.mark.parametrize(("rate", "starts_at"), [(30.0, 10), (10.0, 7), (4.0, 6), (2.0, 6)])
def test_motion_starts_once_it_was_seen_for_long_enough(rate: float, starts_at: int) -> None:
    assert _play([0.0] * 5 + [0.02] * 20, rate) == [(starts_at, Turn.STARTED)]


def test_thin_thing_seen_in_most_looks_starts() -> None:
    assert _play([0.0] * 5 + [0.02, 0.0, 0.02, 0.02]) == [(8, Turn.STARTED)]


def _play_boxes(lefts: list[float], rate: float, width: float = 0.1) -> bool:
    """Whether something of a hundredth of the picture starts a motion, with its left edges by look."""
    hysteresis = Hysteresis(LEAST)
    return any(
        hysteresis.add(Look(round(n / rate * 1e9), round(n / rate * 1e9), 0.01, (left, 0.4, left + width, 0.5)))
        for n, left in enumerate(lefts)
    )


def test_what_is_elsewhere_at_each_look_is_not_one_thing() -> None:
    assert not _play_boxes([0.1, 0.7, 0.3, 0.9, 0.5, 0.0, 0.8], rate=10), "rain, insects"
    assert not _play_boxes([0.1, 0.22, 0.34, 0.46, 0.58, 0.7, 0.82], rate=10), "it never touches where it was"


def test_what_touches_where_it_was_is_one_thing() -> None:
    assert _play_boxes([0.1, 0.19, 0.28, 0.37], rate=10)
    assert _play_boxes([0.1, 0.25, 0.4, 0.55], rate=4), "a slow camera: six of its sizes a second"
    assert _play_boxes([0.1, 0.7, 0.19, 0.28, 0.37], rate=10), "a drop between"


def test_start_is_dated_to_the_sliver_before() -> None:
    hysteresis = Hysteresis(LEAST)
    _play([0.0, 0.0, 0.0, 0.005, 0.007, 0.02, 0.03, 0.04], hysteresis=hysteresis)
    assert hysteresis.first is not None
    assert hysteresis.first.mono_ns == 300_000_000
    assert hysteresis.peak_area_frac == 0.04


def test_start_is_not_dated_over_a_pause() -> None:
    hysteresis = Hysteresis(LEAST)
    _play([0.02, 0.0, 0.0, 0.0, 0.0, 0.02, 0.02, 0.02], hysteresis=hysteresis)
    assert hysteresis.first is not None
    assert hysteresis.first.mono_ns == 500_000_000


def test_motion_ends_after_quiet_and_keeps_its_last_look_and_peak() -> None:
    hysteresis = Hysteresis(LEAST)
    changes = _play([0.0] * 5 + [0.02, 0.03, 0.09, 0.02, 0.008] + [0.0] * 40, hysteresis=hysteresis)
    assert changes == [(7, Turn.STARTED), (9 + int(QUIET_S * 10), Turn.ENDED)]
    assert hysteresis.last is not None
    assert hysteresis.last.mono_ns == 900_000_000
    assert hysteresis.peak_area_frac == 0.09


def test_short_pauses_do_not_end_motion() -> None:
    values = ([0.02] * 5 + [0.0] * 20) * 4
    assert [change for _, change in _play(values)] == [Turn.STARTED]


def test_motion_without_end_has_no_end() -> None:
    assert [change for _, change in _play([0.02] * 10_000)] == [Turn.STARTED]


def test_breaking_off_tells_whether_there_was_motion() -> None:
    hysteresis = Hysteresis(LEAST)
    assert not hysteresis.break_off()
    _play([0.02] * 5, hysteresis=hysteresis)
    assert hysteresis.break_off()
    assert not hysteresis.is_moving
