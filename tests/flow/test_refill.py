"""The upkeep process gives rows to recordings that have none: after a rescue, and after a backup was put back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.proof_kit import Box, recorded_box
from tests.ready_store import database_url, lay_database
from tests.recording_kit import Clip, make_clip
from vigilar.base.database_note import find_note
from vigilar.base.stop import Stop
from vigilar.processes.refill import Refill, find_cameras
from vigilar.processes.rescue import HouseDatabase
from vigilar.proof.checkpoint import WITNESS, make_checkpoint
from vigilar.proof.history import check_history
from vigilar.proof.watch import Watch
from vigilar.store.cameras import ensure_camera, get_camera
from vigilar.store.files import find_files
from vigilar.vge.key_store import load_lock, lock_again, set_passphrase, unlock
from vigilar.vge.keys import KeyRing, memory_folder
from vigilar.vge.signing import BoxKey

FOREVER_MS = 1 << 45


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10)


@pytest.fixture
def box(tmp_path: Path, clip: Clip) -> Iterator[Box]:
    with recorded_box(tmp_path, clip) as it:
        yield it


def refill(box: Box) -> Refill:
    return Refill(box.folder, box.folder / "secrets", box.node_id, box.store, box.clock, lambda: True)


def codes(box: Box) -> list[str]:
    key = BoxKey.load_or_create(box.folder / "secrets")
    return [one.code for one in check_history(box.store, box.node_id, box.folder, key.public)]


def numbers(box: Box) -> list[int]:
    return [row.number for row in find_files(box.store, "front", "video", 0, FOREVER_MS)]


def rescued(box: Box) -> Box:
    """The box after a start that could read nothing of its database."""
    box.store.close()
    Path(f"{box.folder / 'vigilar.db'}").write_bytes(b"no database\n" * 999)
    for ending in ("-wal", "-shm"):
        Path(f"{box.folder / 'vigilar.db'}{ending}").unlink(missing_ok=True)
    box.store = HouseDatabase(database_url(box.folder), box.folder, box.node_id, box.ring).open()
    return box


def test_rescued_database_is_filled_and_signed_anew(box: Box) -> None:
    key = BoxKey.load_or_create(box.folder / "secrets")
    make_checkpoint(box.store, box.node_id, key, box.folder, box.clock.utc_ns() // 1_000_000)
    camera = get_camera(box.store, "front")
    rescued(box)
    found = get_camera(box.store, "front")
    assert camera is not None
    assert found is not None
    assert found.uuid == camera.uuid, "else the camera's own files would be strangers to it"
    assert numbers(box) == []
    watch = Watch(box.store, box.node_id, box.folder, box.folder / "secrets", box.clock)
    watch.look(Stop())
    assert [one["kind"] for one in box.told()] == ["database_replaced"], "the watch waits for the rows"
    it = refill(box)
    assert it.turn()
    assert numbers(box) == [1, 2, 3, 4]
    assert [one["kind"] for one in box.told()] == ["database_replaced", "database_rebuilt"]
    assert "4 recordings" in it.sentence
    note = find_note(box.folder)
    assert note is not None
    assert note.rescue is not None
    assert (note.rescue.is_rebuilding, note.rescue.recordings) == (False, 4)
    assert codes(box) == [], "what was lost with the database was told with it"
    watch.look(Stop())
    assert len(box.told()) == 2
    assert it.turn()
    assert len(box.told()) == 2, "once"


def test_file_removed_behind_a_damaged_database_is_told(box: Box) -> None:
    """Damaging the database is no way to let a recording vanish: the checkpoint beside the recordings names it."""
    key = BoxKey.load_or_create(box.folder / "secrets")
    make_checkpoint(box.store, box.node_id, key, box.folder, box.clock.utc_ns() // 1_000_000)
    box.sql("INSERT INTO counters (name, value) VALUES ('x', 1)")
    with closing(sqlite3.connect(box.folder / "vigilar.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'files'").fetchone()[0]
    box.path(3).unlink()
    box.store.close()
    with (box.folder / "vigilar.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))
    box.store = HouseDatabase(database_url(box.folder), box.folder, box.node_id, box.ring).open()
    assert refill(box).turn()
    assert "history_changed" in [one["kind"] for one in box.told()]


def test_older_backup_takes_good_footage_back_in(box: Box, tmp_path: Path) -> None:
    box.sql("DELETE FROM files WHERE number > 2")  # as a database from before they were made
    box.sql("UPDATE cameras SET next_video_number = 3, video_link = (SELECT link FROM files WHERE number = 2)")
    it = refill(box)
    assert it.turn()
    assert numbers(box) == [1, 2, 3, 4]
    (told,) = box.told()
    assert told["kind"] == "database_rebuilt"
    assert "2 recordings" in told["detail"]["reason"]
    assert box.verdicts() == []


def test_backup_from_before_a_camera_takes_its_footage_in(box: Box) -> None:
    camera = get_camera(box.store, "front")
    assert camera is not None
    box.store.close()
    lay_database(box.folder)
    for ending in ("-wal", "-shm"):
        Path(f"{box.folder / 'vigilar.db'}{ending}").unlink(missing_ok=True)
    box.store = HouseDatabase(database_url(box.folder), box.folder, box.node_id, box.ring).open()
    assert ensure_camera(box.store, "front", "Front door", 1, box.node_id).uuid == camera.uuid
    assert refill(box).turn()
    assert numbers(box) == [1, 2, 3, 4]
    assert box.verdicts() == []


def test_house_that_was_locked_takes_its_footage_in_once_unlocked(box: Box) -> None:
    camera = get_camera(box.store, "front")
    assert camera is not None
    secrets_dir = box.folder / "secrets"
    own = box.ring
    set_passphrase(secrets_dir, "five quiet words by the sea", None)
    lock_again(secrets_dir)
    try:
        box.ring = KeyRing.load(secrets_dir)
        assert box.ring.is_locked
        found = get_camera(rescued(box).store, "front")
        assert found is not None
        assert found.uuid == camera.uuid, "else its files would be strangers to it for ever"
        assert find_cameras(box.folder, own)["front"].highest == find_cameras(box.folder, box.ring)["front"].highest
        it = refill(box)
        assert it.turn()
        assert numbers(box) == []
        lock = load_lock(secrets_dir)
        assert lock is not None
        unlock(secrets_dir, lock.open_with_passphrase("five quiet words by the sea"))
        assert it.turn()
        assert numbers(box) == [1, 2, 3, 4]
    finally:
        shutil.rmtree(memory_folder(secrets_dir), ignore_errors=True)


def test_damaged_checkpoint_does_not_keep_the_filling_from_its_end(box: Box) -> None:
    key = BoxKey.load_or_create(box.folder / "secrets")
    make_checkpoint(box.store, box.node_id, key, box.folder, box.clock.utc_ns() // 1_000_000)
    (box.folder / WITNESS).write_bytes(bytes(500))
    assert refill(rescued(box)).turn()
    assert "history_changed" in [one["kind"] for one in box.told()]
    assert codes(box) == [], "it is signed anew"


def test_broken_off_filling_goes_on(box: Box) -> None:
    rescued(box)
    stopped = Refill(box.folder, box.folder / "secrets", box.node_id, box.store, box.clock, lambda: False)
    assert not stopped.turn()
    note = find_note(box.folder)
    assert note is not None
    assert note.rescue is not None
    assert note.rescue.is_rebuilding
    assert refill(box).turn()
    assert numbers(box) == [1, 2, 3, 4]
