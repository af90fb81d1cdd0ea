"""The gate of SQLite: whatever its driver raises leaves the store as StoreError. Knows no SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.base.redact import redact

# Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code.
_SQLITE_KINDS = {
    sqlite3.SQLITE_PERM: (ErrorKind.DENIED, "the database may not be opened by this user"),
    sqlite3.SQLITE_BUSY: (ErrorKind.TRANSIENT, "the database is busy"),
    sqlite3.SQLITE_LOCKED: (ErrorKind.TRANSIENT, "the database is busy"),
    sqlite3.SQLITE_NOMEM: (ErrorKind.TRANSIENT, "there is no memory left for the database"),
    sqlite3.SQLITE_READONLY: (ErrorKind.DENIED, "the database cannot be written: the file or its disk is read-only"),
    sqlite3.SQLITE_IOERR: (ErrorKind.TRANSIENT, "the disk of the database reports an error"),
    sqlite3.SQLITE_CORRUPT: (ErrorKind.CORRUPT, "the database is damaged"),
    sqlite3.SQLITE_FULL: (ErrorKind.FULL, "the disk of the database is full"),
    sqlite3.SQLITE_CANTOPEN: (ErrorKind.DENIED, "the database cannot be opened"),
    sqlite3.SQLITE_NOTADB: (ErrorKind.CORRUPT, "the file is not a database"),
}

# Extended codes that mean more than their primary code: the shared-memory file cannot grow on a full disk.
_SQLITE_EXTENDED_KINDS = {
    sqlite3.SQLITE_IOERR_SHMSIZE: _SQLITE_KINDS[sqlite3.SQLITE_FULL],
}

DATABASE_TROUBLE = frozenset({ErrorKind.TRANSIENT, ErrorKind.FULL, ErrorKind.DENIED, ErrorKind.CORRUPT})
"""Kinds of errors that say nothing about the row at hand: it is tried again until the database is well."""

NEXT_STEPS = {
    ErrorKind.FULL: "Free space on that disk; what waits is stored as soon as there is room.",
    ErrorKind.CORRUPT: "Stop Vigilar and restore the database from a backup; the recordings are not affected.",
    ErrorKind.DENIED: "Check owner and mode of the database file and its folder.",
}


@contextmanager
def sqlite_errors(doing: str) -> Iterator[None]:
    """Map errors of SQLite inside to StoreError. ``doing`` goes into the sentence: "cannot <doing>: ..."."""
    try:
        yield
    except sqlite3.Error as error:
        kind, what = classify_sqlite(error)
        raise store_error(doing, kind, what) from error


def store_error(doing: str, kind: ErrorKind, what: str) -> StoreError:
    exit_code = ExitCode.NO_ROOM if kind is ErrorKind.FULL else None
    return StoreError(
        f"cannot {doing}: {what}",
        kind=kind,
        next_step=NEXT_STEPS.get(kind, ""),
        code=f"V-DB-{kind.name}",
        exit_code=exit_code,
    )


def classify_sqlite(error: sqlite3.Error) -> tuple[ErrorKind, str]:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _SQLITE_EXTENDED_KINDS:
        return _SQLITE_EXTENDED_KINDS[code]
    return _SQLITE_KINDS.get(code & 0xFF, (ErrorKind.BUG, redact(str(error))))
