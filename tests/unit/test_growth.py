"""What ``benchmarks.growth`` makes of what it measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.growth import (
    Figure,
    Sample,
    is_level,
    judge_counts,
    judge_memory,
    judge_restarts,
    rows_words,
    second_half,
    untold_ms,
)
from benchmarks.measure import slope

HOURS = range(1, 73)


def days_of(
    camera_mb: list[float], threads: list[float] | None = None, camera_pids: list[int] | None = None
) -> list[Sample]:
    """72 hours of a house of 200 MB that stay, and cameras of these."""
    return [
        Sample(
            hour,
            {"v:web": 200.0, "cameras": camera_mb[at]} | ({"python": 30.0} if hour % 7 == 0 else {}),
            {"v:web": 100.0, "cameras": camera_mb[at] - 50.0},
            {"v:web": 20.0, "cameras": threads[at] if threads else 40.0},
            {"v:web": 50.0, "cameras": 90.0},
            3,
            {"v:web": frozenset({7}), "cameras": frozenset({camera_pids[at] if camera_pids else 8})},
        )
        for at, hour in enumerate(HOURS)
    ]


def named(figures: list[Figure], name: str) -> Figure:
    return next(one for one in figures if one.text.strip().startswith(name))


def test_slope_of_a_line_is_found_behind_outliers() -> None:
    points = [(float(hour), 100.0 + 0.25 * hour) for hour in range(36)]
    for at in range(0, 36, 5):
        points[at] = (float(at), 400.0)
    assert slope(points) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("points", [[], [(3.0, 5.0)], [(3.0, 5.0), (3.0, 9.0)]])
def test_slope_of_too_few_points_is_none(points: list[tuple[float, float]]) -> None:
    assert slope(points) == 0.0


def test_what_happened_before_the_second_half_is_warming_up() -> None:
    filling = [100.0 + min(hour, 30) * 5 for hour in HOURS]
    [whole, *_] = judge_memory(days_of(filling), is_warm=True)
    assert whole.is_met
    assert "+0.00 MB a day, +0.00 % of 450 MB" in whole.text


@pytest.mark.parametrize(("mb_an_hour", "is_met"), [(0.15, True), (0.2, False)])
def test_house_of_450_mb_may_not_grow_by_a_hundredth_a_day(mb_an_hour: float, is_met: bool) -> None:
    """3.6 and 4.8 MB a day. Processes that come for a moment are no growth."""
    growing = [250.0 + mb_an_hour * (hour - 54) for hour in HOURS]
    figures = judge_memory(days_of(growing), is_warm=True)
    assert figures[0].is_met == is_met
    assert f"{mb_an_hour * 24:+.2f} MB a day" in named(figures, "cameras").text
    assert not any(one.text.strip().startswith("python") for one in figures)


def test_memory_that_others_no_longer_share_is_no_growth() -> None:
    samples = days_of([100.0] * 72)
    alone = [replace(one, pss_mb={kind: mb + one.hour for kind, mb in one.pss_mb.items()}) for one in samples]
    assert judge_memory(alone, is_warm=True)[0].is_met


def test_growth_of_a_short_run_is_no_figure() -> None:
    [whole, *_] = judge_memory(days_of([100.0 + 5 * hour for hour in HOURS])[:6], is_warm=False)
    assert whole.is_met
    assert "no figure" in whole.text


def test_count_that_comes_and_goes_is_level_and_one_that_stays_more_is_not() -> None:
    around = [(float(hour), 40.0 + (hour % 3)) for hour in range(36)]
    leaking = [(hour, count + 0.1 * hour) for hour, count in around]
    assert is_level(around)
    assert not is_level(leaking)
    assert is_level([])


def test_rising_threads_are_told_with_their_process() -> None:
    rising = judge_counts("threads", days_of([100.0] * 72, [float(hour) for hour in HOURS]), lambda one: one.threads)
    assert not rising.is_met
    assert rising.text.startswith("threads: RISING in cameras;")
    assert judge_counts("threads", days_of([100.0] * 72), lambda one: one.threads).is_met


@pytest.mark.parametrize(("restarted_at", "is_met"), [(20, True), (60, False)])
def test_restart_in_the_second_half_makes_the_growth_void(restarted_at: int, is_met: bool) -> None:
    pids = [8 if hour < restarted_at else 9 for hour in HOURS]
    assert judge_restarts(days_of([100.0] * 72, camera_pids=pids)).is_met == is_met


def test_programs_that_only_read_settings_are_no_restart() -> None:
    samples = days_of([100.0] * 72)
    reading = [
        replace(one, pss_mb={**one.pss_mb, "python": 30.0}, pids={**one.pids, "python": frozenset({one.hour})})
        for one in samples
    ]
    assert judge_restarts(reading).is_met


def test_second_half_leaves_out_what_is_not_known() -> None:
    points = second_half(days_of([float(hour) for hour in HOURS]), lambda one: one.pss_mb.get("python"))
    assert points == [(42.0, 30.0), (49.0, 30.0), (56.0, 30.0), (63.0, 30.0), (70.0, 30.0)]


def test_tables_that_gained_most_come_first() -> None:
    rows = [{"files": 5, "events": 1}, {"files": 10, "events": 2}, {"files": 12, "events": 9, "new": 3}]
    assert rows_words(rows) == "events 2 to 9, new 0 to 3, files 10 to 12"


@pytest.mark.parametrize(
    ("told", "missing_ms"),
    [
        ([], 20_000),
        ([(5_000, 60_000)], 0),
        ([(10_800, 30_000)], 0),
        ([(12_000, 15_000), (14_000, 25_000)], 2_000 + 5_000),
        ([(0, 9_000), (40_000, 50_000)], 20_000),
    ],
)
def test_gap_is_explained_by_what_was_told_of_it(told: list[tuple[int, int]], missing_ms: int) -> None:
    assert untold_ms(10_000, 30_000, told) == missing_ms
