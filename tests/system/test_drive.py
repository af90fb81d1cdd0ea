"""A real house on a real drive that is not mounted, is pulled, or hangs: cases 1 and 2 of what houses do to drives."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.system.drives import LoopDrive, hanging_drive, loop_drive
from tests.system.house import PASSWORD, ROOT, RunningHouse, run_house, start_house, wait_for
from vigilar.base.folder_look import AWAY, HANGING
from vigilar.demo.scenes import SCENES, Scene, ensure_clip

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | dict[str, str]]:
    """A camera whose pictures come from beside the drive."""
    folder = tmp_path_factory.mktemp("clip")
    street = next(scene for scene in SCENES if scene.name == "street")
    clip = ensure_clip(Scene("street", street.place, street.act, 12), folder)
    return {"Street": {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}}


def _answer(house: RunningHouse, path: str, body: bytes | None = None, accept: str = "*/*") -> tuple[int, str]:
    """Status and text of the answer to somebody without a session."""
    headers = {"Accept": accept, "Content-Type": "application/json"}
    request = urllib.request.Request(house.base + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _status_command(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vigilar", "status", "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=30)


def _is_recording(house: RunningHouse) -> bool:
    cameras = json.loads(house.get("/api/v1/system"))["cameras"]
    return bool(cameras and cameras[0].get("is_recording"))


def _assert_shut(house: RunningHouse) -> None:
    """Nobody is let in, and everybody is told."""
    stranger = json.dumps({"name": "eve", "password": PASSWORD}).encode()
    for path, body in (("/api/v1/setup", stranger), ("/setup", b"name=eve&password=long+enough"), ("/setup", None)):
        status, text = _answer(house, path, body)
        assert (status, AWAY in text) == (503, True), (path, text)
    for path in ("/", "/live", "/events", "/system", "/login"):
        status, text = _answer(house, path, accept="text/html")
        assert (status, AWAY in text, str(house.folder) in text) == (503, True, True), path
    assert _answer(house, "/healthz")[0] == 200
    told = _status_command(house.folder)
    assert (told.returncode, AWAY in told.stdout, "vigilar new-drive" in told.stdout) == (10, True, True), told


def _is_shut(house: RunningHouse) -> bool:
    return _answer(house, "/system", accept="text/html")[0] == 503


def _quarantined(house: RunningHouse) -> list[Path]:
    return list((house.folder / "quarantine").glob("*"))


def _files_without_rows(house: RunningHouse) -> set[str]:
    with closing(sqlite3.connect(f"file:{house.folder}/vigilar.db?mode=ro", uri=True)) as connection:
        rows = {path for (path,) in connection.execute("SELECT path FROM files")}
    return {str(path.relative_to(house.folder)) for path in house.folder.glob("footage/**/*.vge")} - rows


def test_pulled_drive_stops_recording_and_it_goes_on_when_back(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(_is_recording, house), 60, "it records")
            drive.pull()
            began_s = time.monotonic()
            wait_for(partial(_is_shut, house), 15, "the page says so")
            print(f"drive pulled to page says so: {time.monotonic() - began_s:.1f} s")
            _assert_shut(house)
            assert drive.left_behind() == []
            drive.mount()
            began_s = time.monotonic()
            wait_for(partial(_is_recording, house), 60, "it records again by itself, its owner still signed in")
            print(f"drive back to recording: {time.monotonic() - began_s:.1f} s")
            _assert_told(house)
            assert _quarantined(house) == []
            assert _files_without_rows(house) == set()
            assert _status_command(house.folder).returncode == 0, house.log()


def _assert_told(house: RunningHouse) -> None:
    away = wait_for(lambda: house.events("drive_away"), 20, "that the drive was away is an event")
    back = wait_for(lambda: house.events("drive_back"), 20, "that it is back is an event")
    assert [len(away), len(back)] == [1, 1]
    assert away[0]["severity"] == "CRITICAL"
    assert back[0]["payload"]["missing_ms"] == back[0]["ts"] - away[0]["ts"]


def test_drive_that_is_not_mounted_at_start_keeps_the_house_shut(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(_is_recording, house), 60, "it records")
        key = (drive.folder / "secrets").stat().st_ino
        drive.pull()
        with start_house(house):
            wait_for(partial(_is_shut, house), 20, "the page says so")
            _assert_shut(house)
            assert drive.left_behind() == []
            _assert_start_is_stopped_and_begun_anew(house, drive)
            drive.mount()
            wait_for(partial(_is_recording, house), 60, "it records by itself, its owner still signed in")
            _assert_told(house)
            assert (drive.folder / "secrets").stat().st_ino == key
            assert _quarantined(house) == []
            assert _files_without_rows(house) == set()


def _assert_start_is_stopped_and_begun_anew(house: RunningHouse, drive: LoopDrive) -> None:
    """A stop ends the waiting at once; the next start tells the drive's absence no second time."""
    began_s = time.monotonic()
    house.process.send_signal(signal.SIGTERM)
    assert house.process.wait(10) == 0
    assert time.monotonic() - began_s < 3.0
    house.start()
    wait_for(partial(_is_shut, house), 20, "the page says so again")
    assert drive.left_behind() == []


def test_new_drive_is_taken_only_when_told(tmp_path: Path, camera: dict[str, str | dict[str, str]]) -> None:
    with loop_drive(tmp_path / "old") as drive, loop_drive(tmp_path / "new") as other:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            drive.pull()
            LoopDrive(other.image, drive.folder).mount()
            shutil.copy(_settings_of(house, tmp_path), drive.folder / "vigilar.toml")
            wait_for(partial(_is_shut, house), 20, "another drive is not taken")
            _assert_shut(house)
            command = [sys.executable, "-m", "vigilar", "new-drive", "--yes", "--data-dir", str(house.folder)]
            subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
            wait_for(lambda: _answer(house, "/setup", accept="text/html")[0] == 200, 40, "a new house begins")
            assert (drive.folder / "vigilar-folder.json").exists()


def _settings_of(house: RunningHouse, folder: Path) -> Path:
    file = folder / "settings.toml"
    port = house.base.rsplit(":", 1)[1]
    file.write_text(f'[web]\nport = {port}\nlisten = "127.0.0.1"\n[bus]\nport = 0\n', encoding="utf-8")
    return file


@pytest.mark.parametrize("database", ["there too", "elsewhere"])
def test_hanging_drive_leaves_pages_and_live_pictures(
    tmp_path: Path, camera: dict[str, str | dict[str, str]], database: str
) -> None:
    more = ["[storage]", f'database_url = "sqlite:///{tmp_path}/elsewhere.db"'] if database == "elsewhere" else []
    with (
        hanging_drive(tmp_path) as drive,
        run_house(drive.folder, camera, *more, log_file=tmp_path / "log") as house,
    ):
        wait_for(partial(_is_recording, house), 60, "it records")
        before = house.camera("street").pid
        drive.hang()
        began_s = time.monotonic()
        wait_for(lambda: HANGING in _problems(house)[:1], 10, "the page says so within 10 s")
        print(f"database {database}, hang to page says so: {time.monotonic() - began_s:.1f} s")
        while time.monotonic() - began_s < HANG_S:  # longer than any watchdog's patience
            _assert_pages_answer(house, is_away_with_rows=database == "there too")
            time.sleep(2.0)
        told = _status_command(house.folder)
        assert (told.returncode, HANGING in told.stdout) == (10, True), told
        used = sum(p.memory_info().rss for p in house.children() if p.name().startswith("v:")) / 2**20
        print(f"resident after {HANG_S:.0f} s: {used:.0f} MiB")
        assert used < 500
        drive.answer()
        wait_for(partial(_is_recording, house), 30, "it records again")
        assert house.camera("street").pid == before, "nobody was killed"
        wait_for(lambda: house.events("drive_back"), 20, "the events are stored")
        assert len(house.events("drive_hangs")) == 1
        assert not house.events("process_restarted"), house.log()
        _assert_gap_is_told_or_none(house)


HANG_S = 60.0
FAST_S = 3.0


def _problems(house: RunningHouse) -> list[str]:
    found: list[str] = json.loads(house.get("/api/v1/system"))["problems"]
    return found


def _assert_pages_answer(house: RunningHouse, *, is_away_with_rows: bool) -> None:
    for path in ("/live", "/watch/street", "/live/contact-sheet.jpg", "/live/street/index.m3u8", "/api/v1/system",
                 "/cameras/street/snapshot.jpg?width=640", "/system", "/api/v1/cameras"):  # fmt: skip
        began_s = time.monotonic()
        assert house.get(path), path
        assert time.monotonic() - began_s < FAST_S, path
    if is_away_with_rows:
        began_s = time.monotonic()
        status, text = _answer(house, "/api/v1/login", json.dumps({"name": "sam", "password": PASSWORD}).encode())
        assert (status, HANGING in text) == (503, True), text
        assert time.monotonic() - began_s < FAST_S


def _assert_gap_is_told_or_none(house: RunningHouse) -> None:
    """All that was not lost from memory is written afterwards; what was is an event."""
    now_ms = int(time.time() * 1000)
    spans = json.loads(house.get(f"/footage/street/timeline?from={now_ms - 110_000}&to={now_ms}"))["spans"]
    gaps = [(a["to"], b["from"]) for a, b in itertools.pairwise(spans) if b["from"] - a["to"] > 1500]
    lost = [(e["payload"]["from_ms"], e["payload"].get("to_ms")) for e in house.events("footage_lost")]
    print("gaps:", gaps, "told:", lost)
    assert len(gaps) <= len(lost)


def test_frozen_file_system_is_told_and_nobody_is_killed(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    """Reads and free space go on to answer, only writes do not: the recorder's long write makes the watch try one."""
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(_is_recording, house), 60, "it records")
            before = house.camera("street").pid
            if subprocess.run(["fsfreeze", "--freeze", str(drive.folder)], check=False, capture_output=True).returncode:
                pytest.skip("this machine freezes no file system")
            try:
                began_s = time.monotonic()
                wait_for(lambda: HANGING in _problems(house)[:1], 12, "the page says so")
                print(f"freeze to page says so: {time.monotonic() - began_s:.1f} s")
                assert psutil.pid_exists(before)
            finally:
                subprocess.run(["fsfreeze", "--unfreeze", str(drive.folder)], check=True)
            wait_for(partial(_is_recording, house), 30, "it records again")
            assert house.camera("street").pid == before
            assert os.path.ismount(drive.folder)


def test_house_can_be_stopped_and_started_while_the_drive_hangs(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    """Its processes stay in the kernel until the drive answers; no second one writes beside them."""
    with (
        hanging_drive(tmp_path) as drive,
        run_house(drive.folder, camera, log_file=tmp_path / "log") as house,
    ):
        wait_for(partial(_is_recording, house), 60, "it records")
        drive.hang()
        wait_for(lambda: HANGING in _problems(house)[:1], 10, "the page says so")
        house.process.send_signal(signal.SIGTERM)
        assert house.process.wait(20) == 0
        house.start()
        wait_for(lambda: HANGING in _answer(house, "/live", accept="text/html")[1], 20, "its page says so at once")
        assert not any(p.name() == "v:street" for p in house.children())
        drive.answer()
        wait_for(partial(_is_recording, house), 60, "it records by itself, its owner still signed in")
        wait_for(lambda: house.events("drive_back"), 20, "the events are stored")
        assert len(house.events("drive_hangs")) == 1
        assert _quarantined(house) == []
        assert _files_without_rows(house) == set()
