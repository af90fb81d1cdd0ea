"""A house with a member and phones, whose desk and lanes a test turns by hand: real rows, real HTTPS, a clock handed
in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text, update

from tests.fakes.push_service import FakePhone, PushService
from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.notify_rules import NotifyRules
from vigilar.base.stop import Stop
from vigilar.notify.outbox import Lane
from vigilar.notify.push.sender import PushSender, PushSettings
from vigilar.notify.push.vapid import load_or_create_key
from vigilar.notify.watcher import NotifyWatcher
from vigilar.processes.notify_desk import DeskSettings, NotifyDesk
from vigilar.rules.decision import Action, Decision, Step, Telling
from vigilar.rules.situation import Situation
from vigilar.store.change_reader import ChangeReader, StoredPlace
from vigilar.store.consumers import Consumer, register
from vigilar.store.deliveries import Delivery, take_up
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event, name_event
from vigilar.store.phones import put_phone
from vigilar.store.schema import events, incidents
from vigilar.store.users import create_member, create_owner

NODE = "box"


def tell_all(event: StoredEvent, situation: Situation, rules: NotifyRules) -> Decision:
    """Everybody is told of everything: what is critical by its severity is so by the rule."""
    is_critical = event.severity == "CRITICAL"
    told = tuple(
        Telling(
            one.id, "all", is_loud=event.severity != "INFO", is_critical=is_critical, is_update=one.id in situation.told
        )
        for one in situation.people
    )
    steps: dict[int, tuple[Step, ...]] = {
        one.id: (Step("told", True, f"{one.name} is told."),) for one in situation.people
    }
    return Decision((Step("event", True, "Something happened."),), steps, told)


@dataclass
class NotifyHouse:
    """``settle`` decides all changes, ``let_go`` sends all that is due."""

    store: Store
    folder: Path
    service: PushService
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    decide: Any = tell_all
    settings: DeskSettings = field(init=False)
    owner: int = field(init=False)
    senders: list[PushSender] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.service.now_s = lambda: self.clock.utc_ns() / 1e9
        self.settings = DeskSettings(push_hosts=(self.service.host,))
        self.owner = create_owner(self.store, "Sam", "hash", self.now_ms()).id
        self.consumer = Consumer(NODE, "notify")
        register(self.store, self.consumer, from_now=True, now_ms=self.now_ms())
        self.watcher = NotifyWatcher(self.store, NODE, self.clock)
        self.stop = Stop()
        self.desk = NotifyDesk(
            self.store, self.consumer, self.clock, self.settings, lambda: None, lambda *a: self.decide(*a)
        )
        place = StoredPlace(self.store, self.consumer, self.clock)
        self.reader = ChangeReader(place, self.desk.handle, "telling", takes_place=True)
        self.lane = self.new_lane()

    def new_sender(self) -> PushSender:
        key = load_or_create_key(self.folder / "secrets")
        settings = PushSettings((self.service.host,), str(self.service.ca_file))
        self.senders.append(PushSender(self.store, lambda: key, lambda: settings))
        return self.senders[-1]

    def new_lane(self) -> Lane:
        return Lane(f"push:{self.service.host}", self.store, NODE, self.clock, self.new_sender(), self.watcher)

    def close(self) -> None:
        for sender in self.senders:
            sender.close()

    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def add_member(self, name: str) -> int:
        return create_member(self.store, name, "hash", "adult", None, self.now_ms()).id

    def add_phone(self, name: str, user_id: int | None = None) -> FakePhone:
        phone = self.service.phone(name)
        self.phone_id = put_phone(
            self.store,
            user_id or self.owner,
            name=name,
            endpoint=phone.endpoint,
            origin="https://vigilar.local:49735",
            p256dh=phone.p256dh,
            auth=phone.auth,
            user_agent="tests",
            session_hash=None,
            now_ms=self.now_ms(),
        )
        return phone

    def happens(
        self, title: str = "Person, Front door", severity: str = "ALERT", incident: str | None = None, **more: Any
    ) -> StoredEvent:
        """An event is stored; with ``incident`` as the first of one of that title."""
        self.count += 1
        fields = {"kind": "person", "type": "motion", "source_id": "front", "ts_ms": self.now_ms(), **more}
        new = NewEvent(uid=f"event-{self.count}", severity=severity, payload={"title": title}, **fields)
        made = insert_event(self.store, new, now_ms=self.now_ms())
        assert made is not None
        self._title(made.incident_id, incident or title)
        return made

    def _title(self, incident_id: int | None, title: str) -> None:
        with self.store.write("title an incident") as connection:
            connection.execute(update(incidents).where(incidents.c.id == incident_id).values(title=title))

    def join(self, event: StoredEvent, incident_id: int) -> None:
        with self.store.write("join") as connection:
            connection.execute(update(events).where(events.c.id == event.id).values(incident_id=incident_id))

    def retitle(self, incident_id: int, title: str, event: StoredEvent) -> None:
        """The incident grows, and the event changes with it."""
        named = {"kind": "person", "label_score": 0.9, "still_id": None, "payload": {"title": title}}
        assert name_event(self.store, event.id, **named)  # type: ignore[arg-type]  # of different types
        self._title(incident_id, title)

    def settle(self) -> None:
        while not self.reader.turn():
            pass

    def let_go(self) -> int:
        """How many were let go."""
        count = 0
        while self.lane.turn(self.stop):
            count += 1
        return count

    def tell(self) -> int:
        self.settle()
        return self.let_go()

    def restart(self) -> int:
        """As a new process begins. How many were on their way."""
        self.lane = self.new_lane()
        return take_up(self.store, NODE)

    def states(self) -> list[str]:
        with self.store.read("test") as connection:
            return list(connection.execute(text("SELECT state FROM deliveries ORDER BY id")).scalars())

    def facts(self) -> list[str]:
        """The kinds of what waits to become an event, in order."""
        with self.store.read("test") as connection:
            rows = connection.execute(text("SELECT json_extract(payload, '$.kind') FROM outbox ORDER BY seq"))
            return list(rows.scalars())

    def phone_ids(self) -> list[int]:
        with self.store.read("test") as connection:
            return list(connection.execute(text("SELECT id FROM phones ORDER BY id")).scalars())


@contextmanager
def notify_house(folder: Path, service: PushService) -> Iterator[NotifyHouse]:
    store = open_ready_store(folder)
    try:
        house = NotifyHouse(store, folder, service)
        yield house
        house.close()
    finally:
        store.close()


def action(kind: str, **params: Any) -> Action:
    return Action(kind, "a rule", params)


__all__ = ["Delivery", "NotifyHouse", "action", "notify_house", "tell_all"]
