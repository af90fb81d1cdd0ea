"""Notices when somebody moves the wall clock."""

from __future__ import annotations

import logging
from dataclasses import replace

from vigilar.base.clock import Clock
from vigilar.media.packets import Packet
from vigilar.record.gaps import Report
from vigilar.vge.bodies import Mark

logger = logging.getLogger(__name__)

STEP_NS = 1_000_000_000
"""More than this between two looks is a step. A clock that is slewed moves 0.1 ms between two looks, at 500 ppm."""


def is_other_clock(one: Packet, other: Packet) -> bool:
    """Whether the wall clock was moved between the stamps of two packets."""
    return abs((one.utc_ns - one.mono_ns) - (other.utc_ns - other.mono_ns)) > STEP_NS


def of_one_clock(packet: Packet, start: Packet) -> Packet:
    """``packet`` as the clock at its group's ``start`` would have stamped it: a group that a step of the clock fell
    into keeps the old clock, and the file ends with it, so that what a file says of its times is true from end to end.
    """
    if not is_other_clock(packet, start):
        return packet
    return replace(packet, utc_ns=start.utc_ns + packet.mono_ns - start.mono_ns)


class ClockWatch:
    """Compares the wall clock with the monotonic one. One thread."""

    def __init__(self, clock: Clock, report: Report) -> None:
        self._clock = clock
        self._report = report
        self._offset_ns = clock.utc_ns() - clock.mono_ns()

    def look(self) -> Mark | None:
        """Called regularly. A step is reported, and the mark for the file is given back."""
        utc_ns = self._clock.utc_ns()
        offset_ns = utc_ns - self._clock.mono_ns()
        moved_ns, self._offset_ns = offset_ns - self._offset_ns, offset_ns
        if abs(moved_ns) <= STEP_NS:
            return None
        step_ms = round(moved_ns / 1e6)
        logger.warning("the clock was moved by %d ms", step_ms)
        self._report("clock_stepped", utc_ns, {"step_ms": step_ms})
        return Mark("clock-step", {"step_ms": step_ms})
