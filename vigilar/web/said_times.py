"""Times of a search: one as it is being read, and what it means by the house's clock. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock_of
from typing import TypeAlias

from vigilar.web.clock_stretches import find_edge
from vigilar.web.search_words import HOUR_MS, ClockTime

_DAY = timedelta(days=1)

BOUNDS = ("After ", "Before ", "About ", "Since ", "Until ")
"""What the words of a bound begin with."""


@dataclass(frozen=True, slots=True)
class ClockHours:
    """Hours of the house's clock, ms since midnight, on any day, or on these of every week (Monday is 0); after above
    before goes over midnight, and the night of a day is all of that day."""

    after_ms: int
    before_ms: int
    weekdays: frozenset[int] = frozenset()


AskedTime: TypeAlias = tuple[int | None, int | None, ClockHours | None]
"""[from, to) in UTC ms, None for any time, and hours of the clock in it, None for all."""


@dataclass(frozen=True, slots=True)
class SpanHours:
    """Hours in [from_ms, to_ms), UTC ms; None for any time."""

    from_ms: int | None
    to_ms: int | None
    hours: ClockHours


@dataclass(slots=True)
class SaidTime:
    """One time, as far as it was said: a day or days, and hours of them. ``is_clock``: the hours are of the clock and
    not of a part of the day. ``is_led``: they were said before the day. ``is_lent``: the day is that of the time
    before, until another is said. ``is_own``: hours that are of this day alone, ``this evening``. ``bound`` is the word
    by which the days are without a beginning or an end, and ``pieces`` are the places of those that tell of this
    time."""

    days: tuple[date, date] | None = None
    weekdays: frozenset[int] = frozenset()
    span: tuple[int, int] | None = None
    after: ClockTime | None = None
    before: ClockTime | None = None
    part: str = ""
    bound: str = ""
    is_clock: bool = False
    is_led: bool = False
    is_lent: bool = False
    is_own: bool = False
    pieces: list[int] = field(default_factory=list)

    @property
    def has_hours(self) -> bool:
        return self.after is not None or self.before is not None or bool(self.part)

    @property
    def is_bare(self) -> bool:
        return not self.has_hours and self.span is None

    @property
    def has_day(self) -> bool:
        """Whether it needs no other day."""
        return not self.is_lent and (self.days is not None or self.span is not None)

    @property
    def is_one_day(self) -> bool:
        return self.days is not None and self.days[0] == self.days[1]


class HouseClock:
    """What times mean in UTC ms by the house's clock, in its ``zone``."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    def read(self, time: SaidTime) -> AskedTime:
        has_clock = time.after is not None or time.before is not None
        if time.span is not None:
            return *time.span, self._hours(time) if time.weekdays or has_clock else None
        if time.days is None:
            return None, None, self._hours(time)
        first, last = time.days
        if time.weekdays or (first != last and has_clock):
            return self.moment(first, 0), self.moment(last + _DAY, 0), self._hours(time)
        return *self._of_day(time, first, last), None

    def _of_day(self, said: SaidTime, first: date, last: date) -> tuple[int, int]:
        from_ms, to_ms = self.moment(first, 0), self.moment(last + _DAY, 0)
        if said.after is not None:
            from_ms = self._clock_moment(first, said.after, is_last=False)
        if said.before is not None:
            crosses = said.before.ms <= (0 if said.after is None else said.after.ms)  # midnight ends a day
            to_ms = self._clock_moment(last + _DAY if crosses else last, said.before, is_last=True)
        return from_ms, max(from_ms, to_ms)

    def _hours(self, time: SaidTime) -> ClockHours:
        after = 0 if time.after is None else time.after.ms
        before = time.before.ms if time.before is not None and time.before.ms else 24 * HOUR_MS
        return ClockHours(after, before, time.weekdays)

    def moment(self, day: date, hour: int, *, is_last: bool = False) -> int:
        return self._clock_moment(day, ClockTime(hour * HOUR_MS), is_last=is_last)

    def _clock_moment(self, day: date, clock: ClockTime, *, is_last: bool) -> int:
        """UTC ms at which the house's clock shows it on that day. Of two the first for what begins and the second for
        what ends, or the one whose zone is named; one that the clock leaves out is when it goes on."""
        seconds = clock.ms // 1000
        local = datetime.combine(day, clock_of(seconds // 3600 % 24, seconds // 60 % 60))
        both = [local.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1)]
        if clock.zone:
            both = [one for one in both if (one.tzname() or "").upper() == clock.zone] or both
        moments = sorted(int(one.timestamp() * 1000) for one in both)
        if both[0].utcoffset() < both[-1].utcoffset():  # type: ignore[operator]  # a zone has one
            return find_edge(moments[0], moments[-1], self.zone)
        return moments[-1] if is_last else moments[0]


def join_times(found: list[AskedTime]) -> list[AskedTime]:
    """Spans without hours in order, those that touch as one; behind them the others."""
    joined: list[tuple[int, int]] = []
    for from_ms, to_ms in sorted((one[0] or 0, one[1] or 0) for one in found if one[2] is None):
        if joined and from_ms <= joined[-1][1]:
            from_ms, to_ms = joined[-1][0], max(to_ms, joined.pop()[1])
        joined.append((from_ms, to_ms))
    return [*((*one, None) for one in joined), *dict.fromkeys(one for one in found if one[2] is not None)]


def is_clock_piece(words: str) -> bool:
    return re.match(r"(After|Before|About) \d\d:|\d\d:\d\d |[A-Z][a-z]+( [a-z]+)?, \d\d:00 to", words) is not None


def with_any_day(words: str) -> str:
    """Hours of the clock that are said without a day."""
    return f"{words}, any day" if is_clock_piece(words) else words


def in_sentence(words: str) -> str:
    return words[0].lower() + words[1:] if is_clock_piece(words) or words.startswith(BOUNDS) else words
