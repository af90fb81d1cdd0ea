"""Rows of health: problems that are put off, cameras that record with holes, usual picture rates. Plain SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vigilar.store.files import LONGEST_FILE_MS
from vigilar.store.schema import metadata
from vigilar.store.sql import Database

COVERAGE_LOW = "coverage_low"
"""The type of the event that lasts for as long as a camera records less than it should."""

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Pictures that came in ``counted_ms`` of the hour that begins at ``hour_ms``, UTC ms."""

    hour_ms: int
    pictures: int
    counted_ms: int

    @property
    def fps(self) -> float:
        return self.pictures * 1000 / self.counted_ms if self.counted_ms else 0.0


def list_snoozes(store: Database, now_ms: int) -> dict[str, int]:
    """Problems that are put off now: until when, UTC ms, by id. Raises StoreError."""
    with store.sql_read("read what was put off") as run:
        rows = run("SELECT problem, until_ms FROM problem_snoozes WHERE until_ms > :now", now=now_ms)
    return {str(problem): int(until) for problem, until in rows}


def put_off(store: Database, problem: str, until_ms: int, user_id: int | None, now_ms: int) -> None:
    """Put a problem off for everybody in the house, in place of any earlier time."""
    with store.sql_write("put a problem off") as run:
        run("DELETE FROM problem_snoozes WHERE problem = :problem", problem=problem)
        run(
            "INSERT INTO problem_snoozes (problem, until_ms, made_ms, made_by) "
            "VALUES (:problem, :until, :now, (SELECT id FROM users WHERE id = :who))",
            problem=problem,
            until=until_ms,
            now=now_ms,
            who=user_id,
        )


def end_snooze(store: Database, problem: str) -> None:
    with store.sql_write("take a problem up again") as run:
        run("DELETE FROM problem_snoozes WHERE problem = :problem", problem=problem)


def list_low_coverage(store: Database) -> dict[str, int]:
    """Cameras that record with holes now: ms that are missing since that began, by id. Raises StoreError."""
    with store.sql_read("read coverage") as run:
        rows = run(
            "SELECT source_id, payload FROM events WHERE type = :type AND end_ms IS NULL ORDER BY id", type=COVERAGE_LOW
        )
    found: dict[str, int] = {}
    for camera_id, payload in rows:
        missed = json.loads(payload).get("missed_ms")
        found[str(camera_id)] = missed if isinstance(missed, int) else 0
    return found


def add_pictures(store: Database, counted: Mapping[str, Rate]) -> None:
    """Add to the counts of cameras, by id; of one without a row nothing. Raises StoreError."""
    if not counted:
        return
    with store.sql_write("note picture rates") as run:
        for camera_id, one in counted.items():
            run(
                "INSERT INTO picture_rates (camera_id, hour_ms, pictures, counted_ms) "
                "SELECT id, :hour, :pictures, :counted FROM cameras WHERE id = :camera "
                "ON CONFLICT (camera_id, hour_ms) DO UPDATE SET "
                "pictures = picture_rates.pictures + excluded.pictures, "
                "counted_ms = picture_rates.counted_ms + excluded.counted_ms",
                hour=one.hour_ms,
                pictures=one.pictures,
                counted=one.counted_ms,
                camera=camera_id,
            )


def list_rates(store: Database, camera_id: str, since_ms: int) -> list[Rate]:
    """What is known of a camera's picture rate by hour, oldest first. Raises StoreError."""
    with store.sql_read("read picture rates") as run:
        rows = run(
            "SELECT hour_ms, pictures, counted_ms FROM picture_rates "
            "WHERE camera_id = :camera AND hour_ms >= :since ORDER BY hour_ms",
            camera=camera_id,
            since=since_ms,
        )
    return [Rate(*row) for row in rows]


def list_recorded(store: Database, camera_id: str, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """Spans of a camera's recordings that reach into [from_ms, to_ms), UTC ms, those deleted since included. A file
    that is being written ends at its last checkpoint. Raises StoreError."""
    values = {"camera": camera_id, "from": from_ms, "to": to_ms, "earliest": from_ms - LONGEST_FILE_MS}
    with store.sql_read("read what was recorded") as run:
        rows = run(
            "SELECT start_ms, coalesce(end_ms, start_ms) FROM files "
            "WHERE camera_id = :camera AND content = 'video' AND state <> 'missing' "
            "AND start_ms >= :earliest AND start_ms < :to AND coalesce(end_ms, start_ms) > :from",
            **values,
        )
        rows += run(
            "SELECT start_ms, end_ms FROM deletions WHERE camera_id = :camera AND content = 'video' "
            "AND start_ms >= :earliest AND start_ms < :to AND end_ms > :from",
            **values,
        )
    return [(int(start), int(end)) for start, end in rows]


def find_first_recording_ms(store: Database, camera_id: str) -> int | None:
    """UTC ms at which the first recording of a camera began, be it deleted since; None without one. StoreError."""
    found = []
    with store.sql_read("find the first recording") as run:
        for table in ("files", "deletions"):
            rows = run(
                f"SELECT min(start_ms) FROM {table} WHERE camera_id = :camera AND content = 'video'", camera=camera_id
            )
            found += [int(row[0]) for row in rows if row[0] is not None]
    return min(found, default=None)


TOLD_TYPES = ("camera_offline", "footage_lost")
TOLD_FROM_MS = 24 * HOUR_MS
"""How far back an outage that reaches into a range may have begun: one that goes on makes no camera watched."""


def list_told(store: Database, camera_id: str, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """Spans of [from_ms, to_ms) of which events tell that the camera was offline or footage was lost. Raises
    StoreError."""
    with store.sql_read("read what was told of a camera") as run:
        rows = run(
            "SELECT type, ts_ms, end_ms, payload FROM events WHERE source_id = :camera AND ts_ms >= :earliest "
            f"AND ts_ms < :latest AND type IN ({', '.join(repr(one) for one in TOLD_TYPES)})",
            camera=camera_id,
            earliest=from_ms - TOLD_FROM_MS,
            latest=to_ms + HOUR_MS,
        )
    spans = []
    for kind, ts_ms, end_ms, payload in rows:
        if kind == "camera_offline":
            spans.append((int(ts_ms), to_ms if end_ms is None else int(end_ms)))
            continue
        detail = json.loads(payload)
        begins, ends = detail.get("from_ms"), detail.get("to_ms")
        if isinstance(begins, int):
            spans.append((begins, ends if isinstance(ends, int) else int(ts_ms)))
    return [(start, end) for start, end in spans if start < to_ms and end > from_ms]


def count_rows(store: Database) -> dict[str, int]:
    """How many rows each of our tables has, by name. Raises StoreError."""
    with store.sql_read("count rows") as run:
        return {name: int(run(f'SELECT count(*) FROM "{name}"')[0][0]) for name in sorted(metadata.tables)}
