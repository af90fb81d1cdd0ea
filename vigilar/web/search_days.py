"""Days as people say them: ``tuesday``, ``the 3rd``, ``weekend``, ``monday to wednesday``, ``october 2025``. Pure.

All readers take the words that follow, casefolded, and say how many of them they understood. What could be in the
future is read as the newest that is not: nothing was recorded yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from vigilar.web.clock_stretches import MAX_BACK_DAYS
from vigilar.web.search_words import (
    MONTHS,
    WEEKDAYS,
    day_words,
    make_date,
    read_feast,
    read_month,
    read_month_day,
    read_number,
    read_weekday,
)

FIRST_YEAR = 1990
"""A number below is no year: no camera of a house is so old."""

TO_WORDS = ("to", "until", "till", "through")
_NEVER = ("", "", "", "", "", "", "", "")
_NAMES_TOO = ("april", "may", "june", "august")
"""Months by which people are called too, or that mean something else: they need ``in may``, ``may 2026``."""


@dataclass(frozen=True, slots=True)
class Days:
    """``first`` to ``last``, which ``count`` words meant, shown as ``words``."""

    first: date
    last: date
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Weekly:
    """Days of every week, Monday is 0, which ``count`` words meant, shown as ``words``."""

    weekdays: frozenset[int]
    count: int
    words: str


ALL_WEEK = frozenset(range(7))
_WEEKEND = frozenset({5, 6})


def read_weekly(words: Sequence[str]) -> Weekly | None:
    """``weekends``, ``weekdays``, ``working days``, ``mondays``, ``every monday``; None for what is no such day."""
    lead = int(words[:1] == ["every"])
    name, after = (*words[lead:], "", "")[:2]
    if name == "weekends" or (lead and name == "weekend"):
        return Weekly(_WEEKEND, lead + 1, "Weekends, Saturday and Sunday")
    is_working = name == "working" and after in ("day", "days")
    if is_working or name in ("weekday", "weekdays", "workday", "workdays"):
        return Weekly(ALL_WEEK - _WEEKEND, lead + 1 + int(is_working), "Weekdays, Monday to Friday")
    number = read_weekday(name) if lead else WEEKDAYS.index(name[:-1]) if name[:-1] in WEEKDAYS else None
    if number is None or (not lead and not name.endswith("s")):
        return None
    return Weekly(frozenset({number}), lead + 1, f"Every {WEEKDAYS[number].capitalize()}")


class DayReader:
    """``is_dashed`` says whether a dash stands before the word at that place of those given."""

    def __init__(self, today: date, is_dashed: Callable[[int], bool] = lambda _: False) -> None:
        self.today = today
        self._is_dashed = is_dashed

    def read_day(self, words: list[str]) -> tuple[date | None, int]:
        """The one day that the words begin with, and how many they are; None and 0 when they name none."""
        word, after, third = (*words, *_NEVER)[:3]
        if word == "the":
            day, count = self.read_day(words[1:])
            return day, count + 1 if day else 0
        if word in ("today", "yesterday"):
            return self.today - timedelta(days=int(word == "yesterday")), 1
        if (word, after, third) == ("day", "before", "yesterday"):
            return self.today - timedelta(days=2), 3
        if word in ("last", "on", "this") and read_weekday(after) is not None:
            return self._weekday(words[1:], lead=1, is_past=word == "last")
        if read_weekday(word) is not None:
            return self._weekday(words, lead=0, is_past=False)
        if (feast := read_feast(words)) is not None:
            year = (*words[feast.count :], "")[0]
            if _is_year(year, self.today):
                return make_date(int(year), feast.month, feast.day), feast.count + 1
            return self._newest(feast.month, feast.day), feast.count
        return self._ago(word, after, third) if "ago" in (after, third) else self._date(words)

    def _weekday(self, words: list[str], *, lead: int, is_past: bool) -> tuple[date | None, int]:
        """``tuesday``, and ``tuesday the 24th``, of which the date counts. Today is one unless it is asked for the
        last."""
        if words[1:2] == ["the"] or re.fullmatch(r"\d{1,2}(st|nd|rd|th|\.\d{1,2}\.)?", (*words, *_NEVER)[1]):
            dated, count = self._date(words[2:] if words[1] == "the" else words[1:])
            if dated is not None:
                return dated, lead + 1 + count + int(words[1] == "the")
        after = [one for one in words[1:4] if one not in ("of", "in")][:2]
        if after == ["last", "week"]:
            monday = self.today - timedelta(days=self.today.weekday() + 7)
            return monday + (read_weekday(words[0]) or 0) * _DAY, lead + 1 + words[1:4].index("week") + 1
        back = (self.today.weekday() - (read_weekday(words[0]) or 0)) % 7
        return self._back(back or (7 if is_past else 0)), lead + 1

    def _ago(self, word: str, after: str, third: str) -> tuple[date | None, int]:
        """``3 days ago``, ``a week ago``, ``week ago``."""
        number, unit, count = (read_number(word), after, 3) if third == "ago" else (1, word, 2)
        length = {"day": 1, "days": 1, "week": 7, "weeks": 7}.get(unit)
        return (None, 0) if number is None or length is None else (self._back(number * length), count)

    def _date(self, words: list[str]) -> tuple[date | None, int]:
        """``2026-10-25``, ``25.10.``, ``25/10``, ``25 october 2026``, ``october 25``, ``25th of october``, ``25th``."""
        word, after, third, fourth = (*words, *_NEVER)[:4]
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
            return make_date(*(int(one) for one in word.split("-"))), 1
        match = re.fullmatch(r"(\d{1,2})[./](\d{1,2})(?:[./](\d{2}|\d{4})?)?", word)
        if match := match or re.fullmatch(r"(\d{1,2})-(\d{1,2})-(\d{4})", word):
            return self._numbers(*match.groups()), 1
        lead = int(after == "of")
        day, month, count = read_month_day(word, third if lead else after)
        if month is not None:
            year = fourth if lead else third
            if re.fullmatch(r"\d{4}", year):
                return make_date(int(year), month, day), count + lead + 1
            return self._newest(month, day), count + lead
        if (day_of_list := self._of_list(words)) is not None:
            return day_of_list, 1
        if match := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", word):
            return self._of_month(int(match[1])), 1
        return None, 0

    def _of_list(self, words: list[str]) -> date | None:
        """The first of ``3 and 5 november``, ``3rd, 5th or 7th of november``, whose month stands behind the last."""
        for at, word in enumerate(words):
            is_number = re.fullmatch(r"\d{1,2}(st|nd|rd|th)?", word) is not None
            behind = [one for one in words[at + 1 : at + 3] if one != "of"]
            if at and is_number and behind and read_month(behind[0]) is not None:
                return self._date([words[0], *words[at + 1 :]])[0]
            if not is_number and (not at or word not in ("and", "or", "the")):
                return None
        return None

    def _numbers(self, first: str, second: str, year: str | None) -> date | None:
        """Day before month, unless only the other way is a date."""
        day, month = int(first), int(second)
        if month > 12 >= day:
            day, month = month, day
        if year is None:
            return self._newest(month, day)
        return make_date(int(year) + (2000 if len(year) == 2 else 0), month, day)

    def _newest(self, month: int, day: int) -> date | None:
        """Without a year the newest such day that is not to come."""
        tries = (make_date(self.today.year - back, month, day) for back in range(9))
        return next((one for one in tries if one is not None and one <= self.today), None)

    def _of_month(self, day: int) -> date | None:
        first = self.today.replace(day=1)
        for _ in range(3):  # the 31st is in one of three months at the most
            found = make_date(first.year, first.month, day)
            if found is not None and found <= self.today:
                return found
            first = (first - timedelta(days=1)).replace(day=1)
        return None

    def _back(self, days: int) -> date:
        return self.today - timedelta(days=min(days, MAX_BACK_DAYS))

    # More than one day

    def read_days(self, words: list[str]) -> Days | None:
        """A span of days that the words begin with."""
        return self._range(words) or self._calendar(words) or self._last_days(words)

    def _range(self, words: list[str]) -> Days | None:
        """``monday to wednesday``, ``between the 3rd and the 5th``, ``3 to 5 october``, ``mon-wed``."""
        lead = int(words[:1] in (["from"], ["between"]))
        halves = (*words, "")[lead].split("-")
        if len(halves) == 2 and all(read_weekday(one) is not None for one in halves):
            found = self._range([*words[:lead], halves[0], "to", halves[1]])
            return found and replace(found, count=found.count - 2)
        count = self.read_day(words[lead:])[1] or _count_bare(words[lead:])
        joint = (*words, *_NEVER)[lead + count]
        middle = int(joint in TO_WORDS or (joint == "and" and words[0] == "between"))
        if not count or not (middle or self._is_dashed(lead + count)):
            return None
        at = lead + count + middle
        return self._ends(words[lead : lead + count], words[at:], at)

    def _ends(self, first: list[str], rest: list[str], at: int) -> Days | None:
        """From the day ``first`` to the one that ``rest`` begins with: the newest that are not to come. One of the two
        may leave its month to the other."""
        last, count = self.read_day(rest)
        if last is None:
            return None
        has_month = any(read_month(one) is not None for one in rest[:count])
        begin = self.read_day(first)[0]
        if begin is None and has_month:
            begin = make_date(last.year, last.month, int(first[-1]))
        elif begin is not None and not has_month and any(read_month(one) is not None for one in first):
            last = make_date(begin.year, begin.month, last.day) if _is_ordinal(rest[count - 1]) else last
        elif begin is not None:
            begin = DayReader(last).read_day(first)[0]
        if begin is None or last is None or begin > last:
            return None
        return Days(begin, last, at + count, _span_words(begin, last, self.today))

    def _calendar(self, words: Sequence[str]) -> Days | None:
        """``last week``, ``this month``, ``weekend``, ``october``, ``in october 2025``, ``last year``."""
        word, after = (*words, *_NEVER)[:2]
        is_led = word in ("last", "this", "past")
        name, count = (after, 2) if is_led else (word, 1)
        monday = self.today - timedelta(days=self.today.weekday())
        back = 0 if word == "this" else 1
        if name == "week" and is_led:
            first = monday - timedelta(days=7 * back)
            lead = count + int(words[count : count + 1] == ["on"])
            weekday = read_weekday((*words, *_NEVER)[lead])
            if weekday is not None and (*words, *_NEVER)[lead + 1] not in TO_WORDS:  # "last week on tuesday"
                day = first + weekday * _DAY
                return Days(day, day, lead + 1, day_words(day, self.today))
            return Days(first, first + timedelta(days=6), count, f"{word.capitalize()} week, Monday to Sunday")
        if name == "weekend":
            saturday = monday + timedelta(days=5)
            is_this = word == "this" or (not is_led and saturday <= self.today)
            first = saturday if is_this else saturday - timedelta(days=7)
            return Days(first, first + _DAY, count, f"Weekend, {_span_words(first, first + _DAY, self.today)}")
        if name == "month" and is_led:
            first = self.today.replace(day=1)
            return _month(first if not back else (first - _DAY).replace(day=1), count)
        if name == "year" and is_led:
            return _year(self.today.year - back, count)
        return self._named(words, is_led=is_led, back=back)

    def _named(self, words: Sequence[str], *, is_led: bool, back: int) -> Days | None:
        """A month or a year by its name."""
        word, after, third = (*words, *_NEVER)[:3]
        lead = int(is_led or word == "in")
        name, year = (after, third) if lead else (word, after)
        month = read_month(name)
        if month is not None and _is_year(year, self.today):
            return _month(date(int(year), month, 1), lead + 2)
        if month is not None and (lead or (name in MONTHS and name not in _NAMES_TOO)):
            first = date(self.today.year, month, 1)
            if first > self.today or (is_led and back and month == self.today.month):
                first = first.replace(year=first.year - 1)
            return _month(first, lead + 1)
        return _year(int(name), lead + 1) if _is_year(name, self.today) else None

    def _last_days(self, words: Sequence[str]) -> Days | None:
        """``last 3 days``, ``past week``."""
        word, after, third = (*words, *_NEVER)[:3]
        if word not in ("last", "past"):
            return None
        number, unit, count = (read_number(after), third, 3) if read_number(after) is not None else (1, after, 2)
        length = {"day": 1, "days": 1, "week": 7, "weeks": 7, "months": 30}.get(unit)
        if number is None or length is None:
            return None
        days = number * length
        return Days(self._back(days - 1), self.today, count, f"Last {days} days" if days > 1 else "Today")


_DAY = timedelta(days=1)


def _is_ordinal(word: str) -> bool:
    return re.fullmatch(r"\d{1,2}(st|nd|rd|th)", word) is not None


def _count_bare(words: Sequence[str]) -> int:
    """How many words are a day whose month comes later: ``3``, ``the 3``."""
    place = int(words[:1] == ["the"])
    return place + 1 if re.fullmatch(r"\d{1,2}", (*words, "", "")[place]) else 0


def _is_year(word: str, today: date) -> bool:
    return bool(re.fullmatch(r"\d{4}", word)) and FIRST_YEAR <= int(word) <= today.year


def _month(first: date, count: int) -> Days:
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    return Days(first, last, count, f"{MONTHS[first.month - 1].capitalize()} {first.year}")


def _year(year: int, count: int) -> Days:
    return Days(date(year, 1, 1), date(year, 12, 31), count, f"The year {year}")


def _span_words(first: date, last: date, today: date) -> str:
    return f"{day_words(first, today, is_plain=True)} to {day_words(last, today, is_plain=True)}"
