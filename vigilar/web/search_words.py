"""The words that a search understands: kinds, levels, days, times of day. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

HOUR_MS = 3_600_000

KINDS: Mapping[str, tuple[str, ...]] = {
    "person": (
        "person", "people", "persons", "someone", "somebody", "anyone", "anybody", "man", "woman", "visitor",
        "visitors", "who",
    ),
    "vehicle": ("vehicle", "vehicles", "car", "cars", "van", "vans", "truck", "trucks", "lorry", "motorbike", "bus"),
    "dog": ("dog", "dogs"),
    "cat": ("cat", "cats"),
    "bird": ("bird", "birds"),
    "animal": ("animal", "animals", "fox", "foxes", "deer", "wildlife"),
    "motion": ("motion", "movement", "something"),
}  # fmt: skip

GROUPS: Mapping[str, tuple[str, ...]] = {"pet": ("dog", "cat"), "pets": ("dog", "cat")}

LEVELS: Mapping[str, tuple[str, ...]] = {
    "alert": ("ALERT",), "alerts": ("ALERT",),
    "critical": ("CRITICAL",),
    "notable": ("WARNING",),
    "background": ("INFO",),
    "important": ("ALERT", "CRITICAL"), "serious": ("ALERT", "CRITICAL"), "matters": ("ALERT", "CRITICAL"),
}  # fmt: skip

TYPES: Mapping[str, tuple[str, ...]] = {
    "alarm": ("alarm",), "alarms": ("alarm",),
    "offline": ("camera_offline",), "down": ("camera_offline",), "outage": ("camera_offline",),
    "no picture": ("camera_offline",),
    "armed": ("armed",), "disarmed": ("disarmed",),
    "opened": ("sensor_opened",), "left open": ("left_open",),
    "smoke": ("sensor_smoke",), "water": ("sensor_leak",), "leak": ("sensor_leak",),
    "wrong pin": ("pin_wrong",), "pin wrong": ("pin_wrong",), "glass": ("sensor_glass",),
    "glass broken": ("sensor_glass",), "broken glass": ("sensor_glass",), "gas": ("sensor_gas",),
    "camera offline": ("camera_offline",), "camera down": ("camera_offline",),
    "power cut": ("power_loss",), "power out": ("power_loss",), "blackout": ("power_loss",),
    "low battery": ("battery_low",), "battery low": ("battery_low",),
}  # fmt: skip

SEVERITIES = ("INFO", "WARNING", "ALERT", "CRITICAL")

LEVEL_WORDS = {"INFO": "Background", "WARNING": "Notable", "ALERT": "Alert", "CRITICAL": "Critical"}

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_SHORT_DAYS = {"tues": 1, "weds": 2, "thur": 3, "thurs": 3} | {name[:3]: number for number, name in enumerate(WEEKDAYS)}

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip

EMPTY_WORDS = frozenset(
    {"a", "an", "the", "in", "on", "at", "of", "and", "or", "with", "by", "from", "to", "was", "were", "is", "near",
     "all", "any", "show", "find", "me", "my", "events", "event", "for", "during", "seen", "there", "when", "what",
     "within", "only", "just", "newest", "latest", "everything", "anything", "everywhere", "anywhere"}
)  # fmt: skip

PARTS_OF_DAY: Mapping[str, tuple[int, int]] = {
    "morning": (5, 12), "noon": (11, 14), "midday": (11, 14), "lunch": (11, 14), "lunchtime": (11, 14),
    "afternoon": (12, 17), "evening": (17, 22), "night": (22, 6), "overnight": (22, 6), "daytime": (6, 20),
    "early morning": (5, 8), "late morning": (9, 12), "early afternoon": (12, 15), "late afternoon": (15, 18),
    "early evening": (17, 20), "late evening": (20, 0), "late night": (0, 5), "tonight": (17, 6), "dawn": (5, 8),
    "before dawn": (0, 6), "small hours": (0, 5), "early hours": (0, 5), "dusk": (17, 22), "after dark": (17, 6),
}  # fmt: skip
"""From and to, hours of the clock. The night of a day goes on until the next morning. When it gets dark is another
hour each month: what goes by the sun is wide enough for the whole year."""

NOT_WORDS = frozenset({"not", "no", "without", "except", "excluding", "minus"})

NIGHTS = frozenset(
    {"night", "overnight", "late night", "tonight", "before dawn", "small hours", "early hours", "after dark"}
)

ALL_WORDS = frozenset({"all", "everything", "anything", "everywhere", "anywhere"})
"""Behind these ``but`` leaves out what follows."""

UNITS = {
    "hour": HOUR_MS, "hours": HOUR_MS, "hr": HOUR_MS, "hrs": HOUR_MS, "minute": 60_000, "minutes": 60_000,
    "min": 60_000, "mins": 60_000,
}  # fmt: skip

FEASTS = {
    "christmas": (12, 25), "christmas day": (12, 25), "christmas eve": (12, 24), "boxing day": (12, 26),
    "new years eve": (12, 31), "new years day": (1, 1), "new years": (1, 1), "new year": (1, 1), "halloween": (10, 31),
}  # fmt: skip
"""Month and day of those that have the same date each year."""

WORD = re.compile(
    r"\d{1,2}(?=-\d{1,2}(?:\s?[ap]\.?m\b|[:h]\d{2}|(?:st|nd|rd|th|\.)?\s*(?:"
    + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
    + r")\b))|\d{1,2}-\d{1,2}-\d{4}"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2}\b)?|\d{1,2}/\d{1,2}(?:/(?:\d{4}|\d{2}))?(?!\d)"
    r"|\d{1,2}[:.h]\d{2}(?:\s?[ap]\.?m\b\.?)?|\d{1,2}\s?[ap]\.?m\b\.?|[^\W_]+(?:['\u2019\-][^\W_]+)*",
    re.IGNORECASE,
)

_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s?(?:([ap])\.?m\.?)?")


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day as it was typed: ms since midnight, and the zone if it was named. ``is_bare``: ``5``, which may be
    meant for the afternoon."""

    ms: int
    zone: str = ""
    is_bare: bool = False


def squeezed(words: list[str]) -> str:
    """The words as one, for who writes a name in more or fewer of them."""
    return re.sub(r"[^\w]|_", "", "".join(words))


def words_of(name: str) -> list[str]:
    return [one.group().casefold() for one in WORD.finditer(name)]


def read_weekday(word: str) -> int | None:
    if word in WEEKDAYS:
        return WEEKDAYS.index(word)
    return _SHORT_DAYS.get(word)


def read_number(word: str) -> int | None:
    if word in _NUMBERS:
        return _NUMBERS[word]
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 4 and int(word) > 0 else None


def read_month_day(word: str, after: str) -> tuple[int, int | None, int]:
    """``25 october`` or ``october 25``: day, month and how many words."""
    for day_word, month_word in ((word, after), (after, word)):
        match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", day_word)
        month = read_month(month_word)
        if match and month is not None:
            return int(match[1]), month, 2
    return 0, None, 0


def read_month(word: str) -> int | None:
    """1 to 12; the first three letters are enough."""
    found = [number for number, name in enumerate(MONTHS, 1) if word == name or (len(word) >= 3 and word == name[:3])]
    return found[0] if found else (9 if word == "sept" else None)


@dataclass(frozen=True, slots=True)
class Feast:
    """A day that has the same date each year, which ``count`` words meant."""

    month: int
    day: int
    count: int


def read_feast(words: list[str]) -> Feast | None:
    """``christmas eve``, ``new year's eve``; None for what is none."""
    for count in (3, 2, 1):
        name = re.sub("['\u2019]", "", " ".join(words[:count]))
        if name in FEASTS and len(words) >= count:
            return Feast(*FEASTS[name], count)
    return None


def make_date(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if date(1970, 1, 2) <= found <= date(9999, 12, 30) else None


def read_clock(word: str) -> ClockTime | None:
    """``5pm``, ``17:00``, ``5.30``, ``17``; None for what is no time of day."""
    if word in ("midnight", "noon"):
        return ClockTime(0 if word == "midnight" else 12 * HOUR_MS)
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif half:
        return None
    if hour > 23 or minute > 59:
        return None
    return ClockTime(hour * HOUR_MS + minute * 60_000, is_bare=not half and match[2] is None)


def read_clock_words(words: list[str]) -> tuple[ClockTime | None, int]:
    """A time of day in words, and how many they are: ``5pm``, ``5 o'clock``, ``half past five``, ``quarter to 6``, each
    also with ``in the evening`` or ``at night``. None and 0 for what is none."""
    clock, count = _read_spoken(words)
    if clock is None:
        return None, 0
    after, third, fourth = (*words[count:], "", "", "")[:3]
    part, more = (fourth, 3) if (after, third) == ("in", "the") else (third, 2) if after == "at" else ("", 0)
    if part in ("morning", "afternoon", "evening", "night") and clock.ms < 13 * HOUR_MS:
        return in_part(clock, part), count + more
    return clock, count


def _read_spoken(words: list[str]) -> tuple[ClockTime | None, int]:
    word, after, third = (*words, "", "", "")[:3]
    hour = _hour(third)
    if word in ("half", "quarter") and after in ("past", "to") and hour is not None:
        minutes = 60 * hour + (30 if word == "half" else 15) * (1 if after == "past" else -1)
        return ClockTime(minutes % 1440 * 60_000), 3
    hour = _hour(word)
    if after in ("o'clock", "o\u2019clock", "oclock") and hour is not None:
        return ClockTime(hour * HOUR_MS), 2
    clock = read_clock(word)
    if clock is not None and after == "uhr":
        return ClockTime(clock.ms), 2
    if word == "12" and after in ("noon", "midnight"):
        return read_clock(after), 2
    return clock, int(clock is not None)


def _hour(word: str) -> int | None:
    number = _NUMBERS.get(word, int(word) if word.isascii() and word.isdigit() and len(word) < 3 else None)
    return number if number is not None and word not in ("a", "an") and 1 <= number <= 12 else None


def in_part(clock: ClockTime, part: str) -> ClockTime:
    """``5`` as it is meant in that part of the day: in the afternoon 17:00, at night 05:00."""
    hour, rest = divmod(clock.ms, HOUR_MS)
    if hour > 12 or (hour == 12 and part in ("noon", "midday", "lunch", "lunchtime", "daytime")):
        return clock
    if part in NIGHTS:
        hour = hour % 12 + (12 if 6 <= hour < 12 else 0)
    elif part.endswith("morning"):
        hour %= 12
    elif hour < 12 and part != "daytime":
        hour = hour if part in ("noon", "midday", "lunch", "lunchtime") and hour == 11 else hour + 12
    return ClockTime(hour * HOUR_MS + rest, clock.zone)


def read_part(words: list[str]) -> tuple[str, int]:
    """The part of a day that the words begin with, and how many they are: ``evening``, ``late evening``."""
    if words[:4] == ["middle", "of", "the", "night"]:
        return "small hours", 4
    both = " ".join(words[:2])
    if both in PARTS_OF_DAY and len(words) > 1:
        return both, 2
    return (words[0], 1) if words and words[0] in PARTS_OF_DAY else ("", 0)


def clock_words(clock: ClockTime) -> str:
    minutes = clock.ms // 60_000
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f" {clock.zone}" if clock.zone else "")


def day_words(day: date, today: date, *, is_plain: bool = False) -> str:
    """``Today, Thursday 26 November``, ``Tuesday 24 November``; ``is_plain``: never with the word for today."""
    apart = (today - day).days
    name = f"{WEEKDAYS[day.weekday()].capitalize()} {day.day} {MONTHS[day.month - 1].capitalize()}"
    if day.year != today.year:
        name = f"{name} {day.year}"
    if is_plain:
        return name
    return f"Today, {name}" if apart == 0 else f"Yesterday, {name}" if apart == 1 else name
