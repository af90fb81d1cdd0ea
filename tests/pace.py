"""How slow this machine is just now: what a budget of milliseconds is multiplied by before it judges the product.

Shared machines run at a third of their usual speed for hours, and no count of who waits for a processor
(``tests/fair_watch.py``) tells of it. The figure itself is printed as it was measured.
"""

from __future__ import annotations

import statistics
import time

TURNS = 100_000
USUAL_NS = 30.0
"""Nanoseconds of a turn of the loop below, about, on the machine of the figures, where the fast tests take three
minutes and the budgets are kept with room. At 70 those took eight, and of these some were missed by up to half."""


def slowness() -> float:
    """How many times longer than usual a fixed piece of work takes: 1 or more. Takes some tens of milliseconds."""
    return max(1.0, statistics.median(_turn_ns() for _ in range(5)) / USUAL_NS)


def _turn_ns() -> float:
    began_ns, total = time.perf_counter_ns(), 0
    for number in range(TURNS):
        total += number
    return (time.perf_counter_ns() - began_ns) / TURNS
