"""A real house with a camera that breaks off again and again, never offline and recorded with holes, and one that sends
fewer pictures than usual. Who looks learns of it on the page, from the command, from the doctor and from metrics, which
all say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.ready_store import open_ready_store
from tests.system.house import ROOT, RunningHouse, run_house, wait_for, zone_in_which_it_is
from tests.unit.test_metrics import read, value
from vigilar.base.folder_id import make_folder_id
from vigilar.store.cameras import ensure_camera
from vigilar.store.health import HOUR_MS, Rate, add_pictures

pytestmark = [pytest.mark.system, pytest.mark.long(190), pytest.mark.timeout(600)]


def vigilar(house: RunningHouse, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "vigilar", *arguments, "--data-dir", str(house.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def system(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/system"))
    return found


def lay_usual_rates(folder: Path, camera_id: str, fps: float) -> None:
    """A house that knows since four days how many pictures a camera sends in each hour."""
    folder.mkdir()
    hour_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS
    with closing(open_ready_store(folder)) as store:
        ensure_camera(store, camera_id, camera_id.title(), 1, make_folder_id(folder))
        for ago in range(-1, 4 * 24):
            add_pictures(store, {camera_id: Rate(hour_ms - ago * HOUR_MS, round(fps * 3600), HOUR_MS)})


TOLD = {"shed", "gate"}
"""The cameras that ail. A machine that is very busy may leave a hole in what the third one sends, too."""


def test_camera_that_breaks_off_again_and_again_is_told_once_everywhere(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=50)
    mounts = {"bad": (clip, Fault(drop_s=4.0)), "good": (clip, Fault())}
    lay_usual_rates(tmp_path / "house", "gate", 25.0)
    with (
        FakeCamera(mounts) as cameras,
        run_house(
            tmp_path / "house",
            {"Shed": cameras.url("bad"), "Hall": cameras.url("good"), "Gate": cameras.url("good")},
            "[house]",
            f'time_zone = "{zone_in_which_it_is(12)}"',
            "[detect]",
            "enabled = false",
        ) as house,
    ):
        wait_for(lambda: all(one["state"] == "live" for one in system(house)["cameras"]), 60, "all cameras are live")
        told = wait_for(
            lambda: (found := {one["source_id"]: one for one in house.events("coverage_low")}).keys() >= TOLD and found,
            300,
            "the holes are told, and the few pictures",
        )
        assert told["shed"]["payload"]["missed_ms"] >= 20_000
        assert re.fullmatch(
            r"Only (9\.\d|10\.\d) pictures a second come; usual at this hour are 25\.0\.",
            told["gate"]["payload"]["reason"],
        )
        assert house.events("camera_offline") == []
        facts = wait_for(
            lambda: (now := system(house)) and any(one["id"] == "coverage:shed" for one in now["todo"]) and now,
            60,
            "the page says so",
        )
        assert "Shed: recorded with holes." in facts["problems"]
        code, text = vigilar(house, "status", "--json")
        status = json.loads(text)
        assert code == 10
        assert any("Shed: recorded with holes." in one for one in status["warnings"])
        code, text = vigilar(house, "doctor", "--json")
        checks = {one["id"]: one for one in json.loads(text)["checks"]}
        assert checks["coverage"]["state"] == "warn"
        assert checks["service"]["state"] == checks["page"]["state"] == checks["broker"]["state"] == "ok"
        assert checks["camera:hall"]["state"] == checks["database"]["state"] == checks["secrets"]["state"] == "ok"
        assert code in (1, 2)
        metrics = read(house.get("/metrics").decode())
        assert value(metrics, "camera_up", camera="hall") == 1
        hall = value(metrics, "camera_coverage_today_ratio", camera="hall")
        shed = value(metrics, "camera_coverage_today_ratio", camera="shed")
        assert hall is not None
        assert shed is not None
        assert shed < hall
        coverage = json.loads(house.get("/api/v1/system/coverage"))["cameras"]
        gaps = {one["id"]: one["days"][0]["gaps"] for one in coverage}
        assert {gap["reason"] for gap in gaps["shed"]} == {"disconnected"}
        told_ids = [one["source_id"] for one in house.events("coverage_low")]
        assert [told_ids.count(one) for one in TOLD] == [1, 1]
