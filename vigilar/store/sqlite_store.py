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
from typing import Self

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import sqlite
from vigilar.store.errors import FRESH_CODES, sqlite_errors, store_error
from vigilar.store.reach import Reach
from vigilar.store.revisions import FOUND_SQL, check_revision
from vigilar.store.sql import Database, Run

_SCHEME = "sqlite:///"


def find_plain_file(database_url: str) -> Path | None:
    """The file of a SQLite database whose address says it plainly; None where SQLAlchemy must read the address."""
    path = database_url.removeprefix(_SCHEME)
    is_plain = path != database_url and path not in ("", ":memory:") and "?" not in path and "%" not in path
    return Path(path) if is_plain else None


def open_database(database_url: str, reach: Reach | None = None) -> Database:
    """The smallest door that fits. The database is there and of the newest schema; raises StoreError otherwise.

    ``reach`` bounds what is touched of a SQLite database; on a server the rights of its user do.
    """
    if file := find_plain_file(database_url):
        return SqliteStore.open(file, reach)
    from vigilar.store.engine import Store  # only here, so that SQLAlchemy is loaded only where it is needed

    return Store.open(database_url)


class SqliteStore:
    """One connection; threads take turns by a lock, other processes by SQLite's own. Errors leave it as StoreError.

    A statement takes about 1 ms, most of it the sync of a commit, so that one connection is enough for one camera.
    """

    def __init__(self, path: Path, reach: Reach | None = None) -> None:
        self._path = path
        self._reach = reach
        self._connection: sqlite3.Connection | None = None
        self._file_id: sqlite.FileId | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, reach: Reach | None = None) -> Self:
        """Raises StoreError, also later for what is beyond ``reach`` (BUG); without one all may be touched."""
        store = cls(path, reach)
        store._connected()
        return store

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def check(self) -> None:
        """Look at each page. Takes 0.2 s for 100,000 events, and keeps no writer waiting. Raises StoreError: CORRUPT
        for a database that is damaged, of which the supervisor has heard then."""
        with self.sql_read("check the database") as run:
            found = str(run("PRAGMA quick_check(1)")[0][0])
        if found != "ok":
            raise store_error("check the database", ErrorKind.CORRUPT, f"it is damaged: {found}")

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
            connection = self._begin(begin)
            try:
                yield partial(sqlite.run_plain, connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself; the first error is worth telling
                    connection.execute("ROLLBACK")
                raise

    def _begin(self, begin: str) -> sqlite3.Connection:
        """A connection in a transaction, to the file that is at the path now: a damaged database may have been put
        aside since, also while this waited for its lock, and what were written there then would be lost."""
        connection = self._connected()
        connection.execute(begin)
        if sqlite.find_file_id(self._path) != self._file_id:
            self._let_go()
            connection = self._connected()
            connection.execute(begin)
        return connection

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # Before it is opened: were another file put there meanwhile, that one's id would stand for the old one.
            self._file_id = sqlite.find_file_id(self._path)
            self._connection = _connect(self._path, self._reach)
        return self._connection

    @contextmanager
    def _fresh_after_fault(self) -> Iterator[None]:
        """A device that failed and comes back is a new one to the kernel, and a damaged database is replaced by another
        file: a connection into the old one never works again, so it is let go, and the next transaction opens
        another."""
        try:
            yield
        except StoreError as error:
            if error.code in FRESH_CODES:
                self._let_go()
            raise

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _connect(path: Path, reach: Reach | None) -> sqlite3.Connection:
    """Raises StoreError."""
    sqlite.prepare_file(path, create=False)
    with sqlite_errors("open the database", path):
        connection = sqlite.connect(path)
    try:
        with sqlite_errors("open the database", path):
            sqlite.set_pragmas(connection)
            has_steps = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            found = connection.execute(FOUND_SQL).fetchone() if has_steps else None
            if reach is not None:
                connection.set_authorizer(reach.authorizer())
        check_revision(found[0] if found else None)
    except BaseException:
        connection.close()
        raise
    return connection
