"""Live pictures of a whole running house, and a camera that goes and comes back."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.socket_client import Client
from tests.system.house import RunningHouse, run_house, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long(75), pytest.mark.timeout(240)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", pictures=100, sound=True)


@pytest.fixture
def other(clip: Path) -> Iterator[FakeCamera]:
    """A camera that wants a login, and stays."""
    with FakeCamera({"side": (clip, Fault(user="admin", password="hunter2"))}) as camera:
        yield camera


def state_of(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/system"))["cameras"][0]
    return found


def cookie_of(house: RunningHouse) -> str:
    handlers = house.opener.handlers  # type: ignore[attr-defined]  # it is there, its types do not say so
    jars = [one.cookiejar for one in handlers if isinstance(one, urllib.request.HTTPCookieProcessor)]
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jars[0])


def ask_retry(house: RunningHouse) -> int:
    request = urllib.request.Request(f"{house.base}/api/v1/cameras/porch/retry", b"", method="POST")
    with house.opener.open(request, timeout=10) as answer:
        return int(answer.status)


def first_picture(house: RunningHouse, query: str) -> tuple[dict[str, Any], float]:
    """What the socket says first, and after how many seconds the first fragment is there."""
    began = time.monotonic()
    url = house.base.replace("http", "ws") + f"/live/porch/ws{query}"
    client = Client(url, headers={"Cookie": cookie_of(house)})
    try:
        start = json.loads(client.receive(timeout=10.0))
        pieces = 0
        while pieces < 2:
            pieces += isinstance(client.receive(timeout=10.0), bytes)
        return start, time.monotonic() - began
    finally:
        client.close()


def add_by_page(house: RunningHouse, address: str, name: str) -> float:
    """Type an address and its login, look at the picture, add it: seconds until it is live."""
    began = time.monotonic()
    login = {"address": address, "user": "admin", "password": "hunter2"}
    where = post(house, "/cameras/add", login)
    wait_for(lambda: 'data-state="done"' in house.get(where).decode(), 60, "the try is over")
    post(house, where, {"name": name, "record": ""})

    def is_live() -> bool:
        cameras = json.loads(house.get("/api/v1/system"))["cameras"]
        return any(one["id"] == name.lower() and one["state"] == "live" for one in cameras)

    wait_for(is_live, 60, "it is live")
    return time.monotonic() - began


def post(house: RunningHouse, path: str, form: dict[str, str]) -> str:
    """Where a form leads to."""
    request = urllib.request.Request(house.base + path, urllib.parse.urlencode(form).encode(), method="POST")
    with house.opener.open(request, timeout=20) as answer:
        return str(urllib.parse.urlsplit(answer.url).path)


def test_camera_that_is_back_is_live_again_soon_and_its_outage_is_one_event(
    tmp_path: Path, clip: Path, other: FakeCamera, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeCamera({"main": (clip, Fault())}) as camera:
        port, url = camera.port, camera.url("main")
        running = run_house(tmp_path / "house", {"Porch": url})
        house = running.__enter__()
        try:
            wait_for(lambda: state_of(house)["state"] == "live", 60, "the camera is live")
            start, took_s = first_picture(house, "")
            narrow, narrow_s = first_picture(house, "?stream=narrow")
            added_s = add_by_page(house, other.url("side"), "Side")
            last_seen = time.time()
        except BaseException:
            running.__exit__(None, None, None)
            raise
    try:
        gone, gone_at = time.monotonic(), time.time()
        wait_for(lambda: state_of(house)["state"] == "no-picture", 60, "the tile says so")
        said_s = time.monotonic() - gone
        wait_for(lambda: house.events("camera_offline"), 60, "the outage is told")
        time.sleep(12.0)  # by now the pauses between the tries have grown to their longest
        with FakeCamera({"main": (clip, Fault())}, port=port):
            back = time.monotonic()
            wait_for(lambda: state_of(house)["state"] == "live", 60, "the camera is live again")
            by_itself_s = time.monotonic() - back
            wait_for(lambda: house.events("camera_offline")[0]["end_ts"], 60, "the outage has an end")
        wait_for(lambda: state_of(house)["state"] == "no-picture", 60, "it is gone again")
        time.sleep(12.0)
        with FakeCamera({"main": (clip, Fault())}, port=port):
            back = time.monotonic()
            assert ask_retry(house) == 204
            wait_for(lambda: state_of(house)["state"] == "live", 60, "it is live when asked for")
            asked_s = time.monotonic() - back
        (outage, *_) = house.events("camera_offline")[-1:]
        known = house.events("camera_online")
    finally:
        running.__exit__(None, None, None)
    with capsys.disabled():
        print(
            f"\nfirst picture {took_s * 1000:.0f} ms, narrow {narrow_s * 1000:.0f} ms; "
            f"B-02 one more camera {added_s:.1f} s (20); B-26 unplugged to tile {said_s:.1f} s (5); "
            f"live again after {by_itself_s:.1f} s by itself, {asked_s:.1f} s when asked"
        )
    assert start["codec"].endswith("mp4a.40.2")
    assert (narrow["stream"], narrow["codec"][:9]) == ("narrow", "avc1.42c0")
    # What was promised stands behind the figures; others run beside, so there is room above it.
    assert took_s < 3.0
    assert added_s < 40.0
    assert said_s < 10.0
    assert by_itself_s < 20.0
    assert asked_s < 10.0
    assert known == [], "the picture that is back ends the outage, and is no card of its own"
    assert last_seen - 5.0 < outage["ts"] / 1000 < gone_at + 5.0, "it began with the last picture"
    assert outage["end_ts"] > outage["ts"] + 10_000
