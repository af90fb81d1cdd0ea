"""What rules would have told of the last seven days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pace import slowness
from tests.ready_store import open_ready_store
from tests.rules_kit import KIM, SAM, an_event, berlin
from vigilar.base.notify_rules import NotifyRules, Rule
from vigilar.rules.replay import Past, compare, read_past, replay
from vigilar.store import arming, snoozes, users
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.snoozes import NewSnooze

NOW = berlin("2026-03-09 12:00")
HOUR = 3_600_000
PEOPLE = Rule(name="People", when=("person",), tell=("everyone",))
AWAY = Rule(name="Away", when=("person",), tell=("Sam",), modes=("away",), level="loud")
SETTINGS = NotifyRules(rules=(PEOPLE,), time_zone="Europe/Berlin", per_day=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        users.create_owner(store, "Sam", "hash", 1)
        ensure_camera(store, "garden", "Garden", 1)
        yield store


def seen(store: Store, number: int, at: int, **changes: object) -> int:
    values: dict[str, object] = {
        "uid": f"e-{number}", "type": "motion", "severity": "INFO", "source_id": "garden", "ts_ms": at,
        "end_ms": at + 5_000, "kind": "person", "payload": {"title": "Person, Garden"},
    }  # fmt: skip
    event = insert_event(store, NewEvent(**{**values, **changes}), now_ms=at)  # type: ignore[arg-type]
    assert event is not None
    return event.id


def of_store(store: Store, settings: NotifyRules = SETTINGS) -> dict[str, int]:
    return dict(replay(read_past(store, NOW, [settings]), settings).by_rule)


def test_events_of_the_last_seven_days_are_counted_with_the_limit_of_each_day(store: Store) -> None:
    for number in range(5):
        seen(store, number, NOW - 2 * HOUR + number * 60_000)
    seen(store, 8, NOW - 30 * HOUR)
    seen(store, 9, NOW - 7 * 24 * HOUR - 1)
    assert of_store(store) == {"People": 3}
    assert of_store(store, replace(SETTINGS, per_day=9)) == {"People": 6}


def test_mode_is_that_of_then(store: Store) -> None:
    def change(mode: str, at: int) -> None:
        if mode == "disarmed":
            arming.change_state(store, lambda state: arming.disarmed(state, "Sam", "page", at), at)
        else:
            arming.change_state(store, lambda state: arming.armed(state, "away", "Sam", "page", at, leave_s=0), at)

    change("away", NOW - 6 * HOUR)
    change("disarmed", NOW - 4 * HOUR)
    change("away", NOW - 2 * HOUR)
    for number, hours in enumerate((7, 5, 3, 1)):
        seen(store, number, NOW - hours * HOUR)
    assert of_store(store, replace(SETTINGS, rules=(AWAY,))) == {"Away": 2}


def test_snooze_of_then_counts(store: Store) -> None:
    start = NOW - 3 * HOUR
    wish = NewSnooze(user_id=1, camera_id=None, made_by="Sam", start_ms=start, until_ms=start + HOUR)
    snoozes.add_snooze(store, wish)
    seen(store, 1, start + 60_000)
    seen(store, 2, start + HOUR)
    assert of_store(store) == {"People": 1}


def test_outage_counts_when_it_lasted(store: Store) -> None:
    down = {"type": "camera_offline", "severity": "WARNING", "kind": ""}
    seen(store, 1, NOW - 3 * HOUR, **down, end_ms=NOW - 3 * HOUR + 179_000)
    seen(store, 2, NOW - 2 * HOUR, **down, end_ms=NOW - 2 * HOUR + 181_000)
    seen(store, 3, NOW - HOUR, **down, end_ms=None, payload={"is_open": True})
    rule = Rule(name="Down", when=("camera-down",), lasts_s=180, tell=("owners",), level="loud")
    assert of_store(store, replace(SETTINGS, rules=(rule,))) == {"Down": 2}


def past_of(*events: object) -> Past:
    return Past(events, (SAM, KIM), ((0, "disarmed"),), (), frozenset({"garden"}))  # type: ignore[arg-type]


def test_incident_counts_once_for_a_rule_and_a_member() -> None:
    visits = [an_event(kind="person", at=NOW + one, incident=5, event_id=one) for one in range(1, 4)]
    result = replay(past_of(*visits), SETTINGS)
    assert (dict(result.by_rule), dict(result.by_member)) == ({"People": 1}, {1: 1, 2: 1})
    assert list(result.told) == [1]


def test_events_that_come_and_go_are_named() -> None:
    events = [
        an_event(kind="person", at=NOW, event_id=1),
        an_event(kind="cat", at=NOW + 1000, event_id=2),
    ]
    cats = replace(SETTINGS, rules=(replace(PEOPLE, name="Cats", when=("cat",)),))
    past = past_of(*events)
    found = compare(replay(past, SETTINGS), replay(past, cats), events)
    assert [(event.id, change) for event, change in found] == [(2, "comes"), (1, "goes")]


def test_duress_is_in_no_figure() -> None:
    past = past_of(an_event("duress", severity="CRITICAL", source="house", by="Sam"))
    any_rule = replace(SETTINGS, rules=(Rule(name="All", tell=("everyone",), level="critical"),))
    result = replay(past, any_rule)
    assert (dict(result.by_rule), result.told) == ({}, {})


@pytest.mark.quiet
def test_week_of_a_busy_house_is_replayed_quickly() -> None:
    events = [an_event(kind="person", at=NOW + one * 30_000, event_id=one + 1) for one in range(5_000)]
    past = past_of(*events)
    many = tuple(replace(PEOPLE, name=f"People {one}", again_after_s=60) for one in range(4))
    began = time.perf_counter()
    replay(past, replace(SETTINGS, rules=many, per_day=1000))
    assert time.perf_counter() - began < 4 * slowness()
