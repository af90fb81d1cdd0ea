"""How far the copies were behind, as a line over the last two weeks: drawn from the rows of the runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vigilar.store.backups import RunRow

SPAN_MS = 14 * 86_400_000
WIDTH, HEIGHT = 1000, 200
"""Of the drawing, in its own units."""

_HEADROOM = 1.1


@dataclass(frozen=True, slots=True)
class LagPlot:
    """``line`` and ``late_y`` are in units of the drawing, ``crosses`` the places of runs that failed.

    ``worst_ms``: the most that was recorded and not copied, at ``worst_at_ms``; times are UTC ms."""

    from_ms: int
    now_ms: int
    line: str
    crosses: tuple[float, ...]
    late_y: float
    worst_ms: int
    worst_at_ms: int


def draw_lag(runs: Iterable[RunRow], now_ms: int, late_after_ms: int) -> LagPlot | None:
    """``runs`` in any order. None before the first copy that was finished.

    A copy that is finished brings all that was recorded before it began; from there the lag grows with the clock until
    the next one is.
    """
    copies = sorted((one for one in runs if one.work == "copy" and one.ended_ms is not None), key=lambda one: one.id)
    done = [one for one in copies if one.state == "done"]
    if not done:
        return None
    corners = _corners(done, now_ms)
    from_ms = max(now_ms - SPAN_MS, corners[0][0])
    shown = _cut(corners, from_ms)
    worst_at_ms, worst_ms = max(shown, key=lambda one: one[1])
    whole_ms, top_ms = max(1, now_ms - from_ms), max(worst_ms, late_after_ms) * _HEADROOM

    def x_of(at_ms: int) -> float:
        return round(WIDTH * (at_ms - from_ms) / whole_ms, 1)

    def y_of(lag_ms: int) -> float:
        return round(HEIGHT * (1 - lag_ms / top_ms), 1)

    return LagPlot(
        from_ms=from_ms,
        now_ms=now_ms,
        line=" ".join(f"{x_of(at_ms)},{y_of(lag_ms)}" for at_ms, lag_ms in shown),
        crosses=tuple(x_of(one.started_ms) for one in copies if one.state == "failed" and one.started_ms >= from_ms),
        late_y=y_of(late_after_ms),
        worst_ms=worst_ms,
        worst_at_ms=worst_at_ms,
    )


def _corners(done: Sequence[RunRow], now_ms: int) -> list[tuple[int, int]]:
    """When, and how far behind: before and after each copy, and now."""
    first = done[0]
    found = [(_end(first), _end(first) - first.started_ms)]
    for before, one in pairwise(done):
        found += [(_end(one), _end(one) - before.started_ms), (_end(one), _end(one) - one.started_ms)]
    return [*found, (max(now_ms, _end(done[-1])), max(now_ms, _end(done[-1])) - done[-1].started_ms)]


def _end(run: RunRow) -> int:
    return run.started_ms if run.ended_ms is None else max(run.started_ms, run.ended_ms)


def _cut(corners: Sequence[tuple[int, int]], from_ms: int) -> list[tuple[int, int]]:
    """What lies behind ``from_ms``, beginning there: between two corners the lag grows as fast as the clock."""
    there = [lag_ms for at_ms, lag_ms in corners if at_ms == from_ms]
    later = [one for one in corners if one[0] > from_ms]
    first_ms = there[-1] if there else max(0, later[0][1] - (later[0][0] - from_ms))
    return [(from_ms, first_ms), *later]
