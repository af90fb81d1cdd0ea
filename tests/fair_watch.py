"""A stopwatch for what the product promises, on a machine that may be busy with others.

Linux counts the time in which somebody waited for a processor, or for a disk (Documentation/accounting/psi.rst). A
watch stands still then: of a promise of two seconds it counts those in which the house could have kept it. On a quiet
machine that is all of them; where the kernel does not count, too.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_PRESSURE = Path("/proc/pressure")


def _crowded_s() -> float:
    """Seconds so far in which somebody waited for a processor, and in which somebody waited for a disk."""
    found_us = 0
    for what in ("cpu", "io"):
        with suppress(OSError):  # a kernel without it
            some = (_PRESSURE / what).read_text(encoding="ascii").splitlines()[0]
            found_us += int(some.rpartition("total=")[2])
    return found_us / 1e6


class FairWatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._began_s, self._crowded_s = time.monotonic(), _crowded_s()

    def elapsed_s(self) -> float:
        """Seconds in which nobody had to wait; what ``time.monotonic`` says, where nobody had to."""
        return max(0.0, time.monotonic() - self._began_s - self.crowded_s())

    def crowded_s(self) -> float:
        """Seconds in which somebody had to; those that waited for a processor and for a disk at once count twice."""
        return _crowded_s() - self._crowded_s
