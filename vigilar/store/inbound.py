"""Messages of processes on their way to the events process of their box: the writing end of ``outbox``. Plain SQL."""

from __future__ import annotations

from vigilar.store.sql import Database


def put(store: Database, node_id: str, uid: str, topic: str, payload: bytes, now_ms: int) -> bool:
    """Store a message of the box ``node_id``; on the disk when this returns. False when it was there already."""
    with store.sql_write("store a message") as run:
        rows = run(
            "INSERT INTO outbox (node_id, uid, topic, payload, created_ms) "
            "VALUES (:node_id, :uid, :topic, :payload, :now_ms) "
            "ON CONFLICT (uid, topic) DO NOTHING RETURNING seq",
            node_id=node_id,
            uid=uid,
            topic=topic,
            payload=payload.decode("utf-8"),
            now_ms=now_ms,
        )
        return bool(rows)
