"""Messages that must not be lost: a row first, then the bus; the row goes when the message has had its effect.

A process writes what it saw under the message's own topic (``inbound``) and publishes it; the events process of its box
deletes the row in the transaction that stores the event. What is told of stored events needs no rows here: see
``consumers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import false, func, or_, select, update

from vigilar.store.engine import Store
from vigilar.store.schema import outbox
from vigilar.store.sql import Run


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A waiting message. ``seq`` is the order of writing, ``created_ms`` UTC ms, ``failures`` how often it failed."""

    seq: int
    uid: str
    topic: str
    payload: bytes
    created_ms: int
    failures: int


def consume_within(run: Run, uid: str, topic: str) -> None:
    """Delete a message in the transaction of ``run``, which stores its effect."""
    run("DELETE FROM outbox WHERE uid = :uid AND topic = :topic", uid=uid, topic=topic)


def consume(store: Store, uid: str, topic: str) -> None:
    """Delete a message that has no effect."""
    with store.sql_write("use up a message") as run:
        consume_within(run, uid, topic)


def pending(
    store: Store, node_id: str, prefixes: Sequence[str], *, now_ms: int, min_age_ms: int = 0, limit: int = 200
) -> list[OutboxRow]:
    """Messages of the box ``node_id`` whose topics begin with one of ``prefixes`` and that have waited for at least
    ``min_age_ms``, in the order of writing.

    A row stamped later than ``now_ms`` is old too: the clock was set back after it was written.
    """
    query = (
        select(outbox.c.seq, outbox.c.uid, outbox.c.topic, outbox.c.payload, outbox.c.created_ms, outbox.c.failures)
        .where(
            outbox.c.node_id == node_id,
            or_(false(), *(outbox.c.topic.startswith(prefix, autoescape=True) for prefix in prefixes)),
            outbox.c.set_aside_ms.is_(None),
            or_(outbox.c.created_ms <= now_ms - min_age_ms, outbox.c.created_ms > now_ms),
        )
        .order_by(outbox.c.seq)
        .limit(limit)
    )
    with store.read("read waiting messages") as connection:
        return [
            OutboxRow(row.seq, row.uid, row.topic, row.payload.encode("utf-8"), row.created_ms, row.failures)
            for row in connection.execute(query)
        ]


def fail(store: Store, seq: int) -> int:
    """Count a failure of a message; how many there are now."""
    with store.write("count a failed message") as connection:
        return int(
            connection.execute(
                update(outbox)
                .where(outbox.c.seq == seq)
                .values(failures=outbox.c.failures + 1)
                .returning(outbox.c.failures)
            ).scalar()
            or 0
        )


def set_aside(store: Store, seq: int, reason: str, now_ms: int) -> None:
    """Keep a message that cannot be handled for inspection; ``pending`` does not meet it again."""
    with store.write("set a message aside") as connection:
        connection.execute(update(outbox).where(outbox.c.seq == seq).values(set_aside_ms=now_ms, reason=reason[:200]))


def counts(store: Store, node_id: str) -> tuple[int, int]:
    """How many messages of the box ``node_id`` wait, and how many were set aside."""
    query = select(func.count(), func.count(outbox.c.set_aside_ms)).where(outbox.c.node_id == node_id)
    with store.read("count messages") as connection:
        total, aside = connection.execute(query).one()
        return total - aside, aside
