"""What a process may touch of a SQLite database: tables by name, asked when a statement is prepared.

SQLite asks for each table and column before a statement runs (sqlite.org/c3ref/set_authorizer.html), and keeps the
answer with the statement, which the driver keeps: a statement that is used again costs nothing. What is not named is
refused, so a fault in a process that talks to cameras reads no member, session or PIN through its connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

_ALWAYS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_SAVEPOINT}
)
_WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE})


@dataclass(frozen=True, slots=True)
class Reach:
    """``read`` and ``write`` are names of tables. Who writes a table reads it too, and deletes nothing. ``keys`` are
    columns (table and name) that refer to those written: SQLite looks through them when a row comes. Nobody attaches
    another database, changes the schema or sets a pragma."""

    read: frozenset[str]
    write: frozenset[str]
    keys: frozenset[tuple[str, str]]

    def authorizer(self) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
        """For ``sqlite3.Connection.set_authorizer``."""
        readable = self.read | self.write

        def may(action: int, table: str | None, column: str | None, _database: str | None, _by: str | None) -> int:
            is_allowed = (
                action in _ALWAYS
                or (action == sqlite3.SQLITE_READ and (table in readable or (table, column) in self.keys))
                or (action in _WRITES and table in self.write)
            )
            return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY

        return may


CAMERA_REACH = Reach(
    read=frozenset({"events", "deletions"}),
    write=frozenset({"cameras", "files", "outbox"}),
    keys=frozenset({("incidents", "still_id")}),
)
"""Of a camera's process: its row and its numbers, its files, what it says; of events the one that tells whether it was
offline, and of the log of deletions where the chain of its files stands."""
