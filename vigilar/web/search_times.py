"""Days and times of day in a search, as people say them: ``tuesday evening after 8``, ``since the 3rd``. Pure.

All in the house's time: an hour that comes twice when summer time ends is found both times, unless a zone is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from vigilar.web.clock_stretches import MAX_BACK_DAYS
from vigilar.web.said_times import (
    BOUNDS,
    AskedTime,
    HouseClock,
    SaidTime,
    SpanHours,
    in_sentence,
    join_times,
    with_any_day,
)
from vigilar.web.search_days import TO_WORDS, DayReader, read_weekly
from vigilar.web.search_words import (
    EMPTY_WORDS,
    HOUR_MS,
    NIGHTS,
    PARTS_OF_DAY,
    UNITS,
    WORD,
    ClockTime,
    clock_words,
    day_words,
    in_part,
    read_clock_words,
    read_number,
    read_part,
)

JUST_NOW_MS = 15 * 60_000

AROUND_MS = 30 * 60_000
"""``around 5pm`` and ``at 5pm``: half an hour to both sides."""

_DAY = timedelta(days=1)

_LOW = ("After", "Since")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was understood: ``words`` say how, ``start`` and ``end`` are its place in the text. Pieces of one
    ``sort`` stand together: any of them is meant."""

    words: str
    start: int
    end: int
    sort: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


class TimeReader:
    """The text as words, the place in them, and the rules that understand days and times. A rule takes the words it
    understands and says whether it did. Of times that are said one after the other any is meant: ``times``, the last of
    which is still being read. For one text."""

    def __init__(self, text: str, now_ms: int, zone: tzinfo) -> None:
        self.text = text
        self.zone = zone
        self.clock = HouseClock(zone)
        self.now_ms = now_ms
        self.today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
        self.tokens = [_Token(one.group().casefold(), one.start(), one.end()) for one in WORD.finditer(text)]
        self.at = 0
        self.pieces: list[Piece] = []
        self.times = [SaidTime()]
        self.left_out: list[tuple[int, int]] = []
        self.left_out_hours: list[SpanHours] = []
        self._clock_piece = -1
        self._days = DayReader(self.today, lambda ahead: "-" in self._between(ahead - 1, ahead))

    @property
    def time_rules(self) -> tuple[Callable[[], bool], ...]:
        """Those that understand a day or a time, longest first."""
        return (
            self._clock_range, self._bound, self._every_week, self._day_part, self._hours_ago, self._span_of_days,
            self._day,
        )  # fmt: skip

    @property
    def _time(self) -> SaidTime:
        return self.times[-1]

    def _begin_time(self, like: SaidTime | None = None) -> SaidTime:
        """What is said from here on is another time, of the days that the one before has if none are said."""
        self.times.append(
            SaidTime()
            if like is None
            else SaidTime(days=like.days, weekdays=like.weekdays, span=like.span, part=like.part, is_lent=True)
        )
        return self._time

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

    def _take_time(self, count: int, words: str) -> bool:
        self._time.pieces.append(len(self.pieces))
        return self._take(count, words)

    def is_time(self) -> bool:
        """Whether a day or a time comes next."""
        words = self._ahead()
        return bool(
            self._days.read_day(words)[1]
            or self._days.read_days(words)
            or read_weekly(words)
            or read_part(words)[0]
            or words[0] == "this"
        )

    # Days

    def _every_week(self) -> bool:
        """``weekends``, ``weekdays``, ``mondays and tuesdays``."""
        found = read_weekly(self._ahead())
        if found is None:
            return False
        time = self._time
        if (time.is_one_day and not time.is_lent) or (time.weekdays and time.has_hours and not time.is_led):
            time = self._begin_time()
        self._note_day()
        time.weekdays |= found.weekdays
        return self._take_time(found.count, found.words)

    def _note_day(self) -> None:
        """A day is said now, and takes the place of one that was only lent."""
        time = self._time
        if time.is_lent:
            time.days, time.weekdays, time.span = None, frozenset(), None
            time.part, time.is_lent = "", False
        time.is_led = time.is_led or (time.has_hours and time.days is None and not time.weekdays)

    def _left_out(self, lead: int) -> bool:
        """``not today``, ``without last night``, ``not on weekends after 10pm``; ``lead`` words say that it is not
        wanted. All that is said of one time goes together; after ``or`` comes another, after ``and`` another day."""
        shown: list[str] = []
        end, at = self.at, self.at + lead
        joint = ""
        while (found := self._read_other(at)) is not None and (joint != "and" or found[0].has_day):
            other, end = found
            shown.append(self._leave_out(other))
            joint = self.tokens[end].word if end < len(self.tokens) else ""
            if joint not in ("or", "nor", "and"):
                break
            at = end + 1
        return bool(shown) and self._take(end - self.at, f"Without {' or '.join(shown)}")

    @property
    def has_day(self) -> bool:
        """Whether a day was said, and not only hours."""
        return any(one.days or one.weekdays or one.span for one in self.times)

    def _read_other(self, at: int) -> tuple[TimeReader, int] | None:
        """A reader of the time that is said there, perhaps after words that say nothing, and where it ends."""
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
        """Nothing is wanted in the times that the other has read; how that is said."""
        for from_ms, to_ms, hours in other._read_times():
            if hours is None:
                self.left_out.append((from_ms or 0, self.now_ms + 1 if to_ms is None else to_ms))
            else:
                self.left_out_hours.append(SpanHours(from_ms, to_ms, hours))
        shown = []
        for time in other.times:
            first, *rest = (other.pieces[place].words for place in time.pieces)
            first = f"all {in_sentence(first)}" if first.startswith(BOUNDS) else first
            shown.append(", ".join([first, *map(in_sentence, rest)]))
        return " or ".join(shown)

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
        if number is None or unit not in UNITS:
            return False
        length = min(number, 24 * MAX_BACK_DAYS) * UNITS[unit]
        shown = "hour" if UNITS[unit] == HOUR_MS else "minute"
        words_of_span = f"Last {number} {shown}s" if number > 1 else f"Last {shown}"
        return self._take_span(self.now_ms - length, self.now_ms + 1, count, words_of_span)

    def _take_span(self, from_ms: int, to_ms: int, count: int, words: str) -> bool:
        if self._time.has_day:
            self._begin_time()
        self._note_day()
        self._time.span = (max(0, from_ms), to_ms)
        return self._take_time(count, words)

    def _hours_ago(self) -> bool:
        """``2 hours ago``, ``half an hour ago``, ``10 minutes ago``, ``just now``."""
        words = self._ahead()[:4]
        if words[:2] == ["just", "now"]:
            words_of_span = f"Last {JUST_NOW_MS // 60_000} minutes"
            return self._take_span(self.now_ms - JUST_NOW_MS, self.now_ms + 1, 2, words_of_span)
        if words == ["half", "an", "hour", "ago"]:
            return self._take_ago(HOUR_MS // 2, 4)
        unit = UNITS.get((*words, "", "")[1])
        number = read_number(words[0]) if words else None
        if number is None or unit is None or words[2:3] != ["ago"]:
            return False
        return self._take_ago(min(number * unit, 24 * MAX_BACK_DAYS * HOUR_MS), 3)

    def _take_ago(self, back_ms: int, count: int) -> bool:
        """Half of it to both sides, at the most half an hour: who says "2 hours ago" looked at no clock."""
        at_ms, slack_ms = self.now_ms - back_ms, max(5 * 60_000, min(AROUND_MS, back_ms // 2))
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)
        words = f"{day_words(local.date(), self.today)}, about {local:%H:%M}"
        return self._take_span(at_ms - slack_ms, min(at_ms + slack_ms, self.now_ms + 1), count, words)

    def _take_days(self, first: date, last: date, count: int, words: str) -> bool:
        time = self._time
        if (time.has_day and time.days != (first, last)) or (time.weekdays and not time.is_lent and first == last):
            self._begin_time()
        self._note_day()
        self._time.days = (first, last)
        return self._take_time(count, words)

    def _day_part(self) -> bool:
        """``last night``, ``this morning``, ``tuesday evening``, ``tonight``, ``early evening``."""
        words = self._ahead()
        word = (*words, "")[0]
        yesterday = self.today - _DAY
        if word == "tonight":
            is_early = self.now_ms < self.clock.moment(self.today, 6)  # the night of the day before
            part = "tonight" if is_early or self.now_ms >= self.clock.moment(self.today, 22) else "evening"
            return self._take_part(yesterday if is_early else self.today, part, 1, is_own=True)
        if words[:3] == ["night", "before", "last"]:
            return self._take_part(yesterday - _DAY, "night", 3, is_own=True)
        lead = int(word in ("early", "late"))  # "early this morning", "late last night"
        if words[lead : lead + 1] == ["last"] and words[lead + 1 : lead + 2] in (["night"], ["evening"]):
            return self._take_part(yesterday, words[lead + 1], lead + 2, is_own=True)
        is_this = words[lead : lead + 1] == ["this"]
        day, count = (self.today, 1) if is_this else self._days.read_day(words[lead:])
        part, length = read_part(words[lead + count :]) if day is not None else ("", 0)
        part = f"{word} {part}" if lead and f"{word} {part}" in PARTS_OF_DAY else part
        if day is not None and part:
            return self._take_part(day, part, lead + count + length, is_own=is_this)
        part, length = read_part(words)
        if not part:
            return False
        time = self._time
        if time.days is not None and time.is_one_day:
            return self._take_part(time.days[0], part, length)
        first, last = PARTS_OF_DAY[part]
        if time.has_hours and not time.is_clock:
            time = self._begin_time(time)
        time.after, time.before = ClockTime(first * HOUR_MS), ClockTime(last * HOUR_MS)
        return self._take_time(length, f"{part.capitalize()}, {first:02}:00 to {last:02}:00")

    def _take_part(self, day: date, part: str, count: int, *, is_own: bool = False) -> bool:
        """A time that was said before is meant in that part: ``8 this morning``."""
        time = self._time
        if (time.has_day and (time.days != (day, day) or time.part)) or (time.weekdays and not time.is_lent):
            time = self._begin_time()
        self._note_day()
        first, last = PARTS_OF_DAY[part]
        time.days, time.part, time.is_own = (day, day), part, is_own
        if time.after is not None or time.before is not None:
            time.after, time.before = (one and self._meant(one, self._clock_piece) for one in (time.after, time.before))
            return self._take_time(count, f"{day_words(day, self.today)}, {part}")
        next_day = day + _DAY if last <= first else day
        time.span = (self.clock.moment(day, first), self.clock.moment(next_day, last, is_last=True))
        return self._take_time(count, f"{day_words(day, self.today)}, {first:02}:00 to {last:02}:00")

    def _meant(self, clock: ClockTime, at: int = -1) -> ClockTime:
        """A bare hour as the part of the day has it; the piece ``at`` that told of it says so."""
        if not clock.is_bare or not self._time.part:
            return clock
        meant = in_part(clock, self._time.part)
        if at >= 0:
            piece = self.pieces[at]
            self.pieces[at] = replace(piece, words=piece.words.replace(clock_words(clock), clock_words(meant)))
        return meant

    # Times of day

    def _time_of_hours(self, *sides: str) -> SaidTime:
        """The time whose hours are said now: another one of the same days if it has such already."""
        time = self._time
        if time.is_clock and any(getattr(time, side) is not None for side in sides):
            time = self._begin_time(time)
        time.is_clock = True
        return time

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
        time = self._time_of_hours("after", "before")
        time.after, time.before = first, last = self._meant(first), self._meant(last)
        self._note_clock()
        return self._take_time(count, f"{clock_words(first)} to {clock_words(last)}")

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
            time = self._time_of_hours("after", "before")
            time.after, time.before = clock, ClockTime(PARTS_OF_DAY["night"][1] * HOUR_MS)
            self._note_clock()
            return self._take_time(1 + count, f"{clock_words(clock)} to {clock_words(time.before)}")
        time = self._time_of_hours("after" if is_after else "before")
        clock = self._meant(clock)
        if is_after:
            time.after = clock
        else:
            time.before = clock
        self._note_clock()
        return self._take_time(1 + count, f"{'After' if is_after else 'Before'} {clock_words(clock)}")

    def _take_around(self, clock: ClockTime, count: int, lead: int = 0) -> bool:
        if not lead and self._is_zone(self._word_at(count)):
            clock, count = ClockTime(clock.ms, self._word_at(count).upper()), count + 1
        time, day_ms = self._time_of_hours("after", "before"), 24 * HOUR_MS
        clock = self._meant(clock)
        time.after = ClockTime((clock.ms - AROUND_MS) % day_ms, clock.zone)
        time.before = ClockTime((clock.ms + AROUND_MS) % day_ms, clock.zone)
        self._note_clock(is_whole=True)
        return self._take_time(count + lead, f"About {clock_words(clock)}")

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
        if word == "since" and any(one in TO_WORDS for one in words[:count]):
            return self._take_days(first, last, count + 1, shown)  # "since monday until wednesday"
        oldest = self._days.today - timedelta(days=MAX_BACK_DAYS)
        first, last = {
            "after": (last + _DAY, max(last + _DAY, self.today)),
            "since": (first, max(first, self.today)),
            "before": (oldest, first - _DAY),
        }.get(word, (oldest, last))
        time, bound = self._time, {"after": "After", "since": "Since", "before": "Before"}.get(word, "Until")
        if time.days and time.bound and (time.bound in _LOW) != (bound in _LOW):  # "after monday before thursday"
            both = max(first, time.days[0]), min(last, time.days[1])
            if both[0] <= both[1]:
                first, last = time.days = both
        if time.has_day and time.days != (first, last):
            time = self._begin_time()
        self._note_day()
        time.days, time.bound = (first, last), bound
        return self._take_time(count + 1, f"{bound} {shown}")

    def _note_clock(self, *, is_whole: bool = False) -> None:
        """A time that is said with a part of a day (``tuesday night after 11pm``) is meant in it. ``is_whole``: it has
        a beginning and an end of its own."""
        time, self._clock_piece = self._time, len(self.pieces)
        if time.days is not None:
            time.span = None
        if not time.part:
            return
        first, last = (hour * HOUR_MS for hour in PARTS_OF_DAY[time.part])
        if time.part in NIGHTS:
            is_next = time.after is not None and time.after.ms < 12 * HOUR_MS and last <= first
            if is_next and time.days is not None and not time.is_lent:
                time.days = (time.days[0] + _DAY, time.days[1] + _DAY)
            if not is_whole and time.before is None and time.after is not None:
                time.before = ClockTime(last)
            return
        if time.after is None and time.before is not None and time.before.ms > first:
            time.after = ClockTime(first)
        if time.before is None and time.after is not None and time.after.ms < last:
            time.before = ClockTime(last)

    def _is_zone(self, word: str) -> bool:
        """Whether a word names a zone of the house's clock, as the hour that comes twice needs it."""
        moments = (datetime(self.today.year, month, 1, tzinfo=self.zone) for month in (1, 7))
        return bool(word) and word.upper() in {(one.tzname() or "").upper() for one in moments}

    # All together

    def _read_times(self) -> list[AskedTime]:
        """Each time that was said as the span of it, and the hours of the clock if they hold for more than one day; the
        pieces say what follows from the other times. What touches is one."""
        self.times = [one for one in self.times if one.pieces]
        self._share_hours()
        found = []
        for time in self.times:
            from_ms, to_ms, hours = self.clock.read(time)
            if hours is not None and from_ms is None and not hours.weekdays:
                self._tell(time.pieces, with_any_day)
            elif time.is_bare and time.is_one_day and any(one.has_hours for one in self.times):
                self._tell(time.pieces[-1:], lambda words: f"{words}, all day")
            found.append((from_ms, to_ms, hours))
        return join_times(found)

    def _share_hours(self) -> None:
        """``monday and wednesday after 5pm``, and ``after 5pm monday and wednesday``."""
        for day, giver in reversed(list(pairwise(self.times))):
            is_of_both = not (
                giver.is_own or giver.is_led or giver.is_lent or (giver.is_clock and giver.part in NIGHTS)
            )
            if day.is_bare and giver.has_hours and is_of_both:
                self._give_hours(giver, day)
        for giver, day in pairwise(self.times):
            if day.is_bare and giver.is_led:
                self._give_hours(giver, day)

    def _give_hours(self, giver: SaidTime, day: SaidTime) -> None:
        day.after, day.before, day.is_led = giver.after, giver.before, giver.is_led
        if day.after is None and day.before is None:
            day.after, day.before = (ClockTime(hour * HOUR_MS) for hour in PARTS_OF_DAY[giver.part])
        told = [clock_words(one) for one in (day.after, day.before) if one is not None]
        lead = "" if len(told) == 2 else "before " if day.after is None else "after "
        self._tell(day.pieces[-1:], lambda words: f"{words}, {lead}{' to '.join(told)}")

    def _tell(self, places: list[int], change: Callable[[str], str]) -> None:
        for place in places:
            self.pieces[place] = replace(self.pieces[place], words=change(self.pieces[place].words))
