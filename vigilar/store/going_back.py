"""Putting the copy of before an upgrade in the place of the database, for a program that knows no newer form."""

from __future__ import annotations

from pathlib import Path

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store.rescue import replace_by
from vigilar.store.upgrade_copy import UpgradeCopy, checksum, copies_folder, note_of


def put_back(database: Path, copy: UpgradeCopy) -> None:
    """Put ``copy`` in the place of ``database``, which is put aside (``rescue.put_aside``). Nobody may use it.

    Killed at any point, this may be done again. Raises StoreError, OSError: then the database is as it was.
    """
    file = copies_folder(database) / copy.name
    if checksum(file) != copy.sha256:
        raise StoreError(
            f"the copy {file} is not the one that was made",
            kind=ErrorKind.CORRUPT,
            next_step="Look for another one: vigilar upgrade show. The database is as it was.",
            code="V-DB-COPY",
        )
    replace_by(database, file)
    note_of(file).unlink(missing_ok=True)
