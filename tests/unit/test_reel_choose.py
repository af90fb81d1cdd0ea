"""Which moments a reel shows and how long each; which moments a time-lapse shows. Rows in, pieces out."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import pytest

from vigilar.playback.gaps import Gap
from vigilar.playback.reel.choose import FADE_MS, PIECE_MS, SHORTEST_MS, Choice, choose
from vigilar.playback.reel.lapse import PLATE_PICTURES, plan_lapse
from vigilar.playback.reel.pace import joined, pick_times
from vigilar.playback.timeline import Span, Timeline
from vigilar.store.events import StoredEvent

S, MINUTE, HOUR = 1000, 60_000, 3_600_000
DAY = 24 * HOUR
T0 = 1_770_000_000_000 // HOUR * HOUR
NUMBERS = count(1)
ALL = {"door": [(T0, T0 + DAY)], "garden": [(T0, T0 + DAY)], "yard": [(T0, T0 + DAY)]}


def visit(at_ms: int, length_s: float = 8, camera: str = "door", kind: str = "person", **more: Any) -> StoredEvent:
    number = next(NUMBERS)
    facts: dict[str, Any] = {
        "id": number, "uid": str(number), "change": number, "type": "motion", "severity": "INFO", "source_id": camera,
        "ts_ms": T0 + at_ms, "end_ms": T0 + at_ms + round(length_s * S), "still_id": None, "payload": {},
        "created_ms": 0, "first_change": number, "kept": False, "kind": kind,
    }  # fmt: skip
    return StoredEvent(**{**facts, **more})


def pick(events: list[StoredEvent], length_s: float = 60, recorded: Any = None, **more: Any) -> Choice:
    return choose(events, recorded or ALL, length_ms=round(length_s * S), now_ms=T0 + DAY, **more)


def times(choice: Choice) -> list[int]:
    return [one.moment.ts_ms - T0 for one in choice.pieces]


@pytest.mark.parametrize("length_s", [10, 30, 60, 600])
def test_enough_material_makes_the_length_asked(length_s: int) -> None:
    events = [visit(n * 9 * MINUTE, 3 + n % 20) for n in range(120)]
    choice = pick(events, length_s)
    assert abs(choice.length_ms - length_s * S) <= 20
    assert times(choice) == sorted(times(choice))


def test_few_long_visits_are_shown_longer() -> None:
    choice = pick([visit(n * HOUR, 90) for n in range(3)])
    assert [one.length_ms > PIECE_MS for one in choice.pieces] == [True] * 3
    assert abs(choice.length_ms - 60 * S) <= 5


def test_little_material_makes_a_short_reel() -> None:
    assert pick([visit(HOUR, 4), visit(2 * HOUR, 4)]).length_ms == 2 * 7 * S - FADE_MS
    assert pick([]).pieces == ()


def test_same_rows_make_the_same_reel_in_any_order() -> None:
    events = [visit(n * 7 * MINUTE, 5) for n in range(100)]
    assert pick(events) == pick(list(reversed(events)))


def test_no_camera_kind_or_hour_takes_all() -> None:
    windy = [visit(13 * HOUR + n * 30 * S, 20, "garden", "animal", label_score=1.0) for n in range(60)]
    few = [visit(h * HOUR, 6, "door", "vehicle") for h in (8, 10, 17)] + [
        visit(h * HOUR, 6, "yard", "motion") for h in (9, 20)
    ]
    choice = pick(windy + few)
    assert set(times(choice)) >= {8 * HOUR, 10 * HOUR, 17 * HOUR}
    assert len({one.moment.camera_id for one in choice.pieces}) == 3


def test_alarm_and_kept_come_before_others() -> None:
    events = [visit(n * 20 * MINUTE, 20, "garden") for n in range(60)]
    alarm, kept = (
        visit(5 * HOUR + 5 * MINUTE, 3, severity="ALERT"),
        visit(6 * HOUR + 5 * MINUTE, 3, kind="motion", kept=True),
    )
    choice = pick([*events, alarm, kept], 20)
    assert {alarm.id, kept.id} <= {one.moment.event_id for one in choice.pieces}


def test_dropped_kinds_and_events_are_left_out() -> None:
    person, cat = visit(HOUR), visit(2 * HOUR, kind="cat")
    assert times(pick([person, cat], kinds=["cat"])) == [2 * HOUR]
    assert times(pick([person, cat], without=[cat.id])) == [HOUR]


def test_everybody_is_shown_alike_and_nobody_else() -> None:
    people = [visit(n * HOUR, 5 + n) for n in range(20)]
    choice = pick([*people, visit(30 * MINUTE, 60, kind="cat")], 60, people_only=True)
    assert (len(choice.pieces), choice.left_out) == (20, 0)
    assert abs(choice.length_ms - 60 * S) <= 20
    lengths = [one.length_ms for one in choice.pieces]
    assert max(lengths) - min(lengths) <= 1


def test_too_many_people_leave_some_out_and_say_how_many() -> None:
    choice = pick([visit(n * MINUTE, 9) for n in range(200)], 30, people_only=True)
    assert min(one.length_ms for one in choice.pieces) >= SHORTEST_MS
    assert choice.left_out == 200 - len(choice.pieces) > 0
    assert abs(choice.length_ms - 30 * S) <= 50


def test_no_second_of_a_camera_is_shown_twice() -> None:
    events = [visit(HOUR, 300, kind="motion"), visit(HOUR + 60 * S, 20), visit(HOUR + 70 * S, 20, kind="dog")]
    spans = sorted((one.moment.from_ms, one.moment.from_ms + one.length_ms) for one in pick(events).pieces)
    assert len(spans) >= 2
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_visit_without_recording_is_named() -> None:
    gone, half = visit(HOUR), visit(3 * HOUR, 30)
    recorded = {"door": [(T0 + 3 * HOUR + 10 * S, T0 + 4 * HOUR)]}
    choice = pick([gone, half], recorded=recorded)
    assert choice.unrecorded == (("door", T0 + HOUR - S, T0 + HOUR + 10 * S),)
    assert [one.moment.from_ms - T0 for one in choice.pieces] == [3 * HOUR + 10 * S]


class TestPace:
    def test_even_steps_skip_what_is_not_recorded(self) -> None:
        assert pick_times([(0, 100), (200, 300)], [], 4) == [25, 75, 225, 275]

    def test_busy_time_goes_slower_and_the_count_stays(self) -> None:
        found = pick_times([(0, DAY)], [(HOUR, HOUR + 30 * MINUTE)], 1500)
        inside = [at for at in found if HOUR <= at < HOUR + 30 * MINUTE]
        assert (len(found), found) == (1500, sorted(found))
        assert 200 < len(inside) < 260  # eight times the 31 of even steps

    def test_busy_day_is_no_film_of_events_alone(self) -> None:
        found = pick_times([(0, DAY)], [(0, 12 * HOUR)], 1000)
        assert sum(at < 12 * HOUR for at in found) == 600

    @pytest.mark.parametrize("busy", [[], [(0, 50)], [(0, 1000)]])
    def test_every_moment_is_recorded(self, busy: list[tuple[int, int]]) -> None:
        found = pick_times([(10, 20), (500, 530)], busy, 200)
        assert len(found) == 200
        assert all(10 <= at < 20 or 500 <= at < 530 for at in found)

    def test_nothing_recorded_gives_nothing(self) -> None:
        assert pick_times([], [(0, 5)], 10) == []

    def test_spans_are_joined(self) -> None:
        assert joined([(5, 9), (0, 6), (20, 21), (9, 10)]) == [(0, 10), (20, 21)]


class TestPlates:
    def test_gaps_take_of_the_length_and_stand_in_their_place(self) -> None:
        gap = Gap(T0 + HOUR, T0 + 2 * HOUR, "silent", "The camera sent no pictures.")
        short = Gap(T0 + 3 * HOUR, T0 + 3 * HOUR + 30 * S, "silent", "")
        spans = [Span(T0, T0 + HOUR), Span(T0 + 2 * HOUR, T0 + 3 * HOUR), Span(T0 + 3 * HOUR + 30 * S, T0 + DAY)]
        plan = plan_lapse(Timeline(spans, [gap, short]), [], 1500, T0 + DAY)
        assert plan.count == 1500
        at = plan.shown.index(gap)
        assert short not in plan.shown
        before, after = plan.shown[at - 1], plan.shown[at + 1]
        assert isinstance(before, int)
        assert isinstance(after, int)
        assert before < T0 + HOUR < T0 + 2 * HOUR <= after
        assert len(plan.shown) == 1500 - PLATE_PICTURES + 1

    def test_many_gaps_are_a_fifth_at_most(self) -> None:
        spans = [Span(T0 + n * 10 * MINUTE, T0 + n * 10 * MINUTE + 5 * MINUTE) for n in range(100)]
        gaps = [Gap(one.to_ms, one.to_ms + 5 * MINUTE, "lost", "") for one in spans]
        plan = plan_lapse(Timeline(spans, gaps), [], 1000, T0 + DAY)
        assert plan.count == 1000
        assert sum(isinstance(one, Gap) for one in plan.shown) == 8
