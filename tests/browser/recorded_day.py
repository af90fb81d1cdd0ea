"""A day of recordings for tests that look back: footage in three places, a picture each minute, some events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.browser.house import House
from tests.fakes.clips import make_refresh_clip
from tests.recording_kit import Clip, make_clip, read_clip
from tests.storyboard_kit import grey_tile
from vigilar.store.events import StoredEvent

ZONE = ZoneInfo("Europe/Berlin")
MINUTE_MS = 60_000
MONO_NS = 10**17
"""Keeps the monotonic clock of days before the clip's own above zero."""


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """The house's yesterday. ``at(hour, minute, second)`` is UTC ms on its clock; recorded is 08:00 to 08:10 and, after
    a stop of five minutes, 08:15 to 08:25, the second half of it by another kind of picture."""

    day: date
    motion: StoredEvent
    alert: StoredEvent

    def at(self, hour: int, minute: int = 0, second: float = 0) -> int:
        return clock_ms(self.day, hour, minute, second)


def clock_ms(day: date, hour: int, minute: int = 0, second: float = 0) -> int:
    moment = datetime.combine(day, time_of_day(hour, minute), ZONE)
    return int(moment.timestamp() * 1000 + second * 1000)


def yesterday(house: House) -> date:
    """The house's yesterday, or the day before it where that had 23 or 25 hours: those are in test_clock_steps.py."""
    day = datetime.fromtimestamp(house.now_ms() / 1000, ZONE).date() - timedelta(days=1)
    length_ms = clock_ms(day + timedelta(days=1), 0) - clock_ms(day, 0)
    return day if length_ms == 24 * 60 * MINUTE_MS else day - timedelta(days=1)


def record_from(house: House, clip: Clip, start_ms: int, length_s: float, camera_id: str = "front-door") -> int:
    """Footage of the clip over and over from ``start_ms`` on; the id of its row."""
    shift_ns = start_ms * 1_000_000 - clip.run().utc_ns
    packets = []
    for packet in clip.endless():
        moved = replace(packet, utc_ns=packet.utc_ns + shift_ns, mono_ns=packet.mono_ns + shift_ns + MONO_NS)
        if moved.utc_ns >= start_ms * 1_000_000 + length_s * 1e9:
            break
        packets.append(moved)
    return house.record(camera_id, packets, clip.run())


def record_refresh(house: House, folder: Path, day: RecordedDay) -> None:
    """Of the shed 08:01 to 08:05 and 08:20 to 08:23, by a camera that renews its picture by and by and never sends a
    whole one."""
    made = read_clip(make_refresh_clip(folder / "refresh.mp4", pictures=221))
    packets = [replace(one, is_keyframe=index % 20 == 0) for index, one in enumerate(made.packets[20:])]
    clip = Clip(made.streams, packets, made.duration_ns - 20 * 10**8)
    for minute, length_s in ((1, 240), (20, 180)):
        record_from(house, clip, day.at(8, minute), length_s, "shed")


def grey_of(ms: int) -> int:
    """The grey of the storyboard's picture of a minute: neighbours differ, and so do the hours."""
    minutes = ms // MINUTE_MS
    return 30 + minutes * 37 % 200


def make_day(house: House, folder: Path, day: date | None = None) -> RecordedDay:
    day = day or yesterday(house)
    small, large = make_clip(folder, fps=5, gop=5, size=(320, 180)), make_clip(folder, fps=5, gop=5, size=(640, 360))
    for clip, hour, minute, length_s in ((small, 8, 0, 600), (small, 8, 15, 300), (large, 8, 20, 300)):
        record_from(house, clip, clock_ms(day, hour, minute), length_s)
    record_from(house, small, clock_ms(day, 8, 2), 60, "garden")
    greys = {grey: grey_tile(grey) for grey in range(30, 230)}
    for hour in range(24):
        start = clock_ms(day, hour)
        moments = [start + minute * MINUTE_MS for minute in range(60)]
        house.storyboard("front-door", [(ms, greys[grey_of(ms)]) for ms in moments])
    house.storyboard("garden", [(clock_ms(day, 8, 2, second), greys[100]) for second in range(0, 60, 10)])
    motion = house.event(ts_ms=clock_ms(day, 8, 5), length_ms=8_000)
    alert = house.event(
        ts_ms=clock_ms(day, 8, 20, 30), length_ms=20_000, severity="ALERT", title="Motion while armed, Front door"
    )
    house.event("camera_offline", ts_ms=clock_ms(day, 8, 10), length_ms=None, severity="WARNING",
                title="No picture, Front door", reason="Nothing answers.")  # fmt: skip
    return RecordedDay(day, motion, alert)
