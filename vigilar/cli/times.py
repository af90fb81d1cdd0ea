"""Times as people write them: ``14:30``, ``yesterday 18:00``, ``-2h``, ISO."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.zone import load_zone
from vigilar.config.models import Config
from vigilar.config.values import box_time_zone

_BACK = re.compile(r"-?(\d{1,6})\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def parse_when(text: str, now: datetime) -> int:
    """The moment meant, in UTC milliseconds. ``now`` carries the time zone of the house.

    A clock time alone is the newest such time that is not to come. Raises VigilarError (USAGE).
    """
    words = text.strip().lower().split()
    if len(words) == 1 and (back := _BACK.fullmatch(words[0])):
        return _ms(_back(now, int(back[1]), _UNITS[back[2]], text))
    if words == ["now"]:
        return _ms(now)
    if words and words[0] in _DAYS and len(words) <= 2:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS[words[0]])
        return _ms(_at_clock(midnight, words[1], text) if len(words) == 2 else midnight)
    if len(words) == 1 and _CLOCK.fullmatch(words[0]):
        today = _at_clock(now, words[0], text)
        return _ms(today if today <= now else today - timedelta(days=1))
    return _ms(_parse_iso(text.strip(), now))


def house_zone(config: Config) -> tzinfo:
    """The time zone in which the house lives; UTC on a machine that knows no time zones."""
    return load_zone(box_time_zone() if config.house.time_zone == "auto" else config.house.time_zone)


def _back(now: datetime, count: int, unit: str, text: str) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError:
        raise _unclear(text) from None


def _at_clock(day: datetime, clock: str, text: str) -> datetime:
    parts = _CLOCK.fullmatch(clock)
    if parts is None:
        raise _unclear(text)
    return day.replace(hour=int(parts[1]), minute=int(parts[2]), second=int(parts[3] or 0), microsecond=0)


def _parse_iso(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _unclear(text) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _unclear(text: str) -> VigilarError:
    return VigilarError(
        f'"{text[:40]}" is no time I know.',
        next_step='Write "14:30", "yesterday 18:00", "-2h" or "2026-03-08 14:30".',
        exit_code=ExitCode.USAGE,
    )
