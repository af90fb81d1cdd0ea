"""What a crash left behind: this camera's files that were never closed, and files without a row.

Runs once, beside the recording, on a thread of its own; proving a file of 150 MB takes about 0.3 s. Each step may be
died after and is done again at the next start.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.record.file_store import FOLDERS, FileStore
from vigilar.record.gaps import Report
from vigilar.record.rows import Ending
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.gate import file_errors
from vigilar.vge.recover import Recovered, recover_file
from vigilar.vge.report import Verdict
from vigilar.vge.writer import Checkpoint

logger = logging.getLogger(__name__)

RETRY_S = 10.0
"""Until a busy database or a full disk is looked at again."""

LOOK_BACK_DAYS = 2
"""Folders searched for files without a row. A process dies in the newest one, or at midnight between two."""

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Found:
    """What recovery did in all."""

    recovered: int = 0
    completed: int = 0
    damaged: int = 0
    missing: int = 0
    locked: int = 0
    quarantined: int = 0


class Recovery:
    """Repairs one camera's files. ``run`` belongs to one thread; ``report`` must return at once."""

    def __init__(self, file_store: FileStore, store: Database, report: Report) -> None:
        self.found = Found()
        self._file_store = file_store
        self._store = store
        self._report = report

    def run(self, stop: Stop) -> None:
        """Repair all there is, trying again while database or disk say that it may pass; ended by ``stop``."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # this thread alone: recording comes first
        while not stop.is_set():
            try:
                if self.run_once():
                    return
            except (StoreError, RecordingError) as error:
                logger.warning("recordings are not repaired yet: %s", error)
            stop.wait(RETRY_S)

    def run_once(self) -> bool:
        """True when nothing is left to do. Raises StoreError."""
        for content in FOLDERS:
            self._set_orphans_aside(content)
        is_done = True
        for row in files.list_open_files(self._store, self._file_store.settings.camera_id):
            if not self._file_store.is_ours(row.content, row.number):
                is_done = self._repair(row) and is_done
        return is_done

    def _repair(self, row: files.FileRow) -> bool:
        """False when it is to be tried again."""
        path = self._file_store.settings.data_dir / row.path
        if not path.exists():
            self.found.missing += 1
            logger.error("%s is missing", row.path)
            files.mark_file(self._store, row.id, "missing", "not there after a crash")
            self._tell_lost(row, row.start_ms, "the file is missing")
            return True
        try:
            done = recover_file(
                path,
                self._file_store.ring,
                utc_ns=self._file_store.clock.utc_ns(),
                mono_ns=self._file_store.clock.mono_ns(),
                anchor=_anchor(row),
                note_cut=lambda offset, count: logger.info("%s: cutting %d bytes at %d", row.path, count, offset),
            )
        except RecordingError as error:
            if error.kind is ErrorKind.DENIED:  # its key is away, as the start of the house has said
                self.found.locked += 1
                logger.info("%s stays as it is until it can be opened: %s", row.path, error)
                return True
            logger.warning("%s: %s", row.path, error)
            if error.kind in (ErrorKind.TRANSIENT, ErrorKind.FULL):
                return False
            self._mark_damaged(row, str(error))
            return True
        self._store_result(row, done)
        return True

    def _store_result(self, row: files.FileRow, done: Recovered) -> None:
        if done.closed is None:
            self._mark_damaged(row, f"after a crash: {done.verdict.name.lower().replace('_', ' ')}")
            return
        end_ms = row.start_ms if done.last_utc_ns is None else done.last_utc_ns // 1_000_000
        is_new = done.verdict is Verdict.UNCLEAN
        why = "ended by a crash or power cut" if is_new else "closed before a crash"
        self._file_store.rows.close(row.id, Ending("recovered" if is_new else "closed", why, end_ms, done.closed))
        logger.info("%s: %s, %d bytes cut", row.path, why, done.cut_bytes)
        if not is_new:
            self.found.completed += 1
            return
        self.found.recovered += 1
        if row.content == "video":
            detail = {"file_id": row.id, "from_ms": row.start_ms, "to_ms": end_ms, "cut_bytes": done.cut_bytes}
            self._report("recording_recovered", self._file_store.clock.utc_ns(), detail)

    def _mark_damaged(self, row: files.FileRow, why: str) -> None:
        self.found.damaged += 1
        logger.error("%s is damaged: %s", row.path, why)
        files.mark_file(self._store, row.id, "damaged", why)
        if row.content == "video":
            self._tell_lost(row, row.end_ms or row.start_ms, why)

    def _tell_lost(self, row: files.FileRow, to_ms: int, why: str) -> None:
        detail = {"file_id": row.id, "from_ms": row.start_ms, "to_ms": to_ms, "reason": why}
        self._report("footage_lost", self._file_store.clock.utc_ns(), detail)

    # Files without a row: the process died between header and row, so there is nothing in them

    def _set_orphans_aside(self, content: files.Content) -> None:
        home = self._file_store.settings.data_dir / FOLDERS[content] / self._file_store.settings.camera_id
        if not home.is_dir():
            return
        days = sorted(path for path in home.iterdir() if _day_start_ms(path.name) is not None)
        for day in days[-LOOK_BACK_DAYS:]:
            found = list(day.glob("*.vge"))  # before the rows are read: a file made meanwhile is not in it
            known = self._names_with_row(content, day.name)
            for path in sorted(found):
                if path.name not in known and not self._file_store.is_ours(content, _number_of(path.name)):
                    self._quarantine(content, path)

    def _names_with_row(self, content: files.Content, day: str) -> set[str]:
        camera_id, start_ms = self._file_store.settings.camera_id, _day_start_ms(day) or 0
        rows = files.find_files(self._store, camera_id, content, start_ms, start_ms + _DAY_MS, limit=1_000_000)
        return {Path(row.path).name for row in rows if Path(row.path).parent.name == day}

    def _quarantine(self, content: files.Content, path: Path) -> None:
        folder = self._file_store.settings.data_dir / "quarantine"
        target = folder / f"{self._file_store.settings.camera_id}-{content}-{path.parent.name}-{path.name}"
        with file_errors("set aside", path):
            folder.mkdir(mode=0o700, exist_ok=True)
            path.rename(target)
            fsync_folder(folder)
            fsync_folder(path.parent)
        self.found.quarantined += 1
        logger.warning("%s has no row, it is now %s", path, target)


def _anchor(row: files.FileRow) -> Checkpoint | None:
    """The last checkpoint the database has seen."""
    if row.checkpoint_record is None or row.checkpoint_tag is None or row.checkpoint_offset is None:
        return None
    return Checkpoint(row.checkpoint_record, row.checkpoint_tag, row.checkpoint_offset, row.plaintext_bytes)


def _day_start_ms(day: str) -> int | None:
    """The first millisecond of the folder's UTC day; None for a folder that is none of ours."""
    try:
        # Not strptime: it loads and compiles half a megabyte in each camera process.
        return int(datetime.combine(date.fromisoformat(day), time(), UTC).timestamp() * 1000)
    except ValueError:
        return None


def _number_of(name: str) -> int:
    stem = name.removesuffix(".vge")
    return int(stem) if stem.isascii() and stem.isdigit() else -1
