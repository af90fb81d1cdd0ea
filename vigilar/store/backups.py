"""Rows of backups: what lies at the target, what is still owed, how it went, what people asked for. Plain SQL.

Invariant: a row of ``backup_files`` exists only for what was read back at the target and was right. The order that
keeps it: bytes under a temporary name, synced, read back, renamed, then ``note_copy``. What was killed between the last
two is found at the target by the next run, read back, and gets its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from vigilar.store.spans import EventFootage, alarm_footage, kept_footage, told_footage
from vigilar.store.sql import Database, Run

BackupWork = Literal["copy", "check", "deep", "drill"]
"""``deep``: a check that reads each byte."""
RunState = Literal["running", "done", "failed", "stopped"]

HOUSE = "house"
"""The content of a copy of database and settings."""

_PAGE = 2000
"""Rows of files that are looked at in one transaction."""

MAX_RUNS = 500
"""Older ones of a box are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    """A file that lies at the target, verified. Times are UTC ms. ``sha256`` is of all its bytes there; ``link`` as in
    ``files``; ``is_proved``: all its tags were proved by its key when it was copied."""

    path: str
    content: str
    camera_id: str
    number: int
    start_ms: int
    end_ms: int
    size_bytes: int
    sha256: bytes
    link: bytes | None
    is_proved: bool
    verified_ms: int


_COPY = tuple(field.name for field in fields(CopyRow))
_SELECT_COPIES = f"SELECT {', '.join(_COPY)} FROM backup_files WHERE node_id = :node_id AND target_id = :target_id"


@dataclass(frozen=True, slots=True)
class Owed:
    """A file that is not at the target yet. The smallest ``rank`` goes first: 0 of what somebody keeps, 1 of alarms, 2
    of all else. ``end_ms`` is UTC ms."""

    rank: int
    file_id: int
    start_ms: int
    end_ms: int
    size_bytes: int

    @property
    def order(self) -> tuple[int, int]:
        """Newest first within a rank."""
        return self.rank, -self.start_ms


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are to be at the target. ``keep_ms`` None: as long as there is space. ``before_ms`` and ``after_ms``
    are kept around an event."""

    only_events: bool
    keep_ms: int | None
    before_ms: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class OwedList:
    """All that is owed, first to go first. ``up_to_ms``: all that was recorded before lies at the target (UTC ms)."""

    files: tuple[Owed, ...]
    up_to_ms: int

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """How the backup of a box stands; columns as in ``backup_tables``."""

    target: str = ""
    target_id: str = ""
    up_to_ms: int | None = None
    house_ms: int | None = None
    owed_count: int = 0
    owed_bytes: int = 0
    tried_ms: int | None = None
    drilled_ms: int | None = None
    drill_tried_ms: int | None = None
    problem: str = ""
    sentence: str = ""
    next_step: str = ""
    since_ms: int | None = None


_STATE = tuple(field.name for field in fields(StateRow))


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. Times are UTC ms."""

    id: int
    work: BackupWork
    state: RunState
    started_ms: int
    ended_ms: int | None
    file_count: int
    size_bytes: int
    sentence: str

    @property
    def was_killed(self) -> bool:
        """Nobody wrote its end: its process died. To be asked while none runs."""
        return self.state == "running" or (self.state == "stopped" and self.sentence == _KILLED)


_KILLED = "It was interrupted."


def list_owed(store: Database, node_id: str, target_id: str, wanted: Wanted, now_ms: int) -> OwedList:
    """What is wanted at the target and not there yet. Files that are being written are not owed yet, but nothing is
    said to be there beyond their beginning."""
    with store.sql_read("read what the backup owes") as run:
        kept = kept_footage(run, wanted.before_ms, wanted.after_ms, now_ms)
        alarms = alarm_footage(run, 0, wanted.before_ms, wanted.after_ms, now_ms)
        told = told_footage(run, wanted.before_ms, wanted.after_ms, now_ms) if wanted.only_events else None
    least_ms = None if wanted.keep_ms is None else now_ms - wanted.keep_ms
    found: list[Owed] = []
    up_to_ms = now_ms
    for file_id, camera_id, state, start_ms, end_ms, size_bytes in _pages(store, node_id, target_id):
        if told is not None and not told.holds(file_id, camera_id, start_ms, end_ms):
            continue
        is_kept = kept.holds(file_id, camera_id, start_ms, end_ms)
        if least_ms is not None and end_ms < least_ms and not is_kept:
            continue
        up_to_ms = min(up_to_ms, start_ms)
        if state != "open":
            rank = 0 if is_kept else 1 if alarms.holds(file_id, camera_id, start_ms, end_ms) else 2
            found.append(Owed(rank, file_id, start_ms, end_ms, size_bytes))
    return OwedList(tuple(sorted(found, key=lambda one: one.order)), up_to_ms)


def _pages(store: Database, node_id: str, target_id: str) -> Iterator[tuple[int, str, str, int, int, int]]:
    """Files of the box that are not at the target, in short transactions. ``end_ms`` of an open one is its newest."""
    last = 0
    while True:
        with store.sql_read("read what the backup owes") as run:
            rows = run(
                "SELECT f.id, f.camera_id, f.state, f.start_ms, coalesce(f.end_ms, f.start_ms), f.size_bytes "
                "FROM files AS f WHERE f.node_id = :node_id AND f.id > :last AND f.state <> 'missing' "
                "AND NOT EXISTS (SELECT 1 FROM backup_files AS b WHERE b.node_id = :node_id "
                "AND b.target_id = :target_id AND b.path = f.path) ORDER BY f.id LIMIT :page",
                node_id=node_id,
                target_id=target_id,
                last=last,
                page=_PAGE,
            )
        yield from ((int(a), str(b), str(c), int(d), int(e), int(f)) for a, b, c, d, e, f in rows)
        if len(rows) < _PAGE:
            return
        last = int(rows[-1][0])


def note_copy(store: Database, node_id: str, target_id: str, copy: CopyRow) -> None:
    """The file lies at the target under its name, and was read back."""
    names = ("node_id", "target_id", *_COPY)
    values = {name: getattr(copy, name) for name in _COPY} | {"is_proved": int(copy.is_proved)}
    with store.sql_write("note a copy") as run:
        run(
            f"INSERT INTO backup_files ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "
            "ON CONFLICT (node_id, target_id, path) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in _COPY if name != "path"),
            node_id=node_id,
            target_id=target_id,
            **values,
        )


def forget_copy(store: Database, node_id: str, target_id: str, path: str) -> None:
    """It does not lie at the target any more, or not as it should."""
    with store.sql_write("forget a copy") as run:
        run(
            "DELETE FROM backup_files WHERE node_id = :node_id AND target_id = :target_id AND path = :path",
            node_id=node_id,
            target_id=target_id,
            path=path,
        )


def count_copies(store: Database, node_id: str, target_id: str) -> tuple[int, int]:
    """Files at the target, and their bytes."""
    with store.sql_read("read copies") as run:
        rows = run(
            "SELECT count(*), CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM backup_files "
            "WHERE node_id = :node_id AND target_id = :target_id",
            node_id=node_id,
            target_id=target_id,
        )
        return int(rows[0][0]), int(rows[0][1])


def list_copies(store: Database, node_id: str, target_id: str, *, after: str = "", limit: int = _PAGE) -> list[CopyRow]:
    """Copies in the order of their paths, behind the path ``after``."""
    with store.sql_read("read copies") as run:
        rows = run(
            f"{_SELECT_COPIES} AND path > :after ORDER BY path LIMIT :limit",
            node_id=node_id,
            target_id=target_id,
            after=after,
            limit=limit,
        )
        return [_copy(row) for row in rows]


def list_houses(store: Database, node_id: str, target_id: str) -> list[CopyRow]:
    """Copies of database and settings, newest first."""
    with store.sql_read("read copies") as run:
        rows = run(
            f"{_SELECT_COPIES} AND content = :house ORDER BY number DESC",
            node_id=node_id,
            target_id=target_id,
            house=HOUSE,
        )
        return [_copy(row) for row in rows]


def list_unseen(store: Database, node_id: str, target_id: str, before_ms: int, limit: int) -> list[CopyRow]:
    """Copies whose bytes were last read back before a time, the longest ago first."""
    with store.sql_read("read copies") as run:
        rows = run(
            f"{_SELECT_COPIES} AND verified_ms < :before_ms ORDER BY verified_ms, path LIMIT :limit",
            node_id=node_id,
            target_id=target_id,
            before_ms=before_ms,
            limit=limit,
        )
        return [_copy(row) for row in rows]


def sample_copies(store: Database, node_id: str, target_id: str, count: int) -> list[CopyRow]:
    """Copies of recordings: the oldest, the newest, and others by chance, ``count`` at most."""
    of_recordings = f"{_SELECT_COPIES} AND content <> :house"
    with store.sql_read("pick copies") as run:
        found: dict[str, CopyRow] = {}
        for order, limit in (("start_ms, path", 1), ("start_ms DESC, path DESC", 1), ("random()", count)):
            rows = run(
                f"{of_recordings} ORDER BY {order} LIMIT :limit",
                node_id=node_id,
                target_id=target_id,
                house=HOUSE,
                limit=limit,
            )
            found |= {copy.path: copy for copy in map(_copy, rows)}
    return list(found.values())[:count]


def list_over(store: Database, node_id: str, target_id: str, wanted: Wanted, now_ms: int) -> list[CopyRow]:
    """Copies of recordings that are older than copies are kept, and of nothing that somebody keeps; oldest first."""
    if wanted.keep_ms is None:
        return []
    with store.sql_read("read copies that are over") as run:
        kept = kept_footage(run, wanted.before_ms, wanted.after_ms, now_ms)
        rows = run(
            f"{_SELECT_COPIES} AND end_ms < :least_ms AND content <> :house ORDER BY start_ms, path",
            node_id=node_id,
            target_id=target_id,
            least_ms=now_ms - wanted.keep_ms,
            house=HOUSE,
        )
        stills = _paths_of(run, kept)
    found = [_copy(row) for row in rows]
    return [
        one
        for one in found
        if one.path not in stills and not kept.spans.touches(one.camera_id, one.start_ms, one.end_ms)
    ]


def _paths_of(run: Run, footage: EventFootage) -> frozenset[str]:
    """Where the pictures of the events lie."""
    rows = run("SELECT f.id, f.path FROM files AS f JOIN events AS e ON e.still_id = f.id WHERE e.kept = 1")
    return frozenset(str(path) for file_id, path in rows if int(file_id) in footage.still_ids)


def find_state(store: Database, node_id: str) -> StateRow | None:
    """None for a box that has never made a backup."""
    with store.sql_read("read how the backup stands") as run:
        return state_within(run, node_id)


def state_within(run: Run, node_id: str) -> StateRow | None:
    """The same, within a transaction."""
    rows = run(f"SELECT {', '.join(_STATE)} FROM backup_state WHERE node_id = :node_id", node_id=node_id)
    return StateRow(**dict(zip(_STATE, rows[0], strict=True))) if rows else None


def change_state(store: Database, node_id: str, **changes: Any) -> StateRow:
    """Store how the backup stands; what is not named stays. Gives the whole."""
    with store.sql_write("note how the backup stands") as run:
        changed = replace(state_within(run, node_id) or StateRow(), **changes)
        run(
            f"INSERT INTO backup_state (node_id, {', '.join(_STATE)}) "
            f"VALUES (:node_id, {', '.join(f':{name}' for name in _STATE)}) "
            f"ON CONFLICT (node_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _STATE)}",
            node_id=node_id,
            **{name: getattr(changed, name) for name in _STATE},
        )
        return changed


def begin_run(store: Database, node_id: str, target_id: str, work: BackupWork, now_ms: int) -> int:
    """A run begins; its id. One that was killed is not running any more, and is said to have been stopped."""
    with store.sql_write("note a run of the backup") as run:
        run(
            "UPDATE backup_runs SET state = 'stopped', ended_ms = :now_ms, sentence = :killed "
            "WHERE node_id = :node_id AND state = 'running'",
            node_id=node_id,
            now_ms=now_ms,
            killed=_KILLED,
        )
        run(
            "DELETE FROM backup_runs WHERE node_id = :node_id AND id < (SELECT min(id) FROM (SELECT id "
            "FROM backup_runs WHERE node_id = :node_id ORDER BY id DESC LIMIT :most) AS newest)",
            node_id=node_id,
            most=MAX_RUNS,
        )
        rows = run(
            "INSERT INTO backup_runs (node_id, target_id, work, state, started_ms) "
            "VALUES (:node_id, :target_id, :work, 'running', :now_ms) RETURNING id",
            node_id=node_id,
            target_id=target_id,
            work=work,
            now_ms=now_ms,
        )
        return int(rows[0][0])


def end_run(
    store: Database, run_id: int, state: RunState, now_ms: int, *, file_count: int, size_bytes: int, sentence: str
) -> None:
    with store.sql_write("note a run of the backup") as run:
        run(
            "UPDATE backup_runs SET state = :state, ended_ms = :now_ms, file_count = :file_count, "
            "size_bytes = :size_bytes, sentence = :sentence WHERE id = :id",
            state=state,
            now_ms=now_ms,
            file_count=file_count,
            size_bytes=size_bytes,
            sentence=sentence,
            id=run_id,
        )


def list_runs(store: Database, node_id: str, limit: int = 20) -> list[RunRow]:
    """Newest first."""
    with store.sql_read("read runs of the backup") as run:
        rows = run(
            "SELECT id, work, state, started_ms, ended_ms, file_count, size_bytes, sentence FROM backup_runs "
            "WHERE node_id = :node_id ORDER BY id DESC LIMIT :limit",
            node_id=node_id,
            limit=limit,
        )
        return [RunRow(*row) for row in rows]


def find_run(store: Database, node_id: str, work: BackupWork, after_id: int) -> RunRow | None:
    """The first run of a kind of work behind another."""
    found = [one for one in list_runs(store, node_id, 100) if one.work == work and one.id > after_id]
    return found[-1] if found else None


def ask(store: Database, node_id: str, work: BackupWork, now_ms: int) -> None:
    """A person wants it done now. Asking twice is asking once."""
    with store.sql_write("ask for a backup") as run:
        run(
            "INSERT INTO backup_asks (node_id, work, asked_ms) VALUES (:node_id, :work, :now_ms) "
            "ON CONFLICT (node_id, work) DO NOTHING",
            node_id=node_id,
            work=work,
            now_ms=now_ms,
        )


def list_asked(store: Database, node_id: str) -> list[BackupWork]:
    """What people want done, in the order in which they asked."""
    with store.sql_read("read what is asked of the backup") as run:
        rows = run("SELECT work FROM backup_asks WHERE node_id = :node_id ORDER BY asked_ms, work", node_id=node_id)
        return [row[0] for row in rows]


def take_asked(store: Database, node_id: str, work: BackupWork) -> None:
    """It is being done."""
    with store.sql_write("take what is asked of the backup") as run:
        run("DELETE FROM backup_asks WHERE node_id = :node_id AND work = :work", node_id=node_id, work=work)


def _copy(row: tuple[Any, ...]) -> CopyRow:
    values = dict(zip(_COPY, row, strict=True))
    values["is_proved"] = bool(values["is_proved"])
    values["sha256"] = bytes(values["sha256"])
    return CopyRow(**values)
