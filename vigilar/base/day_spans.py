"""Spans of the house's clock in real time: over midnight and both changes of summer time. Pure.

A time that the clock jumps over in spring is the moment of the jump. Of a time that it shows twice in autumn a span
begins at the first and ends at the second.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def span_of(from_min: int, to_min: int, day: date, zone: tzinfo) -> tuple[int, int]:
    """Begin and end (UTC ms) of the span that begins on ``day`` of the house. ``from_min`` and ``to_min`` are minutes
    of the day; one that ends before it begins goes over midnight."""
    end_day = day + timedelta(days=1) if to_min <= from_min else day
    return min(_moments(day, from_min, zone)), max(_moments(end_day, to_min, zone))


def find_span(from_min: int, to_min: int, days: tuple[int, ...], now_ms: int, zone: tzinfo) -> tuple[int, int] | None:
    """The span in which ``now_ms`` (UTC ms) lies; ``days`` are those on which one begins, 0 Monday."""
    today = house_day(now_ms, zone)
    for day in (today, today - timedelta(days=1)):
        if day.weekday() in days:
            start_ms, end_ms = span_of(from_min, to_min, day, zone)
            if start_ms <= now_ms < end_ms:
                return start_ms, end_ms
    return None


def house_day(now_ms: int, zone: tzinfo) -> date:
    """The date of the house at that moment (UTC ms)."""
    return datetime.fromtimestamp(now_ms / 1000, zone).date()


def day_start_ms(day: date, zone: tzinfo) -> int:
    """UTC ms at which that day of the house begins."""
    return min(_moments(day, 0, zone))


def moment_ms(day: date, minutes: int, zone: tzinfo) -> int:
    """UTC ms at which the clock of the house first shows that minute of the day."""
    return min(_moments(day, minutes, zone))


def _moments(day: date, minutes: int, zone: tzinfo) -> tuple[int, int]:
    """UTC ms at which the clock of the house shows that time for the first and for the last time that day."""
    wanted = datetime.combine(day, time(minutes // 60, minutes % 60))
    first, second = (wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second < first:  # jumped over (PEP 495): the two readings lie around the jump
        while second.astimezone(zone).replace(tzinfo=None) < wanted:
            second += timedelta(minutes=1)
        first = second
    return round(first.timestamp() * 1000), round(second.timestamp() * 1000)
