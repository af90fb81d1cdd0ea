"""Reels as their pages show them: what they are of, when they go, and where each of their seconds leads. Pure.

What comes in are the forms of ``reels``; what comes out holds them, with the words and addresses of a page beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any
from urllib.parse import quote

from vigilar.store.jobs import OVER
from vigilar.web.exports import STATE_WORDS, WAITS_FOR_MAINS
from vigilar.web.times import clock_text, day_text, house_time, length_text
from vigilar.web.typed_time import day_range

STYLE_WORDS = {
    "highlights": "Highlights",
    "everybody": "Everybody who came",
    "timelapse": "Time-lapse",
    "smart": "Smart time-lapse",
}

MINUTES_FROM_S = 120
"""A length below is said in seconds alone: ``Yesterday in 74 seconds.``"""

PLATE_S = 0.2
"""Parts that lie further apart have one between them."""

Form = Mapping[str, Any]
NameOf = Callable[[str], str]
"""The name of a camera, by its id."""


class ReelWords:
    """For one answer: what the house's clock shows now, and what its cameras are called."""

    def __init__(self, zone: tzinfo, now_ms: int, name_of: NameOf) -> None:
        self._zone = zone
        self._now_ms = now_ms
        self._name_of = name_of

    def card(self, reel: Form) -> dict[str, Any]:
        """What the list and the page of one show of a reel."""
        waits = bool(reel["waits"])
        is_lost = reel["state"] == "done" and not reel["video"] and not reel["nothing"]
        state = "failed" if is_lost else reel["state"]
        return {
            **reel,
            "state": state,
            "is_over": state in OVER,
            "is_stopping": False,
            "word": WAITS_FOR_MAINS if waits else STATE_WORDS[state],
            "waits_for_mains": waits,
            "length_words": film_time(reel["length_ms"] or 0),
            "style_words": STYLE_WORDS[style_of(reel)],
            "when_words": self.span(reel["from"], reel["to"]),
            "camera_words": ", ".join(self._name_of(one) for one in reel["cameras"]),
            "asked_words": _asked(reel),
            "life_words": self._life(reel),
            "made_words": self._made(reel),
        }

    def sentence(self, reels: Sequence[Form]) -> str:
        """``Yesterday in 74 seconds.``: the newest, unless one is being made. ``reels``: newest first."""
        running = [one for one in reels if one["state"] not in OVER]
        if running:
            return _being_made(running)
        newest = next(iter(reels), None)
        if newest is None:
            return ""
        if newest["nothing"]:
            return f"{self._day(newest) or newest['title']}: {_lower(newest['nothing'])}"
        if newest["state"] != "done":
            return "The newest one was stopped." if newest["state"] == "cancelled" else "The newest one was not made."
        return self.headline(newest)

    def headline(self, reel: Form) -> str:
        """The same of one that is there."""
        seconds = round((reel["length_ms"] or 0) / 1000)
        lasts = f"{seconds} seconds" if seconds < MINUTES_FROM_S else length_text(seconds * 1000)
        return f"{self._day(reel) or reel['title']} in {lasts}."

    def span(self, from_ms: int, to_ms: int) -> str:
        """``Yesterday``, ``Monday 23 November to Sunday 29 November`` or ``Yesterday, 14:02 to 15:30``."""
        first, last = self._day_of(from_ms), self._day_of(max(from_ms, to_ms - 1))
        if self._is_midnight(from_ms) and self._is_midnight(to_ms):
            return first if first == last else f"{first} to {_inside(last)}"
        begins, ends = self._clock(from_ms), self._clock(to_ms)
        return f"{first}, {begins} to {ends}" if first == last else f"{first}, {begins} to {_inside(last)}, {ends}"

    def parts(self, reel: Form) -> list[dict[str, Any]]:
        """The parts of a reel with the place that each leads to. Times within the reel are ms of it; ``ts`` and
        ``until`` UTC ms, between which the recorded moment goes on evenly."""
        found = list(reel["parts"])
        has_days = self._day_of(reel["from"]) != self._day_of(max(reel["from"], reel["to"] - 1))
        return [self._part(one, _until(found, index, reel), has_days) for index, one in enumerate(found)]

    def missing(self, reel: Form) -> list[str]:
        """What is not in it, as sentences."""
        if reel["kind"] == "timelapse":  # its plates say when, and so do these
            return [str(one["words"]) for one in reel["missing"]]
        return [f"{self.span(one['from_ms'], one['to_ms'])}, {one['words']}" for one in reel["missing"]]

    def moment(self, one: Form) -> dict[str, Any]:
        """A moment of the preview."""
        name = self._name_of(one["camera"])
        where = "" if name in one["title"] else f"{name}, "
        lasts = f", {one['seconds']:.0f} s" if one.get("seconds") else ""
        return {**one, "when_words": f"{where}{self._day_of(one['ts'])}, {clock_text(one['ts'], self._zone)}{lasts}"}

    def _part(self, one: Form, until_ms: int, has_days: bool) -> dict[str, Any]:
        name = self._name_of(one["camera_id"])
        title = one["title"] or name
        when = clock_text(one["ts"], self._zone)
        if has_days:
            when = f"{self._day_of(one['ts'])}, {when}"
        event_id = one["event_id"]
        href = f"/watch/{quote(one['camera_id'])}?at={one['ts']}" if event_id is None else f"/events/{event_id}"
        return {
            **one,
            "from_ms": round(one["from_s"] * 1000),
            "to_ms": round(one["to_s"] * 1000),
            "until": until_ms,
            "href": href,
            "title": title,
            "at_words": film_time(one["from_s"] * 1000),
            "when_words": when if name in title else f"{name}, {when}",
            "words": f"{title}, {when}",
        }

    def _life(self, reel: Form) -> str:
        if reel["is_kept"]:
            return "Kept: it stays until somebody deletes it."
        if reel["ends_ms"] is None or reel["state"] not in OVER:
            return ""
        day = self._day_of(reel["ends_ms"])
        unless = " unless somebody keeps it" if reel["video"] else ""
        return f"Goes {'today' if day == 'Today' else f'on {day}'}{unless}."

    def _made(self, reel: Form) -> str:
        when = f"{self._day_of(reel['made_ms'])}, {house_time(reel['made_ms'], self._zone):%H:%M}"
        return f"{when}, by itself" if reel["is_daily"] else f"{when}, by {reel['by']}" if reel["by"] else when

    def _day(self, reel: Form) -> str:
        """The day that it is of; empty where it is of another range."""
        day = day_range(house_time(reel["from"], self._zone).date(), self._zone)
        return self._day_of(reel["from"]) if (day.from_ms, day.to_ms) == (reel["from"], reel["to"]) else ""

    def _day_of(self, ms: int) -> str:
        return day_text(ms, self._now_ms, self._zone)

    def _clock(self, ms: int) -> str:
        """Seconds only where there are some."""
        text = clock_text(ms, self._zone)
        return text[:5] + text[8:] if text[5:8] == ":00" else text

    def _is_midnight(self, ms: int) -> bool:
        day = house_time(ms + 1, self._zone).date()
        return day_range(day, self._zone).from_ms == ms


def film_time(ms: float) -> str:
    """``1:14``: a time within a film, or its length."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def style_of(reel: Form) -> str:
    if reel["kind"] == "timelapse":
        return "smart" if reel["smart"] else "timelapse"
    return str(reel["style"])


def sort_for_list(reels: Sequence[Form]) -> list[Form]:
    """Those that are being made first, else in the order they came in: newest first."""
    return sorted(reels, key=lambda one: one["state"] in OVER)


def days_before(now_ms: int, zone: tzinfo, days: int) -> int:
    """UTC ms at which the house's day began that lies so many days before today."""
    return day_range(house_time(now_ms, zone).date() - timedelta(days=days), zone).from_ms


def _being_made(running: Sequence[Form]) -> str:
    count = len(running)
    if any(one["waits"] for one in running):
        return f"The house runs on its battery: {'one waits' if count == 1 else f'{count} wait'} for mains."
    left = max((one["seconds_left"] or 0 for one in running), default=0)
    return f"{'One is' if count == 1 else f'{count} are'} being made{f', {left} s left' if left else ''}."


def _asked(reel: Form) -> str:
    """The length that was asked for, where another came of it."""
    wanted_ms = (reel["wanted_s"] or 0) * 1000
    return length_text(wanted_ms) if wanted_ms and abs(wanted_ms - (reel["length_ms"] or 0)) > 5000 else ""


def _until(found: Sequence[Form], index: int, reel: Form) -> int:
    """UTC ms of the moment at which a part ends. A piece of a recording is as long as it takes; one of a time-lapse
    goes as far as the next or, where a plate lies between them that tells of a gap, as far as that gap."""
    one = found[index]
    if reel["kind"] != "timelapse":
        return int(one["ts"] + (one["to_s"] - one["from_s"]) * 1000)
    is_last = index + 1 == len(found)
    begins_s = (reel["length_ms"] or 0) / 1000 if is_last else found[index + 1]["from_s"]
    next_ms = max(reel["to"], one["ts"]) if is_last else found[index + 1]["ts"]
    gaps = [gap["from_ms"] for gap in reel["missing"] if one["ts"] < gap["from_ms"] < next_ms]
    return int(max(gaps) if gaps and begins_s - one["to_s"] > PLATE_S else next_ms)


def _inside(day: str) -> str:
    """A day within a sentence."""
    return _lower(day) if day in ("Today", "Yesterday") else day


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
