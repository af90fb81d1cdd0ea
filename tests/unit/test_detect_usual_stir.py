"""What stirs in quiet hours raises the least motion, within bounds, and is forgotten."""

from __future__ import annotations

import pytest

from vigilar.detect.usual_stir import UsualStir

LEAST = 0.0025


def _hours(stir: UsualStir, minutes: list[float], *, from_minute: int = 0, moving: bool = False) -> None:
    """Two looks a minute, one at nothing and one at a blob of so many times LEAST."""
    for number, times in enumerate(minutes, start=from_minute):
        stir.add(0.0, number * 60_000_000_000, is_moving=False)
        stir.add(times * LEAST, number * 60_000_000_000 + 30_000_000_000, is_moving=moving)
    stir.add(0.0, (from_minute + len(minutes)) * 60_000_000_000, is_moving=False)


@pytest.mark.parametrize(
    ("minutes", "factor"),
    [
        ([0.0] * 60, 1.0),
        ([0.7] * 60, 1.0),  # 1.3 times that is below the least
        ([0.9] * 60, 1.17),
        ([1.2] * 60, 1.56),
        ([3.0] * 60, 1.6),  # never more
        ([0.9] * 15, 1.0),  # too short to say
        ([0.0] * 57 + [0.9] * 3, 1.0),  # three minutes of an hour are nothing usual
    ],
)
def test_what_stirs_in_most_minutes_raises_the_least(minutes: list[float], factor: float) -> None:
    stir = UsualStir()
    _hours(stir, minutes)
    assert stir.factor(LEAST) == pytest.approx(factor)


def test_minutes_with_a_motion_teach_nothing() -> None:
    stir = UsualStir()
    _hours(stir, [0.9] * 60, moving=True)
    assert stir.factor(LEAST) == 1.0


def test_windy_hour_is_forgotten_an_hour_later() -> None:
    stir = UsualStir()
    _hours(stir, [0.9] * 60)
    _hours(stir, [0.0] * 60, from_minute=61)
    assert stir.factor(LEAST) == 1.0
