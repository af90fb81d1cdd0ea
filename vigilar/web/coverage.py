"""How much of each day was recorded, for the page of coverage: days that are over are read once an hour."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from vigilar.base.errors import StoreError
from vigilar.playback.coverage import Coverage, read_day
from vigilar.playback.gaps import GAP_MS
from vigilar.web.house import GAP_AGE_S
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.times import house_time

SPANS = (7, 30)
"""Days that are shown at once."""

PAST_AGE_S = 3600.0
"""A day that is over changes no more, but for recordings that are found damaged later."""

READ_FOR_S = 3.0
"""A page reads so long; what is not read by then is said to be missing, and is there at the next look."""

FULL_FRAC = 0.999
"""From here on a day is called whole: a minute and a half of a day are restarts."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the house, UTC ms. ``name`` is ``2026-11-23``."""

    name: str
    from_ms: int
    to_ms: int

    @property
    def short(self) -> str:
        """``23 Nov``."""
        day = date.fromisoformat(self.name)
        return f"{day.day} {day:%b}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One camera's day. ``state``: ``whole``, ``holes``, ``none`` (nothing was to be recorded, or nobody knows) or
    ``unread``; ``words`` for the table."""

    day: Day
    state: str
    words: str
    coverage: Coverage | None


def list_days(here: Parts, count: int) -> list[Day]:
    """The newest days of the house, today first."""
    today = house_time(here.now_ms(), here.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=ago) for ago in range(-1, count)]  # wall-clock days: 23 or 25 hours at times
    return [Day(f"{start:%Y-%m-%d}", _ms(start), _ms(after)) for after, start in pairwise(starts)]


def read_cells(here: Parts, camera_ids: Sequence[str], days: Sequence[Day]) -> dict[str, list[Cell]]:
    """The cells of each camera, the newest days read first."""
    deadline = time.monotonic() + READ_FOR_S
    found: dict[str, list[Cell]] = {camera_id: [] for camera_id in camera_ids}
    for number, day in enumerate(days):
        for camera_id in camera_ids:
            age_s = GAP_AGE_S if number == 0 else PAST_AGE_S
            found[camera_id].append(_read(here, camera_id, day, age_s, deadline))
    return found


def _read(here: Parts, camera_id: str, day: Day, age_s: float, deadline: float) -> Cell:
    def ask() -> Coverage | None:
        if time.monotonic() > deadline or (here.rows_on_drive and here.drive_hangs()):
            return None
        try:
            now_ms = here.now_ms()
            return here.long_reads.ask(lambda: read_day(here.footage, camera_id, day.from_ms, day.to_ms, now_ms))
        except (StoreError, DoesNotAnswerError):
            return None

    key = ("coverage", camera_id, day.name)
    coverage = here.slow_facts.get(key, age_s, ask)
    if coverage is None:
        here.slow_facts.forget(key)
        return Cell(day, "unread", "Not read yet", None)
    share = coverage.share
    if share is None:
        return Cell(day, "none", "No data", coverage)
    return Cell(day, "whole" if share >= FULL_FRAC else "holes", share_text(share), coverage)


def share_text(share: float) -> str:
    """``99.8 %``, never rounded up to a whole that it is not."""
    return "100 %" if share >= 1 else f"{min(99.9, round(share * 100, 1))} %"


def gaps_json(coverage: Coverage | None) -> list[dict[str, object]]:
    gaps = coverage.gaps if coverage is not None else ()
    return [
        {"from": one.from_ms, "to": one.to_ms, "reason": one.reason, "words": one.words}
        for one in gaps
        if one.to_ms - one.from_ms >= GAP_MS
    ]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
