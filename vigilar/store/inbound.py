"""Messages of camera processes on their way to the events process: the writing end of ``outbox``. Plain SQL."""

from __future__ import annotations

from vigilar.store.sql import Database


def put(store: Database, uid: str, topic: str, payload: bytes, now_ms: int) -> bool:
    """Store a message; on the disk when this returns. False when it was there already."""
    with store.sql_write("store a message") as run:
        rows = run(
            "INSERT INTO outbox (uid, topic, payload, created_ms) VALUES (:uid, :topic, :payload, :now_ms) "
            "ON CONFLICT (uid, topic) DO NOTHING RETURNING seq",
            uid=uid,
            topic=topic,
            payload=payload.decode("utf-8"),
            now_ms=now_ms,
        )
        return bool(rows)
