"""Whether a visit is something new: the first ever, the first of the year or season, or back after a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Literal

DAY_MS = 86_400_000

Step = Literal["ever", "year", "season", "back"]

NEW_STEPS = frozenset({"ever", "year"})

_SEASON_NAMES = ("winter", "spring", "summer", "autumn")


@dataclass(frozen=True, slots=True)
class Novelty:
    """``days``: how long ago it was seen before; None for the first ever."""

    step: Step
    days: int | None
    season: str = ""

    @property
    def words(self) -> str:
        """``first in 19 days``, behind the name of the animal."""
        if self.step == "ever":
            return "first ever seen here"
        if self.step == "year":
            return "first this year"
        if self.step == "season":
            return f"first this {self.season}"
        return f"first in {self.days} days"


def find_novelty(ts_ms: int, before_ms: int | None, back_after_ms: int, zone: tzinfo, south: bool) -> Novelty | None:
    """What is new about a visit at ``ts_ms`` (UTC ms), when one of the same was last seen at ``before_ms``; None for
    nothing. ``south``: the seasons of the southern half of the earth."""
    if before_ms is None:
        return Novelty("ever", None)
    now, before = _day(ts_ms, zone), _day(before_ms, zone)
    days = (now - before).days
    if before.year < now.year:
        return Novelty("year", days)
    if ts_ms - before_ms >= back_after_ms:
        return Novelty("back", days)
    begins, name = season_of(now, south=south)
    return Novelty("season", days, name) if before < begins else None


def season_of(day: date, *, south: bool) -> tuple[date, str]:
    """The first day of the season of that day, and its name. Seasons of whole months: spring is March to May."""
    quarter = day.month % 12 // 3
    begins = date(day.year - (1 if day.month < 3 else 0), quarter * 3 or 12, 1)
    return begins, _SEASON_NAMES[(quarter + (2 if south else 0)) % 4]


def _day(ms: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()
