"""Rows of files as who compares them with the disk needs them, and the links that chain them. Plain SQL: see ``sql``.

Invariant of the chain: the previous link in a file's header is that of an earlier file of its camera and content, whose
link stands in ``files``, or in ``deletions`` when it went by a rule. A previous link that stands in neither is that of
a file which was removed by hand, row and all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from vigilar.store.deletions import Deletion
from vigilar.store.files import Content, FileRow
from vigilar.store.sql import Database, Run

_NAMES = tuple(field.name for field in fields(FileRow))
_SELECT = (
    f"SELECT {', '.join(f'f.{name}' for name in _NAMES)}, c.uuid FROM files f JOIN cameras c ON c.id = f.camera_id"
)
_SELECT_AND_BEFORE = (
    f"SELECT {', '.join(f'f.{name}' for name in _NAMES)}, c.uuid, n.before FROM (SELECT id, number, "
    "coalesce(lag(number) OVER (PARTITION BY camera_id, content ORDER BY number), 0) AS before FROM files) n "
    "JOIN files f ON f.id = n.id JOIN cameras c ON c.id = f.camera_id"
)
_GONE_NAMES = tuple(field.name for field in fields(Deletion))
_SELECT_GONE = f"SELECT {', '.join(_GONE_NAMES)} FROM deletions"

FOUND = "found "
"""How the reason of a row begins whose file was found to be missing, changed or damaged."""

TAKEN_IN = "taken in from the file"
"""How the reason of a row begins that was made of its file; behind it, why the file ended, where it says so."""

UNLINKED = "nothing is known of the file before"
"""Stands in the reason of a row that was taken in from its file, or kept when the log of deletions was lost: that the
file before has no row was told then, and says nothing later."""

NOT_RESTORED = "not in the backup"
"""The reason of a row that is missing because no copy of its file was brought back: nobody took it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file's row with the 16 bytes by which its camera is called in headers."""

    row: FileRow
    camera_uuid: bytes


def list_files_after(store: Database, node_id: str, after_id: int, limit: int = 500) -> list[Listed]:
    """Files of the box in the order of their rows, those behind ``after_id``."""
    with store.sql_read("read files") as run:
        rows = run(
            f"{_SELECT} WHERE f.node_id = :node_id AND f.id > :after_id ORDER BY f.id LIMIT :limit",
            node_id=node_id,
            after_id=after_id,
            limit=limit,
        )
        return [_listed(row) for row in rows]


def find_by_path(store: Database, node_id: str, path: str) -> Listed | None:
    """The row of the file that belongs at ``path``, relative to the data folder."""
    with store.sql_read("read files") as run:
        rows = run(f"{_SELECT} WHERE f.path = :path AND f.node_id = :node_id", path=path, node_id=node_id)
        return next((_listed(row) for row in rows), None)


def find_by_identity(store: Database, camera_uuid: bytes, contents: Sequence[str], number: int) -> Listed | None:
    """The row of the file whose header says this. Two contents share one word in headers, so several may be asked."""
    with store.sql_read("read files") as run:
        for content in contents:
            rows = run(
                f"{_SELECT} WHERE c.uuid = :uuid AND f.content = :content AND f.number = :number",
                uuid=camera_uuid,
                content=content,
                number=number,
            )
            if rows:
                return _listed(rows[0])
    return None


def find_link_number(store: Database, camera_id: str, content: Content, below: int, link: bytes) -> int | None:
    """The number of the file before ``below`` that was closed with ``link``, be it there or deleted by a rule."""
    values = {"camera_id": camera_id, "content": content, "below": below, "link": link}
    where = "WHERE camera_id = :camera_id AND content = :content AND number < :below AND link = :link"
    with store.sql_read("look for a link") as run:
        for table in ("files", "deletions"):
            rows = run(f"SELECT number FROM {table} {where} ORDER BY number DESC LIMIT 1", **values)
            if rows:
                return int(rows[0][0])
    return None


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the files of a camera and content below a number. ``number``, ``end_ms`` (UTC ms): the newest
    of them that was closed, be it there or deleted by a rule; when there is none, 0 and when the camera came to the
    house. ``unaccounted``: how many numbers behind it neither ``files`` nor ``deletions`` knows: never used, or taken
    out by hand."""

    number: int
    end_ms: int
    unaccounted: int


def find_before(store: Database, camera_id: str, content: Content, number: int) -> Before:
    """What lies before a file, at one moment."""
    values = {"camera_id": camera_id, "content": content, "below": number}
    where = "WHERE camera_id = :camera_id AND content = :content AND number < :below"
    with store.sql_read("look for the file before") as run:
        closed = [
            row
            for table in ("files", "deletions")
            for row in run(
                f"SELECT number, end_ms FROM {table} {where} AND link IS NOT NULL ORDER BY number DESC LIMIT 1",
                **values,
            )
        ]
        if not closed:
            closed = [(0, run("SELECT created_ms FROM cameras WHERE id = :id", id=camera_id)[0][0])]
        newest, end_ms = max(closed)
        known = {
            row[0]
            for table in ("files", "deletions")
            for row in run(f"SELECT number FROM {table} {where} AND number > :newest", **values, newest=newest)
        }
    return Before(int(newest), int(end_ms), number - 1 - int(newest) - len(known))


def find_start_after(store: Database, camera_id: str, content: Content, number: int) -> int | None:
    """UTC ms at which the first file behind a number began, be it deleted by a rule since; None without one."""
    with store.sql_read("look for the file behind") as run:
        found = [
            (int(row[0]), int(row[1]))
            for table in ("files", "deletions")
            for row in run(
                f"SELECT number, start_ms FROM {table} WHERE camera_id = :camera_id AND content = :content "
                "AND number > :number ORDER BY number LIMIT 1",
                camera_id=camera_id,
                content=content,
                number=number,
            )
        ]
    return min(found)[1] if found else None


def list_behind_gaps(store: Database, node_id: str) -> list[tuple[Listed, int]]:
    """The files of the box before which a number has no row, each with the number of the row before, 0 for none. So
    many at most as starts and deletions left gaps."""
    with store.sql_read("look for gaps in the numbers of files") as run:
        rows = run(
            f"{_SELECT_AND_BEFORE} WHERE f.node_id = :node_id AND n.number > n.before + 1 ORDER BY f.id",
            node_id=node_id,
        )
        return [(_listed(row), int(row[-1])) for row in rows]


def find_deletion(store: Database, node_id: str, path: str) -> Deletion | None:
    """The newest deletion of a file at ``path``."""
    with store.sql_read("read deletions") as run:
        rows = run(
            f"{_SELECT_GONE} WHERE node_id = :node_id AND path = :path ORDER BY id DESC LIMIT 1",
            node_id=node_id,
            path=path,
        )
        return next((_gone(row) for row in rows), None)


def list_deletions_after(store: Database, node_id: str, after_id: int, limit: int = 1000) -> list[Deletion]:
    """The log of deletions of a box in its order, behind the row ``after_id``."""
    with store.sql_read("read deletions") as run:
        rows = run(
            f"{_SELECT_GONE} WHERE node_id = :node_id AND id > :after_id ORDER BY id LIMIT :limit",
            node_id=node_id,
            after_id=after_id,
            limit=limit,
        )
        return [_gone(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Told:
    """A message for the events process of the box: see ``inbound``."""

    uid: str
    topic: str
    payload: bytes


def mark_found(
    store: Database,
    node_id: str,
    file_ids: Sequence[int],
    state: Literal["damaged", "missing"],
    verdict: str,
    tell: Callable[[list[int]], Told],
    now_ms: int,
) -> list[int]:
    """Store that finished files are not what they were, and in the same transaction the message about those of which
    that is new; their ids. A row's old reason stays behind the new one.

    Left out: files that are marked so already, that are being written, or that have no row any more.
    """
    reason = f"{FOUND}{verdict}"
    with store.sql_write("mark files") as run:
        marked = [file_id for file_id in file_ids if _mark(run, file_id, state, reason)]
        if marked:
            told = tell(marked)
            run(
                "INSERT INTO outbox (node_id, uid, topic, payload, created_ms) "
                "VALUES (:node_id, :uid, :topic, :payload, :now_ms) ON CONFLICT (uid, topic) DO NOTHING",
                node_id=node_id,
                uid=told.uid,
                topic=told.topic,
                payload=told.payload.decode("utf-8"),
                now_ms=now_ms,
            )
    return marked


def _mark(run: Run, file_id: int, state: str, reason: str) -> bool:
    rows = run(
        "UPDATE files SET state = :state, reason = CASE WHEN reason LIKE :pattern OR reason IS NULL THEN :reason "
        "ELSE :reason || '; ' || reason END WHERE id = :id AND state <> 'open' "
        "AND NOT (state = :state AND (coalesce(reason, '') LIKE :same OR reason = :not_restored)) RETURNING id",
        id=file_id,
        state=state,
        reason=reason,
        pattern=f"{FOUND}%",
        same=f"{reason}%",
        not_restored=NOT_RESTORED,
    )
    return bool(rows)


def note_unlinked(store: Database, file_ids: Sequence[int]) -> None:
    """Store of files that nothing is known of the one before, behind what their reason says already."""
    with store.sql_write("note what files follow") as run:
        for file_id in file_ids:
            run(
                "UPDATE files SET reason = coalesce(reason || '; ', '') || :unlinked WHERE id = :id",
                id=file_id,
                unlinked=UNLINKED,
            )


def mark_well(store: Database, file_id: int, *, is_recovered: bool, reason: str) -> None:
    """Store that a file which was found missing or changed is back, whole."""
    with store.sql_write("mark a file") as run:
        run(
            "UPDATE files SET state = :state, reason = :reason WHERE id = :id AND state IN ('missing', 'damaged')",
            id=file_id,
            state="recovered" if is_recovered else "closed",
            reason=reason,
        )


def count_found(store: Database, node_id: str) -> int:
    """Files of the box that were found missing, changed or damaged."""
    with store.sql_read("count files") as run:
        rows = run(
            "SELECT count(*) FROM files WHERE node_id = :node_id AND state IN ('missing', 'damaged') "
            "AND reason LIKE :pattern",
            node_id=node_id,
            pattern=f"{FOUND}%",
        )
        return int(rows[0][0])


def _listed(row: Sequence[Any]) -> Listed:
    values = dict(zip(_NAMES, row, strict=False))
    values["has_audio"] = bool(values["has_audio"])
    return Listed(FileRow(**values), bytes(row[len(_NAMES)]))


def _gone(row: Sequence[Any]) -> Deletion:
    return Deletion(**dict(zip(_GONE_NAMES, row, strict=True)))
