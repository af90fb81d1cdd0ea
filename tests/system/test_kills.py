"""kill -9 in the middle: at most a second of video is lost, and no event."""

from __future__ import annotations

import json
import time

import pytest

from tests.fair_watch import FairLog
from tests.system.house import RunningHouse, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def test_killed_broker_loses_no_event(house: RunningHouse) -> None:
    known = {e["id"] for e in house.events("motion")}
    house.broker().kill()
    wait_for(house.broker, 60, "the broker is back")
    wait_for(lambda: [e for e in house.events("motion") if e["id"] not in known], 60, "the next motion is stored")


LOG_S = 3.0
"""More than is ever lost: so long before the kill is looked at how crowded the machine is."""


@pytest.mark.quiet
def test_killed_camera_process_loses_at_most_a_second(house: RunningHouse) -> None:
    sealed = house.folder / "footage" / "street"
    wait_for(lambda: [p for p in sealed.glob("*/*.vge") if p.stat().st_size > 50_000], 60, "a recording is under way")
    before = house.camera("street")
    with FairLog() as log:
        time.sleep(LOG_S)
        killed_ms = time.time() * 1000
        before.kill()
    wait_for(lambda: house.camera("street").pid != before.pid, 60, "the camera process is back")
    event = wait_for(lambda: house.events("recording_recovered"), 60, "the cut recording is found and told")[0]
    spans = json.loads(
        house.get(f"/footage/street/timeline?from={int(killed_ms) - 60_000}&to={int(time.time() * 1000)}")
    )
    print("recovered:", event["title"], json.dumps(spans)[:600])
    ends = [s["to"] for s in spans["spans"] if s["from"] < killed_ms]
    print(f"lost by kill -9: {killed_ms - max(ends):.0f} ms")
    assert log.between_s(max(ends) / 1000, killed_ms / 1000) <= 1.0
