"""Cursors of lists that are ordered by time: the place of the last row of the page before."""

from __future__ import annotations

from vigilar.base.errors import ErrorKind, StoreError


def parse_cursor(cursor: str) -> tuple[int, int]:
    """Time (UTC ms) and id of the last row of the page before. Raises StoreError (code V-DB-CURSOR)."""
    ts_text, dot, id_text = cursor.partition(".")
    if not (dot and ts_text.isascii() and ts_text.isdigit() and id_text.isascii() and id_text.isdigit()):
        raise _bad_cursor()
    if max(len(ts_text), len(id_text)) > 18:  # beyond 64 bits
        raise _bad_cursor()
    return int(ts_text), int(id_text)


def _bad_cursor() -> StoreError:
    return StoreError("the cursor is not one of this list", kind=ErrorKind.PERMANENT, code="V-DB-CURSOR")
