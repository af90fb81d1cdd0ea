"""Connections: addresses, pragmas, pool, and whether the schema fits this program."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.errors import store_errors
from vigilar.store.schema import REVISIONS

BUSY_TIMEOUT_MS = 5000
"""How long a statement waits for another process' write. A commit takes about 1 ms; 5 s is a disk in trouble."""

POOL_SIZE = 2
"""Connections a process keeps: one that writes and one that reads meanwhile. Each costs about 0.2 MB."""

POOL_WAIT_S = 10.0
"""A thread waits this long for a connection; a page of events takes about 1 ms."""

PAGE_CACHE_KIB = 512
"""Page cache of one connection. The kernel's own cache holds the rest."""

WAL_LIMIT_BYTES = 4 * 1024 * 1024
"""What is left of the write-ahead log after a checkpoint that found it larger."""

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
        # The driver must not begin transactions by itself: it would begin deferred ones.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    def set_pragmas(dbapi_connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            f"cache_size = -{PAGE_CACHE_KIB}",
            f"journal_size_limit = {WAL_LIMIT_BYTES}",
            "trusted_schema = OFF",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", set_pragmas)
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


def prepare_file(url: URL, *, create: bool) -> None:
    """Make sure that SQLite finds a file, readable for this user alone; its WAL files get the same mode from it."""
    if not url.database or url.database == ":memory:":
        raise StoreError("the database must be a file: processes share it", exit_code=ExitCode.CONFIG)
    path = Path(url.database)
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


def check_revision(connection: Connection) -> None:
    """Raises StoreError unless the schema is the newest this program knows."""
    found = refuse_newer(connection)
    if found != REVISIONS[-1]:
        raise StoreError(
            "the database has an older form than this program needs",
            next_step="Restart Vigilar: `vigilar start` brings the database up to date before anything else.",
            code="V-DB-OLDER",
            exit_code=ExitCode.BROKEN,
        )


def refuse_newer(connection: Connection) -> str | None:
    """The newest step the database has seen, None when it has seen none. Raises StoreError for an unknown one."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is None or found in REVISIONS:
        return found
    raise StoreError(
        "the database was written by a newer Vigilar than this one",
        next_step="Install that version again, or restore a backup made with this one.",
        code="V-DB-NEWER",
        exit_code=ExitCode.BROKEN,
    )
