"""The line of how far the copies were behind: grows with the clock, falls with each copy that was finished."""

from __future__ import annotations

from vigilar.store.backups import BackupWork, RunRow, RunState
from vigilar.web.lag_plot import SPAN_MS, draw_lag

HOUR = 3_600_000
NOW = 1_770_000_000_000


def run(number: int, ago_h: float, state: RunState = "done", work: BackupWork = "copy", took_h: float = 0.0) -> RunRow:
    started = NOW - round(ago_h * HOUR)
    ended = None if state == "running" else started + round(took_h * HOUR)
    return RunRow(number, work, state, started, ended, 1, 1, "")


def test_nothing_is_drawn_before_the_first_copy() -> None:
    assert draw_lag([], NOW, HOUR) is None
    assert draw_lag([run(1, 3, "failed"), run(2, 2, work="drill"), run(3, 1, "running")], NOW, HOUR) is None


def test_lag_falls_with_each_copy_and_grows_between() -> None:
    plot = draw_lag([run(3, 10), run(1, 40), run(2, 20, "failed"), run(4, 5, work="check")], NOW, 33 * HOUR)
    assert plot is not None
    assert (plot.from_ms, plot.worst_ms, plot.worst_at_ms) == (NOW - 40 * HOUR, 30 * HOUR, NOW - 10 * HOUR)
    # The top is 36.3 hours: 33 of them, the limit, are 10/11 of the height.
    assert plot.line == "0.0,200.0 750.0,34.7 750.0,200.0 1000.0,144.9"
    assert plot.crosses == (500.0,)
    assert plot.late_y == 18.2


def test_long_copy_is_behind_by_its_own_length() -> None:
    plot = draw_lag([run(1, 10, took_h=4)], NOW, HOUR)
    assert plot is not None
    assert (plot.from_ms, plot.worst_ms) == (NOW - 6 * HOUR, 10 * HOUR)
    assert plot.line.startswith("0.0,127.3 ")


def test_window_begins_within_a_lag() -> None:
    plot = draw_lag([run(1, 20 * 24), run(2, 24)], NOW, HOUR)
    assert plot is not None
    assert plot.from_ms == NOW - SPAN_MS
    assert plot.worst_ms == 19 * 24 * HOUR
    x, y = map(float, plot.line.split()[0].split(","))
    assert (x, y) == (0.0, round(200 * (1 - 6 / (19 * 1.1)), 1))
