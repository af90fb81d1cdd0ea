"""Decode stamps, which RTP does not carry, out of presentation stamps in decode order. Pure."""

from __future__ import annotations

import heapq

MAX_DEPTH = 16
"""Pictures that may wait for an earlier one: the size of the decoded picture buffer (H.264 A.3.1, H.265 A.4.2)."""

LITTLE_S = 1.0
"""A stamp that goes back by less is a B picture; by more, the camera's clock was set."""


class DecodeStamps:
    """``depth`` is how many pictures may come before, in decode order, one that is shown earlier; None: learned.

    Without such pictures the decode stamp is the presentation stamp. Else it is the one that is ``depth`` places
    back in the order of showing, which is known at once: no picture is held for it.
    """

    def __init__(self, clock: int, step: int, depth: int | None = None) -> None:
        """``step`` is the time of a picture in ticks, as far as it is known: it spaces the first ``depth`` stamps."""
        self._little = int(clock * LITTLE_S)
        self._step = max(1, step)
        self._is_learning = depth is None
        self._depth = min(depth or 0, MAX_DEPTH)
        self._waiting: list[int] = []
        self._newest: list[int] = []
        self._last: int | None = None

    @property
    def depth(self) -> int:
        return self._depth

    @property
    def is_in_order(self) -> bool:
        """Whether it is known that no picture comes before one that is shown earlier."""
        return not self._is_learning and self._depth == 0

    def restart(self, step: int, depth: int | None) -> None:
        """The camera has sent a new sequence parameter set."""
        self._step = max(1, step)
        if depth is not None and not (self._is_learning and depth < self._depth):
            self._is_learning, self._depth = False, min(depth, MAX_DEPTH)

    def dts(self, pts: int) -> int:
        """The decode stamp of the next picture. It rises by at least 1, unless the camera's clock was set back."""
        if self._is_learning:
            self._learn(pts)
        if not self._depth:
            self._last = pts
            return pts
        if self._last is not None and pts < self._last - self._little:
            self._waiting.clear()
            self._last = None
        heapq.heappush(self._waiting, pts)
        missing = self._depth + 1 - len(self._waiting)
        if missing > 0:
            stamp = self._waiting[0] - missing * self._step
        else:
            stamp = heapq.heappop(self._waiting)
            while len(self._waiting) > self._depth:
                stamp = heapq.heappop(self._waiting)
        if self._last is not None and stamp <= self._last:
            stamp = self._last + 1
        self._last = stamp
        return stamp

    def _learn(self, pts: int) -> None:
        later = [old for old in self._newest if pts < old <= pts + self._little]
        if len(later) > self._depth:
            self._depth = len(later)
            self._waiting = sorted(self._newest)[-self._depth :]
        self._newest = [*self._newest[-MAX_DEPTH:], pts]
