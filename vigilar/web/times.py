"""Times as the house sees them, and times as a request names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vigilar.base.amounts import length_text
from vigilar.base.house_time import clock_text, comes_twice, for_text, house_time
from vigilar.web.problems import Problem

__all__ = [
    "TimeRange",
    "clock_text",
    "comes_twice",
    "day_key",
    "day_text",
    "file_time",
    "for_text",
    "house_time",
    "iso_text",
    "length_text",
    "parse_moment",
    "parse_range",
]

MAX_RANGE_MS = 25 * 3600 * 1000
"""The longest range one playlist or clip may cover: a day, the longest of which has 25 hours. Longer ones are
exports."""

_MAX_MS = 253_402_300_799_999  # the end of the year 9999, beyond which datetime cannot go


@dataclass(frozen=True, slots=True)
class TimeRange:
    """UTC milliseconds, ``from_ms`` below ``to_ms``."""

    from_ms: int
    to_ms: int


def parse_moment(text: str, field: str) -> int:
    """UTC milliseconds out of an ISO time with a zone, or out of digits that are such milliseconds already."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        value = int(text)
        if value <= _MAX_MS:
            return value
    try:
        # A plus sign that was not escaped arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Problem(
            422,
            "time.form",
            "Use ISO time with zone, e.g. 2026-11-23T21:00:00+01:00, or UTC milliseconds.",
            field=field,
        )
    try:
        return max(0, int(moment.timestamp() * 1000))
    except (OverflowError, ValueError) as error:
        raise Problem(422, "time.form", "This time lies outside of what can be shown.", field=field) from error


def parse_range(from_text: str | None, to_text: str | None, max_ms: int = MAX_RANGE_MS) -> TimeRange:
    """The range of ``?from=&to=``; both are needed, in order, and not longer than ``max_ms``."""
    if not from_text or not to_text:
        raise Problem(422, "time.form", "Say from when and to when: ?from=...&to=...", field="from")
    found = TimeRange(parse_moment(from_text, "from"), parse_moment(to_text, "to"))
    if found.to_ms <= found.from_ms:
        raise Problem(422, "time.range", "The end lies before the start.", field="to")
    if found.to_ms - found.from_ms > max_ms:
        raise Problem(422, "time.range", f"Ask for at most {max_ms // 3_600_000} hours at once.", field="to")
    return found


def file_time(ms: int, zone: tzinfo) -> str:
    """``2026-10-25_02-15-00`` for the name of a file, with ``-CEST`` where it comes twice: no name is used twice."""
    return house_time(ms, zone).strftime("%Y-%m-%d_%H-%M-%S-%Z" if comes_twice(ms, zone) else "%Y-%m-%d_%H-%M-%S")


def iso_text(ms: int, zone: tzinfo) -> str:
    return house_time(ms, zone).isoformat(timespec="seconds")


def day_key(ms: int, zone: tzinfo) -> str:
    """``2026-11-23``: the house day, by which lists are broken."""
    return house_time(ms, zone).strftime("%Y-%m-%d")


def day_text(ms: int, now_ms: int, zone: tzinfo) -> str:
    """``Today``, ``Yesterday`` or ``Monday 23 November``."""
    day, today = house_time(ms, zone).date(), house_time(now_ms, zone).date()
    apart = (today - day).days
    if apart == 0:
        return "Today"
    if apart == 1:
        return "Yesterday"
    text = f"{day:%A} {day.day} {day:%B}"
    return text if day.year == today.year else f"{text} {day.year}"
