"""Rows of web logins. Only the SHA-256 of a token is stored: who reads the database cannot sign in with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, insert, or_, select, update

from vigilar.store.account_tables import pairings, sessions, user_cameras, users
from vigilar.store.engine import Store
from vigilar.store.notify_tables import phones
from vigilar.store.pairings import delete_codes_within
from vigilar.store.unused_phones import UNUSED_MS
from vigilar.store.users import Role

USER_AGENT_CHARACTERS = 200
"""A browser's name for itself may be any length; this tells two phones apart."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A valid login and whose it is. Times are UTC ms; ``cameras`` are the ids of those the person may see, None for
    all.

    ``device`` is the name a person gave the phone, ``address`` where the login began. ``is_secure``: its token was
    never readable on the network. A key for programs (``tokens``) is a login as well: ``via`` is its name then, and
    ``rights`` the only ones it has of its member's; None for a person, who has all. ``is_wall``: it is of a screen on
    the wall, at which anybody in the house can stand.
    """

    user_id: int
    user_name: str
    role: Role
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    user_agent: str
    cameras: frozenset[str] | None = None
    device: str = ""
    address: str = ""
    is_secure: bool = False
    rights: frozenset[str] | None = None
    via: str = ""
    is_wall: bool = False


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A login as its member sees it in a list. ``id`` names it to people and programs and opens nothing."""

    id: str
    token_hash: bytes
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    user_agent: str
    device: str
    address: str
    is_secure: bool
    is_wall: bool

    @property
    def ends_ms(self) -> int:
        """UTC ms when it ends by itself if it is not used until then; ``expires_ms`` is when it ends in any case."""
        return min(self.expires_ms, self.last_seen_ms + UNUSED_MS) if self.device else self.expires_ms


def session_id(token_hash: bytes) -> str:
    """The name of a login: the first half of the hash of its token."""
    return token_hash[:16].hex()


def add_session(
    store: Store,
    token_hash: bytes,
    user_id: int,
    *,
    now_ms: int,
    expires_ms: int,
    user_agent: str = "",
    device: str = "",
    address: str = "",
    is_secure: bool = False,
    is_wall: bool = False,
) -> None:
    """Store a login."""
    with store.write("store a login") as connection:
        connection.execute(
            insert(sessions).values(
                token_hash=token_hash,
                user_id=user_id,
                created_ms=now_ms,
                last_seen_ms=now_ms,
                expires_ms=expires_ms,
                user_agent=user_agent[:USER_AGENT_CHARACTERS],
                device=device,
                address=address,
                is_secure=int(is_secure),
                is_wall=int(is_wall),
            )
        )


def find_session(store: Store, token_hash: bytes, now_ms: int) -> SessionRow | None:
    """The login of that token hash; None when there is none or it has expired."""
    return find_sessions(store, [token_hash], now_ms).get(token_hash)


def find_sessions(store: Store, token_hashes: Collection[bytes], now_ms: int) -> dict[bytes, SessionRow]:
    """Those of the logins that are valid, by token hash, in one query."""
    wanted = _SESSIONS.where(sessions.c.token_hash.in_(token_hashes), _is_valid(now_ms))
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
    """End a login, the pushes of the phone that registered with it, and the codes it made that nobody used yet: who
    signs out a lost phone wants it silent, and nobody let in by it."""
    with store.write("delete a login") as connection:
        connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))
        connection.execute(delete(phones).where(phones.c.session_hash == token_hash))
        connection.execute(delete(pairings).where(pairings.c.made_by_hash == token_hash, pairings.c.used_ms.is_(None)))


def list_sessions_of(store: Store, user_id: int, now_ms: int) -> list[OpenSession]:
    """The valid logins of a person, used last first."""
    columns = ("token_hash", "created_ms", "last_seen_ms", "expires_ms", "user_agent", "device", "address")
    flags = ("is_secure", "is_wall")
    wanted = (
        select(*(sessions.c[name] for name in (*columns, *flags)))
        .where(sessions.c.user_id == user_id, _is_valid(now_ms))
        .order_by(sessions.c.last_seen_ms.desc(), sessions.c.token_hash)
    )
    with store.read("read logins") as connection:
        return [_open_session(row) for row in connection.execute(wanted)]


def delete_sessions_of(store: Store, user_id: int, *, but: bytes = b"") -> None:
    """Sign a person out everywhere, as after a new password; ``but`` is the token hash of the one login that stays.
    Phones go with it, but for one that registered with that login, and so do codes by which another would sign in as
    this person, and those for others that an ended login made."""
    with store.write("delete logins") as connection:
        delete_sessions_within(connection, user_id, but=but)


def delete_sessions_within(connection: Connection, user_id: int, *, but: bytes = b"") -> None:
    """As ``delete_sessions_of``, in the transaction of ``connection``."""
    delete_codes_within(connection, user_id, but=but)
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.token_hash != but))
    is_other = or_(phones.c.session_hash.is_(None), phones.c.session_hash != but)
    connection.execute(delete(phones).where(phones.c.user_id == user_id, is_other))
    connection.execute(delete(pairings).where(pairings.c.user_id == user_id, pairings.c.used_ms.is_(None)))


def _is_valid(now_ms: int) -> ColumnElement[bool]:
    is_used = or_(sessions.c.device == "", sessions.c.last_seen_ms > now_ms - UNUSED_MS)
    return and_(sessions.c.expires_ms > now_ms, is_used)


def _open_session(row: Sequence[Any]) -> OpenSession:
    fields: Sequence[Any] = (session_id(row[0]), *row[:-2], bool(row[-2]), bool(row[-1]))
    return OpenSession(*fields)


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
        sessions.c.device,
        sessions.c.address,
        sessions.c.is_secure,
        sessions.c.is_wall,
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
    return {key: _session(values, _frozen(cameras.get(key))) for key, values in fields.items()}


def _session(values: Sequence[Any], cameras: frozenset[str] | None) -> SessionRow:
    *_, device, address, is_secure, is_wall = values
    fields: Sequence[Any] = (*values[:-4], cameras, device, address, bool(is_secure))
    row = SessionRow(*fields)
    return replace(row, is_wall=True) if is_wall else row


def _frozen(cameras: set[str] | None) -> frozenset[str] | None:
    return None if cameras is None else frozenset(cameras)
