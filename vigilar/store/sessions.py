"""Rows of web logins. Only the SHA-256 of a token is stored: who reads the database cannot sign in with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from vigilar.store.engine import Store
from vigilar.store.schema import sessions, users

USER_AGENT_CHARACTERS = 200
"""A browser's name for itself may be any length; this tells two phones apart."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A valid login and whose it is. Times are UTC ms."""

    user_id: int
    user_name: str
    role: str
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    user_agent: str


def add_session(
    store: Store, token_hash: bytes, user_id: int, *, now_ms: int, expires_ms: int, user_agent: str = ""
) -> None:
    """Store a login; those that have expired go in the same transaction, so the table stays small."""
    with store.write("store a login") as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
        connection.execute(
            insert(sessions).values(
                token_hash=token_hash,
                user_id=user_id,
                created_ms=now_ms,
                last_seen_ms=now_ms,
                expires_ms=expires_ms,
                user_agent=user_agent[:USER_AGENT_CHARACTERS],
            )
        )


def find_session(store: Store, token_hash: bytes, now_ms: int) -> SessionRow | None:
    """The login of that token hash; None when there is none or it has expired."""
    query = (
        select(
            sessions.c.user_id,
            users.c.name,
            users.c.role,
            sessions.c.created_ms,
            sessions.c.last_seen_ms,
            sessions.c.expires_ms,
            sessions.c.user_agent,
        )
        .join_from(sessions, users)
        .where(sessions.c.token_hash == token_hash, sessions.c.expires_ms > now_ms)
    )
    with store.read("read logins") as connection:
        row = connection.execute(query).first()
        return None if row is None else _session(row)


def touch(store: Store, token_hash: bytes, *, now_ms: int, expires_ms: int) -> None:
    """Note that a login was used and is valid until ``expires_ms``. A write: call it once a minute, not a request."""
    with store.write("store a login") as connection:
        connection.execute(
            update(sessions)
            .where(sessions.c.token_hash == token_hash)
            .values(last_seen_ms=now_ms, expires_ms=expires_ms)
        )


def delete_session(store: Store, token_hash: bytes) -> None:
    with store.write("delete a login") as connection:
        connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def delete_sessions_of(store: Store, user_id: int) -> None:
    """Sign a person out everywhere, as after a new password."""
    with store.write("delete logins") as connection:
        connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def _session(row: Sequence[Any]) -> SessionRow:
    return SessionRow(*row)
