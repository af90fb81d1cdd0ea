"""A whole house out of a backup, into an empty data folder.

Invariant: nothing that is there is overwritten, and without the database, which comes last, no house is there. Steps:
the newest copy of the house that opens, into ``restore/`` of the data folder, whose note says from which target; keys;
recordings, each under its own name only when its bytes are right; rows of what the backup does not hold are marked;
mark of the data folder; database. After a death between any two the same command goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from vigilar.backup.copier import fetch_file
from vigilar.backup.house_copy import DATABASE, KEYS, SETTINGS, HouseCopy, check_database, open_house_copy, open_keys
from vigilar.backup.target import Mark, Target, find_mark, target_error
from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError, StoreError, VigilarError
from vigilar.base.folder_id import FILE_NAME as FOLDER_MARK
from vigilar.store.errors import sqlite_errors
from vigilar.store.inventory import NOT_RESTORED
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import EPOCH_NAME, KeyRing, has_key_lock
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.recovery import Sheet, find_sheet_key
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

FOLDERS = ("footage", "stills", "storyboards")

_WORK = "restore"
_NOTE = "from.json"
_NAME = re.compile(r"(?:footage|stills|storyboards)/[a-z0-9][a-z0-9-]{0,39}/[0-9-]{1,20}/\d{1,12}\.vge")
_HOUSE_NAME = re.compile(r"house/(\d{1,15})\.vge")
_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")

_IN_THE_WAY = ("vigilar.db", FOLDER_MARK, *FOLDERS)


@dataclass(slots=True)
class Restored:
    """What came back. ``made_ms``: of when the database is, UTC ms. ``damaged`` are names of recordings that are not
    as they were recorded, ``only_sheet`` how many open by the recovery sheet alone; ``locked``: those that no
    key here opens for now, so that only their bytes were compared. ``missing``: recordings of which the backup held no
    copy. ``settings_beside``: where the settings lie if there were some already."""

    made_ms: int = 0
    file_count: int = 0
    size_bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    only_sheet: int = 0
    locked: int = 0
    missing: int = 0
    has_keys: bool = False
    settings_beside: Path | None = None


@dataclass(frozen=True, slots=True)
class RestorePlaces:
    """Where the house is to be."""

    data_dir: Path
    secrets_dir: Path
    config_file: Path

    @property
    def work(self) -> Path:
        return self.data_dir / _WORK


class Restorer:
    """One restore. ``sheet`` is None where the keys of the house are on this box: then they and its settings stay.
    ``on_file`` is told how many files and bytes are here; raises what shall end it."""

    def __init__(
        self, target: Target, places: RestorePlaces, sheet: Sheet | None, on_file: Callable[[int, int], None]
    ) -> None:
        self._target = target
        self._places = places
        self._sheet = sheet
        self._on_file = on_file
        self._done = Restored()
        self._settings: Path | None = None

    def run(self) -> Restored:
        """Raises TargetError, RecordingError, StoreError, VigilarError (REFUSED: something is there already)."""
        self._target.open()
        mark = find_mark(self._target)
        if mark is None:
            raise VigilarError(
                f"{self._target.words} is no backup of Vigilar",
                code="restore.not_a_backup",
                next_step="Name the folder in which vigilar-backup.json lies.",
                exit_code=ExitCode.NOT_FOUND,
            )
        self._begin(mark)
        house = self._bring_house(mark)
        self._done.made_ms = house.made_ms
        self._put_keys(house)
        self._bring_recordings(house)
        self._put_settings(house)
        self._put_database(house)
        self._give_to_owner()
        return self._done

    def _begin(self, mark: Mark) -> None:
        places, note = self._places, self._places.work / _NOTE
        with file_errors("look into", places.data_dir):
            goes_on = note.exists() and json.loads(note.read_bytes()).get("id") == mark.id
            found = [name for name in _IN_THE_WAY if (places.data_dir / name).exists()]
        if (found and not goes_on) or (places.data_dir / DATABASE).exists():
            raise _refused(f"{places.data_dir} holds a house already ({', '.join(found)})")
        if not goes_on and self._sheet is not None and has_keys(places.secrets_dir):
            raise _refused(f"{places.secrets_dir} holds the keys of a house already")
        with file_errors("write into", places.data_dir):
            make_private_folder(places.data_dir)
            places.work.mkdir(mode=0o700, exist_ok=True)
            if not goes_on:
                write_atomic(note, json.dumps({"id": mark.id, "by_sheet": self._sheet is not None}).encode())

    def _bring_house(self, mark: Mark) -> HouseCopy:
        """The newest that is whole and opens. Raises the error of the newest if none does."""
        work = self._places.work
        listed = self._target.walk("house")
        copies = [(int(found[1]), name, size) for name, size in listed if (found := _HOUSE_NAME.fullmatch(name))]
        first: VigilarError | None = None
        for _number, name, size in sorted(copies, reverse=True):
            try:
                fetch_file(self._target, name, size, work / "house.vge", lambda _: None)
                house = open_house_copy(work / "house.vge", self._ring_for(work / "house.vge"), work)
                if house.node_id != mark.house:
                    raise RecordingError("it is another house's", kind=ErrorKind.CORRUPT, code="restore.other_house")
                if DATABASE in house.members:
                    check_database(house.members[DATABASE])
            except (RecordingError, StoreError) as error:
                first = first or error
            else:
                return house
        raise first or target_error(
            "empty", f"{self._target.words} holds no copy of database and settings", "The recordings in it may open "
            "all the same: put them into a data folder, then vigilar keys restore --data-dir FOLDER",
        )  # fmt: skip

    def _ring_for(self, path: Path) -> KeyRing:
        """What opens a file: the keys of this box, or the one that the sheet makes for it."""
        if self._sheet is None:
            return KeyRing.load(self._places.secrets_dir)
        key = find_sheet_key(path, self._sheet)
        if key is None:
            raise RecordingError(
                "The words are right, and this backup is not of this sheet",
                kind=ErrorKind.DENIED,
                code="vge.sheet",
                next_step="Take the sheet of that house; each sheet has its number at the top.",
                exit_code=ExitCode.LOCKED,
            )
        return KeyRing([], key)

    def _put_keys(self, house: HouseCopy) -> None:
        places = self._places
        if self._sheet is None:
            self._done.has_keys = True
            return
        if KEYS not in house.members:
            return
        found = open_keys(house.members[KEYS].read_bytes(), self._sheet)
        with file_errors("write into", places.secrets_dir):
            make_private_folder(places.secrets_dir)
            for name, content in found.items():
                if not _SECRET_NAME.fullmatch(name) or ".." in name:
                    raise RecordingError("The keys in this backup are not as they were made", kind=ErrorKind.CORRUPT)
                path = places.secrets_dir / name
                make_private_folder(path.parent)
                write_atomic(path, content)
        self._done.has_keys = True

    def _bring_recordings(self, house: HouseCopy) -> None:
        known = _known_copies(house.members[DATABASE], house.node_id) if DATABASE in house.members else {}
        ring = self._box_ring()
        for name, size in self._names():
            path = self._places.data_dir / name
            if not path.exists():
                self._bring_one(name, size, path, known.get(name))
            self._judge(name, path, ring)
            self._done.file_count += 1
            self._done.size_bytes += size
            self._on_file(self._done.file_count, self._done.size_bytes)

    def _names(self) -> Iterator[tuple[str, int]]:
        """Only names as ours are: nothing in a backup may choose where it is written."""
        for folder in FOLDERS:
            yield from ((name, size) for name, size in self._target.walk(folder) if _NAME.fullmatch(name))

    def _bring_one(self, name: str, size: int, path: Path, digest: bytes | None) -> None:
        with file_errors("write", path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        fetched = fetch_file(self._target, name, size, part, lambda _: None)
        if digest is not None and fetched.sha256 != digest:
            self._done.damaged.append(name)
        with file_errors("write", path):
            os.replace(part, path)
            fsync_folder(path.parent)

    def _box_ring(self) -> KeyRing | None:
        """None while the house is locked, or has no keys."""
        with suppress(RecordingError):
            return KeyRing.load(self._places.secrets_dir)
        return None

    def _judge(self, name: str, path: Path, ring: KeyRing | None) -> None:
        """Prove each tag, by whatever key there is."""
        report = verify_file(path, ring or KeyRing([]))
        if report.verdict is Verdict.REJECTED and f"vge.{report.code}" in LOCKED_CODES:
            key = None if self._sheet is None else find_sheet_key(path, self._sheet)
            if key is None:
                self._done.locked += 1
                return
            report = verify_file(path, KeyRing([], key))
            self._done.only_sheet += 1
        if report.verdict is not Verdict.CLOSED and name not in self._done.damaged:
            self._done.damaged.append(name)

    def _put_settings(self, house: HouseCopy) -> None:
        found = house.members.get(SETTINGS)
        if found is None:
            return
        to = self._places.config_file
        content = found.read_bytes()
        with file_errors("write", to):
            if to.exists():
                if to.read_bytes() == content:
                    return
                to = to.with_name(to.name + ".restored")
                self._done.settings_beside = to
            to.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(to, content)
        self._settings = to

    def _put_database(self, house: HouseCopy) -> None:
        places = self._places
        with file_errors("write into", places.data_dir):
            if FOLDER_MARK in house.members:
                write_atomic(places.data_dir / FOLDER_MARK, house.members[FOLDER_MARK].read_bytes())
            if DATABASE in house.members:
                self._done.missing = mark_missing(house.members[DATABASE], places.data_dir, house.node_id)
                os.replace(house.members[DATABASE], places.data_dir / DATABASE)
            fsync_folder(places.data_dir)
            shutil.rmtree(places.work)

    def _give_to_owner(self) -> None:
        """Root restores for the user whose data folder it is, as the installation made it."""
        places = self._places
        owner = places.data_dir.stat()
        if os.geteuid() != 0 or owner.st_uid == 0:
            return
        made = (places.data_dir, places.secrets_dir, self._settings or places.data_dir)
        for top in made:
            for path in (top, *(top.rglob("*") if top.is_dir() else ())):
                if not path.is_symlink() and path.exists() and path.stat().st_uid == 0:
                    os.chown(path, owner.st_uid, owner.st_gid)


def needs_sheet(places: RestorePlaces) -> bool:
    """Whether the words of the recovery sheet are needed: where no keys are, or a restore that needed them goes on."""
    note = places.work / _NOTE
    with file_errors("look into", places.data_dir):
        if note.exists():
            return bool(json.loads(note.read_bytes()).get("by_sheet"))
    return not has_keys(places.secrets_dir)


def has_keys(secrets_dir: Path) -> bool:
    """Whether a house has its keys there."""
    with file_errors("look into", secrets_dir):
        return has_key_lock(secrets_dir) or (
            secrets_dir.is_dir() and any(EPOCH_NAME.fullmatch(path.name) for path in secrets_dir.iterdir())
        )


def mark_missing(database: Path, data_dir: Path, node_id: str) -> int:
    """Have the rows of recordings that were not brought back say so: a page shows the gap and its reason, and nobody is
    told that somebody took them. How many there are. Raises StoreError."""
    with sqlite_errors("write the restored database", database), closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT id, path FROM files WHERE node_id = ? AND state <> 'missing'", (node_id,)
        ).fetchall()
        gone = [(NOT_RESTORED, file_id) for file_id, path in rows if not (data_dir / path).exists()]
        connection.executemany("UPDATE files SET state = 'missing', reason = ? WHERE id = ?", gone)
        connection.commit()
    return len(gone)


def _known_copies(database: Path, node_id: str) -> dict[str, bytes]:
    """Name of each copy -> SHA-256 that it had when it was read back."""
    with sqlite_errors("read the restored database", database), closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT path, sha256 FROM backup_files WHERE node_id = ?", (node_id,)).fetchall()
    return {str(path): bytes(digest) for path, digest in rows}


def _refused(sentence: str) -> VigilarError:
    return VigilarError(
        f"{sentence}; nothing was changed",
        code="restore.not_empty",
        next_step="Restoring overwrites nothing. Name an empty folder: vigilar backup restore FROM --data-dir FOLDER",
        exit_code=ExitCode.REFUSED,
    )
