"""Who takes stored events in order, each with a place of its own: what came while a consumer was away waits for it.

The rows of ``events`` with their change numbers are the truth; whatever announces a change (MQTT, a bell) only says
that it is worth looking. A consumer is handed each event that changed after its place, once, as it is now, in the order
of the newest changes. Invariant: every change up to its place has been handled, or its event is in ``consumer_owed``:
there are events that were inserted before the place and changed again before they were read, so that they are still to
come and are new to the consumer, and changes that were set aside. Steps: read; note what the place will pass; handle;
take the place. After a crash between the last two the same change comes again, unless the consumer takes its place in
the transaction that stores what it did (``take_within``): then it comes exactly once.

Nothing deletes events today. What does so later must leave those that the slowest consumer has yet to read, up to a
bound of its own: a consumer that never comes back must not fill the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store.engine import Store
from vigilar.store.events import EVENT_COLUMNS, StoredEvent, make_event
from vigilar.store.schema import consumer_owed, consumers, counters, events


@dataclass(frozen=True, slots=True)
class Change:
    """What a consumer is handed: an event as it is now; ``is_new`` when the consumer has never handled it before."""

    event: StoredEvent
    is_new: bool

    @property
    def number(self) -> int:
        return self.event.change


@dataclass(frozen=True, slots=True)
class Consumer:
    """The name of one who takes changes, and the box (``base.folder_id``) that it runs on."""

    node_id: str
    name: str


def register(store: Store, consumer: Consumer, *, from_now: bool, now_ms: int) -> int:
    """The consumer's place, a change number. A new one begins with what is stored after this, or with all there is.

    Only a new one writes, so that a known one starts on a full disk. Any process; raises StoreError.
    """
    found = find_place(store, consumer)
    if found is not None:
        return found
    with store.write(f"register the consumer {consumer.name}") as connection:
        found = _find_place(connection, consumer)
        if found is not None:
            return found
        newest = select(counters.c.value).where(counters.c.name == "event_change")
        place = int(connection.execute(newest).scalar_one()) if from_now else 0
        connection.execute(insert(consumers).values(**_key(consumer), change=place, updated_ms=now_ms))
        return place


def find_place(store: Store, consumer: Consumer) -> int | None:
    """The number of the newest change it has taken; None when it is not registered."""
    with store.read("read consumers") as connection:
        return _find_place(connection, consumer)


def next_batch(store: Store, consumer: Consumer, limit: int) -> list[Change]:
    """The next ``limit`` changes that the consumer has not taken, oldest first; empty when it has all.

    Writes only when an event that is still to come would be passed. Raises StoreError, of kind BUG for one that is not
    registered.
    """
    with store.read("read changes") as connection:
        place = _find_place(connection, consumer)
        if place is None:
            raise StoreError(f"the consumer {consumer.name} is not registered", kind=ErrorKind.BUG)
        batch = read_batch(connection, place, _still_new(connection, consumer), limit)
    if batch.passed:
        with store.write("note what a consumer is still to get") as connection:
            _owe(connection, consumer, batch.passed)
    return batch.changes


def take(store: Store, consumer: Consumer, changes: Sequence[Change], now_ms: int) -> None:
    """Move the place to the newest of ``changes``, never back: they are handled. On the disk when this returns."""
    with store.write("store a consumer's place") as connection:
        take_within(connection, consumer, changes, now_ms)


def take_within(connection: Connection, consumer: Consumer, changes: Sequence[Change], now_ms: int) -> None:
    """As ``take``, in the transaction of ``connection``, which also stores what the consumer made of the changes."""
    _move(connection, consumer, max(change.number for change in changes), now_ms)
    connection.execute(
        delete(consumer_owed).where(
            *_of(consumer), consumer_owed.c.event_id.in_([change.event.id for change in changes])
        )
    )


def set_aside(store: Store, consumer: Consumer, change: Change, reason: str, now_ms: int) -> None:
    """Pass a change that the consumer cannot handle, and keep that with the reason. The event stays where it is: when
    it changes again, the consumer is handed it again, and what was set aside is forgotten once that is handled."""
    with store.write("set a change aside") as connection:
        take_within(connection, consumer, [change], now_ms)
        connection.execute(
            insert(consumer_owed).values(
                **_key(consumer),
                event_id=change.event.id,
                is_new=int(change.is_new),
                change=change.number,
                reason=reason[:200],
                set_aside_ms=now_ms,
            )
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes, and the ids of events that whoever takes them passes although it is still to get them."""

    changes: list[Change]
    passed: list[int]


def read_batch(connection: Connection, place: int, still_new: frozenset[int], limit: int) -> Batch:
    """The next changes after ``place`` for one to whom the events ``still_new``, inserted before it, are new too."""
    query = select(*EVENT_COLUMNS).where(events.c.change > place).order_by(events.c.change).limit(limit)
    found = [make_event(row) for row in connection.execute(query)]
    changes = [Change(event, event.first_change > place or event.id in still_new) for event in found]
    if not found:
        return Batch([], [])
    last = found[-1].change
    passed = [
        event.id
        for event, before in zip(found[1:], found, strict=False)
        if place < event.first_change <= before.change < event.change
    ]
    if len(found) == limit:
        later = select(events.c.id).where(
            events.c.change > last, events.c.first_change > place, events.c.first_change <= last
        )
        passed += connection.execute(later).scalars()
    return Batch(changes, passed)


def _still_new(connection: Connection, consumer: Consumer) -> frozenset[int]:
    query = select(consumer_owed.c.event_id).where(*_of(consumer), consumer_owed.c.is_new == 1)
    return frozenset(connection.execute(query).scalars())


def _owe(connection: Connection, consumer: Consumer, event_ids: Sequence[int]) -> None:
    known = _still_new(connection, consumer)
    rows = [{**_key(consumer), "event_id": event_id, "is_new": 1} for event_id in event_ids if event_id not in known]
    if rows:
        connection.execute(insert(consumer_owed), rows)


def _move(connection: Connection, consumer: Consumer, change: int, now_ms: int) -> None:
    connection.execute(
        update(consumers)
        .where(consumers.c.node_id == consumer.node_id, consumers.c.name == consumer.name, consumers.c.change < change)
        .values(change=change, updated_ms=now_ms)
    )


def _find_place(connection: Connection, consumer: Consumer) -> int | None:
    query = select(consumers.c.change).where(consumers.c.node_id == consumer.node_id, consumers.c.name == consumer.name)
    found: int | None = connection.execute(query).scalar()
    return found


def _key(consumer: Consumer) -> dict[str, Any]:
    return {"node_id": consumer.node_id, "name": consumer.name}


def _of(consumer: Consumer) -> tuple[Any, Any]:
    return consumer_owed.c.node_id == consumer.node_id, consumer_owed.c.name == consumer.name
