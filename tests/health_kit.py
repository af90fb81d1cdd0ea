"""A house of which everything is known and well, for tests that break one thing of it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from vigilar.base.clock_sync import ClockState
from vigilar.config.jobs import CameraInfo
from vigilar.health.house import HouseHealth, look_at_house
from vigilar.health.known import Certificate, Footage, JobsDone, Known, Sensors
from vigilar.health.lines import CameraLine, DiskState, camera_line, process_lines

BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_770_000_000_000  # 2 February 2026, 03:40 in Berlin
DAY_MS = 86_400_000
ROOMY = DiskState(100_000_000_000, 50_000_000_000)
RUNNING = {"supervisor": {"state": "running"}, "web": {"state": "running", "title": "The web server"}}


def line(state: str, name: str = "Shed", enabled: bool = True, **facts: Any) -> CameraLine:
    return camera_line(CameraInfo(name.lower(), name, True, enabled), {"state": state, **facts}, NOW, BERLIN)


def well(name: str = "Shed") -> CameraLine:
    return line("live", name, is_recording=True)


def known(**other: Any) -> Known:
    processes = other.get("processes", RUNNING)
    return Known(
        **{
            "now_ms": NOW,
            "version": "9.9",
            "cameras": [well()],
            "processes": processes,
            "lines": None if processes is None else process_lines(processes),
            "has_bus": True,
            "disk": ROOMY,
            "certificate": Certificate("ok", "Known by its own.", NOW + 312 * DAY_MS),
            "clock": ClockState(True, 3.0),
            "footage": Footage(NOW - 24 * DAY_MS, 24.0, "At this rate you keep 24 days (22 to 27)."),
            "sensors": Sensors(0),
            "jobs": JobsDone(),
            "zone": BERLIN,
            **other,
        }
    )


def look(**other: Any) -> HouseHealth:
    return look_at_house(known(**other))


def problems(**other: Any) -> list[str]:
    return [one.sentence for one in look(**other).todos]
