"""The database of a start: opened, or put aside and made anew so that recording goes on whatever became of it.

Runs in a short-lived process of the supervisor. What the new one lacks of the recordings is filled in by the upkeep
process, beside the recording (``refill``).
"""

from __future__ import annotations

import errno
import logging
import os
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from vigilar.base.database_note import DatabaseNote, Rescue, find_note, find_stand_in, save_note
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.processes.refill import find_cameras, note_cameras, note_unreadable, tell
from vigilar.processes.upgrade_tell import tell_upgrades
from vigilar.proof.adopt import list_sealed
from vigilar.proof.homes import HOMES, list_homes
from vigilar.store import sqlite
from vigilar.store.connect import file_of, parse_url
from vigilar.store.engine import Store
from vigilar.store.errors import sqlite_errors
from vigilar.store.rescue import Rescued, find_fault, finish_rescue, put_aside, replace_by, rescue
from vigilar.store.revisions import REVISIONS
from vigilar.store.salvage import read_tables
from vigilar.store.upgrade_copy import copy_before_upgrade
from vigilar.vge.keys import KeyRing

logger = logging.getLogger(__name__)

GONE = "The database was not there any more."
EMPTY = "The file of the database was empty."
DAMAGED = "The database was damaged."
NOT_OURS = "The database could not be written: it, or its disk, is read-only or another user's."
"""What is said to have happened."""

STAND_IN = "vigilar-stand-in.db"
"""In the data folder: the database of a house whose own can neither be written nor put aside."""

_NAMES = {
    "events": "events",
    "users": "members",
    "sessions": "sign-ins",
    "passkeys": "passkeys",
    "tokens": "keys for programs",
    "arm_pins": "PINs",
    "arm_history": "lines of the history of arming",
    "audit": "lines of who did what",
    "sensors": "sensors",
    "shares": "links that were shared",
    "deletions": "rows of the log of deletions",
}
"""Tables whose loss a person would notice, as they are called."""

_ALWAYS_TOLD = ("users", "sessions", "arm_pins")
"""Of these it is not known how many there were when none is left; a house that has none may well be told so."""

ARMING_LOST = "whether the house was armed (it is disarmed now)"


class HouseDatabase:
    """The SQLite database of the box ``node_id``, whose folder is ``data_dir``. Not for other databases."""

    def __init__(self, url: str, data_dir: Path, node_id: str, ring: KeyRing) -> None:
        """``url`` is the address that the settings give."""
        self._own = file_of(parse_url(url))
        self._data_dir = data_dir
        self._node_id = node_id
        self._ring = ring

    @property
    def file(self) -> Path:
        """The database that is used: the house's own, or what stands in for it. Raises OSError."""
        return find_stand_in(self._data_dir) or self._own

    def open(self) -> Store:
        """At the newest schema, sound, and with a row for each camera that has files. While no other process runs.

        Raises StoreError when there is no way to have one: the disk is full or does not answer, or the database is of
        a newer program.
        """
        with disk_errors("look after the database", self._own):
            self._come_home()
            file = self.file
            finish_rescue(file)
            note = find_note(self._data_dir)
            happened = self._find_trouble(file, note)
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
        with disk_errors("look after the database", self._own):
            file = self.file
            finish_rescue(file)
            note = find_note(self._data_dir)
            happened = GONE if not file.exists() else DAMAGED if find_fault(file) else ""
        if happened:
            self._rescue(happened, note)
            self._noted(self._open(), find_note(self._data_dir)).close()
        return bool(happened)

    def _come_home(self) -> None:
        """End a stand-in when the house's own database can be written again: the stand-in was made of it and has lived
        on, so it takes its place, also when that is empty. An own one that could not be read then, or was exchanged
        since, is used as it is."""
        note = find_note(self._data_dir)
        if note is None or not note.stand_in:
            return
        stand_in = self.file
        try:
            is_there = self._own.exists()
            if is_there and not _may_write(self._own):
                return
            if is_there and note.stamp != _stamp(self._own):
                put_aside(stand_in, self._data_dir)
            elif stand_in.exists():
                replace_by(self._own, stand_in)
        except (OSError, StoreError) as error:
            logger.warning("the stand-in for the database stays in use: %s", error)
            return
        save_note(self._data_dir, replace(note, stand_in="", stamp=""))
        logger.warning("the database can be written again, and nothing stands in for it any more")

    def _open(self) -> Store:
        copy_before_upgrade(self.file)
        return Store.open(f"sqlite:///{self.file}", migrate=True)

    def _find_trouble(self, file: Path, note: DatabaseNote | None) -> str:
        """What is wrong with the file, seen from outside; empty when nothing is, or the house is new."""
        try:
            size = file.stat().st_size
        except FileNotFoundError:
            return GONE if self._was_here(note) else ""
        if size == 0:
            return EMPTY if self._was_here(note) else ""
        return "" if _may_write(file) else NOT_OURS

    def _was_here(self, note: DatabaseNote | None) -> bool:
        return note is not None or any(
            True
            for home in list_homes(self._data_dir)
            for top in HOMES
            for _ in list_sealed(self._data_dir, home, top, note_unreadable)
        )

    def _is_damage(self, error: StoreError) -> bool:
        if error.kind is ErrorKind.CORRUPT:
            return True
        # Steps that do not fit what they find: the row that says which were done is on a page that is gone.
        return error.kind is ErrorKind.BUG and bool(find_fault(self.file) or not self._has_revision())

    def _has_revision(self) -> bool:
        with sqlite_errors("look after the database", self.file), closing(sqlite.connect(self.file)) as connection:
            return bool(connection.execute("SELECT count(*) FROM alembic_version").fetchone()[0])

    def _rescue(self, happened: str, note: DatabaseNote | None) -> None:
        logger.error("%s A new one is made of what can still be read, and of the recordings", happened)
        began, note = time.monotonic(), note or DatabaseNote()
        with disk_errors("make a new database", self._own):
            old = self.file
            cameras = find_cameras(self._data_dir, self._ring)
            next_step = ""
            try:
                if happened == NOT_OURS and not _may_read(old):
                    raise PermissionError(errno.EACCES, "it may not be read")  # it is not lost, so it stays
                done = rescue(old, old, note, cameras, self._node_id)
            except (OSError, StoreError) as error:
                if happened != NOT_OURS or old != self._own:
                    raise
                logger.error("it cannot be put aside either: %s", error)
                done = rescue(old, self._data_dir / STAND_IN, note, cameras, self._node_id)
                note = replace(note, stand_in=STAND_IN, stamp=_stamp(old) if _may_read(old) else "")
                next_step = f"Give {old} back to the user that runs Vigilar, writable, and start Vigilar again."
            told = Rescue(
                at_ms=time.time_ns() // 1_000_000,
                happened=happened,
                kept=str(done.kept or ""),
                lost=_lost_words(done),
                is_log_torn="deletions" in done.salvaged.torn,
                has_no_owner=not done.has_owner and self._was_here(note),
                next_step=next_step,
            )
            save_note(self._data_dir, replace(note, rescue=told))
        logger.error("a new database was made in %.1f s. %s", time.monotonic() - began, told.sentence)

    def _noted(self, store: Store, note: DatabaseNote | None) -> Store:
        """Tell of a rescue that is not told yet, and keep in mind where the tables begin."""
        try:
            with disk_errors("look after the database", self._data_dir):
                note_cameras(store, self._data_dir, self._ring, self._node_id)
            rescued = note.rescue if note else None
            if rescued is not None and rescued.is_rebuilding:
                tell(store, self._node_id, "database_replaced", rescued)
            with disk_errors("look after the database", self._data_dir):
                tell_upgrades(store, self.file, self._node_id)
            with sqlite_errors("look after the database", self.file), closing(sqlite.connect(self.file)) as raw:
                tables = read_tables(raw)
            with disk_errors("look after the database", self._data_dir):
                save_note(self._data_dir, replace(note or DatabaseNote(), revision=REVISIONS[-1], tables=tables))
        except BaseException:
            store.close()
            raise
        return store


def _may_write(file: Path) -> bool:
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return False
        raise
    return True


def _may_read(file: Path) -> bool:
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _stamp(file: Path) -> str:
    """Changes when the content of a database does, not when it is given to another user."""
    status = file.stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


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
        elif table in _ALWAYS_TOLD or left or last:
            words.append(f"all {name}" if not left else f"some {name}")
    if "arm_state" in salvaged.torn and not salvaged.rows.get("arm_state"):
        words.append(ARMING_LOST)
    return tuple(words)
