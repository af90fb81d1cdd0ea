"""The door to the database for a process that must stay small: SQLite's own driver and nothing else.

A house on another database gets the engine instead, and pays for it in memory.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from vigilar.base.errors import StoreError
from vigilar.store import sqlite
from vigilar.store.errors import DEVICE_CODE, sqlite_errors
from vigilar.store.revisions import FOUND_SQL, check_revision
from vigilar.store.sql import Database, Run

_SCHEME = "sqlite:///"


def open_database(database_url: str) -> Database:
    """The smallest door that fits. The database is there and of the newest schema; raises StoreError otherwise."""
    if database_url.startswith(_SCHEME) and "?" not in database_url and "%" not in database_url:
        return SqliteStore.open(Path(database_url.removeprefix(_SCHEME)))
    from vigilar.store.engine import Store  # only here, so that SQLAlchemy is loaded only where it is needed

    return Store.open(database_url)


class SqliteStore:
    """One connection; threads take turns by a lock, other processes by SQLite's own. Errors leave it as StoreError.

    A statement takes about 1 ms, most of it the sync of a commit, so that one connection is enough for one camera.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises StoreError."""
        return cls(path, _connect(path))

    def close(self) -> None:
        with self._lock:
            self._let_go()

    @contextmanager
    def sql_read(self, doing: str) -> Iterator[Run]:
        with self._transaction(doing, "BEGIN") as run:
            yield run

    @contextmanager
    def sql_write(self, doing: str) -> Iterator[Run]:
        with self._transaction(doing, "BEGIN IMMEDIATE") as run:
            yield run

    @contextmanager
    def _transaction(self, doing: str, begin: str) -> Iterator[Run]:
        with self._lock, self._fresh_after_fault(), sqlite_errors(doing, self._path):
            if self._connection is None:
                self._connection = _connect(self._path)
            connection = self._connection
            connection.execute(begin)
            try:
                yield partial(_run, connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself; the first error is worth telling
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _fresh_after_fault(self) -> Iterator[None]:
        """A device that failed and comes back is a new one to the kernel: a connection into the old one never works
        again, so it is let go, and the next transaction opens another."""
        try:
            yield
        except StoreError as error:
            if error.code == DEVICE_CODE:
                self._let_go()
            raise

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _connect(path: Path) -> sqlite3.Connection:
    """Raises StoreError."""
    sqlite.prepare_file(path, create=False)
    with sqlite_errors("open the database", path):
        connection = sqlite.connect(path)
    try:
        with sqlite_errors("open the database", path):
            sqlite.set_pragmas(connection)
            has_steps = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            found = connection.execute(FOUND_SQL).fetchone() if has_steps else None
        check_revision(found[0] if found else None)
    except BaseException:
        connection.close()
        raise
    return connection


def _run(connection: sqlite3.Connection, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
    return connection.execute(sql, values).fetchall()
