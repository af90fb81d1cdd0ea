"""Messages become events: once each, in order, whatever comes twice, late, broken or while the disk is full."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import CameraFact, EventPublished, Message, MotionEnd, MotionStart
from vigilar.bus.topics import Topics, matches
from vigilar.events import desk as desk_module
from vigilar.events import processor as processor_module
from vigilar.events.announcer import PUBLISHER
from vigilar.events.processor import MAX_FAILURES, EventProcessor
from vigilar.store import inbound, outbox
from vigilar.store.cameras import ensure_camera, has_open_outage
from vigilar.store.consumers import Consumer, find_place
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, count_events, find_event, list_events

NODE = "box"
NOW = 1_770_000_000_000
START = Topics.motion_start("front")
END = Topics.motion_end("front")
FACT = Topics.camera_fact("front")


class FakeBus:
    """A broker in a list: takes what is published while connected, acknowledges when told to."""

    def __init__(self) -> None:
        self.is_connected = True
        self.acknowledges = True
        self.refuses = False
        self.published: list[EventPublished] = []
        self.tickets: list[PublishTicket] = []
        self.subscribed: dict[str, Handler] = {}

    def publish(self, topic: str, payload: bytes) -> PublishTicket:
        assert topic == Topics.EVENTS_PUBLISHED
        ticket = PublishTicket(1)
        ticket.is_refused = self.refuses
        if not self.refuses:
            self.published.append(EventPublished.parse(payload))
            self.tickets.append(ticket)
            if self.acknowledges:
                ticket._settle()
        return ticket

    def subscribe(self, topic: str, handler: Handler) -> None:
        self.subscribed[topic] = handler


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(utc_ns=NOW * 1_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        ensure_camera(store, "front", "Front door", NOW)
        yield store


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def processor(store: Store, bus: FakeBus, clock: SimulatedClock) -> EventProcessor:
    return EventProcessor(store, bus, clock, NODE, {"yard": "Yard"})


def _start(uid: str = "m1", ts: int = NOW, camera: str = "front", **more: Any) -> MotionStart:
    return MotionStart(id=uid, ts=ts, camera_id=camera, run=1, area_frac=0.25, **more)


def _end(motion: str = "m1", ts: int = NOW + 4000, uid: str = "", camera: str = "front") -> MotionEnd:
    return MotionEnd(
        id=uid or f"end-{motion}", ts=ts, camera_id=camera, motion_id=motion, duration_ms=4000, peak_area_frac=0.5
    )


def _fact(kind: str, uid: str = "f1", ts: int = NOW, **detail: Any) -> CameraFact:
    return CameraFact(id=uid, ts=ts, camera_id="front", kind=kind, detail=detail)


def _topic(message: Message) -> str:
    if isinstance(message, MotionStart):
        return Topics.motion_start(message.camera_id)
    if isinstance(message, MotionEnd):
        return Topics.motion_end(message.camera_id)
    assert isinstance(message, CameraFact)
    return Topics.camera_fact(message.camera_id)


def _put(store: Store, message: Message, created_ms: int = NOW) -> None:
    inbound.put(store, NODE, message.id, _topic(message), message.dump(), created_ms)


def _feed(processor: EventProcessor, *messages: Message) -> None:
    for message in messages:
        processor._handle_event(_topic(message), message.dump())


def _event(store: Store, uid: str) -> StoredEvent:
    event = find_event(store, uid)
    assert event is not None
    return event


def _count(store: Store) -> int:
    return count_events(store, EventFilter())


# What messages mean


def test_motion_start_is_stored_and_published(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    _feed(processor, _start())
    event = _event(store, "m1")
    assert (event.type, event.severity, event.source_id, event.ts_ms, event.end_ms) == (
        "motion",
        "INFO",
        "front",
        NOW,
        None,
    )
    assert event.payload == {
        "title": "Motion, Front door",
        "camera_name": "Front door",
        "area_frac": 0.25,
        "is_open": True,
        "has_still": False,
    }
    (published,) = bus.published
    assert (published.id, published.ts, published.change, published.is_update) == (str(event.id), NOW, 1, False)
    assert (published.type, published.severity, published.source_id) == ("motion", "INFO", "front")
    assert published.payload == event.payload


def test_motion_end_updates_its_event(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    _feed(processor, _start(), _end())
    event = _event(store, "m1")
    assert event.end_ms == NOW + 4000
    assert event.payload == {
        "title": "Motion, Front door",
        "camera_name": "Front door",
        "area_frac": 0.5,
        "duration_ms": 4000,
        "is_open": False,
        "has_still": False,
    }
    assert [(message.change, message.is_update) for message in bus.published] == [(1, False), (2, True)]
    assert len({message.id for message in bus.published}) == 1


def test_fact_becomes_event_with_detail(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _fact("camera_offline", reason="no route to rtsp://admin:hunter2@10.0.0.7/x", tries=3))
    event = _event(store, "f1")
    assert (event.type, event.severity) == ("camera_offline", "WARNING")
    assert event.payload == {
        "reason": "no route to rtsp://***@10.0.0.7/x",
        "tries": 3,
        "is_open": True,
        "title": "No picture from Front door",
        "camera_name": "Front door",
    }


def test_detail_cannot_forge_title(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _fact("camera_online", title="You won", camera_name="Bank"))
    assert _event(store, "f1").payload == {"title": "Front door is back", "camera_name": "Front door"}


def test_camera_without_row_has_name_of_job(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start("a", camera="yard"), _start("b", camera="shed"))
    assert [_event(store, uid).payload["title"] for uid in "ab"] == ["Motion, Yard", "Motion, shed"]


def test_subscribes_to_what_becomes_events_and_to_nothing_that_comes_all_the_time(
    processor: EventProcessor, bus: FakeBus
) -> None:
    processor.subscribe()
    wanted = [Topics.motion_start("a"), Topics.camera_fact("a"), Topics.sensor("a", "leak"), Topics.ups("power_loss")]
    for topic in wanted:
        assert any(matches(pattern, topic) for pattern in bus.subscribed), topic
    frequent = [Topics.camera_health("a"), Topics.camera_heartbeat("a"), Topics.camera_object("a"), Topics.UPS_STATUS]
    for topic in [*frequent, Topics.SYSTEM_HEALTH, Topics.SYSTEM_JOB, Topics.EVENTS_PUBLISHED]:
        assert not any(matches(pattern, topic) for pattern in bus.subscribed), topic


def test_supervisor_fact_of_camera_belongs_to_camera(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    detail = {"reason": "killed", "process_title": "The camera process of Front door"}
    processor.handle_fact(ProcessFact("p1", NOW, "process_restarted", "camera/front", detail))
    processor.handle_fact(ProcessFact("p1", NOW, "process_restarted", "camera/front", detail))
    processor.handle_fact(ProcessFact("p2", NOW, "system_started", "system"))
    assert (_event(store, "p1").source_id, _event(store, "p1").payload) == (
        "front",
        {
            "reason": "killed",
            "camera_name": "Front door",
            "process": "camera/front",
            "title": "The camera process of Front door was restarted",
        },
    )
    assert _event(store, "p2").payload["title"] == "Vigilar started"
    assert [message.type for message in bus.published] == ["process_restarted", "system_started"]


def test_unknown_supervisor_fact_is_dropped_not_asked_again(processor: EventProcessor, store: Store) -> None:
    processor.handle_fact(ProcessFact("p1", NOW, "moon_full", "system"))
    assert (_count(store), processor.counts()["bad_messages"]) == (0, 1)


# Twice, late, out of order


def test_same_messages_twice_are_one_event(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    messages = (_start(), _end(), _fact("disk_full"))
    _feed(processor, *messages, *messages, *reversed(messages))
    assert _count(store) == 2
    assert [message.change for message in bus.published] == [1, 2, 3]


def test_message_and_its_row_are_one_event(processor: EventProcessor, store: Store, clock: SimulatedClock) -> None:
    _put(store, _start())
    _feed(processor, _start())
    clock.advance(5)
    processor.sweep()
    assert (_count(store), outbox.counts(store, NODE)) == (1, (0, 0))


def test_sweep_handles_rows_without_message(processor: EventProcessor, store: Store, clock: SimulatedClock) -> None:
    for message in (_start(), _end(), _fact("camera_offline")):
        _put(store, message)
    clock.advance(1.1)
    processor.turn(0.0)
    assert [event.type for event in list_events(store, EventFilter())[0]] == ["camera_offline", "motion"]
    assert _event(store, "m1").payload["is_open"] is False


def test_young_rows_are_left_to_the_bus(processor: EventProcessor, store: Store, clock: SimulatedClock) -> None:
    processor.turn(0.0)  # the first turn sweeps all
    clock.advance(2)
    _put(store, _start(), NOW + 1500)
    processor.turn(0.0)
    assert _count(store) == 0
    clock.advance(1)
    processor.turn(0.0)
    assert _count(store) == 1


def test_reconnect_sweeps_at_once(processor: EventProcessor, store: Store) -> None:
    processor.turn(0.0)
    _put(store, _start())
    processor.notice_connection()
    processor.turn(0.0)
    assert _count(store) == 1


def test_end_before_start_waits_for_it(processor: EventProcessor, store: Store, clock: SimulatedClock) -> None:
    """The start's message was lost with the broker; its row is older than the end's."""
    _put(store, _start())
    _put(store, _end())
    _feed(processor, _end())
    assert _count(store) == 0
    clock.advance(2)
    processor.turn(0.0)
    assert _event(store, "m1").end_ms == NOW + 4000
    assert processor.counts()["outbox_set_aside"] == 0


def test_end_without_row_waits_in_memory(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _end(), _start())
    processor.sweep()
    assert (_event(store, "m1").end_ms, processor.counts()["unstored"]) == (NOW + 4000, 0)


def test_end_without_any_start_is_set_aside(processor: EventProcessor, store: Store) -> None:
    _put(store, _end())
    _put(store, _fact("disk_full"))
    for _ in range(MAX_FAILURES):
        assert outbox.counts(store, NODE)[1] == 0
        processor.sweep()
    assert (_count(store), outbox.counts(store, NODE)[1]) == (1, 1)


def test_end_of_foreign_motion_is_bad(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start(), _end(camera="yard"))
    assert (_event(store, "m1").end_ms, processor.counts()["bad_messages"]) == (None, 1)


# Motions that nobody ends


@pytest.mark.parametrize("kind", ["camera_offline", "camera_online"])
def test_camera_fact_ends_open_motion(processor: EventProcessor, store: Store, kind: str) -> None:
    _feed(processor, _start("yard", camera="yard"), _start(), _fact(kind, ts=NOW + 900_000))
    event = _event(store, "m1")
    assert (event.end_ms, event.payload["is_open"], event.payload["ended_by"]) == (NOW + 900_000, False, kind)
    assert _event(store, "yard").end_ms is None


def test_outage_is_one_event_from_the_last_picture_to_the_next(processor: EventProcessor, store: Store) -> None:
    """Also when the camera's process was started anew meanwhile, and when each message comes twice."""
    began = _fact("camera_offline", ts=NOW, uid="a", reason="It is gone.")
    again = _fact("camera_offline", ts=NOW + 60_000, uid="b", reason="Nothing answers.")
    back = _fact("camera_online", ts=NOW + 90_000, uid="c")
    _feed(processor, began, began, again, back, back, again, began)
    assert [event.type for event in list_events(store, EventFilter())[0]] == ["camera_offline"]
    outage = _event(store, "a")
    assert (outage.ts_ms, outage.end_ms) == (NOW, NOW + 90_000)
    assert (outage.payload["reason"], outage.payload["is_open"]) == ("Nothing answers.", False)
    _feed(processor, _fact("camera_offline", ts=NOW + 200_000, uid="d"))
    assert _event(store, "d").end_ms is None


def test_outage_after_the_clock_was_set_back_is_told_and_ends(store: Store) -> None:
    """Its time is before that of an outage that is over: what was stored last is the newest."""
    hour_ms, clock = 3_600_000, SimulatedClock(utc_ns=(NOW + 90_000) * 1_000_000)
    processor = EventProcessor(store, FakeBus(), clock, NODE, {})
    _feed(processor, _fact("camera_offline", ts=NOW, uid="a"), _fact("camera_online", ts=NOW + 60_000, uid="b"))
    clock.step_utc(-3600)
    _feed(processor, _fact("camera_offline", ts=NOW + 100_000 - hour_ms, uid="c"))
    assert has_open_outage(store, "front")
    _feed(processor, _fact("camera_online", ts=NOW + 160_000 - hour_ms, uid="d"))
    assert not has_open_outage(store, "front")
    assert [(one.uid, one.end_ms) for one in list_events(store, EventFilter())[0]] == [
        ("a", NOW + 60_000),
        ("c", NOW + 160_000 - hour_ms),
    ]


def test_killed_process_ends_motion_begun_before(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start(), _start("yard", camera="yard"))
    processor.handle_fact(ProcessFact("p1", NOW + 2000, "process_restarted", "camera/front"))
    assert (_event(store, "m1").end_ms, _event(store, "yard").end_ms) == (NOW + 2000, None)


def test_late_fact_spares_newer_motion(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start(ts=NOW + 5000))
    processor.handle_fact(ProcessFact("p1", NOW + 2000, "process_restarted", "camera/front"))
    assert _event(store, "m1").end_ms is None


def test_power_cut_gives_motion_ten_minutes_at_most(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start())
    processor.handle_fact(ProcessFact("p1", NOW + 86_400_000, "system_started", "system"))
    assert _event(store, "m1").end_ms == NOW + 600_000


def test_next_motion_ends_the_one_before(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start(), _start("m2", ts=NOW + 7000))
    assert (_event(store, "m1").end_ms, _event(store, "m1").payload["ended_by"]) == (NOW + 7000, "motion")
    assert _event(store, "m2").end_ms is None


def test_hour_long_motion_is_ended(processor: EventProcessor, store: Store, clock: SimulatedClock) -> None:
    _feed(processor, _start())
    clock.advance(3599)
    processor.turn(0.0)
    assert _event(store, "m1").end_ms is None
    clock.advance(2)
    processor.turn(0.0)
    assert (_event(store, "m1").end_ms, _event(store, "m1").payload["ended_by"]) == (NOW + 3_600_000, "timeout")


def test_real_end_corrects_guessed_one(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start(), _fact("camera_offline", ts=NOW + 9000), _end())
    event = _event(store, "m1")
    assert (event.end_ms, event.payload["duration_ms"], "ended_by" in event.payload) == (NOW + 4000, 4000, False)


# Bad messages

_GOOD_START = json.loads(_start().dump())
_GOOD_END = json.loads(_end().dump())
_GOOD_FACT = json.loads(_fact("disk_full").dump())
_BAD = [
    (START, b""),
    (START, b"[]"),
    (START, b"\xff\xfe"),
    (START, json.dumps({**_GOOD_START, "v": 2}).encode()),
    (START, json.dumps({**_GOOD_START, "id": ""}).encode()),
    (START, json.dumps({**_GOOD_START, "id": "x" * 65}).encode()),
    (START, json.dumps({**_GOOD_START, "id": "\ud800"}).encode()),
    (START, json.dumps({**_GOOD_START, "ts": -1}).encode()),
    (START, json.dumps({**_GOOD_START, "ts": 10**18}).encode()),
    (START, json.dumps({**_GOOD_START, "camera_id": "yard"}).encode()),
    (START, json.dumps({**_GOOD_START, "area_frac": 1.1}).encode()),
    (START, json.dumps({**_GOOD_START, "area_frac": float("nan")}).encode()),
    (START, json.dumps({**_GOOD_START, "area_frac": 10**400}).encode()),
    (START, json.dumps({**_GOOD_START, "still_id": 2**63}).encode()),
    (END, json.dumps({**_GOOD_END, "duration_ms": -1}).encode()),
    (END, json.dumps({**_GOOD_END, "motion_id": "\udfff"}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "kind": "heartbeat"}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "kind": "system_started"}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "kind": "motion"}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "detail": {"x": float("inf")}}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "detail": {"x": "\ud800"}}).encode()),
    (FACT, json.dumps({**_GOOD_FACT, "detail": {"x": "y" * 17_000}}).encode()),
    (FACT, b'{"v":1,"id":"a","ts":1,"camera_id":"front","kind":"disk_full","detail":' + b'{"a":' * 30_000),
    ("vigilar/camera/front/health", _start().dump()),
    ("vigilar/camera/front/motion/start/more", _start().dump()),
    ("vigilar/camera//fact", _fact("disk_full").dump()),
]


@pytest.mark.parametrize(("topic", "payload"), _BAD)
def test_bad_message_is_counted_and_dropped(
    processor: EventProcessor, store: Store, topic: str, payload: bytes
) -> None:
    processor._handle_event(topic, payload)
    facts = processor.counts()
    assert (facts["bad_messages"], facts["unstored"], _count(store)) == (1, 0, 0)


def test_flood_of_bad_messages_is_one_line(processor: EventProcessor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            processor._handle_event(START, b"rubbish")
    assert processor.counts()["bad_messages"] == 100
    assert len(caplog.records) <= 3


def test_poisoned_rows_do_not_block_the_sweep(
    processor: EventProcessor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound.put(store, NODE, "x1", START, b"rubbish", NOW)
    inbound.put(store, NODE, "other-id", START, _start("m9").dump(), NOW)
    _put(store, _start("bug", camera="yard"))
    _put(store, _start())
    real_name = desk_module.EventDesk.camera_name

    def name(self: Any, camera_id: str) -> str:
        if camera_id == "yard":
            raise KeyError("a bug")
        return real_name(self, camera_id)

    monkeypatch.setattr(desk_module.EventDesk, "camera_name", name)
    processor.sweep()
    assert [event.uid for event in list_events(store, EventFilter())[0]] == ["m1"]
    assert outbox.counts(store, NODE) == (1, 2)  # waiting: the bug's row, which is tried again
    for _ in range(MAX_FAILURES):
        processor.sweep()
    assert outbox.counts(store, NODE)[1] == 3


def test_bug_in_one_message_does_not_end_the_loop(
    processor: EventProcessor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "get_camera", lambda *_: 1 // 0)
    processor.take(START, _start().dump())
    processor.turn(0.0)
    assert (processor.counts()["bad_messages"], _count(store)) == (1, 0)


def test_storm_beyond_the_queue_is_left_to_the_outbox(
    store: Store, bus: FakeBus, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_module, "MAX_WAITING", 5)
    processor = EventProcessor(store, bus, clock, NODE, {})
    for number in range(20):
        message = _start(f"m{number}", ts=NOW + number)
        _put(store, message)
        processor.take(START, message.dump())
    clock.advance(2)
    processor.turn(0.0)
    assert _count(store) == 20


# The database in trouble


@pytest.mark.parametrize("kind", [ErrorKind.FULL, ErrorKind.TRANSIENT, ErrorKind.DENIED])
def test_event_waits_while_database_refuses(
    processor: EventProcessor, store: Store, bus: FakeBus, monkeypatch: pytest.MonkeyPatch, kind: ErrorKind
) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise StoreError("cannot store an event", kind=kind)

    with monkeypatch.context() as patch:
        patch.setattr(desk_module, "insert_event", refuse)
        processor.take(START, _start().dump())
        processor.take(FACT, _fact("disk_full").dump())
        processor.turn(0.0)
        processor.turn(0.0)
        assert (processor.counts()["unstored"], processor.counts()["bad_messages"]) == (2, 0)
        with pytest.raises(StoreError):
            processor.handle_fact(ProcessFact("p1", NOW, "system_started", "system"))
    processor.sweep()
    assert (_count(store), processor.counts()["unstored"], len(bus.published)) == (2, 0, 2)


def test_row_does_not_count_failures_of_the_database(
    processor: EventProcessor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise StoreError("cannot store an event", kind=ErrorKind.FULL)

    _put(store, _start())
    with monkeypatch.context() as patch:
        patch.setattr(desk_module, "insert_event", refuse)
        for _ in range(MAX_FAILURES + 5):
            processor.turn(0.0)
    processor.sweep()
    assert _count(store) == 1


def test_memory_of_unstored_messages_is_bounded(
    processor: EventProcessor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise StoreError("cannot store an event", kind=ErrorKind.FULL)

    monkeypatch.setattr(processor_module, "MAX_UNSTORED", 3)
    with monkeypatch.context() as patch:
        patch.setattr(desk_module, "insert_event", refuse)
        for number in range(5):
            _feed(processor, _start(f"m{number}", ts=NOW + number))
    assert (processor.counts()["unstored"], processor.counts()["lost"]) == (3, 2)
    processor.sweep()
    assert _count(store) == 3


# Publishing


def _place(store: Store) -> int | None:
    return find_place(store, Consumer(NODE, PUBLISHER))


def test_place_is_stored_a_second_after_acknowledgement(
    processor: EventProcessor, store: Store, clock: SimulatedClock
) -> None:
    """So that an event costs one commit, not two."""
    _feed(processor, _fact("disk_full", "a"))
    processor.turn(0.0)
    clock.advance(0.9)
    _feed(processor, _fact("disk_full", "b"))
    processor.turn(0.0)
    assert _place(store) == 0
    clock.advance(0.1)
    processor.turn(0.0)
    assert _place(store) == 2


def test_place_is_stored_at_the_end(processor: EventProcessor, store: Store) -> None:
    _feed(processor, _start())
    processor.close()
    assert _place(store) == 1


def test_place_waits_for_acknowledgement(
    processor: EventProcessor, store: Store, bus: FakeBus, clock: SimulatedClock
) -> None:
    _feed(processor, _fact("disk_full", "a"))
    bus.acknowledges = False
    _feed(processor, _fact("disk_full", "b"))
    processor.turn(0.0)
    clock.advance(5)
    processor.turn(0.0)
    processor.close()
    assert _place(store) == 1


def test_what_was_not_noted_is_published_again(store: Store, bus: FakeBus, clock: SimulatedClock) -> None:
    """Killed within a second of the acknowledgement: receivers know the change by its number."""
    _feed(EventProcessor(store, bus, clock, NODE, {}), _start())
    EventProcessor(store, bus, clock, NODE, {}).turn(0.0)
    assert [message.change for message in bus.published] == [1, 1]


def test_event_that_changed_meanwhile_is_told_once_as_new(
    processor: EventProcessor, bus: FakeBus, clock: SimulatedClock
) -> None:
    bus.is_connected = False
    _feed(processor, _start(), _fact("disk_full"), _end())
    bus.is_connected = True
    processor.notice_connection()
    processor.turn(0.0)
    assert [(message.change, message.is_update) for message in bus.published] == [(2, False), (3, False)]


def test_event_of_another_box_is_published_in_order(
    processor: EventProcessor, store: Store, bus: FakeBus, clock: SimulatedClock
) -> None:
    """Two boxes on one database: pages of both show the whole house."""
    other_bus = FakeBus()
    other = EventProcessor(store, other_bus, clock, "other box", {})
    processor.turn(0.0)
    other.turn(0.0)
    _feed(other, _fact("disk_full", "a"))
    _feed(processor, _fact("disk_full", "b"))
    clock.advance(2)
    other.turn(0.0)
    assert [message.change for message in bus.published] == [1, 2]
    assert [message.change for message in other_bus.published] == [1, 2]


def test_event_stored_without_bus_is_published_later(processor: EventProcessor, store: Store, bus: FakeBus) -> None:
    bus.is_connected = False
    _feed(processor, _start("a"), _start("b", camera="yard"))
    processor.turn(0.0)
    assert (_count(store), bus.published) == (2, [])
    bus.is_connected = True
    processor.notice_connection()
    _feed(processor, _fact("disk_full"))
    processor.turn(0.0)
    processor.turn(0.0)
    assert [message.change for message in bus.published] == [1, 2, 3]


def test_nothing_newer_overtakes_what_is_sent_again(processor: EventProcessor, bus: FakeBus) -> None:
    """After a reconnect the client sends again what it holds; until that is acknowledged, newer rows wait."""
    _feed(processor, _fact("disk_full", "a"))
    processor.turn(0.0)
    bus.acknowledges = False
    _feed(processor, _fact("disk_full", "b"))
    processor.notice_connection()
    _feed(processor, _fact("disk_full", "c"))
    processor.turn(0.0)
    assert [message.change for message in bus.published] == [1, 2]
    bus.tickets[-1]._settle()
    processor.turn(0.0)
    assert [message.change for message in bus.published] == [1, 2, 3]


def test_refused_announcement_comes_again_in_order(processor: EventProcessor, bus: FakeBus) -> None:
    bus.refuses = True
    _feed(processor, _fact("disk_full", "a"), _fact("disk_full", "b"))
    bus.refuses = False
    _feed(processor, _fact("disk_full", "c"))
    assert [message.change for message in bus.published] == [1, 2, 3]


def test_row_of_the_run_before_is_published_first(store: Store, clock: SimulatedClock, bus: FakeBus) -> None:
    """The process died between the transaction and the publishing."""
    gone = FakeBus()
    gone.is_connected = False
    _feed(EventProcessor(store, gone, clock, NODE, {}), _start())
    _feed(EventProcessor(store, bus, clock, NODE, {}), _fact("disk_full"))
    assert [(message.change, message.type) for message in bus.published] == [(1, "motion"), (2, "disk_full")]


def test_unacknowledged_announcement_is_sent_again(
    processor: EventProcessor, bus: FakeBus, clock: SimulatedClock
) -> None:
    bus.acknowledges = False
    _feed(processor, _start())
    clock.advance(9)
    processor.turn(0.0)
    assert len(bus.published) == 1
    clock.advance(2)
    processor.turn(0.0)
    assert [message.change for message in bus.published] == [1, 1]
