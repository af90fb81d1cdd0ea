"""A real house on a real drive that is not mounted, is pulled, or is another: case 1 of what houses do to drives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.system.drive_house import (
    answer_of,
    camera_beside,
    files_without_rows,
    is_recording,
    quarantined,
    status_command,
)
from tests.system.drives import LoopDrive, loop_drive
from tests.system.house import PASSWORD, ROOT, RunningHouse, run_house, start_house, wait_for
from vigilar.base.folder_look import AWAY

pytestmark = [pytest.mark.system, pytest.mark.long(50), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | dict[str, str]]:
    return camera_beside(tmp_path_factory.mktemp("clip"))


def _assert_shut(house: RunningHouse) -> None:
    """Nobody is let in, and everybody is told."""
    stranger = json.dumps({"name": "eve", "password": PASSWORD}).encode()
    for path, body in (("/api/v1/setup", stranger), ("/setup", b"name=eve&password=long+enough"), ("/setup", None)):
        _refused(house, path, body)
    for path in ("/", "/live", "/events", "/system", "/login"):
        assert str(house.folder) in _refused(house, path, accept="text/html"), path
    wait_for(lambda: answer_of(house, "/healthz")[0] == 200, 60, "somebody listens")
    told = wait_for(lambda: AWAY in (it := status_command(house.folder)).stdout and it, 60, "the command says so")
    assert (told.returncode, "vigilar new-drive" in told.stdout) == (10, True), told


def _refused(house: RunningHouse, path: str, body: bytes | None = None, accept: str = "*/*") -> str:
    """What is said to who asks, who is never let in. While the page of the running house goes and the one that waits
    comes, nobody answers for a moment, or the door alone does."""

    def said() -> str:
        status, text = answer_of(house, path, body, accept)
        assert status >= 500, (path, text)
        return text if AWAY in text else ""

    return str(wait_for(said, 60, f"{path} says that the drive is away"))


def _is_shut(house: RunningHouse) -> bool:
    return answer_of(house, "/system", accept="text/html")[0] == 503


def test_pulled_drive_stops_recording_and_it_goes_on_when_back(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(is_recording, house), 60, "it records")
            drive.pull()
            began_s = time.monotonic()
            wait_for(partial(_is_shut, house), 60, "the page says so")
            print(f"drive pulled to page says so: {time.monotonic() - began_s:.1f} s")
            _assert_shut(house)
            assert drive.left_behind() == []
            drive.mount()
            began_s = time.monotonic()
            wait_for(partial(is_recording, house), 60, "it records again by itself, its owner still signed in")
            print(f"drive back to recording: {time.monotonic() - began_s:.1f} s")
            _assert_told(house)
            assert quarantined(house) == []
            wait_for(lambda: not files_without_rows(house), 60, "each file has its row, which comes behind it")
            small = "One thing to do: The disk is nearly full."  # it is a small one
            wait_for(lambda: status_command(house.folder).stdout.startswith(small), 60, small)


def _assert_told(house: RunningHouse) -> None:
    away = wait_for(lambda: house.events("drive_away"), 60, "that the drive was away is an event")
    back = wait_for(lambda: house.events("drive_back"), 60, "that it is back is an event")
    assert [len(away), len(back)] == [1, 1]
    assert away[0]["severity"] == "CRITICAL"
    assert back[0]["payload"]["missing_ms"] == back[0]["ts"] - away[0]["ts"]


def test_drive_that_is_not_mounted_at_start_keeps_the_house_shut(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(is_recording, house), 60, "it records")
        key = (drive.folder / "secrets").stat().st_ino
        drive.pull()
        with start_house(house):
            wait_for(partial(_is_shut, house), 60, "the page says so")
            _assert_shut(house)
            assert drive.left_behind() == []
            _assert_start_is_stopped_and_begun_anew(house, drive)
            drive.mount()
            wait_for(partial(is_recording, house), 60, "it records by itself, its owner still signed in")
            _assert_told(house)
            assert (drive.folder / "secrets").stat().st_ino == key
            assert quarantined(house) == []
            wait_for(lambda: not files_without_rows(house), 60, "each file has its row, which comes behind it")


def _assert_start_is_stopped_and_begun_anew(house: RunningHouse, drive: LoopDrive) -> None:
    """A stop ends the waiting at once; the next start tells the drive's absence no second time."""
    house.stop()
    house.start()
    wait_for(partial(_is_shut, house), 60, "the page says so again")
    assert drive.left_behind() == []


def test_new_drive_is_taken_only_when_told(tmp_path: Path, camera: dict[str, str | dict[str, str]]) -> None:
    with loop_drive(tmp_path / "old") as drive, loop_drive(tmp_path / "new") as other:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            drive.pull()
            LoopDrive(other.image, drive.folder).mount()
            shutil.copy(_settings_of(house, tmp_path), drive.folder / "vigilar.toml")
            wait_for(partial(_is_shut, house), 60, "another drive is not taken")
            _assert_shut(house)
            command = [sys.executable, "-m", "vigilar", "new-drive", "--yes", "--data-dir", str(house.folder)]
            subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
            wait_for(lambda: answer_of(house, "/setup", accept="text/html")[0] == 200, 60, "a new house begins")
            assert (drive.folder / "vigilar-folder.json").exists()


def _settings_of(house: RunningHouse, folder: Path) -> Path:
    file = folder / "settings.toml"
    port = house.base.rsplit(":", 1)[1]
    file.write_text(f'[web]\nport = {port}\nlisten = "127.0.0.1"\n[bus]\nport = 0\n', encoding="utf-8")
    return file
