"""How much of the processor may be spent on finding objects, and when the next look may begin. Pure.

Two rules, both over processor seconds as the system counts them. *Never more than the budget in any ten seconds*: what
was spent in the last ten and what the next look is expected to take must fit. *Evenly*: after each look a pause, as
long as the look's share asks for, so that the budget of ten seconds is not gone after one and everybody waits for nine.
"""

from __future__ import annotations

from collections import deque

WINDOW_S = 10.0

LEAST_CORES = 0.1
"""On a machine without a free moment it still looks: some times a second with a small model."""

RESERVE = 1.3
"""A look may take so much longer than the longest of the last ten seconds, and the budget still holds."""

IDLE_SHARE = 0.5
"""Of the processors that would be idle without it, it takes half."""

SMOOTH = 0.25
"""How much the newest second counts for what is idle."""


class Budget:
    """Times are monotonic seconds. One thread."""

    def __init__(self, cores: float) -> None:
        """``cores``: processors it may use, above 0; 0.5 is half of one."""
        self._cores = cores
        self._spent: deque[tuple[float, float]] = deque()
        self._not_before_s = 0.0

    @property
    def cores(self) -> float:
        return self._cores

    def use(self, cores: float) -> None:
        """Go on with another budget."""
        self._cores = cores

    def wait_s(self, now_s: float) -> float:
        """How long until a look may begin; 0: now."""
        self._forget(now_s)
        pause_s = max(0.0, self._not_before_s - now_s)
        most_s = self._cores * WINDOW_S
        expected_s = min(RESERVE * max((used for _, used in self._spent), default=0.0), most_s)
        left_s = most_s - expected_s - sum(used for _, used in self._spent)
        for ended_s, used in self._spent:
            if left_s >= -1e-9:
                break
            left_s += used
            pause_s = max(pause_s, ended_s + WINDOW_S - now_s)
        return pause_s

    def note(self, now_s: float, used_s: float) -> None:
        """A look has ended and took ``used_s`` of the processor."""
        self._spent.append((now_s, used_s))
        self._not_before_s = now_s + max(0.0, used_s / self._cores - used_s)

    def spent_s(self, now_s: float) -> float:
        """What the looks of the last ten seconds took."""
        self._forget(now_s)
        return sum(used for _, used in self._spent)

    def _forget(self, now_s: float) -> None:
        while self._spent and now_s - self._spent[0][0] >= WINDOW_S:
            self._spent.popleft()


class IdleMeter:
    """How many processors would be idle without us: from what ``/proc/stat`` counts. One thread.

    Source: proc(5), ``cpu`` lines; idle and iowait are the fourth and fifth number, in ticks.
    """

    def __init__(self, processors: int, ticks_a_second: int) -> None:
        self._processors = processors
        self._ticks = ticks_a_second
        self._before: tuple[float, int, int, float] | None = None
        self._idle = float(processors)

    @property
    def idle_cores(self) -> float:
        """All of them before two looks are known."""
        return self._idle

    def look(self, stat: str, now_s: float, own_s: float) -> None:
        """Take the text of ``/proc/stat`` and the processor seconds that we have used so far."""
        numbers = [int(text) for text in stat.split("\n", 1)[0].split()[1:9]]
        idle, whole = numbers[3] + numbers[4], sum(numbers)
        before, self._before = self._before, (now_s, idle, whole, own_s)
        if before is None or now_s - before[0] < 0.1 or whole <= before[2]:
            return
        share = (idle - before[1]) / (whole - before[2])
        own = max(0.0, own_s - before[3]) / (now_s - before[0])
        found = min(float(self._processors), max(0.0, share * self._processors + own))
        self._idle += SMOOTH * (found - self._idle)
