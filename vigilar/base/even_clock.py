"""Whether the time of day can be believed when something is deleted for good because of its age.

A battery that died, or a time server that lies, puts a clock years ahead, and a household's past would be gone when it
is right again. That the kernel calls the clock in step is no proof: it takes the lying server's word. What never jumps
is the clock that counts from the start of the machine.
"""

from __future__ import annotations

from vigilar.base.clock import Clock

PROVEN_NS = 20 * 3600 * 10**9
"""Longer than a clock is wrong unnoticed; shorter than a day, so that a box that is started anew each night gets there
too. Until then nothing is deleted: it stays a day longer."""

SLACK_NS = 60 * 10**9
"""By how much the clock may have been set within that and still count as having gone evenly."""


class EvenClock:
    """Watches both clocks from its making on. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_ns = clock.mono_ns()
        self._apart_ns = clock.utc_ns() - self._since_ns

    def proven_ms(self) -> int | None:
        """UTC ms now, if the clock that says so has gone evenly for PROVEN_NS; else None. Each call is a look."""
        now_ns, utc_ns = self._clock.mono_ns(), self._clock.utc_ns()
        if abs(utc_ns - now_ns - self._apart_ns) > SLACK_NS:
            self._since_ns, self._apart_ns = now_ns, utc_ns - now_ns
        return utc_ns // 1_000_000 if now_ns - self._since_ns >= PROVEN_NS else None
