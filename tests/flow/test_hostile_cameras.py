"""Cameras that mean harm, in one house with a good one, by the real service: they cost it not a second."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip
from tests.fakes.hostile_camera import (
    HostileCamera,
    Keeps,
    describes_at_length,
    floods,
    redirects,
    refuses_for_ever,
    sends_garbage,
    sends_unasked,
    trickles,
    wraps_stamps,
)
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.flow.command_line import Service, service
from vigilar.base.clock import SystemClock
from vigilar.base.errors import CameraError
from vigilar.base.retry import Backoff
from vigilar.base.stop import Stop
from vigilar.capture.opener import open_source
from vigilar.capture.rate_cap import USUAL_LIMIT_BPS, WINDOW_S, RateCap
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.sentences import TOO_MUCH
from vigilar.capture.worker import TOO_MUCH_RETRY_S, CaptureWorker
from vigilar.media.packets import StreamRole
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

WATCHED_S = 25.0
WINDOW_BYTES = USUAL_LIMIT_BPS / 8 * WINDOW_S
MOST_BYTES = 2.1 * WINDOW_BYTES
"""What a flood brings until it is stopped: 83 MB at 200 Mbit/s, and 125 MB when this machine only sends half as fast.
Not stopped it would be 600 MB."""


def recorded(house: Service, camera_id: str) -> list[tuple[int, int]]:
    """Begin and end (UTC ms) of every fragment of a camera, oldest first."""
    spans = []
    keys = KeyRing.load(house.folder / "secrets")
    for path in house.recordings(camera_id):
        with VgeReader.open(path, keys) as reader:
            begins = [(entry.utc_ns // 1_000_000, entry.duration_ms) for entry in reader.entries if entry.duration_ms]
            spans += [(begin_ms, begin_ms + length_ms) for begin_ms, length_ms in begins]
    return sorted(spans)


@pytest.mark.long
@pytest.mark.quiet
def test_hostile_cameras_cost_the_good_one_no_second(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=30, sound=True)
    harm: dict[str, tuple[Keeps, str]] = {
        "redirect": (redirects, "V-CAM-02"),
        "trickle": (trickles, "V-CAM-01"),
        "storm": (refuses_for_ever, "V-CAM-03"),
        "long": (describes_at_length, "V-CAM-02"),
        "garbage": (sends_garbage, "V-CAM-16"),
        "unasked": (sends_unasked, TOO_MUCH),
        "flood": (floods(clip), TOO_MUCH),
    }
    with ExitStack() as stack:
        good = stack.enter_context(FakeCamera({"main": (clip, Fault())}))
        hostile = {name: stack.enter_context(HostileCamera(keeps)) for name, (keeps, _) in harm.items()}
        wraps = stack.enter_context(HostileCamera(wraps_stamps(clip)))
        addresses = {name: camera.url for name, camera in hostile.items()}
        house = stack.enter_context(
            service(tmp_path / "data", {"good": good.url("main"), "wraps": wraps.url, **addresses})
        )
        started_s = time.monotonic()
        house.start()
        wait_until(lambda: house.recorded_bytes("good") > 0, 30.0)
        began_ms = time.time() * 1000

        def codes() -> dict[str, object]:
            return {event.source_id: event.payload["code"] for event in house.events("camera_offline")}

        threading.Event().wait(WATCHED_S)
        wait_until(lambda: codes().keys() >= harm.keys(), 30.0)  # on a busy machine a camera's process begins late
        ended_ms = time.time() * 1000
        wait_until(lambda: recorded(house, "good")[-1][1] > ended_ms, 5.0)  # what is on its way is lost with the stop
        told = {event.source_id: event.payload for event in house.events("camera_offline")}
        house.stop()
        tries = 1 + int((time.monotonic() - started_s) / TOO_MUCH_RETRY_S)

        spans = [(begin, end) for begin, end in recorded(house, "good") if end > began_ms and begin < ended_ms]
        assert spans[0][0] - began_ms < 1000
        assert spans[-1][1] > ended_ms
        assert max(two[0] - one[1] for one, two in pairwise(spans)) < 1000
        assert good.requests.count("PLAY") == 1
        assert house.restarts() == [], "a hostile camera costs no process"

        assert {name: payload["code"] for name, payload in told.items()} == {
            name: code for name, (_, code) in harm.items()
        }
        assert "more than 50 Mbit/s" in told["flood"]["reason"]
        for name in ("flood", "unasked"):
            assert WINDOW_BYTES < hostile[name].sent_bytes < tries * MOST_BYTES
            assert 1 <= hostile[name].connections <= tries, "the next try is a minute later"
        assert 0 < house.recorded_bytes("flood") < tries * MOST_BYTES
        assert all(camera.connections < 15 for camera in hostile.values()), "each retry is later than the one before"
        assert wraps.connections == 1, "stamps end no connection"
        kept = recorded(house, "wraps")
        assert sum(end - begin for begin, end in kept) > 0.9 * (kept[-1][1] - kept[0][0])


@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_hour_of_drops_leaves_nothing_behind(tmp_path: Path) -> None:
    """As many as a camera has whose cable is loose: one each nine seconds, here one after the other."""
    clip = make_clip(tmp_path / "clip.mp4", pictures=30, keyframe_every=1, sound=True)
    mounts = {
        "plain": Fault(drop_s=0.02),
        "udp": Fault(drop_s=0.02),
        "garbage": Fault(garbage_s=0.2),  # some pictures come before: in 0.02 s that is chance
        "locked": Fault(user="admin", password="right", drop_s=0.02),
        "busy": Fault(status=453),
        "sound": Fault(bad_sound=500, drop_s=0.02),
    }
    with FakeCamera({name: (clip, fault) for name, fault in mounts.items()}) as camera:
        urls = [camera.url(name, "admin:right" if name == "locked" else "") for name in mounts]
        command = [sys.executable, "-m", "tests.flow.reconnecting", "400", *urls]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == 10
    assert {one["threads"] for one in said} == {1}
    descriptors = [one["descriptors"] for one in said]
    assert max(descriptors) - min(descriptors) <= 1  # of the folder that counts them
    floors = [min(one["kib"] for one in half) for half in (said[:5], said[5:])]
    assert floors[1] - floors[0] < 1024, "what came with the first ones stays, and no more comes"
    assert said[-1]["pictures"] > 60  # one of each visit of the sixth that have time for it


def test_login_that_is_always_asked_for_again_is_given_up_soon() -> None:
    with HostileCamera(refuses_for_ever) as camera:
        watch = FairWatch()
        with pytest.raises(CameraError) as caught:
            open_source(camera.url.replace("//", "//admin:hunter2@"), lambda _s: False)
        assert caught.value.code == "V-CAM-03"
        assert watch.elapsed_s() < 2.0
        assert camera.sent_bytes < 2000, "a handful of answers"


def test_burst_of_a_restreamer_is_no_flood() -> None:
    cap = RateCap(50_000_000, 0.0)
    cap.add(40_000_000, 0.1)
    for second in range(1, 600):
        cap.add(6_000_000, float(second))
    with pytest.raises(CameraError) as caught:
        cap.add(62_500_001, 600.0)
    assert caught.value.code == TOO_MUCH


def test_flood_is_cut_off_while_the_set_up_of_the_sound_is_waited_for(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=30, sound=True)
    fault = Fault(latm=True, sound_late_s=30.0)
    with FakeCamera({"main": (clip, fault)}) as camera, pytest.raises(CameraError) as caught:
        open_source(camera.url("main"), lambda _s: False, Intake(limit_bps=800))
    assert caught.value.code == TOO_MUCH


def test_flood_is_left_alone_for_a_minute() -> None:
    worker = CaptureWorker(
        StreamRole.MAIN, "rtsp://x", lambda _item: None, lambda _c: None, Stop(), SystemClock(), backoff=Backoff()
    )
    assert worker._delay_s(CameraError("too much", code=TOO_MUCH), 2.0) == 60.0
