"""Which recordings go next, and what waits for a person's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vigilar.base.keep_rules import CameraKeep, KeepRules
from vigilar.store.deletions import Gone
from vigilar.store.holdings import DAY_MS, Video
from vigilar.store.spans import EventFootage, Spans
from vigilar.upkeep.plan import HOUR_MS, HeldBack, Holdings, Plan, Space, make_plan

NOW_MS = 1_770_000_000_000
PLENTY = Space(1 << 50, 1 << 50, 1)
GB = 10**9


def video(number: int, *, days_ago: float, size: int = 100, camera: str = "front", hours: float = 1.0) -> Video:
    start_ms = NOW_MS - round(days_ago * DAY_MS)
    return Video(number, camera, start_ms, start_ms + round(hours * HOUR_MS), size)


def days(count: int, *, size: int = 100, camera: str = "front", first: int = 1) -> list[Video]:
    """A recording a day, the oldest first, the newest a day ago."""
    return [video(first + at, days_ago=count - at, size=size, camera=camera) for at in range(count)]


def short_of(size: int) -> Space:
    """A disk on which so many bytes are missing (with a reserve too small for any slack)."""
    return Space(10_000, 15 - size, 15)


def going(plan: Plan) -> list[tuple[int, str]]:
    return [(one.video.id, one.why) for one in plan.going]


def held_by(one: Video) -> EventFootage:
    return EventFootage(Spans([(one.camera_id, one.start_ms, one.end_ms)]))


def test_nothing_goes_while_all_fits() -> None:
    plan = make_plan(Holdings(days(5)), KeepRules(quota_bytes=500, keep_ms=6 * DAY_MS), PLENTY, NOW_MS)
    assert plan == Plan()


def test_quota_takes_the_oldest_and_no_more() -> None:
    plan = make_plan(Holdings(days(5)), KeepRules(quota_bytes=350), PLENTY, NOW_MS)
    assert going(plan) == [(1, "quota"), (2, "quota")]


def test_quota_counts_pictures_and_open_files() -> None:
    plan = make_plan(Holdings(days(5), {"front": 30, "gone": 30}), KeepRules(quota_bytes=500), PLENTY, NOW_MS)
    assert going(plan) == [(1, "quota")]


def test_camera_quota_takes_of_that_camera_only() -> None:
    both = sorted(days(4) + days(4, camera="side", first=11), key=lambda one: one.start_ms)
    rules = KeepRules(cameras=(CameraKeep("side", quota_bytes=250),))
    assert going(make_plan(Holdings(both), rules, PLENTY, NOW_MS)) == [(11, "camera-quota"), (12, "camera-quota")]


def test_what_goes_for_one_quota_counts_for_the_other() -> None:
    both = sorted(days(4) + days(4, camera="side", first=11), key=lambda one: one.start_ms)
    rules = KeepRules(quota_bytes=600, cameras=(CameraKeep("side", quota_bytes=300),))
    assert going(make_plan(Holdings(both), rules, PLENTY, NOW_MS)) == [(11, "camera-quota"), (1, "quota")]


def test_reserve_takes_the_oldest_of_all_cameras() -> None:
    both = sorted(days(4) + days(4, camera="side", first=11), key=lambda one: (one.start_ms, one.id))
    held = Holdings([replace(one, id=number) for number, one in enumerate(both, 1)])
    plan = make_plan(held, KeepRules(), short_of(250), NOW_MS)
    assert going(plan) == [(1, "reserve"), (2, "reserve"), (3, "reserve")]


def test_kept_footage_stays_under_every_rule() -> None:
    have = days(6)
    rules = KeepRules(quota_bytes=450, keep_ms=5 * DAY_MS + HOUR_MS)
    plan = make_plan(Holdings(have, kept=held_by(have[0])), rules, short_of(10), NOW_MS)
    assert 1 not in dict(going(plan))
    assert going(plan) == [(2, "quota"), (3, "quota")]


def test_only_kept_footage_left_is_said() -> None:
    have = days(1)
    plan = make_plan(Holdings(have, kept=held_by(have[0])), KeepRules(), short_of(10), NOW_MS)
    assert plan == Plan(is_stuck=True)


@pytest.mark.parametrize(("aged_ms", "goes"), [(-1, False), (0, True)])
def test_age_counts_from_the_end_of_a_recording(aged_ms: int, goes: bool) -> None:
    one = replace(video(1, days_ago=9), end_ms=NOW_MS - 5 * DAY_MS - aged_ms)
    plan = make_plan(Holdings([one, *days(4, first=2)]), KeepRules(keep_ms=5 * DAY_MS), PLENTY, NOW_MS)
    assert going(plan) == ([(1, "age")] if goes else [])


def test_camera_has_its_own_age() -> None:
    both = [one for pair in zip(days(4), days(4, camera="side"), strict=True) for one in pair]
    numbered = [replace(one, id=number) for number, one in enumerate(both, 1)]
    rules = KeepRules(keep_ms=30 * DAY_MS, cameras=(CameraKeep("side", keep_ms=3 * DAY_MS),))
    assert going(make_plan(Holdings(numbered), rules, PLENTY, NOW_MS)) == [(2, "age")]


def test_alarm_footage_outlives_its_age() -> None:
    have = days(6)
    rules = KeepRules(keep_ms=5 * DAY_MS, keep_alarms_ms=50 * DAY_MS)
    assert going(make_plan(Holdings(have, alarms=held_by(have[0])), rules, PLENTY, NOW_MS)) == []
    rules = replace(rules, keep_alarms_ms=5 * DAY_MS)
    assert going(make_plan(Holdings(have, alarms=held_by(have[0])), rules, PLENTY, NOW_MS)) == [(1, "age")]


def test_alarm_footage_goes_last() -> None:
    have = days(6)
    plan = make_plan(Holdings(have, alarms=held_by(have[0])), KeepRules(quota_bytes=350), PLENTY, NOW_MS)
    assert going(plan) == [(2, "quota"), (3, "quota"), (4, "quota")]


def test_alarms_beyond_half_of_all_go_like_any_other() -> None:
    have = days(6)
    alarms = EventFootage(Spans(("front", one.start_ms, one.end_ms) for one in have[:5]))
    plan = make_plan(Holdings(have, alarms=alarms), KeepRules(quota_bytes=350), PLENTY, NOW_MS)
    assert going(plan) == [(1, "quota"), (2, "quota"), (6, "quota")]


def test_quota_with_a_zero_too_few_deletes_nothing() -> None:
    plan = make_plan(Holdings(days(10)), KeepRules(quota_bytes=100), PLENTY, NOW_MS)
    assert plan == Plan(held_back=(HeldBack("quota", 900, 1000),))


def test_exactly_half_needs_no_word() -> None:
    assert len(make_plan(Holdings(days(10)), KeepRules(quota_bytes=500), PLENTY, NOW_MS).going) == 5
    assert make_plan(Holdings(days(10)), KeepRules(quota_bytes=499), PLENTY, NOW_MS).held_back


def test_a_word_lets_so_much_go_and_no_more() -> None:
    rules = KeepRules(quota_bytes=100)
    plan = make_plan(Holdings(days(10)), rules, PLENTY, NOW_MS, word_bytes=900)
    assert going(plan) == [(number, "owner") for number in range(1, 10)]
    assert plan.is_worded


def test_a_word_reaches_for_what_it_was_said_of_although_more_has_come_since() -> None:
    """900 waited when it was given, and 100 more are too much by now; or a zero too few was set since."""
    rules = KeepRules(quota_bytes=100)
    plan = make_plan(Holdings(days(11)), rules, PLENTY, NOW_MS, word_bytes=900)
    assert going(plan) == [*((number, "owner") for number in range(1, 10)), (10, "quota")]
    assert plan.held_back == ()
    plan = make_plan(Holdings(days(11)), rules, PLENTY, NOW_MS, word_bytes=399)
    assert going(plan) == [(number, "owner") for number in range(1, 4)]
    assert plan.held_back == (HeldBack("quota", 700, 800),)
    assert make_plan(Holdings(days(11)), rules, PLENTY, NOW_MS, word_bytes=99).going == ()


def test_what_a_word_leaves_goes_by_age_at_its_own_pace() -> None:
    rules = KeepRules(keep_ms=DAY_MS // 2)
    plan = make_plan(Holdings(days(10)), rules, PLENTY, NOW_MS + 30 * DAY_MS, word_bytes=600)
    assert going(plan) == [(number, "owner") for number in range(1, 7)]
    assert plan.held_back == (HeldBack("age", 400, 400),)
    later = Holdings(days(10))
    plan = make_plan(later, KeepRules(keep_ms=5 * DAY_MS), PLENTY, NOW_MS + 3 * DAY_MS, word_bytes=600)
    assert plan.held_back == ()


def test_clock_ten_years_ahead_deletes_nothing() -> None:
    later_ms = NOW_MS + 3650 * DAY_MS
    plan = make_plan(Holdings(days(10)), KeepRules(keep_ms=30 * DAY_MS), PLENTY, later_ms)
    assert plan == Plan(held_back=(HeldBack("age", 1000, 1000),))


@pytest.mark.parametrize("back_days", [1.5, 2000])
def test_clock_set_back_lets_no_new_recording_go_before_older_ones(back_days: float) -> None:
    before = [video(number, days_ago=1 - number / 10) for number in range(1, 8)]
    fresh = [video(number, days_ago=back_days, camera="side") for number in (8, 9)]
    now_ms = NOW_MS - round(back_days * DAY_MS) + HOUR_MS
    assert going(make_plan(Holdings([*fresh, *before]), KeepRules(quota_bytes=700), PLENTY, now_ms)) == [
        (1, "quota"), (2, "quota"),
    ]  # fmt: skip
    assert going(make_plan(Holdings([*fresh, *before]), KeepRules(), short_of(200), now_ms)) == [
        (1, "reserve"), (2, "reserve"),
    ]  # fmt: skip


def test_clock_that_was_ahead_keeps_cameras_equal() -> None:
    ahead = video(1, days_ago=-3650)
    both = [video(2, days_ago=4), video(3, days_ago=3, camera="side"), video(4, days_ago=2), video(5, days_ago=1)]
    plan = make_plan(Holdings([*both, ahead]), KeepRules(quota_bytes=300), PLENTY, NOW_MS)
    assert going(plan) == [(2, "quota"), (3, "quota")]


def test_old_recording_that_got_its_row_late_goes_first() -> None:
    fresh, found = video(1, days_ago=0.5), [video(2, days_ago=3), video(3, days_ago=2)]
    plan = make_plan(Holdings([*found, fresh]), KeepRules(quota_bytes=200), PLENTY, NOW_MS)
    assert going(plan) == [(2, "quota")]


def test_backlog_goes_one_normal_day_an_hour() -> None:
    have = days(20)
    rules = KeepRules(keep_ms=14 * DAY_MS)
    plan = make_plan(Holdings(have), rules, PLENTY, NOW_MS)
    fresh = going(plan)[0]
    assert fresh == (6, "age"), "too old since less than a day: that is the work of every day"
    assert going(plan)[1:] == [(1, "age")], "a normal day has 100 bytes"
    spent = [Gone(NOW_MS - 20 * DAY_MS, NOW_MS - HOUR_MS // 2, 100, "age")]
    assert going(make_plan(Holdings(have, recent=spent), rules, PLENTY, NOW_MS)) == [fresh]
    an_hour_ago = [replace(spent[0], created_ms=NOW_MS - HOUR_MS)]
    assert going(make_plan(Holdings(have, recent=an_hour_ago), rules, PLENTY, NOW_MS)) == [fresh, (1, "age")]


def test_reserve_takes_the_half_that_may_go() -> None:
    plan = make_plan(Holdings(days(10)), KeepRules(), short_of(800), NOW_MS)
    assert len(plan.going) == 5
    assert plan.held_back == (HeldBack("reserve", 300, 1000),)
    assert not plan.is_stuck


@pytest.mark.parametrize(("count", "gone"), [(1, []), (2, [1]), (3, [1, 2])])
def test_half_is_rounded_up_to_a_recording_but_not_the_newest(count: int, gone: list[int]) -> None:
    plan = make_plan(Holdings(days(count)), KeepRules(), short_of(1000), NOW_MS)
    assert [number for number, _ in going(plan)] == gone
    assert plan.held_back[0].size_bytes == 100 * (count - len(gone))


def test_reserve_remembers_what_was_there_before() -> None:
    """Another program that takes space bit by bit takes no more than one that takes it at once."""
    gone = [Gone(NOW_MS - 12 * DAY_MS, NOW_MS - 5 * 60_000, 100, "reserve") for _ in range(5)]
    plan = make_plan(Holdings(days(6), recent=gone), KeepRules(), short_of(300), NOW_MS)
    assert going(plan) == [(1, "reserve")], "6 of 11 were left"
    assert plan.held_back == (HeldBack("reserve", 200, 600),)


def test_recording_in_a_ring_is_no_loss() -> None:
    """A small disk that is rewritten each hour: as much comes as goes."""
    have = [video(n, days_ago=(60 - n) / 1440, hours=1 / 60) for n in range(60)]
    gone = [Gone(NOW_MS - (1500 - n) * 60_000, NOW_MS - (1440 - n) * 60_000, 100, "reserve") for n in range(1380)]
    plan = make_plan(Holdings(have, recent=gone), KeepRules(), short_of(250), NOW_MS)
    assert going(plan) == [(0, "reserve"), (1, "reserve"), (2, "reserve")]


def test_reserve_frees_a_little_more_than_is_missing() -> None:
    space = Space(1000 * GB, 5 * GB - 1, 5 * GB)
    assert space.wanted_bytes == 1 + 256 * 1024 * 1024
    assert Space(1000 * GB, 5 * GB, 5 * GB).wanted_bytes == 0


@pytest.mark.parametrize(
    ("total", "reserve"),
    [(1000 * GB, 5 * GB), (60 * GB, 3 * GB), (GB, 64 * 1024 * 1024), (100_000_000, 20_000_000)],
)
def test_reserve_without_a_setting(total: int, reserve: int) -> None:
    assert KeepRules().reserve_of(total) == reserve


def test_rules_travel_to_a_running_process() -> None:
    rules = KeepRules(quota_bytes=5, keep_ms=7, cameras=(CameraKeep("front", 1, None),))
    assert KeepRules.parse(rules.dump()) == rules


def test_what_was_recorded_after_the_clock_went_back_is_not_too_old() -> None:
    """The box wakes up in 2020, and records for an hour before it has the time."""
    rules = KeepRules(keep_ms=14 * DAY_MS)
    woken = [video(number, days_ago=2000 - number / 24) for number in range(20, 24)]
    held = Holdings(sorted([*days(10), *woken, video(24, days_ago=0.1)], key=lambda one: one.start_ms))
    assert going(make_plan(held, rules, PLENTY, NOW_MS)) == []
    # Their age counts from what was recorded before them, a day earlier than now.
    later_ms = NOW_MS + 13 * DAY_MS
    woken_go = [
        number
        for number, _ in going(make_plan(held, rules, PLENTY, later_ms, is_asked=True))
        if number in range(20, 24)
    ]
    assert woken_go == [20, 21, 22, 23]


def test_clock_that_was_ahead_keeps_nothing_longer_than_to_its_own_date() -> None:
    """Once in 2036 and once by ten days, each for an hour; what came after was dated rightly."""
    rules = KeepRules(keep_ms=5 * DAY_MS)
    far = video(2, days_ago=-3000)
    near = video(3, days_ago=-10)
    after = [video(4, days_ago=0.5), video(5, days_ago=0.4)]
    held = Holdings(sorted([video(1, days_ago=1), far, near, *after], key=lambda one: one.start_ms))

    def gone_by(day: float) -> set[int]:
        plan = make_plan(held, rules, PLENTY, NOW_MS + round(day * DAY_MS), word_bytes=held.total_bytes)
        return {one.video.id for one in plan.going}

    assert gone_by(4.0) == set()
    assert gone_by(5.8) == {1, 4, 5}
    assert gone_by(14.9) == {1}  # from the tenth day on the clock may have been right
    assert gone_by(15.1) == {1, 3, 4, 5}
