"""How long recordings will stay, as a range."""

from __future__ import annotations

import pytest

from vigilar.base.keep_rules import KeepRules
from vigilar.store.holdings import DAY_MS, DaySum
from vigilar.upkeep.forecast import Forecast, Rate, camera_days, capacity_of, forecast, rate_of
from vigilar.upkeep.plan import Space

NOW_MS = 20_000 * DAY_MS + DAY_MS // 2
GB = 10**9


def day_sums(*sizes: int, camera: str = "front") -> list[DaySum]:
    """Sums of whole days, the last of them yesterday."""
    first = NOW_MS // DAY_MS - len(sizes)
    return [
        DaySum(camera, first + at, size, (first + at) * DAY_MS, (first + at + 1) * DAY_MS)
        for at, size in enumerate(sizes)
    ]


def test_range_comes_from_the_days() -> None:
    rate = rate_of(day_sums(5, *range(100, 210, 10)), NOW_MS)
    assert rate == Rate(150, 110, 190), "the first day may have begun at noon"


def test_days_of_all_cameras_are_added() -> None:
    both = day_sums(1, 100, 100, 100) + day_sums(1, 50, 50, 50, camera="side")
    assert rate_of(both, NOW_MS) == Rate(150, 150, 150)


def test_quiet_day_counts_as_a_day() -> None:
    days = [one for one in day_sums(1, 100, 100, 100, 100) if one.day != NOW_MS // DAY_MS - 2]
    rate = rate_of(days, NOW_MS)
    assert rate is not None
    assert rate.low < 100


def test_few_hours_give_a_wide_range_that_says_so() -> None:
    today = NOW_MS // DAY_MS
    rate = rate_of([DaySum("front", today, GB, NOW_MS - DAY_MS // 4, NOW_MS)], NOW_MS)
    assert rate == Rate(4 * GB, 2 * GB, 8 * GB, DAY_MS // 4)
    found = forecast(rate, 100 * GB, None)
    assert (found.days, found.days_low, found.days_high) == (25, 12.5, 50)
    assert found.sentence == "At this rate you keep 25 days (12 to 50). There are only 6 hours of recordings to go by."


def test_first_minute_is_one_minute() -> None:
    rate = rate_of([DaySum("front", NOW_MS // DAY_MS, 1000, NOW_MS - 60_000, NOW_MS)], NOW_MS)
    assert forecast(rate, 100 * GB, None).sentence.endswith("There is only 1 minute of recordings to go by.")


@pytest.mark.parametrize(
    ("capacity", "keep_ms", "sentence"),
    [
        (240, None, "At this rate you keep 24 days (22 to 27)."),
        (240, 30 * DAY_MS, "At this rate you keep 24 days (22 to 27)."),
        (240, 25 * DAY_MS, "At this rate you keep 24 days (22 to 25)."),
        (240, 22 * DAY_MS // 11, "There is space for the 2 days that recordings are to be kept."),
        (10, None, "At this rate you keep 24 hours (22 to 27)."),
        (0, None, "At this rate you keep 0 minutes (0 to 0)."),
        (20, None, "At this rate you keep 2 days (44 hours to 2 days)."),
    ],
)
def test_sentence(capacity: int, keep_ms: int | None, sentence: str) -> None:
    assert forecast(Rate(10, 9, 11), capacity, keep_ms).sentence == sentence


def test_nothing_recorded_says_nothing() -> None:
    assert rate_of([], NOW_MS) is None
    assert forecast(None, GB, None).days is None


def test_room_is_the_least_of_quota_and_disk() -> None:
    space = Space(1000 * GB, 105 * GB, 5 * GB)
    assert capacity_of(KeepRules(), space, 200 * GB, 0) == 300 * GB
    assert capacity_of(KeepRules(), space, 200 * GB, 50 * GB) == 250 * GB
    assert capacity_of(KeepRules(quota_bytes=150 * GB), space, 200 * GB, 0) == 150 * GB
    assert capacity_of(KeepRules(), Space(1000 * GB, GB, 5 * GB), 0, 0) == 0


def test_camera_stays_as_long_as_the_least_of_its_limits() -> None:
    house, rate = Forecast(24.0, 22.0, 27.0, ""), Rate(10, 10, 10)
    assert camera_days(rate, None, None, house) == 24
    assert camera_days(rate, 100, None, house) == 10
    assert camera_days(rate, 100, 5 * DAY_MS, house) == 5
    assert camera_days(None, 100, 5 * DAY_MS, house) is None
