"""What every door to the database gives beside its own: plain SQL in a transaction.

The statements of a camera's process are written as SQL text, because that process must stay small: SQLAlchemy takes
9 MB in each of them, mostly memory that was shared until its reference counts were touched. The text is what SQLite and
PostgreSQL both understand, with values named ``:like_this``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Run(Protocol):
    """Runs one statement in the transaction; its rows, none for one that gives none."""

    def __call__(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]: ...


class Database(Protocol):
    """``engine.Store`` and ``sqlite_store.SqliteStore``. ``doing`` completes "cannot ..." in an error (StoreError)."""

    def sql_read(self, doing: str) -> AbstractContextManager[Run]:
        """A transaction that sees one state of the database."""

    def sql_write(self, doing: str) -> AbstractContextManager[Run]:
        """A transaction that holds the write lock from its start; on the disk when the block ends."""

    def close(self) -> None: ...


def id_list(name: str, ids: Sequence[int]) -> tuple[str, dict[str, int]]:
    """These ids as a list of plain SQL, and the values in it; empty for none.

    The last id is repeated until their number is a power of two: each number is a text of its own, of which what reads
    it keeps some kB for each value, for as long as it does not know too many texts.
    """
    if not ids:
        return "", {}
    padded = [*ids, *[ids[-1]] * ((1 << (len(ids) - 1).bit_length()) - len(ids))]
    values = {f"{name}_{at}": one for at, one in enumerate(padded)}
    return ", ".join(f":{one}" for one in values), values
