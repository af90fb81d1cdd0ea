"""Rows of incidents: with their events or not at all, and always what counting the events anew would give."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from sqlalchemy import text, update

from tests.postgres import PostgresServer
from vigilar.base.story import Happening
from vigilar.base.story_words import title_of
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.cameras import ensure_camera
from vigilar.store.connect import make_engine, parse_url
from vigilar.store.engine import Store
from vigilar.store.events import (
    EventFilter,
    NewEvent,
    StoredEvent,
    get_event,
    insert_event,
    name_event,
    newest_change,
    update_event,
)
from vigilar.store.files import NewFile, add_file
from vigilar.store.incident_reading import (
    changed_incidents,
    count_incidents,
    get_incident,
    list_incidents,
    members_of,
)
from vigilar.store.incidents import Candidate, Grouping, StoredIncident
from vigilar.store.migrate import upgrade
from vigilar.store.schema import incidents
from vigilar.store.sqlite import prepare_file

NOW = 1_770_000_000_000
GROUPING = grouping_of(EVENT_TYPES)


@pytest.fixture
def store(each_store: Store) -> Store:
    ensure_camera(each_store, "front", "Front door", NOW)
    return each_store


def _new(uid: str, ts_ms: int = NOW, camera: str = "front", **more: object) -> NewEvent:
    payload = {"title": f"Motion, {camera}", "camera_name": camera.title(), "is_open": True}
    values: dict[str, object] = {"type": "motion", "severity": "INFO", "kind": "motion", "payload": payload}
    return NewEvent(uid=uid, ts_ms=ts_ms, source_id=camera, **{**values, **more})  # type: ignore[arg-type]


def _insert(store: Store, uid: str, ts_ms: int = NOW, camera: str = "front", **more: object) -> StoredEvent:
    stored = insert_event(store, _new(uid, ts_ms, camera, **more), now_ms=ts_ms, grouping=GROUPING)
    assert stored is not None
    return stored


def _name(store: Store, event: StoredEvent, kind: str, still_id: int | None = None, score: float = 0.9) -> StoredEvent:
    named = name_event(
        store,
        event.id,
        kind=kind,
        label_score=score,
        still_id=still_id,
        payload={**event.payload, "title": f"{kind}, {event.source_id}"},
        grouping=GROUPING,
    )
    assert named is not None
    return named


def _incident(store: Store, event: StoredEvent) -> StoredIncident:
    now = get_event(store, event.id)
    assert now is not None
    assert now.incident_id is not None
    found = get_incident(store, now.incident_id)
    assert found is not None
    return found


def _still(store: Store, number: int) -> int:
    new = NewFile(camera_id="front", content="still", number=number, path=f"stills/{number}.vge", start_ms=NOW)
    return add_file(store, new)


def test_event_is_stored_with_its_incident(store: Store) -> None:
    event = _insert(store, "a")
    incident = _incident(store, event)
    assert (incident.title, incident.event_count, incident.change) == ("Motion at Front", 1, event.change)


def test_same_event_twice_is_counted_once(store: Store) -> None:
    event = _insert(store, "a")
    assert insert_event(store, _new("a"), now_ms=NOW, grouping=GROUPING) is None
    assert _incident(store, event).event_count == 1


def test_event_is_not_stored_without_its_incident(store: Store) -> None:
    def fail(_one: Happening, _known: object, _cause: object) -> int | None:
        raise RuntimeError("killed in the middle")

    with pytest.raises(RuntimeError):
        insert_event(store, _new("a"), now_ms=NOW, grouping=Grouping(choose=fail, stays=lambda _: False))
    assert newest_change(store) == 0
    assert list_incidents(store, EventFilter()) == ([], None)
    assert _insert(store, "a").incident_id is not None, "told again, it is stored as if nothing had been"


def test_rules_see_only_what_is_near(store: Store) -> None:
    for number in range(3):
        _insert(store, f"old{number}", NOW - 86_400_000 + number * 7_200_000)
    near = _insert(store, "near", NOW - 60_000)
    seen: list[Candidate] = []

    def choose(_one: Happening, known: object, _cause: object) -> int | None:
        seen.extend(known)  # type: ignore[arg-type]
        return None

    insert_event(store, _new("a"), now_ms=NOW, grouping=Grouping(choose=choose, stays=lambda _: False))
    assert [candidate.id for candidate in seen] == [near.incident_id]


def test_parts_are_what_counting_all_anew_gives(store: Store) -> None:
    """However events come, change and move, a row says what its events say."""
    rnd = random.Random(7)
    told: list[StoredEvent] = []
    for number in range(120):
        what = rnd.random()
        if what < 0.5 or not told:
            ts_ms = NOW + rnd.randrange(3_600_000)
            told.append(_insert(store, f"u{number}", ts_ms, rnd.choice(["front", "drive", "garden"])))
            continue
        index = rnd.randrange(len(told))
        event = get_event(store, told[index].id)
        assert event is not None
        if what < 0.75:
            _name(store, event, rnd.choice(["person", "cat", "vehicle", "motion"]), score=rnd.random())
        else:
            payload = {**event.payload, "is_open": False}
            update_event(store, event, end_ms=event.ts_ms + rnd.randrange(60_000), payload=payload)
    found, _ = list_incidents(store, EventFilter(limit=500))
    for incident in found:
        with store.write("forget what was counted") as connection:
            connection.execute(update(incidents).where(incidents.c.id == incident.id).values(parts="?"))
        first = get_event(store, members_of(store, [incident.id], EventFilter())[incident.id][0].event_id)
        assert first is not None
        payload = {**first.payload, "again": True}
        name_event(store, first.id, kind=first.kind, label_score=first.label_score, still_id=None, payload=payload)
        again = get_incident(store, incident.id)
        assert again is not None
        assert (again.title, again.event_count, again.kinds) == (incident.title, incident.event_count, incident.kinds)
        assert (again.start_ms, again.end_ms) == (incident.start_ms, incident.end_ms)
        assert again.parts == incident.parts
    assert sum(incident.event_count for incident in found) == len(told)


def test_end_that_turns_out_earlier_makes_the_story_shorter(store: Store) -> None:
    event = _insert(store, "a")
    guessed = update_event(store, event, end_ms=NOW + 3_600_000, payload={"camera_name": "Front", "n": 1})
    assert guessed is not None
    update_event(store, guessed, end_ms=NOW + 9_000, payload={"camera_name": "Front", "n": 2})
    assert _incident(store, event).end_ms == NOW + 9_000


def test_picture_of_what_matters_most_is_its_picture(store: Store) -> None:
    first, better, cat = (_still(store, number) for number in (1, 2, 3))
    event = _insert(store, "a", still_id=first)
    assert _incident(store, event).still_id == first
    _name(store, event, "person", still_id=better)
    _insert(store, "b", NOW + 10_000, still_id=cat)
    assert _incident(store, event).still_id == better


def test_deleted_picture_does_not_keep_an_event_waiting(store: Store) -> None:
    still_id = _still(store, 1)
    event = _insert(store, "a", still_id=still_id)
    with store.write("delete a picture") as connection:
        connection.execute(text("DELETE FROM files WHERE id = :id"), {"id": still_id})
    second = _insert(store, "b", NOW + 10_000)
    assert second.incident_id == event.incident_id
    assert _incident(store, event).still_id is None


def test_row_changed_by_hand_is_counted_anew(store: Store) -> None:
    event = _insert(store, "a")
    with store.write("change by hand") as connection:
        connection.execute(update(incidents).values(parts="nonsense"))
    update_event(store, event, end_ms=NOW + 5_000, payload={**event.payload, "is_open": False})
    incident = _incident(store, event)
    assert (incident.event_count, incident.end_ms) == (1, NOW + 5_000)
    assert [part.open_count for part in incident.parts] == [0]


def test_change_that_is_no_news_for_the_story_leaves_its_row(store: Store) -> None:
    event = _insert(store, "a")
    update_event(store, event, end_ms=None, payload={**event.payload, "area_frac": 0.4})
    assert _incident(store, event).change == event.change


def test_all_changed_after_a_number_misses_nothing(store: Store) -> None:
    person = _name(store, _insert(store, "a"), "person")
    update_event(store, person, end_ms=NOW + 5_000, payload={**person.payload, "is_open": False})
    alone = _insert(store, "b", NOW + 90_000, "drive")
    before = newest_change(store)
    moved = _name(store, alone, "person")
    found = changed_incidents(store, before, newest_change(store))
    assert {one.id: (one.event_count, one.into_id) for one in found} == {
        person.incident_id: (2, None),
        alone.incident_id: (0, person.incident_id),
    }
    assert moved.incident_id == person.incident_id


def test_who_was_told_of_an_ended_story_finds_where_it_went(store: Store) -> None:
    first, second, third = (_insert(store, uid, NOW + n * 7_200_000) for n, uid in enumerate("abc"))
    for event, goal in ((third, second), (third, first), (second, first)):
        into = Grouping(choose=lambda *_, goal=goal: goal.incident_id, stays=lambda _: False)
        payload = {**event.payload, "goal": goal.id}
        name_event(store, event.id, kind="person", label_score=0.9, still_id=None, payload=payload, grouping=into)
    assert third.incident_id is not None
    ended = get_incident(store, third.incident_id)
    assert ended is not None
    assert ended.into_id == first.incident_id, "straight, also when that one ended later"
    assert _incident(store, second).id == first.incident_id
    assert _incident(store, first).event_count == 3


def test_pages_of_incidents_are_stable_and_filtered_by_their_events(store: Store) -> None:
    made = [_insert(store, f"u{number}", NOW + number * 7_200_000) for number in range(5)]
    _name(store, made[2], "cat")
    page, cursor = list_incidents(store, EventFilter(limit=2))
    assert [one.start_ms for one in page] == [NOW + 4 * 7_200_000, NOW + 3 * 7_200_000]
    _insert(store, "new", NOW + 9 * 7_200_000)
    rest, end = list_incidents(store, EventFilter(limit=9, cursor=cursor))
    assert ([one.start_ms for one in rest], end) == ([NOW + n * 7_200_000 for n in (2, 1, 0)], None)
    assert [one.kinds for one in list_incidents(store, EventFilter(kind="cat"))[0]] == [("cat",)]
    assert list_incidents(store, EventFilter(camera="garden"))[0] == []
    between = EventFilter(from_ms=NOW + 7_200_000, to_ms=NOW + 3 * 7_200_000)
    assert (len(list_incidents(store, between)[0]), count_incidents(store, between)) == (2, 2)


def _old_events(url: str) -> Store:
    """A database from before incidents, with three events, brought up to date."""
    upgrade(parse_url(url), "0006")
    store = Store(make_engine(parse_url(url)))
    rows = [
        (
            "a",
            1,
            "motion",
            "person",
            "front",
            NOW,
            NOW + 5000,
            {"title": "Person, Front door", "camera_name": "Front door"},
        ),
        ("b", 2, "sensor_leak", "", "sensor/wash", NOW + 1, None, {"title": "Water, Washer", "sensor_name": "Washer"}),
        ("c", 3, "system_started", "", "system", NOW + 2, None, {"title": "Vigilar started"}),
    ]
    with store.write("store old events") as connection:
        for uid, change, type_, kind, source_id, ts_ms, end_ms, payload in rows:
            connection.execute(
                text(
                    "INSERT INTO events (uid, change, first_change, type, kind, severity, source_id, ts_ms, end_ms, "
                    "payload, words, created_ms) VALUES (:uid, :change, :change, :type, :kind, 'INFO', :source, :ts, "
                    ":end, :payload, '', :ts)"
                ),
                {
                    "uid": uid, "change": change, "type": type_, "kind": kind, "source": source_id, "ts": ts_ms,
                    "end": end_ms, "payload": json.dumps(payload),
                },
            )  # fmt: skip
        connection.execute(text("UPDATE counters SET value = 3 WHERE name = 'event_change'"))
    store.close()
    return Store.open(url, migrate=True)


def _check_old_events(store: Store) -> None:
    found = list_incidents(store, EventFilter())[0][::-1]
    assert [(one.title, one.cameras, one.kinds) for one in found] == [
        ("Person, Front door", ("front",), ("person",)),
        ("Water, Washer", (), ()),
        ("Vigilar started", (), ()),
    ]
    person = found[0]
    assert (person.start_ms, person.end_ms, person.change) == (NOW, NOW + 5000, 1)
    assert title_of(person.parts) == "Person at the front door", "from now on it grows like any other"
    new = _insert(store, "d", NOW + 20_000)
    assert _name(store, new, "person").incident_id == person.id
    assert _insert(store, "e", NOW + 86_400_000).incident_id == 4, "no id is given twice"


def test_events_from_before_become_incidents_of_their_own(tmp_path: Path) -> None:
    prepare_file(tmp_path / "vigilar.db", create=True)
    store = _old_events(f"sqlite:///{tmp_path / 'vigilar.db'}")
    _check_old_events(store)
    store.close()


@pytest.mark.postgresql
def test_events_from_before_become_incidents_on_postgresql(postgres: PostgresServer) -> None:
    store = _old_events(postgres.bare_database())
    _check_old_events(store)
    store.close()
