"""Errors that repeat: every one is counted, and a line is logged once a second at most."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable


class Tally:
    """Counts errors of one sort and reports them with the first text of each second. Any thread."""

    def __init__(
        self,
        logger: logging.Logger,
        what: str,
        *,
        level: int = logging.WARNING,
        every_s: float = 1.0,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._what = what
        self._level = level
        self._every_s = every_s
        self._mono_s = mono_s
        self._lock = threading.Lock()
        self._reported_mono_s = float("-inf")
        self._unreported = 0
        self.count = 0

    def add(self, text: object, *, traceback: bool = False) -> None:
        """Count one error; log ``<what>: <text>``, with how many came since the last line, if it is time for one."""
        now = self._mono_s()
        with self._lock:
            self.count += 1
            self._unreported += 1
            if now - self._reported_mono_s < self._every_s:
                return
            self._reported_mono_s = now
            times, self._unreported = self._unreported, 0
        more = f" ({times} since the last line, {self.count} in all)" if times > 1 else ""
        self._logger.log(self._level, "%s: %s%s", self._what, text, more, exc_info=traceback)
