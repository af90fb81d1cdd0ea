"""The notify process under kills: a burst of events, a broker that dies, a process that dies. None lost, none told
twice.

``python -m tests.flow.test_notify_process EVENTS BROKER_KILLS NOTIFY_KILLS`` does the same at any size and prints
what it took.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import RunningBroker, running_broker, wait_until
from tests.fakes.push_service import PushService, push_service
from tests.ports import free_port
from tests.ready_store import database_url, open_ready_store
from tests.spawned_process import Spawn, spawning
from vigilar.bus.broker import broker_command
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import EventPublished
from vigilar.bus.topics import Topics
from vigilar.store.deliveries import note_shown
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.phones import put_phone
from vigilar.store.users import create_owner


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def subscribe(store: Store, service: PushService, name: str = "phone") -> None:
    owner = create_owner(store, "Sam", "hash", now_ms()).id
    phone = service.phone(name)
    put_phone(
        store,
        owner,
        name=name,
        endpoint=phone.endpoint,
        origin="",
        p256dh=phone.p256dh,
        auth=phone.auth,
        user_agent="",
        session_hash=None,
        now_ms=now_ms(),
    )


@dataclass
class Storm:
    """What is killed while events come."""

    store: Store
    folder: Path
    service: PushService
    broker: RunningBroker

    def run(self, events: int, broker_kills: int, notify_kills: int) -> float:
        """Seconds until all was told."""
        began_s = time.monotonic()
        self._broker = self.broker.process
        with spawning("tests.flow.notify_process", database_url(self.folder), self.broker, "notify") as spawn:
            self._notify = spawn(self.service.host)
            wait_until(lambda: self._is_registered(), 30.0)
            bus = self._bus()
            try:
                chaos = threading.Thread(target=self._kill, args=(spawn, broker_kills, notify_kills), name="kills")
                self._is_told = threading.Event()
                phone = threading.Thread(target=self._say_shown, name="phone")
                chaos.start()
                phone.start()
                self._store_events(bus, events)
                wait_until(lambda: self._is_all_told(events), 60.0 + events / 4)
                self._is_told.set()
                chaos.join()
                phone.join()
            finally:
                bus.stop(1.0)
                self._broker.kill()
                self._broker.wait()
        return time.monotonic() - began_s

    def _store_events(self, bus: MessageBus, events: int) -> None:
        for number in range(events):
            new = NewEvent(
                uid=f"event-{number}",
                type="motion",
                severity="ALERT",
                source_id="front",
                ts_ms=now_ms(),
                payload={"title": f"Event {number}"},
            )
            made = insert_event(self.store, new, now_ms=now_ms())
            assert made is not None
            told = EventPublished(
                id=str(made.id),
                ts=made.ts_ms,
                type=made.type,
                severity=made.severity,
                source_id=made.source_id,
                change=made.change,
                is_update=False,
                payload=made.payload,
            )
            bus.publish(Topics.EVENTS_PUBLISHED, told.dump())

    def _kill(self, spawn: Spawn, broker_kills: int, notify_kills: int) -> None:
        kills = ["broker"] * broker_kills + ["notify"] * notify_kills
        random.Random(7).shuffle(kills)
        for kill in kills:
            self._wait_until_at_work()
            if kill == "broker":
                self._broker.kill()
                self._broker.wait()
                self._broker = subprocess.Popen(broker_command(self.folder / "broker"))
            else:
                self._notify.kill()
                self._notify = spawn(self.service.host)

    def _say_shown(self) -> None:
        """As the worker of a phone at home does, which the web process notes whoever was killed."""
        place = 0
        while not self._is_told.is_set() or place < len(self.service.pushes):
            if place == len(self.service.pushes):
                self._is_told.wait(0.01)
                continue
            facts = self.service.pushes[place].message["vigilar"]
            note_shown(self.store, facts["id"], facts["token"], now_ms(), facts["revision"])
            place += 1

    def _wait_until_at_work(self) -> None:
        """A process that is killed while it starts is spared the question."""
        before, deadline_s = len(self.service.pushes), time.monotonic() + 20.0
        while len(self.service.pushes) < before + 3 and time.monotonic() < deadline_s and not self._is_told.is_set():
            time.sleep(0.01)

    def _bus(self) -> MessageBus:
        link = BusLink("127.0.0.1", self.broker.port, "events", self.broker.passwords["events"])
        bus = MessageBus(link, "test-events")
        bus.start()
        return bus

    def _is_registered(self) -> bool:
        with self.store.read("test") as connection:
            return connection.exec_driver_sql("SELECT 1 FROM consumers WHERE name = 'notify'").first() is not None

    def _is_all_told(self, events: int) -> bool:
        with self.store.read("test") as connection:
            told = connection.exec_driver_sql(
                "SELECT count(*) FROM deliveries WHERE state IN ('accepted', 'shown')"
            ).scalar_one()
        return bool(told == events)


@contextmanager
def storm(folder: Path) -> Iterator[Storm]:
    with (
        closing(open_ready_store(folder)) as store,
        push_service(folder, free_port()) as service,
        running_broker(folder) as broker,
    ):
        subscribe(store, service)
        yield Storm(store, folder, service, broker)
        assert service.bad == []


def judge(service: PushService, events: int, notify_kills: int) -> int:
    """How many pushes came a second time over the wire, as the process was killed between sending and noting, and its
    successor sent before the phone said that it had shown it: at most one a kill, with the id and revision of the
    first, by which a phone tells it once. Fails for anything else."""
    seen = Counter((one.message["vigilar"]["id"], one.message["vigilar"]["revision"]) for one in service.accepted())
    titles = {one.message["notification"]["title"] for one in service.accepted()}
    assert titles == {f"Event {number}" for number in range(events)}, "none lost"
    assert len(seen) == events, "each event is one thing to show"
    again = sum(count - 1 for count in seen.values())
    assert again <= notify_kills
    order = list(dict.fromkeys(one.message["vigilar"]["event_id"] for one in service.accepted()))
    assert sum(after < before for before, after in itertools.pairwise(order)) <= notify_kills, "in order but for kills"
    return again


@pytest.mark.long
@pytest.mark.timeout(600)
def test_burst_under_kills_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    with storm(tmp_path) as one:
        one.run(events=600, broker_kills=10, notify_kills=5)
        judge(one.service, 600, notify_kills=5)


def main(events: int, broker_kills: int, notify_kills: int) -> None:
    with tempfile.TemporaryDirectory(prefix="vigilar-storm-") as folder, storm(Path(folder)) as one:
        took_s = one.run(events, broker_kills, notify_kills)
        again = judge(one.service, events, notify_kills)
        told = (
            f"{events} events, {broker_kills} broker kills, {notify_kills} kills of notify: {took_s:.1f} s",
            f"lost 0, shown twice 0; {again} came twice over the wire, known by id and revision",
        )
        sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
