"""Reads what a plan is made of: rows, and the disk's free space."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.folder_look import AWAY, CODE
from vigilar.base.keep_rules import KeepRules
from vigilar.store.deletions import list_gone
from vigilar.store.holdings import list_others, list_videos
from vigilar.store.spans import alarm_footage, kept_footage
from vigilar.store.sql import Database
from vigilar.upkeep.plan import RECENT_MS, Holdings, Space

LookForSpace = Callable[[Path], tuple[int, int]]
"""Gives bytes of the whole file system and bytes that are free for this user. Raises OSError."""


def space_of(folder: Path) -> tuple[int, int]:
    """Source: statvfs(3). What other programs take counts, and what the system keeps for root does not."""
    status = os.statvfs(folder)
    return status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize


def read_space(folder: Path, rules: KeepRules, look: LookForSpace = space_of) -> Space:
    """Raises VigilarError when the disk does not answer."""
    with disk_errors("look at the free space", folder):
        total_bytes, free_bytes = look(folder)
    return Space(total_bytes, free_bytes, rules.reserve_of(total_bytes))


def read_holdings(store: Database, node_id: str, rules: KeepRules, now_ms: int) -> Holdings:
    """What the box ``node_id`` has. Raises StoreError."""
    with store.sql_read("read what is recorded") as run:
        videos = list_videos(run, node_id)
        others = list_others(run, node_id)
        kept = kept_footage(run, rules.before_ms, rules.after_ms, now_ms)
        since_ms = now_ms - rules.keep_alarms_ms
        alarms = alarm_footage(run, since_ms, rules.before_ms, rules.after_ms, now_ms)
    recent = list_gone(store, node_id, now_ms - RECENT_MS)
    return Holdings(videos, {one.camera_id: one.size_bytes for one in others}, kept, alarms, recent)


def check_own_folder(data_dir: Path, node_id: str) -> None:
    """Raises RecordingError (transient, V-DRIVE) unless ``data_dir`` is the folder of the box ``node_id``: under a
    drive that is away lies another, and rows must not go because files are not there."""
    with disk_errors("look at the data folder", data_dir):
        found = find_folder_id(data_dir) or ""
    if found != node_id:
        raise RecordingError(AWAY, kind=ErrorKind.TRANSIENT, code=CODE, exit_code=ExitCode.NOT_FOUND)
