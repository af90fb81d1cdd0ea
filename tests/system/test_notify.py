"""A person walks into the picture, and a phone shows it: video through the real processes to a push that the tests' own
push service opens. Prints how long it took."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fair_watch import FairLog
from tests.fakes.push_service import Push, PushService, push_service
from tests.ports import free_port
from tests.system.house import ROOT, RunningHouse, run_house, wait_for
from tests.system.push_kit import Ear, call, house_bus_port, install_drawn_scenes, person_settings

pytestmark = [pytest.mark.system, pytest.mark.long(50), pytest.mark.timeout(600)]

HALL: dict[str, str | dict[str, str]] = {"Hall": "demo:hall"}
"""Somebody comes at 16 s, a cat at 31 s, in a loop of 44 s."""


def motion_of(folder: Path, event_id: str) -> str:
    """How the camera named it on the bus."""
    with closing(sqlite3.connect(f"file:{folder}/vigilar.db?mode=ro", uri=True)) as connection:
        return str(connection.execute("SELECT uid FROM events WHERE id = ?", (event_id,)).fetchone()[0])


def pushes_of(service: PushService, kind: str) -> list[Push]:
    """Of events of that kind; the house's own test has none."""
    return [one for one in service.accepted() if one.message["vigilar"]["kind"] == kind]


def heard_push(folder: Path, service: PushService, ear: Ear) -> Push | None:
    """The first of a person of whom the ear has heard: it may have come when somebody was there already."""
    people = pushes_of(service, "person")
    return next((one for one in people if motion_of(folder, one.message["vigilar"]["event_id"]) in ear.told_s), None)


def why_it_was_told(house: RunningHouse, event_id: str) -> dict[str, Any] | None:
    """Once all its pushes were accepted."""
    why: dict[str, Any] = json.loads(house.get(f"/api/v1/events/{event_id}/why"))
    return why if {one["state"] for one in why["pushes"]} == {"accepted"} else None


def test_person_before_the_camera_is_on_the_phone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    install_drawn_scenes(folder)
    with push_service(tmp_path, free_port()) as service:
        with run_house(folder, HALL, *person_settings(service)) as house:
            ear = Ear(folder, house_bus_port(folder))
            phone = service.phone("sam")
            key = call(house, "GET", "/api/v1/push/key")["key"]
            made = call(house, "POST", "/api/v1/push/subscriptions", {**phone.subscription(), "name": "Sam's phone"})
            call(house, "POST", "/api/v1/push/test", {"id": made["id"]})
            test = wait_for(lambda: pushes_of(service, ""), 60, "the test arrives")[0]
            assert test.message["notification"]["body"] == "Pushes reach this phone."
            assert f"k={key}" in test.headers["authorization"]
            facts = test.message["vigilar"]
            call(house, "POST", "/api/v1/push/shown", {"id": facts["id"], "token": facts["token"]})
            known = call(house, "GET", "/api/v1/push/subscriptions")["subscriptions"][0]
            assert (known["name"], known["state"]) == ("Sam's phone", "ok")
            assert known["delay_ms"] < 30_000
            command = [sys.executable, "-m", "vigilar", "--data-dir", str(folder), "notify", "test", "--json"]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
            assert json.loads(done.stdout)["tests"] == [
                {"to": "Sam's phone (sam)", "state": "accepted", "sentence": ""}
            ]
            with FairLog() as log:
                push = wait_for(lambda: heard_push(folder, service, ear), 120, "a push")
            ear.close()
            notification, facts = push.message["notification"], push.message["vigilar"]
            event = json.loads(house.get(f"/api/v1/events/{facts['event_id']}"))
            assert event["kind"] == "person"
            # On a busy machine the cat that comes after the person may be named with it.
            assert re.fullmatch("Person( and cat)? in the hall", notification["title"])
            assert notification["navigate"].endswith(f"/events/{facts['event_id']}")
            assert notification["tag"] == f"incident-{event['incident_id']}"
            assert (facts["camera"], facts["severity"]) == ("hall", event["severity"])
            wait_for(lambda: json.loads(house.get(f"/api/v1/events/{event['id']}"))["end_ts"], 60, "it has left")
            told = [one for one in service.accepted() if one.message["vigilar"]["event_id"] == event["id"]]
            assert [one.message["notification"]["silent"] for one in told] == [False] + [True] * (len(told) - 1)
            known_s = ear.told_s[motion_of(folder, event["id"])]
            after_s = push.at_s - known_s
            entered_s = push.at_s - event["ts"] / 1000
            with capsys.disabled():
                sys.stdout.write(
                    f"\npush {after_s:.3f} s after the detector knew, {entered_s:.3f} s after the first move\n"
                )
            why = wait_for(lambda: why_it_was_told(house, event["id"]), 60, "what was sent last has arrived as well")
            assert why["decided"] is True
            assert why["steps"][-1]["step"] == "told"
            assert [one["member"] for one in why["pushes"]] == ["sam"]
            assert log.between_s(known_s, push.at_s) < 5.0, "a second, and what no watch can tell"
            assert service.bad == []
