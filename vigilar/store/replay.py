"""What happened in the past days, for asking what other zones or other rules would have made of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from vigilar.store.engine import Store
from vigilar.store.events import EVENT_COLUMNS, StoredEvent, make_event
from vigilar.store.schema import events, tracks

MOST_EVENTS = 20_000
MOST_TRACKS = 40_000
"""A week of a street: the newest count."""

Sort = tuple[str, str, str]
"""Type, kind and severity of an event: all that a rule asks of what it is about."""

_SORT = (events.c.type, events.c.kind, events.c.severity)


@dataclass(frozen=True, slots=True)
class PastTrack:
    """One object. ``path`` as in the column of that name; ``event_id`` is None for what made no event."""

    event_id: int | None
    kind: str
    path: bytes


def past_visits(store: Store, camera_id: str, since_ms: int) -> Sequence[int]:
    """The ids of the motion events of a camera that began at ``since_ms`` (UTC ms) or later, newest first."""
    query = select(events.c.id).where(
        events.c.source_id == camera_id, events.c.type == "motion", events.c.ts_ms >= since_ms
    )
    with store.read("read past events") as connection:
        return connection.execute(query.order_by(events.c.ts_ms.desc()).limit(MOST_EVENTS)).scalars().all()


def past_tracks(store: Store, camera_id: str, since_ms: int) -> list[PastTrack]:
    """What moved on a camera since ``since_ms`` (UTC ms), newest first; not what stood in the scene."""
    query = select(tracks.c.event_id, tracks.c.kind, tracks.c.path).where(
        tracks.c.camera_id == camera_id, tracks.c.start_ms >= since_ms, tracks.c.is_stationary == 0
    )
    with store.read("read past tracks") as connection:
        rows = connection.execute(query.order_by(tracks.c.start_ms.desc()).limit(MOST_TRACKS))
        return [PastTrack(row.event_id, row.kind, row.path) for row in rows]


def past_sorts(store: Store, from_ms: int, to_ms: int) -> set[Sort]:
    """What sorts of events began in [from, to) (UTC ms)."""
    query = select(*_SORT).where(events.c.ts_ms >= from_ms, events.c.ts_ms < to_ms).distinct()
    with store.read("read past events") as connection:
        return {(row.type, row.kind, row.severity) for row in connection.execute(query)}


def past_events(store: Store, from_ms: int, to_ms: int, sorts: Collection[Sort]) -> list[StoredEvent]:
    """The newest MOST_EVENTS events of these sorts that began in [from, to) (UTC ms), oldest first."""
    query = select(*EVENT_COLUMNS).where(
        events.c.ts_ms >= from_ms, events.c.ts_ms < to_ms, tuple_(*_SORT).in_(sorted(sorts))
    )
    query = query.order_by(events.c.ts_ms.desc(), events.c.id.desc()).limit(MOST_EVENTS)
    with store.read("read past events") as connection:
        return [make_event(row) for row in reversed(connection.execute(query).all())]
