"""The subject of coverage: a camera that is connected and still records less than it should.

A camera that is offline, a full disk and lost footage have events of their own. This one is for what those do not see:
connections that break and come back again and again, each time for less than the ten seconds that make a camera
offline, and a stream that sends far fewer pictures than it usually does at that hour. Told once, from the first hole
to the last, with how much is missing; and once that it is over.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vigilar.base.clock import Clock
from vigilar.events.classification import COVERAGE, EventType, Severity, title_of
from vigilar.events.desk import EventDesk
from vigilar.events.subject import Subject
from vigilar.store import health as health_rows
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent
from vigilar.store.health import COVERAGE_LOW, HOUR_MS, Rate
from vigilar.store.old_rows import KEPT_RATES_MS

LOW = EventType(COVERAGE_LOW, Severity.WARNING, (COVERAGE,), "{name} is recorded with holes")
RESTORED = EventType("coverage_restored", Severity.INFO, (COVERAGE,), "{name} is recorded without holes again")

LOOK_EVERY_MS = 10_000
SETTLED_MS = 20_000
"""Rows of files that are being written are up to ten seconds old, and a busy disk is given as much again."""

LIMITS = ((120_000, 20_000), (600_000, 60_000))
"""Ms to look back, and ms missing of them that are too much: three holes in two minutes, or a tenth of ten."""

WELL_MS = 300_000
WELL_MISSED_MS = 5_000
"""So long with next to nothing missing, and it is over."""

HOLE_MS = 1_000
"""Shorter ones are none: where a file ends and the next begins, some ms are left."""

SINCE_MAX_MS = 24 * HOUR_MS
"""What is missing since it began is counted for a day; then the event says that much and more."""

RATE_WINDOW_MS = 180_000
LOW_RATE, WELL_RATE = 0.6, 0.8
"""Of the usual pictures a second."""

USUAL_DAYS = 3
"""A rate is usual that was seen at this hour on three days. Cheap cameras halve theirs in the dark: so the hours before
and after count too, and the lowest of the three is what must be expected."""

STEP_MS = 1_000
"""More than this between two looks, against the monotonic clock, is a clock that was set (as ``record.clockwatch``)."""

MIN_COUNTED_MS = 600_000
"""An hour that was counted for less says nothing."""

FLUSH_EVERY_MS = 300_000

CONTINUOUS = frozenset({"always", "keyframes-when-idle"})
"""Modes in which something is recorded at all times."""


@dataclass(slots=True)
class _Heard:
    """What is known of one camera's process from its heartbeats."""

    pid: int = 0
    started_ms: int = 0
    at_ms: int = 0
    pictures: int = 0
    is_watched: bool = False
    """Recorded at all times, running, connected, and no other trouble is told of it."""

    samples: list[tuple[int, int]] = field(default_factory=list)
    """UTC ms and pictures by then, of the last minutes in which it was watched without a break."""

    unsaved: dict[int, Rate] = field(default_factory=dict)


class CoverageWatch:
    """``hear`` on the thread that brings the status, ``look`` on the loop's; what ``hear`` leaves is replaced whole."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._status: dict[str, Any] = {}
        self._cameras: dict[str, _Heard] = {}
        self._usual: dict[str, tuple[int, float | None]] = {}
        self._due_ms = 0
        self._flush_due_ms = 0
        self._ahead_ms = self._read_ahead_ms()
        self._even_ms = 0

    def subject(self) -> Subject:
        """What looks; its types are those of ``COVERAGE_SUBJECT``."""
        return Subject(name=COVERAGE, look=self.look)

    def hear(self, status: Mapping[str, Any]) -> None:
        """The supervisor's status."""
        self._status = dict(status.get("processes") or {})

    def look(self, desk: EventDesk) -> None:
        """With each sweep; works every LOOK_EVERY_MS. Raises StoreError."""
        now_ms = self._clock.utc_ns() // 1_000_000
        if 0 < self._due_ms - now_ms <= LOOK_EVERY_MS:
            return
        self._due_ms = now_ms + LOOK_EVERY_MS
        self._notice_step(now_ms)
        self._take(now_ms)
        for camera_id, heard in self._cameras.items():
            self._judge(desk, camera_id, heard, now_ms)
        if not 0 < self._flush_due_ms - now_ms <= FLUSH_EVERY_MS:
            self._flush_due_ms = now_ms + FLUSH_EVERY_MS
            self._flush()

    def _notice_step(self, now_ms: int) -> None:
        """A clock that was set leaves hours that never were: of them nothing is missing, and in them nothing came."""
        before_ms, self._ahead_ms = self._ahead_ms, self._read_ahead_ms()
        if abs(self._ahead_ms - before_ms) > STEP_MS:
            self._even_ms = now_ms
            for heard in self._cameras.values():
                heard.is_watched = False

    def _read_ahead_ms(self) -> int:
        return (self._clock.utc_ns() - self._clock.mono_ns()) // 1_000_000

    def _take(self, now_ms: int) -> None:
        """What the newest status says of each camera."""
        found: dict[str, _Heard] = {}
        for name, process in self._status.items():
            kind, _, camera_id = name.partition("/")
            if kind == "camera" and isinstance(process, dict):
                found[camera_id] = _note(self._cameras.get(camera_id) or _Heard(), process, now_ms)
        self._cameras = found

    def _judge(self, desk: EventDesk, camera_id: str, heard: _Heard, now_ms: int) -> None:
        newest = desk.find_newest(LOW, camera_id)
        going_on = newest if newest is not None and newest.end_ms is None else None
        if not heard.is_watched:
            return  # what it is now is told otherwise, and what it was stays as it is
        to_ms = now_ms - SETTLED_MS
        begun_ms = max(min(heard.started_ms, now_ms), self._even_ms)
        if going_on is not None:
            self._follow(desk, going_on, camera_id, heard, begun_ms, to_ms)
            return
        since_ms = max(begun_ms + SETTLED_MS, min(newest.end_ms, now_ms) if newest and newest.end_ms else 0)
        known = self._holes(camera_id, max(to_ms - LIMITS[-1][0], since_ms), to_ms)
        for window_ms, limit_ms in LIMITS:
            from_ms = max(to_ms - window_ms, since_ms)
            holes = [(max(start, from_ms), end) for start, end in known if end > from_ms]
            missed_ms = sum(end - start for start, end in holes)
            if missed_ms >= limit_ms:
                words = f"{missed_ms // 1000} s of the last {(to_ms - from_ms) // 1000} s were not recorded."
                self._begin(desk, camera_id, holes[0][0], {"missed_ms": missed_ms, "reason": words, "kind": "holes"})
                return
        fps, usual = _rate(heard.samples), self._usual_rate(camera_id, now_ms)
        if fps is not None and usual is not None and fps < LOW_RATE * usual:
            words = f"Only {fps:.1f} pictures a second come; usual at this hour are {usual:.1f}."
            self._begin(desk, camera_id, heard.samples[0][0], {"missed_ms": 0, "reason": words, "kind": "rate"})

    def _begin(self, desk: EventDesk, camera_id: str, from_ms: int, detail: dict[str, Any]) -> None:
        name = desk.camera_name(camera_id)
        uid = hashlib.sha256(f"{COVERAGE_LOW} {camera_id} {from_ms}".encode()).hexdigest()[:32]
        told = {**detail, "from_ms": from_ms, "title": title_of(LOW, name), "camera_name": name, "is_open": True}
        desk.insert(LOW, uid=uid, source_id=camera_id, ts_ms=from_ms, payload=told)

    def _follow(
        self, desk: EventDesk, event: StoredEvent, camera_id: str, heard: _Heard, begun_ms: int, to_ms: int
    ) -> None:
        """Whether it is over, and how much is missing by now."""
        since_ms = max(event.ts_ms, to_ms - SINCE_MAX_MS, self._even_ms)
        holes = self._holes(camera_id, since_ms, to_ms)
        missed_ms = max(sum(end - start for start, end in holes), int(event.payload.get("missed_ms") or 0))
        last_ms = holes[-1][1] if holes else event.ts_ms
        lately_ms = sum(end - max(start, to_ms - WELL_MS) for start, end in holes if end > to_ms - WELL_MS)
        has_watched = to_ms - max(min(event.ts_ms, to_ms), begun_ms) >= WELL_MS
        if has_watched and lately_ms < WELL_MISSED_MS and self._is_rate_well(camera_id, heard, to_ms):
            self._end(desk, event, camera_id, max(last_ms, event.ts_ms), missed_ms, to_ms)
        elif missed_ms - int(event.payload.get("missed_ms") or 0) >= 60_000:
            desk.update(event, None, {**event.payload, "missed_ms": missed_ms})

    def _end(
        self, desk: EventDesk, event: StoredEvent, camera_id: str, end_ms: int, missed_ms: int, now_ms: int
    ) -> None:
        name = desk.camera_name(camera_id)
        told = {"title": title_of(RESTORED, name), "camera_name": name, "missed_ms": missed_ms, "from_ms": event.ts_ms}
        if missed_ms:
            told["reason"] = f"{missed_ms // 1000} s were missed."
        desk.insert(RESTORED, uid=f"{event.uid}-restored", source_id=camera_id, ts_ms=now_ms, payload=told)
        payload = {**event.payload, "missed_ms": missed_ms, "is_open": False, "duration_ms": end_ms - event.ts_ms}
        desk.update(event, end_ms, payload)

    def _holes(self, camera_id: str, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """What is missing of [from_ms, to_ms), in time order: not recorded, and not told as an outage or a loss."""
        if to_ms <= from_ms:
            return []
        taken = health_rows.list_recorded(self._store, camera_id, from_ms, to_ms)
        taken += health_rows.list_told(self._store, camera_id, from_ms, to_ms)
        holes, at_ms = [], from_ms
        for start, end in sorted(taken):
            if start - at_ms >= HOLE_MS:
                holes.append((at_ms, min(start, to_ms)))
            at_ms = max(at_ms, end)
            if at_ms >= to_ms:
                break
        if to_ms - at_ms >= HOLE_MS:
            holes.append((at_ms, to_ms))
        return holes

    # Pictures a second

    def _is_rate_well(self, camera_id: str, heard: _Heard, now_ms: int) -> bool:
        fps, usual = _rate(heard.samples), self._usual_rate(camera_id, now_ms)
        return usual is None or (fps is not None and fps >= WELL_RATE * usual)

    def _usual_rate(self, camera_id: str, now_ms: int) -> float | None:
        """Pictures a second that are usual at this hour; None while nobody knows. Read once an hour."""
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        known = self._usual.get(camera_id)
        if known is None or known[0] != hour_ms:
            rates = health_rows.list_rates(self._store, camera_id, hour_ms - KEPT_RATES_MS)
            known = self._usual[camera_id] = (hour_ms, usual_rate(rates, hour_ms))
        return known[1]

    def _flush(self) -> None:
        hours = {hour for heard in self._cameras.values() for hour in heard.unsaved}
        for hour in sorted(hours):
            counted = {
                camera_id: heard.unsaved.pop(hour)
                for camera_id, heard in self._cameras.items()
                if hour in heard.unsaved
            }
            health_rows.add_pictures(self._store, counted)


def usual_rate(rates: Sequence[Rate], hour_ms: int) -> float | None:
    """What must be expected in the hour that begins at ``hour_ms``, by the days before; None with too few. Pure."""
    medians = []
    for shift in (-1, 0, 1):
        at = (hour_ms // HOUR_MS + shift) % 24
        seen = [
            one.fps
            for one in rates
            if one.hour_ms < hour_ms - HOUR_MS
            and one.hour_ms // HOUR_MS % 24 == at
            and one.counted_ms >= MIN_COUNTED_MS
        ]
        if len(seen) < USUAL_DAYS:
            return None
        medians.append(statistics.median(seen))
    return min(medians)


def _note(heard: _Heard, process: Mapping[str, Any], now_ms: int) -> _Heard:
    """Take a process' entry of the status."""
    status, pid = process.get("status") or {}, int(process.get("pid") or 0)
    pictures = status.get("pictures")
    is_watched = (
        process.get("state") == "running"
        and status.get("mode") in CONTINUOUS
        and not status.get("is_offline")
        and not status.get("not_recording")
        and isinstance(pictures, int)
    )
    is_same = is_watched and heard.is_watched and heard.pid == pid and isinstance(pictures, int)
    if is_same and isinstance(pictures, int) and pictures >= heard.pictures and now_ms > heard.at_ms:
        _count(heard, pictures - heard.pictures, now_ms)
        heard.samples = [one for one in heard.samples if one[0] >= now_ms - RATE_WINDOW_MS - LOOK_EVERY_MS]
    else:
        heard.samples = []
    if is_watched and isinstance(pictures, int):
        heard.samples.append((now_ms, pictures))
        heard.pictures = pictures
    heard.pid, heard.at_ms, heard.is_watched = pid, now_ms, bool(is_watched)
    heard.started_ms = int(process.get("started_ts") or 0)
    return heard


def _count(heard: _Heard, pictures: int, now_ms: int) -> None:
    """Add what came since the last look to the hour in which it ended."""
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    before = heard.unsaved.get(hour_ms) or Rate(hour_ms, 0, 0)
    heard.unsaved[hour_ms] = Rate(hour_ms, before.pictures + pictures, before.counted_ms + now_ms - heard.at_ms)


def _rate(samples: Sequence[tuple[int, int]]) -> float | None:
    """Pictures a second over the last minutes; None before there are enough."""
    if len(samples) < 2 or samples[-1][0] - samples[0][0] < RATE_WINDOW_MS:
        return None
    return (samples[-1][1] - samples[0][1]) * 1000 / (samples[-1][0] - samples[0][0])


COVERAGE_SUBJECT = Subject(name=COVERAGE, types=(LOW, RESTORED))
