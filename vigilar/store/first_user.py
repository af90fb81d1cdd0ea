"""Whether the house has an owner. Plain SQL, as each start asks, and SQLAlchemy is long in loading."""

from __future__ import annotations

from vigilar.store.sql import Database


def has_users(store: Database) -> bool:
    """Whether anybody can sign in."""
    with store.sql_read("read users") as run:
        return bool(run("SELECT 1 FROM users LIMIT 1"))
