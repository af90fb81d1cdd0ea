"""Plans of movies that were just asked for: a player asks for one file in many pieces, and each needs its plan."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from vigilar.playback.export.make import ExportPlan

KNOWN_BYTES = 48 * 1024 * 1024
"""The tables of a day with sound take 35 MB, those of a clip a few kB."""

KEPT_S = 600.0
"""For how long after it was asked for last. Who pauses for longer waits once more for the plan."""


@dataclass(slots=True)
class _Known:
    plan: Future[ExportPlan] = field(default_factory=Future)
    asked_s: float = 0.0


@dataclass(slots=True)
class MovieCache:
    """Any thread. Who asks for what is being made waits for it: eight requests of one player read the disk once."""

    mono_s: Callable[[], float] = time.monotonic
    kept_s: float = KEPT_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: OrderedDict[Hashable, _Known] = field(default_factory=OrderedDict)
    _timer: threading.Timer | None = None

    def get(self, key: Hashable, make: Callable[[], ExportPlan]) -> ExportPlan:
        """The plan of ``key``, by ``make`` if it is not known. What ``make`` raises is raised here and not kept."""
        with self._lock:
            is_mine = key not in self._known
            known = self._known.setdefault(key, _Known())
            known.asked_s = self.mono_s()
            self._known.move_to_end(key)
            self._look_later()
        if is_mine:
            try:
                known.plan.set_result(make())
            except BaseException as error:
                self.forget(key)
                known.plan.set_exception(error)
            self._bound()
        return known.plan.result()

    def forget(self, key: Hashable) -> None:
        with self._lock:
            self._known.pop(key, None)

    def forget_old(self) -> None:
        """Those that nobody asked for in ``kept_s``; called by a timer while there are any."""
        with self._lock:
            self._timer = None
            since_s = self.mono_s() - self.kept_s
            for key in [key for key, one in self._known.items() if one.asked_s <= since_s and one.plan.done()]:
                del self._known[key]
            self._look_later()

    def _look_later(self) -> None:
        if self._known and self._timer is None:
            self._timer = threading.Timer(self.kept_s, self.forget_old)
            self._timer.name = "old-movies"
            self._timer.daemon = True
            self._timer.start()

    def _bound(self) -> None:
        """Forget those that were not asked for lately, while all are too much; never the newest."""
        with self._lock:
            sizes = {key: one.plan.result().memory_bytes for key, one in self._known.items() if _is_made(one.plan)}
            total = sum(sizes.values())
            for key in list(sizes)[:-1]:
                if total <= KNOWN_BYTES:
                    return
                total -= sizes[key]
                del self._known[key]


def _is_made(future: Future[ExportPlan]) -> bool:
    return future.done() and future.exception() is None
