"""Which events are one story: what must be one card, what must not vanish in another, and what a card says.

Everything goes through the real rows: events are stored, renamed and ended as the events process does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.events.grouping import LONGEST_MS, MOST_EVENTS, grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, NewEvent, StoredEvent, get_event, insert_event, name_event, update_event
from vigilar.store.incident_reading import get_incident, list_incidents
from vigilar.store.incidents import StoredIncident

NOW = 1_770_000_000_000
S, MIN = 1000, 60_000
NAMES = {"front": "Front door", "drive": "Drive", "garden": "Garden", "shed": "Shed", "haustuer": "Haustür"}


class House:
    """Tells of things as a house does. Times are seconds after NOW."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._grouping = grouping_of(EVENT_TYPES)
        self._count = 0

    def tell(self, type_: str, source_id: str, at_s: float, **more: Any) -> StoredEvent:
        self._count += 1
        payload = {"title": more.pop("title", type_), **more.pop("payload", {})}
        if source_id in NAMES:
            payload["camera_name"] = NAMES[source_id]
        new = NewEvent(
            uid=f"u{self._count}",
            type=type_,
            severity=EVENT_TYPES[type_].severity.value,
            source_id=source_id,
            ts_ms=NOW + round(at_s * S),
            payload=payload,
            **more,
        )
        stored = insert_event(self.store, new, now_ms=new.ts_ms, grouping=self._grouping)
        assert stored is not None
        return stored

    def motion(self, camera: str, at_s: float, kind: str = "", length_s: float = 5) -> StoredEvent:
        """Motion that is over, in which ``kind`` was recognised after its begin."""
        event = self.tell("motion", camera, at_s, kind="motion", payload={"is_open": True})
        if kind:
            event = self.name(event, kind)
        return self.end(event, length_s)

    def name(self, event: StoredEvent, kind: str, score: float = 0.9, still_id: int | None = None) -> StoredEvent:
        title = f"{KIND_WORDS.get(kind, kind)}, {NAMES[event.source_id]}"
        named = name_event(
            self.store,
            event.id,
            kind=kind,
            label_score=score,
            still_id=still_id,
            payload={**event.payload, "title": title},
            grouping=self._grouping,
        )
        assert named is not None
        return named

    def end(self, event: StoredEvent, length_s: float) -> StoredEvent:
        payload = {**event.payload, "is_open": False}
        ended = update_event(self.store, event, end_ms=event.ts_ms + round(length_s * S), payload=payload)
        assert ended is not None
        return ended

    def incident(self, event: StoredEvent) -> StoredIncident:
        """The one of an event, as it is now."""
        now = get_event(self.store, event.id)
        assert now is not None
        assert now.incident_id is not None
        found = get_incident(self.store, now.incident_id)
        assert found is not None
        return found

    def cards(self) -> list[StoredIncident]:
        """Oldest first."""
        return list_incidents(self.store, EventFilter(limit=500))[0][::-1]

    def titles(self) -> list[str]:
        return [card.title for card in self.cards()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(open_ready_store(tmp_path)) as store:
        yield House(store)


# One visit


def test_night_visit_over_three_cameras_is_one_card(house: House) -> None:
    first = house.motion("front", 0, "person")
    assert house.incident(first).title == "Person at the front door"
    house.motion("drive", 40, "person")
    assert house.incident(first).title == "Person at the front door, then the drive"
    house.motion("garden", 90, "person")
    house.motion("front", 150, "person")
    [card] = house.cards()
    assert card.title == "Person at the front door, then the drive, then the garden"
    assert card.cameras == ("front", "drive", "garden")
    assert card.kinds == ("person",)
    assert (card.event_count, card.start_ms, card.end_ms) == (4, NOW, NOW + 155 * S)


def test_door_that_opens_joins_the_person_at_it(house: House) -> None:
    house.motion("front", 0, "person", length_s=20)
    payload = {"sensor_name": "Back door", "is_open": True}
    house.tell("sensor_opened", "sensor/back", 30, title="Back door was opened", payload=payload)
    assert house.titles() == ["Person at the front door, the back door opened"]


def test_person_far_later_is_another_visit(house: House) -> None:
    house.motion("front", 0, "person", length_s=5)
    house.motion("front", 5 + 121, "person")
    assert house.titles() == ["Person at the front door", "Person at the front door"]


def test_somebody_who_is_still_there_keeps_the_story_open(house: House) -> None:
    house.name(house.tell("motion", "garden", 0, kind="motion", payload={"is_open": True}), "person")
    house.motion("drive", 9 * 60, "person")
    assert house.titles() == ["Person in the garden, then the drive"]


def test_stranger_does_not_vanish_in_the_story_of_the_gardener(house: House) -> None:
    for minute in range(40):
        house.motion("garden", minute * 60, "person", length_s=30)
    house.motion("front", 40 * 60, "person")
    assert house.titles() == ["Person in the garden", "Person at the front door"]


def test_motion_past_two_cameras_is_one_walk(house: House) -> None:
    house.motion("front", 0)
    house.motion("drive", 15)
    assert house.titles() == ["Motion at the front door, then the drive"]


def test_first_motion_and_the_person_it_was_are_one_story(house: House) -> None:
    house.motion("drive", 0)
    house.motion("front", 20, "person")
    [card] = house.cards()
    assert card.title == "Person at the front door", "nobody was seen on the drive, so the line does not say so"
    assert card.cameras == ("drive", "front")


def test_two_stories_become_one_when_it_turns_out_who_it_was(house: House) -> None:
    first = house.motion("front", 0, "person")
    second = house.tell("motion", "drive", 90, kind="motion", payload={"is_open": True})
    lonely = house.incident(second)
    assert lonely.id != house.incident(first).id
    house.name(second, "person")
    assert house.titles() == ["Person at the front door, then the drive"]
    ended = get_incident(house.store, lonely.id)
    assert ended is not None
    assert (ended.event_count, ended.into_id) == (0, house.incident(first).id)


def test_car_and_who_gets_out_of_it_are_one_story(house: House) -> None:
    house.motion("drive", 0, "vehicle")
    house.motion("drive", 20, "person")
    house.motion("front", 45, "person")
    assert house.titles() == ["Person and vehicle on the drive, then the front door"]


def test_cat_elsewhere_does_not_join_a_person(house: House) -> None:
    house.motion("front", 0, "person")
    house.motion("garden", 10, "cat")
    assert house.titles() == ["Person at the front door", "Cat in the garden"]


def test_cat_that_comes_back_is_one_card(house: House) -> None:
    for minute in (0, 12, 25, 39):
        house.motion("garden", minute * 60, "cat")
    [card] = house.cards()
    assert card.title == "Cat in the garden, 4 times"


# Wind


def test_windy_hour_becomes_a_handful_of_cards(house: House) -> None:
    cameras = list(NAMES)
    for number in range(630):
        house.motion(cameras[number * 7 % 5], number * 5.7, length_s=3)
    cards = house.cards()
    assert len(cards) <= 10
    assert sum(card.event_count for card in cards) == 630
    assert all(card.event_count <= MOST_EVENTS for card in cards)
    assert all(card.end_ms - card.start_ms <= LONGEST_MS + 3 * S for card in cards)


def test_wind_at_several_cameras_is_a_card_for_each(house: House) -> None:
    """What begins like a walk past all of them turns out to be wind at each."""
    cameras = ("front", "drive", "garden")
    for number in range(60):
        house.motion(cameras[number % 3], number * 10, length_s=2)
    titles = house.titles()
    assert len(titles) == 3
    assert all(title.count("then") == 0 for title in titles)


def test_windy_garden_says_how_often(house: House) -> None:
    for number in range(41):
        house.motion("garden", number * 82)
    [card] = house.cards()
    assert card.title == "Motion in the garden, 41 times"
    assert (card.start_ms, card.end_ms) == (NOW, NOW + (40 * 82 + 5) * S)


def test_wind_ends_with_the_hour(house: House) -> None:
    for number in range(100):
        house.motion("garden", number * 60)
    assert [card.event_count for card in house.cards()] == [61, 39], "what begins as the hour ends is in it"


def test_storm_at_one_camera_is_cut_by_number(house: House) -> None:
    for number in range(MOST_EVENTS + 1):
        house.motion("garden", number, length_s=0.5)
    assert [card.event_count for card in house.cards()] == [MOST_EVENTS, 1]


def test_person_in_the_wind_has_a_story_of_their_own(house: House) -> None:
    for number in range(10):
        house.motion("garden", number * 20)
    person = house.motion("garden", 195, "person", length_s=10)
    for number in range(11, 20):
        house.motion("garden", number * 20)
    assert sorted(house.titles()) == ["Motion in the garden, 19 times", "Person in the garden"]
    assert house.incident(person).event_count == 1


def test_wind_does_not_keep_a_visit_open(house: House) -> None:
    person = house.motion("garden", 0, "person")
    for number in range(1, 30):
        house.motion("garden", number * 25)
    visit = house.incident(person)
    assert visit.title == "Person in the garden"
    assert visit.end_ms <= NOW + 60 * S
    house.motion("drive", 29 * 25 + 5, "person")
    assert "Person on the drive" in house.titles()


def test_traffic_does_not_swallow_who_comes_to_the_door(house: House) -> None:
    for number in range(20):
        house.motion("drive", number * 60, "vehicle")
    house.motion("front", 20 * 60 + 5, "person")
    assert house.titles() == ["Vehicle on the drive, 20 times", "Person at the front door"]


# Trouble


def test_camera_down_and_back_is_one_story_with_its_length(house: House) -> None:
    payload = {"is_open": True}
    down = house.tell("camera_offline", "shed", 0, title="No picture from Shed", payload=payload)
    assert house.titles() == ["Shed: no picture"]
    house.end(down, 12 * 60)
    assert house.titles() == ["Shed: no picture for 12 min"]


def test_program_of_a_camera_that_is_down_belongs_to_its_story(house: House) -> None:
    house.tell("camera_offline", "shed", 0, title="No picture from Shed", payload={"is_open": True})
    house.tell("process_restarted", "shed", 30 * 60, title="Camera Shed was restarted")
    assert house.titles() == ["Shed: no picture"]


def test_cameras_that_go_together_are_one_story(house: House) -> None:
    for number, camera in enumerate(("shed", "garden", "drive", "haustuer")):
        house.tell("camera_offline", camera, number * 5, payload={"is_open": True})
    assert house.titles() == ["No picture from Shed, Garden and 2 more"]


def test_trouble_never_joins_a_visit(house: House) -> None:
    house.motion("front", 0, "person")
    house.tell("camera_offline", "front", 3, payload={"is_open": True})
    assert house.titles() == ["Person at the front door", "Front door: no picture"]


def test_restart_of_the_house_is_one_story(house: House) -> None:
    house.tell("system_stopped", "system", 0, title="Vigilar stopped")
    house.tell("system_started", "system", 20, title="Vigilar started")
    assert house.titles() == ["Vigilar stopped, then Vigilar started"]


def test_full_disk_of_all_cameras_is_one_story(house: House) -> None:
    for camera in ("front", "drive", "garden"):
        house.tell("disk_full", camera, 1, title=f"Disk full, {NAMES[camera]} is not recorded")
    [card] = house.cards()
    assert (card.title, card.severity) == ("Disk full, Drive is not recorded, and 2 more", "CRITICAL")


@pytest.mark.parametrize("type_", ["sensor_leak", "sensor_battery", "sensor_silent", "retention_stuck"])
def test_what_has_nothing_to_do_with_it_stays_alone(house: House, type_: str) -> None:
    house.motion("front", 0, "person")
    house.tell(type_, "sensor/a", 2, title="A")
    house.tell(type_, "sensor/b", 4, title="B")
    assert house.titles() == ["Person at the front door", "A", "B"]


def test_secret_of_duress_is_in_no_other_story(house: House) -> None:
    house.motion("front", 0, "person")
    house.tell("disarmed", "house", 20, title="Disarmed")
    duress = house.tell("duress", "house", 20, title="Disarmed under duress")
    assert house.incident(duress).event_count == 1


# Alarms


def test_alarm_joins_the_visit_that_set_it_off(house: House) -> None:
    person = house.motion("front", 0, "person")
    payload = {"where": "Front door", "is_open": True}
    house.tell("alarm", "front", 0, title="Alarm: Person, Front door", payload=payload, cause_id=person.id)
    house.motion("drive", 60, "person")
    [card] = house.cards()
    assert card.title == "Alarm: person at the front door, then the drive"
    assert card.severity == "CRITICAL"


def test_entry_and_disarming_are_one_story(house: House) -> None:
    payload = {"sensor_name": "Front door", "is_open": True}
    door = house.tell("sensor_opened", "sensor/front", 0, title="Front door was opened", payload=payload)
    house.tell("entry", "house", 1, title="Somebody came in: Front door", cause_id=door.id)
    house.tell("disarmed", "house", 25, title="Disarmed")
    assert house.titles() == ["Somebody came in: Front door, then disarmed"]


def test_arming_is_a_story_of_its_own(house: House) -> None:
    house.motion("front", 0, "person")
    house.tell("armed", "house", 5, title="Armed: Away")
    house.tell("disarmed", "house", 9, title="Disarmed")
    assert house.titles() == ["Person at the front door", "Armed: Away", "Disarmed"]


# Late, twice, and wrong clocks


def test_late_event_joins_the_story_it_belongs_to(house: House) -> None:
    old = house.motion("front", 0, "person")
    new = house.motion("front", 3 * 3600, "person")
    late = house.motion("drive", 50, "person")
    assert house.incident(late).id == house.incident(old).id
    assert house.incident(new).event_count == 1


def test_event_of_before_comes_first_in_the_line(house: House) -> None:
    house.motion("front", 60, "person")
    house.motion("drive", 20, "person")
    [card] = house.cards()
    assert card.title == "Person on the drive, then the front door"
    assert card.start_ms == NOW + 20 * S


def test_event_from_a_wrong_clock_is_alone(house: House) -> None:
    house.motion("front", 0, "person")
    house.motion("front", 10 * 365 * 86_400, "person")
    house.motion("front", 30, "person")
    assert sorted(card.event_count for card in house.cards()) == [1, 2]


def test_name_is_kept_as_people_write_it(house: House) -> None:
    house.motion("haustuer", 0, "person")
    assert house.titles() == ["Person at Haustür"]
