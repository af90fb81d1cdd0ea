"""The recorded half of a camera's page, as it is before any script runs: one day of the house in words."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from vigilar.base.errors import StoreError
from vigilar.playback.timeline import read_timeline
from vigilar.web.event_words import event_title
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem
from vigilar.web.times import clock_text, day_text, house_time, iso_text, length_text, parse_moment
from vigilar.web.typed_time import day_range, parse_day, typed_moments

logger = logging.getLogger(__name__)

WITHOUT_SCRIPT_MS = 600_000
"""What the plain player shows from the chosen moment on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of the day or an event: ``kind`` is ``recorded``, ``gap`` or ``event``. ``event_id`` leads to it."""

    kind: str
    from_ms: int
    clock: str
    iso: str
    words: str
    length: str
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One that somebody may have meant."""

    at_ms: int
    words: str


@dataclass(frozen=True, slots=True)
class Past:
    """A day of the house in UTC ms, the moment that is wanted in it, and what is there.

    ``refusal`` says why what was typed is no moment; ``choices`` are more than one that it may be. ``is_known`` is
    false while nobody can tell what is there.
    """

    day: str
    day_words: str
    from_ms: int
    to_ms: int
    day_before: str
    day_after: str
    at_ms: int | None
    at_words: str
    typed: str
    refusal: str
    choices: tuple[Moment, ...]
    lines: tuple[Line, ...]
    is_known: bool = False

    @property
    def clip_to_ms(self) -> int:
        return (self.at_ms or 0) + WITHOUT_SCRIPT_MS


def read_past(here: Parts, camera_id: str, asked: Mapping[str, str]) -> Past:
    """The day that ``asked`` names: ``?at=`` a moment, or ``?day=`` with or without ``&time=``; else today.

    Raises Problem 422 for an ``at`` that is no moment.
    """
    now_ms = here.now_ms()
    if asked.get("at"):
        at_ms = parse_moment(asked["at"], "at")
        day = house_time(at_ms, here.zone).date()
        return _fill(here, camera_id, replace(_empty(here, day), at_ms=at_ms, at_words=clock_text(at_ms, here.zone)))
    day, typed = house_time(now_ms, here.zone).date(), asked.get("time", "")
    past = _empty(here, day)
    try:
        if asked.get("day"):
            day = parse_day(asked["day"])
            past = _empty(here, day)
        if typed:
            past = _with_moments(here, past, typed_moments(day, typed, here.zone, now_ms))
    except Problem as problem:
        past = replace(past, refusal=problem.detail)
    return _fill(here, camera_id, replace(past, typed=typed))


def _empty(here: Parts, day: date) -> Past:
    ends = day_range(day, here.zone)
    one = timedelta(days=1)
    return Past(
        day=day.isoformat(),
        day_words=day_text(ends.from_ms, here.now_ms(), here.zone),
        from_ms=ends.from_ms,
        to_ms=ends.to_ms,
        day_before=(day - one).isoformat(),
        day_after=(day + one).isoformat() if ends.to_ms <= here.now_ms() else "",
        at_ms=None,
        at_words="",
        typed="",
        refusal="",
        choices=(),
        lines=(),
    )


def _with_moments(here: Parts, past: Past, moments: list[int]) -> Past:
    if len(moments) == 1:
        return replace(past, at_ms=moments[0], at_words=clock_text(moments[0], here.zone))
    return replace(past, choices=tuple(Moment(ms, clock_text(ms, here.zone)) for ms in moments))


def _fill(here: Parts, camera_id: str, past: Past) -> Past:
    """``past`` with the lines of its day in time order; without them while the database cannot be asked: the live half
    of the page goes on."""
    try:
        found, events = here.rows.ask(
            lambda: (
                read_timeline(here.footage, camera_id, past.from_ms, past.to_ms, here.now_ms()),
                here.footage.events(camera_id, past.from_ms, past.to_ms),
            )
        )
    except (StoreError, DoesNotAnswerError) as error:
        logger.warning("the day of %s cannot be listed: %s", camera_id, error)
        return past
    lines = [_line(here, "recorded", span.from_ms, span.to_ms, "Recorded") for span in found.spans]
    lines += [_line(here, "gap", gap.from_ms, gap.to_ms, gap.words) for gap in found.gaps]
    for event in events:
        line = _line(here, "event", event.ts_ms, event.end_ms or event.ts_ms, event_title(event))
        lines.append(replace(line, event_id=event.id))
    return replace(past, is_known=True, lines=tuple(sorted(lines, key=lambda line: line.from_ms)))


def _line(here: Parts, kind: str, from_ms: int, to_ms: int, words: str) -> Line:
    clock, iso = clock_text(from_ms, here.zone), iso_text(from_ms, here.zone)
    return Line(kind, from_ms, clock, iso, words, length_text(to_ms - from_ms) if to_ms > from_ms else "")
