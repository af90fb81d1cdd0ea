"""Rows of cameras: identity, name, file numbers and the chain of links. Plain SQL: see ``sql``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from vigilar.base.errors import ExitCode, StoreError
from vigilar.store.sql import Database, Run

_COLUMNS = "id, uuid, name, created_ms, removed_ms, node_id"

CAMERA_ELSEWHERE = "V-CAMERA-ELSEWHERE"
"""The code of the error for a camera whose id belongs to another box."""


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera. ``uuid`` is 16 random bytes made once; ``removed_ms`` is None while it is configured; ``node_id`` is
    the box that runs it (``nodes``), empty for none."""

    id: str
    uuid: bytes
    name: str
    created_ms: int
    removed_ms: int | None
    node_id: str


def ensure_camera(store: Database, camera_id: str, name: str, now_ms: int, node_id: str = "") -> CameraRow:
    """The row of a camera of the box ``node_id``: made if new, brought back if it was removed, renamed if its name
    changed, claimed if it belonged to no box. Without ``node_id`` the row keeps its owner.

    Footage of a removed camera keeps its row, so the uuid stays the same when the camera comes back. Raises StoreError
    (code CAMERA_ELSEWHERE) when another box has a camera of that id, also a removed one: its files are named so.
    """
    found = get_camera(store, camera_id)
    is_same = found is not None and found.name == name and found.removed_ms is None
    if found is not None and is_same and node_id in ("", found.node_id):
        return found
    with store.sql_write(f"store camera {camera_id}") as run:
        rows = _store(run, camera_id, name, now_ms, node_id)
    if not rows:
        raise StoreError(
            f"another box of this house has a camera with the id {camera_id}",
            next_step=f"Give this camera another id than {camera_id}, on one of the two boxes.",
            code=CAMERA_ELSEWHERE,
            exit_code=ExitCode.CONFIG,
        )
    return CameraRow(*rows[0])


def _store(run: Run, camera_id: str, name: str, now_ms: int, node_id: str) -> list[tuple[Any, ...]]:
    """The row as it is then; none when it is another box's.

    Neither an upsert nor RETURNING with the insertion: for both SQLite looks through every table that refers to
    cameras, and a camera's process may not (``reach``).
    """
    owned = run("SELECT node_id FROM cameras WHERE id = :id", id=camera_id)
    owner = str(owned[0][0]) if owned else node_id
    if node_id and owner not in ("", node_id):
        return []
    if owned:
        run(
            "UPDATE cameras SET name = :name, removed_ms = NULL, node_id = :owner WHERE id = :id",
            id=camera_id,
            name=name,
            owner=node_id or owner,
        )
    else:
        run(
            "INSERT INTO cameras (id, uuid, name, created_ms, node_id) VALUES (:id, :uuid, :name, :now_ms, :node_id)",
            id=camera_id,
            uuid=os.urandom(16),
            name=name,
            now_ms=now_ms,
            node_id=node_id,
        )
    return run(f"SELECT {_COLUMNS} FROM cameras WHERE id = :id", id=camera_id)


def get_camera(store: Database, camera_id: str) -> CameraRow | None:
    with store.sql_read("read cameras") as run:
        rows = run(f"SELECT {_COLUMNS} FROM cameras WHERE id = :id", id=camera_id)
        return CameraRow(*rows[0]) if rows else None


def list_cameras(store: Database, *, with_removed: bool = False) -> list[CameraRow]:
    """The cameras of all boxes by name; ``with_removed`` also those no longer configured, which may have footage."""
    which = "" if with_removed else "WHERE removed_ms IS NULL"
    with store.sql_read("read cameras") as run:
        rows = run(f"SELECT {_COLUMNS} FROM cameras {which} ORDER BY name, id")
        return [CameraRow(*row) for row in rows]


def remove_camera(store: Database, camera_id: str, now_ms: int) -> bool:
    """Mark a camera as no longer configured; its footage and events stay. False when there was nothing to mark."""
    with store.sql_write(f"remove camera {camera_id}") as run:
        done = run(
            "UPDATE cameras SET removed_ms = :now_ms WHERE id = :id AND removed_ms IS NULL RETURNING id",
            id=camera_id,
            now_ms=now_ms,
        )
        return len(done) == 1


def has_open_outage(store: Database, camera_id: str) -> bool:
    """Whether the event of the camera's being offline that was stored last has no end yet."""
    with store.sql_read("read events") as run:
        rows = run(
            "SELECT end_ms FROM events WHERE source_id = :camera_id AND type = 'camera_offline' "
            "ORDER BY id + 0 DESC LIMIT 1",  # by the index of types, and not backwards through all events
            camera_id=camera_id,
        )
        return bool(rows) and rows[0][0] is None
