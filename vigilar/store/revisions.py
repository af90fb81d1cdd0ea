"""The steps of the schema, and whether a database fits this program."""

from __future__ import annotations

from vigilar.base.errors import ExitCode, StoreError

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
)
"""Every step of the schema this program knows, oldest first. Kept here so that opening needs no Alembic."""

FOUND_SQL = "SELECT version_num FROM alembic_version"


def check_revision(found: str | None) -> None:
    """Raises StoreError unless the schema ``found`` (None: there is none) is the newest this program knows."""
    refuse_newer(found)
    if found != REVISIONS[-1]:
        raise StoreError(
            "the database has an older form than this program needs",
            next_step="Restart Vigilar: `vigilar start` brings the database up to date before anything else.",
            code="V-DB-OLDER",
            exit_code=ExitCode.BROKEN,
        )


def refuse_newer(found: str | None) -> None:
    """Raises StoreError for a step this program does not know."""
    if found is not None and found not in REVISIONS:
        raise StoreError(
            "the database was written by a newer Vigilar than this one",
            next_step="Install that version again, or restore a backup made with this one.",
            code="V-DB-NEWER",
            exit_code=ExitCode.BROKEN,
        )
