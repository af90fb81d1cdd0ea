"""Rows of tracks: what was where and when, written by the events process, read by pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from vigilar.base.track_path import PathBox, unpack_path
from vigilar.store.engine import Store
from vigilar.store.outbox import consume_within
from vigilar.store.schema import tracks

MAX_LISTED = 20_000
"""Tracks of one heat map at most, the newest: a busy street has some thousand a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrack:
    """``uid`` is the id of its message; times are UTC ms; ``path`` is packed (``base.track_path``)."""

    uid: str
    event_id: int | None
    camera_id: str
    kind: str
    score: float
    start_ms: int
    end_ms: int
    is_stationary: bool
    path: bytes
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrack:
    """A track as it is in the database."""

    id: int
    event_id: int | None
    camera_id: str
    kind: str
    score: float
    start_ms: int
    end_ms: int
    is_stationary: bool
    zones: tuple[str, ...]
    path: bytes

    def boxes(self) -> list[PathBox]:
        """Raises ``base.track_path.BadPath`` for a row that was changed by hand."""
        return unpack_path(self.path, self.start_ms)


def insert_track(store: Store, new: NewTrack, *, consumed_outbox: tuple[str, str] | None = None) -> bool:
    """Store a track; False when its ``uid`` is known, which changes nothing. ``consumed_outbox`` as in
    ``store.events.insert_event``."""
    with store.sql_write("store a track") as run:
        if consumed_outbox is not None:
            consume_within(run, *consumed_outbox)
        if run("SELECT id FROM tracks WHERE uid = :uid", uid=new.uid):
            return False
        run(
            "INSERT INTO tracks (uid, event_id, camera_id, kind, score, start_ms, end_ms, is_stationary, zones, path) "
            "VALUES (:uid, :event_id, :camera_id, :kind, :score, :start_ms, :end_ms, :is_stationary, :zones, :path)",
            uid=new.uid,
            event_id=new.event_id,
            camera_id=new.camera_id,
            kind=new.kind,
            score=new.score,
            start_ms=new.start_ms,
            end_ms=new.end_ms,
            is_stationary=int(new.is_stationary),
            zones=json.dumps(list(new.zones), ensure_ascii=False),
            path=new.path,
        )
        return True


def tracks_of_event(store: Store, event_id: int) -> list[StoredTrack]:
    """The tracks of one visit, in the order of their beginning."""
    return _all(store, select(tracks).where(tracks.c.event_id == event_id).order_by(tracks.c.start_ms, tracks.c.id))


def tracks_between(store: Store, camera_id: str, from_ms: int, to_ms: int) -> list[StoredTrack]:
    """Tracks of a camera that were there within [from, to), the newest first, at most MAX_LISTED."""
    query = select(tracks).where(
        tracks.c.camera_id == camera_id,
        tracks.c.start_ms < to_ms,
        tracks.c.end_ms >= from_ms,
    )
    return _all(store, query.order_by(tracks.c.start_ms.desc(), tracks.c.id.desc()).limit(MAX_LISTED))


def _all(store: Store, query: Select[Any]) -> list[StoredTrack]:
    columns = [column for column in tracks.c if column.name != "uid"]
    with store.read("read tracks") as connection:
        rows = connection.execute(query.with_only_columns(*columns))
        return [_track(dict(row._mapping)) for row in rows]


def _track(values: dict[str, Any]) -> StoredTrack:
    values["zones"] = tuple(json.loads(values["zones"]))
    values["is_stationary"] = bool(values["is_stationary"])
    return StoredTrack(**values)
