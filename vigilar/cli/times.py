"""Times as people write them: ``14:30``, ``yesterday 18:00``, ``-2h``, ISO."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.zone import load_zone
from vigilar.config.models import Config

_BACK = re.compile(r"-?(\d{1,6})\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def parse_when(text: str, now: datetime) -> int:
    """The moment meant, in UTC milliseconds. ``now`` carries the time zone of the house.

    A clock time alone is the newest such time that is not to come; a time that a day has twice, in the night of a clock
    change, is the later one that is not to come. ``-2h`` is 7,200 s and ``-1d`` 86,400 s, whatever clocks do meanwhile.
    Raises VigilarError (USAGE).
    """
    words = text.strip().lower().split()
    if len(words) == 1 and (back := _BACK.fullmatch(words[0])):
        return _ms(_back(now, int(back[1]), _UNITS[back[2]], text))
    if words == ["now"]:
        return _ms(now)
    if words and words[0] in _DAYS and len(words) <= 2:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) - timedelta(days=_DAYS[words[0]])
        return _not_to_come(_at_clock(midnight, words[1], text), now) if len(words) == 2 else _ms(midnight)
    if len(words) == 1 and _CLOCK.fullmatch(words[0]):
        today = _at_clock(now, words[0], text)
        if min(_meanings(today)) > _ms(now):
            today -= timedelta(days=1)
        return _not_to_come(today, now)
    return _ms(_parse_iso(text.strip(), now))


def house_zone(config: Config) -> tzinfo:
    """The time zone in which the house lives; UTC on a machine that knows no time zones."""
    return load_zone(config.house.zone_name)


def _back(now: datetime, count: int, unit: str, text: str) -> datetime:
    try:
        # In UTC: within one zone Python counts on the wall clock, an hour off in the night of a clock change.
        return now.astimezone(UTC) - timedelta(**{unit: count})
    except OverflowError:
        raise _unclear(text) from None


def _at_clock(day: datetime, clock: str, text: str) -> datetime:
    parts = _CLOCK.fullmatch(clock)
    if parts is None:
        raise _unclear(text)
    return day.replace(hour=int(parts[1]), minute=int(parts[2]), second=int(parts[3] or 0), microsecond=0)


def _not_to_come(moment: datetime, now: datetime) -> int:
    """UTC milliseconds of ``moment``: the latest that it may mean and that is not after ``now``."""
    meanings = _meanings(moment)
    return max((one for one in meanings if one <= _ms(now)), default=min(meanings))


def _meanings(moment: datetime) -> tuple[int, int]:
    """UTC milliseconds of a wall-clock time before and after a clock change; the same twice on any other day."""
    return _ms(moment.replace(fold=0)), _ms(moment.replace(fold=1))


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
