"""A database of every form that houses have, brought to the newest: copied first, proved, told, and the way back."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.ready_store import database_url, open_ready_store
from tests.recording_kit import flip_bit
from tests.small_disk import mounted_small_disk
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.base.folder_id import make_folder_id
from vigilar.processes.rescue import HouseDatabase
from vigilar.store import upgrade_copy
from vigilar.store.connect import parse_url
from vigilar.store.engine import Store
from vigilar.store.going_back import put_back
from vigilar.store.migrate import upgrade
from vigilar.store.revisions import REVISIONS
from vigilar.store.upgrade_copy import FOLDER, KEPT_AT_MOST, copies_folder, list_copies
from vigilar.vge.keys import KeyRing

DATABASES = ROOT / "tests" / "vectors" / "databases"


class House:
    """A house of one box, whose database is of an older form."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "vigilar.db"
        self.node_id = make_folder_id(folder)
        self.ring = KeyRing.load_or_create(folder / "secrets")

    def lay(self, revision: str) -> None:
        """A database of the step ``revision``, with one event."""
        for part in ("", "-wal", "-shm"):
            Path(f"{self.file}{part}").unlink(missing_ok=True)
        self.file.touch(mode=0o600)
        upgrade(parse_url(database_url(self.folder)), revision)
        self.run("INSERT INTO events (uid, change, type, severity, source_id, ts_ms, payload, words, created_ms) "
                 "VALUES ('u1', 1, 'motion', 'INFO', 'front', 1, '{}', 'motion', 1)")  # fmt: skip

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(sql, values).fetchall()

    def open(self) -> Store:
        return HouseDatabase(database_url(self.folder), self.folder, self.node_id, self.ring).open()

    def start(self) -> None:
        self.open().close()

    def told(self) -> list[dict[str, Any]]:
        rows = self.run("SELECT payload FROM outbox WHERE topic = 'vigilar/system/upkeep' ORDER BY rowid")
        return [json.loads(payload) for (payload,) in rows]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def rows_of(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, by the names of its columns in their order."""
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for (name,) in tables}  # noqa: S608 -- names of our own tables


def lay_dump(house: House, name: str) -> None:
    with closing(sqlite3.connect(house.file)) as connection:
        connection.executescript(gzip.decompress((DATABASES / name).read_bytes()).decode())
    house.file.chmod(0o600)


DUMPS = json.loads((DATABASES / "sealed.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(DUMPS))
def test_sealed_database_is_the_one_that_was_released(name: str) -> None:
    assert hashlib.sha256((DATABASES / name).read_bytes()).hexdigest() == DUMPS[name]["sha256"]


@pytest.mark.parametrize("name", sorted(DUMPS))
def test_released_database_loses_no_row(house: House, name: str) -> None:
    lay_dump(house, name)
    before = rows_of(house.file)
    kept = {table: len(before[table]) for table in DUMPS[name]["rows"]}
    assert kept == DUMPS[name]["rows"]
    house.start()
    after = rows_of(house.file)
    assert after["alembic_version"] == [(REVISIONS[-1],)]
    assert {table: len(after[table]) for table in kept if table != "outbox"} == {
        table: count for table, count in kept.items() if table != "outbox"
    }
    for table in ("users", "events", "files", "cameras"):
        width = len(before[table][0])
        assert [row[:width] for row in after[table]] == before[table], table
    (copy,) = list_copies(house.file)
    assert rows_of(copies_folder(house.file) / copy.name) == before


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_each_step_leads_to_the_newest_and_keeps_a_copy(house: House, revision: str) -> None:
    house.lay(revision)
    house.start()
    assert house.run("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    assert house.run("SELECT uid FROM events") == [("u1",)]
    (copy,) = list_copies(house.file)
    assert (copy.found, copy.wanted) == (revision, REVISIONS[-1])
    kept = copies_folder(house.file) / copy.name
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == copy.sha256
    assert kept.stat().st_mode & 0o777 == 0o600
    assert rows_of(kept)["alembic_version"] == [(revision,)]


def test_upgrade_is_told_once(house: House) -> None:
    house.lay("0006")
    house.start()
    house.start()
    (fact,) = house.told()
    assert fact["kind"] == "database_upgraded"
    assert fact["detail"]["reason"] == (
        f"From step 0006 to {REVISIONS[-1]}. The database as it was before is kept in {fact['detail']['kept']}."
    )
    assert Path(fact["detail"]["kept"]).exists()


def test_upgrade_whose_start_died_behind_it_is_told_by_the_next(house: House) -> None:
    house.lay("0006")
    upgrade_copy.copy_before_upgrade(house.file)
    upgrade(parse_url(database_url(house.folder)))
    house.start()
    assert [fact["kind"] for fact in house.told()] == ["database_upgraded"]


def test_new_house_and_newest_database_are_not_copied(house: House) -> None:
    house.start()
    house.start()
    assert not (house.folder / FOLDER).exists()
    assert house.told() == []


def test_failed_upgrade_leaves_the_old_database_and_one_copy(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.lay("0006")
    before = rows_of(house.file)

    def refuse(_url: object) -> None:
        raise StoreError("the steps of the database are not complete", kind=ErrorKind.PERMANENT)

    with monkeypatch.context() as broken:
        broken.setattr("vigilar.store.engine._migrate", refuse)
        for _ in range(3):
            with pytest.raises(StoreError, match="not complete"):
                house.start()
    assert rows_of(house.file) == before
    assert len(list_copies(house.file)) == 1
    house.start()
    assert house.run("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_copies_are_bounded_and_the_newest_stay(house: House) -> None:
    for number in range(KEPT_AT_MOST + 2):
        house.lay("0005")
        house.run("UPDATE events SET ts_ms = ?", number + 1)
        house.start()
    copies = list_copies(house.file)
    moments = [rows_of(copies_folder(house.file) / copy.name)["events"][0] for copy in copies]
    assert [row[6] for row in moments] == [KEPT_AT_MOST + 1, KEPT_AT_MOST + 2]
    assert len(list((house.folder / FOLDER).iterdir())) == 2 * KEPT_AT_MOST


def test_new_copy_stays_though_the_clock_stands_in_the_past(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(KEPT_AT_MOST):
        house.lay("0005")
        house.run("UPDATE events SET ts_ms = ?", number + 1)
        house.start()
    house.lay("0005")
    house.run("UPDATE events SET ts_ms = 99")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    copy = upgrade_copy.copy_before_upgrade(house.file)
    assert copy is not None
    assert copy in list_copies(house.file)
    assert len(list_copies(house.file)) == KEPT_AT_MOST


def test_unfinished_copy_is_made_anew(house: House) -> None:
    house.lay("0006")
    folder = house.folder / FOLDER
    folder.mkdir(mode=0o700)
    (folder / ".making").write_bytes(b"half of one")
    (folder / "2026-01-01T00-00-00.000Z-0005-to-0006.json").write_bytes(b"{}")
    house.start()
    (copy,) = list_copies(house.file)
    assert {one.name for one in folder.iterdir()} == {copy.name, copy.name.removesuffix(".db") + ".json"}


def test_no_room_for_the_copy_refuses_and_changes_nothing(tmp_path: Path) -> None:
    with mounted_small_disk(tmp_path / "small", 20) as folder:
        house = House(folder)
        house.lay("0006")
        house.run("CREATE TABLE filler (content BLOB)")
        house.run("INSERT INTO filler VALUES (zeroblob(3000000))")
        before = rows_of(house.file)
        with pytest.raises(StoreError) as refused:
            house.start()
        assert (refused.value.kind, refused.value.code) == (ErrorKind.FULL, "V-DB-NO-ROOM")
        assert refused.value.exit_code is ExitCode.NO_SPACE
        assert "there is no room for the copy of the database" in str(refused.value)
        assert rows_of(house.file) == before


def test_damaged_database_is_rescued_instead_of_copied(house: House) -> None:
    house.lay("0006")
    with house.file.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(bytes(4096 * 2))
    house.start()
    assert list_copies(house.file) == []
    assert [fact["kind"] for fact in house.told()] == ["database_replaced"]


# Going back


@pytest.fixture
def upgraded(house: House) -> House:
    house.lay("0006")
    house.start()
    house.run("UPDATE events SET uid = 'later'")
    return house


def vigilar(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vigilar", "--data-dir", str(house.folder), *arguments]
    environment = {**os.environ, "VIGILAR_STATE_DIR": str(house.folder / "state"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_undo_puts_the_database_of_before_back(upgraded: House) -> None:
    done = vigilar(upgraded, "upgrade", "undo", "--yes", "--to", "0006")
    assert (done.returncode, done.stderr) == (0, "The database is at step 0006 again, as it was before the upgrade.\n")
    assert upgraded.run("SELECT uid FROM events") == [("u1",)]
    assert upgraded.run("SELECT version_num FROM alembic_version") == [("0006",)]
    (newer,) = upgraded.folder.glob("damaged-databases/*/vigilar.db")
    assert rows_of(newer)["events"][0][1] == "later"
    again = vigilar(upgraded, "upgrade", "undo", "--yes", "--to", "0006")
    assert (again.returncode, again.stderr) == (
        0,
        "The database is one that the older Vigilar knows; nothing was changed.\n",
    )
    upgraded.start()
    assert upgraded.run("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_undo_asks_before_it_changes_anything(upgraded: House) -> None:
    done = vigilar(upgraded, "upgrade", "undo")
    assert done.returncode == ExitCode.REFUSED
    assert done.stderr.endswith("Say --yes if that is what you want.\n")
    assert upgraded.run("SELECT uid FROM events") == [("later",)]


def test_undo_without_a_copy_says_what_else_to_do(upgraded: House) -> None:
    done = vigilar(upgraded, "upgrade", "undo", "--yes", "--to", "0003")
    assert done.returncode == ExitCode.NOT_FOUND
    assert done.stderr == (
        "There is no copy of the database of before.\n"
        "Start the newer Vigilar again, or restore a backup made with the older one.\n"
    )


def test_undo_refuses_a_copy_that_was_changed(upgraded: House) -> None:
    (copy,) = list_copies(upgraded.file)
    file = copies_folder(upgraded.file) / copy.name
    flip_bit(file, file.stat().st_size - 1)
    with pytest.raises(StoreError, match="is not the one that was made"):
        put_back(upgraded.file, copy)
    assert upgraded.run("SELECT uid FROM events") == [("later",)]


def test_show_lists_copies(upgraded: House) -> None:
    done = vigilar(upgraded, "upgrade", "show", "--json")
    shown = json.loads(done.stdout)
    (copy,) = list_copies(upgraded.file)
    assert (shown["revision"], shown["newest"]) == (REVISIONS[-1], REVISIONS[-1])
    assert [one["name"] for one in shown["copies"]] == [copy.name]


# An older program, a newer database


@pytest.fixture
def newer(tmp_path: Path) -> House:
    house = House(tmp_path)
    open_ready_store(tmp_path).close()
    house.run("UPDATE alembic_version SET version_num = '9999'")
    return house


def test_start_on_newer_database_is_refused_with_a_sentence(newer: House) -> None:
    before = newer.file.read_bytes()
    done = vigilar(newer, "start")
    assert done.returncode == ExitCode.BROKEN
    assert "The database was written by a newer Vigilar than this one.\n" in done.stderr
    assert "Install that version again" in done.stderr
    assert "Traceback" not in done.stderr
    assert newer.file.read_bytes() == before
    assert not (newer.folder / FOLDER).exists()
