"""In which hours a camera watched, so that one that was dead does not look like a quiet wood.

A camera that records all the time watched while it recorded, be the recording deleted since. One that records motion
only watched from its first recording on, but for the times of which events tell that nothing could be seen. Pure, but
for what reads rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vigilar.base.wildlife_rules import DAY_MS, WildlifeRules
from vigilar.store import health, wildlife
from vigilar.store.events import EventFilter
from vigilar.store.sql import Database
from vigilar.store.told_gaps import read_gaps

HOUR_MS = 3_600_000
TAIL_MS = 2 * DAY_MS
"""Hours that are not noted yet are read from the recordings, at most so many."""

SETTLED_MS = 120_000
"""Rows of files that are being written are up to ten seconds old; a busy disk is given more."""


def read_watched(
    store: Database, camera_ids: Sequence[str], from_ms: int, now_ms: int, rules: WildlifeRules
) -> dict[int, int]:
    """Ms of each hour since ``from_ms`` in which any of these cameras watched, by the hour's begin: what the events
    process noted, and the newest hours. Raises StoreError."""
    found = wildlife.list_hours(store, camera_ids, from_ms, now_ms)
    for camera_id in camera_ids:
        noted = wildlife.noted_span(store, camera_id)
        after_ms = max(from_ms, now_ms - TAIL_MS, noted[1] + HOUR_MS if noted is not None else 0)
        is_motion_only = watches_silently(rules, camera_id)
        for hour_ms, ms in read_hours(store, camera_id, after_ms, now_ms, now_ms, motion_only=is_motion_only).items():
            found[hour_ms] = max(found.get(hour_ms, 0), ms)
    return found


def watches_silently(rules: WildlifeRules, camera_id: str) -> bool:
    """Whether a camera watches while it records nothing: it records motion only, and is not switched off."""
    return camera_id in rules.motion_only and camera_id not in rules.set_aside


def read_hours(
    store: Database, camera_id: str, from_ms: int, to_ms: int, now_ms: int, *, motion_only: bool
) -> dict[int, int]:
    """Ms watched in each whole or begun hour of [from_ms, to_ms), by the UTC ms at which it begins. Raises
    StoreError."""
    from_ms, to_ms = from_ms // HOUR_MS * HOUR_MS, min(to_ms, now_ms)
    if to_ms <= from_ms:
        return {}
    if motion_only:
        first_ms = health.find_first_recording_ms(store, camera_id)
        begun_ms = to_ms if first_ms is None else max(from_ms, first_ms)
        with store.sql_read("read when nothing was watched") as run:
            gaps = read_gaps(run, EventFilter(cameras=frozenset({camera_id})), from_ms, to_ms, now_ms)
        return hours_of(without([(begun_ms, to_ms)], gaps), from_ms, to_ms)
    return hours_of(health.list_recorded(store, camera_id, from_ms, to_ms), from_ms, to_ms)


def without(spans: Iterable[tuple[int, int]], gaps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """``spans`` without what lies in ``gaps``."""
    holes = sorted(gaps)
    found = []
    for start, end in spans:
        at = start
        for hole_from, hole_to in holes:
            if hole_from >= end:
                break
            if hole_to <= at:
                continue
            if hole_from > at:
                found.append((at, hole_from))
            at = max(at, hole_to)
        if at < end:
            found.append((at, end))
    return found


def hours_of(spans: Iterable[tuple[int, int]], from_ms: int, to_ms: int) -> dict[int, int]:
    """How much of each hour of [from_ms, to_ms) lies in these spans, which may overlap; an hour with none is 0."""
    found = dict.fromkeys(range(from_ms // HOUR_MS * HOUR_MS, to_ms, HOUR_MS), 0)
    at = from_ms
    for start, end in sorted(spans):
        at, end = max(at, start), min(end, to_ms)
        while at < end:
            hour = at // HOUR_MS * HOUR_MS
            until = min(end, hour + HOUR_MS)
            found[hour] += until - at
            at = until
    return found
