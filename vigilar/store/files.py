"""Rows of recordings and stills.

Invariant: a row exists only for a file whose header is on the disk; a file without a row has a number below the
camera's next one. The order that keeps it: ``take_number`` (row of the camera), file and folder fsynced, ``add_file``,
records and ``checkpoint_file``, ``close_file``. After a crash between two steps: a number that was taken and not used
is a gap; a file without a row is an orphan for the check to find; an open row is recovered by its camera's process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.engine import Store
from vigilar.store.schema import cameras, files

Content = Literal["video", "still"]
FileState = Literal["open", "closed", "recovered", "damaged", "missing"]

NO_LINK = bytes(32)
"""The previous link of a camera's first file (``format-vge.md``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What is known of a file when its header is on the disk. ``path`` is relative to the data folder."""

    camera_id: str
    content: Content
    number: int
    path: str
    start_ms: int
    codec: str = ""
    width: int = 0
    height: int = 0
    has_audio: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True)
class StorageTotal:
    """What one camera's files of one content take. ``first_ms`` and ``last_ms`` are UTC ms."""

    camera_id: str
    content: Content
    file_count: int
    size_bytes: int
    first_ms: int
    last_ms: int


def take_number(store: Store, camera_id: str, content: Content) -> tuple[int, bytes]:
    """The next file number of a camera, never given twice, and the link of its newest closed file (32 bytes).

    Raises StoreError (kind PERMANENT, exit NOT_FOUND) for an unknown camera.
    """
    number, link = _chain(content)
    with store.write(f"take a file number for {camera_id}") as connection:
        row = connection.execute(
            update(cameras).where(cameras.c.id == camera_id).values({number: number + 1}).returning(number - 1, link)
        ).first()
        if row is None:
            raise StoreError(f"there is no camera {camera_id}", exit_code=ExitCode.NOT_FOUND)
        return int(row[0]), row[1] or NO_LINK


def add_file(store: Store, new: NewFile) -> int:
    """Store the row of a file whose header and folder are fsynced; its id. The file is ``open``."""
    with store.write(f"store file {new.path}") as connection:
        return int(
            connection.execute(
                insert(files)
                .values(
                    camera_id=new.camera_id,
                    content=new.content,
                    number=new.number,
                    path=new.path,
                    state="open",
                    start_ms=new.start_ms,
                    codec=new.codec,
                    width=new.width,
                    height=new.height,
                    has_audio=int(new.has_audio),
                )
                .returning(files.c.id)
            ).scalar_one()
        )


def checkpoint_file(
    store: Store,
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
    with store.write("store a checkpoint") as connection:
        connection.execute(
            update(files)
            .where(files.c.id == file_id, files.c.state == "open")
            .values(
                checkpoint_record=record,
                checkpoint_tag=tag,
                checkpoint_offset=offset,
                end_ms=end_ms,
                size_bytes=size_bytes,
                plaintext_bytes=plaintext_bytes,
            )
        )


def close_file(
    store: Store,
    file_id: int,
    *,
    state: Literal["closed", "recovered", "damaged"],
    end_ms: int,
    size_bytes: int,
    plaintext_bytes: int,
    record_count: int,
    link: bytes | None,
    reason: str | None,
) -> None:
    """Store that a file is finished; in the same transaction its link becomes the camera's newest.

    An older file that is recovered late does not take the place of a newer one's link. A closed file has no further
    use for its checkpoint, yet keeps it: the check compares the two.
    """
    with store.write("close a file") as connection:
        row = connection.execute(
            update(files)
            .where(files.c.id == file_id)
            .values(
                state=state,
                end_ms=end_ms,
                size_bytes=size_bytes,
                plaintext_bytes=plaintext_bytes,
                record_count=record_count,
                link=link,
                reason=reason,
            )
            .returning(files.c.camera_id, files.c.content, files.c.number)
        ).first()
        if row is None:
            raise StoreError(f"there is no file {file_id}", kind=ErrorKind.BUG)
        if link is not None:
            _set_newest_link(connection, row, link)


def _set_newest_link(connection: Connection, row: Row[Any], link: bytes) -> None:
    newest = connection.execute(
        select(func.max(files.c.number)).where(
            files.c.camera_id == row.camera_id, files.c.content == row.content, files.c.link.is_not(None)
        )
    ).scalar()
    if newest == row.number:
        _number, column = _chain(row.content)
        connection.execute(update(cameras).where(cameras.c.id == row.camera_id).values({column: link}))


def mark_file(store: Store, file_id: int, state: Literal["damaged", "missing"], reason: str) -> None:
    """Store that a file was found damaged or is no longer there. The row stays, so the gap has a reason."""
    with store.write("mark a file") as connection:
        connection.execute(update(files).where(files.c.id == file_id).values(state=state, reason=reason))


def get_file(store: Store, file_id: int) -> FileRow | None:
    with store.read("read files") as connection:
        row = connection.execute(select(files).where(files.c.id == file_id)).first()
        return None if row is None else _file(row)


def list_open_files(store: Store, camera_id: str) -> list[FileRow]:
    """The files of a camera that were never closed, oldest first: of this run, or left by a crash."""
    query = select(files).where(files.c.camera_id == camera_id, files.c.state == "open").order_by(files.c.id)
    with store.read("read files") as connection:
        return [_file(row) for row in connection.execute(query)]


def find_files(
    store: Store, camera_id: str, content: Content, from_ms: int, to_ms: int, limit: int = 10_000
) -> list[FileRow]:
    """The files that hold anything of [from_ms, to_ms), in time order, open ones included, missing ones too."""
    query = (
        select(files)
        .where(
            files.c.camera_id == camera_id,
            files.c.content == content,
            files.c.start_ms < to_ms,
            or_(files.c.end_ms > from_ms, files.c.state == "open", files.c.start_ms >= from_ms),
        )
        .order_by(files.c.start_ms, files.c.number)
        .limit(limit)
    )
    with store.read("read files") as connection:
        return [_file(row) for row in connection.execute(query)]


def storage_totals(store: Store) -> list[StorageTotal]:
    """Sizes by camera and content, of all files that are still there."""
    query = (
        select(
            files.c.camera_id,
            files.c.content,
            func.count(),
            func.sum(files.c.size_bytes),
            func.min(files.c.start_ms),
            func.max(func.coalesce(files.c.end_ms, files.c.start_ms)),
        )
        .where(files.c.state != "missing")
        .group_by(files.c.camera_id, files.c.content)
        .order_by(files.c.camera_id, files.c.content)
    )
    with store.read("read files") as connection:
        return [StorageTotal(*row) for row in connection.execute(query)]


def _chain(content: str) -> tuple[Any, Any]:
    """The camera's columns that count and chain files of ``content``."""
    if content == "still":
        return cameras.c.next_still_number, cameras.c.still_link
    return cameras.c.next_video_number, cameras.c.video_link


def _file(row: Row[Any]) -> FileRow:
    values = dict(row._mapping)
    values["has_audio"] = bool(values["has_audio"])
    return FileRow(**values)
