"""How much of a day was recorded of a camera: what should have been, what was, and each gap with its cause. Pure, but
for ``read_day``.

What should have been recorded is the day from the camera's first footage on, without what it may leave out: nothing
moved, for a camera that records motion only, or the clock was set past it. What was recorded and deleted since was
recorded. While nothing moves, the hours in which such a camera was offline are its gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.playback.gaps import WORDS, Gap
from vigilar.playback.library import Library
from vigilar.playback.timeline import Timeline, read_timeline
from vigilar.store.events import StoredEvent

NO_MOTION, BEFORE = "no-motion", "before"
"""Gaps in which nothing was to be recorded; of the second, those before the first recording that there ever was."""

CLOCK = "clock"
"""A gap that the clock left when it was set forward: no time in which anything could be recorded."""

RECORDED_ONCE = frozenset({"deleted-age", "deleted-quota", "deleted-reserve", "deleted-owner"})
"""Gaps in which there was a recording, until the house let it go."""

SETTLED_MS = 15_000
"""The newest seconds say nothing yet: they are being written."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One camera in one range. ``expected_ms`` 0: nothing was to be recorded, or nobody knows, and there is no number.
    ``gaps`` are those in which something is missing, in time order."""

    from_ms: int
    to_ms: int
    expected_ms: int
    missed_ms: int
    gaps: tuple[Gap, ...] = ()

    @property
    def share(self) -> float | None:
        """0..1 of what should have been recorded; None when that is nothing."""
        if self.expected_ms <= 0:
            return None
        return max(0.0, 1 - self.missed_ms / self.expected_ms)

    @property
    def worst(self) -> Gap | None:
        return max(self.gaps, key=lambda one: one.to_ms - one.from_ms, default=None)


def read_day(library: Library, camera_id: str, from_ms: int, to_ms: int, now_ms: int) -> Coverage:
    """The coverage of [from_ms, to_ms), as far as it has come. Raises StoreError."""
    last_ms = min(to_ms, now_ms - SETTLED_MS)
    if last_ms <= from_ms:
        return Coverage(from_ms, to_ms, 0, 0)
    found = read_timeline(library, camera_id, from_ms, last_ms, now_ms)
    outages = library.events(camera_id, from_ms, last_ms, "camera_offline")  # of all events of a day the few
    return measure(found, outages, library.began_ms(camera_id), from_ms, last_ms)


def measure(
    found: Timeline, outages: Iterable[StoredEvent], began_ms: int | None, from_ms: int, to_ms: int
) -> Coverage:
    """The coverage that a timeline of [from_ms, to_ms) tells, with the times in which the camera was offline.
    ``began_ms``: when its first recording began, be it deleted since; None when there never was one."""
    dark = [(max(from_ms, one.ts_ms), min(to_ms, to_ms if one.end_ms is None else one.end_ms)) for one in outages]
    expected_ms, gaps = to_ms - from_ms, []
    for gap in found.gaps:
        start, end = max(from_ms, gap.from_ms), min(to_ms, gap.to_ms)
        if end <= start or gap.reason in RECORDED_ONCE:
            continue
        if gap.reason == BEFORE:
            at_ms = end if began_ms is None else min(end, max(start, began_ms))
            expected_ms -= at_ms - start
            if at_ms < end:  # what was recorded before it is deleted, so no row says any more why this is empty
                gaps.append(Gap(at_ms, end, "unknown", WORDS["unknown"]))
        elif gap.reason == NO_MOTION:
            expected_ms -= end - start
            for part in _overlaps(start, end, dark):
                expected_ms += part[1] - part[0]
                gaps.append(Gap(*part, "disconnected", WORDS["disconnected"]))
        elif gap.reason == CLOCK:
            expected_ms -= end - start
        else:
            gaps.append(Gap(start, end, gap.reason, gap.words))
    return Coverage(from_ms, to_ms, expected_ms, sum(one.to_ms - one.from_ms for one in gaps), tuple(gaps))


def _overlaps(start: int, end: int, dark: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of [start, end) in ``dark``, none counted twice."""
    found: list[tuple[int, int]] = []
    at = start
    for dark_from, dark_to in sorted(dark):
        first, last = max(at, dark_from), min(end, dark_to)
        if first < last:
            found.append((first, last))
            at = last
    return found
