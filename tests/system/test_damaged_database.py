"""A database damaged under a running house, and one found damaged at its start: recording goes on, and people hear of
it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.fakes.clips import make_clip
from tests.system.house import PASSWORD, RunningHouse, run_house, start_house, wait_for
from vigilar.store.rescue import KEPT_FOLDER

pytestmark = [pytest.mark.system, pytest.mark.long(80), pytest.mark.timeout(600)]

PAGE = 4096
CAMERAS = ("north", "south")


def damage(file: Path, name: str) -> None:
    """Zero the first page of a table or index, and write another one, so that whoever has the database open looks at
    its file anew: from what it knew it would mend the page with its next row."""
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        root = connection.execute(query, (name,)).fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        while True:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            connection.execute("BEGIN IMMEDIATE")
            if not file.with_name(f"{file.name}-wal").stat().st_size:  # nobody wrote in between: all is in the file
                break
            connection.execute("ROLLBACK")
        with file.open("r+b") as data:
            data.seek((root - 1) * PAGE)
            data.write(bytes(PAGE))
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def count(house: RunningHouse, camera: str) -> int:
    return len(list((house.folder / "footage" / camera).glob("*/*.vge")))


def videos(house: RunningHouse) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(house.folder / "vigilar.db", timeout=PATIENCE_S)) as connection:
        query = (
            "SELECT camera_id, number, path, state, link FROM files WHERE content = 'video' ORDER BY camera_id, number"
        )
        return connection.execute(query).fetchall()


def problems(house: RunningHouse) -> list[str]:
    found: list[str] = json.loads(house.get("/api/v1/system"))["problems"]
    return found


def status_of(house: RunningHouse) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vigilar", "status", "--data-dir", str(house.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_of(house: RunningHouse) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vigilar", "check", "--deep", "--data-dir", str(house.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def set_up_as(house: RunningHouse, name: str) -> int:
    """The answer to whoever tries to become the owner of a house over the network."""
    body = json.dumps({"name": name, "password": PASSWORD}).encode()
    request = urllib.request.Request(
        house.base + "/api/v1/setup", body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def kept(house: RunningHouse) -> list[Path]:
    return sorted((house.folder / KEPT_FOLDER).glob("*/vigilar.db"))


def test_damage_stops_no_recording(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=120)
    with run_house(
        tmp_path / "data", dict.fromkeys(CAMERAS, f"file:{clip}"), "[recording]", 'segment = "10s"'
    ) as house:
        database = house.folder / "vigilar.db"
        wait_for(lambda: all(count(house, camera) >= 2 for camera in CAMERAS), 60, "each camera has a closed file")
        before = {camera: house.camera(camera).pid for camera in CAMERAS}
        damage(database, "files")
        wait_for(lambda: kept(house), 60, "the damaged database is put aside")
        wait_for(lambda: house.events("database_rebuilt"), 60, "the new one is filled, which is told")
        (event,) = house.events("database_replaced")
        assert event["severity"] == "CRITICAL"
        assert str(kept(house)[0].parent) in event["payload"]["reason"]
        counts = {camera: count(house, camera) for camera in CAMERAS}
        wait_for(lambda: all(count(house, camera) > counts[camera] for camera in CAMERAS), 60, "files go on")
        assert {camera: house.camera(camera).pid for camera in CAMERAS} == before, "no camera began anew"
        wait_for(lambda: any("The database was damaged." in one for one in problems(house)), 60, "the page says so")
        assert "The database was damaged." in status_of(house).stdout
    numbers = [(camera, number) for camera, number, *_ in videos(house)]
    assert len(set(numbers)) == len(numbers)
    assert {row[2] for row in videos(house)} == {
        str(path.relative_to(house.folder)) for path in (house.folder / "footage").rglob("*.vge")
    }
    done = check_of(house)
    assert done.returncode == 0, done.stdout

    rows = videos(house)
    damage(database, "users")
    with start_house(house):
        wait_for(lambda: house.get("/healthz"), 120, "the page answers")
        wait_for(lambda: len(videos(house)) > len(rows), 60, "it records")
        assert set(rows) < set(videos(house)), "rows, numbers and links are as they were"
        assert len(kept(house)) == 2
        assert set_up_as(house, "thief") == 403
        wait_for(lambda: "Lost: all members" in status_of(house).stdout, 60, "what is lost is said")
