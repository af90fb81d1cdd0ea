"""What a decision leaves behind, in one transaction: the decision, the trace of who was told, what is owed, the place.

After any crash a change is either not decided, or decided with all that follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from vigilar.store import consumers, deliveries
from vigilar.store.consumers import Change, Consumer
from vigilar.store.decisions import put_decision
from vigilar.store.deliveries import NewDelivery
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent
from vigilar.store.phones import PhoneRow, list_phones_within
from vigilar.store.schema import cameras, incidents
from vigilar.store.tellings import TellingRow, write_tellings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What there is to know for telling of an event. ``title`` is its incident's, empty for an event that belongs to
    none. ``is_of_camera``: its source is a camera, also one that was removed. ``listening`` are the members who have an
    open page that can sound."""

    title: str
    is_of_camera: bool
    phones: tuple[PhoneRow, ...]
    listening: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is to be written of a decision. ``owed`` changes in place with its story, ``once`` is done once."""

    decision: dict[str, Any]
    look_again_ms: int | None
    rows: Sequence[TellingRow]
    owed: Sequence[NewDelivery]
    once: Sequence[NewDelivery]


def read_surroundings(store: Store, event: StoredEvent, pages_since_ms: int) -> Surroundings:
    with store.read("read who is told") as connection:
        incident = None
        if event.incident_id is not None:
            query = select(incidents.c.title).where(incidents.c.id == event.incident_id)
            incident = connection.execute(query).first()
        is_camera = connection.execute(select(cameras.c.id).where(cameras.c.id == event.source_id)).first()
        return Surroundings(
            title="" if incident is None else incident.title,
            is_of_camera=is_camera is not None,
            phones=tuple(list_phones_within(connection)),
            listening=deliveries.members_with_pages(connection, pages_since_ms),
        )


def write_outcome(
    store: Store,
    consumer: Consumer,
    event: StoredEvent,
    outcome: Outcome,
    now_ms: int,
    *,
    taken: Change | None = None,
) -> None:
    """All of ``outcome``, and the place behind the change ``taken``, on the disk when this returns. An event that is
    gone by now leaves the place alone."""
    with store.write("store what is owed") as connection:
        if put_decision(connection, event, outcome.decision, now_ms, outcome.look_again_ms):
            write_tellings(
                connection,
                outcome.rows,
                event_id=event.id,
                incident_id=event.incident_id,
                source_id=event.source_id,
                now_ms=now_ms,
            )
            for new in outcome.owed:
                deliveries.owe_within(connection, consumer.node_id, new, now_ms)
            for new in outcome.once:
                deliveries.owe_within(connection, consumer.node_id, new, now_ms, once=True)
        if taken is not None:
            consumers.take_within(connection, consumer, [taken], now_ms)


def owe(store: Store, node_id: str, new: Sequence[NewDelivery], now_ms: int) -> None:
    """Owe what follows from no event, once a story: a test, a summary."""
    with store.write("store what is owed") as connection:
        for one in new:
            deliveries.owe_within(connection, node_id, one, now_ms, once=True)
