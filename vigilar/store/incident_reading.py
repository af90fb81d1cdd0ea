"""Reading incidents: one, a page of them, those that changed. Whoever may see only some events gets only those."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from vigilar.store.engine import Store
from vigilar.store.events import EVENT_COLUMNS, MAX_PAGE, EventFilter, StoredEvent, filtered, make_event, parse_cursor
from vigilar.store.incidents import StoredIncident, make_incident
from vigilar.store.schema import events, incidents


def get_incident(store: Store, incident_id: int) -> StoredIncident | None:
    """An incident; one that has no event any more says where they went (``into_id``)."""
    with store.read("read incidents") as connection:
        row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).first()
        return None if row is None else make_incident(row)


def list_incidents(store: Store, wanted: EventFilter) -> tuple[list[StoredIncident], str | None]:
    """A page of the incidents in which an event matches, newest first, and the cursor of the next page, None after the
    last. They are whole: what of one may be seen says ``visible_events``.

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


def changed_incidents(store: Store, after: int, up_to: int) -> list[StoredIncident]:
    """The incidents whose newest change has a number in (``after``, ``up_to``], in the order of these changes; also
    those that lost their last event."""
    query = select(incidents).where(incidents.c.change > after, incidents.c.change <= up_to)
    return _all(store, query.order_by(incidents.c.change, incidents.c.id))


def newest_incident_change(store: Store) -> int:
    """The number of the newest change of any incident; 0 before the first."""
    with store.read("read incidents") as connection:
        return int(connection.execute(select(func.max(incidents.c.change))).scalar() or 0)


def events_of_incidents(store: Store, ids: Collection[int], seen: EventFilter) -> Mapping[int, list[StoredEvent]]:
    """The events of each of these incidents that ``seen`` lets through, oldest first; its ``limit`` does not count."""
    query = filtered(select(*EVENT_COLUMNS).where(events.c.incident_id.in_(ids)), seen)
    found: dict[int, list[StoredEvent]] = {incident_id: [] for incident_id in ids}
    with store.read("read the events of incidents") as connection:
        for row in connection.execute(query.order_by(events.c.ts_ms, events.c.id)):
            event = make_event(row)
            if event.incident_id is not None:
                found[event.incident_id].append(event)
    return found


def _matches(wanted: EventFilter) -> Any:
    of_it = select(events.c.id).where(events.c.incident_id == incidents.c.id)
    return filtered(of_it, wanted).exists()


def _all(store: Store, query: Select[Any]) -> list[StoredIncident]:
    with store.read("read incidents") as connection:
        return [make_incident(row) for row in connection.execute(query)]
