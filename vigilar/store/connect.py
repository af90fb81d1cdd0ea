"""SQLAlchemy's connections: addresses, pragmas, pool, and which schema they find."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from vigilar.base.errors import ExitCode, StoreError
from vigilar.store import sqlite
from vigilar.store.engine_errors import store_errors
from vigilar.store.revisions import FOUND_SQL

POOL_SIZE = 2
"""Connections a process keeps: one that writes and one that reads meanwhile. Each costs about 0.2 MB."""

POOL_WAIT_S = 10.0
"""A thread waits this long for a connection; a page of events takes about 1 ms."""

WRITES = "vigilar_writes"
"""The execution option of a connection whose transactions take the write lock at once."""


def make_engine(url: URL, *, foreign_keys: bool = True, pool_size: int = POOL_SIZE) -> Engine:
    """An engine whose connections have our pragmas. ``foreign_keys`` is off only while tables are rebuilt."""
    if url.get_backend_name() != "sqlite":
        with store_errors("open the database"):
            return create_engine(url, pool_size=pool_size, max_overflow=2, pool_timeout=POOL_WAIT_S, pool_pre_ping=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        query_cache_size=100,
        creator=partial(sqlite.connect, file_of(url)),
    )

    def prepare(dbapi_connection: sqlite3.Connection, _record: Any) -> None:
        sqlite.set_pragmas(dbapi_connection, foreign_keys=foreign_keys)

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", prepare)
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
