"""Rows of snoozes: who hears nothing of what, and until when. Each ends by itself, after half a day at the latest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, and_, insert, or_, select, update

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store.engine import Store
from vigilar.store.rules_tables import snoozes
from vigilar.store.schema import cameras, events

LONGEST_MS = 12 * 3_600_000
"""Longer is a rule's or a profile's: somebody who forgets a snooze must not be left without a word for days."""

SnoozeEnds = Literal["time", "quiet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """One of them. ``user_id`` None: for everybody; ``camera_id`` None: of everything. Times are UTC ms; ``until_ms``
    is its end at the latest, ``quiet_ms`` (0 for none) how long it must have been quiet to end it before."""

    id: int
    user_id: int | None
    camera_id: str | None
    made_by: str
    start_ms: int
    until_ms: int
    ends: SnoozeEnds
    quiet_ms: int
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSnooze:
    """One to store, as ``Snooze``."""

    user_id: int | None
    camera_id: str | None
    made_by: str
    start_ms: int
    until_ms: int
    quiet_ms: int = 0


def add_snooze(store: Store, new: NewSnooze) -> Snooze:
    """Store it; what the same people had snoozed of the same ends with it. Raises StoreError: PERMANENT for a camera
    that is not known (``camera.unknown``) and an end that is not within LONGEST_MS (``snooze.end``)."""
    if not new.start_ms < new.until_ms <= new.start_ms + LONGEST_MS:
        raise StoreError("a snooze ends within twelve hours", kind=ErrorKind.PERMANENT, code="snooze.end")
    with store.write("snooze") as connection:
        if new.camera_id is not None:
            known = connection.execute(select(cameras.c.id).where(cameras.c.id == new.camera_id)).first()
            if known is None:
                raise StoreError(
                    f"there is no camera {new.camera_id!r}", kind=ErrorKind.PERMANENT, code="camera.unknown"
                )
        same = and_(
            snoozes.c.user_id.is_(None) if new.user_id is None else snoozes.c.user_id == new.user_id,
            snoozes.c.camera_id.is_(None) if new.camera_id is None else snoozes.c.camera_id == new.camera_id,
        )
        connection.execute(
            update(snoozes)
            .where(same, snoozes.c.ended_ms.is_(None), snoozes.c.until_ms > new.start_ms)
            .values(ended_ms=new.start_ms)
        )
        row = connection.execute(
            insert(snoozes)
            .values(
                user_id=new.user_id,
                camera_id=new.camera_id,
                made_by=new.made_by,
                start_ms=new.start_ms,
                until_ms=new.until_ms,
                ends="quiet" if new.quiet_ms else "time",
                quiet_ms=new.quiet_ms,
            )
            .returning(*snoozes.c)
        ).one()
        return _snooze(row)


def find_snooze(store: Store, snooze_id: int) -> Snooze | None:
    with store.read("read snoozes") as connection:
        row = connection.execute(select(snoozes).where(snoozes.c.id == snooze_id)).first()
        return None if row is None else _snooze(row)


def end_snooze(store: Store, snooze_id: int, now_ms: int) -> None:
    """End it now, if it has not ended yet."""
    with store.write("end a snooze") as connection:
        mine = and_(snoozes.c.id == snooze_id, snoozes.c.ended_ms.is_(None))
        connection.execute(update(snoozes).where(mine).values(ended_ms=now_ms))


def snoozes_between(store: Store, from_ms: int, to_ms: int) -> list[Snooze]:
    """Those that were meant to hold at some moment of [from, to], oldest first: the quiet that may have ended one
    before is another question (``quiet_end_ms``)."""
    query = select(snoozes).where(
        snoozes.c.start_ms <= to_ms,
        snoozes.c.until_ms > from_ms,
        or_(snoozes.c.ended_ms.is_(None), snoozes.c.ended_ms > from_ms),
    )
    with store.read("read snoozes") as connection:
        return [_snooze(row) for row in connection.execute(query.order_by(snoozes.c.id))]


def quiet_end_ms(store: Store, snooze: Snooze, now_ms: int) -> int | None:
    """When it had been quiet for as long as the snooze waits for; None while it has not, or does not wait for it."""
    if not snooze.quiet_ms:
        return None
    query = select(events.c.ts_ms, events.c.end_ms).where(
        events.c.kind != "",
        events.c.ts_ms <= now_ms,
        or_(events.c.end_ms.is_(None), events.c.end_ms >= snooze.start_ms),
        events.c.ts_ms >= snooze.start_ms - LONGEST_MS,
    )
    if snooze.camera_id is not None:
        query = query.where(events.c.source_id == snooze.camera_id)
    with store.read("read what happened since a snooze") as connection:
        rows = connection.execute(query.order_by(events.c.ts_ms)).all()
    spans = [(row.ts_ms, now_ms if row.end_ms is None else row.end_ms) for row in rows]
    return find_quiet(spans, snooze.start_ms, min(now_ms, snooze.until_ms), snooze.quiet_ms)


def find_quiet(spans: Iterable[tuple[int, int]], start_ms: int, end_ms: int, quiet_ms: int) -> int | None:
    """The first moment in [start, end] before which nothing lasted or began for ``quiet_ms``; ``spans`` are begin and
    end, by their begin. None if there is none. Pure."""
    busy_until = start_ms
    for begin, end in spans:
        if begin - busy_until >= quiet_ms:
            return busy_until + quiet_ms
        busy_until = max(busy_until, end)
    return busy_until + quiet_ms if end_ms - busy_until >= quiet_ms else None


def _snooze(row: Row[Any]) -> Snooze:
    return Snooze(**row._mapping)
