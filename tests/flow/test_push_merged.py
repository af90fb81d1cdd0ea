"""Two stories that were told, or are about to be, and became one."""

from __future__ import annotations

from tests.fakes.push_service import PushService
from tests.notify_kit import NotifyHouse
from vigilar.store.acknowledging import acknowledge
from vigilar.store.deliveries import list_owed_to
from vigilar.store.events import StoredEvent, name_event
from vigilar.store.incident_reading import get_incident
from vigilar.store.incidents import Grouping


def merge(house: NotifyHouse, gone: StoredEvent, into: StoredEvent) -> str:
    """It turns out what ``gone`` was, and that it belongs to the story of ``into``; the title of that one."""
    goes_over = Grouping(choose=lambda *_: into.incident_id, stays=lambda _: False)
    payload = {**gone.payload, "is_clear": True}
    named = name_event(
        house.store,
        gone.id,
        kind=gone.kind,
        label_score=0.9,
        still_id=None,
        payload=payload,
        now_ms=house.now_ms(),
        grouping=goes_over,
    )
    assert named is not None
    assert named.incident_id is not None
    assert named.incident_id == into.incident_id
    story = get_incident(house.store, named.incident_id)
    assert story is not None
    return story.title


def test_push_of_the_story_that_is_gone_is_closed_without_a_sound(house: NotifyHouse, service: PushService) -> None:
    """It stayed on the phone beside the one of the story that took it."""
    house.add_phone("phone")
    one, two = house.happens("Person, Drive"), house.happens("Person, Front door")
    house.tell()
    title = merge(house, one, two)
    house.settle()
    house.clock.advance(4)
    assert house.let_go() == 1
    first, second, last = (push.message for push in service.accepted())
    assert last["notification"]["title"] == title
    assert last["notification"]["navigate"].endswith(f"/events/{one.id}"), "an event is in the story that took it"
    assert last["notification"]["silent"] is True
    assert last["notification"]["tag"] == second["notification"]["tag"]
    assert last["vigilar"]["closes"] == [first["notification"]["tag"]]
    house.retitle(2, "Person at the front door for 3 min", two)
    house.settle()
    house.clock.advance(60)
    assert house.let_go() == 1
    assert service.accepted()[-1].message["vigilar"]["closes"] == [first["notification"]["tag"]]
    house.clock.advance(60)
    assert house.tell() == 0
    assert acknowledge(house.store, house.owner, 2, house.now_ms(), "Seen.") == 2
    assert list_owed_to(house.store, house.owner, 0) == [], "pages went on to show an alert of the story that is gone"


def test_story_that_is_gone_before_it_was_told_is_told_with_the_other(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    one, two = house.happens("Person, Drive"), house.happens("Person, Front door")
    house.settle()
    title = merge(house, one, two)
    house.settle()
    house.clock.advance(10)
    assert house.let_go() == 1
    assert [push.message["notification"]["title"] for push in service.accepted()] == [title]
    assert house.states() == ["accepted"], "no story is said not to have been delivered"


def test_story_that_takes_in_a_louder_one_sounds(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    one = house.happens("Smoke, Hall", severity="CRITICAL", kind="")
    two = house.happens("Person, Front door", severity="INFO")
    house.settle()
    merge(house, one, two)
    house.tell()
    house.clock.advance(10)
    house.let_go()
    (push,) = service.accepted()
    assert push.message["vigilar"]["is_critical"] is True
    assert push.message["notification"]["silent"] is False


def test_story_that_lost_one_event_to_another_keeps_its_push(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    one, two = house.happens("Person, Drive"), house.happens("Person, Front door")
    assert one.incident_id is not None
    house.join(house.happens("Person, Gate"), one.incident_id)
    house.tell()
    merge(house, one, two)
    house.settle()
    house.clock.advance(4)
    house.let_go()
    assert service.accepted()[-1].message["vigilar"]["closes"] == []
