"""What a reel is chosen from: the visits of some cameras, and where there are recordings of them. By rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vigilar.playback.library import Library, span_of
from vigilar.store.events import StoredEvent
from vigilar.store.reels import ReelParams

SEAM_MS = 1000
"""Recordings that follow one another within this are one."""


def find_visits(library: Library, params: ReelParams) -> Iterator[StoredEvent]:
    """Of its cameras what began in its range, and is not hidden. Raises StoreError."""
    for camera_id in params.cameras:
        for event in library.events(camera_id, params.from_ms, params.to_ms, "motion"):
            if params.from_ms <= event.ts_ms < params.to_ms:
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
