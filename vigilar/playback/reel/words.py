"""What reels are called, and what is said of them. Pure."""

from __future__ import annotations

from datetime import date, tzinfo

from vigilar.base.house_time import house_time

QUIET = "Quiet day, no reel made."
UNRECORDED = "nothing is recorded of this moment, or not any more."
NO_FOOTAGE = "Nothing was recorded in this time, no time-lapse made."


def say_title(camera_name: str, from_ms: int, to_ms: int, now_ms: int, zone: tzinfo) -> str:
    """``Front door, 29 November``: the camera's name, if it is of one, and the house days."""
    first, last = (house_time(ms, zone).date() for ms in (from_ms, max(from_ms, to_ms - 1)))
    today = house_time(now_ms, zone).date()
    days = _say(first, today) if first == last else f"{_say(first, today)} to {_say(last, today)}"
    return f"{camera_name}, {days}" if camera_name else days


def _say(day: date, today: date) -> str:
    """``Sunday 29 November``, with the year where it is another one."""
    text = f"{day:%A} {day.day} {day:%B}"
    return text if day.year == today.year else f"{text} {day.year}"


def day_words(ms: int, zone: tzinfo) -> str:
    """``29 November, ``: before a time of day."""
    at = house_time(ms, zone)
    return f"{at.day} {at:%B}, "
