"""A real house on a real drive that hangs instead of failing: case 2 of what houses do to drives."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.fair_watch import FairWatch
from tests.system.drive_house import (
    answer_of,
    camera_beside,
    files_without_rows,
    is_recording,
    quarantined,
    status_command,
)
from tests.system.drives import hanging_drive, loop_drive
from tests.system.house import PASSWORD, RunningHouse, run_house, wait_for
from vigilar.base.child import BEAT_S, HUNG
from vigilar.base.folder_look import HANGING

pytestmark = [pytest.mark.system, pytest.mark.long(45), pytest.mark.timeout(600)]

TOLD_S = 10.0
"""From the drive's hanging to the page that says so."""


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | dict[str, str]]:
    return camera_beside(tmp_path_factory.mktemp("clip"))


@pytest.mark.long(95)
@pytest.mark.parametrize("database", ["there too", "elsewhere"])
def test_hanging_drive_leaves_pages_and_live_pictures(
    tmp_path: Path, camera: dict[str, str | dict[str, str]], database: str
) -> None:
    more = ["[storage]", f'database_url = "sqlite:///{tmp_path}/elsewhere.db"'] if database == "elsewhere" else []
    with (
        hanging_drive(tmp_path) as drive,
        run_house(drive.folder, camera, *more, log_file=tmp_path / "log") as house,
    ):
        wait_for(partial(is_recording, house), 60, "it records")
        before = house.camera("street").pid
        known = {one["id"] for one in house.events("process_restarted")}
        drive.hang()
        began_s = time.monotonic()
        watch = FairWatch()
        wait_for(lambda: HANGING in _problems(house)[:1], 60, "the page says so")
        assert watch.elapsed_s() < TOLD_S
        print(f"database {database}, hang to page says so: {time.monotonic() - began_s:.1f} s")
        while time.monotonic() - began_s < HANG_S:  # longer than any watchdog's patience
            _assert_pages_answer(house, is_away_with_rows=database == "there too")
            time.sleep(2.0)
        told = status_command(house.folder)
        assert (told.returncode, HANGING in told.stdout) == (10, True), told
        used = sum(resident_bytes(one) for one in house.children()) / 2**20
        print(f"resident after {HANG_S:.0f} s: {used:.0f} MiB")
        assert used < 500
        drive.answer()
        wait_for(partial(is_recording, house), 60, "it records again")
        wait_for(lambda: house.events("drive_back"), 60, "the events are stored")
        assert len(house.events("drive_hangs")) == 1
        killed = [one for one in house.events("process_restarted") if one["id"] not in known]
        if watch.crowded_s() > BEAT_S:  # who got no processor for so long did not hang because of the drive
            killed = [one for one in killed if one["payload"]["reason"] != HUNG]
        else:
            assert house.camera("street").pid == before, "nobody was killed"
        assert killed == [], house.log()
        hung_ms = int((time.time() - (time.monotonic() - began_s)) * 1000)
        wait_for(lambda: _gap_is_told_or_none(house, hung_ms), 60, "what is missing is told")


HANG_S = 60.0
FAST_S = 5.0
"""Who waits for the drive waits until it answers."""


def _problems(house: RunningHouse) -> list[str]:
    found: list[str] = json.loads(house.get("/api/v1/system"))["problems"]
    return found


def _assert_pages_answer(house: RunningHouse, *, is_away_with_rows: bool) -> None:
    for path in ("/live", "/watch/street", "/live/contact-sheet.jpg", "/live/street/index.m3u8", "/api/v1/system",
                 "/cameras/street/snapshot.jpg?width=640", "/system", "/api/v1/cameras"):  # fmt: skip
        watch = FairWatch()
        assert house.get(path), path
        assert watch.elapsed_s() < FAST_S, path
    if is_away_with_rows:
        watch = FairWatch()
        status, text = answer_of(house, "/api/v1/login", json.dumps({"name": "sam", "password": PASSWORD}).encode())
        assert (status, HANGING in text) == (503, True), text
        assert watch.elapsed_s() < FAST_S


def resident_bytes(one: psutil.Process) -> int:
    """Of one of our own processes; 0 of another program, or when it has ended."""
    try:
        return int(one.memory_info().rss) if one.name().startswith("v:") else 0
    except psutil.NoSuchProcess:
        return 0


def _gap_is_told_or_none(house: RunningHouse, hung_ms: int) -> bool:
    """All that was not lost from memory is written afterwards; what was is an event, which comes by another way than
    that the drive is back."""
    now_ms = int(time.time() * 1000)
    spans = json.loads(house.get(f"/footage/street/timeline?from={hung_ms - 10_000}&to={now_ms}"))["spans"]
    gaps = [(a["to"], b["from"]) for a, b in itertools.pairwise(spans) if b["from"] - a["to"] > 1500]
    lost = [(e["payload"]["from_ms"], e["payload"].get("to_ms")) for e in house.events("footage_lost")]
    print("gaps:", gaps, "told:", lost)
    return len(gaps) <= len(lost)


def test_frozen_file_system_is_told_and_nobody_is_killed(
    tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    """Reads and free space go on to answer, only writes do not: the recorder's long write makes the watch try one."""
    with loop_drive(tmp_path) as drive:
        drive.mount()
        with run_house(drive.folder, camera, log_file=tmp_path / "log") as house:
            wait_for(partial(is_recording, house), 60, "it records")
            before = house.camera("street").pid
            if subprocess.run(["fsfreeze", "--freeze", str(drive.folder)], check=False, capture_output=True).returncode:
                pytest.skip("this machine freezes no file system")
            try:
                began_s = time.monotonic()
                watch = FairWatch()
                wait_for(lambda: HANGING in _problems(house)[:1], 60, "the page says so")
                assert watch.elapsed_s() < TOLD_S
                print(f"freeze to page says so: {time.monotonic() - began_s:.1f} s")
                assert psutil.pid_exists(before)
            finally:
                subprocess.run(["fsfreeze", "--unfreeze", str(drive.folder)], check=True)
            wait_for(partial(is_recording, house), 60, "it records again")
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
        wait_for(partial(is_recording, house), 60, "it records")
        drive.hang()
        wait_for(lambda: HANGING in _problems(house)[:1], 60, "the page says so")
        house.stop()
        house.start()
        wait_for(lambda: HANGING in answer_of(house, "/live", accept="text/html")[1], 60, "its page says so at once")
        assert not house.programs("v:street")
        drive.answer()
        wait_for(partial(is_recording, house), 60, "it records by itself, its owner still signed in")
        wait_for(lambda: house.events("drive_back"), 60, "the events are stored")
        assert len(house.events("drive_hangs")) == 1
        assert quarantined(house) == []
        wait_for(lambda: not files_without_rows(house), 60, "each file has its row, which comes behind it")
