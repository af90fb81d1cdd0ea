"""Where something moved during a motion: kept whether it is recognised or not, so that it can be looked for later."""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.base.track_path import PathBox, pack_path
from vigilar.base.visit_kinds import MOTION
from vigilar.detect.motion import MovingArea

EVERY_MS = 400
MAX_BOXES = 900
"""Six minutes; of a longer motion every other box goes."""


@dataclass(frozen=True, slots=True)
class EndedTrack:
    """One object of a visit that is over. ``path`` is packed as in ``base.track_path``; ``zones`` names the zones it
    was in and the lines it crossed."""

    kind: str
    score: float
    start_ms: int
    end_ms: int
    path: bytes
    zones: tuple[str, ...] = ()


class MotionPath:
    """The largest moving area that counts, of each look. One thread."""

    def __init__(self) -> None:
        self._boxes: list[PathBox] = []
        self._every_ms = EVERY_MS

    def begin(self) -> None:
        self._boxes, self._every_ms = [], EVERY_MS

    def add(self, at_ms: int, one: MovingArea | None) -> None:
        """Note where something moves that counts, at ``at_ms`` (UTC)."""
        if one is None or (self._boxes and at_ms - self._boxes[-1].ts_ms < self._every_ms):
            return
        self._boxes.append(PathBox(at_ms, one.left, one.top, one.right - one.left, one.bottom - one.top))
        if len(self._boxes) > MAX_BOXES:
            self._boxes, self._every_ms = self._boxes[::2], 2 * self._every_ms

    def take(self) -> EndedTrack | None:
        """The path so far, as a track of something unknown; None when nothing was noted."""
        boxes, self._boxes = self._boxes, []
        if not boxes:
            return None
        return EndedTrack(MOTION, 0.0, boxes[0].ts_ms, boxes[-1].ts_ms, pack_path(boxes))
