"""A consumer that was away, or was killed, gets what it missed: once, in order, from the rows; the bus only rings."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, ROOT, RunningBroker, wait_until
from tests.flow.consumer_process import RULES, TABLE
from tests.ready_store import database_url, open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.bus.broker import broker_command
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import BadMessage, CameraFact, EventPublished, Message, MotionEnd, MotionStart
from vigilar.bus.topics import Topics
from vigilar.events.announcer import PUBLISHER
from vigilar.events.classification import EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.processor import EventProcessor
from vigilar.events.refusal import check_message
from vigilar.events.subject import Subject
from vigilar.events.subjects import SUBJECTS
from vigilar.store import inbound, outbox
from vigilar.store.consumers import Consumer, find_place
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events, newest_change

NODE = "box"

RANG = EventType("doorbell_rang", Severity.ALERT, ("doorbell",), "Somebody is at the door")


def _rang(desk: EventDesk, source: Source, payload: bytes) -> None:
    message = Message.parse(payload)
    bell = source.topic.split("/")[2]
    check_message(message, bell, bell)
    payload_of_event = {"title": title_of(RANG, bell)}
    desk.insert(
        desk.classify(RANG.name, "doorbell"),
        uid=message.id,
        source_id=bell,
        ts_ms=message.ts,
        payload=payload_of_event,
        row=source.row_of(message),
    )


DOORBELL = Subject(
    name="doorbell",
    types=(RANG,),
    handlers={"vigilar/doorbell/+/rang": _rang},
    outbox_prefixes=("vigilar/doorbell/",),
)
"""A subject made up for this test: one module and one name in the list are all it takes."""


class House:
    """The heart of the events process on a real bus, whose clock the test turns; a broker that can be killed."""

    def __init__(self, store: Store, broker: RunningBroker, folder: Path) -> None:
        self.store = store
        self.clock = SimulatedClock(utc_ns=time.time_ns())
        self._broker, self._folder = broker, folder
        self._running = broker.process
        # Debian's Mosquitto reads its access list again on SIGHUP: the bell's topics are not in the product's.
        with (folder / "acl").open("a", encoding="utf-8") as file:
            file.write(
                "\nuser camera-front\ntopic write vigilar/doorbell/#\n\nuser events\ntopic read vigilar/doorbell/#\n"
            )
        self._running.send_signal(signal.SIGHUP)
        self.bus = self.client("events")
        self.processor = EventProcessor(store, self.bus, self.clock, NODE, {}, (*SUBJECTS, DOORBELL))
        self.processor.subscribe()
        self.bus.on_connected(self.processor.notice_connection)
        self.bus.start()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="events-loop")
        self._thread.start()

    def client(self, user: str) -> MessageBus:
        link = BusLink("127.0.0.1", self._broker.port, user, self._broker.passwords[user])
        return MessageBus(link, f"test-{user}")

    def _turn(self) -> None:
        while not self._ending.is_set():
            self.processor.turn(0.05)

    def kill_broker(self) -> None:
        self._running.kill()
        self._running.wait()

    def start_broker(self) -> None:
        self._running = subprocess.Popen(broker_command(self._folder))

    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def put(self, topic: str, message: Message) -> None:
        """As a process does whose broker is away: the row is there, the message goes nowhere."""
        inbound.put(self.store, NODE, message.id, topic, message.dump(), self.now_ms())

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self.bus.stop(1.0)
        self.kill_broker()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        with store.write("make the consumer's own table") as connection:
            connection.exec_driver_sql(TABLE)
        yield store


@pytest.fixture
def house(store: Store, broker: RunningBroker, tmp_path: Path) -> Iterator[House]:
    with closing(House(store, broker, tmp_path / "broker")) as house:
        yield house


Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def spawn(tmp_path: Path, store: Store, broker: RunningBroker) -> Iterator[Spawn]:
    """Starts a consumer; returns when it is registered."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.flow.consumer_process", database_url(tmp_path), str(broker.port), *how]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        started.append(process)
        assert process.stdin
        process.stdin.write(broker.passwords["web"].encode() + b"\n")
        process.stdin.close()
        wait_until(lambda: find_place(store, RULES) is not None, 20.0)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def _passes(house: House, consumer: Consumer, number: int) -> bool:
    """True when the consumer's place is ``number``; turns the clock on, as places are stored a second late."""
    house.clock.advance(0.5)
    return find_place(house.store, consumer) == number


def _heard(store: Store) -> list[tuple[str, int, bool]]:
    with store.read("test") as connection:
        rows = connection.exec_driver_sql("SELECT uid, change, is_new FROM heard ORDER BY seq").all()
    return [(uid, change, bool(is_new)) for uid, change, is_new in rows]


def _start(uid: str, ts: int) -> tuple[str, MotionStart]:
    return Topics.motion_start("front"), MotionStart(id=uid, ts=ts, camera_id="front", run=1, area_frac=0.2)


def _end(motion: str, ts: int) -> tuple[str, MotionEnd]:
    end = MotionEnd(
        id=f"end-{motion}", ts=ts, camera_id="front", motion_id=motion, duration_ms=4000, peak_area_frac=0.2
    )
    return Topics.motion_end("front"), end


def _events(store: Store) -> list[StoredEvent]:
    """All, in the order of their newest changes."""
    return sorted(list_events(store, EventFilter(limit=500))[0], key=lambda event: event.change)


def test_consumer_away_for_an_hour_gets_all_once_in_order(house: House, store: Store, spawn: Spawn) -> None:
    """300 motions in an hour, the first of which had begun before, and a broker that was dead for the middle of it."""
    rules = spawn("after")
    house.put(*_start("m0", house.now_ms()))
    house.clock.advance(2)
    wait_until(lambda: len(_heard(store)) == 1, 20.0)
    wait_until(lambda: find_place(store, Consumer(NODE, "rules")) == 1, 20.0)  # handled is not yet taken
    rules.kill()
    rules.wait()
    for number in range(1, 301):
        house.put(*_end(f"m{number - 1}", house.now_ms()))
        house.put(*_start(f"m{number}", house.now_ms()))
        house.clock.advance(12)
        if number == 100:
            wait_until(lambda: newest_change(store) > 100, 30.0)
            house.kill_broker()
        if number == 200:
            wait_until(lambda: newest_change(store) > 300, 30.0)
            house.start_broker()
    wait_until(lambda: outbox.counts(store, NODE) == (0, 0), 60.0)
    spawn("after")
    missed = _events(store)
    assert len(missed) == 301
    wait_until(lambda: len(_heard(store)) == 1 + 301, 30.0)
    assert _heard(store)[0] == ("m0", 1, True)
    assert _heard(store)[1:] == [(event.uid, event.change, event.uid != "m0") for event in missed]
    house.put(*_end("m300", house.now_ms()))
    house.clock.advance(2)
    wait_until(lambda: len(_heard(store)) == 303, 20.0)
    assert _heard(store)[-1] == ("m300", newest_change(store), False)


@pytest.mark.parametrize(("how", "times"), [("after", 2), ("within", 1)])
def test_consumer_killed_after_its_effect(house: House, store: Store, spawn: Spawn, how: str, times: int) -> None:
    """Between handler and place: the last change comes again. With both in one transaction: not even that."""
    rules = spawn(how, "b")
    for uid in "abc":
        house.put(
            Topics.camera_fact("front"),
            CameraFact(id=uid, ts=house.now_ms(), camera_id="front", kind="recording_resumed"),
        )
    house.clock.advance(2)
    assert rules.wait(30.0) == -signal.SIGKILL
    spawn(how)
    wait_until(lambda: [uid for uid, _, _ in _heard(store)][-1] == "c", 30.0)
    assert _heard(store) == [("a", 1, True), *[("b", 2, True)] * times, ("c", 3, True)]


def test_new_subject_is_stored_published_and_swept(house: House, store: Store, broker: RunningBroker) -> None:
    published: list[EventPublished] = []
    publisher = Consumer(NODE, PUBLISHER)
    page = house.client("web")
    page.subscribe(Topics.EVENTS_PUBLISHED, lambda _topic, payload: published.append(EventPublished.parse(payload)))
    bell = house.client("camera-front")
    ready = threading.Event()
    page.on_connected(ready.set)
    for bus in (page, bell):
        bus.start()
    try:
        assert ready.wait(PATIENCE_S)
        wait_until(lambda: bell.is_connected and house.bus.is_connected, 10.0)
        topic, quick = "vigilar/doorbell/gate/rang", Message("ring-1", house.now_ms())
        house.put(topic, quick)
        bell.publish(topic, quick.dump())
        # The clock stands still, so no sweep: it came over the bus.
        wait_until(lambda: [message.type for message in published] == ["doorbell_rang"], 10.0)
        assert (published[0].severity, published[0].source_id) == ("ALERT", "gate")
        assert published[0].payload == {"title": "Somebody is at the door"}
        house.kill_broker()
        house.put(topic, Message("ring-2", house.now_ms()))
        house.put("vigilar/doorbell/gate/rang/twice", Message("ring-3", house.now_ms()))
        house.clock.advance(2)
        wait_until(lambda: len(_events(store)) == 2, 10.0)
        house.start_broker()
        wait_until(lambda: house.bus.is_connected, 10.0)
        wait_until(lambda: _passes(house, publisher, 2), 20.0)  # acknowledged by the new broker
        assert outbox.counts(store, NODE) == (0, 1)  # the topic that nobody handles was set aside
    finally:
        for bus in (page, bell):
            bus.stop(1.0)


def test_foreign_reporter_is_refused_by_the_desk(house: House) -> None:
    with pytest.raises(BadMessage, match="not for a doorbell"):
        house.processor._desk.classify("motion", "doorbell")
