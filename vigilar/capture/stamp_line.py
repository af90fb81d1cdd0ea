"""Which stamps of a track can be true: single odd ones are put next to their neighbours. Pure; one thread."""

from __future__ import annotations

EARLY_NS = 300_000_000
"""A step that is larger than the time since the packet before it, by more than this, was not taken by a clock."""

PAUSE_NS = 500_000_000
"""After so long without a packet an odd stamp is placed by its arrival, not one picture behind its neighbour."""

WINDOW_NS = 5_000_000_000
_LASTING = 3
_SECOND_NS = 1_000_000_000


class StampLine:
    """Stamps (any whole numbers) in the order they came in, ticks that go on as time does out.

    A stamp goes through as it is while it is at most half a second, or four pictures, ahead of the one before it, or as
    far ahead as it came later. Any other one is odd: it is placed one step behind its neighbour, and opens a line of
    its own; the next stamp is tried on that line and on the one that was left. So one odd picture in fifty costs
    nothing, and a clock that was set goes on in its new time. A stamp that repeats the last one is placed one step
    further.

    ``in_order`` says that ticks must rise with each packet; else a picture may be up to a second before the one that
    came before it (B pictures).
    """

    def __init__(self, clock: int, step: int, *, in_order: bool = True) -> None:
        """``clock`` is ticks a second, ``step`` the usual distance in ticks as far as it is known."""
        self._clock = clock
        self.in_order = in_order
        self._step = max(1, step)
        self._half = clock // 2
        self._far = max(self._half, 4 * self._step)
        self._offset = 0
        self._left: tuple[int, int] | None = None  # the line before this one: its offset, its last stamp
        self._good = 0
        self._behind = 0
        self._stamp: int | None = None
        self._ticks = 0
        self._mono_ns = 0
        self._low_ns = self._lower_ns = 0
        self._window_ns = 0
        self.odd = 0
        """How many stamps were not taken as they came."""

    @property
    def soonest_ns(self) -> int:
        """Arrival of the packet that came soonest, of the last WINDOW_NS at least, less its ticks."""
        return min(self._low_ns, self._lower_ns)

    def ticks(self, stamp: int, mono_ns: int) -> int:
        """The ticks of the packet that came at ``mono_ns`` on the box's monotonic clock."""
        last = self._stamp
        if last is None:
            self._stamp, self._ticks, self._mono_ns = stamp, stamp, mono_ns
            self._low_ns = self._lower_ns = mono_ns - stamp * _SECOND_NS // self._clock
            self._window_ns = mono_ns
            return stamp
        ticks = stamp + self._offset
        ahead = ticks - self._ticks
        if 0 < ahead <= self._far:
            if self.in_order:
                self._step = ahead
            self._good += 1
            self._behind = 0
        else:
            ticks = self._judge(stamp, last, ticks, mono_ns)
        self._stamp, self._ticks, self._mono_ns = stamp, ticks, mono_ns
        delay_ns = mono_ns - ticks * _SECOND_NS // self._clock
        if mono_ns - self._window_ns > WINDOW_NS:
            self._window_ns, self._low_ns, self._lower_ns = mono_ns, self._lower_ns, delay_ns
        elif delay_ns < self._lower_ns:
            self._lower_ns = delay_ns
        return ticks

    def _judge(self, stamp: int, last: int, ticks: int, mono_ns: int) -> int:
        ahead = ticks - self._ticks
        if self._can_be(ahead, ticks, mono_ns) and stamp != last:
            self._note_step(ahead)
            return ticks
        if self._left is not None and stamp > self._left[1]:
            other = stamp + self._left[0]
            if -self._far < other - self._ticks and self._can_be(max(1, other - self._ticks), other, mono_ns):
                self._left, self._offset = (self._offset, last), self._left[0]
                self._good = 1
                return max(other, self._ticks + 1)
        self.odd += 1
        placed = self._ticks + self._advance(mono_ns)
        if -self._far < ahead <= 0 and (stamp <= last or self._behind < _LASTING):
            self._behind += 1  # it repeats itself; the line stays
            return placed
        if self._good >= _LASTING or self._left is None:
            self._left = (self._offset, last)
        self._offset, self._good, self._behind = placed - stamp, 0, 0
        return placed

    def _can_be(self, ahead: int, ticks: int, mono_ns: int) -> bool:
        if ahead <= 0:
            return not self.in_order and ahead > -self._clock
        if ahead <= self._far:
            return True
        return mono_ns - ticks * _SECOND_NS // self._clock >= self.soonest_ns - EARLY_NS

    def _note_step(self, ahead: int) -> None:
        self._good += 1
        self._behind = 0
        if self.in_order and ahead > 0 and ahead <= 8 * self._clock:
            self._step = ahead
            self._far = max(self._half, 4 * ahead) if ahead < self._clock else max(self._half, ahead + self._half)

    def _advance(self, mono_ns: int) -> int:
        """One step, or the time since the last packet if that is a pause."""
        gap_ns = mono_ns - self._mono_ns
        if gap_ns > PAUSE_NS + 2 * self._step * _SECOND_NS // self._clock:
            return max(1, gap_ns * self._clock // _SECOND_NS)
        return min(self._step, self._half)
