"""When the clock of the house arms it: spans of schedule rows, over midnight and both changes of summer time. Pure.

A time that the clock jumps over in spring is the moment of the jump. Of a time that it shows twice in autumn a span
begins at the first and ends at the second, so that the house is guarded longer and never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from vigilar.base.arm_rules import ScheduleRow
from vigilar.base.day_spans import span_of


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
    start_ms, end_ms = span_of(row.from_min, row.to_min, day, zone)
    return Span(row, day.isoformat(), start_ms, end_ms)
