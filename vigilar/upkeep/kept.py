"""What people keep, with what it takes: whole recordings, as a file goes or stays as one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.base.keep_rules import KeepRules
from vigilar.store.files import LONGEST_FILE_MS
from vigilar.store.holdings import Video, list_videos
from vigilar.store.kept import KeptRow, list_kept
from vigilar.store.sql import Database


@dataclass(frozen=True, slots=True)
class Kept:
    """``size_bytes`` of recordings stay because of it; of one that ``others`` keep too, each counts all."""

    row: KeptRow
    size_bytes: int
    file_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Holder:
    """One person; an empty ``name``: not noted who. ``size_bytes`` counts each recording once."""

    name: str
    count: int
    size_bytes: int


def read_kept(store: Database, node_id: str, rules: KeepRules, now_ms: int) -> list[Kept]:
    """All that is kept on the box ``node_id``, newest first. Raises StoreError."""
    with store.sql_read("read what is kept") as run:
        rows = list_kept(run, rules.before_ms, rules.after_ms, now_ms)
        videos = list_videos(run, node_id) if rows else []
    by_camera: dict[str, list[Video]] = {}
    for video in videos:
        by_camera.setdefault(video.camera_id, []).append(video)
    return [_with_size(row, by_camera.get(row.camera_id, [])) for row in rows]


def list_holders(kept: Iterable[Kept], sizes: dict[int, int]) -> list[Holder]:
    """Who keeps how much, the most first. ``sizes``: bytes by file id."""
    files: dict[str, set[int]] = {}
    counts: dict[str, int] = {}
    for one in kept:
        files.setdefault(one.row.by, set()).update(one.file_ids)
        counts[one.row.by] = counts.get(one.row.by, 0) + 1
    found = [Holder(name, counts[name], sum(sizes.get(key, 0) for key in ids)) for name, ids in files.items()]
    return sorted(found, key=lambda one: (-one.size_bytes, one.name))


def file_sizes(store: Database, node_id: str) -> dict[int, int]:
    """Bytes of each recording, by the id of its row."""
    with store.sql_read("read what recordings take") as run:
        return {one.id: one.size_bytes for one in list_videos(run, node_id)}


def _with_size(row: KeptRow, videos: Sequence[Video]) -> Kept:
    """``videos`` are the camera's, by their start."""
    first = bisect_left(videos, row.from_ms - LONGEST_FILE_MS, key=lambda one: one.start_ms)
    held = []
    for video in videos[first:]:
        if video.start_ms > row.to_ms:
            break
        if video.end_ms > row.from_ms:
            held.append(video)
    return Kept(row, sum(one.size_bytes for one in held), frozenset(one.id for one in held))
