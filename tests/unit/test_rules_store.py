"""What decisions look back at, on a real database: who was told, what was snoozed, how the house stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ready_store import open_ready_store
from tests.rules_kit import BERLIN, DAY, berlin
from vigilar.base.errors import StoreError
from vigilar.base.notify_rules import NotifyRules, Rule
from vigilar.config.load import parse_config
from vigilar.config.models import Config
from vigilar.config.notify_cut import notify_rules
from vigilar.rules.decide import decide, rows_of
from vigilar.rules.decision import Decision
from vigilar.rules.situation import read_situation
from vigilar.rules.summary import read_summaries
from vigilar.store import arming, presence, snoozes, tellings, users
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.store.snoozes import NewSnooze, find_quiet
from vigilar.store.tellings import TellingRow

MINUTE = 60_000
PEOPLE = Rule(name="People", when=("person",), tell=("everyone",))
RULES = NotifyRules(rules=(PEOPLE,), time_zone="Europe/Berlin", per_day=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        users.create_owner(store, "Sam", "hash", 1)
        users.create_member(store, "Kim", "hash", "adult", None, 2)
        ensure_camera(store, "garden", "Garden", 1)
        yield store


def seen(store: Store, number: int, at: int, kind: str = "person", end: int | None = None) -> StoredEvent:
    new = NewEvent(
        uid=f"e-{number}",
        type="motion",
        severity="INFO",
        source_id="garden",
        ts_ms=at,
        end_ms=at + 5_000 if end is None else end,
        kind=kind,
        payload={"title": "Person, Garden", "camera_name": "Garden"},
    )
    event = insert_event(store, new, now_ms=at)
    assert event is not None
    return event


def decided(store: Store, event: StoredEvent, now: int, settings: NotifyRules = RULES) -> Decision:
    decision = decide(event, read_situation(store, settings, event, now), settings)
    with store.write("decide") as connection:
        tellings.write_tellings(
            connection,
            rows_of(decision),
            event_id=event.id,
            incident_id=event.incident_id,
            source_id=event.source_id,
            now_ms=now,
        )
    return decision


def told(decision: Decision) -> list[tuple[int, bool]]:
    return [(one.member_id, one.is_update) for one in decision.tellings]


def test_situation_is_that_of_the_house(store: Store) -> None:
    arming.change_state(store, lambda state: arming.armed(state, "night", "Sam", "page", DAY, leave_s=0), DAY)
    presence.set_presence(store, 2, "away", DAY)
    event = seen(store, 1, DAY)
    now = read_situation(store, RULES, event, DAY)
    assert (now.mode, now.is_of_camera, now.zone) == ("night", True, BERLIN)
    assert [(one.name, one.role, one.place) for one in now.people] == [
        ("Sam", "owner", "unknown"),
        ("Kim", "adult", "away"),
    ]
    assert now.is_nobody_home


def test_event_that_changes_is_told_in_place(store: Store) -> None:
    event = seen(store, 1, DAY)
    assert told(decided(store, event, DAY)) == [(1, False), (2, False)]
    assert told(decided(store, event, DAY + 1000)) == [(1, True), (2, True)]


def test_daily_limit_counts_incidents_and_starts_anew_at_midnight(store: Store) -> None:
    for number in range(2):
        event = seen(store, number, DAY + number)
        decided(store, event, DAY + number)
        decided(store, event, DAY + number + 10)
    third = decided(store, seen(store, 3, DAY + 3), DAY + 3)
    assert third.limited == (1, 2)
    next_day = berlin("2026-03-09 00:00")
    assert told(decided(store, seen(store, 4, next_day), next_day)) == [(1, False), (2, False)]


def test_story_over_midnight_is_one_of_the_day_on_which_it_was_told(store: Store) -> None:
    """What is told of it after midnight makes no sound, and took the place of one of the new day all the same."""
    before, after = berlin("2026-03-08 23:59"), berlin("2026-03-09 00:01")
    long = seen(store, 1, before, end=after)
    assert told(decided(store, long, before)) == [(1, False), (2, False)]
    other = replace(RULES, rules=(replace(PEOPLE, name="Somebody"),))
    assert told(decided(store, long, after, other)) == [(1, True), (2, True)]
    for number in (2, 3):
        assert told(decided(store, seen(store, number, after), after)) == [(1, False), (2, False)]
    assert decided(store, seen(store, 4, after), after).limited == (1, 2)


def test_clock_that_was_a_year_ahead_leaves_the_days_limit_alone(store: Store) -> None:
    """All ordinary ones of the year would have waited for the summary."""
    ahead = DAY + 365 * 24 * 60 * MINUTE
    for number in range(2):
        decided(store, seen(store, number, ahead + number), ahead + number)
    assert told(decided(store, seen(store, 3, DAY), DAY)) == [(1, False), (2, False)]
    assert tellings.told_between(store, 1, DAY - MINUTE, DAY) == 1


def test_cool_down_holds_for_one_camera(store: Store) -> None:
    settings = replace(RULES, rules=(replace(PEOPLE, again_after_s=600),), per_day=99)
    decided(store, seen(store, 1, DAY), DAY, settings)
    assert told(decided(store, seen(store, 2, DAY + 9 * MINUTE), DAY + 9 * MINUTE, settings)) == []
    ensure_camera(store, "drive", "Drive", 1)
    other = seen(store, 3, DAY + 9 * MINUTE)._replace(source_id="drive")
    assert len(told(decided(store, other, DAY + 9 * MINUTE, settings))) == 2
    assert len(told(decided(store, seen(store, 4, DAY + 10 * MINUTE), DAY + 10 * MINUTE, settings))) == 2


def test_clock_that_is_set_back_does_not_lengthen_the_cool_down(store: Store) -> None:
    settings = replace(RULES, rules=(replace(PEOPLE, again_after_s=600),), per_day=99)
    decided(store, seen(store, 1, DAY), DAY, settings)
    assert len(told(decided(store, seen(store, 2, DAY - 60 * MINUTE), DAY - 60 * MINUTE, settings))) == 2


def test_summary_comes_once_in_the_morning_after(store: Store) -> None:
    for number in range(5):
        at = DAY + number * MINUTE
        decided(store, seen(store, number, at), at)
    morning = berlin("2026-03-09 08:00")
    assert read_summaries(store, RULES, morning - 1) == []
    [sam, kim] = read_summaries(store, RULES, morning)
    assert (sam.member_id, sam.title) == (1, "3 more yesterday")
    assert sam.body == "Person 3 times, after the day's ordinary ones. They are on the page of events."
    assert kim.story == "summary-2026-03-08-2"
    assert [one.story for one in read_summaries(store, RULES, morning + MINUTE)] == [sam.story, kim.story]
    assert read_summaries(store, RULES, berlin("2026-03-09 13:00")) == []


def a_snooze(**changes: object) -> NewSnooze:
    values: dict[str, object] = {
        "user_id": 2, "camera_id": None, "made_by": "Kim", "start_ms": DAY, "until_ms": DAY + 60 * MINUTE,
    }  # fmt: skip
    return NewSnooze(**{**values, **changes})  # type: ignore[arg-type]


def test_snooze_ends_by_itself(store: Store) -> None:
    snoozes.add_snooze(store, a_snooze())
    during, after = DAY + 59 * MINUTE, DAY + 60 * MINUTE
    assert told(decided(store, seen(store, 1, during), during)) == [(1, False)]
    assert (2, False) in told(decided(store, seen(store, 2, after), after))


def test_snooze_is_ended_by_a_person(store: Store) -> None:
    made = snoozes.add_snooze(store, a_snooze())
    snoozes.end_snooze(store, made.id, DAY + MINUTE)
    assert snoozes.snoozes_between(store, DAY + MINUTE, DAY + MINUTE) == []
    found = snoozes.find_snooze(store, made.id)
    assert found is not None
    assert found.ended_ms == DAY + MINUTE


def test_newer_snooze_takes_the_place_of_the_older(store: Store) -> None:
    snoozes.add_snooze(store, a_snooze())
    newer = snoozes.add_snooze(store, a_snooze(start_ms=DAY + MINUTE, until_ms=DAY + 16 * MINUTE))
    assert [one.id for one in snoozes.snoozes_between(store, DAY + 2 * MINUTE, DAY + 2 * MINUTE)] == [newer.id]


def test_snooze_until_quiet_goes_on_while_something_happens(store: Store) -> None:
    made = snoozes.add_snooze(store, a_snooze(camera_id="garden", quiet_ms=10 * MINUTE))
    for number, minute in enumerate((5, 12, 20)):
        seen(store, number, DAY + minute * MINUTE, "motion")
    ends = [snoozes.quiet_end_ms(store, made, DAY + minute * MINUTE) for minute in (9, 21, 30)]
    assert ends == [None, None, None]
    last_end = DAY + 20 * MINUTE + 5_000
    assert snoozes.quiet_end_ms(store, made, last_end + 10 * MINUTE) == last_end + 10 * MINUTE
    # What happens afterwards does not bring it back.
    seen(store, 9, DAY + 40 * MINUTE)
    assert snoozes.quiet_end_ms(store, made, DAY + 41 * MINUTE) == last_end + 10 * MINUTE


@pytest.mark.parametrize(
    ("spans", "now", "wanted"),
    [
        ([], 9, None),
        ([], 10, 10),
        ([(3, 5)], 14, None),
        ([(3, 5)], 15, 15),
        ([(3, 50)], 40, None),
        ([(0, 2), (1, 20)], 25, None),
        ([(11, 12)], 12, 10),
    ],
)
def test_quiet_is_found_between_spans(spans: list[tuple[int, int]], now: int, wanted: int | None) -> None:
    assert find_quiet(spans, 0, now, 10) == wanted


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"until_ms": DAY + 13 * 60 * MINUTE}, "snooze.end"), ({"until_ms": DAY}, "snooze.end"),
     ({"camera_id": "nowhere"}, "camera.unknown")],
)  # fmt: skip
def test_snooze_without_a_right_end_is_refused(store: Store, changes: dict[str, object], code: str) -> None:
    with pytest.raises(StoreError) as caught:
        snoozes.add_snooze(store, a_snooze(**changes))
    assert caught.value.code == code


def test_tellings_of_an_event_are_written_once(store: Store) -> None:
    event = seen(store, 1, DAY)
    for _ in range(2):
        with store.write("decide") as connection:
            tellings.write_tellings(
                connection,
                [TellingRow(1, "People", "ordinary")],
                event_id=event.id,
                incident_id=None,
                source_id="garden",
                now_ms=DAY,
            )
    assert tellings.told_of(store, event.id, None) == [TellingRow(1, "People", "ordinary")]


def test_rules_of_the_house_tell_of_a_person_at_night_without_any_setting(store: Store) -> None:
    text = '[[camera]]\nname = "Garden"\naddress = "demo:garden"\n[house]\ntime_zone = "Europe/Berlin"'
    settings = notify_rules(parse_config(text.encode(), "x"))
    night = berlin("2026-03-09 02:30")
    decision = decided(store, seen(store, 1, night), night, settings)
    assert [(one.member_id, one.is_loud) for one in decision.tellings] == [(1, True), (2, True)]
    noon = berlin("2026-03-09 12:00")
    assert told(decided(store, seen(store, 2, noon), noon, settings)) == []
    assert notify_rules(Config()).per_day == 6
