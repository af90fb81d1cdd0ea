"""A start tells a database that was left in order, for which little has to be loaded, from one to be seen to."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from vigilar.base.database_note import Rescue, find_note, save_note
from vigilar.base.folder_id import make_folder_id
from vigilar.config.places import Places
from vigilar.processes.upgrade import prepare_start
from vigilar.store.as_left import READY, open_as_left
from vigilar.store.cameras import ensure_camera, list_cameras
from vigilar.store.revisions import REVISIONS
from vigilar.store.sqlite_store import SqliteStore
from vigilar.store.upgrade_copy import UpgradeCopy, copies_folder, note_of
from vigilar.vge.claim import CONTENT_OF
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

START = """
import sys
from pathlib import Path
from vigilar.config.places import Places
from vigilar.processes.upgrade import prepare_start

folder = Path(sys.argv[1])
prepare_start(Places(folder / "vigilar.toml", folder, folder / "secrets", may_lack_config=True))
print(*sorted({"sqlalchemy", "alembic"} & set(sys.modules)))
"""


def places_of(folder: Path) -> Places:
    return Places(folder / "vigilar.toml", folder, folder / "secrets", may_lack_config=True)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house that was started once, with one camera."""
    folder = tmp_path_factory.mktemp("as-left")
    node_id = make_folder_id(folder)
    prepare_start(places_of(folder))
    with closing(SqliteStore.open(folder / "vigilar.db")) as store:
        ensure_camera(store, "front", "Front door", 1, node_id)
    return folder


@pytest.fixture
def house(started: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(started, tmp_path / "house"))


def run(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection, connection:
        connection.execute(sql, values)


def is_as_left(folder: Path) -> bool:
    store = open_as_left(folder / "vigilar.db", find_note(folder))
    if store is None:
        return False
    with closing(store):
        return [camera.id for camera in list_cameras(store)] == ["front"]


def test_database_left_in_order_is_opened(house: Path) -> None:
    assert is_as_left(house)


def zero(folder: Path, name: str) -> None:
    """Lose the first page of a table or an index."""
    file = folder / "vigilar.db"
    with closing(sqlite3.connect(file)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as raw:
        raw.seek((root - 1) * size)
        raw.write(bytes(size))


def point_nowhere(folder: Path) -> None:
    run(folder, "INSERT INTO user_cameras (user_id, camera_id) VALUES (7, 'front')")


def change_note(folder: Path, **changes: object) -> None:
    note = find_note(folder)
    assert note is not None
    save_note(folder, replace(note, **changes))  # type: ignore[arg-type]  # named by the cases below


def put_a_folder_there(folder: Path) -> None:
    (folder / "vigilar.db").unlink()
    (folder / "vigilar.db").mkdir()


def add_untold_copy(folder: Path) -> None:
    copy = UpgradeCopy("old.db", REVISIONS[-2], REVISIONS[-1], 1, 1, "0" * 64)
    home = copies_folder(folder / "vigilar.db")
    home.mkdir()
    (home / copy.name).touch()
    note_of(home / copy.name).write_bytes(copy.dump())


TROUBLES: dict[str, Callable[[Path], object]] = {
    "page of a table lost": lambda folder: zero(folder, "events"),
    "page of an index lost": lambda folder: zero(folder, "events_by_kind"),
    "row that points nowhere": point_nowhere,
    "older schema": lambda folder: run(folder, "UPDATE alembic_version SET version_num = ?", REVISIONS[-2]),
    "newer schema": lambda folder: run(folder, "UPDATE alembic_version SET version_num = '9999'"),
    "no schema": lambda folder: run(folder, "DROP TABLE alembic_version"),
    "other tables than noted": lambda folder: run(folder, "CREATE TABLE more (x)"),
    "file gone": lambda folder: (folder / "vigilar.db").unlink(),
    "file empty": lambda folder: (folder / "vigilar.db").write_bytes(b""),
    "no file": put_a_folder_there,
    "note gone": lambda folder: (folder / "vigilar-database.json").unlink(),
    "note of an older schema": lambda folder: change_note(folder, revision=REVISIONS[-2]),
    "stand-in": lambda folder: change_note(folder, stand_in="vigilar-stand-in.db"),
    "rescue to be told": lambda folder: change_note(folder, rescue=Rescue(at_ms=1, happened="It was damaged.")),
    "rescue broken off": lambda folder: (folder / f"vigilar.db{READY}").touch(),
    "upgrade to be told": add_untold_copy,
}


@pytest.mark.parametrize("name", TROUBLES)
def test_anything_else_is_to_be_seen_to(house: Path, name: str) -> None:
    TROUBLES[name](house)
    assert not is_as_left(house)


def test_rescue_that_is_over_needs_nothing_more(house: Path) -> None:
    change_note(house, rescue=Rescue(at_ms=1, happened="It was damaged.", is_rebuilding=False))
    assert is_as_left(house)


def start(folder: Path) -> str:
    """Start as a process does; which of the two libraries it loaded."""
    done = subprocess.run([sys.executable, "-c", START, str(folder)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_start_of_a_house_left_in_order_loads_no_sqlalchemy(house: Path) -> None:
    assert start(house) == ""


def test_start_that_meets_damage_makes_a_new_database(house: Path) -> None:
    zero(house, "events")
    assert start(house) == "alembic sqlalchemy"
    note = find_note(house)
    assert note is not None
    assert note.rescue is not None
    assert note.rescue.is_rebuilding


def write_recording(path: Path, camera_uuid: bytes, ring: KeyRing) -> None:
    path.parent.mkdir(parents=True)
    spec = FileSpec(camera_uuid, 1, CONTENT_OF["video"], 1_000_000_000, 1, bytes(16), bytes(32), 1000)
    writer = VgeWriter.create(path, spec, ring)
    writer.append_init(b"init", utc_ns=1_000_000_000, mono_ns=1)
    writer.close(CloseReason.ROLLOVER, utc_ns=2_000_000_000, mono_ns=2)


def test_camera_of_recordings_that_the_database_does_not_know_gets_its_row(house: Path) -> None:
    uuid = bytes(range(16))
    write_recording(house / "footage" / "yard" / "1970-01-01" / "1.vge", uuid, KeyRing.load(house / "secrets"))
    prepare_start(places_of(house))
    with closing(SqliteStore.open(house / "vigilar.db")) as store:
        assert {camera.id: camera.uuid for camera in list_cameras(store, with_removed=True)}["yard"] == uuid
