"""Rows of who was told of what by which rule: what later decisions look back at (limits, cool-downs, one sound an
incident). Written in the transaction that stores a decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, or_, select

from vigilar.store.engine import Store
from vigilar.store.rules_tables import tellings
from vigilar.store.schema import events

DAY_MS = 24 * 3_600_000
"""An incident lasts no longer than this, but for few."""


@dataclass(frozen=True, slots=True)
class TellingRow:
    """One to write. ``user_id`` None with level ``rule``: the rule held for this event."""

    user_id: int | None
    rule: str
    level: str


def write_tellings(
    connection: Connection,
    rows: Sequence[TellingRow],
    *,
    event_id: int,
    incident_id: int | None,
    source_id: str,
    now_ms: int,
) -> None:
    """Write rows in the transaction of ``connection``; one that this event has already, level and all, is not written
    again, so that a decision taken twice counts once."""
    query = select(tellings.c.user_id, tellings.c.rule, tellings.c.level).where(tellings.c.event_id == event_id)
    known = {tuple(row) for row in connection.execute(query)}
    for row in rows:
        key = (row.user_id, row.rule, row.level)
        if key not in known:
            known.add(key)
            values = {"event_id": event_id, "incident_id": incident_id, "source_id": source_id, "ts_ms": now_ms}
            connection.execute(insert(tellings).values(user_id=key[0], rule=key[1], level=key[2], **values))


def told_of(store: Store, event_id: int, incident_id: int | None) -> list[TellingRow]:
    """Who was told of this event or another of its incident, and how; oldest first."""
    same = tellings.c.event_id == event_id
    if incident_id is not None:
        same = or_(same, tellings.c.incident_id == incident_id)
    query = select(tellings.c.user_id, tellings.c.rule, tellings.c.level).where(
        same, tellings.c.level.not_in(("limited", "rule"))
    )
    with store.read("read who was told") as connection:
        return [TellingRow(*row) for row in connection.execute(query.order_by(tellings.c.id))]


def ordinary_since(store: Store, from_ms: int, to_ms: int) -> Mapping[int, int]:
    """Of how many incidents each member was first told in the ordinary way in [from, to] (UTC ms); an event of no
    incident counts as one. One that goes on from the day before is of that day: what is told of it makes no sound. What
    was noted later than now, before the clock was set back, counts for no day."""
    incident = func.coalesce(tellings.c.incident_id, -tellings.c.event_id)
    firsts = (
        select(tellings.c.user_id)
        .where(tellings.c.ts_ms.between(from_ms - DAY_MS, to_ms), tellings.c.level == "ordinary")
        .group_by(tellings.c.user_id, incident)
        .having(func.min(tellings.c.ts_ms) >= from_ms)
        .subquery()
    )
    with store.read("read who was told") as connection:
        found = connection.execute(select(firsts.c.user_id, func.count()).group_by(firsts.c.user_id))
        return {int(row[0]): int(row[1]) for row in found}


def rules_held(
    store: Store, source_id: str, from_ms: int, to_ms: int, *, event_id: int, incident_id: int | None
) -> Mapping[str, int]:
    """When each rule last held for this source in [from, to] (UTC ms), for another incident than this."""
    query = (
        select(tellings.c.rule, func.max(tellings.c.ts_ms))
        .where(
            tellings.c.source_id == source_id,
            tellings.c.level == "rule",
            tellings.c.ts_ms.between(from_ms, to_ms),
            tellings.c.event_id != event_id,
        )
        .group_by(tellings.c.rule)
    )
    if incident_id is not None:
        query = query.where(or_(tellings.c.incident_id.is_(None), tellings.c.incident_id != incident_id))
    with store.read("read when rules held") as connection:
        return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def limited_between(store: Store, from_ms: int, to_ms: int) -> Mapping[int, tuple[int, ...]]:
    """The events of [from, to) that only the daily limit kept from each member, oldest first, one an incident."""
    query = select(tellings.c.user_id, tellings.c.event_id, tellings.c.incident_id).where(
        tellings.c.level == "limited", tellings.c.ts_ms >= from_ms, tellings.c.ts_ms < to_ms
    )
    with store.read("read what the limit kept") as connection:
        rows = connection.execute(query.order_by(tellings.c.id)).all()
    found: dict[int, dict[int, int]] = {}
    for user_id, event_id, incident_id in rows:
        found.setdefault(user_id, {}).setdefault(incident_id or -event_id, event_id)
    return {user_id: tuple(kept.values()) for user_id, kept in found.items()}


def told_between(store: Store, user_id: int, from_ms: int, to_ms: int, secret: Collection[str] = ()) -> int:
    """Of how many incidents a member was told in [from, to] (UTC ms), events of the types ``secret`` aside."""
    incident = func.coalesce(tellings.c.incident_id, -tellings.c.event_id)
    query = (
        select(func.count(incident.distinct()))
        .join(events, events.c.id == tellings.c.event_id)
        .where(tellings.c.user_id == user_id, tellings.c.ts_ms.between(from_ms, to_ms))
        .where(tellings.c.level != "limited")
        .where(events.c.type.not_in(secret))
    )
    with store.read("read who was told") as connection:
        return int(connection.execute(query).scalar_one())
