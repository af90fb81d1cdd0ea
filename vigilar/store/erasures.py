"""Recordings that go because a person chose their events: which ones, who said so, what has become of it. Plain SQL.

The web process writes rows here and touches no file, and of many at once a wish that lists them; the upkeep process
makes those rows too. That of the box whose files they are deletes them by its own steps (``store/deletions.py``) and
notes here that nothing is left to do. The row stays: it says who it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vigilar.store.files import LONGEST_FILE_MS
from vigilar.store.sql import Database, Run

GOING_ON = ("motion", "alarm")
"""Types of events that may have no end yet."""

STEP = 100
"""Rows a transaction: about a millisecond of the processor and one sync, for which events and rows of recordings wait
as for any other commit."""


@dataclass(frozen=True, slots=True)
class EventSpan:
    """An event as its deletion looks at it. Times are UTC ms; ``end_ms`` is now while it goes on."""

    id: int
    source_id: str
    start_ms: int
    end_ms: int
    is_kept: bool
    is_alarm: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """A video file. Times are UTC ms."""

    id: int
    node_id: str
    path: str
    camera_id: str
    start_ms: int
    end_ms: int
    size_bytes: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """A recording that somebody let go: who, and when it went, UTC ms; None while it is still to go."""

    path: str
    camera_id: str
    start_ms: int
    end_ms: int
    by_name: str
    gone_ms: int | None


def read_spans(run: Run, event_ids: Iterable[int], now_ms: int) -> list[EventSpan]:
    """Those of the events that are there, in the order of the ids."""
    found: list[EventSpan] = []
    for event_id in event_ids:
        rows = run(
            "SELECT id, source_id, ts_ms, end_ms, type, kept, severity FROM events WHERE id = :event_id",
            event_id=event_id,
        )
        for key, source_id, ts_ms, end_ms, type_, kept, severity in rows:
            ends = end_ms if end_ms is not None else now_ms if type_ in GOING_ON else ts_ms
            is_alarm = severity in ("ALERT", "CRITICAL")
            found.append(EventSpan(int(key), str(source_id), int(ts_ms), max(ts_ms, ends), bool(kept), is_alarm))
    return found


def find_recordings(run: Run, camera_id: str, from_ms: int, to_ms: int) -> list[Recording]:
    """The camera's recordings on whichever box that hold anything of [from_ms, to_ms), oldest first; those that were
    found to be missing are left out."""
    rows = run(
        "SELECT id, node_id, path, camera_id, start_ms, coalesce(end_ms, start_ms), size_bytes, state FROM files "
        "WHERE camera_id = :camera_id AND content = 'video' AND state <> 'missing' AND start_ms >= :least_ms "
        "AND start_ms < :to_ms AND (coalesce(end_ms, start_ms) >= :from_ms OR state = 'open') ORDER BY start_ms, id",
        camera_id=camera_id,
        least_ms=from_ms - LONGEST_FILE_MS,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    return [_recording(row) for row in rows]


def _recording(row: Sequence[Any]) -> Recording:
    file_id, node_id, path, camera_id, start_ms, end_ms, size_bytes, state = row
    return Recording(
        id=int(file_id),
        node_id=str(node_id),
        path=str(path),
        camera_id=str(camera_id),
        start_ms=int(start_ms),
        end_ms=int(end_ms),
        size_bytes=int(size_bytes),
        is_open=state == "open",
    )


def find_visits(run: Run, recording: Recording) -> set[int]:
    """Ids of the events of which something can be seen in the recording."""
    rows = run(
        "SELECT id FROM events WHERE source_id = :camera_id AND ts_ms >= :least_ms AND ts_ms < :end_ms "
        "AND (type = 'motion' OR kind <> '') AND coalesce(end_ms, ts_ms) >= :start_ms",
        camera_id=recording.camera_id,
        least_ms=recording.start_ms - LONGEST_FILE_MS,
        start_ms=recording.start_ms,
        end_ms=recording.end_ms,
    )
    return {int(row[0]) for row in rows}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person let go at once and has no rows yet, by the ids of the rows of ``files``. ``asked_ms``: UTC ms."""

    id: int
    by_name: str
    asked_ms: int
    file_ids: list[int]


def ask(run: Run, file_ids: Sequence[int], by_name: str, now_ms: int) -> None:
    """Let these recordings go: all of them, once the transaction of ``run`` is over. The first STEP get their rows
    here, the rest is noted as a wish, as thousands of rows would keep recorders from theirs for a second. What somebody
    let go already stays that person's word."""
    _add_rows(run, file_ids[:STEP], by_name, now_ms)
    if file_ids[STEP:]:
        run(
            "INSERT INTO erase_wishes (by_name, asked_ms, file_ids) VALUES (:by_name, :now_ms, :file_ids)",
            by_name=by_name,
            now_ms=now_ms,
            file_ids=json.dumps(file_ids[STEP:]),
        )


def find_wish(store: Database) -> Wish | None:
    """The oldest that waits for its rows, of whichever box."""
    with store.sql_read("read what is to be deleted") as run:
        rows = run("SELECT id, by_name, asked_ms, file_ids FROM erase_wishes ORDER BY id LIMIT 1")
    return Wish(int(rows[0][0]), str(rows[0][1]), int(rows[0][2]), json.loads(rows[0][3])) if rows else None


def spread(store: Database, wish: Wish, at: int) -> None:
    """Make the rows of STEP recordings of the wish from ``at`` on, of those that are still there; with its last ones
    the wish is over. Doing it again changes nothing."""
    with store.sql_write("note what is to be deleted") as run:
        _add_rows(run, wish.file_ids[at : at + STEP], wish.by_name, wish.asked_ms)
        if at + STEP >= len(wish.file_ids):
            run("DELETE FROM erase_wishes WHERE id = :id", id=wish.id)


def _add_rows(run: Run, file_ids: Iterable[int], by_name: str, now_ms: int) -> None:
    for file_id in file_ids:
        run(
            "INSERT INTO erasures (path, node_id, camera_id, start_ms, end_ms, by_name, asked_ms) "
            "SELECT path, node_id, camera_id, start_ms, coalesce(end_ms, start_ms), :by_name, :now_ms FROM files "
            "WHERE id = :file_id ON CONFLICT DO NOTHING",
            file_id=file_id,
            by_name=by_name,
            now_ms=now_ms,
        )


def find_wanted(store: Database, node_id: str, limit: int = 500) -> list[Recording]:
    """What the box is still to delete, oldest first."""
    with store.sql_read("read what is to be deleted") as run:
        rows = run(
            "SELECT f.id, f.node_id, f.path, f.camera_id, f.start_ms, coalesce(f.end_ms, f.start_ms), f.size_bytes, "
            "f.state "
            "FROM erasures AS e JOIN files AS f ON f.path = e.path "
            "WHERE e.node_id = :node_id AND e.done_ms IS NULL AND f.node_id = e.node_id AND f.state <> 'open' "
            "ORDER BY f.start_ms, f.id LIMIT :limit",
            node_id=node_id,
            limit=limit,
        )
        return [_recording(row) for row in rows]


def has_wanted(store: Database, node_id: str) -> bool:
    """Whether anything waits, be it only for its end to be noted."""
    with store.sql_read("read what is to be deleted") as run:
        return bool(run("SELECT 1 FROM erasures WHERE node_id = :node_id AND done_ms IS NULL LIMIT 1", node_id=node_id))


def forget(store: Database, paths: Sequence[str]) -> list[str]:
    """Want those of the paths no more whose recording is still there; which they were."""
    stay: list[str] = []
    if not paths:
        return stay  # as all but always: no turn at the write lock for nothing
    with store.sql_write("note what is not deleted") as run:
        for path in paths:
            rows = run(
                "DELETE FROM erasures WHERE path = :path AND done_ms IS NULL "
                "AND EXISTS (SELECT 1 FROM files AS f WHERE f.path = erasures.path) RETURNING path",
                path=path,
            )
            stay += [str(row[0]) for row in rows]
    return stay


@dataclass(frozen=True, slots=True)
class Ended:
    """A recording that is gone or going, whatever for, while its pictures may be there. Times are UTC ms."""

    path: str
    camera_id: str
    start_ms: int
    end_ms: int


def find_ended(store: Database, node_id: str, limit: int = 500) -> list[Ended]:
    """Of what the box was to delete that of which only the end is to be noted, oldest first."""
    with store.sql_read("read what was deleted") as run:
        rows = run(
            "SELECT path, camera_id, start_ms, end_ms FROM erasures WHERE node_id = :node_id AND done_ms IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.path = erasures.path) "
            "ORDER BY start_ms, path LIMIT :limit",
            node_id=node_id,
            limit=limit,
        )
        return [Ended(*row) for row in rows]


def note_done(store: Database, ended: Iterable[Ended], now_ms: int) -> None:
    """There is nothing left to do of these."""
    with store.sql_write("note what was deleted") as run:
        for one in ended:
            run(
                "UPDATE erasures SET done_ms = :now_ms WHERE path = :path AND done_ms IS NULL",
                path=one.path,
                now_ms=now_ms,
            )


def find_erased(store: Database, camera_ids: Iterable[str], from_ms: int, to_ms: int) -> list[Erased]:
    """What somebody let go of these cameras' recordings that held anything of [from_ms, to_ms), in time order. One that
    went for another reason meanwhile is left out."""
    found: list[Erased] = []
    with store.sql_read("read who deleted what") as run:
        for camera_id in sorted(set(camera_ids)):
            rows = run(
                "SELECT e.path, e.camera_id, e.start_ms, e.end_ms, e.by_name, d.created_ms FROM erasures AS e "
                "LEFT JOIN deletions AS d ON d.camera_id = e.camera_id AND d.content = 'video' "
                "AND d.start_ms = e.start_ms AND d.path = e.path AND d.why = 'owner' "
                "WHERE e.camera_id = :camera_id AND e.start_ms >= :least_ms AND e.start_ms < :to_ms "
                "AND e.end_ms > :from_ms AND (d.id IS NOT NULL OR e.done_ms IS NULL)",
                camera_id=camera_id,
                least_ms=from_ms - LONGEST_FILE_MS,
                from_ms=from_ms,
                to_ms=to_ms,
            )
            found += [Erased(*row) for row in rows]
    return sorted(found, key=lambda one: (one.start_ms, one.path))
