"""What a box holds, as retention looks at it: its recordings, what they take, and how much comes in a day. Plain SQL.

Also the owner's word for a large deletion, which pages and commands give and the upkeep process uses up.
"""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.store.deletions import KeptAround
from vigilar.store.files import LONGEST_FILE_MS
from vigilar.store.spans import OF_ALL_CAMERAS
from vigilar.store.sql import Database, Run

_WORD = "retention_word/"
"""Before the id of the box: the name of the row of ``counters`` with the bytes that may go by a person's word."""

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Video:
    """A recording that is not open. Times are UTC ms."""

    id: int
    camera_id: str
    start_ms: int
    end_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Other:
    """What one camera takes beside closed recordings, in bytes: pictures, and files that are open."""

    camera_id: str
    size_bytes: int


_ENDS = "coalesce(end_ms, start_ms)"


def list_videos(run: Run, node_id: str) -> list[Video]:
    """The box's recordings, oldest first, open ones left out. 30,000 (4 TB) take about 60 ms."""
    rows = run(
        f"SELECT id, camera_id, start_ms, {_ENDS}, size_bytes FROM files "
        "WHERE node_id = :node_id AND content = 'video' AND state <> 'open' ORDER BY start_ms, id",
        node_id=node_id,
    )
    return [Video(*row) for row in rows]


def list_others(run: Run, node_id: str) -> list[Other]:
    """What else each camera of the box takes."""
    rows = run(
        "SELECT camera_id, CAST(sum(size_bytes) AS BIGINT) FROM files "
        "WHERE node_id = :node_id AND (content <> 'video' OR state = 'open') GROUP BY camera_id",
        node_id=node_id,
    )
    return [Other(*row) for row in rows]


def list_oldest(run: Run, node_id: str) -> dict[str, int]:
    """Camera -> UTC ms at which its oldest recording begins, one that is being written included."""
    rows = run(
        "SELECT camera_id, min(start_ms) FROM files WHERE node_id = :node_id AND content = 'video' GROUP BY camera_id",
        node_id=node_id,
    )
    return dict(rows)


def find_bare_pictures(
    store: Database, node_id: str, camera_id: str, until_ms: int, around: KeptAround, now_ms: int, limit: int
) -> list[int]:
    """Stills and storyboards of a camera that end at ``until_ms`` at the latest and of whose moment no recording is
    left: their ids, oldest first. Those of events that somebody keeps are left out."""
    which = "f.start_ms <= :until_ms AND coalesce(f.end_ms, f.start_ms) <= :until_ms"
    return _find_bare(store, node_id, camera_id, which, around, now_ms, limit, until_ms=until_ms)


def find_pictures_of(
    store: Database, node_id: str, camera_id: str, from_ms: int, to_ms: int, around: KeptAround, now_ms: int, limit: int
) -> list[int]:
    """The same of those that hold anything of [from_ms, to_ms]."""
    which = "f.start_ms BETWEEN :least_ms AND :to_ms AND coalesce(f.end_ms, f.start_ms) >= :from_ms"
    values = {"least_ms": from_ms - LONGEST_FILE_MS, "from_ms": from_ms, "to_ms": to_ms}
    return _find_bare(store, node_id, camera_id, which, around, now_ms, limit, **values)


def has_open_pictures(store: Database, node_id: str, camera_id: str, from_ms: int, to_ms: int) -> bool:
    """Whether a storyboard or a still is being written that may hold something of [from_ms, to_ms]."""
    with store.sql_read("read pictures") as run:
        rows = run(
            "SELECT 1 FROM files WHERE camera_id = :camera_id AND content IN ('still', 'storyboard') "
            "AND state = 'open' AND node_id = :node_id AND start_ms BETWEEN :least_ms AND :to_ms LIMIT 1",
            camera_id=camera_id,
            node_id=node_id,
            least_ms=from_ms - LONGEST_FILE_MS,
            to_ms=to_ms,
        )
        return bool(rows)


def _find_bare(
    store: Database,
    node_id: str,
    camera_id: str,
    which: str,
    around: KeptAround,
    now_ms: int,
    limit: int,
    **values: int,
) -> list[int]:
    with store.sql_read("read pictures") as run:
        rows = run(
            "SELECT f.id FROM files AS f WHERE f.camera_id = :camera_id AND f.content IN ('still', 'storyboard') "
            f"AND {which} AND f.node_id = :node_id AND f.state <> 'open' "
            "AND NOT EXISTS (SELECT 1 FROM files AS v WHERE v.camera_id = f.camera_id AND v.content = 'video' "
            "AND v.start_ms <= coalesce(f.end_ms, f.start_ms) AND v.start_ms >= f.start_ms - :longest_ms "
            "AND (coalesce(v.end_ms, v.start_ms) >= f.start_ms OR v.state = 'open')) "
            "AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.kept = 1 "
            f"AND (e.source_id = f.camera_id OR e.{OF_ALL_CAMERAS}) "
            "AND e.ts_ms - :before_ms <= coalesce(f.end_ms, f.start_ms) AND :after_ms + "
            "coalesce(e.end_ms, CASE WHEN e.type IN ('motion', 'alarm') THEN :now_ms ELSE e.ts_ms END) > f.start_ms) "
            "AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.kept = 1 AND e.still_id = f.id) "
            "ORDER BY f.start_ms, f.id LIMIT :limit",
            node_id=node_id,
            camera_id=camera_id,
            longest_ms=LONGEST_FILE_MS,
            before_ms=around.before_ms,
            after_ms=around.after_ms,
            now_ms=now_ms,
            limit=limit,
            **values,
        )
        return [int(row[0]) for row in rows]


@dataclass(frozen=True, slots=True)
class DaySum:
    """What came from one camera on one day of UTC, deleted since or not. ``first_ms`` and ``last_ms``: UTC ms."""

    camera_id: str
    day: int
    size_bytes: int
    first_ms: int
    last_ms: int


def list_days(store: Database, node_id: str, since_ms: int) -> list[DaySum]:
    """What came in each day since ``since_ms``, the day of ``since_ms`` from there on."""
    with store.sql_read("read what comes in a day") as run:
        rows = run(
            "SELECT camera_id, day, CAST(sum(size_bytes) AS BIGINT), min(start_ms), max(end_ms) FROM ("
            f"SELECT camera_id, start_ms / {DAY_MS} AS day, size_bytes, start_ms, {_ENDS} AS end_ms FROM files "
            "WHERE node_id = :node_id AND start_ms >= :since_ms UNION ALL "
            f"SELECT camera_id, start_ms / {DAY_MS} AS day, size_bytes, start_ms, end_ms FROM deletions "
            "WHERE node_id = :node_id AND created_ms >= :since_ms AND start_ms >= :since_ms) AS came "
            "GROUP BY camera_id, day ORDER BY camera_id, day",
            node_id=node_id,
            since_ms=since_ms,
        )
        return [DaySum(*row) for row in rows]


def give_word(store: Database, node_id: str, size_bytes: int) -> None:
    """A person lets ``size_bytes`` go, in place of any earlier word."""
    with store.sql_write("store your word") as run:
        run(
            "INSERT INTO counters (name, value) VALUES (:name, :value) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name=_WORD + node_id,
            value=size_bytes,
        )


def find_word(store: Database, node_id: str) -> int:
    """The bytes that may go by a person's word; 0 without one."""
    with store.sql_read("read the owner's word") as run:
        rows = run("SELECT value FROM counters WHERE name = :name", name=_WORD + node_id)
        return int(rows[0][0]) if rows else 0


def use_word(store: Database, node_id: str, size_bytes: int) -> None:
    """The word for ``size_bytes`` was kept. One that was given meanwhile stays."""
    with store.sql_write("use up the owner's word") as run:
        run("DELETE FROM counters WHERE name = :name AND value = :value", name=_WORD + node_id, value=size_bytes)
