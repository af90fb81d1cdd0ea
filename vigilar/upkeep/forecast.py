"""How long recordings will be kept, from what came in the last days. Pure.

A range and not a number: days differ. With three whole days and more it reaches from the tenth to the ninetieth of a
hundred such days; with less nobody knows, and the range is wide and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.base.amounts import amount_of_days, keep_text
from vigilar.base.keep_rules import KeepRules
from vigilar.store.holdings import DAY_MS, DaySum
from vigilar.upkeep.plan import Space

LOOK_BACK_DAYS = 14
"""Days that are looked at: two of each weekday."""

ENOUGH_DAYS = 3

LOW, HIGH = 0.1, 0.9

UNKNOWN_FACTOR = 2.0
"""With too few days the rate may as well be half or twice what was seen."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes a day: what is likely, and the range it lies in. ``seen_ms``: how long was looked at, when that was too
    short to know; 0 otherwise."""

    likely: float
    low: float
    high: float
    seen_ms: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long recordings stay: days, and their range; None when nothing can be said, or without an end.
    ``sentence`` is for people."""

    days: float | None
    days_low: float | None
    days_high: float | None
    sentence: str


def rate_of(days: Iterable[DaySum], now_ms: int) -> Rate | None:
    """What comes in a day, from sums of one camera or of several. None when nothing came."""
    sums: dict[int, int] = {}
    first_ms, last_ms = now_ms, 0
    for one in days:
        sums[one.day] = sums.get(one.day, 0) + one.size_bytes
        first_ms, last_ms = min(first_ms, one.first_ms), max(last_ms, one.last_ms)
    if not sums or not any(sums.values()):
        return None
    today, first = now_ms // DAY_MS, min(sums)
    whole = [sums.get(day, 0) for day in range(first + 1, today)]  # the first one may have begun at noon
    if len(whole) >= ENOUGH_DAYS and any(whole):
        return Rate(_quantile(whole, 0.5), _quantile(whole, LOW), _quantile(whole, HIGH))
    seen_ms = max(_HOUR_MS // 60, min(now_ms, last_ms) - first_ms)
    likely = sum(sums.values()) * DAY_MS / seen_ms
    return Rate(likely, likely / UNKNOWN_FACTOR, likely * UNKNOWN_FACTOR, seen_ms)


def forecast(rate: Rate | None, capacity_bytes: int, keep_ms: int | None) -> Forecast:
    """How long recordings stay that come at ``rate`` and may take ``capacity_bytes`` in all. ``keep_ms``: they go then
    at the latest."""
    if rate is None:
        return Forecast(None, None, None, "Nothing was recorded in the last days, so nothing can be said yet.")
    likely = capacity_bytes / rate.likely if rate.likely else None
    low = capacity_bytes / rate.high if rate.high else None
    high = capacity_bytes / rate.low if rate.low else None
    keep_days = None if keep_ms is None else keep_ms / DAY_MS
    if keep_days is not None and (low is None or low >= keep_days):
        words = f"There is space for the {_length(keep_days)} that recordings are to be kept."
        return Forecast(keep_days, keep_days, keep_days, words + _doubt(rate))
    if keep_days is not None:
        likely, high = min(likely or keep_days, keep_days), min(high or keep_days, keep_days)
    if likely is None:
        return Forecast(None, low, high, "So little is recorded that nothing can be said yet.")
    return Forecast(likely, low, high, f"At this rate you keep {_range(likely, low, high)}.{_doubt(rate)}")


def capacity_of(rules: KeepRules, space: Space, used_bytes: int, kept_bytes: int) -> int:
    """The bytes that recordings may take in all, those that are kept for ever left out."""
    capacity = used_bytes + max(0, space.free_bytes - space.reserve_bytes)
    if rules.quota_bytes is not None:
        capacity = min(capacity, rules.quota_bytes)
    return max(0, capacity - kept_bytes)


def camera_days(rate: Rate | None, quota_bytes: int | None, keep_ms: int | None, house: Forecast) -> float | None:
    """How many days the recordings of one camera stay: as those of the house, unless its own quota or its own ``keep``
    is less. None: nothing can be said."""
    limits = [] if house.days is None else [house.days]
    if rate is not None and rate.likely and quota_bytes is not None:
        limits.append(quota_bytes / rate.likely)
    if keep_ms is not None:
        limits.append(keep_ms / DAY_MS)
    return None if rate is None else min(limits, default=None)


def _quantile(values: Sequence[int], share: float) -> float:
    """Linear between the two nearest."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def _doubt(rate: Rate) -> str:
    if not rate.seen_ms:
        return ""
    seen = _length(rate.seen_ms / DAY_MS)
    return f" There {'is' if seen == '1 minute' else 'are'} only {seen} of recordings to go by."


def _range(likely: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return _length(likely)
    (least, unit), (most, other_unit) = amount_of_days(low), amount_of_days(high)
    ends = f"{least} to {most}" if unit == other_unit else f"{least} {unit} to {most} {other_unit}"
    return f"{_length(likely)} ({ends})"


def _length(days: float) -> str:
    return keep_text(round(days * DAY_MS))
