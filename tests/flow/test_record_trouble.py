"""Full disks, failing devices, a database that does not take anything: recording goes on as soon as it can."""

from __future__ import annotations

import errno
import os
from itertools import islice
from pathlib import Path

import pytest

from tests.recording_kit import Bench, Clip, bench, make_clip, probe_times
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.media.packets import Packet
from vigilar.record.free_space import FreeSpace
from vigilar.record.recorder import RecorderSettings
from vigilar.store import files
from vigilar.vge import writer as vge_writer
from vigilar.vge.format import CloseReason
from vigilar.vge.output import write_at
from vigilar.vge.report import Verdict
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
        b.room[0] = PLENTY
        b.ring.add(clip.run())
        packets = _packets(clip, 40)
        b.feed(packets[:55])
        b.room[0] = NOTHING
        b.feed(packets[55:200])
        assert b.kinds() == ["disk_full"]
        assert b.rows()[0].state == "closed"
        assert verify_file(b.path(b.rows()[0]), b.keys).close_reason is CloseReason.DISK_FULL
        b.room[0] = PLENTY
        b.feed(packets[200:])
        b.recorder.finish()
        first, second = b.rows()
        assert sorted(b.kinds()) == ["disk_full", "footage_lost", "recording_resumed"]
        # what came while there was no room waited in the ring: only the rest of one group is missing
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


def test_busy_database_loses_nothing(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, is_busy = files.take_number, [True]

    def busy(*arguments: object) -> tuple[int, bytes]:
        if is_busy[0]:
            raise StoreError("the database is busy", kind=ErrorKind.TRANSIENT)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "take_number", busy)
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 20)
        b.feed(packets[:120])
        assert not b.rows()
        is_busy[0] = False
        b.feed(packets[120:])
        b.recorder.finish()
        (row,) = b.rows()
        assert len(_frames(b, row)) == 200
        assert not b.facts


def test_end_of_a_file_waits_for_the_database(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, is_busy = files.close_file, [True]

    def busy(*arguments: object, **named: object) -> None:
        if is_busy[0]:
            raise StoreError("the database is busy", kind=ErrorKind.TRANSIENT)
        real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "close_file", busy)
    with bench(tmp_path, RecorderSettings(segment_s=3.0)) as b:
        b.ring.add(clip.run())
        packets = _packets(clip, 8)
        b.feed(packets[:50])
        assert [row.state for row in b.rows()] == ["open"], "the next file needs the link of the one before"
        is_busy[0] = False
        b.feed(packets[50:])
        b.recorder.finish()
        rows = b.rows()
        assert [row.state for row in rows] == ["closed"] * 3
        assert sum(len(_frames(b, row)) for row in rows) == 80


def test_row_that_cannot_be_added_leaves_no_file(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise StoreError("the disk of the database is full", kind=ErrorKind.FULL)

    monkeypatch.setattr(files, "add_file", refused)
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(_packets(clip, 4))
        assert not list(tmp_path.rglob("*.vge"))
        assert b.kinds() == ["disk_full"]


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
