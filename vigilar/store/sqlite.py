"""What a connection to SQLite needs, whoever opens it. Imports no driver but the standard library's."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vigilar.base.damage import note_damage
from vigilar.base.disk import disk_error
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.errors import DEVICE_CODE

BUSY_TIMEOUT_MS = 5000
"""How long a statement waits for another process' write. A commit takes about 1 ms; 5 s is a disk in trouble."""

PAGE_CACHE_KIB = 512
"""Page cache of one connection. The kernel's own cache holds the rest."""

WAL_LIMIT_BYTES = 4 * 1024 * 1024
"""What is left of the write-ahead log after a checkpoint that found it larger."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file at ``path``, which must be there: SQLite would make an empty one, and after a drive is
    gone that would be a second, empty house under its mount point. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        isolation_level=None,  # the driver must not begin transactions by itself: it would begin deferred ones
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )


def run_plain(connection: sqlite3.Connection, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
    """One statement (``sql.Run``). Raises sqlite3.Error."""
    return connection.execute(sql, values).fetchall()


FileId = tuple[int, int]


def find_file_id(path: Path) -> FileId | None:
    """Which file lies at ``path``; None when none does. Takes a microsecond. Raises StoreError."""
    try:
        status = path.stat()
    except FileNotFoundError:
        note_damage()
        return None
    except OSError as error:
        raise refused_file(error, path) from error
    return status.st_dev, status.st_ino


def set_pragmas(connection: sqlite3.Connection, *, foreign_keys: bool = True) -> None:
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        f"cache_size = -{PAGE_CACHE_KIB}",
        f"journal_size_limit = {WAL_LIMIT_BYTES}",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def prepare_file(path: Path, *, create: bool) -> None:
    """Make sure that SQLite finds a file, readable for this user alone; its WAL files get the same mode from it."""
    if create:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise refused_file(error, path) from error
    elif not _exists(path):
        note_damage()
        raise StoreError(
            f"there is no database at {path}",
            kind=ErrorKind.TRANSIENT,
            next_step="Start Vigilar once: `vigilar start` makes it.",
            exit_code=ExitCode.NOT_RUNNING,
        )


def refused_file(error: OSError, path: Path) -> StoreError:
    """Why the system does not give us the file of the database."""
    told = disk_error(error, "open the database", path)
    code = DEVICE_CODE if told.kind is ErrorKind.TRANSIENT else f"V-DB-{told.kind.name}"
    return StoreError(str(told), kind=told.kind, next_step=told.next_step, code=code, exit_code=told.exit_code)


def _exists(path: Path) -> bool:
    """Raises StoreError when its device does not answer; ``Path.exists`` raises or says no, as the fault may be."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refused_file(error, path) from error
    return True
