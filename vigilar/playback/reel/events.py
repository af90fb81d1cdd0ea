"""What a reel is chosen from: the visits of some cameras, and where there are recordings of them. By rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vigilar.playback.library import Library, span_of
from vigilar.store.events import StoredEvent

SEAM_MS = 1000
"""Recordings that follow one another within this are one."""


DAY_MS = 24 * 3_600_000


def find_visits(library: Library, cameras: Iterable[str], from_ms: int, to_ms: int) -> Iterator[StoredEvent]:
    """What came by of these cameras and began in the range, of each in time order; day by day, as a library gives a
    number of events at a time. Raises StoreError."""
    for camera_id in cameras:
        for begin_ms in range(from_ms, to_ms, DAY_MS):
            end_ms = min(to_ms, begin_ms + DAY_MS)
            for event in library.events(camera_id, begin_ms, end_ms, "motion"):
                if begin_ms <= event.ts_ms < end_ms:
                    yield event


def recorded_spans(
    library: Library, cameras: Iterable[str], from_ms: int, to_ms: int
) -> dict[str, list[tuple[int, int]]]:
    """Where there are recordings of each camera, [from, to) in UTC ms, in order, also those that reach beyond the
    range. What somebody let go is not one any more, though its file may still be there. Raises StoreError."""
    found = {}
    for camera_id in cameras:
        erased = library.erased_by(camera_id, from_ms, to_ms)
        spans: list[tuple[int, int]] = []
        for row in library.rows(camera_id, from_ms, to_ms):
            begin, end = span_of(row)
            if row.state == "missing" or row.path in erased or end <= begin:
                continue
            if spans and begin - spans[-1][1] <= SEAM_MS:
                spans[-1] = (spans[-1][0], max(spans[-1][1], end))
            else:
                spans.append((begin, end))
        found[camera_id] = spans
    return found
