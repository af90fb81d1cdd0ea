"""What a connection to SQLite needs, whoever opens it. Imports nothing but the standard library's driver."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, StoreError

BUSY_TIMEOUT_MS = 5000
"""How long a statement waits for another process' write. A commit takes about 1 ms; 5 s is a disk in trouble."""

PAGE_CACHE_KIB = 512
"""Page cache of one connection. The kernel's own cache holds the rest."""

WAL_LIMIT_BYTES = 4 * 1024 * 1024
"""What is left of the write-ahead log after a checkpoint that found it larger."""


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection to a file that is there: SQLite must never make a new database where the drive with the old one
    was mounted a moment ago. Transactions are ours to begin."""
    return sqlite3.connect(
        f"{Path(path).absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )


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
            raise StoreError(
                f"the database {path} cannot be created: {os.strerror(error.errno or 0)}", kind=ErrorKind.DENIED
            ) from error
    elif not path.exists():
        raise StoreError(
            f"there is no database at {path}",
            kind=ErrorKind.TRANSIENT,
            next_step="Start Vigilar once: `vigilar start` makes it.",
            exit_code=ExitCode.NOT_RUNNING,
        )
