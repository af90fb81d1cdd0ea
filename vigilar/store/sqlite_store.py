"""The door to the database for a process that must stay small: SQLite's own driver and nothing else.

A house on another database gets the engine instead, and pays for it in memory.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from vigilar.store import sqlite
from vigilar.store.errors import sqlite_errors
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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises StoreError."""
        sqlite.prepare_file(path, create=False)
        with sqlite_errors("open the database"):
            connection = sqlite.connect(path)
        try:
            with sqlite_errors("open the database"):
                sqlite.set_pragmas(connection)
                has_steps = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
                found = connection.execute(FOUND_SQL).fetchone() if has_steps else None
            check_revision(found[0] if found else None)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

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
        with self._lock, sqlite_errors(doing):
            self._connection.execute(begin)
            try:
                yield self._run
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself; the first error is worth telling
                    self._connection.execute("ROLLBACK")
                raise

    def _run(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()
