"""What people keep: events whose footage never goes, and exports that hold theirs until they end. Plain SQL."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vigilar.store.exports import EXPORT, LIFE_MS
from vigilar.store.sql import Run


@dataclass(frozen=True, slots=True)
class KeptRow:
    """An event that is kept (``is_event``) or an export that holds footage. Times are UTC ms; ``by`` is the name of who
    did it and ``since_ms`` when, empty and None where that was not noted; ``until_ms`` None: for ever."""

    is_event: bool
    id: int
    camera_id: str
    title: str
    from_ms: int
    to_ms: int
    by: str
    since_ms: int | None
    until_ms: int | None


def list_kept(run: Run, before_ms: int, after_ms: int, now_ms: int) -> list[KeptRow]:
    """All of them, newest first; ``before_ms`` and ``after_ms`` are kept around an event."""
    rows = run(
        "SELECT id, source_id, ts_ms, coalesce(end_ms, CASE WHEN type = 'motion' THEN :now_ms ELSE ts_ms END), payload "
        "FROM events WHERE kept = 1",
        now_ms=now_ms,
    )
    found = [
        _of_event(int(key), str(source), int(ts_ms) - before_ms, max(int(ts_ms), int(end_ms)) + after_ms, str(payload))
        for key, source, ts_ms, end_ms, payload in rows
    ]
    rows = run(
        "SELECT j.id, j.params, j.created_ms, u.name FROM jobs AS j LEFT JOIN users AS u ON u.id = j.made_by "
        "WHERE j.kind = :kind AND j.state IN ('waiting', 'running', 'done') AND j.created_ms > :since_ms",
        kind=EXPORT,
        since_ms=now_ms - LIFE_MS,
    )
    found += [_of_export(int(key), str(params), int(at), str(name or "")) for key, params, at, name in rows]
    return sorted(found, key=lambda one: (one.from_ms, one.id), reverse=True)


def _of_event(event_id: int, camera_id: str, from_ms: int, to_ms: int, payload: str) -> KeptRow:
    told = json.loads(payload)
    kept = told.get("kept") or {}
    title = str(told.get("title", ""))
    return KeptRow(True, event_id, camera_id, title, from_ms, to_ms, str(kept.get("by", "")), kept.get("ts"), None)


def _of_export(job_id: int, params: str, created_ms: int, by: str) -> KeptRow:
    asked = json.loads(params)
    until_ms = created_ms + LIFE_MS
    return KeptRow(
        False, job_id, asked["camera_id"], "Export", asked["from_ms"], asked["to_ms"], by, created_ms, until_ms
    )
