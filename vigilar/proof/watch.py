"""What looks after the recordings in the background: names and lengths each five minutes, history each hour, every byte
once a month.

A thread of its own at the lowest priority, with pauses, so that it takes a core for no longer than some ms at a time.
What it finds becomes events. Its place in the monthly round is kept in a small file, so a restart goes on there.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vigilar.base.atomic import write_atomic
from vigilar.base.clock import Clock
from vigilar.base.database_note import find_note
from vigilar.base.errors import RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.proof.check import Checked, Depth, FileCheck
from vigilar.proof.checkpoint import make_checkpoint
from vigilar.proof.history import DeletionLog, check_checkpoints, check_tips
from vigilar.proof.telling import Teller
from vigilar.store import inventory
from vigilar.store.checkpoints import ChainTip, StoredCheckpoint, list_newest_files, newest_checkpoint
from vigilar.store.files import FileRow
from vigilar.store.sql import Database
from vigilar.vge.keys import KeyRing
from vigilar.vge.rewrap import is_moved, rewrap_file
from vigilar.vge.signing import BoxKey

logger = logging.getLogger(__name__)

START_AFTER_S = 5.0
"""A start has better things to do, and repairs what a crash left behind."""

LOOK_EVERY_S = 3600.0
FILES_EVERY_S = 300.0
"""Who deletes what shows them is told of while they are near."""

RETRY_S = 60.0
PAUSE_EVERY = 100
PAUSE_S = 0.05
"""Between hundreds of files: 100,000 are looked at in two minutes, of which they cost five seconds."""

ROUND_S = 30 * 86_400.0
SWEEP_BYTES_S = 8_000_000
"""The monthly look reads this fast: 20 TB in a month, 2 per cent of a core and of a disk."""

PLACE = "proof-sweep.json"


class Watch:
    """``run`` belongs to one thread."""

    def __init__(
        self,
        store: Database,
        node_id: str,
        data_dir: Path,
        secrets_dir: Path,
        clock: Clock,
        on_checkpoint: Callable[[StoredCheckpoint], None] = lambda _: None,
    ) -> None:
        """``on_checkpoint`` is told of each new signed checkpoint; it must return at once."""
        self._on_checkpoint = on_checkpoint
        self._store = store
        self._node_id = node_id
        self._data_dir = data_dir
        self._secrets_dir = secrets_dir
        self._clock = clock
        self._teller = Teller(store, node_id, data_dir, clock)
        self._deletions = DeletionLog(store, node_id)
        self._followed: dict[int, int] = {}  # what was looked at: id of a file, number of the row before it
        self._newest: tuple[ChainTip, ...] = ()  # as the last look saw them,
        self._newest_ms = 0  # which was then, UTC ms,
        self._signature: bytes | None = None  # while this checkpoint was the last

    def run(self, stop: Stop) -> None:
        """Look after the recordings until ``stop``. Trouble with database or disk is logged and tried again."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # this thread alone
        stop.wait(START_AFTER_S)
        due_ns = files_due_ns = 0
        while not stop.is_set():
            try:
                if self._clock.mono_ns() >= due_ns:
                    self.look(stop)
                    due_ns = self._clock.mono_ns() + int(LOOK_EVERY_S * 1e9)
                elif self._clock.mono_ns() >= files_due_ns:
                    self.look_at_files(stop)
                files_due_ns = min(due_ns, self._clock.mono_ns() + int(FILES_EVERY_S * 1e9))
                self.sweep(stop, until_mono_ns=files_due_ns)
                stop.wait(max(0.0, (files_due_ns - self._clock.mono_ns()) / 1e9))
            except (StoreError, RecordingError, OSError) as error:
                logger.warning("recordings are not looked after for now: %s", error)
                stop.wait(RETRY_S)
            except Exception:  # the top of a worker's loop: one that ended would be missed by nobody
                logger.exception("recordings are not looked after for now")
                stop.wait(RETRY_S)

    def look(self, stop: Stop) -> None:
        """Compare the database with what the box has signed, all files with their rows, and sign anew. Not while a
        database that was made anew is being filled: it does not say yet what it will."""
        if not self._teller.is_folder_there() or self._is_being_rebuilt():
            return
        key = BoxKey.load_or_create(self._secrets_dir)
        history = check_checkpoints(self._store, self._node_id, self._data_dir, key.public)
        for found in [*history, *self._deletions.check(lambda: _pause(stop))]:
            self._teller.tell_house(found)
        self.look_at_files(stop)
        if not stop.is_set():
            made = make_checkpoint(self._store, self._node_id, key, self._data_dir, self._now_ms())
            self._signature = made.signature
            self._on_checkpoint(made)

    def look_at_files(self, stop: Stop) -> None:
        """Compare all files with their rows, by name and length."""
        if self._teller.is_folder_there() and not self._is_being_rebuilt():
            files = self._files()
            self._teller.tell(files.run(Depth.QUICK, _pausing(stop)).findings)
            self._look_at_numbers(files, stop)
            self._look_at_newest()

    def _look_at_numbers(self, files: FileCheck, stop: Stop) -> None:
        """A recording that was removed with its row leaves a number without one, and so does a start that did not use
        its numbers: which it was, the header of the next recording says, which is asked once for each such gap."""
        seen, self._followed = self._followed, {}
        for listed, before in inventory.list_behind_gaps(self._store, self._node_id):
            if seen.get(listed.row.id) != before:
                core = files.judge(listed, Depth.ENDS).core
                if core is None:
                    continue  # its key or its file is away, which others tell
                removed = files.find_removed(listed, core)
                if removed is not None:
                    if files.is_without_row(removed):
                        continue
                    self._teller.tell([removed])
            self._followed[listed.row.id] = before
            if stop.is_set():
                return

    def _look_at_newest(self) -> None:
        """The newest recording of a camera has none behind it whose header names it, so it is compared with the last
        look. Not when somebody else signed since, who made the database anew and said what is lost."""
        made = newest_checkpoint(self._store, self._node_id)
        signature = made.signature if made is not None else None
        removed = check_tips(self._store, self._newest, self._newest_ms) if signature == self._signature else []
        if not self._is_being_rebuilt():  # begun since this look began
            for found in removed:
                self._teller.tell_house(found)
        self._newest = list_newest_files(self._store, self._node_id)
        self._signature, self._newest_ms = signature, self._now_ms()

    def _is_being_rebuilt(self) -> bool:
        note = find_note(self._data_dir)
        return note is not None and note.rescue is not None and note.rescue.is_rebuilding

    def sweep(self, stop: Stop, until_mono_ns: int) -> None:
        """Go on with the round over every byte, until it is done, the time comes, or ``stop``."""
        begun_ms, after_id = self._read_place()
        if begun_ms + ROUND_S * 1000 <= self._now_ms() or begun_ms > self._now_ms():
            begun_ms, after_id = self._now_ms(), 0
        files = self._files()
        for listed in files.listed(after_id):
            if stop.is_set() or self._clock.mono_ns() >= until_mono_ns:
                return
            if listed.row.state != "open" and self._teller.is_folder_there():
                checked = Checked()
                files.take(checked, listed, Depth.DEEP)
                self._teller.tell(checked.findings)
                self._move_keys(listed.row)
            self._write_place(begun_ms, listed.row.id)
            stop.wait(max(PAUSE_S, listed.row.size_bytes / SWEEP_BYTES_S))

    def _move_keys(self, row: FileRow) -> None:
        """Finish a rotation for a file that was being written when it ran: see ``vge.rewrap``."""
        with suppress(RecordingError):  # what is wrong with the file has been told
            ring = KeyRing.load(self._secrets_dir)
            path = self._data_dir / row.path
            if not is_moved(path, ring):
                rewrap_file(path, ring)

    def _files(self) -> FileCheck:
        try:
            ring: KeyRing | None = KeyRing.load(self._secrets_dir)
        except RecordingError:
            ring = None  # as the start of the house has said
        return FileCheck(self._store, self._node_id, self._data_dir, ring)

    def _read_place(self) -> tuple[int, int]:
        try:
            found = json.loads((self._data_dir / PLACE).read_bytes())
            return int(found["begun_ms"]), int(found["after_id"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0

    def _write_place(self, begun_ms: int, after_id: int) -> None:
        """Not where a drive was that is gone: what lies there then is the system's disk."""
        if not self._teller.is_folder_there():
            return
        text = json.dumps({"begun_ms": begun_ms, "after_id": after_id})
        write_atomic(self._data_dir / PLACE, text.encode())

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _pause(stop: Stop) -> None:
    stop.wait(PAUSE_S)


def _pausing(stop: Stop) -> Callable[[Checked], bool]:
    def note(checked: Checked) -> bool:
        if checked.files % PAUSE_EVERY == 0:
            _pause(stop)
        return not stop.is_set()

    return note
