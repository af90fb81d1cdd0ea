"""Rows of web logins. Only the SHA-256 of a token is stored: who reads the database cannot sign in with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, insert, select, update

from vigilar.store.engine import Store
from vigilar.store.schema import sessions, user_cameras, users
from vigilar.store.users import Role

USER_AGENT_CHARACTERS = 200
"""A browser's name for itself may be any length; this tells two phones apart."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A valid login and whose it is. Times are UTC ms; ``cameras`` are the ids of those the person may see, None for
    all."""

    user_id: int
    user_name: str
    role: Role
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    user_agent: str
    cameras: frozenset[str] | None = None


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
    return find_sessions(store, [token_hash], now_ms).get(token_hash)


def find_sessions(store: Store, token_hashes: Collection[bytes], now_ms: int) -> dict[bytes, SessionRow]:
    """Those of the logins that are valid, by token hash, in one query."""
    wanted = _SESSIONS.where(sessions.c.token_hash.in_(token_hashes), sessions.c.expires_ms > now_ms)
    with store.read("read logins") as connection:
        return _sessions(connection.execute(wanted))


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


_SESSIONS: Select[Any] = (
    select(
        sessions.c.token_hash,
        sessions.c.user_id,
        users.c.name,
        users.c.role,
        sessions.c.created_ms,
        sessions.c.last_seen_ms,
        sessions.c.expires_ms,
        sessions.c.user_agent,
        users.c.is_limited,
        user_cameras.c.camera_id,
    )
    .join_from(sessions, users)
    .outerjoin(user_cameras, (user_cameras.c.user_id == users.c.id) & (users.c.is_limited == 1))
)
"""A row for each camera of a limited member, one row for everybody else."""


def _sessions(rows: Iterable[Sequence[Any]]) -> dict[bytes, SessionRow]:
    fields: dict[bytes, Sequence[Any]] = {}
    cameras: dict[bytes, set[str]] = {}
    for token_hash, *values, is_limited, camera_id in rows:
        fields[token_hash] = values
        if is_limited:
            cameras.setdefault(token_hash, set()).update(() if camera_id is None else (camera_id,))
    return {key: _session((*values, _frozen(cameras.get(key)))) for key, values in fields.items()}


def _session(values: Sequence[Any]) -> SessionRow:
    return SessionRow(*values)


def _frozen(cameras: set[str] | None) -> frozenset[str] | None:
    return None if cameras is None else frozenset(cameras)
