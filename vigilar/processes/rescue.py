"""The database of a start: opened, or put aside and made anew so that recording goes on whatever became of it.

Runs in a short-lived process of the supervisor. What the new one lacks of the recordings is filled in by the upkeep
process, beside the recording (``refill``).
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.processes.refill import find_cameras, note_cameras, tell
from vigilar.proof.adopt import HOMES, list_homes, list_sealed
from vigilar.store import sqlite
from vigilar.store.connect import file_of, parse_url
from vigilar.store.database_note import DatabaseNote, Rescue, find_note, save_note
from vigilar.store.engine import Store
from vigilar.store.errors import sqlite_errors
from vigilar.store.rescue import Rescued, find_fault, finish_rescue, rescue
from vigilar.store.revisions import REVISIONS
from vigilar.store.salvage import read_tables
from vigilar.vge.keys import KeyRing

logger = logging.getLogger(__name__)

GONE = "The database was not there any more."
EMPTY = "The file of the database was empty."
DAMAGED = "The database was damaged."
NOT_OURS = "The database could not be opened for writing."
"""What is said to have happened."""

_NAMES = {"events": "events", "users": "members", "sessions": "sign-ins", "deletions": "rows of the log of deletions"}
"""Tables whose loss a person would notice, as they are called."""


class HouseDatabase:
    """The SQLite database of the box ``node_id``, whose folder is ``data_dir``. Not for other databases."""

    def __init__(self, url: str, data_dir: Path, node_id: str, ring: KeyRing) -> None:
        self._url = url
        self._file = file_of(parse_url(url))
        self._data_dir = data_dir
        self._node_id = node_id
        self._ring = ring

    def open(self) -> Store:
        """At the newest schema, sound, and with a row for each camera that has files. While no other process runs.

        Raises StoreError when there is no way to have one: the disk is full or does not answer, or the database is of
        a newer program.
        """
        with disk_errors("look after the database", self._file):
            finish_rescue(self._file)
            note = find_note(self._data_dir)
            happened = self._find_trouble(note)
        if not happened:
            try:
                return self._noted(self._open(), note)
            except StoreError as error:
                if not self._is_damage(error):
                    raise
                logger.error("%s", error)
                happened = DAMAGED
        self._rescue(happened, note)
        return self._noted(self._open(), find_note(self._data_dir))

    def mend(self) -> bool:
        """Make a new database if the one that the house uses right now is damaged; whether that was so. Raises
        StoreError."""
        with disk_errors("look after the database", self._file):
            finish_rescue(self._file)
            note = find_note(self._data_dir)
            happened = GONE if not self._file.exists() else DAMAGED if find_fault(self._file) else ""
        if happened:
            self._rescue(happened, note)
            self._noted(self._open(), find_note(self._data_dir)).close()
        return bool(happened)

    def _open(self) -> Store:
        return Store.open(self._url, migrate=True)

    def _find_trouble(self, note: DatabaseNote | None) -> str:
        """What is wrong with the file, seen from outside; empty when nothing is, or the house is new."""
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:
            return GONE if self._was_here(note) else ""
        if size == 0:
            return EMPTY if self._was_here(note) else ""
        try:
            os.close(os.open(self._file, os.O_RDWR | os.O_CLOEXEC))
        except PermissionError:
            return NOT_OURS
        return ""

    def _was_here(self, note: DatabaseNote | None) -> bool:
        return note is not None or any(
            True for home in list_homes(self._data_dir) for top in HOMES for _ in list_sealed(self._data_dir, home, top)
        )

    def _is_damage(self, error: StoreError) -> bool:
        if error.kind is ErrorKind.CORRUPT:
            return True
        # Steps that do not fit what they find: the row that says which were done is on a page that is gone.
        return error.kind is ErrorKind.BUG and bool(find_fault(self._file) or not self._has_revision())

    def _has_revision(self) -> bool:
        with sqlite_errors("look after the database", self._file), closing(sqlite.connect(self._file)) as connection:
            return bool(connection.execute("SELECT count(*) FROM alembic_version").fetchone()[0])

    def _rescue(self, happened: str, note: DatabaseNote | None) -> None:
        logger.error("%s A new one is made of what can still be read, and of the recordings", happened)
        began = time.monotonic()
        with disk_errors("make a new database", self._file):
            done = rescue(self._file, note, find_cameras(self._data_dir, self._ring), self._node_id)
            told = Rescue(
                at_ms=time.time_ns() // 1_000_000,
                happened=happened,
                kept=str(done.kept or ""),
                lost=_lost_words(done),
                has_no_owner=not done.has_owner and self._had_owner(note),
            )
            save_note(self._data_dir, replace(note or DatabaseNote(), rescue=told))
        logger.error("a new database was made in %.1f s. %s", time.monotonic() - began, told.sentence)

    def _had_owner(self, note: DatabaseNote | None) -> bool:
        """A house that was never set up is the first comer's; whether it was is not known when its members are lost."""
        return self._was_here(note)

    def _noted(self, store: Store, note: DatabaseNote | None) -> Store:
        """Tell of a rescue that is not told yet, and keep in mind where the tables begin."""
        try:
            with disk_errors("look after the database", self._data_dir):
                note_cameras(store, self._data_dir, self._ring, self._node_id)
            rescued = note.rescue if note else None
            if rescued is not None and rescued.is_rebuilding:
                tell(store, self._node_id, "database_replaced", rescued)
            with sqlite_errors("look after the database", self._file), closing(sqlite.connect(self._file)) as raw:
                tables = read_tables(raw)
            with disk_errors("look after the database", self._data_dir):
                save_note(self._data_dir, DatabaseNote(REVISIONS[-1], tables, rescued))
        except BaseException:
            store.close()
            raise
        return store


def _lost_words(done: Rescued) -> tuple[str, ...]:
    """Clauses for "Lost: ...": what could not be read, as far as that is known."""
    salvaged, words = done.salvaged, []
    for table, name in _NAMES.items():
        if table not in salvaged.torn:
            continue
        left = salvaged.rows.get(table, 0)
        last = salvaged.last_ids.get(table, 0)
        if table == "events" and last > left:
            words.append(f"{last - left} of {last} events")
        elif table in ("users", "sessions") or left or last:
            words.append(f"all {name}" if not left else f"some {name}")
    return tuple(words)
