"""Times of day as people type them, and the days of the house they belong to."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as time_of_day

from vigilar.web.form_times import moments_of, skipped, zone_name
from vigilar.web.problems import Problem
from vigilar.web.times import TimeRange

_TIME = re.compile(
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?\s*(?P<half>[ap]m)?\s*(?P<zone>[A-Z]{2,5})?",
    re.IGNORECASE,
)

_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(9999, 12, 30)
"""Days that have a UTC millisecond in every zone."""


def day_range(day: date, zone: tzinfo) -> TimeRange:
    """The day of the house in UTC ms: 23, 24 or 25 hours."""
    ends = [datetime.combine(one, time_of_day(), zone) for one in (day, day + timedelta(days=1))]
    return TimeRange(*(int(end.timestamp() * 1000) for end in ends))


def parse_day(text: str) -> date:
    """``2026-10-25``. Raises Problem 422."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or not _FIRST_DAY <= day <= _LAST_DAY:
        raise Problem(422, "time.day", f"{_quoted(text)} is no day. Write it as 2026-10-25.", field="day")
    return day


def typed_moments(day: date, text: str, zone: tzinfo, now_ms: int) -> list[int]:
    """The moments of the house's ``day`` that show ``text`` on the clock, in UTC ms: one, or two in the hour that comes
    twice, unless ``text`` says which (``02:15 CET``).

    Raises Problem 422 with a sentence: no time of day, one that the clocks left out that day, or one to come.
    """
    local = datetime.combine(day, _parse_time(text))
    name = (_TIME.fullmatch(text.strip()) or {"zone": None})["zone"]
    found = moments_of(local, zone)
    if not found:
        raise skipped(local, "time")
    if name is not None:
        found = [ms for ms in found if zone_name(ms, zone).upper() == name.upper()]
        if not found:
            said = f"The house's clock did not show {name.upper()} at that time."
            raise Problem(422, "time.zone", said, field="time")
    if found[0] > now_ms:
        raise Problem(422, "time.future", "That is still to come.", field="time")
    return [ms for ms in found if ms <= now_ms]


def _parse_time(text: str) -> time_of_day:
    match = _TIME.fullmatch(text.strip())
    if match is not None:
        hour, half = int(match["hour"]), (match["half"] or "").lower()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "pm" else 0)
        elif half:
            hour = 99
        try:
            return time_of_day(hour, int(match["minute"]), int(match["second"] or 0))
        except ValueError:
            pass
    raise Problem(422, "time.form", f"{_quoted(text)} is no time of day. Write it as 14:30 or 14:30:07.", field="time")


def _quoted(text: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text.strip()[:30])
    return f"\N{LEFT DOUBLE QUOTATION MARK}{shown}\N{RIGHT DOUBLE QUOTATION MARK}" if shown else "Nothing"
