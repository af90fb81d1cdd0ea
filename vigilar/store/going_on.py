"""What goes on now, for who shows states and keeps no history: visits, the newest event, sensors. Plain SQL.

Everything is read as it is, so nobody who asks needs a place among the changes, and nothing that was is told as new.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from vigilar.store.sql import Database

LONGEST_MS = 2 * 3_600_000
"""No visit is longer: the events process ends one that nobody ended in an hour."""

NEWEST = 50
"""So many events are looked through for the newest that may be told."""

NEVER_TOLD = frozenset({"duress"})
"""Of these nobody outside of the house may learn, also later."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Something moves at a camera, or did until a moment ago. ``kind`` is one of ``base.visit_kinds``."""

    camera_id: str
    kind: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """An event as far as it is told. ``ts_ms``: UTC ms."""

    id: int
    type: str
    severity: str
    source_id: str
    ts_ms: int
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SensorNow:
    """``state`` is the newest value of each kind, 1 and 0 for yes and no; ``address`` says what hears it."""

    id: str
    address: str
    name: str
    state: Mapping[str, float]
    battery: int | None


@dataclass(frozen=True, slots=True)
class GoingOn:
    """``stills`` are the newest still of a visit, by camera id. ``change`` is the number of the newest change."""

    change: int
    visits: tuple[Visit, ...]
    newest: Newest | None
    sensors: tuple[SensorNow, ...]
    stills: Mapping[str, int]


def read_going_on(
    store: Database, now_ms: int, held_ms: int, cameras: Collection[str], *, wants_stills: bool
) -> GoingOn:
    """All of it at one moment, of these cameras and of what is no camera. A visit that ended counts for ``held_ms``
    more. Raises StoreError."""
    with store.sql_read("read what goes on") as run:
        change = int(run("SELECT value FROM counters WHERE name = 'event_change'")[0][0])
        visits = [
            *run("SELECT source_id, kind, 1 FROM events WHERE type = 'motion' AND end_ms IS NULL"),
            *run(
                "SELECT source_id, kind, 0 FROM events WHERE type = 'motion' AND ts_ms > :since AND end_ms > :held",
                since=now_ms - LONGEST_MS,
                held=now_ms - held_ms,
            ),
        ]
        known = {str(row[0]) for row in run("SELECT id FROM cameras")}
        events = run(
            "SELECT id, type, severity, source_id, ts_ms, kind, payload FROM events ORDER BY id DESC LIMIT :most",
            most=NEWEST,
        )
        sensors = run("SELECT id, address, name, state, battery FROM sensors WHERE removed_ms IS NULL ORDER BY id")
        stills: dict[str, int] = {}
        for camera_id in cameras if wants_stills else ():
            rows = run(
                "SELECT still_id FROM events WHERE source_id = :camera_id AND still_id IS NOT NULL "
                "ORDER BY ts_ms DESC, id DESC LIMIT 1",
                camera_id=camera_id,
            )
            if rows:
                stills[camera_id] = int(rows[0][0])
    told = (
        Newest(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6]))
        for row in events
        if row[1] not in NEVER_TOLD and (row[3] not in known or row[3] in cameras)
    )
    return GoingOn(
        change,
        tuple(Visit(row[0], row[1], bool(row[2])) for row in visits if row[0] in cameras),
        next(told, None),
        tuple(SensorNow(row[0], row[1], row[2], json.loads(row[3]), row[4]) for row in sensors),
        stills,
    )
