"""What a drawing of zones would have made of the last days: stored boxes, judged as they would be today. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vigilar.base.amounts import count_text
from vigilar.detect.zones import GAP_MS, Bounds, ZoneMap, ZoneWatch
from vigilar.store.replay import PastTrack

DAYS = 7
MOST_BOXES = 40
"""Of one path; a longer one is looked at in so many places, which follows anybody round a yard."""

_BOX = struct.Struct("<I4H")
_WHOLE = 65_535


@dataclass(frozen=True, slots=True)
class Replayed:
    """Events as they were and as they would have been. ``new`` of those after are for what made no event then;
    ``unknown``: events of which no boxes are stored, counted as if they stayed."""

    before: int
    after: int
    new: int
    unknown: int

    def sentence(self) -> str:
        """As people read it."""
        if not self.before and not self.after:
            return f"Nothing moved here in the last {DAYS} days, so there is nothing to count."
        events = count_text(self.before, "event")
        words = f"In the last {DAYS} days {events} would have been {self.after}."
        if self.before == self.after and not self.new:
            words = f"{events} in the last {DAYS} days, and as many with what is drawn here."
        if self.unknown:
            words += f" Of {self.unknown} it is not known where they were; they are counted as before."
        return words


def replay(zones: ZoneMap, visits: Sequence[int], tracks: Iterable[PastTrack]) -> Replayed:
    """Count. ``visits`` are ids of events. What was recognised has tracks of its own, all else one of what moved."""
    counting: set[int] = set()
    known: set[int] = set()
    new = 0
    for track in tracks:
        if track.event_id is not None:
            known.add(track.event_id)
            if track.event_id in counting:
                continue
        if _counts(zones, track.kind, track.path):
            if track.event_id is None:
                new += 1
            else:
                counting.add(track.event_id)
    unknown = [event_id for event_id in visits if event_id not in known]
    counting.update(unknown)
    stay = sum(event_id in counting for event_id in visits)
    return Replayed(len(visits), stay + new, new, len(unknown))


def _counts(zones: ZoneMap, kind: str, packed: bytes) -> bool:
    """Whether what went along a stored path counts. What is left over of a row that was cut is left out."""
    path = [_BOX.unpack_from(packed, index * _BOX.size) for index in _spread(len(packed) // _BOX.size)]
    if not path or not zones.may_count(kind, _feet(path), path[-1][0] - path[0][0]):
        return False
    gaps = (after[0] - before[0] for before, after in pairwise(path))
    watch = ZoneWatch(zones, kind, max(GAP_MS, *gaps, 0))
    # What counted once does: most paths are over after a box or two, and a week of a street has twenty thousand.
    return any(watch.add(at_ms, _bounds(*sides)) for at_ms, *sides in path)


def _feet(path: Sequence[tuple[int, ...]]) -> Bounds:
    """All feet of a path lie within; most paths go nowhere near a zone."""
    _, lefts, tops, widths, heights = zip(*path, strict=True)
    left, right = min(lefts) + min(widths) / 2, max(lefts) + max(widths) / 2
    top, bottom = min(tops) + min(heights), max(tops) + max(heights)
    return min(left / _WHOLE, 1.0), min(top / _WHOLE, 1.0), right / _WHOLE, bottom / _WHOLE  # as ``foot_of`` cuts them


def _bounds(left: int, top: int, width: int, height: int) -> Bounds:
    return left / _WHOLE, top / _WHOLE, (left + width) / _WHOLE, (top + height) / _WHOLE


def _spread(count: int) -> Iterable[int]:
    """Which of ``count`` boxes are looked at: the first, the last, and at most MOST_BOXES evenly between."""
    step = -(-count // MOST_BOXES) or 1
    return [*range(0, count - 1, step), count - 1] if count else []
