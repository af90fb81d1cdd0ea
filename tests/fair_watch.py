"""A stopwatch for what the product promises, on a machine that may be busy with others.

Linux counts the time in which somebody waited for a processor, or for a disk (Documentation/accounting/psi.rst). A
watch stands still then: of a promise of two seconds it counts those in which the house could have kept it. On a quiet
machine that is all of them; where the kernel does not count, too.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
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
        """Seconds in which nobody had to wait; what ``clock_s`` says, where nobody had to."""
        return max(0.0, self.clock_s() - self.crowded_s())

    def clock_s(self) -> float:
        """All seconds, for who prints them."""
        return time.monotonic() - self._began_s

    def crowded_s(self) -> float:
        """Seconds in which somebody had to; those that waited for a processor and for a disk at once count twice."""
        return _crowded_s() - self._crowded_s


class FairLog:
    """Says afterwards how many such seconds lay between two moments that others have told (UTC seconds): of a row, a
    push, a picture. Looks twenty times a second while its block lasts."""

    def __init__(self) -> None:
        self._moments: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="fair-log")

    def __enter__(self) -> FairLog:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _look(self) -> None:
        self._moments.append((time.time(), _crowded_s()))

    def _look_on(self) -> None:
        while not self._stop.wait(0.05):
            self._look()

    def between_s(self, from_s: float, to_s: float) -> float:
        """After the block. What lies outside of it counts in full; below 0 where ``to_s`` is before ``from_s``."""
        times = [at_s for at_s, _ in self._moments]
        first = max(0, bisect_right(times, from_s) - 1)
        last = min(len(times) - 1, bisect_left(times, to_s))
        crowded_s = self._moments[last][1] - self._moments[first][1] if to_s > from_s else 0.0
        return min(to_s - from_s, max(0.0, to_s - from_s - crowded_s))
