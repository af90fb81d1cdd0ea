"""When the clock of the house arms it: spans of schedule rows, over midnight and both changes of summer time. Pure.

A time that the clock jumps over in spring is the moment of the jump. Of a time that it shows twice in autumn a span
begins at the first and ends at the second, so that the house is guarded longer and never less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from vigilar.base.arm_rules import ScheduleRow
from vigilar.base.day_spans import span_of
from vigilar.store import arming
from vigilar.store.arming import ArmState, Decision


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


def without_spans(state: ArmState, over: Collection[str], now_ms: int) -> Decision:
    """``state`` when the spans of the rows with these keys are over: what one of them armed is disarmed, when nobody
    changed it or chose another mode since, and the time to leave that one began is no more."""
    new = replace(state, schedules={key: day for key, day in state.schedules.items() if key not in over})
    if state.pending is not None and state.pending.how == "schedule" and state.pending.by in over:
        new = replace(new, pending=None)
    is_own = state.how == "schedule" and state.by in over and state.mode != "disarmed"
    if is_own and new.pending is None and state.entry is None and not state.is_alarm:
        return arming.disarmed(new, state.by, "schedule", now_ms)
    return Decision(new)
