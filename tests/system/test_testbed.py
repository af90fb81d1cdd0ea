"""The main job on cameras and footage that nobody here made, where the testbed lies beside the repository."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairLog
from tests.ports import free_port, free_ports
from tests.rtsp.server import SYSTEM_PYTHON, missing_reason
from tests.system.chromium import MISSING, open_events, shown_ms, signed_in
from tests.system.house import RunningHouse, run_house, wait_for
from vigilar.base.ids import slug
from vigilar.config.secrets import SecretStore

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

NAMES = ("front_room", "porch_cat", "carpark")
CLIPS = {"front_room": "front_room_720p.mp4", "porch_cat": "porch_cat_480p.mp4", "carpark": "carpark_walk_480p.mp4"}
LATE_S = 1.0
SETTLE_MS = 4500.0
"""The jump to the clip's beginning may itself be a motion; somebody comes after 6 s at the earliest."""


@dataclass(slots=True)
class Bed:
    """The running cameras, and what is to be seen on their clips and when."""

    control: str
    truth: dict[str, Any]
    urls: dict[str, list[str]]

    def clip_s(self, name: str, utc_ms: float) -> float:
        """Which second of the camera's clip was being sent at ``utc_ms``."""
        main = self._status()[name]["streams"]["main"]
        at_s = float(main["position_s"]) + utc_ms / 1000 - float(main["position_at"])
        return at_s % float(self.truth[CLIPS[name]]["length"])

    def begin_anew(self) -> None:
        """All clips go on from their beginning; nobody is in the picture for six seconds."""
        request = urllib.request.Request(f"{self.control}/cameras/all/seek?value=0", method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()

    def late_s(self, name: str, utc_ms: float) -> float:
        """How long after the nearest labelled start of the clip ``utc_ms`` was; negative before it."""
        clip = self.truth[CLIPS[name]]
        at_s, length_s = self.clip_s(name, utc_ms), float(clip["length"])
        gaps = [(at_s - float(event["start"]) + length_s / 2) % length_s - length_s / 2 for event in clip["events"]]
        return min(gaps, key=abs)

    def _status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.control}/status", timeout=PATIENCE_S) as answer:
            found: dict[str, Any] = json.loads(answer.read())["cameras"]
            return found


@pytest.fixture(scope="module")
def bed(testbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    if missing_reason():
        pytest.skip(f"no foreign RTSP server: {missing_reason()}")
    control, first, ready = free_port(), free_ports(len(NAMES)), tmp_path_factory.mktemp("bed") / "ready"
    command = [
        SYSTEM_PYTHON, str(testbed / "rtsp_cameras.py"), "up", "--only", ",".join(NAMES), "--base-port", str(first),
        "--control-port", str(control), "--ready-file", str(ready),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(ready.exists, 60, "the testbed's cameras are up")
        truth = json.loads((testbed / "groundtruth.json").read_text(encoding="utf-8"))["clips"]
        it = Bed(f"http://127.0.0.1:{control}", truth, {})
        it.urls = {name: sorted(found["urls"].values()) for name, found in it._status().items()}
        yield it
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def house(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    folder = tmp_path_factory.mktemp("house") / "data"
    secrets = SecretStore(folder / "secrets")
    folder.mkdir()
    secrets.put_login("front", "admin", "Vig1lar-test")
    main, sub = (url.replace("admin:Vig1lar-test@", "") for url in bed.urls["front_room"])
    cameras: dict[str, str | dict[str, str]] = {
        "front_room": {"address": main, "small": sub, "login": "secret:front"},
        **{name: bed.urls[name][0] for name in NAMES[1:]},
    }
    with run_house(folder, cameras) as it:
        yield it


@pytest.mark.quiet
def test_walk_by_in_foreign_footage_shows_within_a_second(bed: Bed, house: RunningHouse) -> None:
    if MISSING:
        pytest.skip(MISSING)
    shown: dict[str, tuple[float, float]] = {}
    with FairLog() as log, signed_in(house) as page:
        open_events(house, page)
        bed.begin_anew()
        settled_ms = time.time() * 1000 + SETTLE_MS
        for name in NAMES:
            event = wait_for(partial(_motions_since, house, name, settled_ms), 60, f"motion of {name}")[0]
            at_ms = wait_for(partial(shown_ms, page, event), 60, f"the card of {name}")
            shown[name] = (at_ms / 1000, bed.late_s(name, at_ms))
    for name, (at_s, late_s) in shown.items():
        tolerance_s = float(bed.truth[CLIPS[name]]["tolerance"])
        print(f"{name}: card {late_s:.2f} s after the start that is labelled (good to {tolerance_s} s)")
        assert -tolerance_s <= late_s
        assert log.between_s(at_s - late_s, at_s) < LATE_S + tolerance_s


def _motions_since(house: RunningHouse, name: str, utc_ms: float) -> list[dict[str, Any]]:
    """The camera's motions that began after ``utc_ms``, the first first."""
    found = [e for e in house.events("motion") if e["source_id"] == slug(name) and e["ts"] > utc_ms]
    return sorted(found, key=lambda event: int(event["ts"]))


def test_clip_of_foreign_footage_is_whole_and_begins_before(bed: Bed, house: RunningHouse, tmp_path: Path) -> None:
    event = wait_for(
        lambda: [
            e
            for e in house.events("motion")
            if e["source_id"] == "carpark" and e["end_ts"] and e["ts"] - _recording_since(house, "carpark") > 6_000
        ],
        60,
        "a motion in the carpark is over",
    )[-1]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(house.get(f"/events/{event['id']}/clip.mp4?before=5&after=10"))
    probe = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-select_streams", "v", "-of", "json"]
    done = subprocess.run([*probe, str(clip)], capture_output=True, check=True)
    assert done.stderr == b""
    stamps = [float(p["pts_time"]) for p in json.loads(done.stdout)["packets"]]
    assert max(b - a for a, b in itertools.pairwise(stamps)) < 1.5 / 30, "thirty frames a second, none missing"
    assert stamps[-1] - stamps[0] > 5.0 + (int(event["end_ts"]) - int(event["ts"])) / 1000 - 0.2


def _recording_since(house: RunningHouse, camera: str) -> int:
    """From when on there is footage, UTC ms: a busy house records long after it has started."""
    now_ms = int(time.time() * 1000)
    spans = json.loads(house.get(f"/footage/{camera}/timeline?from={now_ms - 3_600_000}&to={now_ms}"))["spans"]
    return int(spans[0]["from"]) if spans else now_ms


def test_digest_login_and_sound_of_the_foreign_camera(house: RunningHouse, tmp_path: Path) -> None:
    event = wait_for(
        lambda: [e for e in house.events("motion") if e["source_id"] == "front-room"], 60, "motion in the front room"
    )[-1]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(house.get(f"/events/{event['id']}/clip.mp4"))
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", str(clip)]
    done = subprocess.run(probe, capture_output=True, check=True)
    assert done.stdout.split() == [b"h264", b"aac"]
    assert "Vig1lar-test" not in house.log()
