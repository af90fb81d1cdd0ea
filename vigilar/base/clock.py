"""The two clocks: monotonic for durations and order, UTC for people and storage."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What tells the time. Handed in, so that tests can turn it."""

    def utc_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...

    def mono_ns(self) -> int:
        """Nanoseconds of a clock that never goes back and goes on during suspend (CLOCK_BOOTTIME)."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def utc_ns(self) -> int:
        return time.time_ns()

    def mono_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SimulatedClock:
    """A clock that moves only when told to. For tests; obeys the same rules as the real one."""

    def __init__(self, utc_ns: int = 1_770_000_000_000_000_000, mono_ns: int = 1_000_000_000) -> None:
        self._utc_ns = utc_ns
        self._mono_ns = mono_ns

    def utc_ns(self) -> int:
        return self._utc_ns

    def mono_ns(self) -> int:
        return self._mono_ns

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._utc_ns += int(seconds * 1e9)
        self._mono_ns += int(seconds * 1e9)

    def step_utc(self, seconds: float) -> None:
        """Move the UTC clock alone, as a correction by NTP or by hand does."""
        self._utc_ns += int(seconds * 1e9)


def boot_id() -> bytes:
    """The 16-byte id of this boot of the kernel (source: proc(5), ``/proc/sys/kernel/random/boot_id``)."""
    return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", ""))
