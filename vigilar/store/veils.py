"""What hides the names of cameras from who sees only some (``base.veil``), by what the cameras are called now."""

from __future__ import annotations

from vigilar.base.veil import Veil
from vigilar.store.sql import Database, Run


def find_veil(store: Database, seen: frozenset[str] | None) -> Veil | None:
    """What hides all other cameras from who sees these; None for who sees all. Raises StoreError."""
    if seen is None:
        return None
    with store.sql_read("read cameras") as run:
        return read_veil(run, seen)


def read_veil(run: Run, seen: frozenset[str] | None) -> Veil | None:
    """The same within a transaction."""
    return None if seen is None else Veil(seen, {row[0]: row[1] for row in run("SELECT id, name FROM cameras")})
