"""A share of the crash lab: some faults of each kind at calls that were drawn once for each piece of work, the same in
each run. All of them: ``python -m benchmarks.crash_sweep``."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.system.crash_lab import NAMES, SYNCS, WRITES, Disk, Lab, crash_lab, power_disk

pytestmark = [pytest.mark.system, pytest.mark.long(110), pytest.mark.timeout(600)]

CALLS = {"writes": WRITES, "syncs": SYNCS, "names": NAMES}
POINTS = 2
"""Of each kind of call and fault."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with crash_lab(tmp_path_factory.mktemp("lab")) as it:
        yield it


@pytest.fixture(scope="module")
def disk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with power_disk(tmp_path_factory.mktemp("power")) as it:
        yield it


@pytest.mark.parametrize("work", ["record", "delete", "rewrap", "config", "migrate", "rescue"])
def test_fault_at_any_call_leaves_all_agreed(lab: Lab, work: str) -> None:
    chance, points, problems = random.Random(work), 0, []
    for effect in ("kill", "EIO", "ENOSPC"):
        for calls in CALLS.values():
            swept = lab.sweep(
                work, calls, effect, first=chance.randint(1, 3), step=chance.randint(4, 12), at_most=POINTS
            )
            points += swept.points
            problems += swept.problems
    print(f"{points} points")
    assert points >= 3
    assert problems == []


@pytest.mark.parametrize("work", ["record", "delete", "config", "migrate", "rescue"])
def test_power_cut_at_any_call_leaves_all_agreed(lab: Lab, disk: Disk, work: str) -> None:
    chance, points, problems = random.Random(f"{work}, cut"), 0, []
    for calls in (SYNCS, NAMES):
        swept = lab.sweep(
            work, calls, "cut", disk=disk, first=chance.randint(1, 2), step=chance.randint(3, 8), at_most=2
        )
        points += swept.points
        problems += swept.problems
    print(f"{points} points")
    assert points >= 1
    assert problems == []


def test_slow_disk_costs_no_frame(lab: Lab) -> None:
    assert lab.run_slowly("live", "fdatasync") == []
