"""CPU time and memory of groups of processes, read from the kernel."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of one process and its ended children, in seconds (proc(5), stat fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(x) for x in fields[11:15]) * _TICK_S


def pss_mb(pid: int) -> float:
    """Proportional set size in megabytes (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group used: ``cpu_mcore`` is thousandths of a core, ``pss_mb`` the sum at the end."""

    cpu_mcore: float
    pss_mb: float
    count: int


def measure(pids: Callable[[], Iterable[int]], seconds: float) -> Usage:
    """The group's use over ``seconds``. AssertionError if a process starts or ends meanwhile: the figure is void."""
    group = sorted(pids())
    before, started = {pid: cpu_s(pid) for pid in group}, time.monotonic()
    time.sleep(seconds)
    used = sum(cpu_s(pid) - before[pid] for pid in group)
    passed = time.monotonic() - started
    assert sorted(pids()) == group, "the group changed while it was measured"
    return Usage(1000 * used / passed, sum(pss_mb(pid) for pid in group), len(group))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by the peer's over all rounds: the median of each side, and the spread of the rounds' ratios."""

    ours: float
    peer: float
    lowest: float
    highest: float

    @property
    def value(self) -> float:
        return self.ours / self.peer


def ratio(ours: list[float], peer: list[float]) -> Ratio:
    rounds = [a / b for a, b in zip(ours, peer, strict=True)]
    return Ratio(statistics.median(ours), statistics.median(peer), min(rounds), max(rounds))
