"""A real house on NUT's own dummy UPS: mains go, the battery gets low, and everything is closed before it is empty."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.fakes.nut import Nut
from tests.flow.command_line import vigilar
from tests.system.house import RunningHouse, run_house, start_house, wait_for
from tests.system.test_arming import street
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

pytestmark = [pytest.mark.system, pytest.mark.long(90), pytest.mark.timeout(600)]

EXIT_S = 10.0
"""From the UPS saying that its battery is low to the end of all processes (figure 12 of the targets)."""


@pytest.fixture
def nut(tmp_path: Path) -> Iterator[Nut]:
    with Nut(tmp_path / "nut") as nut:
        yield nut


def power(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/power"))
    return found


def level_is(house: RunningHouse, level: str) -> Callable[[], bool]:
    return lambda: power(house)["level"] == level


def runs(house: RunningHouse, process: str) -> bool:
    known = json.loads(house.get("/api/v1/system"))["processes"] or []
    return any(one["name"] == process and one["is_well"] for one in known)


def is_recording(house: RunningHouse) -> bool:
    cameras = json.loads(house.get("/api/v1/system"))["cameras"]
    return bool(cameras) and all(one["is_recording"] for one in cameras)


def close_reasons(folder: Path) -> dict[str, CloseReason | None]:
    """Of the newest recording of each camera."""
    ring = KeyRing.load(folder / "secrets")
    found = {}
    for camera in sorted((folder / "footage").iterdir()):
        newest = max(camera.glob("*/*.vge"), key=lambda path: int(path.stem))
        with VgeReader.open(newest, ring) as reader:
            found[camera.name] = reader.close_reason
    return found


def test_power_cut_from_mains_to_the_end_and_back(tmp_path: Path, nut: Nut, capsys: pytest.CaptureFixture[str]) -> None:
    cameras: dict[str, str | dict[str, str]] = {"Hall": street(), "Yard": street()}
    with run_house(tmp_path / "house", cameras, f'[ups]\nname = "{nut.address}"') as house:
        wait_for(lambda: is_recording(house), 60, "both cameras record")
        wait_for(level_is(house, "mains"), 60, "the UPS is read")
        wait_for(lambda: runs(house, "jobs"), 60, "exports are made")
        shown = vigilar(house.folder, "ups", "show", "--json")
        assert (shown.code, shown.json["level"]) == (0, "mains")

        nut.say("OB DISCHRG", 96, 1640)
        wait_for(level_is(house, "battery"), 60, "mains are gone")
        event = wait_for(lambda: house.events("power_loss"), 60, "the power cut is an event")[0]
        assert event["title"] == (
            "Mains power is lost, the house runs on its battery. Battery: 96 %, about 27 min left"
        )
        assert (event["severity"], event["end_ts"]) == ("ALERT", None)
        wait_for(lambda: not runs(house, "jobs"), 60, "exports wait")
        wait_for(lambda: is_recording(house), 60, "recording goes on")
        page = house.get("/system/power").decode()
        assert "On battery. Battery 96 %, 27 min at this load." in page
        assert "goes on" in page

        nut.say("OL CHRG", 95, 1600)
        wait_for(level_is(house, "mains"), 60, "mains are back for ten seconds")
        wait_for(lambda: house.events("power_loss")[0]["end_ts"], 60, "the power cut is over")
        back = wait_for(lambda: house.events("power_restored"), 60, "which is told as well")[0]
        assert back["title"].startswith("Mains power is back after ")
        wait_for(lambda: runs(house, "jobs"), 60, "exports go on")

        nut.say("OB DISCHRG LB", 8, 40)
        wait_for(lambda: nut.status() == "OB DISCHRG LB", 60, "NUT knows")
        watch = FairWatch()
        assert house.process.wait(PATIENCE_S) == 0
        took_s = watch.clock_s()
        assert watch.elapsed_s() < EXIT_S
        assert close_reasons(house.folder) == {"hall": CloseReason.UPS_SHUTDOWN, "yard": CloseReason.UPS_SHUTDOWN}
        assert "database is locked" not in house.log()

        with start_house(house):
            wait_for(lambda: "nearly empty: Vigilar begins when mains are back" in house.log(), 60, "it waits")
            with pytest.raises(OSError, match="refused"):
                house.get("/healthz")
            nut.say("OL CHRG", 9, 60)
            began = time.monotonic()
            wait_for(lambda: house.get("/healthz"), 60, "it begins with mains")
            back_s = time.monotonic() - began
            wait_for(level_is(house, "mains"), 60, "the UPS is read again")
            wait_for(
                lambda: [bool(one["end_ts"]) for one in house.events("power_loss")] == [True] * 2, 60, "both are over"
            )
            assert [one["title"] for one in house.events("system_stopped")] == [
                "Vigilar stopped: the battery of the UPS is nearly empty"
            ]
            assert len(house.events("battery_critical")) == 1
    with capsys.disabled():
        print(f"\npower: low battery to the end of all processes {took_s:.1f} s, back {back_s:.1f} s after mains")


def test_ups_that_falls_silent_is_told_and_stops_nothing_on_mains(tmp_path: Path, nut: Nut) -> None:
    with run_house(tmp_path / "house", {"Hall": street()}, f'[ups]\nname = "{nut.address}"') as house:
        wait_for(level_is(house, "mains"), 60, "the UPS is read")
        nut.end_driver()
        wait_for(lambda: house.events("ups_silent"), 60, "its silence is told")
        wait_for(lambda: power(house)["state"] == "bad", 60, "the page says so")
        wait_for(lambda: "hears nothing from the UPS" in power(house)["sentence"], 60, "and in what words")
        wait_for(lambda: is_recording(house), 60, "it records")
        with contextlib.closing(sqlite3.connect(house.folder / "vigilar.db")) as connection:
            assert connection.execute("SELECT count(*) FROM events WHERE type = 'battery_critical'").fetchone() == (0,)
