"""Stretches of time by camera, and the footage that may not go: of events that somebody keeps, of alarms, of exports.
Plain SQL."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from vigilar.store.exports import held_footage
from vigilar.store.sql import Run


class Spans:
    """Which footage lies in some of many stretches of time. Stretches are [from, to) in UTC ms. Immutable."""

    def __init__(self, spans: Iterable[tuple[str, int, int]] = ()) -> None:
        """``spans``: camera id, from, to; in any order, overlapping or not."""
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        for camera_id, from_ms, to_ms in sorted(spans):
            starts, ends = self._starts.setdefault(camera_id, []), self._ends.setdefault(camera_id, [])
            if ends and from_ms <= ends[-1]:
                ends[-1] = max(ends[-1], to_ms)
            else:
                starts.append(from_ms)
                ends.append(to_ms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and (self._starts, self._ends) == (other._starts, other._ends)

    __hash__ = None  # type: ignore[assignment]  # compared, never a key

    def touches(self, camera_id: str, from_ms: int, to_ms: int) -> bool:
        """Whether any of [from_ms, to_ms] of the camera lies in one: a moment (``from_ms == to_ms``) may, too."""
        starts = self._starts.get(camera_id)
        if not starts:
            return False
        index = bisect_right(starts, to_ms) - 1
        return index >= 0 and self._ends[camera_id][index] > from_ms


@dataclass(frozen=True, slots=True)
class EventFootage:
    """Footage that events hold, and the ids of the files that are their pictures."""

    spans: Spans = field(default_factory=Spans)
    still_ids: frozenset[int] = frozenset()

    def holds(self, file_id: int, camera_id: str, start_ms: int, end_ms: int) -> bool:
        """Whether the file, with what it holds of [start_ms, end_ms], belongs to one of the events."""
        return file_id in self.still_ids or self.spans.touches(camera_id, start_ms, end_ms)


OF_ALL_CAMERAS = "type IN ('alarm', 'duress')"
"""Events, in SQL, whose footage is that of all cameras: where somebody went is not known beforehand."""


def kept_footage(run: Run, before_ms: int, after_ms: int, now_ms: int) -> EventFootage:
    """What belongs to events that somebody keeps, with ``before_ms`` and ``after_ms`` around each, and what exports
    hold, whose bytes come from the recordings.

    Within the transaction of ``run``: with a write lock nobody keeps or exports anything more until it ends.
    """
    held = [(one.camera_id, one.from_ms, one.to_ms) for one in held_footage(run, now_ms)]
    return _footage(run, "kept = 1", before_ms, after_ms, now_ms, held)


def alarm_footage(run: Run, since_ms: int, before_ms: int, after_ms: int, now_ms: int) -> EventFootage:
    """The same of alarms since ``since_ms``: events of a camera of severity ALERT or CRITICAL."""
    which = "severity IN ('ALERT', 'CRITICAL') AND ts_ms >= :since_ms"
    return _footage(run, which, before_ms, after_ms, now_ms, since_ms=since_ms)


def told_footage(run: Run, before_ms: int, after_ms: int, now_ms: int) -> EventFootage:
    """The same of all that people are told of: visits, motion, alarms, what somebody keeps, and what exports hold."""
    held = [(one.camera_id, one.from_ms, one.to_ms) for one in held_footage(run, now_ms)]
    which = "type = 'motion' OR kind <> '' OR kept = 1 OR severity IN ('ALERT', 'CRITICAL')"
    return _footage(run, which, before_ms, after_ms, now_ms, held)


def _footage(
    run: Run,
    which: str,
    before_ms: int,
    after_ms: int,
    now_ms: int,
    more: Iterable[tuple[str, int, int]] = (),
    **values: object,
) -> EventFootage:
    rows = run(
        "SELECT source_id, ts_ms, coalesce(end_ms, CASE WHEN type IN ('motion', 'alarm') THEN :now_ms ELSE ts_ms END), "
        f"still_id, CASE WHEN {OF_ALL_CAMERAS} THEN 1 ELSE 0 END FROM events WHERE {which}",
        now_ms=now_ms,
        **values,
    )
    cameras = [row[0] for row in run("SELECT id FROM cameras")] if any(row[4] for row in rows) else []
    spans = [
        (camera_id, ts_ms - before_ms, max(ts_ms, end_ms) + after_ms)
        for source_id, ts_ms, end_ms, _, is_of_all in rows
        for camera_id in (cameras if is_of_all else [source_id])
    ]
    return EventFootage(
        Spans([*spans, *more]), frozenset(still_id for _, _, _, still_id, _ in rows if still_id is not None)
    )
