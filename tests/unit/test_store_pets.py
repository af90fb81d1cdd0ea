"""Rows of pets, on each database: who they are, what was said, what is due, what is forgotten."""

from __future__ import annotations

import pytest

from vigilar.base.errors import StoreError
from vigilar.store import pets as rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.store.pets import Answer, Sighting

LOOK = bytes(range(46))


def cat(store: Store, ts_ms: int) -> StoredEvent:
    ensure_camera(store, "garden", "Garden", 1)
    new = NewEvent(uid=f"m{ts_ms}", type="motion", severity="INFO", source_id="garden", ts_ms=ts_ms, kind="cat")
    event = insert_event(store, new, now_ms=ts_ms)
    assert event is not None
    rows.put_look(store, event.id, LOOK, ts_ms)
    return event


def say(store: Store, event: StoredEvent, *answers: Answer) -> None:
    seen = Sighting(event.id, 0, "person", 1.0, event.source_id, event.ts_ms)
    rows.set_answers(store, seen, "cat", answers, by=None, now_ms=event.ts_ms)


def add(store: Store, name: str) -> int:
    return rows.add_pet(store, name=name, kind="cat", made_by=None, now_ms=1).id


def test_answers_and_sightings_of_a_pet(each_store: Store) -> None:
    milo, luna = add(each_store, "Milo"), add(each_store, "Luna")
    events = [cat(each_store, ts_ms) for ts_ms in (1000, 2000, 3000)]
    assert [one.event_id for one in rows.list_due(each_store, 9)] == [one.id for one in events]
    assert rows.list_unanswered(each_store, 0, 9) == [one.id for one in reversed(events)]
    say(each_store, events[0], Answer("yes", milo))
    say(each_store, events[1], Answer("no", milo))
    say(each_store, events[2], Answer("unsure"))
    assert rows.list_unanswered(each_store, 0, 9) == [events[1].id]
    answered = rows.list_answered(each_store, "cat", 5)
    assert sorted((one.event_id, one.answer.verdict, one.look) for one in answered) == [
        (events[0].id, "yes", LOOK),
        (events[1].id, "no", LOOK),
    ]
    rows.see(each_store, events[0].id, Sighting(events[0].id, luna, "box", 0.9, "garden", 1000))
    seen = rows.newest_sighting(each_store, milo)
    assert seen is not None, "the box does not take back what a person said"
    assert rows.newest_sighting(each_store, milo, cameras=["drive"]) is None
    assert rows.count_pictures(each_store, milo) == 1
    assert rows.delete_pet(each_store, milo)
    assert rows.list_answered(each_store, "cat", 5) == []
    assert rows.find_look(each_store, events[0].id) is None


def test_names_that_differ_by_marks_alone_are_one(each_store: Store) -> None:
    add(each_store, "Mïlo")
    with pytest.raises(StoreError) as refused:
        add(each_store, "MILO")
    assert refused.value.code == "pet.name_taken"
    assert rows.pet_slug("Мурка") == "мурка"


def test_answer_while_an_event_is_named_makes_it_due_again(each_store: Store) -> None:
    milo, event = add(each_store, "Milo"), cat(each_store, 1000)
    say(each_store, event, Answer("unsure"))
    (due,) = rows.list_due(each_store, 9)
    say(each_store, event, Answer("yes", milo))
    rows.end_due(each_store, due)
    assert [one.event_id for one in rows.list_due(each_store, 9)] == [event.id]
