"""When the clock of the house arms it: spans of schedule rows, over midnight and both changes of summer time. Pure.

A time that the clock jumps over in spring is the moment of the jump. Of a time that it shows twice in autumn a span
begins at the first and ends at the second, so that the house is guarded longer and never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from vigilar.base.arm_rules import ScheduleRow


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a row. ``day`` is the date of the house on which it begins; ``start_ms`` and ``end_ms`` UTC ms."""

    row: ScheduleRow
    day: str
    start_ms: int
    end_ms: int


def spans_at(rows: Iterable[ScheduleRow], now_ms: int, zone: tzinfo) -> list[Span]:
    """The spans in which ``now_ms`` (UTC ms) lies, the one that began last first; rows set aside are left out."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    found = [
        span
        for row in rows
        if row.enabled
        for day in (today - timedelta(days=1), today)
        if day.weekday() in row.days and (span := span_on(row, day, zone)).start_ms <= now_ms < span.end_ms
    ]
    return sorted(found, key=lambda span: span.start_ms, reverse=True)


def span_on(row: ScheduleRow, day: date, zone: tzinfo) -> Span:
    """The span of ``row`` that begins on ``day`` of the house."""
    end_day = day + timedelta(days=1) if row.to_min <= row.from_min else day
    start_ms = min(_moments(day, row.from_min, zone))
    return Span(row, day.isoformat(), start_ms, max(_moments(end_day, row.to_min, zone)))


def _moments(day: date, minutes: int, zone: tzinfo) -> tuple[int, int]:
    """UTC ms at which the clock of the house shows that time for the first and for the last time that day."""
    wanted = datetime.combine(day, time(minutes // 60, minutes % 60))
    first, second = (wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second < first:  # jumped over (PEP 495): the two readings lie around the jump
        while second.astimezone(zone).replace(tzinfo=None) < wanted:
            second += timedelta(minutes=1)
        first = second
    return round(first.timestamp() * 1000), round(second.timestamp() * 1000)
