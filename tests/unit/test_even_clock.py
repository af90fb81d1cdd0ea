"""Time is proven when both clocks have gone evenly for twenty hours."""

from __future__ import annotations

import pytest

from vigilar.base.clock import SimulatedClock
from vigilar.base.even_clock import EvenClock

HOUR_S = 3600
YEARS_S = 730 * 86_400
UTC_S, MONO_S = 1_800_000_000, 50


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(utc_ns=UTC_S * 10**9, mono_ns=MONO_S * 10**9)


@pytest.fixture
def even(clock: SimulatedClock) -> EvenClock:
    return EvenClock(clock)


def test_time_is_proven_after_twenty_hours(clock: SimulatedClock, even: EvenClock) -> None:
    assert even.proven_ms() is None
    clock.advance(20 * HOUR_S - 1)
    assert even.proven_ms() is None
    clock.advance(1)
    assert even.proven_ms() == (UTC_S + 20 * HOUR_S) * 1000


@pytest.mark.parametrize("step_s", [YEARS_S, -YEARS_S, 61, -61])
def test_clock_that_was_set_begins_anew(clock: SimulatedClock, even: EvenClock, step_s: int) -> None:
    clock.advance(100 * HOUR_S)
    clock.step_utc(step_s)
    assert even.proven_ms() is None
    clock.advance(20 * HOUR_S - 1)
    assert even.proven_ms() is None
    clock.advance(1)
    assert even.proven_ms() == (UTC_S + 120 * HOUR_S + step_s) * 1000


def test_clock_that_becomes_right_begins_anew(clock: SimulatedClock, even: EvenClock) -> None:
    """At a start without a battery, say: what it said then proves nothing of what it says now."""
    clock.advance(19 * HOUR_S)
    clock.step_utc(YEARS_S)
    clock.advance(HOUR_S)
    assert even.proven_ms() is None


def test_lie_between_two_looks_is_no_matter(clock: SimulatedClock, even: EvenClock) -> None:
    clock.step_utc(YEARS_S)
    clock.advance(10 * HOUR_S)
    clock.step_utc(-YEARS_S)
    clock.advance(10 * HOUR_S)
    assert even.proven_ms() == (UTC_S + 20 * HOUR_S) * 1000


def test_small_corrections_count_together(clock: SimulatedClock, even: EvenClock) -> None:
    clock.advance(20 * HOUR_S)
    clock.step_utc(60)
    assert even.proven_ms() == (UTC_S + 20 * HOUR_S + 60) * 1000
    clock.step_utc(1)
    assert even.proven_ms() is None
