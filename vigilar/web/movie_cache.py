"""Plans of movies that were just asked for: a player asks for one file in many pieces, and each needs its plan."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from vigilar.playback.export.make import ExportPlan

KNOWN_BYTES = 48 * 1024 * 1024
"""The tables of a day with sound take 35 MB, those of a clip a few kB."""


@dataclass(slots=True)
class MovieCache:
    """Any thread. Who asks for what is being made waits for it: eight requests of one player read the disk once."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: OrderedDict[Hashable, Future[ExportPlan]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], ExportPlan]) -> ExportPlan:
        """The plan of ``key``, by ``make`` if it is not known. What ``make`` raises is raised here and not kept."""
        with self._lock:
            found = self._known.get(key)
            is_mine = found is None
            future: Future[ExportPlan] = found or Future()
            self._known[key] = future
            self._known.move_to_end(key)
        if is_mine:
            try:
                future.set_result(make())
            except BaseException as error:
                self.forget(key)
                future.set_exception(error)
            self._bound()
        return future.result()

    def forget(self, key: Hashable) -> None:
        with self._lock:
            self._known.pop(key, None)

    def _bound(self) -> None:
        """Forget those that were not asked for lately, while all are too much; never the newest."""
        with self._lock:
            sizes = {key: one.result().memory_bytes for key, one in self._known.items() if _is_made(one)}
            total = sum(sizes.values())
            for key in list(sizes)[:-1]:
                if total <= KNOWN_BYTES:
                    return
                total -= sizes[key]
                del self._known[key]


def _is_made(future: Future[ExportPlan]) -> bool:
    return future.done() and future.exception() is None
