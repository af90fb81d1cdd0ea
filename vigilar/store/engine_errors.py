"""The gate of the engine: whatever SQLAlchemy or a driver behind it raises leaves the store as StoreError."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exc

from vigilar.base.errors import ErrorKind
from vigilar.base.redact import redact
from vigilar.store.errors import ask_device, classify_sqlite, sqlite_errors, store_error

# SQLSTATE of PostgreSQL (its manual, appendix A): two characters are a class.
_POSTGRES_KINDS = {
    "53100": (ErrorKind.FULL, "the disk of the database is full"),
    "53": (ErrorKind.TRANSIENT, "the database has no place for more connections or memory"),
    "40": (ErrorKind.TRANSIENT, "the database is busy"),
    "55": (ErrorKind.TRANSIENT, "the database is busy"),
    "57": (ErrorKind.TRANSIENT, "the database is shutting down"),
    "08": (ErrorKind.TRANSIENT, "the database does not answer"),
    "28": (ErrorKind.DENIED, "the database refuses user or password"),
    "XX": (ErrorKind.CORRUPT, "the database is damaged"),
}


@contextmanager
def store_errors(doing: str, file: Path | None = None) -> Iterator[None]:
    """Map foreign errors inside to StoreError. ``doing`` and ``file`` as in ``sqlite_errors``."""
    try:
        with sqlite_errors(doing, file):
            yield
    except exc.TimeoutError as error:
        raise store_error(doing, ErrorKind.TRANSIENT, "all connections to the database are in use") from error
    except exc.DBAPIError as error:
        raise store_error(doing, *ask_device(*_classify(error), file)) from error
    except exc.SQLAlchemyError as error:
        raise store_error(doing, ErrorKind.BUG, redact(str(error).splitlines()[0])) from error


def _classify(error: exc.DBAPIError) -> tuple[ErrorKind, str]:
    if isinstance(error.orig, sqlite3.Error):
        return classify_sqlite(error.orig)
    state = str(getattr(error.orig, "sqlstate", "") or "")
    if state in _POSTGRES_KINDS:
        return _POSTGRES_KINDS[state]
    if state[:2] in _POSTGRES_KINDS:
        return _POSTGRES_KINDS[state[:2]]
    if isinstance(error, exc.OperationalError):
        return ErrorKind.TRANSIENT, "the database does not answer"
    return ErrorKind.BUG, redact(str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__)
