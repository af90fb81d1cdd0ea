"""Paired phones that nobody used for a quarter of a year: signed out, and written down. Plain SQL, for upkeep."""

from __future__ import annotations

from vigilar.store.sql import Database

UNUSED_MS = 90 * 24 * 3_600_000
"""A paired phone that was not used for this long is signed out (ASVS 5, 7.3.1): lost, sold, or in a drawer. A browser's
login ends before, used or not. A push that the phone says it showed is a use of it."""

ENDED = "phone_unused"
"""What is written down."""


def end_unused(store: Database, node_id: str, now_ms: int) -> int:
    """End the logins of paired phones that were not used for UNUSED_MS, which open nothing any more, and write each
    down; how many ended. ``now_ms`` is proven (``base/even_clock``): the phone must be paired again.

    A login is deleted, and told, by one box only. Pushes to the phone stay as they are, as they do when a login ends by
    its date: who is away for long must not miss an alarm by it.
    """
    with store.sql_write("end unused phones") as run:
        ended = run(
            "DELETE FROM sessions WHERE device <> '' AND last_seen_ms <= :since_ms RETURNING user_id, device",
            since_ms=now_ms - UNUSED_MS,
        )
        for user_id, device in ended:
            run(
                "INSERT INTO audit (node_id, ts_ms, user_id, name, via, address, action, subject, detail) "
                "SELECT :node_id, :now_ms, id, name, '', '', :action, '', :device FROM users WHERE id = :user_id",
                node_id=node_id,
                now_ms=now_ms,
                action=ENDED,
                device=device,
                user_id=user_id,
            )
    return len(ended)
