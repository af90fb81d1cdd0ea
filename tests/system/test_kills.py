"""kill -9 in the middle: at most a second of video is lost, and no event."""

from __future__ import annotations

import json
import time

import pytest

from tests.system.house import RunningHouse, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def test_killed_broker_loses_no_event(house: RunningHouse) -> None:
    known = {e["id"] for e in house.events("motion")}
    house.broker().kill()
    wait_for(house.broker, 60, "the broker is back")
    wait_for(lambda: [e for e in house.events("motion") if e["id"] not in known], 60, "the next motion is stored")


@pytest.mark.quiet
def test_killed_camera_process_loses_at_most_a_second(house: RunningHouse) -> None:
    sealed = house.folder / "footage" / "street"
    wait_for(lambda: [p for p in sealed.glob("*/*.vge") if p.stat().st_size > 50_000], 60, "a recording is under way")
    before = house.camera("street")
    killed_ms = time.time() * 1000
    before.kill()
    after = wait_for(lambda: (p := house.camera("street")).pid != before.pid and p, 60, "the camera process is back")
    assert after.is_running()
    event = wait_for(lambda: house.events("recording_recovered"), 60, "the cut recording is found and told")[0]
    spans = json.loads(
        house.get(f"/footage/street/timeline?from={int(killed_ms) - 60_000}&to={int(time.time() * 1000)}")
    )
    print("recovered:", event["title"], json.dumps(spans)[:600])
    ends = [s["to"] for s in spans["spans"] if s["from"] < killed_ms]
    lost_ms = killed_ms - max(ends)
    print(f"lost by kill -9: {lost_ms:.0f} ms")
    assert lost_ms <= 1000
