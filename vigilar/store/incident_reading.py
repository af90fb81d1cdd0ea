"""Reading incidents: one, a page of them, those that changed. Whoever may see only some events gets only those."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Exists, Select, and_, func, or_, select

from vigilar.base.story import Parts, count_all
from vigilar.store.cursors import parse_cursor
from vigilar.store.engine import Store, runner
from vigilar.store.events import MAX_PAGE, EventFilter, conditions_of, filtered
from vigilar.store.incidents import HAPPENED, INCIDENT_NAMES, StoredIncident, happening_of_row, make_incident
from vigilar.store.schema import events, incidents
from vigilar.store.sql import id_list
from vigilar.store.veils import read_veil


def get_incident(store: Store, incident_id: int) -> StoredIncident | None:
    """An incident; one that has no event any more says where they went (``into_id``)."""
    with store.read("read incidents") as connection:
        row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).first()
        return None if row is None else make_incident(row)


def list_incidents(store: Store, wanted: EventFilter) -> tuple[list[StoredIncident], str | None]:
    """A page of the incidents in which an event matches, newest first, and the cursor of the next page, None after the
    last. They are whole: ``seen_parts`` is what of one may be seen.

    Raises StoreError (code V-DB-CURSOR) for a cursor that is none of ours.
    """
    limit = max(1, min(wanted.limit, MAX_PAGE))
    start, number = incidents.c.start_ms, incidents.c.id
    query = select(incidents).where(incidents.c.into_id.is_(None), _matches(wanted))
    if wanted.from_ms is not None:
        query = query.where(incidents.c.end_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        query = query.where(start < wanted.to_ms)
    if wanted.cursor is not None:
        ts_ms, incident_id = parse_cursor(wanted.cursor)
        query = query.where(or_(start < ts_ms, and_(start == ts_ms, number < incident_id)))
    found = _all(store, query.order_by(start.desc(), number.desc()).limit(limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], f"{found[limit - 1].start_ms}.{found[limit - 1].id}"


def count_incidents(store: Store, wanted: EventFilter) -> int:
    """In how many incidents an event matches."""
    query = select(func.count()).select_from(incidents).where(incidents.c.into_id.is_(None), _matches(wanted))
    with store.read("count incidents") as connection:
        return int(connection.execute(query).scalar_one())


def changed_incidents(store: Store, after: int, up_to: int, limit: int = MAX_PAGE) -> list[StoredIncident]:
    """The first ``limit`` incidents whose newest change has a number in (``after``, ``up_to``], in the order of these
    changes; also those that lost their last event."""
    sql = f"SELECT {', '.join(INCIDENT_NAMES)} FROM incidents WHERE change > :after AND change <= :up_to "
    with store.sql_read("read incidents") as run:
        rows = run(f"{sql}ORDER BY change, id LIMIT :most", after=after, up_to=up_to, most=limit)
    return [make_incident(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Member:
    """An event of an incident, by its id, and its picture."""

    event_id: int
    still_id: int | None


def members_of(store: Store, ids: Collection[int], seen: EventFilter) -> Mapping[int, list[Member]]:
    """The events of each of these incidents that ``seen`` lets through, oldest first; its ``limit`` does not count."""
    found: dict[int, list[Member]] = {incident_id: [] for incident_id in ids}
    if not found:
        return found
    where, values = conditions_of(seen)
    names, numbers = id_list("incident", list(found))
    sql = f"SELECT incident_id, id, still_id FROM events WHERE incident_id IN ({names}) AND {where} ORDER BY ts_ms, id"
    with store.sql_read("read the events of incidents") as run:
        for incident_id, event_id, still_id in run(sql, **values, **numbers):
            found[incident_id].append(Member(event_id, still_id))
    return found


def has_type(store: Store, incident_id: int, types: Collection[str]) -> bool:
    """Whether an event of one of these types belongs to it."""
    query = select(events.c.id).where(events.c.incident_id == incident_id, events.c.type.in_(types)).limit(1)
    with store.read("read the events of an incident") as connection:
        return connection.execute(query).first() is not None


def seen_parts(store: Store, incident_id: int, seen: EventFilter) -> Parts:
    """An incident as only the events make it that ``seen`` lets through, as it is told to who sees these; empty without
    any."""
    query = filtered(select(*HAPPENED).where(events.c.incident_id == incident_id), seen)
    with store.read("read the events of an incident") as connection:
        veil = read_veil(runner(connection), seen.cameras)
        rows = connection.execute(query.order_by(events.c.ts_ms, events.c.id))
        return count_all(happening_of_row(row, veil) for row in rows)


def _matches(wanted: EventFilter) -> Exists:
    of_it = select(events.c.id).where(events.c.incident_id == incidents.c.id)
    return filtered(of_it, wanted).exists()


def _all(store: Store, query: Select[Any]) -> list[StoredIncident]:
    with store.read("read incidents") as connection:
        return [make_incident(row) for row in connection.execute(query)]
