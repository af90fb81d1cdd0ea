"""When something was not recorded, as events tell it: for a month at a glance, without a look at the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from vigilar.store.events import EventFilter, conditions_of
from vigilar.store.sql import Run

LASTING = ("camera_offline", "coverage_low")
"""Events that last for as long as something is not recorded."""

LOST = "footage_lost"
"""Told when it is over, or has lasted for long: its payload says from when and, when it is over, until when."""

ENDED_BY = {
    "drive_away": "drive_back",
    "drive_hangs": "drive_back",
    "disk_full": "recording_resumed",
    "disk_read_only": "recording_resumed",
    "system_stopped": "system_started",
}
"""Moments from which on nothing is recorded, until a later one of the same source."""

RESTART_MS = 90_000
"""A stop of at most that is a restart, and no gap worth a mark."""

_TYPES = (*LASTING, LOST, *ENDED_BY, *sorted(set(ENDED_BY.values())))

Told = tuple[str, str, int, int | None, str | None]
"""Type, source, begin and end of an event; its payload if the type is ``LOST``."""


def read_gaps(run: Run, limits: EventFilter, from_ms: int, to_ms: int, now_ms: int) -> list[tuple[int, int]]:
    """Begin and end of each that touches [from_ms, to_ms), in no order; UTC ms."""
    where, values = conditions_of(replace(limits, from_ms=None, to_ms=None))
    types = ", ".join(f"'{one}'" for one in _TYPES)
    lasting = ", ".join(f"'{one}'" for one in LASTING)
    rows = run(
        f"SELECT type, source_id, ts_ms, end_ms, CASE WHEN type = '{LOST}' THEN payload END FROM events"
        f" WHERE {where} AND type IN ({types}) AND (ts_ms < :to_ms OR type = '{LOST}')"
        f" AND (type NOT IN ({lasting}) OR coalesce(end_ms, CAST(:now_ms AS BIGINT)) > :begin_ms)"
        f" AND (type <> '{LOST}' OR ts_ms > :begin_ms) ORDER BY ts_ms, id",
        **values,
        begin_ms=from_ms,
        to_ms=to_ms,
        now_ms=now_ms,
    )
    return [(start, end) for start, end in find_gaps(rows, now_ms) if start < to_ms and end > from_ms]


def find_gaps(rows: Iterable[tuple[Any, ...]], now_ms: int) -> Iterator[tuple[int, int]]:
    """The spans that ``Told`` events in the order of their time tell of. What has not ended lasts until ``now_ms``."""
    begun: dict[tuple[str, str], tuple[str, int]] = {}
    for kind, source, start, end, payload in rows:
        if kind in LASTING:
            yield start, max(start + 1, now_ms if end is None else end)
        elif kind == LOST:
            yield _lost(start, payload)
        elif kind in ENDED_BY:
            begun.setdefault((ENDED_BY[kind], source), (kind, start))
        elif (before := begun.pop((kind, source), None)) is not None and start - before[1] > _shortest(before[0]):
            yield before[1], start
    for kind, start in begun.values():
        if now_ms - start > _shortest(kind):
            yield start, now_ms


def _shortest(kind: str) -> int:
    return RESTART_MS if kind == "system_stopped" else 0


def _lost(told_ms: int, payload: str | None) -> tuple[int, int]:
    found = json.loads(payload or "{}")
    start, end = found.get("from_ms"), found.get("to_ms")
    end_ms = end if isinstance(end, int) else told_ms
    return min(start, end_ms) if isinstance(start, int) else end_ms, end_ms + 1
