"""Rows of cameras: identity, name, file numbers and the chain of links. Plain SQL: see ``plain``."""

from __future__ import annotations

import os
from dataclasses import dataclass

from vigilar.store.sql import Database

_COLUMNS = "id, uuid, name, created_ms, removed_ms"


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera. ``uuid`` is 16 random bytes made once; ``removed_ms`` is None while it is configured."""

    id: str
    uuid: bytes
    name: str
    created_ms: int
    removed_ms: int | None


def ensure_camera(store: Database, camera_id: str, name: str, now_ms: int) -> CameraRow:
    """The row of a camera: made if new, brought back if it was removed, renamed if its name changed.

    Footage of a removed camera keeps its row, so the uuid stays the same when the camera comes back.
    """
    found = get_camera(store, camera_id)
    if found is not None and found.name == name and found.removed_ms is None:
        return found
    with store.sql_write(f"store camera {camera_id}") as run:
        rows = run(
            "INSERT INTO cameras (id, uuid, name, created_ms) VALUES (:id, :uuid, :name, :now_ms) "
            f"ON CONFLICT (id) DO UPDATE SET name = excluded.name, removed_ms = NULL RETURNING {_COLUMNS}",
            id=camera_id,
            uuid=os.urandom(16),
            name=name,
            now_ms=now_ms,
        )
        return CameraRow(*rows[0])


def get_camera(store: Database, camera_id: str) -> CameraRow | None:
    with store.sql_read("read cameras") as run:
        rows = run(f"SELECT {_COLUMNS} FROM cameras WHERE id = :id", id=camera_id)
        return CameraRow(*rows[0]) if rows else None


def list_cameras(store: Database, *, with_removed: bool = False) -> list[CameraRow]:
    """All cameras by name; ``with_removed`` also those that are no longer configured but may have footage."""
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
