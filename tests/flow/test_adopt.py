"""Recordings without a row get one from their own file: the row that they had, or none."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proof_kit import Box, recorded_box
from tests.recording_kit import Clip, make_clip
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.processes.refill import Refill
from vigilar.proof import adopt as adopt_module
from vigilar.proof.adopt import Adopter
from vigilar.proof.check import Depth
from vigilar.store.cameras import ensure_camera, get_camera
from vigilar.store.files import FileRow, find_files, get_chain_end
from vigilar.vge.keys import KeyRing

FOREVER_MS = 1 << 45


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10)


def adopter(box: Box, ring: KeyRing | None = None) -> Adopter:
    return Adopter(box.store, box.node_id, box.folder, ring or box.ring, box.clock)


def adopt(box: Box, ring: KeyRing | None = None) -> Adopter:
    camera = get_camera(box.store, "front")
    assert camera is not None
    it = adopter(box, ring)
    assert it.run(camera)
    return it


def videos(box: Box) -> list[FileRow]:
    return find_files(box.store, "front", "video", 0, FOREVER_MS)


def without_what_files_do_not_say(row: FileRow) -> FileRow:
    """Ids are new, why a file was closed stands in its CLOSE, checkpoints are over with it."""
    return replace(row, id=0, reason=None, checkpoint_record=None, checkpoint_tag=None, checkpoint_offset=None)


def test_rows_come_back_as_they_were(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        before = [without_what_files_do_not_say(row) for row in box.rows]
        end = get_chain_end(box.store, "front", "video")
        box.sql("DELETE FROM files")
        box.sql("UPDATE cameras SET next_video_number = 1, video_link = NULL")
        done = adopt(box).done
        assert (done.added, done.refused_count, done.unlinked) == (4, 0, 0)
        assert [without_what_files_do_not_say(row) for row in videos(box)] == before
        assert [row.reason for row in videos(box)] == [*["taken in from the file"] * 3, "taken in from the file: stop"]
        now = get_chain_end(box.store, "front", "video")
        assert (now.link, now.link_number, now.next_number) == (end.link, 4, 5)
        assert box.verdicts(Depth.DEEP) == []
        assert adopt(box).done.added == 0, "a second run changes nothing"


def test_row_lost_in_the_middle_comes_back_linked(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files WHERE number IN (2, 3)")
        done = adopt(box).done
        assert (done.added, done.unlinked) == (2, 0)
        assert box.verdicts() == []


def test_file_that_follows_nothing_known_is_counted(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files WHERE number IN (2, 3)")
        box.path(1).unlink()
        done = adopt(box).done
        assert (done.added, done.unlinked) == (1, 1)


def test_torn_file_is_closed_and_taken_in(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files WHERE number = 4")
        size = box.path(3).stat().st_size
        os.truncate(box.path(3), size - 300)  # into the records before CLOSE
        assert adopt(box).done.added == 1
        row = videos(box)[-1]
        assert (row.number, row.state, row.size_bytes) == (4, "recovered", box.path(3).stat().st_size)
        assert row.reason == "taken in from the file: ended by a crash"
        assert box.verdicts(Depth.DEEP) == []


def test_stranger_and_deleted_file_get_no_row(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        stranger = box.path(0).with_name("30.vge")
        shutil.copy(box.path(0), stranger)
        kept = box.path(1).read_bytes()
        box.delete_by_rule(1)
        box.path(1).write_bytes(kept)
        done = adopt(box).done
        assert (done.added, done.refused_count) == (0, 1)
        assert "30.vge" in done.refused[0]
        assert [row.number for row in videos(box)] == [1, 3, 4]
        assert stranger.exists(), "nothing is moved or deleted"


def test_locked_file_waits_for_its_key(clip: Clip, tmp_path: Path) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files WHERE number = 1")
        done = adopt(box, KeyRing.load_or_create(tmp_path / "other")).done
        assert (done.added, done.locked, done.refused_count) == (0, 1, 0)


@pytest.mark.parametrize("what", ["file", "day", "camera"])
def test_what_the_disk_does_not_give_back_is_left_out(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files")
        bad = box.path(2)
        if what == "day":
            bad = bad.parent.with_name("2020-01-01")
            bad.mkdir()
        elif what == "camera":
            ensure_camera(box.store, "attic", "Attic", 0)  # looked at before the other
            box.sql("UPDATE cameras SET node_id = (SELECT node_id FROM cameras WHERE id = 'front')")
            bad = box.folder / "footage" / "attic"
            bad.mkdir()
        call = {"file": "open", "day": "scandir", "camera": "listdir"}[what]
        true = getattr(os, call)

        def refuse(path: object, *args: object, **more: object) -> object:
            if path == bad:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return true(path, *args, **more)

        monkeypatch.setattr(os, call, refuse)
        it = Refill(box.folder, box.folder / "secrets", box.node_id, box.store, box.clock, lambda: True)
        assert it.turn(), "it is done, so that retention goes on"
        assert len(videos(box)) == (3 if what == "file" else 4)
        assert f"{bad.name} cannot be read: Input/output error" in it.problem

        box.sql("DELETE FROM files")
        monkeypatch.setattr(adopt_module, "device_fault", lambda _file: "Input/output error")
        again = Refill(box.folder, box.folder / "secrets", box.node_id, box.store, box.clock, lambda: True)
        with pytest.raises(RecordingError, match="Could not read") as caught:
            again.turn()
        assert caught.value.kind is ErrorKind.TRANSIENT, "a disk that answers nothing comes back"


def test_check_repairs_what_has_no_row(clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recorded_box(tmp_path, clip) as box:
        box.sql("DELETE FROM files WHERE number IN (1, 3)")
        box.path(3).with_name("77.vge").write_bytes(b"no recording")
        code, printed = box.command("check", capsys=capsys)
        assert "footage/front" in printed
        assert len(videos(box)) == 2, "a check alone changes nothing"
        code, printed = box.command("check", "--repair", capsys=capsys)
        assert "2 recordings without a row were taken in." in printed
        assert "77.vge" in printed
        assert [row.number for row in videos(box)] == [1, 2, 3, 4]
        assert box.verdicts(Depth.DEEP) == []
        code, printed = box.command("check", capsys=capsys)
        assert code == 0
