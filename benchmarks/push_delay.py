"""From a person before the camera to the push on a phone: ``python -m benchmarks.push_delay [--visits N]``.

Drawn video through the real processes (camera, detector, events, notify) to the tests' own push service, which opens
each push with the phone's key. For each visit: seconds from the detector's word on the bus, and from the first move in
the picture, until the push is opened there; and how many pushes it was, of which one makes a sound. Half a minute a
visit: somebody comes in the middle of each loop. Visit 0 meets a house that still starts, and does not count.

The house takes visits of one place within a quarter of an hour for one story. So that each is one of its own, the row
of the story before is moved a day back between two of them.

Targets: p95 under 1 s after the detector knows, under 3 s after the person enters. Ends with 1 when one is
missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.push_service import Push, PushService, push_service
from tests.ports import free_port
from tests.system.house import RunningHouse, run_house, wait_for
from tests.system.push_kit import Ear, call, house_bus_port, install_drawn_scenes, person_settings
from vigilar.demo import actors, places
from vigilar.demo.actors import Picture
from vigilar.demo.scenes import Scene, ensure_clip

KNOWN_S, ENTERED_S = 1.0, 3.0
LOOP_S, ENTERS_S, LEAVES_S = 30, 8.0, 16.0
SETTLES_S = 6.0
"""The row of a story follows the last word about its events for some seconds after their end."""

DAY_MS = 86_400_000


def visitor(picture: Picture, t: float) -> None:
    """Somebody walks through from left to right."""
    if ENTERS_S <= t < LEAVES_S:
        way = (t - ENTERS_S) / (LEAVES_S - ENTERS_S)
        actors.person(picture, -60 + 1400 * way, 690, 330, t * 6.2, (120, 84, 46), 1)


@dataclass(frozen=True, slots=True)
class Visit:
    """``known_s``, ``moved_s``: from the detector's word and the first move to the push; ``sounds`` of ``pushes``."""

    known_s: float
    moved_s: float
    pushes: int
    sounds: int


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--visits", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, push_service(Path(name), free_port()) as service:
        folder = Path(name) / "house"
        folder.mkdir()
        install_drawn_scenes(folder)
        clip = ensure_clip(Scene("visitor", places.hall, visitor, LOOP_S), Path(name))
        camera: dict[str, str | dict[str, str]] = {
            "Hall": {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}
        }
        with run_house(folder, camera, *person_settings(service)) as house:
            call(house, "POST", "/api/v1/push/subscriptions", {**service.phone("sam").subscription(), "name": "Sam"})
            ear = Ear(folder, house_bus_port(folder))
            visits = [one_visit(house, service, ear, number) for number in range(asked.visits + 1)]
            ear.close()
        if service.bad:
            print(f"the push service refused: {service.bad}")
            return 1
    return judge(visits[1:])


def one_visit(house: RunningHouse, service: PushService, ear: Ear, number: int) -> Visit:
    """Wait for the next visit that is told, and for its end."""
    before = len(service.accepted())
    first = wait_for(lambda: persons(service, before), 3 * LOOP_S, f"the push of visit {number}")[0]
    event = json.loads(house.get(f"/api/v1/events/{first.message['vigilar']['event_id']}"))
    wait_for(lambda: is_over(house), LOOP_S, "the visitor has left")
    told = [one for one in service.accepted()[before:] if one.message["notification"]["tag"] == tag_of(first)]
    known_s = first.at_s - min(at_s for at_s in ear.told_s.values() if at_s >= event["ts"] / 1000)
    visit = Visit(known_s, first.at_s - event["ts"] / 1000, len(told), sum(makes_sound(one) for one in told))
    print(f"visit {number}: push {visit.known_s:.3f} s after the detector knew, {visit.moved_s:.3f} s after the first "
          f"move, {visit.pushes} in all", flush=True)  # fmt: skip
    move_back(house)
    return visit


def persons(service: PushService, before: int) -> list[Push]:
    return [one for one in service.accepted()[before:] if one.message["vigilar"]["kind"] == "person"]


def tag_of(push: Push) -> str:
    return str(push.message["notification"]["tag"])


def makes_sound(push: Push) -> bool:
    return push.message["notification"]["silent"] is False


def is_over(house: RunningHouse) -> bool:
    found: list[dict[str, Any]] = json.loads(house.get("/api/v1/events?limit=10"))["events"]
    return all(one["end_ts"] for one in found if one["type"] == "motion")


def move_back(house: RunningHouse) -> None:
    time.sleep(SETTLES_S)
    with closing(sqlite3.connect(house.folder / "vigilar.db", timeout=10)) as database, database:
        database.execute("UPDATE incidents SET start_ms = start_ms - ?, end_ms = end_ms - ?", (DAY_MS, DAY_MS))


def judge(visits: list[Visit]) -> int:
    known, moved = sorted(one.known_s for one in visits), sorted(one.moved_s for one in visits)
    missed = 0
    for what, took, most_s in (("the detector knew", known, KNOWN_S), ("the first move", moved, ENTERED_S)):
        p95 = took[math.ceil(0.95 * len(took)) - 1]
        missed += p95 >= most_s
        verdict = "ok" if p95 < most_s else "MISSED"
        print(f"push after {what}: p50 {statistics.median(took):.2f} s, p95 {p95:.2f} s, slowest {took[-1]:.2f} s, of "
              f"{len(took)} visits (p95 under {most_s:.0f} s) {verdict}", flush=True)  # fmt: skip
    doubled = sum(one.sounds != 1 for one in visits)
    print(f"one sound a visit: {len(visits) - doubled} of {len(visits)} {'ok' if not doubled else 'MISSED'}; "
          f"{sum(one.pushes for one in visits)} pushes in all", flush=True)  # fmt: skip
    return int(missed > 0 or doubled > 0)


if __name__ == "__main__":
    sys.exit(main())
