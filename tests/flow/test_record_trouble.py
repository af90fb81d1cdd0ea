"""Full disks, failing devices, a database that does not take anything: recording goes on as soon as it can."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.recording_kit import Bench, Clip, bench, make_clip, probe_times
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.base.not_recording import NotRecording
from vigilar.media.packets import Packet
from vigilar.record import row_writer
from vigilar.record.free_space import FreeSpace
from vigilar.record.recorder import RecorderSettings
from vigilar.record.recovery import Recovery
from vigilar.store import files
from vigilar.vge import writer as vge_writer
from vigilar.vge.format import CloseReason
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import KeyRing
from vigilar.vge.output import write_at
from vigilar.vge.reader import VgeReader
from vigilar.vge.report import Verdict
from vigilar.vge.rewrap import rewrap_file
from vigilar.vge.ring_folder import RingFolder
from vigilar.vge.verify import verify_file

MIB = 1024 * 1024
PLENTY = FreeSpace(1000 * MIB, 2000 * MIB)
NOTHING = FreeSpace(1 * MIB, 2000 * MIB)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10)


class FaultyDisk:
    """Stands where the writer writes; fails with ``error`` while it is set, from the record after ``spare`` on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error = 0
        self.spare = 0
        monkeypatch.setattr(vge_writer, "write_at", self._write_at)

    def _write_at(self, fd: int, data: bytes | memoryview, offset: int) -> None:
        if self.error and self.spare == 0:
            write_at(fd, bytes(data)[: len(data) // 2], offset)  # half a record reaches the disk
            raise OSError(self.error, os.strerror(self.error))
        self.spare = max(0, self.spare - 1)
        write_at(fd, data, offset)


def _packets(clip: Clip, seconds: float) -> list[Packet]:
    return list(islice(clip.endless(), round(seconds * 10)))


def _frames(bench: Bench, row: files.FileRow) -> list[float]:
    return [at for at, _, _ in probe_times(bench.plaintext(row), bench.data_dir)]


def test_disk_without_room_ends_the_file_and_resumes(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.free[0] = PLENTY
        b.ring.add(clip.run())
        packets = _packets(clip, 40)
        b.feed(packets[:55])
        b.free[0] = NOTHING
        b.feed(packets[55:200])
        assert b.kinds() == ["disk_full"]
        assert b.rows()[0].state == "closed"
        assert verify_file(b.path(b.rows()[0]), b.keys).close_reason is CloseReason.DISK_FULL
        b.free[0] = PLENTY
        b.feed(packets[200:])
        b.recorder.finish()
        first, second = b.rows()
        assert sorted(b.kinds()) == ["disk_full", "footage_lost", "recording_resumed"]
        # what came while there was no space waited in the ring: only the rest of one group is missing
        frames = _frames(b, first) + _frames(b, second)
        assert len(frames) == len(set(frames))
        assert frames[-1] == pytest.approx(39.9)
        assert len(frames) >= 390


def test_full_disk_in_a_record_cuts_back_and_resumes_within_two_seconds(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk(monkeypatch)
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 12)
        b.feed(packets[:32])
        disk.error = errno.ENOSPC
        b.feed(packets[32:42])
        disk.error = 0
        b.feed(packets[42:62])
        assert b.recorder.is_recording
        b.feed(packets[62:])
        b.recorder.finish()
        assert b.kinds() == ["disk_full", "footage_lost", "recording_resumed"]
        for row in b.rows():
            assert verify_file(b.path(row), b.keys).verdict is Verdict.CLOSED
        assert [row.state for row in b.rows()] == ["recovered", "closed"]
        frames = [at for row in b.rows() for at in _frames(b, row)]
        assert len(frames) >= 110


@pytest.mark.parametrize(
    ("steps", "state"),
    [("rotate", "recovered"), ("rotate, move", "recovered"), ("rotate, move, rotate", "open")],
)
def test_rotation_while_a_file_waits_for_room_does_not_end_recording(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str, state: str
) -> None:
    disk, secrets = FaultyDisk(monkeypatch), tmp_path / "secrets"
    with bench(tmp_path, RecorderSettings()) as b:
        b.file_store.settings = replace(b.file_store.settings, refresh_ring=RingFolder(secrets).refresh)
        b.ring.add(clip.run())
        packets = _packets(clip, 12)
        b.feed(packets[:32])
        disk.error = errno.ENOSPC
        b.feed(packets[32:42])
        b.write_rows()
        for step in steps.split(", "):
            if step == "rotate":
                add_epoch(secrets)
            else:
                assert rewrap_file(b.path(b.rows()[0]), KeyRing.load(secrets))
        disk.error = 0
        b.feed(packets[42:])
        b.recorder.finish()
        b.write_rows()
        assert [row.state for row in b.rows()] == [state, "closed"]


@pytest.mark.parametrize(
    ("number", "why", "told"),
    [
        (errno.EIO, NotRecording.DISK_FAILED, "disk_failed"),
        (errno.EROFS, NotRecording.DISK_READ_ONLY, "disk_read_only"),
    ],
)
def test_device_error_marks_file_damaged_and_goes_on_in_a_new_one(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: NotRecording, told: str
) -> None:
    disk = FaultyDisk(monkeypatch)
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 8)
        b.feed(packets[:32])
        assert b.recorder.why_not_recording is None
        disk.error = number
        b.feed(packets[32:36])
        assert b.recorder.why_not_recording is why
        disk.error = 0
        b.feed(packets[36:])
        b.recorder.finish()
        first, second = b.rows()
        assert (first.state, second.state) == ("damaged", "closed")
        assert sorted(b.kinds()) == [told, "footage_lost", "recording_resumed"]
        assert [fact[2]["reason"] for fact in b.facts if fact[0] == "footage_lost"] == ["the disk reported an error"]
        assert _frames(b, second)[0] == pytest.approx(4.0)


def test_failed_sync_is_never_retried(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fdatasync, []

    def fails_once(fd: int) -> None:
        calls.append(os.readlink(f"/proc/self/fd/{fd}"))
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fails_once)
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 8))
        b.recorder.finish()
        first, second = b.rows()
        assert (first.state, second.state) == ("damaged", "closed")
        assert calls.count(str(b.path(first))) == 2
        assert sorted(b.kinds()) == ["disk_failed", "footage_lost", "recording_resumed"]


class LockedDatabase:
    """Another program's write lock on the database, and a recorder's store that does not wait long for it."""

    def __init__(self, bench: Bench) -> None:
        with bench.store.engine.connect() as connection:  # the pool's connections wait 5 s in the house
            connection.exec_driver_sql("PRAGMA busy_timeout = 10")
        self._other = sqlite3.connect(bench.data_dir / "vigilar.db", isolation_level=None)

    def lock(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        self._other.execute("ROLLBACK")

    def close(self) -> None:
        self._other.close()


def test_locked_database_stops_neither_start_nor_rollover(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings(segment_s=2.0)) as b, closing(LockedDatabase(b)) as database:
        database.lock()
        b.ring.add(clip.run())
        packets = _packets(clip, 20)
        b.feed(packets[:120])
        assert b.rows() == []
        assert b.file_store.rows.waiting == 6
        assert len(list(tmp_path.glob("footage/front/*/*.vge"))) == 6
        database.unlock()
        b.feed(packets[120:])
        b.recorder.finish()
        rows = b.rows()
        assert [row.number for row in rows] == list(range(1, 11))
        assert [row.state for row in rows] == ["closed"] * 10
        assert sum(len(_frames(b, row)) for row in rows) == 200
        assert _previous_links(b, rows)[1:] == [row.link for row in rows[:-1]]
        assert not b.facts


def _previous_links(b: Bench, rows: list[files.FileRow]) -> list[bytes]:
    links = []
    for row in rows:
        with VgeReader.open(b.path(row), b.keys) as reader:
            links.append(reader.header.previous_link)
    return links


def test_checkpoints_that_wait_are_replaced_by_newer_ones(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path) as b, closing(LockedDatabase(b)) as database:
        b.ring.add(clip.run())
        packets = _packets(clip, 40)
        b.feed(packets[:20])
        (before,) = b.rows()
        database.lock()
        b.feed(packets[20:360])
        assert b.file_store.rows.waiting == 1
        database.unlock()
        (row,) = b.rows()
        assert row.end_ms is not None
        assert before.end_ms is not None
        assert row.end_ms - before.end_ms > 25_000
        assert (row.checkpoint_offset or 0) > (before.checkpoint_offset or 0)


def test_so_many_waiting_rows_hold_the_next_file(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_writer, "MAX_WAITING", 3)
    with bench(tmp_path, RecorderSettings(segment_s=2.0), ring_bytes=60_000) as b:
        with closing(LockedDatabase(b)) as database:
            database.lock()
            b.ring.add(clip.run())
            packets = _packets(clip, 60)
            b.feed(packets[:300])
            assert len(list(tmp_path.glob("footage/front/*/*.vge"))) == 3
            database.unlock()
            b.write_rows()
            b.feed(packets[300:])
        assert b.kinds()[0] == "footage_lost"
        assert b.facts[0][2]["reason"] == "the database could not be written"
        assert len(b.rows()) > 3


def test_row_that_can_never_be_written_keeps_no_other_from_it(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings(segment_s=2.0)) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 8)
        b.feed(packets[:15])
        with b.store.write("test") as connection:  # another row has the place
            connection.exec_driver_sql(
                "INSERT INTO files (camera_id, content, number, path, state, start_ms) "
                "VALUES ('front', 'video', 1, 'x', 'closed', 1)"
            )
        b.feed(packets[15:])
        b.recorder.finish()
        assert [row.number for row in b.rows() if row.path != "x"] == [2, 3, 4]
        assert b.file_store.rows.waiting == 0


def test_drive_that_is_away_holds_the_file_and_is_the_reason(clip: Clip, tmp_path: Path) -> None:
    is_away = [True]

    def check_folder() -> None:
        if is_away[0]:
            raise RecordingError("the drive is not there", kind=ErrorKind.TRANSIENT, code="V-DRIVE")

    with bench(tmp_path, ring_bytes=60_000, check_folder=check_folder) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 60)
        b.feed(packets[:300])
        assert not (tmp_path / "footage").exists()
        with pytest.raises(RecordingError, match="not there"):
            Recovery(b.file_store, b.store, lambda *_: None).run_once()
        is_away[0] = False
        b.feed(packets[300:])
        b.recorder.finish()
        assert b.kinds() == ["footage_lost", "footage_lost"], "while it lasts, and its length"
        assert {detail["reason"] for _, _, detail in b.facts} == {"the drive for recordings was not there"}
        (row,) = b.rows()
        assert row.number == 1
        (mark,) = b.marks(row)
        assert b"the drive for recordings was not there" in mark


def test_full_disk_uses_one_number(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FaultyDisk(monkeypatch)
    with bench(tmp_path, RecorderSettings()) as b:
        disk.error = errno.ENOSPC
        b.ring.add(clip.run())
        packets = _packets(clip, 20)
        b.feed(packets[:100])
        disk.error = 0
        b.feed(packets[100:])
        b.recorder.finish()
        (row,) = b.rows()
        assert row.number == 1
        assert len(_frames(b, row)) == 200
        assert b.kinds() == ["disk_full", "recording_resumed"]
