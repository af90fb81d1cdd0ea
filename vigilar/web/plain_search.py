"""Plain words of a person, read as a search: ``person garden tuesday after 5pm``, ``cat last week``.

Pure. There is nothing to learn: what is not understood is looked for in the events' own words. How it was read is told
in pieces, each with the place of its words in the text, so that it can be shown and taken away.

All in the house's time: an hour that comes twice when summer time ends is found both times, unless a zone is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from vigilar.web.clock_stretches import MAX_BACK_DAYS, find_edge
from vigilar.web.search_words import (
    EMPTY_WORDS,
    GROUPS,
    HOUR_MS,
    KINDS,
    LEVEL_WORDS,
    LEVELS,
    MONTHS,
    PARTS_OF_DAY,
    TYPES,
    WORD,
    ClockTime,
    clock_words,
    day_words,
    make_date,
    read_clock,
    read_month_day,
    read_number,
    read_weekday,
    words_of,
)

MAX_CHARS = 200

AROUND_MS = 30 * 60_000
"""``around 5pm`` and ``at 5pm``: half an hour to both sides."""


@dataclass(frozen=True, slots=True)
class ClockHours:
    """Hours of the house's clock, ms since midnight, on any day; after above before goes over midnight."""

    after_ms: int
    before_ms: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was understood: ``words`` say how, ``start`` and ``end`` are its place in the text."""

    words: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Names:
    """What the house calls its things: names of cameras by id, and of zones."""

    cameras: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """A text as it was read. Times are UTC ms, [from_ms, to_ms). ``hours``: only then, by the clock, on any day;
    ``words`` are looked for as they are, all of them. Empty means any."""

    text: str
    pieces: tuple[Piece, ...] = ()
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    kept: bool = False
    seen: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    hours: ClockHours | None = None
    words: tuple[str, ...] = ()

    def without(self, piece: Piece) -> str:
        """The text without the words of a piece."""
        return " ".join((self.text[: piece.start] + " " + self.text[piece.end :]).split())


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


def read_search(text: str, now_ms: int, zone: tzinfo, names: Names) -> Search:
    """Read ``text``, its first 200 characters, as it would be meant at ``now_ms`` (UTC) in a house in ``zone``."""
    text = "".join(char if char.isprintable() else " " for char in text[:MAX_CHARS])
    return _Reader(text, now_ms, zone, names).read()


class _Reader:
    """Reads from left to right; each rule takes the words it understands, longest first."""

    def __init__(self, text: str, now_ms: int, zone: tzinfo, names: Names) -> None:
        self.text = text
        self.zone = zone
        self.now_ms = now_ms
        self.today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
        self.tokens = [_Token(one.group().casefold(), one.start(), one.end()) for one in WORD.finditer(text)]
        self.at = 0
        self.pieces: list[Piece] = []
        self.found: dict[str, list[str]] = {
            name: [] for name in ("sources", "kinds", "types", "zones", "levels", "words")
        }
        self.kept = False
        self.seen: bool | None = None
        self.days: tuple[date, date] | None = None
        self.span: tuple[int, int] | None = None
        self.after: ClockTime | None = None
        self.before: ClockTime | None = None
        self.clock_places: list[tuple[int, int]] = []
        self._places = _name_rows(names)

    def read(self) -> Search:
        rules: tuple[Callable[[], bool], ...] = (
            self._place, self._clock_range, self._bound, self._day_part, self._span_of_days, self._day, self._kind,
            self._level_or_type, self._state, self._word,
        )  # fmt: skip
        while self.at < len(self.tokens):
            if not any(rule() for rule in rules):
                self.at += 1
        return self._finish()

    # What is there

    def _word_at(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].word if place < len(self.tokens) else ""

    def _take(self, count: int, words: str) -> bool:
        """The next ``count`` words mean ``words``."""
        self.pieces.append(Piece(words, self.tokens[self.at].start, self.tokens[self.at + count - 1].end))
        self.at += count
        return True

    # Names, kinds, levels

    def _place(self) -> bool:
        for words, kind, value, shown in self._places:
            if [one.word for one in self.tokens[self.at : self.at + len(words)]] == words:
                if value not in self.found[kind]:
                    self.found[kind].append(value)
                return self._take(len(words), shown)
        return False

    def _kind(self) -> bool:
        word = self._word_at()
        kinds = GROUPS.get(word) or tuple(kind for kind, words in KINDS.items() if word in words)
        if not kinds:
            return False
        self.found["kinds"] += [kind for kind in kinds if kind not in self.found["kinds"]]
        return self._take(1, " or ".join(kinds).capitalize())

    def _level_or_type(self) -> bool:
        for count in (2, 1):
            words = " ".join(self._word_at(ahead) for ahead in range(count))
            if words in LEVELS:
                self.found["levels"] += LEVELS[words]
                return self._take(count, " or ".join(LEVEL_WORDS[one] for one in LEVELS[words]))
            if words in TYPES:
                self.found["types"] += TYPES[words]
                return self._take(count, words.capitalize())
        return False

    def _state(self) -> bool:
        word, after = self._word_at(), self._word_at(1)
        if word in ("kept", "starred"):
            self.kept = True
            return self._take(1, "Kept")
        if word in ("unseen", "new"):
            self.seen = False
            return self._take(1, "Not seen yet")
        if word == "not" and after == "seen":
            self.seen = False
            return self._take(2, "Not seen yet")
        if word == "already" and after == "seen":
            self.seen = True
            return self._take(2, "Seen")
        return False

    def _word(self) -> bool:
        word = self._word_at()
        if word in EMPTY_WORDS:
            return False
        self.found["words"].append(word)
        token = self.tokens[self.at]
        return self._take(1, f"“{self.text[token.start : token.end]}”")

    # Days

    def _day(self) -> bool:
        day, count = self._read_day()
        if day is None:
            return False
        self.days = (day, day)
        return self._take(count, day_words(day, self.today))

    def _read_day(self, ahead: int = 0) -> tuple[date | None, int]:
        """The day that the next words name, and how many they are."""
        word, after, third = (self._word_at(ahead + one) for one in range(3))
        if word == "today":
            return self.today, 1
        if word == "yesterday":
            return self.today - timedelta(days=1), 1
        if (word, after, third) == ("day", "before", "yesterday"):
            return self.today - timedelta(days=2), 3
        if word in ("last", "on", "this") and (number := read_weekday(after)) is not None:
            return self._last_weekday(number, is_past=word == "last"), 2
        if (number := read_weekday(word)) is not None:
            return self._last_weekday(number, is_past=False), 1
        if (number := read_number(word)) is not None and after in ("day", "days") and third == "ago":
            return self._back(number), 3
        return self._read_date(word, after, third)

    def _read_date(self, word: str, after: str, third: str) -> tuple[date | None, int]:
        """``2026-10-25``, ``25.10.``, ``25 october 2026``, ``october 25``."""
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
            return make_date(*(int(one) for one in word.split("-"))), 1
        if match := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?", word):
            return self._date_in_past(match[3], int(match[2]), int(match[1])), 1
        day, month, count = read_month_day(word, after)
        if month is None:
            return None, 0
        if re.fullmatch(r"\d{4}", third):
            return self._date_in_past(third, month, day), count + 1
        return self._date_in_past(None, month, day), count

    def _date_in_past(self, year: str | None, month: int, day: int) -> date | None:
        """Without a year the newest such day that is not to come."""
        if year is not None:
            return make_date(int(year), month, day)
        tries = (make_date(self.today.year - back, month, day) for back in range(9))
        return next((one for one in tries if one is not None and one <= self.today), None)

    def _last_weekday(self, number: int, *, is_past: bool) -> date:
        """The newest such day; today is one of them unless it is asked for the last."""
        back = (self.today.weekday() - number) % 7
        return self._back(back or (7 if is_past else 0))

    def _back(self, days: int) -> date:
        return self.today - timedelta(days=min(days, MAX_BACK_DAYS))

    def _span_of_days(self) -> bool:
        """``last week``, ``this month``, ``last 3 days``, ``past hour``, ``last weekend``."""
        word, after, third = (self._word_at(one) for one in range(3))
        if word not in ("last", "this", "past"):
            return False
        monday = self.today - timedelta(days=self.today.weekday())
        back = 0 if word == "this" else 1
        if after == "week":
            first = monday - timedelta(days=7 * back)
            return self._take_days(first, first + timedelta(days=6), 2, f"{word.capitalize()} week, Monday to Sunday")
        if after == "weekend":
            saturday = monday + timedelta(days=5)
            first = saturday if back == 0 or saturday + timedelta(days=1) < self.today else saturday - timedelta(days=7)
            return self._take_days(first, first + timedelta(days=1), 2, f"{word.capitalize()} weekend")
        if after == "month":
            first = self.today.replace(day=1)
            if back:
                first = (first - timedelta(days=1)).replace(day=1)
            last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
            return self._take_days(first, last, 2, f"{MONTHS[first.month - 1].capitalize()} {first.year}")
        number, count = (read_number(after), 3) if read_number(after) is not None else (1, 2)
        unit = third if count == 3 else after
        return word != "this" and number is not None and self._last_units(number, unit, count)

    def _last_units(self, number: int, unit: str, count: int) -> bool:
        if unit in ("hour", "hours", "minutes", "minute"):
            length = min(number, 24 * MAX_BACK_DAYS) * (HOUR_MS if unit.startswith("hour") else 60_000)
            self.span = (max(0, self.now_ms - length), self.now_ms + 1)
            return self._take(count, f"Last {number} {unit}" if number > 1 else f"Last {unit}")
        days = {"day": 1, "days": 1, "week": 7, "weeks": 7, "months": 30}.get(unit)
        if days is None:
            return False
        first = self._back(number * days - 1)
        return self._take_days(first, self.today, count, f"Last {number * days} days" if number * days > 1 else "Today")

    def _take_days(self, first: date, last: date, count: int, words: str) -> bool:
        self.days = (first, last)
        return self._take(count, words)

    def _day_part(self) -> bool:
        """``last night``, ``this morning``, ``tuesday evening``, ``tonight``, ``evening``."""
        word, after = self._word_at(), self._word_at(1)
        if word == "tonight":
            return self._take_part(self.today, "evening" if self.now_ms < self._moment(self.today, 22) else "night", 1)
        if word == "last" and after in ("night", "evening"):
            return self._take_part(self.today - timedelta(days=1), after, 2)
        if word == "this" and after in PARTS_OF_DAY:
            return self._take_part(self.today, after, 2)
        day, count = self._read_day()
        part = self._word_at(count)
        if day is not None and part in PARTS_OF_DAY:
            return self._take_part(day, part, count + 1)
        if word in PARTS_OF_DAY and self.days is not None and self.days[0] == self.days[1]:
            return self._take_part(self.days[0], word, 1)
        if word in PARTS_OF_DAY:
            first, last = PARTS_OF_DAY[word]
            self.after, self.before = ClockTime(first * HOUR_MS), ClockTime(last * HOUR_MS)
            return self._take(1, f"{word.capitalize()}, {first:02}:00 to {last:02}:00")
        return False

    def _take_part(self, day: date, part: str, count: int) -> bool:
        first, last = PARTS_OF_DAY[part]
        next_day = day + timedelta(days=1) if last <= first else day
        self.days = (day, day)
        self.span = (self._moment(day, first), self._moment(next_day, last, is_last=True))
        return self._take(count, f"{day_words(day, self.today)}, {first:02}:00 to {last:02}:00")

    # Times of day

    def _clock_range(self) -> bool:
        """``between 5pm and 7pm``, ``from 5 to 7pm``, ``5pm to 7pm``, ``17:00-19:00``."""
        skip = 1 if self._word_at() in ("between", "from") else 0
        first = read_clock(self._word_at(skip))
        joint = self._word_at(skip + 1)
        middle = 1 if joint in ("and", "to", "until", "till") else 0
        last = read_clock(self._word_at(skip + 1 + middle))
        is_dashed = not middle and not skip and "-" in self._between(skip, skip + 1)
        if first is None or last is None or not (middle or is_dashed):
            return False
        if not skip and first.is_bare and last.is_bare:
            return False  # "3 to 5" of anything
        if first.is_bare and last.ms >= 12 * HOUR_MS and first.ms + 12 * HOUR_MS <= last.ms:
            first = ClockTime(first.ms + 12 * HOUR_MS)
        count = skip + 2 + middle
        if self._is_zone(self._word_at(count)):
            first, last = (ClockTime(one.ms, self._word_at(count).upper()) for one in (first, last))
            count += 1
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
        bare_time = read_clock(word)
        if bare_time is not None and not bare_time.is_bare:
            return self._take_around(bare_time, 1)
        if word not in ("after", "before", "since", "until", "till", "around", "at", "about"):
            return False
        clock = read_clock(self._word_at(1))
        if clock is None:
            return word in ("after", "since", "before", "until", "till") and self._day_bound(word)
        count = 3 if self._is_zone(self._word_at(2)) else 2
        if count == 3:
            clock = ClockTime(clock.ms, self._word_at(2).upper())
        if word in ("around", "at", "about"):
            return self._take_around(clock, count - 1, lead=1)
        if word in ("after", "since"):
            self.after = clock
        else:
            self.before = clock
        self._note_clock()
        return self._take(count, f"{'After' if word in ('after', 'since') else 'Before'} {clock_words(clock)}")

    def _take_around(self, clock: ClockTime, count: int, lead: int = 0) -> bool:
        if not lead and self._is_zone(self._word_at(1)):
            clock, count = ClockTime(clock.ms, self._word_at(1).upper()), 2
        day_ms = 24 * HOUR_MS
        self.after = ClockTime((clock.ms - AROUND_MS) % day_ms, clock.zone)
        self.before = ClockTime((clock.ms + AROUND_MS) % day_ms, clock.zone)
        self._note_clock()
        return self._take(count + lead, f"About {clock_words(clock)}")

    def _day_bound(self, word: str) -> bool:
        day, count = self._read_day(1)
        if day is None:
            return False
        if word in ("after", "since"):
            first = day if word == "since" else day + timedelta(days=1)
            self.days = (first, max(first, self.today))
        else:
            self.days = (self._back(MAX_BACK_DAYS), day - timedelta(days=1) if word == "before" else day)
        words = {"after": "After", "since": "Since", "before": "Before"}.get(word, "Until")
        return self._take(count + 1, f"{words} {day_words(day, self.today)}")

    def _note_clock(self) -> None:
        self.span = None  # "tuesday night after 11pm": what is said last counts

    def _is_zone(self, word: str) -> bool:
        """Whether a word names a zone of the house's clock, as the hour that comes twice needs it."""
        moments = (datetime(self.today.year, month, 1, tzinfo=self.zone) for month in (1, 7))
        return bool(word) and word.upper() in {(one.tzname() or "").upper() for one in moments}

    # All together

    def _finish(self) -> Search:
        from_ms, to_ms, hours = self._times()
        pieces = self.pieces
        if hours is not None:
            pieces = [
                replace(one, words=f"{one.words}, any day") if _is_clock_piece(one.words) else one for one in pieces
            ]
        return Search(
            text=self.text,
            pieces=tuple(pieces),
            sources=tuple(self.found["sources"]),
            kinds=tuple(self.found["kinds"]),
            types=tuple(self.found["types"]),
            zones=tuple(self.found["zones"]),
            levels=tuple(dict.fromkeys(self.found["levels"])),
            kept=self.kept,
            seen=self.seen,
            from_ms=from_ms,
            to_ms=to_ms,
            hours=hours,
            words=tuple(self.found["words"]),
        )

    def _times(self) -> tuple[int | None, int | None, ClockHours | None]:
        """The span of time, and the hours of the clock if they hold for more than one day."""
        if self.span is not None:
            return *self.span, None
        if self.days is None:
            if self.after is None and self.before is None:
                return None, None, None
            return None, None, self._hours()
        first, last = self.days
        if first != last and (self.after or self.before):
            return self._moment(first, 0), self._moment(last + timedelta(days=1), 0), self._hours()
        return *self._times_of_day(first, last), None

    def _times_of_day(self, first: date, last: date) -> tuple[int, int]:
        from_ms, to_ms = self._moment(first, 0), self._moment(last + timedelta(days=1), 0)
        if self.after is not None:
            from_ms = self._clock_moment(first, self.after, is_last=False)
        if self.before is not None:
            crosses = self.after is not None and self.before.ms <= self.after.ms
            to_ms = self._clock_moment(last + timedelta(days=1) if crosses else last, self.before, is_last=True)
        return from_ms, max(from_ms, to_ms)

    def _hours(self) -> ClockHours:
        after = 0 if self.after is None else self.after.ms
        return ClockHours(after, 24 * HOUR_MS if self.before is None else self.before.ms)

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


def _is_clock_piece(words: str) -> bool:
    return (
        re.match(r"(After|Before|About) \d|\d\d:\d\d to |(Morning|Noon|Afternoon|Evening|Night), ", words) is not None
    )


def _name_rows(names: Names) -> list[tuple[list[str], str, str, str]]:
    """Words, where they go, with which value, and how they are shown; those with the most words first. A camera stands
    before a zone of the same name."""
    rows = [(words_of(name), "sources", camera_id, name) for camera_id, name in names.cameras.items()]
    rows += [([camera_id.casefold()], "sources", camera_id, name) for camera_id, name in names.cameras.items()]
    rows += [(words_of(zone), "zones", zone, f"Zone {zone}") for zone in names.zones]
    return sorted((row for row in rows if row[0]), key=lambda row: -len(row[0]))
