"""Cameras, broker and events process as they run at home: whoever is killed, no event is lost and none is doubled."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.ready_store import database_url, open_ready_store
from tests.spawned_process import Spawn, SpawnedProcess, spawning
from vigilar.base.control import ProcessFact
from vigilar.base.ids import new_id
from vigilar.bus.broker import broker_command
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import EventPublished, Message, MotionEnd, MotionStart, SystemHealth
from vigilar.bus.topics import Topics
from vigilar.store import inbound, outbox
from vigilar.store.change_reader import PassingPlace
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, count_events, list_events, newest_change
from vigilar.store.incident_reading import list_incidents

MOTIONS = 150  # each has a start and an end
NODE = "box"


@dataclass
class Page:
    """What the web process does: listens, and reads what it missed when it is connected again."""

    store: Store
    bus: MessageBus
    seen: dict[int, EventPublished] = field(default_factory=dict)
    received: list[int] = field(default_factory=list)

    def start(self) -> None:
        ready = threading.Event()
        self.bus.subscribe(Topics.EVENTS_PUBLISHED, self._take)
        self.bus.on_connected(self._catch_up)
        self.bus.on_connected(ready.set)
        self.bus.start()
        assert ready.wait(PATIENCE_S)

    def _take(self, _topic: str, payload: bytes) -> None:
        message = EventPublished.parse(payload)
        self.received.append(message.change)
        self.seen[message.change] = message

    def _catch_up(self) -> None:
        for event in _changed_after(self.store, max(self.seen, default=0)):
            self.seen.setdefault(
                event.change,
                EventPublished(
                    id=str(event.id),
                    ts=event.ts_ms,
                    type=event.type,
                    severity=event.severity,
                    source_id=event.source_id,
                    change=event.change,
                    incident_id=event.incident_id,
                ),
            )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


@pytest.fixture
def spawn(tmp_path: Path, store: Store, broker: RunningBroker) -> Iterator[Spawn]:
    assert store
    with spawning("tests.flow.events_process", database_url(tmp_path), broker, "events") as spawn:
        yield spawn


@pytest.fixture
def camera(broker: RunningBroker) -> Iterator[MessageBus]:
    bus = _bus(broker, "camera-front")
    bus.start()
    yield bus
    bus.stop(1.0)


@pytest.fixture
def page(broker: RunningBroker, store: Store) -> Iterator[Page]:
    page = Page(store, _bus(broker, "web"))
    page.start()
    yield page
    page.bus.stop(1.0)


def _changed_after(store: Store, number: int) -> list[StoredEvent]:
    return [change.event for change in PassingPlace(store, number).next_batch(500)]


def _bus(broker: RunningBroker, user: str) -> MessageBus:
    return MessageBus(BusLink("127.0.0.1", broker.port, user, broker.passwords[user]), f"test-{user}")


def _tell(store: Store, camera: MessageBus, topic: str, message: Message) -> None:
    """As a camera process does: the row, then the message."""
    inbound.put(store, NODE, message.id, topic, message.dump(), time.time_ns() // 1_000_000)
    camera.publish(topic, message.dump())


def _motions(store: Store, camera: MessageBus, count: int = MOTIONS, pause_s: float = 0.004) -> None:
    for number in range(count):
        ts = time.time_ns() // 1_000_000
        start = MotionStart(id=new_id(), ts=ts, camera_id="front", run=1, area_frac=0.1)
        _tell(store, camera, Topics.motion_start("front"), start)
        end = MotionEnd(
            id=new_id(), ts=ts, camera_id="front", motion_id=start.id, duration_ms=number, peak_area_frac=0.2
        )
        _tell(store, camera, Topics.motion_end("front"), end)
        time.sleep(pause_s)


def _wait_connected(events: SpawnedProcess, page: Page) -> None:
    """Until what the process is told by its supervisor is heard on the bus."""
    heard = threading.Event()
    page.bus.subscribe(Topics.SYSTEM_HEALTH, lambda _topic, _payload: heard.set())

    def is_so() -> bool:
        events.line.send_status({"ts": 1_770_000_000_000, "processes": {}})
        return heard.is_set()

    wait_until(is_so, 20.0)


def _check_nothing_lost_or_doubled(store: Store, page: Page, motions: int) -> None:
    wait_until(lambda: outbox.counts(store, NODE) == (0, 0), 60.0)
    assert count_events(store, EventFilter()) == motions
    stored = _changed_after(store, 0)
    assert sorted(event.payload["duration_ms"] for event in stored) == list(range(motions))
    # The page has the newest change of each event, and each change at most once after it is told by number.
    wait_until(lambda: {event.change for event in stored} <= set(page.seen), 5.0)
    assert max(page.seen) == newest_change(store)
    # No event was told without its story, and each is counted in it once.
    stories = {event.change: event.incident_id for event in stored}
    assert {change: page.seen[change].incident_id for change in stories} == stories
    assert None not in stories.values()
    assert sum(one.event_count for one in list_incidents(store, EventFilter())[0]) == motions


def test_motion_reaches_page_in_order(spawn: Spawn, store: Store, camera: MessageBus, page: Page) -> None:
    events = spawn()
    _wait_connected(events, page)  # or what changed twice meanwhile is told once
    _motions(store, camera, 20)
    _check_nothing_lost_or_doubled(store, page, 20)
    assert page.received == list(range(1, 41))
    assert list_events(store, EventFilter(limit=1))[0][0].payload["title"] == "Motion, Front door"
    assert events.line.send_stop()
    assert events.process.wait(PATIENCE_S) == 0


def test_broker_killed_in_the_middle_loses_nothing(
    spawn: Spawn, store: Store, camera: MessageBus, page: Page, broker: RunningBroker, tmp_path: Path
) -> None:
    spawn()
    wait_until(lambda: camera.is_connected, 5.0)
    teller = threading.Thread(target=_motions, args=(store, camera))
    teller.start()
    wait_until(lambda: count_events(store, EventFilter()) > 20, 30.0)
    running = broker.process
    for _ in range(3):
        running.kill()
        running.wait()
        time.sleep(0.1)
        running = subprocess.Popen(broker_command(tmp_path / "broker"))
        time.sleep(0.4)
    try:
        teller.join()
        _check_nothing_lost_or_doubled(store, page, MOTIONS)
    finally:
        running.kill()
        running.wait()


def test_events_process_killed_in_the_middle_loses_nothing(
    spawn: Spawn, store: Store, camera: MessageBus, page: Page
) -> None:
    events = spawn()
    teller = threading.Thread(target=_motions, args=(store, camera))
    teller.start()
    for seen in (10, 40, 80):
        wait_until(lambda seen=seen: count_events(store, EventFilter()) > seen, 60.0)
        events.kill()
        events = spawn()
    teller.join()
    _check_nothing_lost_or_doubled(store, page, MOTIONS)


def test_death_between_insert_and_publish_is_published_on_restart(
    spawn: Spawn, store: Store, camera: MessageBus, page: Page
) -> None:
    events = spawn("3")
    _motions(store, camera, 2)
    assert events.process.wait(PATIENCE_S) == -signal.SIGKILL
    assert newest_change(store) == 3
    assert max(page.received, default=0) < 3
    spawn()
    wait_until(lambda: 4 in page.received, 10.0)
    # The start and the end of the second motion: told one by one, or at once as a new event.
    assert 3 in page.received or not page.seen[4].is_update
    _check_nothing_lost_or_doubled(store, page, 2)


def test_supervisor_facts_and_health_come_through(
    spawn: Spawn, store: Store, page: Page, broker: RunningBroker
) -> None:
    healths: list[SystemHealth] = []
    page.bus.subscribe(Topics.SYSTEM_HEALTH, lambda _topic, payload: healths.append(SystemHealth.parse(payload)))
    events = spawn()
    fact = ProcessFact(new_id(), 1_770_000_000_000, "process_restarted", "camera/front", {"restarts": 1})
    got: dict[str, object] = {}

    def answered() -> bool:
        # As the supervisor does: told again and again until it is acknowledged.
        events.line.send_fact(fact)
        events.line.send_status({"ts": 1_770_000_000_000, "processes": {"web": {"state": "running"}}})
        for message in events.line.receive() or []:
            got.update(message)
        return got.get("done") == fact.id and "beat" in got and bool(healths)

    wait_until(answered, 10.0)
    assert healths[0].processes == {"web": {"state": "running"}}
    wait_until(lambda: page.seen, 5.0)
    (event,) = list_events(store, EventFilter())[0]
    assert (event.uid, event.type, event.source_id) == (fact.id, "process_restarted", "front")
    assert page.received == [1]
    assert broker.process.poll() is None
