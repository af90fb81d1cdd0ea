"""What the events process does about pets: names by looks, place on the bus, got out, not seen. Real SQLite."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.pet_kit import COATS, look
from tests.ready_store import open_ready_store
from tests.unit.test_event_processor import NODE, NOW, FakeBus
from vigilar.base.clock import SimulatedClock
from vigilar.bus.client import PublishTicket
from vigilar.bus.messages import MotionEnd, MotionStart, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.events.processor import EventProcessor
from vigilar.events.subjects import SUBJECTS
from vigilar.pets.keeper import AGAIN_MS, GRACE_MS, PetKeeper
from vigilar.store import pets as rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, find_event, list_events
from vigilar.store.incident_reading import list_incidents
from vigilar.store.pets import Answer, Pet, Sighting

HOUR = 3_600_000
PLACES = {"garden": "exterior", "hall": "interior"}


class Bus(FakeBus):
    """Remembers what is retained."""

    def __init__(self) -> None:
        super().__init__()
        self.retained: dict[str, bytes] = {}

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket:
        if retain:
            self.retained[topic] = payload
            return PublishTicket(qos)
        return super().publish(topic, payload)


class Home:
    """Cameras in garden and hall, and cats that come by."""

    def __init__(self, store: Store) -> None:
        self.store, self.bus = store, Bus()
        self.clock = SimulatedClock(utc_ns=NOW * 1_000_000)
        keeper = PetKeeper(store, self.bus, self.clock, lambda camera: PLACES.get(camera, ""))
        self.processor = EventProcessor(store, self.bus, self.clock, NODE, {}, (*SUBJECTS, keeper.subject()))
        self.rng = np.random.default_rng(1)
        self.count = 0

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def look(self) -> None:
        self.clock.advance(3)
        self.processor.sweep()

    def visit(self, coat: str, camera: str = "garden", *, is_over: bool = True) -> StoredEvent:
        """A cat of this coat comes, and has left unless ``is_over`` is false."""
        self.count += 1
        uid, ts = f"m{self.count}", self.now_ms
        numbers = base64.b64encode(look(COATS[coat], self.rng).dump()).decode()
        start = MotionStart(uid, ts, camera, 1, 0.1)
        seen = VisitSeen(f"v{self.count}", ts, camera, uid, "cat", 0.9, look=numbers)
        end = MotionEnd(f"e{self.count}", ts + 2000, camera, uid, 2000, 0.1)
        told = [(Topics.motion_start(camera), start), (Topics.camera_visit(camera), seen)]
        for topic, message in [*told, *([(Topics.motion_end(camera), end)] if is_over else [])]:
            self.processor.take(topic, message.dump())
        self.processor.turn(0.0)
        self.look()
        return self.event(uid)

    def event(self, uid: str) -> StoredEvent:
        found = find_event(self.store, uid)
        assert found is not None
        return found

    def say(self, event: StoredEvent, *answers: Answer) -> None:
        seen = Sighting(event.id, 0, "person", 1.0, event.source_id, event.ts_ms)
        rows.set_answers(self.store, seen, "cat", answers, by=None, now_ms=self.now_ms)
        self.look()

    def pet(self, name: str = "Milo", *, indoor_only: bool = False, not_seen_ms: int | None = None) -> Pet:
        return rows.add_pet(
            self.store, name=name, kind="cat", made_by=None, now_ms=self.now_ms, indoor_only=indoor_only,
            not_seen_ms=not_seen_ms,
        )  # fmt: skip

    def learned(self, pet: Pet, coat: str, count: int = 6) -> list[StoredEvent]:
        """So many confirmed pictures, all in the hall."""
        found = [self.visit(coat, "hall") for _ in range(count)]
        for event in found:
            self.say(event, Answer("yes", pet.id))
        return found

    def visit_until_named(self, coat: str, camera: str = "garden") -> StoredEvent:
        """Not every picture is sure; of ten some is."""
        for _ in range(10):
            event = self.visit(coat, camera)
            if "pet" in event.payload:
                return event
        raise AssertionError("none of ten pictures was sure")

    def told(self, type_: str) -> list[StoredEvent]:
        return list_events(self.store, EventFilter(type=type_))[0]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with closing(open_ready_store(tmp_path)) as store:
        for camera in ("garden", "hall"):
            ensure_camera(store, camera, camera.capitalize(), NOW)
        yield Home(store)


def test_nothing_is_learned_without_a_yes(home: Home) -> None:
    home.pet()
    for _ in range(4):
        assert home.visit("orange").payload["title"] == "Cat, Garden"


def test_confirmed_cat_is_named_the_next_time(home: Home) -> None:
    milo = home.pet()
    first = home.visit("orange")
    home.say(first, Answer("yes", milo.id))
    assert home.event(first.uid).payload["title"] == "Milo, Garden"
    home.learned(milo, "orange", 5)
    home.clock.advance(7200)
    named = home.visit_until_named("orange")
    assert named.payload["title"] == "Milo, Garden"
    assert [one.id for one in list_events(home.store, EventFilter(q="milo garden"))[0]][-1] == first.id
    stories = list_incidents(home.store, EventFilter(q="milo"))[0]
    assert [one.title for one in stories if one.id == home.event(named.uid).incident_id] == ["Milo in the garden"]
    stranger = home.visit("black")
    assert stranger.payload["title"] == "Cat, Garden"
    told = json.loads(home.bus.retained["vigilar/pets/milo/location"])
    assert (told["v"], told["name"], told["camera"], told["place"]) == (1, "Milo", "garden", "exterior")
    assert told["id"] == named.uid


def test_visit_that_goes_on_is_named_after_some_seconds(home: Home) -> None:
    milo = home.pet()
    first = home.learned(milo, "orange", 1)[0]
    raw = rows.find_look(home.store, first.id)
    assert raw is not None
    event = home.visit("orange", is_over=False)
    rows.put_look(home.store, event.id, raw, home.now_ms)
    for _ in range(4):
        home.look()
    assert home.event(event.uid).payload["title"] == "Milo, Garden"
    assert home.event(event.uid).end_ms is None, "its end is told by the camera alone"


def test_correction_moves_one_picture(home: Home) -> None:
    milo, luna = home.pet(), home.pet("Luna")
    first, second = home.learned(milo, "orange", 2)
    home.say(second, Answer("yes", luna.id))
    titles = [home.event(one.uid).payload["title"] for one in (first, second)]
    assert titles == ["Milo, Hall", "Luna, Hall"]
    assert [one.event_id for one in rows.list_pictures(home.store, milo.id, 9)] == [first.id]


def test_denied_name_is_not_given_to_that_picture_again(home: Home) -> None:
    milo = home.pet()
    home.learned(milo, "orange")
    named = home.visit_until_named("orange")
    home.say(named, Answer("no", milo.id))
    assert home.event(named.uid).payload["title"] == "Cat, Garden"
    home.say(named)
    assert home.event(named.uid).payload["title"] == "Milo, Garden", "what was said is taken back"
    home.say(named, Answer("unsure"))
    assert home.event(named.uid).payload["title"] == "Cat, Garden"


def test_new_name_is_that_of_old_events(home: Home) -> None:
    milo = home.pet()
    event = home.learned(milo, "orange", 1)[0]
    rows.change_pet(home.store, milo.id, name="Caesar", indoor_only=False, not_seen_ms=None)
    home.look()
    home.look()
    assert home.event(event.uid).payload["title"] == "Caesar, Hall"
    assert home.bus.retained["vigilar/pets/milo/location"] == b""
    assert "vigilar/pets/caesar/location" in home.bus.retained


def test_forgotten_pet_leaves_no_numbers(home: Home, tmp_path: Path) -> None:
    milo = home.pet()
    event = home.learned(milo, "orange")[0]
    numbers = rows.find_look(home.store, event.id)
    assert numbers is not None
    assert rows.delete_pet(home.store, milo.id)
    home.look()
    assert home.event(event.uid).payload["title"] == "Cat, Hall"
    assert "pet" not in home.event(event.uid).payload
    assert home.bus.retained["vigilar/pets/milo/location"] == b""
    with closing(sqlite3.connect(tmp_path / "vigilar.db")) as connection:
        for table in ("pets", "pet_pictures", "pet_looks", "pet_sightings"):
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 -- of ours
            assert found == (0,), table
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert numbers[4:] not in (tmp_path / "vigilar.db").read_bytes()


def test_indoor_pet_outside_is_told_once_and_ends_inside(home: Home) -> None:
    milo = home.pet(indoor_only=True)
    home.learned(milo, "orange")
    outside = home.visit_until_named("orange")
    home.visit_until_named("orange")
    (told,) = home.told("pet_escaped")
    assert (told.severity, told.source_id, told.end_ms) == ("ALERT", "garden", None)
    assert told.payload["title"] == "Milo got out, Garden"
    assert told.payload["event_id"] == outside.id
    assert told.incident_id == home.event(outside.uid).incident_id
    home.visit_until_named("orange", "hall")
    home.look()
    assert home.told("pet_escaped")[0].end_ms is not None


def test_escape_by_a_wrong_name_is_taken_back(home: Home) -> None:
    milo = home.pet(indoor_only=True)
    home.learned(milo, "orange")
    outside = home.visit_until_named("orange")
    home.say(outside, Answer("none"))
    home.look()
    (told,) = home.told("pet_escaped")
    assert told.end_ms is not None


def test_old_picture_that_is_confirmed_tells_of_no_escape(home: Home) -> None:
    milo = home.pet(indoor_only=True)
    event = home.visit("orange")
    home.clock.advance(AGAIN_MS / 1000)
    home.say(event, Answer("yes", milo.id))
    home.look()
    assert home.told("pet_escaped") == []


def test_pet_that_may_go_out_has_not_escaped(home: Home) -> None:
    home.say(home.visit("orange"), Answer("yes", home.pet().id))
    home.look()
    assert home.told("pet_escaped") == []


def test_missing_is_told_once_and_ends_when_seen(home: Home) -> None:
    milo = home.pet(not_seen_ms=6 * HOUR)
    home.learned(milo, "orange")
    for _ in range(3):
        home.clock.advance((2 * HOUR + GRACE_MS) / 1000)
        home.look()
        home.look()
    (told,) = home.told("pet_missing")
    assert (told.severity, told.end_ms) == ("WARNING", None)
    assert told.payload["title"] == "Milo was not seen for 6 hours"
    home.visit_until_named("orange")
    home.look()
    assert home.told("pet_missing")[0].end_ms is not None
    assert len(home.told("pet_missing")) == 1
