"""Opening the database, and the two ways to use it: ``read`` and ``write``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, TextClause, text

from vigilar.base.errors import StoreError
from vigilar.store import sqlite
from vigilar.store.connect import WRITES, begin_plain, file_of, find_revision, make_engine, parse_url
from vigilar.store.engine_errors import store_errors
from vigilar.store.errors import FRESH_CODES
from vigilar.store.revisions import check_revision
from vigilar.store.sql import Run
from vigilar.store.sqlite import run_plain


class Store:
    """One process' door to the database. Thread-safe; every foreign error leaves it as StoreError.

    Writers of one process take turns by a lock of this object (level 2: a caller may hold a lock of its own while it
    calls, never the other way round); between processes they take turns by SQLite's write lock (on PostgreSQL by an
    advisory lock), waited for at most ``sqlite.BUSY_TIMEOUT_MS``, then the error is TRANSIENT. Readers never wait for
    writers (WAL).
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._file = _file(engine.url)
        self._write_lock = threading.Lock()

    @classmethod
    def open(cls, database_url: str, *, migrate: bool = False) -> Self:
        """Open the database at ``database_url`` (``sqlite:////absolute/path`` or ``postgresql+psycopg://...``).

        With ``migrate`` the database is created if it is not there, brought to the newest schema and, on SQLite,
        checked page by page (0.2 s for 100,000 events); the supervisor does so once, before any other process.
        Without it the schema must fit: an older or newer one, or none, is refused with a sentence that says what
        to do. Raises StoreError.
        """
        url = parse_url(database_url)
        if url.get_backend_name() == "sqlite":
            sqlite.prepare_file(file_of(url), create=migrate)
        engine = make_engine(url)
        try:
            if migrate:
                _migrate(url)
            with store_errors("open the database", _file(url)), engine.connect() as connection:
                check_revision(find_revision(connection))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Close all connections. The last one of all processes empties the write-ahead log."""
        self.engine.dispose()

    @contextmanager
    def read(self, doing: str) -> Iterator[Connection]:
        """A transaction that sees one state of the database. ``doing`` completes "cannot ..." in an error."""
        with self._fresh_after_fault(), store_errors(doing, self._file), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, doing: str) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; committed and on the disk when the block ends.

        An error inside undoes all of it. A deferred transaction would fail at its first write when another process
        wrote meanwhile, without waiting (``dependencies.md`` S1), hence BEGIN IMMEDIATE.
        """
        with (
            self._fresh_after_fault(),
            self._write_lock,
            store_errors(doing, self._file),
            self.engine.connect() as connection,
        ):
            connection.execution_options(**{WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _fresh_after_fault(self) -> Iterator[None]:
        """A device that failed and comes back is a new one to the kernel, and a damaged database is replaced by another
        file: connections into the old one never work again, so they are let go."""
        try:
            yield
        except StoreError as error:
            if error.code in FRESH_CODES:
                self.engine.dispose()
            raise

    @contextmanager
    def sql_read(self, doing: str) -> Iterator[Run]:
        if self._file is not None:
            with self._fresh_after_fault(), self._plain(doing, "BEGIN") as run:
                yield run
        else:
            with self.read(doing) as connection:
                yield runner(connection)

    @contextmanager
    def sql_write(self, doing: str) -> Iterator[Run]:
        if self._file is not None:
            with self._fresh_after_fault(), self._write_lock, self._plain(doing, "BEGIN IMMEDIATE") as run:
                yield run
        else:
            with self.write(doing) as connection:
                yield runner(connection)

    @contextmanager
    def _plain(self, doing: str, begin: str) -> Iterator[Run]:
        """A transaction of SQLite's driver on a connection of the pool: what SQLAlchemy does around each statement
        takes longer than most statements."""
        with store_errors(doing, self._file), closing(self.engine.raw_connection()) as connection:
            driver = begin_plain(connection, begin)
            yield partial(run_plain, driver)
            driver.execute("COMMIT")


def _file(url: URL) -> Path | None:
    return file_of(url) if url.get_backend_name() == "sqlite" else None


def runner(connection: Connection) -> Run:
    """Plain SQL in the open transaction of ``Store.read`` or ``Store.write``."""

    def run(sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        result = connection.execute(_statement(sql), values)
        return list(map(tuple, result.all())) if result.returns_rows else []

    return run


@lru_cache(maxsize=512)
def _statement(sql: str) -> TextClause:
    """Made once: to look through a text for its values takes as long as SQLite takes to answer."""
    return text(sql)


def _migrate(url: URL) -> None:
    # Imported here and nowhere else: Alembic costs 11 MB, and only one short-lived process upgrades.
    from vigilar.store.migrate import upgrade

    upgrade(url)
