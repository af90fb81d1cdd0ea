"""Rows of reels and time-lapses: what was asked for, what was made, and how long it stays. Plain SQL.

Both are jobs, and each has a row of ``reels`` beside that of ``jobs``. Unlike an export what they made is a copy: a
sealed file of its own, which needs the recordings no more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from vigilar.store.sql import Database, id_list

if TYPE_CHECKING:  # it brings SQLAlchemy, which the process that waits for jobs does without
    from vigilar.store.jobs import JobRow

REEL, TIMELAPSE = "reel", "timelapse"
KINDS = (REEL, TIMELAPSE)
"""The kinds of their jobs."""

Style = Literal["highlights", "everybody"]
STYLES: tuple[Style, ...] = ("highlights", "everybody")

LENGTHS_S = (10, 600)
"""The shortest and the longest that may be asked for."""

LIFE_MS = 30 * 24 * 3600 * 1000
"""How long what nobody keeps stays: as an export."""

SEAM_MS = 500
"""Footage that only touches what a film shows is none of it: where one recording ends and the next begins, their times
are read a packet apart."""

_DAY = "reels_day/"
"""Before the kind, a slash and the id of the box: the name of the row of ``counters`` with the newest house day, as
YYYYMMDD, of which a daily one was asked for. A row of its own, as one that somebody deleted is not made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelParams:
    """The params of a reel's job. Times are UTC ms; ``kinds`` as in events, None for all; ``clock``: with the house's
    time and the camera's name in the picture; ``without`` are events that were dropped by hand."""

    cameras: tuple[str, ...]
    from_ms: int
    to_ms: int
    length_s: int
    style: Style = "highlights"
    kinds: tuple[str, ...] | None = None
    clock: bool = True
    without: tuple[int, ...] = ()

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, job: JobRow) -> Self:
        held = dict(job.params)
        for key in ("cameras", "kinds", "without"):
            held[key] = None if held[key] is None else tuple(held[key])
        return cls(**held)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelapseParams:
    """The params of a time-lapse's job. Times are UTC ms; ``smart``: slower where there are events."""

    camera_id: str
    from_ms: int
    to_ms: int
    length_s: int
    smart: bool = True
    clock: bool = True

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, job: JobRow) -> Self:
        return cls(**job.params)


Params = ReelParams | TimelapseParams


def params_of(job: JobRow) -> Params:
    """Of a job of one of the two kinds."""
    return ReelParams.of(job) if job.kind == REEL else TimelapseParams.of(job)


@dataclass(frozen=True, slots=True)
class ReelRow:
    """What is known of it beside its job. ``day`` is the house's, of a daily one."""

    job_id: int
    is_kept: bool = False
    is_daily: bool = False
    day: str | None = None
    size_bytes: int = 0


def ends_ms(job: JobRow) -> int:
    """UTC ms at which it goes unless it is kept."""
    return job.created_ms + LIFE_MS


def add_reel(
    store: Database, *, node_id: str, params: Params, made_by: int | None, now_ms: int, day: str | None = None
) -> int:
    """The id of a new job, or of the same one that is not over yet. ``day``: it is the daily one of that day."""
    with store.sql_write("store a reel") as run:
        return _add(run, node_id, params, made_by, now_ms, day)


def add_daily(store: Database, node_id: str, wanted: Sequence[Params], day: str, now_ms: int, today: str) -> list[int]:
    """Ask for those of a house day (YYYY-MM-DD), all of one kind, if they were not asked for yet; their ids. Never a
    second time, though the first ones were deleted, and not for a day before the newest, unless that lies behind
    ``today``: then the clock was wrong."""
    kind = _kind(wanted[0])
    name, number, last = f"{_DAY}{kind}/{node_id}", _number(day), _number(today)
    with store.sql_write("store the reels of a day") as run:
        known = run("SELECT value FROM counters WHERE name = :name", name=name)
        if known and number <= int(known[0][0]) <= last:
            return []
        run(
            "INSERT INTO counters (name, value) VALUES (:name, :value) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name=name,
            value=number,
        )
        return [_add(run, node_id, one, None, now_ms, day) for one in wanted]


def _number(day: str) -> int:
    return int(day.replace("-", ""))


def _kind(params: Params) -> str:
    return REEL if isinstance(params, ReelParams) else TIMELAPSE


def _add(run: Any, node_id: str, params: Params, made_by: int | None, now_ms: int, day: str | None) -> int:
    kind, text = _kind(params), json.dumps(params.dump(), separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    known = run(
        "SELECT id FROM jobs WHERE node_id = :node_id AND kind = :kind AND params = :params "
        "AND state IN ('waiting', 'running') AND is_cancel_asked = 0 LIMIT 1",
        node_id=node_id,
        kind=kind,
        params=text,
    )
    if known:
        return int(known[0][0])
    (row,) = run(
        "INSERT INTO jobs (node_id, kind, params, state, made_by, created_ms, updated_ms) "
        "VALUES (:node_id, :kind, :params, 'waiting', :made_by, :now_ms, :now_ms) RETURNING id",
        node_id=node_id,
        kind=kind,
        params=text,
        made_by=made_by,
        now_ms=now_ms,
    )
    run(
        "INSERT INTO reels (job_id, is_daily, day) VALUES (:job_id, :is_daily, :day)",
        job_id=int(row[0]),
        is_daily=int(day is not None),
        day=day,
    )
    return int(row[0])


def find_rows(store: Database, job_ids: Sequence[int]) -> dict[int, ReelRow]:
    """The rows of these jobs, by id."""
    if not job_ids:
        return {}
    names, values = id_list("id", job_ids)
    with store.sql_read("read reels") as run:
        rows = run(f"SELECT job_id, is_kept, is_daily, day, size_bytes FROM reels WHERE job_id IN ({names})", **values)
    return {int(row[0]): ReelRow(int(row[0]), bool(row[1]), bool(row[2]), row[3], int(row[4])) for row in rows}


def keep_reel(store: Database, job_id: int, *, is_kept: bool) -> None:
    with store.sql_write("keep a reel") as run:
        run("UPDATE reels SET is_kept = :is_kept WHERE job_id = :job_id", is_kept=int(is_kept), job_id=job_id)


def note_size(store: Database, job_id: int, size_bytes: int) -> None:
    with store.sql_write("store how large a reel is") as run:
        run("UPDATE reels SET size_bytes = :size WHERE job_id = :job_id", size=size_bytes, job_id=job_id)


def sum_bytes(store: Database, node_id: str) -> int:
    """What all of the box take on its disk."""
    with store.sql_read("read reels") as run:
        rows = run(
            "SELECT CAST(coalesce(sum(r.size_bytes), 0) AS BIGINT) FROM reels AS r JOIN jobs AS j ON j.id = r.job_id "
            "WHERE j.node_id = :node_id",
            node_id=node_id,
        )
    return int(rows[0][0])


def forget_old(store: Database, node_id: str, made_until_ms: int) -> list[int]:
    """Forget those of the box that are over, were made until then and are not kept; which."""
    return _forget(
        store,
        "SELECT j.id FROM jobs AS j LEFT JOIN reels AS r ON r.job_id = j.id WHERE j.node_id = :node_id "
        "AND j.kind IN ('reel', 'timelapse') AND j.created_ms <= :until_ms "
        "AND j.state IN ('done', 'failed', 'cancelled') AND coalesce(r.is_kept, 0) = 0",
        node_id=node_id,
        until_ms=made_until_ms,
    )


def _forget(store: Database, which: str, **values: object) -> list[int]:
    with store.sql_read("look for reels whose time is over") as run:
        if not run(f"{which} LIMIT 1", **values):
            return []
    with store.sql_write("forget reels") as run:
        return sorted(int(row[0]) for row in run(f"DELETE FROM jobs WHERE id IN ({which}) RETURNING id", **values))


def films_stamp(store: Database, node_id: str) -> tuple[int, ...]:
    """Another one whenever a film was made or recordings were let go since; cheap to ask."""
    with store.sql_read("look at reels") as run:
        rows = run(
            "SELECT (SELECT count(*) FROM erasures), (SELECT count(*) FROM jobs WHERE node_id = :node_id "
            "AND kind IN ('reel', 'timelapse') AND state = 'done'), (SELECT coalesce(max(id), 0) FROM jobs)",
            node_id=node_id,
        )
    return tuple(map(int, rows[0]))


def find_erased(store: Database, node_id: str, job_id: int | None = None) -> set[int]:
    """Those of the box, or whether this one, which show footage that somebody let go, be it still there or not."""
    found: set[int] = set()
    with store.sql_read("look at reels") as run:
        if not run("SELECT 1 FROM erasures LIMIT 1"):
            return found
        rows = run(
            "SELECT id, result FROM jobs WHERE node_id = :node_id AND kind IN ('reel', 'timelapse') "
            "AND state = 'done' AND (:any_job = 1 OR id = :job_id)",
            node_id=node_id,
            any_job=int(job_id is None),
            job_id=job_id or 0,
        )
        for key, text in rows:
            for camera_id, from_ms, to_ms in json.loads(text).get("shows", ()):
                if run(
                    "SELECT 1 FROM erasures WHERE camera_id = :camera_id AND start_ms < :to_ms AND end_ms > :from_ms "
                    "LIMIT 1",
                    camera_id=camera_id,
                    from_ms=from_ms + SEAM_MS,
                    to_ms=to_ms - SEAM_MS,
                ):
                    found.add(int(key))
                    break
    return found


def forget_reels(store: Database, job_ids: Collection[int]) -> None:
    """Forget jobs that are done, with their rows."""
    with store.sql_write("forget reels") as run:
        for job_id in job_ids:
            run("DELETE FROM jobs WHERE id = :id AND state = 'done'", id=job_id)


def find_wanted(store: Database, job_ids: Collection[int]) -> set[int]:
    """Those of ``job_ids`` whose files are of use: they are to be made, or are done and hold something."""
    if not job_ids:
        return set()
    with store.sql_read("look at reels") as run:
        rows = run(
            "SELECT id FROM jobs WHERE id BETWEEN :first AND :last AND kind IN ('reel', 'timelapse') "
            "AND state NOT IN ('failed', 'cancelled')",
            first=min(job_ids),
            last=max(job_ids),
        )
    return {int(row[0]) for row in rows}.intersection(job_ids)
