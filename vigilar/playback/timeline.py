"""What is recorded of a camera and what is not, from rows alone.

A recording has no gap inside: whatever interrupts the pictures (another connection, nothing moving, a loss, a full
disk) ends the file, and a picture lasts until the next one. So a file is one span, told by its row. Only of a file that
is being written the row is up to ten seconds old, and the file itself is asked where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from vigilar.base.errors import RecordingError
from vigilar.playback.gaps import GAP_MS, Gap, broken_gaps, gaps_between, gone_gaps, lost_gap
from vigilar.playback.library import Library
from vigilar.store.events import StoredEvent
from vigilar.store.files import FileRow

LIVE_EDGE_MS = 5000
"""What is being recorded now is on the disk this much later at most: a fragment, a sync, and a busy disk."""


@dataclass(frozen=True, slots=True)
class Span:
    """Unbroken recording, UTC ms."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Spans and gaps of a range, each in time order. The future is neither."""

    spans: list[Span]
    gaps: list[Gap]


def read_timeline(library: Library, camera_id: str, from_ms: int, to_ms: int, now_ms: int) -> Timeline:
    """The timeline of [from_ms, to_ms). Opens no recording but one that is being written. Raises StoreError."""
    rows = library.rows(camera_id, from_ms, to_ms)
    losses = library.losses(camera_id, from_ms, to_ms)
    deleted = library.deleted(camera_id, from_ms, to_ms)
    names = library.erased_by(camera_id, from_ms, to_ms) if any(one.why == "owner" for one in deleted) else {}
    gone = gone_gaps(deleted, names, library.removals(camera_id))
    spans: list[Span] = []
    gaps: list[Gap] = []
    at_ms, before = from_ms, None if rows and rows[0].start_ms <= from_ms else library.row_before(camera_id, from_ms)
    for row, end_ms in _ends(library, rows):
        start, end = max(from_ms, row.start_ms), min(to_ms, end_ms)
        if end <= at_ms:  # a file that stopped growing before the range, or one inside of another
            before = before or row
            continue
        if start - at_ms >= GAP_MS:
            gaps += gaps_between(at_ms, start, before, losses, gone)
        lost = lost_gap(row, max(at_ms, start), end)
        if lost is not None:
            gaps.append(lost)
        elif spans and start - spans[-1].to_ms < GAP_MS:
            spans[-1] = Span(spans[-1].from_ms, end)
        else:
            spans.append(Span(start, end))
        at_ms, before = end, row
    is_live = before is not None and before.state == "open"
    last_ms = min(to_ms, now_ms)
    if last_ms - at_ms >= (LIVE_EDGE_MS if is_live and to_ms > now_ms - LIVE_EDGE_MS else GAP_MS):
        gaps += gaps_between(at_ms, last_ms, before, losses, gone)
    broken = broken_gaps(from_ms, to_ms, library.damages(camera_id))
    return Timeline(_cut_out(spans, broken), sorted([*gaps, *broken], key=lambda gap: gap.from_ms))


def _cut_out(spans: list[Span], gaps: Iterable[Gap]) -> list[Span]:
    """The spans without what lies in ``gaps``."""
    for gap in gaps:
        spans = [
            part
            for span in spans
            for part in (
                Span(span.from_ms, min(span.to_ms, gap.from_ms)),
                Span(max(span.from_ms, gap.to_ms), span.to_ms),
            )
            if part.from_ms < part.to_ms
        ]
    return spans


def motion_spans(events: Iterable[StoredEvent], from_ms: int, to_ms: int, now_ms: int) -> list[Span]:
    """Where something moved within [from_ms, to_ms), of events in time order; overlapping ones joined. Pure."""
    spans: list[Span] = []
    for event in events:
        if event.type != "motion":
            continue
        start, end = max(from_ms, event.ts_ms), min(to_ms, now_ms if event.end_ms is None else event.end_ms)
        if spans and start <= spans[-1].to_ms:
            spans[-1] = Span(spans[-1].from_ms, max(end, spans[-1].to_ms))
        elif start <= end:
            spans.append(Span(start, end))
    return spans


def _ends(library: Library, rows: Iterable[FileRow]) -> Iterable[tuple[FileRow, int]]:
    """Each row with the end of its pictures."""
    for row in rows:
        end_ms = row.start_ms if row.end_ms is None else row.end_ms
        if row.state == "open":
            # Its key may be away, or it went this moment: then the last checkpoint is what is known.
            with suppress(RecordingError):
                end_ms = max(end_ms, library.recorded_until(row))
        yield row, end_ms
