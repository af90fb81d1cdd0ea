"""The identity of a data folder and what a house remembers of it, without processes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.fair_watch import FairWatch
from vigilar.base import file_system
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import ErrorKind, RecordingError, VigilarError
from vigilar.base.file_system import FileSystem, find_file_system
from vigilar.base.folder_id import FILE_NAME, make_folder_id
from vigilar.base.folder_look import AWAY, CODE, Claim, FolderLook, claim, explain_away, is_gone, look_at_folder
from vigilar.base.folder_watch import HANG_S, FolderWatch
from vigilar.base.house_file import MAX_FACTS, HouseFile, HouseMemory, house_file_name
from vigilar.cli.program import run
from vigilar.config.places import Places, find_places, find_state_dir
from vigilar.processes.folder_check import check_folder, require_folder
from vigilar.processes.folder_guard import FolderGuard
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start

OURS, OTHER = "0" * 31 + "1", "0" * 31 + "2"
DRIVE = FileSystem("ext4", "/dev/sda1", "fsid:1")
SYSTEM = FileSystem("ext4", "/dev/vda1", "fsid:2")
MEMORY = HouseMemory(folder_id=OURS, file_system=DRIVE)
HERE = FolderLook(OURS, DRIVE, is_there=True, is_empty=False)
BARE = FolderLook(None, SYSTEM, is_there=True, is_empty=True)
GONE = FolderLook(None, SYSTEM, is_there=False, is_empty=True)


class TestFileSystem:
    def test_same_drive_after_mounting_again(self) -> None:
        assert not replace(DRIVE, source="/dev/sdb1").is_other(DRIVE)
        assert replace(DRIVE, source="/dev/sdb1").is_same(DRIVE)

    def test_other_uuid_is_another(self) -> None:
        assert SYSTEM.is_other(DRIVE)
        assert not SYSTEM.is_same(DRIVE)

    def test_unknown_uuid_is_never_proof_of_another(self) -> None:
        nas = FileSystem("nfs4", "nas:/a", "")
        assert not nas.is_other(DRIVE)
        assert not nas.is_other(replace(nas, source="nas:/b"))
        assert nas.is_same(nas)
        assert not replace(nas, source="nas:/b").is_same(nas)

    def test_deepest_and_newest_mount_counts(self) -> None:
        table = (
            "1 0 8:1 / / rw - ext4 /dev/root rw\n"
            "2 1 8:2 / /mnt rw,relatime shared:1 - xfs /dev/a rw\n"
            "3 1 8:3 / /mnt rw - xfs /dev/b rw\n"
            "4 1 8:4 / /mnt/my\\040drive rw - vfat /dev/c rw\n"
            "5 1 8:5 / /mn rw - vfat /dev/d rw\n"
        )
        found = {path: file_system._mount_of(Path(path), table) for path in ("/x", "/mnt/x", "/mnt/my drive/x")}
        assert found == {
            "/x": ("ext4", "/dev/root"),
            "/mnt/x": ("xfs", "/dev/b"),
            "/mnt/my drive/x": ("vfat", "/dev/c"),
        }

    def test_folder_that_is_not_there_is_on_its_parents(self, tmp_path: Path) -> None:
        assert find_file_system(tmp_path / "a" / "b") == find_file_system(tmp_path)


class TestClaim:
    @pytest.mark.parametrize("look", [BARE, GONE, FolderLook(None, DRIVE, is_there=True, is_empty=False)])
    def test_new_house_may_begin_anywhere(self, look: FolderLook) -> None:
        assert claim(HouseMemory(), look)[0] is Claim.NEW

    def test_new_house_takes_a_folder_that_has_an_id(self) -> None:
        assert claim(HouseMemory(), HERE)[0] is Claim.SAME

    @pytest.mark.parametrize(
        ("look", "why"),
        [
            (BARE, "is empty"),
            (GONE, "does not exist"),
            (replace(BARE, file_system=DRIVE), "is empty"),
            (replace(HERE, folder_id=OTHER), "belongs to another house"),
            (replace(HERE, file_system=SYSTEM), "lies on another file system now"),
            (replace(HERE, folder_id=None), "does not hold this house's data"),
            (replace(HERE, folder_id=None, is_damaged=True), "has a damaged mark of this house"),
            (replace(GONE, problem=errno.EIO), "cannot be read: Input/output error"),
        ],
    )
    def test_all_else_is_not_ours(self, look: FolderLook, why: str) -> None:
        assert claim(MEMORY, look) == (Claim.NOT_OURS, why)

    def test_file_system_without_uuid_does_not_stop_recording(self) -> None:
        assert claim(MEMORY, replace(HERE, file_system=FileSystem("fuse", "x", "")))[0] is Claim.SAME
        assert claim(MEMORY, replace(HERE, file_system=None))[0] is Claim.SAME

    @pytest.mark.parametrize(
        ("look", "verdict"),
        [
            (replace(BARE, file_system=DRIVE), Claim.NEW),
            (replace(GONE, file_system=DRIVE), Claim.NEW),
            (BARE, Claim.NOT_OURS),
            (GONE, Claim.NOT_OURS),
            (replace(HERE, folder_id=OTHER), Claim.NOT_OURS),
        ],
    )
    def test_trial_begins_anew_in_its_own_empty_place_only(self, look: FolderLook, verdict: Claim) -> None:
        assert claim(MEMORY, look, is_trial=True)[0] is verdict

    @pytest.mark.parametrize(
        ("look", "gone"),
        [
            (HERE, False),
            (BARE, True),
            (GONE, True),
            (replace(HERE, folder_id=None, problem=errno.EIO), False),
            (replace(HERE, folder_id=None, problem=errno.EACCES), False),
            (replace(GONE, problem=errno.ENOTCONN), True),
        ],
    )
    def test_running_house_ends_only_for_a_drive_that_is_gone(self, look: FolderLook, gone: bool) -> None:
        assert is_gone(MEMORY, look) is gone

    def test_words_name_folder_and_drive(self) -> None:
        error = explain_away(MEMORY, Path("/mnt/usb"), "is empty")
        assert str(error) == "The drive for recordings is not there."
        assert error.next_step.startswith("/mnt/usb is empty. It is expected on ext4 from /dev/sda1 (fsid 1).")
        assert error.next_step.endswith("run: vigilar new-drive")


class TestHouseFile:
    def test_memory_comes_back_whole(self, tmp_path: Path) -> None:
        file = HouseFile(tmp_path / "state" / "house-1.json")
        assert file.make_folder()
        fact = ProcessFact("1", 2, "drive_away", "drive", {"folder": "/x"})
        file.change(folder_id=OURS, file_system=DRIVE, data_dir="/x", listen="::", port=8)
        file.add_fact(fact)
        again = HouseFile(file.path).load()
        assert again == HouseMemory(OURS, DRIVE, "/x", "::", 8, (fact,))
        assert file.path.stat().st_mode & 0o077 == 0

    def test_facts_are_bounded_and_go_when_stored(self, tmp_path: Path) -> None:
        file = HouseFile(tmp_path / "h.json")
        for number in range(MAX_FACTS + 5):
            file.add_fact(ProcessFact(str(number), number, "drive_away", "drive"))
        assert [len(file.memory.facts), file.memory.facts[0].id] == [MAX_FACTS, "5"]
        file.drop_fact("5")
        assert HouseFile(file.path).load().facts[0].id == "6"

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1}', '{"folder_id": 1, "file_system": 3}'])
    def test_damaged_file_is_said_and_costs_no_start(
        self, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "h.json").write_text(text)
        assert HouseFile(tmp_path / "h.json").load() == HouseMemory()
        assert "cannot be read" in caplog.text

    def test_place_that_cannot_be_written_is_said_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "file").touch()
        file = HouseFile(tmp_path / "file" / "h.json")
        assert not file.make_folder()
        file.change(folder_id=OURS)
        assert caplog.text.count("is not checked") == 1

    def test_each_folder_has_a_file_of_its_own_in_the_state_folder(self) -> None:
        assert house_file_name(Path("/a")) != house_file_name(Path("/b"))
        places = find_places(data_dir=Path("/a"))
        assert places.house_file == Path(os.environ["VIGILAR_STATE_DIR"]) / house_file_name(Path("/a"))

    @pytest.mark.parametrize(
        ("environ", "uid", "folder"),
        [
            ({"VIGILAR_STATE_DIR": "/s", "STATE_DIRECTORY": "/t"}, 0, "/s"),
            ({"STATE_DIRECTORY": "/t:/u"}, 1000, "/t"),
            ({}, 0, "/var/lib/vigilar"),
            ({"XDG_STATE_HOME": "/x"}, 1000, "/x/vigilar"),
        ],
    )
    def test_state_folder_by_weight(
        self, environ: dict[str, str], uid: int, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        assert find_state_dir(environ) == Path(folder)


class TestCheckFolder:
    def test_folder_with_the_id_passes(self, tmp_path: Path) -> None:
        check_folder(tmp_path, make_folder_id(tmp_path))

    @pytest.mark.parametrize("text", [None, json.dumps({"v": 1, "id": OTHER}), "damaged"])
    def test_bare_or_other_folder_is_refused(self, tmp_path: Path, text: str | None) -> None:
        if text is not None:
            (tmp_path / FILE_NAME).write_text(text)
        with pytest.raises(RecordingError) as found:
            check_folder(tmp_path, OURS)
        assert (found.value.kind, found.value.code) == (ErrorKind.TRANSIENT, "V-DRIVE")


class TestRequireFolder:
    """Commands that write settings."""

    def remember(self, tmp_path: Path, file_system: FileSystem) -> Places:
        places = find_places(data_dir=tmp_path / "data")
        house = HouseFile(places.house_file)
        assert house.make_folder()
        house.change(folder_id=OURS, file_system=file_system)
        return places

    def test_nothing_is_written_under_the_mount_point(self, tmp_path: Path) -> None:
        places = self.remember(tmp_path, DRIVE)
        for command in (
            ["camera", "add", "demo:street"],
            ["camera", "remove", "x"],
            ["camera", "login", "x"],
            ["user", "set-role", "sam", "guest"],
            ["demo"],
        ):
            assert run([*command, "--data-dir", str(places.data_dir)]) == 4, command
        assert not places.data_dir.exists()

    def test_trial_whose_folder_was_deleted_begins_anew(self, tmp_path: Path) -> None:
        places = self.remember(tmp_path, find_file_system(tmp_path))
        with pytest.raises(VigilarError, match="not there"):
            require_folder(places)
        require_folder(places, is_trial=True)
        assert HouseFile(places.house_file).load().folder_id == ""

    def test_new_drive_forgets_the_old_one(self, tmp_path: Path) -> None:
        places = self.remember(tmp_path, DRIVE)
        command = ["new-drive", "--yes", "--data-dir", str(places.data_dir)]
        assert run(command) == 0
        require_folder(places)
        assert run(command) == 4, "nothing is remembered any more"


class TestPlan:
    @pytest.mark.parametrize("step", [prepare_start, lambda places: make_jobs(PlanTask(places, 0, is_start=False))])
    def test_nothing_is_made_where_the_drive_was_a_moment_ago(
        self, tmp_path: Path, step: Callable[[Places], object]
    ) -> None:
        with pytest.raises(VigilarError, match=AWAY) as caught:
            step(find_places(data_dir=tmp_path, environ={}))
        assert caught.value.code == CODE
        assert list(tmp_path.iterdir()) == []


class TestWatch:
    def test_process_looks_and_writes_and_ends(self, tmp_path: Path) -> None:
        made = make_folder_id(tmp_path)
        before = (tmp_path / FILE_NAME).read_bytes()
        watch = FolderWatch(tmp_path)
        watch.start()
        try:
            wait_until(watch.take, 10.0)
            assert watch.newest
            assert (watch.newest.folder_id, watch.newest.is_empty, watch.newest.problem) == (made, False, 0)
            stamp = (tmp_path / FILE_NAME).stat().st_mtime_ns
            watch.ask_to_write()
            wait_until(lambda: (tmp_path / FILE_NAME).stat().st_mtime_ns != stamp, 10.0)
            assert (tmp_path / FILE_NAME).read_bytes() == before
        finally:
            watch.stop()

    def test_look_from_before_a_change_of_ours_counts_no_more(self, tmp_path: Path) -> None:
        watch = FolderWatch(tmp_path)
        watch.start()
        try:
            wait_until(watch.take, 10.0)
            made = make_folder_id(tmp_path)
            watch.forget()
            assert watch.newest is None
            wait_until(watch.take, 10.0)
            assert watch.newest == look_at_folder(tmp_path)
            assert look_at_folder(tmp_path).folder_id == made
        finally:
            watch.stop()

    def test_ended_process_is_started_again(self, tmp_path: Path) -> None:
        watch = FolderWatch(tmp_path)
        watch.start()
        try:
            wait_until(watch.take, 10.0)
            first, watch.newest = watch._pid, None
            os.kill(first, 9)
            wait_until(lambda: watch.take() and watch._pid != first, 10.0)
            assert watch.newest
        finally:
            watch.stop()


class FakeWatch(FolderWatch):
    """Says what the test saw."""

    def __init__(self) -> None:
        super().__init__(Path("/x"))
        self.silent = False
        self.asked = 0

    def take(self) -> bool:
        return True

    def ask_to_write(self) -> None:
        self.asked += 1

    @property
    def is_silent(self) -> bool:
        return self.silent


class TestGuard:
    @pytest.fixture
    def guard(self, tmp_path: Path) -> FolderGuard:
        house = HouseFile(tmp_path / "h.json")
        house.change(folder_id=OURS, file_system=DRIVE)
        return FolderGuard(Path("/x"), house, FakeWatch())

    def see(self, guard: FolderGuard, look: FolderLook, *, silent: bool = False) -> bool:
        assert isinstance(guard.watch, FakeWatch)
        guard.watch.newest, guard.watch.silent = look, silent
        return guard.look([])

    def test_each_change_is_one_fact(self, guard: FolderGuard) -> None:
        for look, silent in ((HERE, False), (HERE, False), (BARE, False), (BARE, False), (HERE, True), (HERE, False)):
            self.see(guard, look, silent=silent)
        assert [fact.kind for fact in guard.house.memory.facts] == ["drive_away", "drive_hangs", "drive_back"]
        assert guard.trouble is None
        assert guard.house.memory.sentence == ""

    def test_start_without_the_drive_tells_it_once(self, guard: FolderGuard) -> None:
        for _ in range(3):
            anew = FolderGuard(Path("/x"), guard.house, FakeWatch())
            anew.watch.newest = GONE
            assert anew.look_at_start()
            assert anew.is_away
        assert [fact.kind for fact in guard.house.memory.facts] == ["drive_away"]
        anew.watch.newest = HERE
        assert anew.look_at_start()
        assert anew.is_here
        back = guard.house.memory.facts[-1]
        assert (back.kind, back.detail["missing_ms"]) == ("drive_back", back.ts - guard.house.memory.facts[0].ts)

    def test_drive_was_not_away_for_less_than_nothing_when_the_clock_is_set_back(self, tmp_path: Path) -> None:
        house, clock = HouseFile(tmp_path / "h.json"), SimulatedClock(10**18)
        house.change(folder_id=OURS, file_system=DRIVE)
        guard = FolderGuard(Path("/x"), house, FakeWatch(), clock)
        self.see(guard, GONE)
        clock.step_utc(-3600)
        self.see(guard, HERE)
        assert house.memory.facts[-1].detail["missing_ms"] == 0

    def test_word_of_a_camera_only_makes_the_watch_try(self, guard: FolderGuard) -> None:
        assert isinstance(guard.watch, FakeWatch)
        self.see(guard, HERE)
        assert not guard.look([1e9])
        assert (guard.is_here, guard.watch.asked) == (True, 1)

    def test_status_says_the_sentence(self, guard: FolderGuard) -> None:
        self.see(guard, BARE)
        assert guard.summary()["state"] == "away"
        assert guard.summary()["sentence"] == guard.house.memory.sentence == "The drive for recordings is not there."


def test_silence_is_told_in_time(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    watch.start()
    try:
        wait_until(watch.take, 10.0)
        assert not watch.is_silent
        os.kill(watch._pid, 19)  # SIGSTOP: as silent as one that waits in the kernel
        since = FairWatch()
        wait_until(lambda: not watch.take() and watch.is_silent, HANG_S + 5.0)
        assert since.elapsed_s() < HANG_S + 2.0
    finally:
        watch.stop()


SHARED = """
import gc, sys, time
from pathlib import Path
from vigilar.base.folder_watch import FolderWatch
things = [[n] for n in range(200_000)]  # 14 MB of what the collector follows
watch = FolderWatch(Path(sys.argv[1]))
watch.start()
while not watch.take():
    time.sleep(0.01)
gc.collect()
lines = Path(f"/proc/{watch._pid}/smaps_rollup").read_text().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")))
watch.stop()
"""


def test_process_that_looks_shares_what_it_was_forked_with(tmp_path: Path) -> None:
    """A collection by the supervisor would write into each object, and both would have a copy."""
    done = subprocess.run([sys.executable, "-c", SHARED, str(tmp_path)], capture_output=True, check=True, text=True)
    assert int(done.stdout) < 7 * 1024
