"""Rows of cameras: identity, name, file numbers and the chain of links."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from vigilar.store.engine import Store
from vigilar.store.schema import cameras


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera. ``uuid`` is 16 random bytes made once; ``removed_ms`` is None while it is configured."""

    id: str
    uuid: bytes
    name: str
    created_ms: int
    removed_ms: int | None


_COLUMNS = (cameras.c.id, cameras.c.uuid, cameras.c.name, cameras.c.created_ms, cameras.c.removed_ms)


def ensure_camera(store: Store, camera_id: str, name: str, now_ms: int) -> CameraRow:
    """The row of a camera: made if new, brought back if it was removed, renamed if its name changed.

    Footage of a removed camera keeps its row, so the uuid stays the same when the camera comes back.
    """
    found = get_camera(store, camera_id)
    if found is not None and found.name == name and found.removed_ms is None:
        return found
    with store.write(f"store camera {camera_id}") as connection:
        changed = connection.execute(
            update(cameras).where(cameras.c.id == camera_id).values(name=name, removed_ms=None).returning(*_COLUMNS)
        ).first()
        if changed is None:
            changed = connection.execute(
                insert(cameras)
                .values(id=camera_id, uuid=os.urandom(16), name=name, created_ms=now_ms)
                .returning(*_COLUMNS)
            ).one()
        return _camera(changed)


def get_camera(store: Store, camera_id: str) -> CameraRow | None:
    with store.read("read cameras") as connection:
        row = connection.execute(select(*_COLUMNS).where(cameras.c.id == camera_id)).first()
        return None if row is None else _camera(row)


def list_cameras(store: Store, *, with_removed: bool = False) -> list[CameraRow]:
    """All cameras by name; ``with_removed`` also those that are no longer configured but may have footage."""
    query = select(*_COLUMNS).order_by(cameras.c.name, cameras.c.id)
    if not with_removed:
        query = query.where(cameras.c.removed_ms.is_(None))
    with store.read("read cameras") as connection:
        return [_camera(row) for row in connection.execute(query)]


def remove_camera(store: Store, camera_id: str, now_ms: int) -> bool:
    """Mark a camera as no longer configured; its footage and events stay. False when there was nothing to mark."""
    with store.write(f"remove camera {camera_id}") as connection:
        done = connection.execute(
            update(cameras).where(cameras.c.id == camera_id, cameras.c.removed_ms.is_(None)).values(removed_ms=now_ms)
        )
        return done.rowcount == 1


def _camera(row: Sequence[Any]) -> CameraRow:
    return CameraRow(*row)
