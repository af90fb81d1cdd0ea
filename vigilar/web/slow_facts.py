"""What pages know of the house beyond memory, remembered for a moment: many pages ask, and each answer costs a read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.clock_sync import ClockState, read_clock

Answer = TypeVar("Answer")

MAX_HELD = 2000
"""A month of days of some dozen cameras, with room."""


class SlowFacts:
    """Answers by name, each as old as its asker allows. Any thread; two that ask at once may both do the work, but for
    what is made anew behind the asker's back: that is done by one thread a name."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[int, Any]] = {}
        self._under_way: set[Hashable] = set()
        self._begun: set[tuple[Hashable, object]] = set()

    def get(self, name: Hashable, max_age_s: float, make: Callable[[], Answer], *, waits: bool = True) -> Answer:
        """The answer of ``name``, made anew when it is older than ``max_age_s``. Without ``waits`` an old one is given
        as it is, and made anew for the next; only the first of all is waited for. Raises what ``make`` raises."""
        now_ns = self._clock.mono_ns()
        with self._lock:
            held = self._held.get(name)
        if held is not None and now_ns - held[0] < max_age_s * 1e9:
            found: Answer = held[1]
            return found
        if held is not None and not waits:
            old: Answer = held[1]
            self._make_behind(name, make)
            return old
        return self._make(name, make)

    def _make_behind(self, name: Hashable, make: Callable[[], Answer]) -> None:
        with self._lock:
            if name in self._under_way:
                return
            self._under_way.add(name)

        def work() -> None:
            try:
                self._make(name, make)
            finally:
                with self._lock:
                    self._under_way.discard(name)

        threading.Thread(target=work, name="web-slow-facts", daemon=True).start()

    def _make(self, name: Hashable, make: Callable[[], Answer]) -> Answer:
        now_ns, begun = self._clock.mono_ns(), (name, object())
        with self._lock:
            self._begun.add(begun)
        try:
            made = make()
            with self._lock:
                if begun in self._begun:  # else forgotten meanwhile: it may say how things were before
                    while len(self._held) >= MAX_HELD:
                        self._held.pop(next(iter(self._held)))
                    self._held[name] = (now_ns, made)
            return made
        finally:
            with self._lock:
                self._begun.discard(begun)

    def forget(self, name: Hashable) -> None:
        """The next asker gets a new answer, also while an older one is being made."""
        with self._lock:
            self._begun = {one for one in self._begun if one[0] != name}
            self._held.pop(name, None)


class ClockWatch:
    """How the clock is kept, and for how long it has been seen out of step. Any thread."""

    def __init__(self, clock: Clock | None = None, read: Callable[[], ClockState | None] = read_clock) -> None:
        self._clock = clock or SystemClock()
        self._read = read
        self._lock = threading.Lock()
        self._since_mono_ns: int | None = None

    def look(self) -> tuple[ClockState | None, int]:
        """Its state, and ms out of step."""
        state, now_ns = self._read(), self._clock.mono_ns()
        with self._lock:
            if state is None or state.is_in_step:
                self._since_mono_ns = None
                return state, 0
            if self._since_mono_ns is None:
                self._since_mono_ns = now_ns
            return state, (now_ns - self._since_mono_ns) // 1_000_000
