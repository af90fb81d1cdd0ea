"""Rows of recordings and stills. Plain SQL: see ``sql``.

Invariant: a row exists only for a file whose header is on the disk. The order that keeps it: ``reserve_numbers`` (row
of the camera, some numbers ahead), file and folder fsynced, ``add_file``, ``checkpoint_file``, ``close_file``. Records
are written meanwhile: they do not wait for the row (``record/row_writer.py``). After a crash between two steps: a
number that was reserved and not used is a gap; a file without a row is adopted, and one with an open row repaired, by
the next process of its camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.sql import Database, Run

Content = Literal["video", "still", "storyboard"]
FileState = Literal["open", "closed", "recovered", "damaged", "missing"]

NO_FILE = "V-DB-NO-FILE"
"""The code of the error for the end of a file whose row is gone."""

LONGEST_FILE_MS = 7_200_000
"""No recording is longer: a file ends after an hour at the latest, and the clock may be corrected while it is open."""

NO_LINK = bytes(32)
"""The previous link of a camera's first file (``format-vge.md``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What is known of a file when its header is on the disk. ``path`` is relative to the data folder. The row
    belongs to the box that runs the camera."""

    camera_id: str
    content: Content
    number: int
    path: str
    start_ms: int
    codec: str = ""
    width: int = 0
    height: int = 0
    has_audio: bool = False


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file. Times are UTC ms; ``end_ms`` of an open file is that of its last checkpoint, None before the first.

    ``checkpoint_record``, ``checkpoint_tag`` and ``checkpoint_offset`` name the last record known to be on the disk.
    """

    id: int
    camera_id: str
    content: Content
    number: int
    path: str
    state: FileState
    start_ms: int
    end_ms: int | None
    size_bytes: int
    plaintext_bytes: int
    record_count: int
    link: bytes | None
    reason: str | None
    checkpoint_record: int | None
    checkpoint_tag: bytes | None
    checkpoint_offset: int | None
    codec: str
    width: int
    height: int
    has_audio: bool


_NAMES = tuple(field.name for field in fields(FileRow))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM files"

_CHAINS = {
    "video": ("next_video_number", "video_link"),
    "still": ("next_still_number", "still_link"),
    "storyboard": ("next_storyboard_number", "storyboard_link"),
}
"""The camera's columns that count and chain files of each content."""


@dataclass(frozen=True, slots=True)
class StorageTotal:
    """What one camera's files of one content take. ``first_ms`` and ``last_ms`` are UTC ms."""

    camera_id: str
    content: Content
    file_count: int
    size_bytes: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where a camera's files of one content stand in the database: the number that was never reserved, and the link
    (32 bytes) of the newest closed file with its number, 0 when there is none."""

    next_number: int
    link: bytes = NO_LINK
    link_number: int = 0


def get_chain_end(store: Database, camera_id: str, content: Content) -> ChainEnd:
    """Raises StoreError (kind PERMANENT, exit NOT_FOUND) for an unknown camera. Waits for no writer."""
    number, link = _CHAINS[content]
    with store.sql_read(f"read the file numbers of {camera_id}") as run:
        rows = run(
            f"SELECT {number}, {link}, (SELECT max(number) FROM files WHERE camera_id = :id AND content = :content "
            "AND link IS NOT NULL), (SELECT number FROM deletions WHERE camera_id = :id AND content = :content "
            "AND link IS NOT NULL ORDER BY start_ms DESC LIMIT 1) FROM cameras WHERE id = :id",
            id=camera_id,
            content=content,
        )
    if not rows:
        raise _no_camera(camera_id)
    return ChainEnd(int(rows[0][0]), rows[0][1] or NO_LINK, max(int(rows[0][2] or 0), int(rows[0][3] or 0)))


def reserve_numbers(store: Database, camera_id: str, content: Content, count: int, at_least: int = 1) -> int:
    """Set ``count`` file numbers in a row aside for the caller, none below ``at_least``; the first of them.

    No number is ever given twice. Raises StoreError (kind PERMANENT, exit NOT_FOUND) for an unknown camera.
    """
    number, _link = _CHAINS[content]
    with store.sql_write(f"reserve file numbers for {camera_id}") as run:
        rows = run(
            f"UPDATE cameras SET {number} = :count + CASE WHEN {number} < :at_least THEN :at_least ELSE {number} END "
            f"WHERE id = :id RETURNING {number} - :count",
            id=camera_id,
            count=count,
            at_least=at_least,
        )
        if not rows:
            raise _no_camera(camera_id)
        return int(rows[0][0])


def _no_camera(camera_id: str) -> StoreError:
    return StoreError(f"there is no camera {camera_id}", exit_code=ExitCode.NOT_FOUND)


def add_file(store: Database, new: NewFile) -> int:
    """Store the row of a file whose header and folder are fsynced; its id. The file is ``open``.

    Its number may not have been reserved, when the database took nothing for long: from here on it is taken. A file
    that has its row already, because a rebuilt database got it from the file itself, keeps that one.
    """
    number, _link = _CHAINS[new.content]
    with store.sql_write(f"store file {new.path}") as run:
        run(
            f"UPDATE cameras SET {number} = :number + 1 WHERE id = :id AND {number} <= :number",
            id=new.camera_id,
            number=new.number,
        )
        rows = run(
            "INSERT INTO files (camera_id, content, number, path, state, start_ms, codec, width, height, has_audio, "
            "node_id) "
            "VALUES (:camera_id, :content, :number, :path, 'open', :start_ms, :codec, :width, :height, :has_audio, "
            "(SELECT node_id FROM cameras WHERE id = :camera_id)) "
            "ON CONFLICT (path) DO UPDATE SET path = excluded.path WHERE files.camera_id = excluded.camera_id "
            "AND files.content = excluded.content AND files.number = excluded.number RETURNING id",
            camera_id=new.camera_id,
            content=new.content,
            number=new.number,
            path=new.path,
            start_ms=new.start_ms,
            codec=new.codec,
            width=new.width,
            height=new.height,
            has_audio=int(new.has_audio),
        )
        if not rows:
            raise StoreError(f"{new.path} is another file's place", kind=ErrorKind.BUG)
        return int(rows[0][0])


def checkpoint_file(
    store: Database,
    file_id: int,
    *,
    record: int,
    tag: bytes,
    offset: int,
    end_ms: int,
    size_bytes: int,
    plaintext_bytes: int = 0,
) -> None:
    """Note the last record that is on the disk (after its fdatasync): the file may never again end before it."""
    with store.sql_write("store a checkpoint") as run:
        run(
            "UPDATE files SET checkpoint_record = :record, checkpoint_tag = :tag, checkpoint_offset = :offset, "
            "end_ms = :end_ms, size_bytes = :size_bytes, plaintext_bytes = :plaintext_bytes "
            "WHERE id = :id AND state = 'open'",
            id=file_id,
            record=record,
            tag=tag,
            offset=offset,
            end_ms=end_ms,
            size_bytes=size_bytes,
            plaintext_bytes=plaintext_bytes,
        )


def close_file(
    store: Database,
    file_id: int,
    *,
    state: Literal["closed", "recovered", "damaged"],
    end_ms: int,
    size_bytes: int,
    plaintext_bytes: int,
    record_count: int,
    link: bytes | None,
    reason: str | None,
    unless_closed: bool = False,
) -> bool:
    """Store that a file is finished; in the same transaction its link becomes the camera's newest. With
    ``unless_closed`` only as long as the row is open; whether it was stored.

    An older file that is recovered late does not take the place of a newer one's link. A closed file has no further
    use for its checkpoint, yet keeps it: the check compares the two.
    """
    which = " AND state = 'open'" if unless_closed else ""
    with store.sql_write("close a file") as run:
        rows = run(
            "UPDATE files SET state = :state, end_ms = :end_ms, size_bytes = :size_bytes, "
            "plaintext_bytes = :plaintext_bytes, record_count = :record_count, link = :link, reason = :reason "
            f"WHERE id = :id{which} RETURNING camera_id, content, number",
            id=file_id,
            state=state,
            end_ms=end_ms,
            size_bytes=size_bytes,
            plaintext_bytes=plaintext_bytes,
            record_count=record_count,
            link=link,
            reason=reason,
        )
        if not rows:
            if unless_closed and run("SELECT 1 FROM files WHERE id = :id", id=file_id):
                return False
            raise StoreError(f"there is no file {file_id}", kind=ErrorKind.PERMANENT, code=NO_FILE)
        if link is not None:
            camera_id, of_content, number = rows[0]
            set_newest_link(run, camera_id, of_content, number, link)
    return True


def set_newest_link(run: Run, camera_id: str, content: str, number: int, link: bytes) -> None:
    """File ``number`` is closed with ``link``, which the next file names unless a newer one is closed, too."""
    newest = run(
        "SELECT max(number) FROM files WHERE camera_id = :camera_id AND content = :content AND link IS NOT NULL "
        "UNION ALL SELECT max(number) FROM (SELECT number FROM deletions WHERE camera_id = :camera_id "
        "AND content = :content AND link IS NOT NULL ORDER BY start_ms DESC LIMIT 1) AS gone",
        camera_id=camera_id,
        content=content,
    )
    if number == max(found[0] or 0 for found in newest):
        _number, column = _CHAINS[content]
        run(f"UPDATE cameras SET {column} = :link WHERE id = :id", id=camera_id, link=link)


def mark_file(store: Database, file_id: int, state: Literal["damaged", "missing"], reason: str) -> None:
    """Store that a file was found damaged or is no longer there. The row stays, so the gap has a reason."""
    with store.sql_write("mark a file") as run:
        run("UPDATE files SET state = :state, reason = :reason WHERE id = :id", id=file_id, state=state, reason=reason)


def get_file(store: Database, file_id: int) -> FileRow | None:
    with store.sql_read("read files") as run:
        rows = run(f"{_SELECT} WHERE id = :id", id=file_id)
        return _file(rows[0]) if rows else None


def list_open_files(store: Database, camera_id: str) -> list[FileRow]:
    """The files of a camera that were never closed, oldest first: of this run, or left by a crash."""
    with store.sql_read("read files") as run:
        rows = run(f"{_SELECT} WHERE camera_id = :camera_id AND state = 'open' ORDER BY id", camera_id=camera_id)
        return [_file(row) for row in rows]


def find_files(
    store: Database, camera_id: str, content: Content, from_ms: int, to_ms: int, limit: int = 10_000
) -> list[FileRow]:
    """The files that hold anything of [from_ms, to_ms), in time order, open ones included, missing ones too."""
    # Three looks, each with an index of its own, and put in order here: joined into one statement they took four times
    # as long, and the last one read every older row of the camera.
    of_camera = "camera_id = :camera_id AND content = :content"
    values = {"camera_id": camera_id, "content": content, "from_ms": from_ms, "to_ms": to_ms, "limit": limit}
    with store.sql_read("read files") as run:
        rows = run(
            f"{_SELECT} WHERE {of_camera} AND start_ms >= :from_ms AND start_ms < :to_ms "
            "ORDER BY start_ms LIMIT :limit",
            **values,
        )
        rows += run(
            f"{_SELECT} WHERE {of_camera} AND start_ms >= :since_ms AND start_ms < :from_ms AND start_ms < :to_ms "
            "AND end_ms > :from_ms AND state <> 'open'",
            **values,
            since_ms=from_ms - LONGEST_FILE_MS,
        )
        rows += run(
            f"{_SELECT} WHERE id IN (SELECT id FROM files WHERE camera_id = :camera_id AND state = 'open') "
            "AND content = :content AND start_ms < :from_ms AND start_ms < :to_ms",
            **values,
        )
    rows.sort(key=_in_time)
    return [_file(row) for row in rows[:limit]]


def find_numbered(store: Database, camera_id: str, content: Content, first: int, last: int) -> list[FileRow]:
    """The files of a camera with these numbers that are there, in order."""
    with store.sql_read("read files") as run:
        rows = run(
            f"{_SELECT} WHERE camera_id = :camera_id AND content = :content AND number BETWEEN :first AND :last "
            "ORDER BY number",
            camera_id=camera_id,
            content=content,
            first=first,
            last=last,
        )
        return [_file(row) for row in rows]


def find_file_before(store: Database, camera_id: str, content: Content, at_ms: int) -> FileRow | None:
    """The last file of a camera that began before a time."""
    with store.sql_read("read files") as run:
        rows = run(
            f"{_SELECT} WHERE camera_id = :camera_id AND content = :content AND start_ms < :at_ms "
            "ORDER BY start_ms DESC, number DESC LIMIT 1",
            camera_id=camera_id,
            content=content,
            at_ms=at_ms,
        )
        return _file(rows[0]) if rows else None


def find_last_picture_ms(store: Database, camera_id: str) -> int | None:
    """UTC ms of the end of the newest recording of a camera, as far as its row knows it; None without any."""
    with store.sql_read("read files") as run:
        rows = run(
            "SELECT coalesce(end_ms, start_ms) FROM files WHERE camera_id = :camera_id AND content = 'video' "
            "ORDER BY start_ms DESC, number DESC LIMIT 1",
            camera_id=camera_id,
        )
        return int(rows[0][0]) if rows else None


def storage_totals(store: Database) -> list[StorageTotal]:
    """Sizes by camera and content, of all files that are still there."""
    with store.sql_read("read files") as run:
        rows = run(
            "SELECT camera_id, content, count(*), CAST(sum(size_bytes) AS BIGINT), min(start_ms), "
            "max(coalesce(end_ms, start_ms)) "
            "FROM files WHERE state <> 'missing' GROUP BY camera_id, content ORDER BY camera_id, content"
        )
        return [StorageTotal(*row) for row in rows]


_START, _NUMBER = _NAMES.index("start_ms"), _NAMES.index("number")


def _in_time(row: Sequence[Any]) -> tuple[int, int]:
    return row[_START], row[_NUMBER]


def _file(row: Sequence[Any]) -> FileRow:
    values = list(row)
    values[-1] = bool(values[-1])
    return FileRow(*values)  # by place: by name takes half as long again, and a day has hundreds
