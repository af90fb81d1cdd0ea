"""Tells the bus of stored events, in the order of their changes, until the broker has acknowledged each.

The publisher is a consumer of stored events like any other (``store.consumers``), and the quickest: an event is
published from memory as soon as it is committed, and read from its row only when something came between. Invariant:
every change up to its place was acknowledged by the broker. Steps: commit the event; publish; acknowledged; take the
place, at most once a second, so that an event costs no second commit of its own. After a crash up to a second of events
is published again; receivers know a change by its number. An event that changed several times while the bus was away
is told once.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import EventPublished
from vigilar.bus.topics import Topics
from vigilar.store import consumers
from vigilar.store.change_reader import PassingPlace
from vigilar.store.consumers import Change, Consumer
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent, told_fields

logger = logging.getLogger(__name__)

PUBLISHER = "publisher"
"""The name of this consumer."""

BATCH = 200
"""Changes published at a time while catching up: below the client's limit of held messages."""

ACKNOWLEDGE_WITHIN_NS = 10_000_000_000
"""On loopback an acknowledgement takes about 0.3 ms. After 10 s on a live connection it will not come: send again."""

SAVE_AFTER_NS = 1_000_000_000
"""How old an acknowledgement may get before the place is stored: what is published again after a crash."""

LOOK_EVERY_NS = 2_000_000_000
"""How late an event of another box of this database may be published here."""


class BusClient(Protocol):
    """The part of ``bus.client.MessageBus`` that events need."""

    @property
    def is_connected(self) -> bool: ...

    def publish(self, topic: str, payload: bytes) -> PublishTicket: ...

    def subscribe(self, topic: str, handler: Handler) -> None: ...


def announcement(change: Change) -> EventPublished:
    """The message for ``Topics.EVENTS_PUBLISHED``."""
    event = change.event
    return EventPublished(
        id=str(event.id),
        ts=event.ts_ms,
        type=event.type,
        severity=event.severity,
        source_id=event.source_id,
        change=event.change,
        is_update=not change.is_new,
        payload=event.payload,
        **told_fields(event),
    )


@dataclass(frozen=True, slots=True)
class _InFlight:
    change: Change
    ticket: PublishTicket
    since_mono_ns: int


class Announcer:
    """Not thread-safe: its user calls it under one lock, except ``notice_connection``. Raises StoreError when made for
    the first time and the database cannot be written."""

    def __init__(self, store: Store, bus: BusClient, clock: Clock, node_id: str) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._consumer = Consumer(node_id, PUBLISHER)
        place = consumers.register(store, self._consumer, from_now=True, now_ms=clock.utc_ns() // 1_000_000)
        self._published = PassingPlace(store, place)
        self._acknowledged_number = place
        self._in_flight: deque[_InFlight] = deque()
        self._unsaved: Change | None = None
        self._unsaved_since_mono_ns = 0
        self._look_at_mono_ns = 0
        self._is_behind = True  # changes may be left from the run before
        self.published_count = 0

    def notice_connection(self) -> None:
        """A connection has begun: the client sends what it holds again, and nothing newer may overtake that."""
        self._is_behind = True

    def announce(self, event: StoredEvent) -> None:
        """Publish an event that was just committed; older changes that wait go first. Raises StoreError."""
        if self._is_behind or not self._bus.is_connected:
            self._is_behind = True
            self.catch_up()
        elif event.change == self._published.number + 1:
            self._publish(Change(event, event.change == event.first_change))
        else:
            self._publish_waiting()

    def catch_up(self) -> None:
        """Publish what waits and store the place when it is time. Raises StoreError."""
        self._settle()
        now_ns = self._clock.mono_ns()
        is_time = now_ns >= self._look_at_mono_ns if not self._is_behind else not self._in_flight
        if self._bus.is_connected and is_time:
            self._look_at_mono_ns = now_ns + LOOK_EVERY_NS
            self._publish_waiting()
        if self._unsaved is not None and now_ns - self._unsaved_since_mono_ns >= SAVE_AFTER_NS:
            self.save_place()

    def save_place(self) -> None:
        """Store how far the broker has acknowledged; also called at the end. Raises StoreError."""
        self._settle()
        if self._unsaved is not None:
            # Tried again a second later at the soonest, should the database not take it.
            self._unsaved_since_mono_ns = self._clock.mono_ns()
            consumers.take(self._store, self._consumer, [self._unsaved], self._clock.utc_ns() // 1_000_000)
            self._unsaved = None

    def _publish_waiting(self) -> None:
        batch = self._published.next_batch(BATCH)
        self._is_behind = len(batch) == BATCH
        for change in batch:
            if not self._publish(change):
                return

    def _publish(self, change: Change) -> bool:
        ticket = self._bus.publish(Topics.EVENTS_PUBLISHED, announcement(change).dump())
        if ticket.is_refused:
            self._is_behind = True
            return False
        self._published.take(change)
        self._in_flight.append(_InFlight(change, ticket, self._clock.mono_ns()))
        self.published_count += 1
        return True

    def _settle(self) -> None:
        now_ns = self._clock.mono_ns()
        while self._in_flight and self._in_flight[0].ticket.is_acknowledged:
            change = self._in_flight.popleft().change
            self._acknowledged_number = change.number
            if self._unsaved is None:
                self._unsaved_since_mono_ns = now_ns
            self._unsaved = change
        if not self._in_flight or not self._bus.is_connected:
            return
        if now_ns - self._in_flight[0].since_mono_ns > ACKNOWLEDGE_WITHIN_NS:
            logger.warning("change %d was not acknowledged, it is published again", self._in_flight[0].change.number)
            self._in_flight.clear()
            self._published.go_to(self._acknowledged_number)
            self._is_behind = True
