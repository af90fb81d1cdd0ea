"""Rows made from the files themselves, for recordings that have none. Plain SQL: see ``sql``.

Invariant: a file whose number is in the log of deletions gets no row: it is gone by a rule, or going.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vigilar.store.files import Content, NewFile, set_newest_link
from vigilar.store.sql import Database, Run


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that nobody writes any more, as it says itself. ``link`` is None for one without a true CLOSE."""

    new: NewFile
    state: Literal["closed", "recovered", "damaged"]
    reason: str
    end_ms: int
    size_bytes: int
    plaintext_bytes: int
    record_count: int
    link: bytes | None


@dataclass(frozen=True, slots=True)
class CameraFound:
    """A camera as its files tell: the id of 16 bytes in their headers, and the highest number of each content."""

    uuid: bytes
    highest: Mapping[str, int]


def count_files(store: Database, node_id: str) -> int:
    """How many files of the box have a row."""
    with store.sql_read("count files") as run:
        return int(run("SELECT count(*) FROM files WHERE node_id = :node_id", node_id=node_id)[0][0])


def note_camera(store: Database, node_id: str, camera_id: str, found: CameraFound, now_ms: int) -> None:
    """A row for a camera that has files and no row, as no longer configured; the plan of the house knows better."""
    numbers = {content: found.highest.get(content, 0) + 1 for content in ("video", "still", "storyboard")}
    with store.sql_write(f"store camera {camera_id}") as run:
        run(
            "INSERT INTO cameras (id, uuid, name, created_ms, removed_ms, node_id, next_video_number, "
            "next_still_number, next_storyboard_number) "
            "VALUES (:id, :uuid, :id, :now_ms, :now_ms, :node_id, :video, :still, :storyboard) ON CONFLICT DO NOTHING",
            id=camera_id,
            uuid=found.uuid,
            now_ms=now_ms,
            node_id=node_id,
            **numbers,
        )


def paths_with_row(store: Database, node_id: str, camera_id: str, content: Content) -> set[str]:
    """The paths of all files of a camera and content that have a row, or whose deletion was begun."""
    with store.sql_read("read files") as run:
        rows = [
            run(
                f"SELECT path FROM {table} WHERE node_id = :node_id AND camera_id = :camera_id AND content = :content",
                node_id=node_id,
                camera_id=camera_id,
                content=content,
            )
            for table in ("files", "deletions")
        ]
    return {path for found in rows for (path,) in found}


def add_whole_files(store: Database, files: Sequence[WholeFile]) -> int:
    """Give rows to these files, in one transaction; how many got one. Those whose path or number is taken, or deleted,
    are left out. All cameras have their rows."""
    added = 0
    with store.sql_write("take recordings in") as run:
        newest: dict[tuple[str, str], WholeFile] = {}
        for one in files:
            if _is_deleted(run, one.new) or not _add(run, one):
                continue
            added += 1
            key = (one.new.camera_id, one.new.content)
            if one.link is not None and (key not in newest or newest[key].new.number < one.new.number):
                newest[key] = one
        for (camera_id, content), one in newest.items():
            set_newest_link(run, camera_id, content, one.new.number, one.link or b"")
    return added


def _is_deleted(run: Run, new: NewFile) -> bool:
    return bool(
        run(
            "SELECT 1 FROM deletions WHERE camera_id = :camera_id AND content = :content AND number = :number LIMIT 1",
            camera_id=new.camera_id,
            content=new.content,
            number=new.number,
        )
    )


def _add(run: Run, one: WholeFile) -> bool:
    new = one.new
    number = f"next_{new.content}_number"
    run(
        f"UPDATE cameras SET {number} = :number + 1 WHERE id = :id AND {number} <= :number",
        id=new.camera_id,
        number=new.number,
    )
    rows = run(
        "INSERT INTO files (camera_id, content, number, path, state, start_ms, end_ms, size_bytes, plaintext_bytes, "
        "record_count, link, reason, codec, width, height, has_audio, node_id) "
        "VALUES (:camera_id, :content, :number, :path, :state, :start_ms, :end_ms, :size_bytes, :plaintext_bytes, "
        ":record_count, :link, :reason, :codec, :width, :height, :has_audio, "
        "(SELECT node_id FROM cameras WHERE id = :camera_id)) ON CONFLICT DO NOTHING RETURNING id",
        camera_id=new.camera_id,
        content=new.content,
        number=new.number,
        path=new.path,
        state=one.state,
        start_ms=new.start_ms,
        end_ms=one.end_ms,
        size_bytes=one.size_bytes,
        plaintext_bytes=one.plaintext_bytes,
        record_count=one.record_count,
        link=one.link,
        reason=one.reason,
        codec=new.codec,
        width=new.width,
        height=new.height,
        has_audio=int(new.has_audio),
    )
    return bool(rows)
