"""What a motion turned out to be: the event grows in place, tracks are stored, nonsense is refused. Real SQLite."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ready_store import open_ready_store
from tests.unit.test_event_processor import NODE, NOW, FakeBus
from vigilar.base.clock import SimulatedClock
from vigilar.base.track_path import BOX_BYTES, MAX_BOXES, PathBox, pack_path
from vigilar.bus.messages import Message, MotionEnd, MotionStart, TrackSeen, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.events.processor import EventProcessor
from vigilar.store import inbound, outbox
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, find_event, list_events
from vigilar.store.incident_reading import list_incidents
from vigilar.store.tracks import tracks_between, tracks_of_event

PATH = [PathBox(NOW, 0.1, 0.2, 0.1, 0.3), PathBox(NOW + 400, 0.2, 0.2, 0.1, 0.3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        ensure_camera(store, "front", "Front door", NOW)
        yield store


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def processor(store: Store, bus: FakeBus) -> EventProcessor:
    return EventProcessor(store, bus, SimulatedClock(utc_ns=NOW * 1_000_000), NODE, {})


START = MotionStart(id="m1", ts=NOW, camera_id="front", run=1, area_frac=0.25)
END = MotionEnd(id="e1", ts=NOW + 4000, camera_id="front", motion_id="m1", duration_ms=4000, peak_area_frac=0.5)
PERSON = VisitSeen(id="v1", ts=NOW, camera_id="front", motion_id="m1", kind="person", label_score=0.8)
TRACK = TrackSeen(
    id="t1",
    ts=NOW + 400,
    camera_id="front",
    motion_id="m1",
    kind="person",
    score=0.8,
    start_ts=NOW,
    is_stationary=False,
    path=base64.b64encode(pack_path(PATH)).decode(),
)


def topic_of(message: Message) -> str:
    if isinstance(message, MotionStart):
        return Topics.motion_start("front")
    if isinstance(message, MotionEnd):
        return Topics.motion_end("front")
    return Topics.camera_visit("front") if isinstance(message, VisitSeen) else Topics.camera_track("front")


def feed(processor: EventProcessor, *messages: Message) -> None:
    for message in messages:
        processor._handle_event(topic_of(message), message.dump())


def event_of(store: Store, uid: str = "m1") -> StoredEvent:
    event = find_event(store, uid)
    assert event is not None
    return event


def test_motion_becomes_a_person_in_place(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    feed(processor, START)
    assert (event_of(store).kind, event_of(store).label_score) == ("motion", None)
    feed(processor, PERSON, END)
    event = event_of(store)
    assert (event.kind, event.label_score, event.end_ms) == ("person", 0.8, NOW + 4000)
    assert event.payload["title"] == "Person, Front door"
    assert [(one.change, one.kind, one.title) for one in bus.published] == [
        (1, "motion", "Motion, Front door"),
        (2, "person", "Person, Front door"),
        (3, "person", "Person, Front door"),
    ]
    assert len({one.id for one in bus.published}) == 1


def test_name_that_comes_after_the_end_counts(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, END, PERSON)
    assert (event_of(store).kind, event_of(store).end_ms) == ("person", NOW + 4000)


def test_surer_name_takes_the_place_of_the_one_before(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, PERSON, replace(PERSON, id="v2", kind="dog", label_score=0.95))
    assert (event_of(store).kind, event_of(store).label_score) == ("dog", 0.95)


def test_name_is_never_taken_back_for_motion(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, PERSON, replace(PERSON, id="v2", kind="motion", label_score=None))
    assert (event_of(store).kind, event_of(store).label_score) == ("person", 0.8)


@pytest.mark.parametrize("again", [PERSON, replace(PERSON, id="v2", ts=NOW + 4000)])
def test_same_name_twice_is_told_once(processor: EventProcessor, bus: FakeBus, again: VisitSeen) -> None:
    feed(processor, START, PERSON, again)
    assert len(bus.published) == 2


def test_visit_knows_until_when_it_was_seen(processor: EventProcessor, store: Store) -> None:
    late = replace(PERSON, ts=NOW + 16 * 60_000)
    feed(processor, START, late, replace(PERSON, id="v2", ts=NOW + 1000, label_score=0.9))
    assert event_of(store).payload["seen_ms"] == late.ts


def test_name_before_its_motion_waits_for_it(processor: EventProcessor, store: Store) -> None:
    inbound.put(store, NODE, PERSON.id, topic_of(PERSON), PERSON.dump(), NOW)
    processor.sweep()
    assert find_event(store, "m1") is None
    feed(processor, START)
    processor.sweep()
    assert event_of(store).kind == "person"
    assert outbox.counts(store, NODE) == (0, 0)


def test_track_is_stored_once_with_its_event(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, TRACK, TRACK)
    (track,) = tracks_of_event(store, event_of(store).id)
    assert (track.kind, track.score, track.start_ms, track.end_ms) == ("person", 0.8, NOW, NOW + 400)
    assert [(one.ts_ms, round(one.left, 3), round(one.height, 3)) for one in track.boxes()] == [
        (NOW, 0.1, 0.3),
        (NOW + 400, 0.2, 0.3),
    ]
    assert tracks_between(store, "front", NOW + 400, NOW + 500) == [track]
    assert tracks_between(store, "front", NOW + 401, NOW + 500) == []
    assert tracks_between(store, "front", NOW - 10, NOW) == []


def test_track_of_no_visit_has_no_event(processor: EventProcessor, store: Store) -> None:
    feed(processor, replace(TRACK, motion_id="", is_stationary=True))
    (track,) = tracks_between(store, "front", NOW, NOW + 1)
    assert (track.event_id, track.is_stationary) == (None, True)


def test_list_is_filtered_by_kind(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, PERSON, replace(START, id="m2", ts=NOW + 9000))
    for kind, uids in (("person", ["m1"]), ("motion", ["m2"]), ("cat", []), (None, ["m2", "m1"])):
        assert [one.uid for one in list_events(store, EventFilter(kind=kind))[0]] == uids
    assert [one.uid for one in list_events(store, EventFilter(q="person"))[0]] == ["m1"], "and found by its name"


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PERSON, kind="ghost"),
        replace(PERSON, kind="<script>"),
        replace(PERSON, label_score=1.5),
        replace(PERSON, label_score=float("nan")),
        replace(PERSON, still_id=0),
        replace(PERSON, motion_id=""),
        replace(PERSON, camera_id="other"),
        replace(TRACK, kind="ghost"),
        replace(TRACK, score=-0.1),
        replace(TRACK, start_ts=NOW + 401),
        replace(TRACK, start_ts=-1),
        replace(TRACK, path="not base64"),
        replace(TRACK, path=base64.b64encode(bytes(BOX_BYTES - 1)).decode()),
        replace(TRACK, path=base64.b64encode(bytes(BOX_BYTES * (MAX_BOXES + 1))).decode()),
        replace(TRACK, path=base64.b64encode(pack_path(PATH)[BOX_BYTES:] + pack_path(PATH)[:BOX_BYTES]).decode()),
    ],
)
def test_nonsense_changes_nothing(processor: EventProcessor, store: Store, wrong: Message) -> None:
    feed(processor, START)
    before = event_of(store)
    feed(processor, wrong)
    assert processor.counts()["bad_messages"] == 1
    assert event_of(store) == before
    assert tracks_between(store, "front", 0, NOW * 2) == []


def test_missing_still_keeps_the_one_before(processor: EventProcessor, store: Store) -> None:
    feed(processor, START, replace(PERSON, still_id=77))
    assert (event_of(store).kind, event_of(store).still_id) == ("person", None)


def test_what_a_motion_turned_out_to_be_finds_its_story(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    """Told in the order of the change: the event, with the story it belongs to by then."""
    gusts = [replace(START, id=f"w{number}", ts=NOW - 60_000 + number * 10_000) for number in range(5)]
    feed(processor, *gusts, START)
    assert bus.published[-1].incident_id == bus.published[0].incident_id, "one more gust"
    feed(processor, PERSON)
    told = bus.published[-1]
    assert told.incident_id != bus.published[0].incident_id
    assert told.incident_id == event_of(store).incident_id
    wind, person = sorted(list_incidents(store, EventFilter())[0], key=lambda one: one.id)
    assert (wind.title, person.title) == ("Motion at the front door, 5 times", "Person at the front door")


def test_no_event_is_published_without_its_story(processor: EventProcessor, bus: FakeBus) -> None:
    feed(processor, START, PERSON, END)
    assert [event.incident_id for event in bus.published] == [1, 1, 1]
