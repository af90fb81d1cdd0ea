"""Zones of a running house: sent to the page's API, used by the camera's process, seen in its events and pictures."""

from __future__ import annotations

import json
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.system.house import RunningHouse, run_house, wait_for
from vigilar.media.encode import ClipWriter

pytestmark = [pytest.mark.system, pytest.mark.long(45), pytest.mark.timeout(600)]

QUIET_S, MOVING_S, RATE = 6, 2, 10
SOON_S = 6.0
"""Two seconds until zones are in use are promised, and a busy machine adds to that what no watch can tell."""
Corners = list[list[float]]
WHOLE: Corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
LEFT: Corners = [[0, 0], [0.6, 0], [0.6, 1], [0, 1]]


def make_room(path: Path) -> Path:
    """A still room for 6 s, then a box that goes from left to the middle for 2 s."""
    room = np.random.default_rng(3).integers(60, 90, (180, 320, 3), np.uint8)
    with ClipWriter(path, 320, 180, RATE, RATE) as writer:
        for index in range((QUIET_S + MOVING_S) * RATE):
            picture = room.copy()
            if index >= QUIET_S * RATE:
                at = (index - QUIET_S * RATE) * 6
                picture[50:150, at : at + 50] = 230
            writer.write(picture)
    return path


def ask(house: RunningHouse, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{house.base}/api/v1/cameras/room/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with house.opener.open(request, timeout=PATIENCE_S) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def zone(kind: str, points: Corners) -> dict[str, Any]:
    return {"zones": [{"name": "The corner", "kind": kind, "points": points}], "lines": []}


def put(house: RunningHouse, body: dict[str, Any]) -> float:
    """Send zones; the seconds until the camera's process uses them."""
    lines = house.log().count("new settings in use: zones")
    watch = FairWatch()
    ask(house, "PUT", "zones", body)
    wait_for(lambda: house.log().count("new settings in use: zones") > lines, 60, "the camera uses the zones")
    return watch.elapsed_s()


def tried(house: RunningHouse) -> dict[str, Any]:
    return ask(house, "POST", "zones/preview", zone("ignore", WHOLE))


def brightest(house: RunningHouse) -> int:
    """Of the picture that the page shows of the camera."""
    context: Any = av.CodecContext.create("mjpeg", "r")
    (frame,) = context.decode(av.Packet(house.get("/cameras/room/snapshot.jpg?width=320")))
    return int(frame.to_ndarray(format="gray").max())


def test_zones_count_soon_and_without_a_restart(tmp_path: Path) -> None:
    clip = make_room(tmp_path / "room.mp4")
    with run_house(tmp_path / "house", {"Room": f"file:{clip}"}) as house:
        wait_for(lambda: house.events("motion"), 60, "motion before there are zones")
        process = house.camera("room").pid
        assert put(house, zone("ignore", WHOLE)) < SOON_S
        used_ms = time.time() * 1000
        wait_for(lambda: all(one["end_ts"] for one in house.events("motion")), 60, "a motion that was going on ends")
        time.sleep(2 * (QUIET_S + MOVING_S) + 2)
        since = [one for one in house.events("motion") if one["ts"] > used_ms]
        assert since == [], "what moves in an ignored area makes no event; one that began before may be stored late"
        assert put(house, zone("include", LEFT)) < SOON_S
        seen = wait_for(lambda: [one for one in house.events("motion") if one["zones"]], 60, "motion in a zone")
        assert seen[0]["zones"] == ["The corner"]
        wait_for(lambda: tried(house)["events_after"] < tried(house)["events_before"], 60, "it is known where it was")
        assert brightest(house) > 60
        assert put(house, zone("private", WHOLE)) < SOON_S
        wait_for(lambda: brightest(house) < 30, 60, "the private area is black")
        assert house.camera("room").pid == process, "never started again"
    written = tomllib.loads((tmp_path / "house" / "vigilar.toml").read_text())["camera"][0]["zone"]
    assert written == [{"id": "the-corner", "name": "The corner", "kind": "private", "points": WHOLE}]
