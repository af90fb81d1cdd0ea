"""Closes what a crash left open under a key that is no longer the newest, and moves it to that.

A camera's process holds the newest key alone and repairs what is under it; whoever takes that process over learns no
other. The rest, a few files after a rotation, is left to this step of the upkeep process, which holds all keys.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.errors import RecordingError
from vigilar.base.ids import new_id
from vigilar.bus.messages import CameraFact
from vigilar.bus.topics import Topics
from vigilar.record.repair import Repair
from vigilar.store import files, inbound
from vigilar.store.cameras import list_cameras
from vigilar.store.sql import Database
from vigilar.upkeep.holdings import check_own_folder
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES, open_header
from vigilar.vge.output import hold_alone
from vigilar.vge.rewrap import rewrap_file

logger = logging.getLogger(__name__)

LOOK_EVERY_NS = 60 * 10**9
"""A look costs a query a camera and 512 bytes of each open file; until then such a file plays as far as it goes."""

LOCKED_EVERY_NS = 2 * 10**9
"""Somebody who unlocks the house is there to look at what the cut left."""


class OlderKeys:
    """``turn`` belongs to one thread."""

    def __init__(self, data_dir: Path, secrets_dir: Path, node_id: str, store: Database, clock: Clock) -> None:
        self._data_dir = data_dir
        self._secrets_dir = secrets_dir
        self._node_id = node_id
        self._store = store
        self._clock = clock
        self._due_ns = clock.mono_ns()

    def turn(self) -> None:
        """Look once a minute, and as soon as the house is unlocked. Raises StoreError, RecordingError; the next look
        begins anew."""
        now_ns = self._clock.mono_ns()
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + LOOK_EVERY_NS
        newest = KeyRing.load_newest(self._secrets_dir)
        if newest.is_locked:
            self._due_ns = now_ns + LOCKED_EVERY_NS
            return
        for camera in list_cameras(self._store, with_removed=True):
            if camera.node_id == self._node_id:
                self._look_at(camera.id, newest)

    def _look_at(self, camera_id: str, newest: KeyRing) -> None:
        rows = files.list_open_files(self._store, camera_id)
        left = [row for row in rows if _lacks_key(self._data_dir / row.path, newest)]
        if not left:
            return
        ring = KeyRing.load(self._secrets_dir)
        repair = Repair(
            self._data_dir,
            partial(check_own_folder, self._data_dir, self._node_id),
            self._store,
            self._clock,
            self._report_of(camera_id),
            lambda _row, _link: None,  # the row has it, and the camera's process reads it there
        )
        for row in left:
            path = self._data_dir / row.path
            if not _lacks_key(path, ring) and repair.run(row, ring):
                rewrap_file(path, ring)

    def _report_of(self, camera_id: str) -> Callable[[str, int, dict[str, Any]], None]:
        def report(kind: str, utc_ns: int, detail: dict[str, Any]) -> None:
            fact = CameraFact(new_id(), utc_ns // 1_000_000, camera_id, kind, detail)
            topic, now_ms = Topics.camera_fact(camera_id), self._clock.utc_ns() // 1_000_000
            inbound.put(self._store, self._node_id, fact.id, topic, fact.dump(), now_ms)

        return report


def _lacks_key(path: Path, ring: KeyRing) -> bool:
    """Whether nobody writes the file and no key of ``ring`` opens it. What is missing or is no recording is for its
    camera's process to tell."""
    try:
        with file_errors("open", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                open_header(fd, ring)
            except RecordingError as error:
                if error.code not in LOCKED_CODES:
                    raise
                hold_alone(fd, path)
                return True
            finally:
                os.close(fd)
    except RecordingError as error:
        logger.debug("%s: %s", path, error)
    return False
