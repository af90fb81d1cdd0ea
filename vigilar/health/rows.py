"""What the database knows of the house, in one go: for pages and for commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vigilar.health.known import JobsDone, Sensors, SensorTrouble
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, list_events
from vigilar.store.health import list_low_coverage, list_snoozes
from vigilar.store.inventory import count_found
from vigilar.store.jobs import JobRow, list_jobs
from vigilar.store.sensors import list_sensors

DAY_MS = 86_400_000

HISTORY_TOLD_MS = 30 * DAY_MS
"""How long a database that was set back is spoken of: no row can be put right that would end it."""

JOB_WORDS = {
    "export": "Export",
    "reel": "Reel",
    "timelapse": "Time-lapse",
    "rewrap": "Moving recordings to a new key",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """As the fields of ``Known`` of these names."""

    sensors: Sensors
    jobs: tuple[JobRow, ...]
    snoozed: dict[str, int]
    low_coverage: dict[str, int]
    damaged: int
    history: str


def read_rows(store: Store, node_id: str, now_ms: int) -> Rows:
    """Raises StoreError."""
    return Rows(
        read_sensors(store),
        tuple(list_jobs(store, node_id)),
        list_snoozes(store, now_ms),
        list_low_coverage(store),
        count_found(store, node_id),
        _find_history(store, now_ms),
    )


def _find_history(store: Store, now_ms: int) -> str:
    """Why the database is not what the box has signed, in a sentence; empty while it is."""
    wanted = EventFilter(type="history_changed", from_ms=now_ms - HISTORY_TOLD_MS, limit=1)
    events, _ = list_events(store, wanted)
    return str(events[0].payload.get("reason") or "The database is not what this box signed.") if events else ""


def read_sensors(store: Store) -> Sensors:
    """All sensors, and what ails them. Raises StoreError."""
    found = list_sensors(store)
    silent = [
        SensorTrouble(one.id, one.name, "has not been heard for long", one.last_ms) for one in found if one.is_silent
    ]
    low = [SensorTrouble(one.id, one.name, "has a battery that is nearly empty") for one in found if one.is_low]
    return Sensors(len(found), (*silent, *low))


def jobs_done(jobs: tuple[JobRow, ...], now_ms: int, sees: Callable[[JobRow], bool]) -> JobsDone:
    """Long work in words, as far as the asker ``sees`` it."""
    seen = [one for one in jobs if sees(one)]
    running = [
        f"{JOB_WORDS.get(one.kind, one.kind.capitalize())} {one.percent} %" for one in seen if one.state == "running"
    ]
    failed = [
        JOB_WORDS.get(one.kind, one.kind.capitalize())
        for one in seen
        if one.state == "failed" and now_ms - one.updated_ms < DAY_MS
    ]
    return JobsDone(running, sum(one.state == "waiting" for one in seen), failed)
