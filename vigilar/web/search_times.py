"""Days and times of day in a search, as people say them: ``tuesday evening after 8``, ``since the 3rd``. Pure.

All in the house's time: an hour that comes twice when summer time ends is found both times, unless a zone is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from vigilar.web.clock_stretches import MAX_BACK_DAYS, find_edge
from vigilar.web.search_days import ALL_WEEK, DayReader, read_weekly
from vigilar.web.search_words import (
    EMPTY_WORDS,
    HOUR_MS,
    NIGHTS,
    PARTS_OF_DAY,
    WORD,
    ClockTime,
    clock_words,
    day_words,
    in_part,
    read_clock_words,
    read_number,
)

JUST_NOW_MS = 15 * 60_000

AROUND_MS = 30 * 60_000
"""``around 5pm`` and ``at 5pm``: half an hour to both sides."""

_DAY = timedelta(days=1)

_BOUNDS = ("After ", "Before ", "About ", "Since ", "Until ")
"""What the words of a bound begin with."""


@dataclass(frozen=True, slots=True)
class ClockHours:
    """Hours of the house's clock, ms since midnight, on any day, or on these of every week (Monday is 0); after above
    before goes over midnight, and the night of a day is all of that day."""

    after_ms: int
    before_ms: int
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class LeftOutHours:
    """Hours in which nothing is wanted that began in [from_ms, to_ms), UTC ms; None for any time."""

    from_ms: int | None
    to_ms: int | None
    hours: ClockHours


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was understood: ``words`` say how, ``start`` and ``end`` are its place in the text."""

    words: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


class TimeReader:
    """The text as words, the place in them, and the rules that understand days and times. A rule takes the words it
    understands and says whether it did. For one text."""

    def __init__(self, text: str, now_ms: int, zone: tzinfo) -> None:
        self.text = text
        self.zone = zone
        self.now_ms = now_ms
        self.today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
        self.tokens = [_Token(one.group().casefold(), one.start(), one.end()) for one in WORD.finditer(text)]
        self.at = 0
        self.pieces: list[Piece] = []
        self.days: tuple[date, date] | None = None
        self.span: tuple[int, int] | None = None
        self.after: ClockTime | None = None
        self.before: ClockTime | None = None
        self.part = ""
        self.weekdays: frozenset[int] = frozenset()
        self.left_out: list[tuple[int, int]] = []
        self.left_out_hours: list[LeftOutHours] = []
        self._clock_piece = self._day_piece = -1
        self._days = DayReader(self.today, lambda ahead: "-" in self._between(ahead - 1, ahead))

    @property
    def time_rules(self) -> tuple[Callable[[], bool], ...]:
        """Those that understand a day or a time, longest first."""
        return (
            self._clock_range, self._bound, self._every_week, self._day_part, self._hours_ago, self._span_of_days,
            self._day,
        )  # fmt: skip

    # The words

    def _word_at(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].word if place < len(self.tokens) else ""

    def _ahead(self, skip: int = 0) -> list[str]:
        """The words from there on."""
        return [one.word for one in self.tokens[self.at + skip :]]

    def _take(self, count: int, words: str) -> bool:
        """The next ``count`` words mean ``words``."""
        self.pieces.append(Piece(words, self.tokens[self.at].start, self.tokens[self.at + count - 1].end))
        self.at += count
        return True

    def is_time(self) -> bool:
        """Whether a day or a time comes next."""
        words = self._ahead()
        return bool(
            self._days.read_day(words)[1]
            or self._days.read_days(words)
            or read_weekly(words)
            or _read_part(words)[0]
            or words[0] == "this"
        )

    # Days

    def _every_week(self) -> bool:
        """``weekends``, ``weekdays``, ``mondays and tuesdays``."""
        found = read_weekly(self._ahead())
        if found is None:
            return False
        self.weekdays |= found.weekdays
        return self._take(found.count, found.words)

    def _left_out(self, lead: int) -> bool:
        """``not today``, ``without last night``, ``not on weekends after 10pm``; ``lead`` words say that it is not
        wanted. All that is said of one time goes together; after ``or`` comes another."""
        shown: list[str] = []
        end, at = self.at, self.at + lead
        while (found := self._read_other(at)) is not None:
            other, end = found
            shown.append(self._leave_out(other))
            if self.tokens[end : end + 1] == [] or self.tokens[end].word not in ("or", "nor"):
                break
            at = end + 1
        return bool(shown) and self._take(end - self.at, f"Without {' or '.join(shown)}")

    def _read_other(self, at: int) -> tuple[TimeReader, int] | None:
        """A reader of the one time that is said there, perhaps after words that say nothing, and where it ends."""
        other, end = TimeReader(self.text, self.now_ms, self.zone), at
        other.at = at
        while other.at < len(other.tokens):
            if any(rule() for rule in other.time_rules):
                end = other.at
            elif other._word_at() in EMPTY_WORDS - {"or", "and"}:
                other.at += 1
            else:
                break
        return (other, end) if other.pieces else None

    def _leave_out(self, other: TimeReader) -> str:
        """Nothing is wanted in the time that the other has read; how that is said."""
        from_ms, to_ms, hours = other._times()
        if hours is None:
            self.left_out.append((from_ms or 0, self.now_ms + 1 if to_ms is None else to_ms))
        elif from_ms is None and hours == ClockHours(0, 24 * HOUR_MS, other.weekdays):
            self.weekdays = (self.weekdays or ALL_WEEK) - other.weekdays
        else:
            self.left_out_hours.append(LeftOutHours(from_ms, to_ms, hours))
        is_any_day = hours is not None and from_ms is None and not hours.weekdays
        first, *rest = (with_any_day(one.words) if is_any_day else one.words for one in other.pieces)
        first = f"all {_in_sentence(first)}" if first.startswith(_BOUNDS) else first
        return ", ".join([first, *map(_in_sentence, rest)])

    def _day(self) -> bool:
        day, count = self._days.read_day(self._ahead())
        return day is not None and self._take_days(day, day, count, day_words(day, self.today))

    def _span_of_days(self) -> bool:
        """``last week``, ``monday to wednesday``, ``weekend``, ``past hour``."""
        found = self._days.read_days(self._ahead())
        if found is not None:
            return self._take_days(found.first, found.last, found.count, found.words)
        word, after, third = (self._word_at(one) for one in range(3))
        if word not in ("last", "past"):
            return False
        number, count = (read_number(after), 3) if read_number(after) is not None else (1, 2)
        unit = third if count == 3 else after
        if number is None or unit not in ("hour", "hours", "minutes", "minute"):
            return False
        length = min(number, 24 * MAX_BACK_DAYS) * (HOUR_MS if unit.startswith("hour") else 60_000)
        self.span = (max(0, self.now_ms - length), self.now_ms + 1)
        return self._take(count, f"Last {number} {unit}" if number > 1 else f"Last {unit}")

    def _hours_ago(self) -> bool:
        """``2 hours ago``, ``half an hour ago``, ``10 minutes ago``, ``just now``."""
        words = self._ahead()[:4]
        if words[:2] == ["just", "now"]:
            self.span = (max(0, self.now_ms - JUST_NOW_MS), self.now_ms + 1)
            return self._take(2, f"Last {JUST_NOW_MS // 60_000} minutes")
        if words == ["half", "an", "hour", "ago"]:
            return self._take_ago(HOUR_MS // 2, 4)
        unit = {"hour": HOUR_MS, "hours": HOUR_MS, "minute": 60_000, "minutes": 60_000}.get((*words, "", "")[1])
        number = read_number(words[0]) if words else None
        if number is None or unit is None or words[2:3] != ["ago"]:
            return False
        return self._take_ago(min(number * unit, 24 * MAX_BACK_DAYS * HOUR_MS), 3)

    def _take_ago(self, back_ms: int, count: int) -> bool:
        """Half of it to both sides, at the most half an hour: who says "2 hours ago" looked at no clock."""
        at_ms, slack_ms = self.now_ms - back_ms, max(5 * 60_000, min(AROUND_MS, back_ms // 2))
        self.span = (max(0, at_ms - slack_ms), min(at_ms + slack_ms, self.now_ms + 1))
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)
        return self._take(count, f"{day_words(local.date(), self.today)}, about {local:%H:%M}")

    def _take_days(self, first: date, last: date, count: int, words: str) -> bool:
        """Of two days that stand side by side both; else only the one that is said last, and the other says so."""
        known = self.days
        if known is not None and first == known[1] + _DAY:
            first = known[0]
        elif known is not None and last == known[0] - _DAY:
            last = known[1]
        elif known is not None and known != (first, last) and self._day_piece >= 0:
            piece = self.pieces[self._day_piece]
            self.pieces[self._day_piece] = replace(piece, words=f"{piece.words}: left out, one time at once")
        self.days, self._day_piece = (first, last), len(self.pieces)
        return self._take(count, words)

    def _day_part(self) -> bool:
        """``last night``, ``this morning``, ``tuesday evening``, ``tonight``, ``early evening``."""
        words = self._ahead()
        word, after = (*words, "", "")[:2]
        yesterday = self.today - _DAY
        if word == "tonight":
            return self._take_part(self.today, "evening" if self.now_ms < self._moment(self.today, 22) else "night", 1)
        if words[:3] == ["night", "before", "last"]:
            return self._take_part(yesterday - _DAY, "night", 3)
        if word == "last" and after in ("night", "evening"):
            return self._take_part(yesterday, after, 2)
        lead = int(word in ("early", "late"))  # "early this morning"
        day, count = (self.today, 1) if words[lead : lead + 1] == ["this"] else self._days.read_day(words[lead:])
        part, length = _read_part(words[lead + count :]) if day is not None else ("", 0)
        part = f"{word} {part}" if lead and f"{word} {part}" in PARTS_OF_DAY else part
        if day is not None and part:
            return self._take_part(day, part, lead + count + length)
        part, length = _read_part(words)
        if not part:
            return False
        if self.days is not None and self.days[0] == self.days[1]:
            return self._take_part(self.days[0], part, length)
        first, last = PARTS_OF_DAY[part]
        self.after, self.before = ClockTime(first * HOUR_MS), ClockTime(last * HOUR_MS)
        return self._take(length, f"{part.capitalize()}, {first:02}:00 to {last:02}:00")

    def _take_part(self, day: date, part: str, count: int) -> bool:
        """A time that was said before is meant in that part: ``8 this morning``."""
        first, last = PARTS_OF_DAY[part]
        self.days, self.part = (day, day), part
        if self.after is not None or self.before is not None:
            self.after, self.before = (one and self._meant(one, self._clock_piece) for one in (self.after, self.before))
            return self._take(count, f"{day_words(day, self.today)}, {part}")
        next_day = day + _DAY if last <= first else day
        self.span = (self._moment(day, first), self._moment(next_day, last, is_last=True))
        return self._take(count, f"{day_words(day, self.today)}, {first:02}:00 to {last:02}:00")

    def _meant(self, clock: ClockTime, at: int = -1) -> ClockTime:
        """A bare hour as the part of the day has it; the piece ``at`` that told of it says so."""
        if not clock.is_bare or not self.part:
            return clock
        meant = in_part(clock, self.part)
        if at >= 0:
            piece = self.pieces[at]
            self.pieces[at] = replace(piece, words=piece.words.replace(clock_words(clock), clock_words(meant)))
        return meant

    # Times of day

    def _clock_range(self) -> bool:
        """``between 5pm and 7pm``, ``from 5 to 7pm``, ``5pm to 7pm``, ``17:00-19:00``."""
        skip = 1 if self._word_at() in ("between", "from") else 0
        first, length = read_clock_words(self._ahead(skip))
        joint = self._word_at(skip + length)
        middle = 1 if joint in ("and", "to", "until", "till") else 0
        last, more = read_clock_words(self._ahead(skip + length + middle))
        is_dashed = not middle and not skip and "-" in self._between(length - 1, length)
        if first is None or last is None or not (middle or is_dashed):
            return False
        if not skip and first.is_bare and last.is_bare:
            return False  # "3 to 5" of anything
        if first.is_bare and last.ms >= 12 * HOUR_MS and first.ms + 12 * HOUR_MS <= last.ms:
            first = ClockTime(first.ms + 12 * HOUR_MS)
        count = skip + length + middle + more
        if self._is_zone(self._word_at(count)):
            first, last = (ClockTime(one.ms, self._word_at(count).upper()) for one in (first, last))
            count += 1
        first, last = self._meant(first), self._meant(last)
        self.after, self.before = first, last
        self._note_clock()
        return self._take(count, f"{clock_words(first)} to {clock_words(last)}")

    def _between(self, first: int, last: int) -> str:
        """What stands between two words."""
        if self.at + last >= len(self.tokens):
            return ""
        return self.text[self.tokens[self.at + first].end : self.tokens[self.at + last].start]

    def _bound(self) -> bool:
        """``after 5pm``, ``before 8:30``, ``since 17:00``, ``around 5pm``, ``at 2:15 CET``, and ``after tuesday``."""
        word = self._word_at()
        alone, count = read_clock_words(self._ahead())
        if alone is not None and not alone.is_bare:
            return self._take_around(alone, count)
        if word not in ("after", "before", "since", "until", "till", "by", "around", "at", "about", "past"):
            return False
        clock, count = read_clock_words(self._ahead(1))
        if word == "past" and clock is not None and clock.is_bare:
            return False  # "past 3 days"
        if clock is None:
            return word in ("after", "since", "before", "until", "till") and self._day_bound(word)
        if self._is_zone(self._word_at(1 + count)):
            clock, count = ClockTime(clock.ms, self._word_at(1 + count).upper()), count + 1
        if word in ("around", "at", "about"):
            return self._take_around(clock, count, lead=1)
        is_after = word in ("after", "since", "past")
        if is_after and clock == ClockTime(0):
            self.after, self.before = clock, ClockTime(PARTS_OF_DAY["night"][1] * HOUR_MS)
            self._note_clock()
            return self._take(1 + count, f"{clock_words(clock)} to {clock_words(self.before)}")
        clock = self._meant(clock)
        if is_after:
            self.after = clock
        else:
            self.before = clock
        self._note_clock()
        return self._take(1 + count, f"{'After' if is_after else 'Before'} {clock_words(clock)}")

    def _take_around(self, clock: ClockTime, count: int, lead: int = 0) -> bool:
        if not lead and self._is_zone(self._word_at(count)):
            clock, count = ClockTime(clock.ms, self._word_at(count).upper()), count + 1
        clock = self._meant(clock)
        day_ms = 24 * HOUR_MS
        self.after = ClockTime((clock.ms - AROUND_MS) % day_ms, clock.zone)
        self.before = ClockTime((clock.ms + AROUND_MS) % day_ms, clock.zone)
        self._note_clock(is_whole=True)
        return self._take(count + lead, f"About {clock_words(clock)}")

    def _day_bound(self, word: str) -> bool:
        """``since monday``, ``before last week``, ``until the 3rd``."""
        words = self._ahead(1)
        found = self._days.read_days(words)
        day, count = self._days.read_day(words)
        first, last, shown = (day, day, "") if day is None else (day, day, day_words(day, self.today))
        if found is not None:
            first, last, count, shown = found.first, found.last, found.count, found.words
        if first is None or last is None:
            return False
        oldest = self._days.today - timedelta(days=MAX_BACK_DAYS)
        self.days = {
            "after": (last + _DAY, max(last + _DAY, self.today)),
            "since": (first, max(first, self.today)),
            "before": (oldest, first - _DAY),
        }.get(word, (oldest, last))
        self._day_piece = len(self.pieces)
        words_of_bound = {"after": "After", "since": "Since", "before": "Before"}.get(word, "Until")
        return self._take(count + 1, f"{words_of_bound} {shown}")

    def _note_clock(self, *, is_whole: bool = False) -> None:
        """A time that is said with a part of a day (``tuesday night after 11pm``) is meant in it. ``is_whole``: it has
        a beginning and an end of its own."""
        self.span, self._clock_piece = None, len(self.pieces)
        if not self.part:
            return
        first, last = (hour * HOUR_MS for hour in PARTS_OF_DAY[self.part])
        if self.part in NIGHTS:
            if self.after is not None and self.after.ms < 12 * HOUR_MS and self.days is not None and last <= first:
                self.days = (self.days[0] + _DAY, self.days[1] + _DAY)
            if not is_whole and self.before is None and self.after is not None:
                self.before = ClockTime(last)
            return
        if self.after is None and self.before is not None and self.before.ms > first:
            self.after = ClockTime(first)
        if self.before is None and self.after is not None and self.after.ms < last:
            self.before = ClockTime(last)

    def _is_zone(self, word: str) -> bool:
        """Whether a word names a zone of the house's clock, as the hour that comes twice needs it."""
        moments = (datetime(self.today.year, month, 1, tzinfo=self.zone) for month in (1, 7))
        return bool(word) and word.upper() in {(one.tzname() or "").upper() for one in moments}

    # All together

    def _times(self) -> tuple[int | None, int | None, ClockHours | None]:
        """The span of time, and the hours of the clock if they hold for more than one day."""
        if self.span is not None:
            return *self.span, ClockHours(0, 24 * HOUR_MS, self.weekdays) if self.weekdays else None
        if self.days is None:
            if self.after is None and self.before is None and not self.weekdays:
                return None, None, None
            return None, None, self._hours()
        first, last = self.days
        if self.weekdays or (first != last and (self.after or self.before)):
            return self._moment(first, 0), self._moment(last + timedelta(days=1), 0), self._hours()
        return *self._times_of_day(first, last), None

    def _times_of_day(self, first: date, last: date) -> tuple[int, int]:
        from_ms, to_ms = self._moment(first, 0), self._moment(last + timedelta(days=1), 0)
        if self.after is not None:
            from_ms = self._clock_moment(first, self.after, is_last=False)
        if self.before is not None:
            crosses = self.before.ms <= (0 if self.after is None else self.after.ms)  # midnight ends a day
            to_ms = self._clock_moment(last + timedelta(days=1) if crosses else last, self.before, is_last=True)
        return from_ms, max(from_ms, to_ms)

    def _hours(self) -> ClockHours:
        after = 0 if self.after is None else self.after.ms
        before = self.before.ms if self.before is not None and self.before.ms else 24 * HOUR_MS
        return ClockHours(after, before, self.weekdays)

    def _moment(self, day: date, hour: int, *, is_last: bool = False) -> int:
        return self._clock_moment(day, ClockTime(hour * HOUR_MS), is_last=is_last)

    def _clock_moment(self, day: date, clock: ClockTime, *, is_last: bool) -> int:
        """UTC ms at which the house's clock shows it on that day. Of two the first for what begins and the second for
        what ends, or the one whose zone is named; one that the clock leaves out is when it goes on."""
        seconds = clock.ms // 1000
        local = datetime.combine(day, time(seconds // 3600 % 24, seconds // 60 % 60))
        both = [local.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1)]
        if clock.zone:
            both = [one for one in both if (one.tzname() or "").upper() == clock.zone] or both
        moments = sorted(int(one.timestamp() * 1000) for one in both)
        if both[0].utcoffset() < both[-1].utcoffset():  # type: ignore[operator]  # a zone has one
            return find_edge(moments[0], moments[-1], self.zone)
        return moments[-1] if is_last else moments[0]


def _read_part(words: list[str]) -> tuple[str, int]:
    """The part of a day that the words begin with, and how many they are: ``evening``, ``late evening``."""
    both = " ".join(words[:2])
    if both in PARTS_OF_DAY and len(words) > 1:
        return both, 2
    return (words[0], 1) if words and words[0] in PARTS_OF_DAY else ("", 0)


def is_clock_piece(words: str) -> bool:
    return re.match(r"(After|Before|About) \d\d:|\d\d:\d\d |[A-Z][a-z]+( [a-z]+)?, \d\d:00 to", words) is not None


def with_any_day(words: str) -> str:
    """Hours of the clock that are said without a day."""
    return f"{words}, any day" if is_clock_piece(words) else words


def _in_sentence(words: str) -> str:
    return words[0].lower() + words[1:] if is_clock_piece(words) or words.startswith(_BOUNDS) else words
