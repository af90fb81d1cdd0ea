"""Waiting longer after each failure, up to a cap, with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Delays of a capped exponential with jitter: ``first_s``, twice that, ... never above ``cap_s``.

    A run that lasted at least ``steady_s`` counts as steady and starts the series again. The jitter takes away up to
    a third of each delay, so that cameras behind one switch do not all come back in the same instant.
    """

    def __init__(
        self,
        first_s: float = 1.0,
        cap_s: float = 30.0,
        steady_s: float = 60.0,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._steady_s = steady_s
        self._rand = rand
        self.failures = 0

    def next_delay_s(self, ran_s: float = 0.0) -> float:
        """The seconds to wait after a failure that came ``ran_s`` seconds after the start."""
        if ran_s >= self._steady_s:
            self.failures = 0
        delay = min(self._cap_s, self._first_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return delay * (1.0 - self._rand() / 3.0)

    def reset(self) -> None:
        self.failures = 0
