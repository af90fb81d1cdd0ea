"""When motion starts and ends: single looks in, one start and one end out. Pure; media time only."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum

CONFIRM_S = 0.15
"""Motion must be seen over at least this long: a flash, a raindrop on the lens, one broken picture is over by then."""
CONFIRM_LOOKS = 3
"""In at least so many looks, or in all of two where they are rarer..."""
WINDOW_S = 0.5
"""...within this long, in most of the looks..."""
WINDOW_SHARE = 0.6
"""...which is this part: a thin fast thing may fail now and then."""
CLOSE_S = 0.12
"""...in looks that show one thing: after so short a time its box still touches the one before..."""
TOUCHING = 0.006
"""...but for two pixels..."""
LENGTHS_PER_S = 6.0
"""...and after a longer one it is at most so many of its own sizes a second away. Of looks at visits of one thing 98
of 100 touch the one before (the testbed's clips); a raindrop or an insect before the lens is somewhere else at each."""
BEGIN_SHARE = 0.4
"""A start is dated back to the first look of an unbroken row above this share of the threshold: somebody who comes in
is a sliver first."""
BRIDGE_S = 0.3
"""Looks below that share do not break the row when they are over within this long."""
BEGIN_MAX_S = 10.0
"""No start is dated back further."""
QUIET_S = 2.5
"""Motion is over after this long without a look above END_SHARE of the threshold."""
END_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Look:
    """One judged picture: when it was taken, the largest moving part of it, and where that is (left, top, right, bottom
    in 0..1; None where that is not known)."""

    utc_ns: int
    mono_ns: int
    area_frac: float
    box: tuple[float, float, float, float] | None = None


class Turn(Enum):
    """What a look brought about."""

    STARTED = "started"
    ENDED = "ended"


class Hysteresis:
    """Holds whether something moves. Looks are added in order of ``mono_ns``."""

    def __init__(self, least_area_frac: float) -> None:
        self.least_area_frac = least_area_frac
        self._looks: deque[Look] = deque()
        self.is_moving = False
        self.first: Look | None = None
        self.last: Look | None = None
        self.peak_area_frac = 0.0

    def add(self, look: Look) -> Turn | None:
        """The change that ``look`` makes. ``first``, ``last`` and ``peak_area_frac`` tell of the motion then."""
        if self.is_moving:
            return self._add_moving(look)
        self._looks.append(look)
        while look.mono_ns - self._looks[0].mono_ns > BEGIN_MAX_S * 1e9:
            self._looks.popleft()
        if look.area_frac < self.least_area_frac or not self._is_confirmed(look):
            return None
        row = self._row()
        self.is_moving = True
        self.first, self.last = row[0], look
        self.peak_area_frac = max(each.area_frac for each in row)
        self._looks.clear()
        return Turn.STARTED

    def break_off(self) -> bool:
        """No more pictures for now: forget the looks. True when that ended a motion."""
        was_moving, self.is_moving = self.is_moving, False
        self._looks.clear()
        return was_moving

    def is_over(self, mono_ns: int) -> bool:
        """Whether a motion would have ended by ``mono_ns`` if nothing moved since the last look."""
        return self.last is not None and self.is_moving and mono_ns - self.last.mono_ns >= QUIET_S * 1e9

    def _add_moving(self, look: Look) -> Turn | None:
        if look.area_frac >= END_SHARE * self.least_area_frac:
            self.last = look
            self.peak_area_frac = max(self.peak_area_frac, look.area_frac)
        elif self.is_over(look.mono_ns):
            self.is_moving = False
            return Turn.ENDED
        return None

    def _is_confirmed(self, newest: Look) -> bool:
        window = [look for look in self._looks if newest.mono_ns - look.mono_ns <= WINDOW_S * 1e9]
        moving = [newest]
        for look in reversed(window[:-1]):
            if look.area_frac >= self.least_area_frac and _is_one_thing(look, moving[-1]):
                moving.append(look)
        # The window's still beginning is not held against a motion that fills the rest of it.
        since_first = [look for look in window if look.mono_ns >= moving[-1].mono_ns]
        return (
            1 < len(moving) >= min(CONFIRM_LOOKS, len(since_first))
            and newest.mono_ns - moving[-1].mono_ns >= CONFIRM_S * 1e9
            and len(moving) >= WINDOW_SHARE * len(since_first)
        )

    def _row(self) -> list[Look]:
        """The looks at one thing from the first of the unbroken row that led to the newest one, oldest first."""
        row = [self._looks[-1]]
        for look in reversed(self._looks):
            if row[0].mono_ns - look.mono_ns > BRIDGE_S * 1e9:
                break
            if look.area_frac >= BEGIN_SHARE * self.least_area_frac and _is_one_thing(look, row[0]):
                row.insert(0, look)
        return row


def _is_one_thing(before: Look, after: Look) -> bool:
    """Whether what moves in two looks may be the same thing, by the gap between its boxes."""
    if before.box is None or after.box is None:
        return True
    left, top, right, bottom = after.box
    gap_x = max(0.0, left - before.box[2], before.box[0] - right)
    gap_y = max(0.0, top - before.box[3], before.box[1] - bottom)
    size = math.sqrt(max(before.area_frac, after.area_frac))
    later_s = max(0.0, (after.mono_ns - before.mono_ns) / 1e9 - CLOSE_S)
    return math.hypot(gap_x, gap_y) <= TOUCHING + LENGTHS_PER_S * size * later_s
