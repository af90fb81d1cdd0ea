"""Where the largest moving thing was during a motion, and in which zones: what is kept with the event of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vigilar.detect.motion import MotionReading, MovingArea

EVERY_MS = 500
"""A box this often at most..."""
MOST_BOXES = 24
"""...and of a longer motion every other one goes: enough to say which way somebody went, in a kilobyte."""


@dataclass(frozen=True, slots=True)
class TrailBox:
    """The largest moving thing at a moment, UTC milliseconds."""

    at_ms: int
    area: MovingArea


@dataclass(slots=True)
class Trail:
    """Takes each look of one camera, in the order in which they were taken."""

    names: dict[str, None] = field(default_factory=dict)
    boxes: list[TrailBox] = field(default_factory=list)
    _every_ms: int = EVERY_MS

    def add(self, at_ms: int, reading: MotionReading) -> None:
        """Note where it is, and the zones, of a look in which something counts."""
        if reading.counting is None:
            return
        self.names |= dict.fromkeys(reading.zone_names)
        if self.boxes and at_ms - self.boxes[-1].at_ms < self._every_ms:
            return
        self.boxes.append(TrailBox(at_ms, reading.counting))
        if len(self.boxes) > MOST_BOXES:
            self.boxes = self.boxes[::2]
            self._every_ms *= 2

    def forget(self) -> None:
        """What was noted led to no motion, or the motion is over."""
        self.names, self.boxes, self._every_ms = {}, [], EVERY_MS
