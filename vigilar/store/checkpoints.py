"""Signed checkpoints, and what they state of the database at one moment. Plain SQL: see ``sql``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from vigilar.store.files import Content
from vigilar.store.sql import Database


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A row. ``created_ms`` is UTC ms; ``signature`` 64 bytes over ``body`` in UTF-8."""

    created_ms: int
    body: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChainTip:
    """The newest closed file of a camera and content, be it there or deleted by a rule since."""

    camera_id: str
    content: Content
    number: int
    link: bytes


@dataclass(frozen=True, slots=True)
class HistoryState:
    """Where all that only grows stands. ``deletion_hash`` is that of the newest deletion, None before the first."""

    tips: tuple[ChainTip, ...]
    deletion_hash: bytes | None
    event_change: int


_TIPS = (
    "SELECT camera_id, content, number, link FROM {table} t WHERE node_id = :node_id AND link IS NOT NULL "
    "AND number = (SELECT max(number) FROM {table} WHERE camera_id = t.camera_id AND content = t.content "
    "AND link IS NOT NULL)"
)


def read_history(store: Database, node_id: str) -> HistoryState:
    """The state of the box at one moment."""
    with store.sql_read("read what a checkpoint states") as run:
        tips: dict[tuple[str, str], ChainTip] = {}
        for table in ("deletions", "files"):
            for camera_id, content, number, link in run(_TIPS.format(table=table), node_id=node_id):
                known = tips.get((camera_id, content))
                if known is None or number > known.number:
                    tips[camera_id, content] = ChainTip(camera_id, content, int(number), bytes(link))
        newest = run("SELECT hash FROM deletions WHERE node_id = :node_id ORDER BY id DESC LIMIT 1", node_id=node_id)
        change = run("SELECT value FROM counters WHERE name = 'event_change'")
    ordered = tuple(tips[key] for key in sorted(tips))
    return HistoryState(ordered, bytes(newest[0][0]) if newest else None, int(change[0][0]) if change else 0)


def list_newest_files(store: Database, node_id: str) -> tuple[ChainTip, ...]:
    """The newest closed file of each camera and content of those that are there; costs the same however many are."""
    with store.sql_read("look for the newest files") as run:
        return tuple(
            ChainTip(camera_id, content, int(number), bytes(link))
            for (camera_id,) in run("SELECT id FROM cameras WHERE node_id = :node_id", node_id=node_id)
            for content in get_args(Content)
            for number, link in run(
                "SELECT number, link FROM files WHERE camera_id = :camera_id AND content = :content "
                "AND link IS NOT NULL ORDER BY number DESC LIMIT 1",
                camera_id=camera_id,
                content=content,
            )
        )


def find_link(store: Database, camera_id: str, content: str, number: int) -> bytes | None:
    """The link with which a file was closed, be it there or deleted by a rule; None when neither knows of it."""
    with store.sql_read("look for a file") as run:
        for table in ("files", "deletions"):
            rows = run(
                f"SELECT link FROM {table} WHERE camera_id = :camera_id AND content = :content AND number = :number "
                "AND link IS NOT NULL",
                camera_id=camera_id,
                content=content,
                number=number,
            )
            if rows:
                return bytes(rows[0][0])
    return None


def has_deletion(store: Database, node_id: str, deletion_hash: bytes) -> bool:
    """Whether the log of deletions holds the row with that hash."""
    with store.sql_read("read deletions") as run:
        return bool(
            run(
                "SELECT 1 FROM deletions WHERE node_id = :node_id AND hash = :hash LIMIT 1",
                node_id=node_id,
                hash=deletion_hash,
            )
        )


def add_checkpoint(store: Database, node_id: str, made: StoredCheckpoint) -> None:
    """Store a checkpoint; on the disk when this returns."""
    with store.sql_write("store a signed checkpoint") as run:
        run(
            "INSERT INTO checkpoints (node_id, created_ms, body, signature) "
            "VALUES (:node_id, :created_ms, :body, :signature)",
            node_id=node_id,
            created_ms=made.created_ms,
            body=made.body,
            signature=made.signature,
        )


def has_checkpoint(store: Database, node_id: str, signature: bytes) -> bool:
    """Whether the box stored a checkpoint with that signature."""
    with store.sql_read("read checkpoints") as run:
        return bool(
            run(
                "SELECT 1 FROM checkpoints WHERE node_id = :node_id AND signature = :signature LIMIT 1",
                node_id=node_id,
                signature=signature,
            )
        )


def checkpoints_since(store: Database, node_id: str, since_ms: int, limit: int) -> list[StoredCheckpoint]:
    """The first ``limit`` checkpoints that the box made at ``since_ms`` (UTC ms) or later, in their order."""
    with store.sql_read("read checkpoints") as run:
        rows = run(
            "SELECT created_ms, body, signature FROM checkpoints WHERE node_id = :node_id AND created_ms >= :since_ms "
            "ORDER BY id LIMIT :limit",
            node_id=node_id,
            since_ms=since_ms,
            limit=limit,
        )
        return [StoredCheckpoint(int(row[0]), row[1], bytes(row[2])) for row in rows]


def newest_checkpoint(store: Database, node_id: str) -> StoredCheckpoint | None:
    """The checkpoint that the box stored last."""
    with store.sql_read("read checkpoints") as run:
        rows = run(
            "SELECT created_ms, body, signature FROM checkpoints WHERE node_id = :node_id ORDER BY id DESC LIMIT 1",
            node_id=node_id,
        )
        return next((StoredCheckpoint(int(row[0]), row[1], bytes(row[2])) for row in rows), None)
