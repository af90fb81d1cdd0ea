"""What usually stirs before a camera in quiet hours, so that it need not be told again and again. Pure; media time.

A bush in the wind, rain in the light of a lamp: blobs that nearly are a motion, in most minutes of an hour. Where they
come so often, what is told must be larger than they are. It is learned from minutes without a motion alone, a minute
counts by the largest of its blobs, and what is learned is bounded: what is twice as large as the least is told in any
weather.
"""

from __future__ import annotations

from collections import deque

MINUTE_NS = 60_000_000_000
MEMORY_MINUTES = 60
"""An hour of wind is forgotten an hour later."""
LEAST_MINUTES = 20
"""Nothing is learned from fewer."""
USUAL_SHARE = 0.9
"""So many of the minutes are quieter than what is called usual: what stirs once in ten minutes is nothing usual."""
MARGIN = 1.3
"""What is told is so much larger than what is usual."""
MOST_FACTOR = 1.6


class UsualStir:
    """Of one camera. One thread; looks come in order of their time."""

    def __init__(self) -> None:
        self._minutes: deque[float] = deque(maxlen=MEMORY_MINUTES)
        self._minute = 0
        self._largest = 0.0
        self._was_moving = False
        self._usual = 0.0

    def add(self, area_frac: float, mono_ns: int, *, is_moving: bool) -> None:
        """Note the largest moving blob of one look, and whether a motion is going on."""
        minute = mono_ns // MINUTE_NS
        if minute != self._minute:
            self._end_minute()
            self._minute, self._largest, self._was_moving = minute, 0.0, False
        self._largest = max(self._largest, area_frac)
        self._was_moving = self._was_moving or is_moving

    def factor(self, least_area_frac: float) -> float:
        """By how much more than ``least_area_frac`` a motion must be, 1.0 to MOST_FACTOR."""
        return min(MOST_FACTOR, max(1.0, MARGIN * self._usual / least_area_frac))

    def _end_minute(self) -> None:
        if self._was_moving:
            return
        self._minutes.append(self._largest)
        if len(self._minutes) >= LEAST_MINUTES:
            self._usual = sorted(self._minutes)[int(USUAL_SHARE * (len(self._minutes) - 1))]
