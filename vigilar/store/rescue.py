"""A database that cannot be used is put aside, and a new one is made of what can still be read of it.

Runs in a short-lived process. Invariant: at the database's path lies the old one, whole with its log, or the new one,
or nothing while ``.ready`` lies beside it. The steps, and what the next start does after a death behind each:

    1  the new one is made as ``.making``                      makes it anew
    2  it is on the disk, and renamed to ``.ready``            goes on with 3
    3  the old one and its log are moved to a folder           goes on with 3 for what is left, then 4
       in ``damaged-databases``
    4  ``.ready`` gets the database's name                     nothing to do

While the house runs, other processes have the old one open: the write lock of the old one is held from before step 1
to behind step 4, and who gets it then finds another file at the path (``sqlite.is_moved``) and opens that.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.database_note import DatabaseNote
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import sqlite
from vigilar.store.adoption import CameraFound
from vigilar.store.as_left import READY
from vigilar.store.connect import parse_url
from vigilar.store.deletions import FIRST_PREVIOUS, Deletion, hash_of
from vigilar.store.errors import sqlite_errors
from vigilar.store.incident_mending import mend_incidents
from vigilar.store.migrate import upgrade
from vigilar.store.revisions import REVISIONS
from vigilar.store.salvage import Salvaged, Source, salvage

logger = logging.getLogger(__name__)

KEPT_FOLDER = "damaged-databases"
KEPT_AT_MOST = 3
"""Copies; the oldest goes first. One of a house with a million events has some 400 MB."""

_PARTS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Rescued:
    """``kept``: where the old one is now, None when there was none. ``salvaged`` says what came over."""

    kept: Path | None
    salvaged: Salvaged
    has_owner: bool


def finish_rescue(path: Path) -> None:
    """Do what is left of the steps 3 and 4, when a process died in them. Raises OSError."""
    if _beside(path, READY).exists():
        logger.warning("a new database was ready when Vigilar ended; it is put in place now")
        _put_in_place(path)


def rescue(
    old: Path, path: Path, note: DatabaseNote | None, cameras: Mapping[str, CameraFound], node_id: str
) -> Rescued:
    """Steps 1 to 4: what can be read of ``old`` is in the new database at ``path``. What was at ``path``, as a rule
    ``old`` itself, is put aside. Raises StoreError and OSError: then the old one is where it was."""
    making = _beside(path, ".making")
    _remove(making)
    with _holding(old):
        with closing(_open_source(old, note)) as source:
            revision = source.revision if source.revision in REVISIONS else REVISIONS[-1]
            sqlite.prepare_file(making, create=True)
            upgrade(parse_url(f"sqlite:///{making}"), revision)
            salvaged = _fill(making, source, cameras, node_id)
        upgrade(parse_url(f"sqlite:///{making}"))
        with sqlite_errors("make a new database", making), closing(_connect(making)) as connection:
            mended = mend_incidents(connection)
            owner = connection.execute("SELECT 1 FROM users WHERE role = 'owner'").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        if mended:
            logger.info("%d incidents were made anew from their events", mended)
        _remove(Path(f"{making}-wal"), Path(f"{making}-shm"))
        return Rescued(_exchange(making, path), salvaged, owner is not None)


def replace_by(path: Path, other: Path) -> None:
    """Put ``other``, a database that nobody uses, in the place of the one at ``path``, if there is one, which is put
    aside. It is copied, as it may lie on another disk, and removed at the end; killed at any point, this may be done
    again. Raises StoreError and OSError: then ``other`` is where it was."""
    making = _beside(path, ".making")
    _empty_log(other)
    try:
        sqlite.prepare_file(making, create=True)
        shutil.copyfile(other, making)
    except (OSError, StoreError):
        with suppress(OSError):
            _remove(making)
        raise
    _exchange(making, path)
    _remove(*(Path(f"{other}{part}") for part in _PARTS))


def put_aside(path: Path, kept_in: Path) -> Path:
    """Move a database that nobody uses, with its log, into a folder of its own in ``kept_in``, which is made. Raises
    OSError."""
    kept = kept_in / KEPT_FOLDER / time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
    while kept.exists():
        kept = kept.with_name(f"{kept.name}+")
    _move(path, kept)
    _forget_oldest(kept.parent)
    return kept


def _empty_log(path: Path) -> None:
    """Have all of a database that nobody uses in its file. Raises StoreError."""
    with sqlite_errors("empty the log of the database", path), closing(sqlite.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _open_source(path: Path, note: DatabaseNote | None) -> Source:
    """One that is not there, or may not be read, is as good as empty."""
    try:
        return Source(path, note)
    except OSError:
        return Source(Path(os.devnull), None)


@contextmanager
def _holding(path: Path) -> Iterator[None]:
    """Keep other processes from writing to the old database, as far as it is one. Raises StoreError (TRANSIENT) when
    one of them is in the middle of it for long."""
    with ExitStack() as holding:
        try:
            with sqlite_errors("make a new database", path):
                connection = holding.enter_context(closing(sqlite.connect(path)))
                connection.execute("BEGIN IMMEDIATE")
        except StoreError as error:
            if error.kind is ErrorKind.TRANSIENT and path.exists():
                raise
        yield


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite.connect(path)
    sqlite.set_pragmas(connection, foreign_keys=False)
    return connection


def _fill(making: Path, source: Source, cameras: Mapping[str, CameraFound], node_id: str) -> Salvaged:
    with sqlite_errors("make a new database", making), closing(_connect(making)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        salvaged = salvage(source, connection)
        for camera_id, found in cameras.items():
            _note_camera(connection, camera_id, found, node_id)
        if "deletions" in salvaged.torn:
            _chain_deletions(connection)
        _mend_references(connection)
        connection.execute("COMMIT")
    return salvaged


def _note_camera(connection: sqlite3.Connection, camera_id: str, found: CameraFound, node_id: str) -> None:
    """What the files tell of a camera holds: under another id its own files would be strangers to it."""
    names = {row[1] for row in connection.execute("PRAGMA table_info(cameras)")}
    now_ms = time.time_ns() // 1_000_000
    owner = {"node_id": node_id} if "node_id" in names else {}
    values = {
        "id": camera_id,
        "uuid": found.uuid,
        "name": camera_id,
        "created_ms": now_ms,
        "removed_ms": now_ms,
        **owner,
    }
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(
        f"INSERT INTO cameras ({', '.join(values)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET uuid = :uuid",
        values,
    )
    for content, highest in found.highest.items():
        column = f"next_{content}_number"
        if column in names:
            connection.execute(f"UPDATE cameras SET {column} = max({column}, ?) WHERE id = ?", (highest + 1, camera_id))


def _chain_deletions(connection: sqlite3.Connection) -> None:
    """Rows of the log of deletions were lost: those that are left become one chain again. That some are missing is told
    with the rescue; each that is left says by which link the recordings go on."""
    newest: dict[str, bytes] = {}
    names = [one.name for one in fields(Deletion)]
    rows = connection.execute(f"SELECT {', '.join(names)} FROM deletions ORDER BY id").fetchall()
    connection.execute("DELETE FROM deletions")
    for values in rows:
        row = Deletion(**dict(zip(names, values, strict=True)))
        row = replace(row, previous=newest.get(row.node_id, FIRST_PREVIOUS))
        newest[row.node_id] = made = hash_of(row)
        values = [getattr(replace(row, hash=made), name) for name in names]
        connection.execute(f"INSERT INTO deletions ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)


def _mend_references(connection: sqlite3.Connection) -> None:
    """Rows that point to one that was lost: the pointer goes where the schema lets it, else the row does."""
    deletes = {
        (table, row[0]): (row[3], row[6])
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for row in connection.execute(f'PRAGMA foreign_key_list("{table}")').fetchall()
    }
    while orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
        for table, rowid, _parent, key in orphans:
            column, on_delete = deletes[table, key]
            if on_delete == "SET NULL":
                connection.execute(f'UPDATE "{table}" SET {column} = NULL WHERE rowid = ?', (rowid,))
            else:
                connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))


def _exchange(making: Path, path: Path) -> Path | None:
    """Steps 2 to 4 with what lies at ``making``, whole and without a log; as ``_put_in_place``."""
    _sync(making)
    ready = making.rename(_beside(path, READY))
    fsync_folder(path.parent)
    try:
        return _put_in_place(path)
    except OSError:
        if path.exists():  # it could not be moved: nothing has happened
            _remove(ready)
        raise


def _put_in_place(path: Path) -> Path | None:
    """Steps 3 and 4; where the old one is now, None when there was none."""
    ready = _beside(path, READY)
    kept = path.parent / KEPT_FOLDER / time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(ready.stat().st_mtime))
    while path.exists() and (kept / path.name).exists():  # two of one second
        kept = kept.with_name(f"{kept.name}+")
    _move(path, kept)
    ready.rename(path)
    fsync_folder(path.parent)
    _forget_oldest(kept.parent)
    return kept if kept.exists() else None


def _move(path: Path, kept: Path) -> None:
    """What there is of a database, into the folder ``kept``."""
    old = [one for part in _PARTS if (one := Path(f"{path}{part}")).exists()]
    if not old:
        return
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    fsync_folder(kept.parent.parent)
    try:
        for one in old:
            one.rename(kept / one.name)
    except OSError:
        with suppress(OSError):  # empty, when the first could not be moved
            kept.rmdir()
        raise
    fsync_folder(kept)
    fsync_folder(path.parent)


def _forget_oldest(folder: Path) -> None:
    """They are named by their time."""
    if folder.is_dir():
        for old in sorted(folder.iterdir())[:-KEPT_AT_MOST]:
            logger.info("the damaged database in %s is the oldest of more than %d and goes", old, KEPT_AT_MOST)
            shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def find_fault(path: Path) -> str:
    """Whether a database that other processes use is damaged, as SQLite itself finds; empty when it is sound. Takes
    0.2 s for 100,000 events. Raises StoreError when that cannot be told now."""
    try:
        with sqlite_errors("check the database", path), closing(sqlite.connect(path)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except StoreError as error:
        if error.code != "V-DB-CORRUPT":
            raise
        return str(error)
    return "" if found == "ok" else found
