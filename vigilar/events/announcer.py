"""Tells the bus of stored events, in the order of their changes, until the broker has acknowledged each.

Invariant: the announcement of an event is a row of the outbox from the transaction that stored the event until the
broker's acknowledgement. Steps: commit event and row; publish; acknowledged; delete the row. After a crash between any
two the row is published (again) at the next start; receivers know a change by its number.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import EventPublished
from vigilar.bus.topics import Topics
from vigilar.store import outbox
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent
from vigilar.store.outbox import OutboxMessage

logger = logging.getLogger(__name__)

BATCH = 200
"""Rows published at a time while catching up: below the client's limit of held messages."""

ACKNOWLEDGE_WITHIN_NS = 10_000_000_000
"""On loopback an acknowledgement takes about 0.3 ms. After 10 s on a live connection it will not come: send again."""


class BusClient(Protocol):
    """The part of ``bus.client.MessageBus`` that events need."""

    @property
    def is_connected(self) -> bool: ...

    def publish(self, topic: str, payload: bytes) -> PublishTicket: ...

    def subscribe(self, topic: str, handler: Handler) -> None: ...


def announcement(event: StoredEvent, *, is_update: bool) -> OutboxMessage:
    """The message for ``Topics.EVENTS_PUBLISHED``. Its uid is the change number: one event is announced many times."""
    message = EventPublished(
        id=str(event.id),
        ts=event.ts_ms,
        type=event.type,
        severity=event.severity,
        source_id=event.source_id,
        change=event.change,
        is_update=is_update,
        payload=event.payload,
    )
    return OutboxMessage(str(event.change), Topics.EVENTS_PUBLISHED, message.dump())


@dataclass(frozen=True, slots=True)
class _InFlight:
    ticket: PublishTicket
    since_mono_ns: int


class Announcer:
    """Not thread-safe: its user calls it under one lock, except ``notice_connection``."""

    def __init__(self, store: Store, bus: BusClient, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._in_flight: dict[str, _InFlight] = {}
        self._acknowledged: list[str] = []
        self._is_behind = True  # rows may be left from the run before
        self.published_count = 0

    def notice_connection(self) -> None:
        """A connection has begun: the client sends what it holds again, and nothing newer may overtake that."""
        self._is_behind = True

    def announce(self, message: OutboxMessage) -> None:
        """Publish a message whose row was just committed; older rows that wait go first."""
        if self._is_behind or not self._bus.is_connected:
            self._is_behind = True
            self.catch_up()
        else:
            self._publish(message)

    def catch_up(self) -> None:
        """Delete acknowledged rows and publish those that wait. Raises StoreError."""
        self._delete_acknowledged()
        if not self._is_behind or not self._bus.is_connected or self._in_flight:
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        rows = outbox.pending(self._store, Topics.EVENTS_PUBLISHED, now_ms=now_ms, limit=BATCH)
        self._is_behind = len(rows) == BATCH
        for row in rows:
            if not self._publish(OutboxMessage(row.uid, row.topic, row.payload)):
                return

    def _publish(self, message: OutboxMessage) -> bool:
        ticket = self._bus.publish(message.topic, message.payload)
        if ticket.is_refused:
            self._is_behind = True
            return False
        self._in_flight[message.uid] = _InFlight(ticket, self._clock.mono_ns())
        self.published_count += 1
        return True

    def _delete_acknowledged(self) -> None:
        now_ns = self._clock.mono_ns()
        for uid, flight in list(self._in_flight.items()):
            if flight.ticket.is_acknowledged:
                self._acknowledged.append(uid)
                del self._in_flight[uid]
            elif self._bus.is_connected and now_ns - flight.since_mono_ns > ACKNOWLEDGE_WITHIN_NS:
                logger.warning("change %s was not acknowledged, it is published again", uid)
                self._is_behind = True
                del self._in_flight[uid]
        outbox.done_many(self._store, Topics.EVENTS_PUBLISHED, self._acknowledged)
        self._acknowledged.clear()
