"""Rows of decisions: what the rules said of each event, for who asks why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from vigilar.store.engine import Store
from vigilar.store.events import EVENT_COLUMNS, StoredEvent, make_event
from vigilar.store.notify_tables import decisions
from vigilar.store.schema import events


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """``change`` is that of the event it was made on, ``decided_ms`` UTC ms, ``decision`` a Decision as JSON."""

    event_id: int
    change: int
    decided_ms: int
    decision: dict[str, Any]


def put_decision(
    connection: Connection,
    event: StoredEvent,
    decision: dict[str, Any],
    now_ms: int,
    look_again_ms: int | None = None,
) -> bool:
    """Store the newest decision about an event, in the transaction that stores what follows from it. False when there
    is no such event any more."""
    if connection.execute(select(events.c.id).where(events.c.id == event.id)).first() is None:
        return False
    values = {
        "change": event.change,
        "decided_ms": now_ms,
        "decision": json.dumps(decision, separators=(",", ":"), ensure_ascii=False),
        "look_again_ms": look_again_ms,
    }
    known = update(decisions).where(decisions.c.event_id == event.id).values(**values)
    if connection.execute(known).rowcount == 0:
        connection.execute(insert(decisions).values(event_id=event.id, **values))
    return True


def find_decision(store: Store, event_id: int) -> StoredDecision | None:
    query = select(decisions.c.event_id, decisions.c.change, decisions.c.decided_ms, decisions.c.decision)
    with store.read("read why") as connection:
        row = connection.execute(query.where(decisions.c.event_id == event_id)).first()
        return None if row is None else StoredDecision(row[0], row[1], row[2], json.loads(row[3]))


def due_again(store: Store, now_ms: int, limit: int = 50) -> list[StoredEvent]:
    """Events that are to be decided anew by now, as they are now."""
    query = (
        select(*EVENT_COLUMNS)
        .join(decisions, decisions.c.event_id == events.c.id)
        .where(decisions.c.look_again_ms.is_not(None), decisions.c.look_again_ms <= now_ms)
        .order_by(decisions.c.look_again_ms)
        .limit(limit)
    )
    with store.read("read what is decided anew") as connection:
        return [make_event(row) for row in connection.execute(query)]
