"""A real house whose camera breaks off again and again: never offline, and recorded with holes. Who looks learns of it
on the page, from the command, from the doctor and from metrics, which all say the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.system.house import ROOT, RunningHouse, run_house, wait_for
from tests.unit.test_metrics import read, value

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]


def vigilar(house: RunningHouse, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "vigilar", *arguments, "--data-dir", str(house.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def system(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/system"))
    return found


@pytest.mark.long
def test_camera_that_breaks_off_again_and_again_is_told_once_everywhere(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=50)
    mounts = {"bad": (clip, Fault(drop_s=4.0)), "good": (clip, Fault())}
    with (
        FakeCamera(mounts) as cameras,
        run_house(
            tmp_path / "house",
            {"Shed": cameras.url("bad"), "Hall": cameras.url("good")},
            "[detect]",
            "enabled = false",
        ) as house,
    ):
        wait_for(lambda: all(one["state"] == "live" for one in system(house)["cameras"]), 60, "both cameras are live")
        [event] = wait_for(lambda: house.events("coverage_low"), 240, "the holes are told")
        assert event["source_id"] == "shed"
        assert event["payload"]["missed_ms"] >= 20_000
        assert house.events("camera_offline") == []
        facts = wait_for(
            lambda: (now := system(house)) and any(one["id"] == "coverage:shed" for one in now["todo"]) and now,
            15,
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
        assert len(house.events("coverage_low")) == 1
