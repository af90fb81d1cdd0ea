"""Rows of keys for programs. Only the SHA-256 of a token is stored: who reads the database has no key.

A key acts for the member who made it, with the rights it was given as far as that member still has them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from vigilar.store.account_tables import tokens, user_cameras, users
from vigilar.store.engine import Store
from vigilar.store.sessions import SessionRow

FOR_EVER_MS = 2**62
"""A key holds until it is taken back."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A key as people see it. Times are UTC ms; ``rights`` are names of rights, in order."""

    id: int
    token_hash: bytes
    user_id: int
    user_name: str
    name: str
    rights: tuple[str, ...]
    created_ms: int
    last_used_ms: int | None


def add_token(store: Store, token_hash: bytes, user_id: int, name: str, rights: Collection[str], now_ms: int) -> int:
    """Store a new key; its id."""
    with store.write("store a key") as connection:
        values = {"token_hash": token_hash, "user_id": user_id, "name": name, "created_ms": now_ms}
        new = insert(tokens).values(**values, rights=json.dumps(sorted(rights))).returning(tokens.c.id)
        made: int = connection.execute(new).scalar_one()
        return made


def find_tokens(store: Store, token_hashes: Collection[bytes]) -> dict[bytes, SessionRow]:
    """Those of the token hashes that are keys, as logins, in one query."""
    wanted = _TOKENS.where(tokens.c.token_hash.in_(token_hashes))
    with store.read("read keys") as connection:
        return _logins(connection.execute(wanted))


def list_tokens(store: Store, user_id: int | None = None) -> list[TokenRow]:
    """The keys of a member, or all, in the order in which they were made."""
    columns = (tokens.c.id, tokens.c.token_hash, tokens.c.user_id, users.c.name, tokens.c.name, tokens.c.rights)
    wanted = select(*columns, tokens.c.created_ms, tokens.c.last_used_ms).join_from(tokens, users).order_by(tokens.c.id)
    if user_id is not None:
        wanted = wanted.where(tokens.c.user_id == user_id)
    with store.read("read keys") as connection:
        return [TokenRow(*row[:5], tuple(json.loads(row[5])), *row[6:]) for row in connection.execute(wanted)]


def touch_token(store: Store, token_hash: bytes, now_ms: int) -> None:
    """Note that a key was used. A write: call it now and then, not a request."""
    with store.write("store a key") as connection:
        connection.execute(update(tokens).where(tokens.c.token_hash == token_hash).values(last_used_ms=now_ms))


def delete_token(store: Store, token_id: int) -> None:
    with store.write("delete a key") as connection:
        connection.execute(delete(tokens).where(tokens.c.id == token_id))


_TOKENS = (
    select(
        tokens.c.token_hash,
        tokens.c.user_id,
        users.c.name,
        users.c.role,
        tokens.c.created_ms,
        tokens.c.last_used_ms,
        tokens.c.name,
        tokens.c.rights,
        users.c.is_limited,
        user_cameras.c.camera_id,
    )
    .join_from(tokens, users)
    .outerjoin(user_cameras, (user_cameras.c.user_id == users.c.id) & (users.c.is_limited == 1))
)
"""A row for each camera of a limited member, one row for everybody else."""


def _logins(rows: Iterable[Sequence[Any]]) -> dict[bytes, SessionRow]:
    found: dict[bytes, Sequence[Any]] = {}
    cameras: dict[bytes, set[str]] = {}
    for token_hash, *values, is_limited, camera_id in rows:
        found[token_hash] = values
        if is_limited:
            cameras.setdefault(token_hash, set()).update(() if camera_id is None else (camera_id,))
    return {key: _login(values, cameras.get(key)) for key, values in found.items()}


def _login(values: Sequence[Any], cameras: set[str] | None) -> SessionRow:
    user_id, user_name, role, created_ms, last_used_ms, name, rights = values
    return SessionRow(
        user_id,
        user_name,
        role,
        created_ms,
        last_used_ms or created_ms,
        FOR_EVER_MS,
        "",
        None if cameras is None else frozenset(cameras),
        rights=frozenset(json.loads(rights)),
        via=name,
    )
