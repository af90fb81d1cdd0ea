"""Rows of phones: the push subscriptions of members' browsers, and how they fare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store.account_tables import users
from vigilar.store.engine import Store
from vigilar.store.notify_tables import deliveries, phones

PhoneState = Literal["ok", "silent", "refused"]

USER_AGENT_CHARACTERS = 200

MAX_PHONES = 20
"""Of one member; each costs a message an incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRow:
    """A phone. Times are UTC ms, None before the first. ``state``: ``silent`` shows nothing although its service takes
    what we send, ``refused`` is one whose service rejects our key or our clock; ``sentence`` says it to people.
    ``delay_ms`` is how long the newest push took from being owed until it was shown."""

    id: int
    user_id: int
    user_name: str
    name: str
    endpoint: str = field(repr=False)
    origin: str
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    user_agent: str
    created_ms: int
    accepted_ms: int | None
    shown_ms: int | None
    delay_ms: int | None
    state: PhoneState
    sentence: str


_COLUMNS = (
    phones.c.id,
    phones.c.user_id,
    users.c.name.label("user_name"),
    phones.c.name,
    phones.c.endpoint,
    phones.c.origin,
    phones.c.p256dh,
    phones.c.auth,
    phones.c.user_agent,
    phones.c.created_ms,
    phones.c.accepted_ms,
    phones.c.shown_ms,
    phones.c.delay_ms,
    phones.c.state,
    phones.c.sentence,
)


def put_phone(
    store: Store,
    user_id: int,
    *,
    name: str,
    endpoint: str,
    origin: str,
    p256dh: bytes,
    auth: bytes,
    user_agent: str,
    session_hash: bytes | None,
    now_ms: int,
    replaces: int | None = None,
) -> int:
    """Register a browser; its id. One that is known (by its endpoint) keeps its id and, of the same member, its name:
    browsers register again with every visit. Of another member it becomes this one's: whoever holds the phone is told.

    ``replaces`` is the id of a browser that says its address has changed: it keeps id and name, too. Another member's
    stays, and this is a new one.

    Raises StoreError (DENIED): code ``phone.many`` beyond MAX_PHONES, ``phone.gone`` when what it replaces was removed,
    which no browser undoes by itself.
    """
    fields = {
        "user_id": user_id,
        "origin": origin,
        "p256dh": p256dh,
        "auth": auth,
        "user_agent": user_agent[:USER_AGENT_CHARACTERS],
        "session_hash": session_hash,
    }
    with store.write("store a phone") as connection:
        find = select(phones.c.id, phones.c.user_id)
        known = connection.execute(find.where(phones.c.endpoint == endpoint)).first()
        if replaces is not None:
            moved = connection.execute(find.where(phones.c.id == replaces)).first()
            if moved is None:
                raise StoreError("this phone was removed from the house", kind=ErrorKind.DENIED, code="phone.gone")
            if known is None:
                known = moved if moved.user_id == user_id else None
            elif moved.user_id == user_id and known.id != moved.id:
                delete_phone_within(connection, moved.id, "The phone was removed.")
        if known is not None:
            renamed = {} if known.user_id == user_id else {"name": name}
            connection.execute(
                update(phones)
                .where(phones.c.id == known.id)
                .values(**fields, **renamed, endpoint=endpoint, state="ok", sentence="")
            )
            return int(known.id)
        count = select(func.count()).select_from(phones).where(phones.c.user_id == user_id)
        if connection.execute(count).scalar_one() >= MAX_PHONES:
            raise StoreError(f"you have {MAX_PHONES} phones already", kind=ErrorKind.DENIED, code="phone.many")
        made = connection.execute(
            insert(phones).values(name=name, endpoint=endpoint, created_ms=now_ms, **fields).returning(phones.c.id)
        )
        return int(made.scalar_one())


def list_phones(store: Store, user_id: int | None = None) -> list[PhoneRow]:
    """Those of one member, or of all, in the order in which they came."""
    with store.read("read phones") as connection:
        return list_phones_within(connection, user_id)


def list_phones_within(connection: Connection, user_id: int | None = None) -> list[PhoneRow]:
    """``list_phones`` in the transaction of ``connection``."""
    query = select(*_COLUMNS).join_from(phones, users).order_by(phones.c.id)
    if user_id is not None:
        query = query.where(phones.c.user_id == user_id)
    return [_phone(row) for row in connection.execute(query)]


def find_phone(store: Store, phone_id: int) -> PhoneRow | None:
    query = select(*_COLUMNS).join_from(phones, users).where(phones.c.id == phone_id)
    with store.read("read phones") as connection:
        row = connection.execute(query).first()
        return None if row is None else _phone(row)


def rename_phone(store: Store, phone_id: int, name: str) -> None:
    with store.write("rename a phone") as connection:
        connection.execute(update(phones).where(phones.c.id == phone_id).values(name=name))


def delete_phone(store: Store, phone_id: int) -> None:
    """What it was told stays in the list of what was told; what is still owed to it is not told any more."""
    with store.write("remove a phone") as connection:
        delete_phone_within(connection, phone_id, "The phone was removed.")


def delete_phone_within(connection: Connection, phone_id: int, sentence: str) -> None:
    """``delete_phone`` in the transaction of ``connection``."""
    waiting = deliveries.c.state.in_(("owed", "sent"))
    connection.execute(
        update(deliveries).where(deliveries.c.phone_id == phone_id, waiting).values(state="gone", sentence=sentence)
    )
    connection.execute(delete(phones).where(phones.c.id == phone_id))


def set_phone_state(store: Store, phone_id: int, state: PhoneState, sentence: str) -> bool:
    """False when it has that state already, which changes nothing."""
    with store.write("note how a phone is") as connection:
        found = connection.execute(
            update(phones)
            .where(phones.c.id == phone_id, phones.c.state != state)
            .values(state=state, sentence=sentence)
        )
        return found.rowcount > 0


def silent_phones(store: Store, *, taken_before_ms: int) -> list[PhoneRow]:
    """Phones whose service took a push before ``taken_before_ms`` (UTC ms), and that have said of none since that they
    showed it; those that are known to be so are left out."""
    taken = (
        select(deliveries.c.id)
        .where(
            deliveries.c.phone_id == phones.c.id,
            deliveries.c.accepted_ms <= taken_before_ms,
            _is_after_shown(deliveries.c.accepted_ms),
        )
        .exists()
    )
    query = select(*_COLUMNS).join_from(phones, users).where(phones.c.state == "ok", taken).order_by(phones.c.id)
    with store.read("look for silent phones") as connection:
        return [_phone(row) for row in connection.execute(query)]


def _is_after_shown(moment: ColumnElement[Any]) -> ColumnElement[bool]:
    since: ColumnElement[Any] = func.coalesce(phones.c.shown_ms, phones.c.created_ms - 1)
    return moment > since


def _phone(row: Any) -> PhoneRow:
    return PhoneRow(**row._mapping)
