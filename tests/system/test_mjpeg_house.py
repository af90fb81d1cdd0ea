"""MJPEG cameras in a running house: somebody walks by, it is recorded as H.264 that plays, shown live, and named."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.clips import make_mjpeg_clip
from tests.fakes.http_camera import Manner, http_camera
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.system.chromium import MISSING, signed_in
from tests.system.house import RunningHouse, run_house, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long(60), pytest.mark.timeout(600)]

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

CONVERTED = "MJPEG, converted to H.264 here"


def state_of(house: RunningHouse, name: str) -> dict[str, Any]:
    found = json.loads(house.get("/api/v1/cameras"))["cameras"]
    health: dict[str, Any] = next(one["health"] for one in found if one["id"] == name)
    return health


def probed(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", str(path)],
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    found: dict[str, Any] = json.loads(done.stdout)["streams"][0]
    return found


def check_watch_page(house: RunningHouse, page: Page, name: str) -> None:
    page.goto(f"{house.base}/watch/{name}")
    expect(page.locator("main")).to_contain_text(CONVERTED, timeout=60_000)
    page.select_option("#quality", "main")  # else a busy machine is shown a smaller one
    expect(page.locator("#how")).to_contain_text("Full quality. H.264", timeout=60_000)
    wait_for(lambda: page.evaluate("document.querySelector('video')?.currentTime > 1"), 60, "the video plays")


def test_walk_by_an_mjpeg_camera_is_recorded_told_and_shown(tmp_path: Path) -> None:
    clip = make_mjpeg_clip(tmp_path / "clip.mov", pictures=50)
    manner = Manner(quiet_pictures=150)
    with http_camera(manner) as door, FakeCamera({"main": (clip, Fault())}) as yard:
        cameras: dict[str, str | dict[str, str]] = {"Door": door.url(), "Yard": yard.url("main")}
        with run_house(tmp_path / "house", cameras) as house, signed_in(house) as page:
            wait_for(lambda: state_of(house, "yard")["state"] == "live", 60, "the camera over RTSP is live")
            wait_for(lambda: state_of(house, "door").get("source_codec") == "mjpeg", 60, "the other one is, too")
            check_watch_page(house, page, "yard")
            check_watch_page(house, page, "door")
            assert house.get("/live/door/index.m3u8").startswith(b"#EXTM3U")
            page.goto(house.base + "/live")
            playing = "[...document.querySelectorAll('video')].filter(one => one.currentTime > 0.5).length"
            wait_for(lambda: page.evaluate(playing) == 2, 60, "both tiles move")
            motion = wait_for(
                lambda: [one for one in house.events("motion") if one["source_id"] == "door" and one["end_ts"]],
                60,
                "somebody walks by the door",
            )[0]
            movie = tmp_path / "clip.mp4"
            movie.write_bytes(house.get(f"/events/{motion['id']}/clip.mp4?before=5&after=2"))
    found = probed(movie)
    assert (found["codec_name"], found["width"], found["height"]) == ("h264", 320, 176)
    seconds = 5 + (motion["end_ts"] - motion["ts"]) / 1000
    assert int(found["nb_read_frames"]) >= (seconds - 2) * manner.rate * 0.8
