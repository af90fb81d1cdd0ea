"""CPU time and memory of groups of processes, read from the kernel."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import psutil

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of one process and its ended children, in seconds (proc(5), stat fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(x) for x in fields[11:15]) * _TICK_S


def pss_mb(pid: int) -> float:
    """Proportional set size in megabytes (proc(5), smaps_rollup)."""
    return _rollup_mb(pid, ("Pss",))


def own_mb(pid: int) -> float:
    """The part of it that is in no file, in memory or swapped out. Unlike the rest it does not change when another
    program begins to use the same libraries, or ends."""
    return _rollup_mb(pid, ("Pss_Anon", "Pss_Shmem", "SwapPss"))


def private_mb(pid: int) -> float:
    """What would be free were this process not there: no other one has it."""
    return _rollup_mb(pid, ("Private_Clean", "Private_Dirty"))


def _rollup_mb(pid: int, names: Sequence[str]) -> float:
    pairs = (one.partition(":") for one in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines())
    return sum(int(value.split()[0]) for name, _, value in pairs if name in names) * 1024 / 1e6


def kind_of(process: psutil.Process) -> str:
    """Its name; that of all cameras is ``cameras``."""
    name = process.name()
    return "cameras" if name.startswith("v:camera") else name


def by_kind(pid: int, value: Callable[[psutil.Process], float]) -> dict[str, float]:
    """The sum of ``value`` by kind, for a house and all it started."""
    found: dict[str, float] = {}
    own = psutil.Process(pid)
    for one in (own, *own.children(recursive=True)):
        try:
            kind, amount = kind_of(one), value(one)
        except (psutil.Error, OSError):  # a short-lived one that has ended
            continue
        found[kind] = found.get(kind, 0.0) + amount
    return found


def pss_by_kind(pid: int) -> dict[str, float]:
    """PSS in MB."""
    return by_kind(pid, lambda one: pss_mb(one.pid))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much y rises with x: the median over all pairs of points (Theil and Sen), which a quarter of points that are
    far off does not move. 0 for fewer than two points. Pure."""
    found = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 != x1]
    return statistics.median(found) if found else 0.0


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


def cpu_by_kind(pid: int, seconds: float) -> dict[str, float]:
    """Thousandths of a core that each kind of process of a house takes over ``seconds``; one that ends is left out."""
    before, started = by_kind(pid, lambda one: cpu_s(one.pid)), time.monotonic()
    time.sleep(seconds)
    used, passed = by_kind(pid, lambda one: cpu_s(one.pid)), time.monotonic() - started
    return {kind: 1000 * (used[kind] - before.get(kind, 0.0)) / passed for kind in used}


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
