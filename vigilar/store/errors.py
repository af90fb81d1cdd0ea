"""The gate of SQLite: whatever its driver raises leaves the store as StoreError. Knows no SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigilar.base.damage import note_damage
from vigilar.base.disk import DEVICE_STEP, READ_ONLY_STEP, device_fault, refuses_writing
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.base.redact import redact

DEVICE_FAILS = "the disk of the database reports an error"
READ_ONLY = "the database cannot be written: the file or its disk is read-only"

# Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code.
_SQLITE_KINDS = {
    sqlite3.SQLITE_PERM: (ErrorKind.DENIED, "the database may not be opened by this user"),
    sqlite3.SQLITE_BUSY: (ErrorKind.TRANSIENT, "the database is busy"),
    sqlite3.SQLITE_LOCKED: (ErrorKind.TRANSIENT, "the database is busy"),
    sqlite3.SQLITE_NOMEM: (ErrorKind.TRANSIENT, "there is no memory left for the database"),
    sqlite3.SQLITE_READONLY: (ErrorKind.DENIED, READ_ONLY),
    sqlite3.SQLITE_IOERR: (ErrorKind.TRANSIENT, DEVICE_FAILS),
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
    ErrorKind.FULL: "Free space on that disk; what waits is stored as soon as there is some.",
    ErrorKind.CORRUPT: "Vigilar makes a new one of what can be read of it; recording goes on.",
    ErrorKind.DENIED: "Check owner and mode of the database file and its folder.",
}

_SPECIAL = {
    DEVICE_FAILS: ("V-DB-DEVICE", DEVICE_STEP),
    READ_ONLY: ("V-DB-READONLY", f"Check owner and mode of the database file. {READ_ONLY_STEP}"),
}
"""What is wrong with the disk and not with the database has a code and a next step of its own."""

DEVICE_CODE = _SPECIAL[DEVICE_FAILS][0]
READ_ONLY_CODE = _SPECIAL[READ_ONLY][0]

FRESH_CODES = frozenset({DEVICE_CODE, f"V-DB-{ErrorKind.CORRUPT.name}"})
"""Of errors after which connections are opened anew."""

_MAY_BE_DEVICE = (ErrorKind.CORRUPT, ErrorKind.DENIED)
"""SQLite says "malformed" or "unable to open" for what is really a device that fails: it is asked itself."""


@contextmanager
def sqlite_errors(doing: str, file: Path | None = None) -> Iterator[None]:
    """Map errors of SQLite inside to StoreError. ``doing`` goes into the sentence: "cannot <doing>: ...".

    With ``file``, the database's, no database is called damaged before its device has been asked whether it answers.
    """
    try:
        yield
    except sqlite3.Error as error:
        kind, what = classify_sqlite(error)
        raise store_error(doing, *ask_device(kind, what, file)) from error


def ask_device(kind: ErrorKind, what: str, file: Path | None) -> tuple[ErrorKind, str]:
    """``kind`` and ``what`` of an error, or what is really the matter with the device under ``file``."""
    if file is None:
        return kind, what
    if kind in _MAY_BE_DEVICE and device_fault(file):
        return ErrorKind.TRANSIENT, DEVICE_FAILS
    if what == DEVICE_FAILS and refuses_writing(file):
        return ErrorKind.DENIED, READ_ONLY
    return kind, what


def store_error(doing: str, kind: ErrorKind, what: str) -> StoreError:
    if kind is ErrorKind.CORRUPT:
        note_damage()
    exit_code = ExitCode.NO_SPACE if kind is ErrorKind.FULL else None
    code, next_step = _SPECIAL.get(what, (f"V-DB-{kind.name}", NEXT_STEPS.get(kind, "")))
    return StoreError(f"cannot {doing}: {what}", kind=kind, next_step=next_step, code=code, exit_code=exit_code)


def classify_sqlite(error: sqlite3.Error) -> tuple[ErrorKind, str]:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _SQLITE_EXTENDED_KINDS:
        return _SQLITE_EXTENDED_KINDS[code]
    return _SQLITE_KINDS.get(code & 0xFF, (ErrorKind.BUG, redact(str(error))))
