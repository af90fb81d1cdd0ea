"""Closing one file that a crash left open, with what its row and people are told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.record.gaps import Report
from vigilar.record.row_writer import Ending, store_ending
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import KeyRing
from vigilar.vge.recover import Recovered, recover_file
from vigilar.vge.writer import Checkpoint

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Found:
    """What recovery did in all."""

    recovered: int = 0
    completed: int = 0
    damaged: int = 0
    missing: int = 0
    locked: int = 0
    adopted: int = 0
    quarantined: int = 0


class Repair:
    """Repairs the files of one data folder, one at a time; each step may be died after and is done again. One thread.

    ``note_link`` is called with the link of a file that was closed.
    """

    def __init__(
        self,
        data_dir: Path,
        check_folder: Callable[[], None],
        store: Database,
        clock: Clock,
        report: Report,
        note_link: Callable[[files.FileRow, bytes], None],
    ) -> None:
        self.found = Found()
        self._data_dir = data_dir
        self._check_folder = check_folder
        self._store = store
        self._clock = clock
        self._report = report
        self._note_link = note_link

    def run(self, row: files.FileRow, ring: KeyRing) -> bool:
        """Close the file of ``row`` by the keys of ``ring``; False when it is to be tried again. Raises StoreError, and
        RecordingError when the folder is away."""
        path = self._data_dir / row.path
        if not path.exists():
            self._check_folder()  # a drive that has just gone takes no file with it
            self.found.missing += 1
            logger.error("%s is missing", row.path)
            files.mark_file(self._store, row.id, "missing", "not there after a crash")
            if row.content != "storyboard":  # no footage is lost with it
                self._tell_lost(row, row.start_ms, "the file is missing")
            return True
        try:
            done = recover_file(
                path,
                ring,
                utc_ns=self._clock.utc_ns(),
                mono_ns=self._clock.mono_ns(),
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
        # Not whether it was cut just now: the database may have refused the result of an earlier try.
        is_cut = done.reason is CloseReason.RECOVERED
        why = why_closed(is_cut)
        ending = Ending("recovered" if is_cut else "closed", why, end_ms, done.closed)
        if not store_ending(self._store, row.id, ending, unless_closed=True):
            return  # its recorder had closed it, whose row waited for the database and says why it ended
        self._note_link(row, done.closed.link)
        logger.info("%s: %s, %d bytes cut", row.path, why, done.cut_bytes)
        if not is_cut:
            self.found.completed += 1
            return
        self.found.recovered += 1
        if row.content == "video":
            detail = {"file_id": row.id, "from_ms": row.start_ms, "to_ms": end_ms, "cut_bytes": done.cut_bytes}
            self._report("recording_recovered", self._clock.utc_ns(), detail)

    def _mark_damaged(self, row: files.FileRow, why: str) -> None:
        self.found.damaged += 1
        logger.error("%s is damaged: %s", row.path, why)
        files.mark_file(self._store, row.id, "damaged", why)
        if row.content == "video":
            self._tell_lost(row, row.end_ms or row.start_ms, why)

    def _tell_lost(self, row: files.FileRow, to_ms: int, why: str) -> None:
        detail = {"file_id": row.id, "from_ms": row.start_ms, "to_ms": to_ms, "reason": why}
        self._report("footage_lost", self._clock.utc_ns(), detail)


def why_closed(is_cut: bool) -> str:
    return "ended by a crash or power cut" if is_cut else "closed before a crash"


def _anchor(row: files.FileRow) -> Checkpoint | None:
    """The last checkpoint the database has seen."""
    if row.checkpoint_record is None or row.checkpoint_tag is None or row.checkpoint_offset is None:
        return None
    return Checkpoint(row.checkpoint_record, row.checkpoint_tag, row.checkpoint_offset, row.plaintext_bytes)
