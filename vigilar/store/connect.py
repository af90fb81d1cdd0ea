"""SQLAlchemy's connections: addresses, pragmas, pool, and which schema they find."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, create_engine, event, exc, make_url

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store import sqlite
from vigilar.store.engine_errors import store_errors
from vigilar.store.revisions import FOUND_SQL

POOL_SIZE = 2
"""Connections a process keeps: one that writes and one that reads meanwhile. Each costs about 0.2 MB."""

POOL_WAIT_S = 10.0
"""A thread waits this long for a connection; a page of events takes about 1 ms."""

CONNECT_TIMEOUT_S = 5
"""For a database server that does not answer."""

WRITE_LOCK = 0x76696769
"""Number of PostgreSQL's advisory lock that writers of this schema hold, as they hold the file's lock on SQLite."""

_FILE, _FILE_ID = "vigilar_file", "vigilar_file_id"

WRITES = "vigilar_writes"
"""The execution option of a connection whose transactions take the write lock at once."""


def make_engine(url: URL, *, foreign_keys: bool = True, pool_size: int = POOL_SIZE) -> Engine:
    """An engine whose connections have our pragmas. ``foreign_keys`` is off only while tables are rebuilt."""
    if url.get_backend_name() != "sqlite":
        return _make_server_engine(url, pool_size)
    file = file_of(url)
    found = threading.local()

    def connect() -> sqlite3.Connection:
        # Before it is opened: were another file put there meanwhile, that one's id would stand for the old one.
        found.file_id = sqlite.find_file_id(file)
        return sqlite.connect(file)

    engine = create_engine(
        url,
        creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        query_cache_size=100,
    )

    def prepare(dbapi_connection: sqlite3.Connection, record: Any) -> None:
        record.info[_FILE] = file
        record.info[_FILE_ID] = found.file_id  # of the same thread, a moment ago
        sqlite.set_pragmas(dbapi_connection, foreign_keys=foreign_keys)

    def check(_dbapi_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        """A damaged database may have been put aside: who is connected to it gets a connection to the new one."""
        if sqlite.find_file_id(file) != record.info[_FILE_ID]:
            raise exc.DisconnectionError

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        _refuse_exchanged(connection, file)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", check)
    event.listen(engine, "begin", begin)
    return engine


def begin_plain(connection: PoolProxiedConnection, begin: str) -> sqlite3.Connection:
    """The driver's own connection below one of the pool of an engine on SQLite, in the transaction that ``begin``
    begins. Who lets the connection go without COMMIT undoes it. Raises sqlite3.Error, StoreError."""
    driver = cast(sqlite3.Connection, connection.dbapi_connection)
    driver.execute(begin)
    _refuse_exchanged(connection, connection.info[_FILE])
    return driver


def _refuse_exchanged(connection: Connection | PoolProxiedConnection, file: Path) -> None:
    """A database may have been put aside while this waited for its lock: what were written there would be lost."""
    if sqlite.find_file_id(file) != connection.info[_FILE_ID]:
        connection.invalidate()
        raise StoreError("the database was just made anew", kind=ErrorKind.TRANSIENT)


def _make_server_engine(url: URL, pool_size: int) -> Engine:
    """An engine on PostgreSQL that keeps what SQLite gives: a reader sees one state, writers take turns from their
    start. Without the second, two boxes that read and then write would lose each other's work."""
    with store_errors("open the database"):
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=2,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": f"-c lock_timeout={sqlite.BUSY_TIMEOUT_MS} -c timezone=UTC",
            },
        )

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES, False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    event.listen(engine, "begin", begin)
    return engine


def parse_url(database_url: str) -> URL:
    try:
        return make_url(database_url)
    except exc.ArgumentError as error:
        # The text is not shown: it may hold a password.
        raise StoreError(
            "database_url is not an address of a database",
            next_step="Write it as sqlite:////absolute/path or postgresql+psycopg://user@host/name.",
            exit_code=ExitCode.CONFIG,
        ) from error


def file_of(url: URL) -> Path:
    """The file of a SQLite database. Raises StoreError when it is none."""
    if not url.database or url.database == ":memory:":
        raise StoreError("the database must be a file: processes share it", exit_code=ExitCode.CONFIG)
    return Path(url.database)


def find_revision(connection: Connection) -> str | None:
    """The newest step the database has seen, None when it has seen none."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.exec_driver_sql(FOUND_SQL).scalar()
