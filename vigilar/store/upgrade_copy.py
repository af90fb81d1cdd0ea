"""The copy of a database that is made before its form changes: whole, proved, and kept until newer ones take its place.

Runs before the steps of ``migrate``, while no other process of the house runs. Invariant: a file ``*.db`` in the folder
is a whole copy with its note beside it, or a death came between the two renames and the next copy takes its place. The
steps, and what is left after a death behind each:

    1  the copy is made as ``.making``           the next call makes it anew
    2  it is proved: sound, as many rows          the same
    3  its note is written, with its checksum     a note without a copy, which the next call removes
    4  ``.making`` gets its name                  nothing to do

Going back puts such a copy in the place of the database (``going_back``), for a program that knows no newer form.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from vigilar.base.amounts import size_text
from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store import sqlite
from vigilar.store.errors import NEXT_STEPS, sqlite_errors
from vigilar.store.revisions import FOUND_SQL, REVISIONS

logger = logging.getLogger(__name__)

FOLDER = "before-upgrade"
KEPT_AT_MOST = 2
"""Copies, the new one counted; of the others the oldest goes first. One of a house with a million events has some
400 MB."""

ROOM_BYTES = 16 * 1024 * 1024
"""Beside the copy itself there must be this much left, so that the steps that follow do not fill the disk."""

_DOING = "copy the database before it is brought up to date"
_MAKING = ".making"
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class UpgradeCopy:
    """A proved copy. ``found`` is the step of its schema, ``wanted`` the one it was made before; ``made_ms`` UTC ms.

    ``is_told`` once an event about the upgrade was stored.
    """

    name: str
    found: str
    wanted: str
    made_ms: int
    size_bytes: int
    sha256: str
    is_told: bool = False

    def dump(self) -> bytes:
        return json.dumps({"v": 1, **asdict(self)}).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for what is none."""
        raw = json.loads(data)
        return cls(
            name=Path(str(raw["name"])).name,
            found=str(raw["found"]),
            wanted=str(raw["wanted"]),
            made_ms=int(raw["made_ms"]),
            size_bytes=int(raw["size_bytes"]),
            sha256=str(raw["sha256"]),
            is_told=bool(raw["is_told"]),
        )


def copies_folder(database: Path) -> Path:
    return database.parent / FOLDER


def list_copies(database: Path) -> list[UpgradeCopy]:
    """Oldest first. A note that cannot be read, or whose copy is not there, is none. Raises OSError."""
    folder, found = copies_folder(database), []
    with suppress(FileNotFoundError):
        for note in sorted(folder.glob("*.json")):
            with suppress(ValueError, KeyError, TypeError):
                copy = UpgradeCopy.parse(note.read_bytes())
                if (folder / copy.name).exists():
                    found.append(copy)
    return sorted(found, key=lambda one: (one.made_ms, one.name))


def copy_before_upgrade(database: Path) -> UpgradeCopy | None:
    """Copy ``database`` if the steps of this program would change it; None when they would not (a new house, one that
    is up to date, one of a newer program). Nobody else may write to it meanwhile.

    Raises StoreError: FULL when there is no room for the copy, CORRUPT when what was copied is damaged. Then the
    database is as it was, and must not be upgraded.
    """
    with disk_errors(_DOING, database.parent):
        found = find_revision(database)
        if found is None or found not in REVISIONS or found == REVISIONS[-1]:
            return None
        folder = copies_folder(database)
        make_private_folder(folder)
        _forget_notes(folder)
        _need_room(database, folder)
        making = folder / _MAKING
        _remove_unfinished(making)
        sqlite.prepare_file(making, create=True)
        try:
            _copy(database, making)
            copy = _keep(folder, making, found)
        finally:
            _remove_unfinished(making)
        _forget_oldest(folder, [one for one in list_copies(database) if one.name != copy.name])
        return copy


def find_revision(database: Path) -> str | None:
    """The step of the schema of the file at ``database``; None when there is no file, or none was ever run on it.

    Raises StoreError.
    """
    if not database.exists() or database.stat().st_size == 0:
        return None
    with sqlite_errors(_DOING, database), closing(sqlite.connect(database)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = connection.execute(FOUND_SQL).fetchone()
        return str(row[0]) if row else None


def mark_told(database: Path, copy: UpgradeCopy) -> None:
    """An event says that it was made. Raises OSError."""
    told = UpgradeCopy(**{**asdict(copy), "is_told": True})
    write_atomic(note_of(copies_folder(database) / copy.name), told.dump())


def _need_room(database: Path, folder: Path) -> None:
    log = Path(f"{database}-wal")
    needed = database.stat().st_size + (log.stat().st_size if log.exists() else 0) + ROOM_BYTES
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise StoreError(
            f"there is no room for the copy of the database that is made before it is brought up to date: "
            f"{size_text(needed)} are needed and {size_text(free)} are free",
            kind=ErrorKind.FULL,
            next_step=f"Free space on the disk of {folder}, or start the version of Vigilar that ran before.",
            code="V-DB-NO-ROOM",
            exit_code=ExitCode.NO_SPACE,
        )


def _copy(database: Path, making: Path) -> None:
    with (
        sqlite_errors(_DOING, database),
        closing(sqlite.connect(database)) as source,
        closing(sqlite.connect(making)) as target,
    ):
        source.backup(target)
        found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found == "ok" and _count_rows(target) == _count_rows(source):
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            return
    raise StoreError(
        f"the database is damaged: {found}" if found != "ok" else "the copy of the database has not all of its rows",
        kind=ErrorKind.CORRUPT,
        next_step=NEXT_STEPS[ErrorKind.CORRUPT],
        code="V-DB-CORRUPT",
    )


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for (name,) in tables}


def _keep(folder: Path, making: Path, found: str) -> UpgradeCopy:
    """Steps 3 and 4. A copy that is there already, as after a start that failed behind it, is not kept twice."""
    with making.open("rb") as file:
        os.fsync(file.fileno())
    sha256 = checksum(making)
    for one in list_copies(folder.parent / "database"):
        if one.sha256 == sha256:
            return one
    made_ms = time.time_ns() // 1_000_000
    when = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(made_ms / 1000))
    name = f"{when}.{made_ms % 1000:03d}Z-{found}-to-{REVISIONS[-1]}.db"
    copy = UpgradeCopy(name, found, REVISIONS[-1], made_ms, making.stat().st_size, sha256)
    write_atomic(note_of(folder / name), copy.dump())
    making.rename(folder / name)
    fsync_folder(folder)
    logger.info("the database was copied to %s before it is brought up to date", folder / name)
    return copy


def _remove_unfinished(making: Path) -> None:
    for part in ("", "-wal", "-shm", "-journal"):
        Path(f"{making}{part}").unlink(missing_ok=True)


def _forget_notes(folder: Path) -> None:
    """Those without their copy: of a death between steps 3 and 4."""
    for note in folder.glob("*.json"):
        if not note.with_suffix(".db").exists():
            note.unlink()


def _forget_oldest(folder: Path, others: list[UpgradeCopy]) -> None:
    """Of those beside the new one, which stays in any case: a box without a clock of its own starts in the past, and
    the copy that is needed next would be the oldest."""
    for old in others[: -(KEPT_AT_MOST - 1)]:
        logger.info("the copy %s is the oldest of more than %d and goes", old.name, KEPT_AT_MOST)
        (folder / old.name).unlink(missing_ok=True)
        note_of(folder / old.name).unlink(missing_ok=True)


def note_of(file: Path) -> Path:
    """What is known of the copy ``file``."""
    return file.with_suffix(".json")


def checksum(file: Path) -> str:
    """SHA-256 in hex. Raises OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
