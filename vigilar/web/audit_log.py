"""Writes down who did what, beside the requests: no page waits for it, and none fails by it.

Deeds wait in memory until the database takes them, for as long as it does not; what is more than MAX_WAITING then goes,
oldest first, and how many went is a deed itself.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from vigilar.base.errors import VigilarError
from vigilar.base.tally import Tally
from vigilar.store.audit import Deed

logger = logging.getLogger(__name__)

MAX_WAITING = 2000
"""A deed is some 200 bytes."""

AGAIN_S = 3.0
JOIN_TIMEOUT_S = 2.0

LOST = "audit_lost"

_unwritten = Tally(logger, "who did what could not be written down yet", every_s=60.0)


class AuditLog:
    """One thread, begun with the first deed. ``write`` stores deeds in order; raises VigilarError when it cannot."""

    def __init__(self, write: Callable[[list[Deed]], None]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: deque[Deed] = deque()
        self._lost = 0
        self._is_writing = False
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def add(self, deed: Deed) -> None:
        """Any thread; returns at once."""
        with self._changed:
            self._waiting.append(deed)
            if len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self._lost += 1
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._run, name="web-audit", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, within_s: float) -> bool:
        """Wait until all that was added is stored; false when it is not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_writing, within_s)

    def stop(self) -> None:
        """Store what waits, once more, and end."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while (deeds := self._take()) is not None:
            try:
                self._write(deeds)
            except VigilarError as error:
                _unwritten.add(error)
                self._put_back(deeds)
            except Exception:  # the top of this worker: a deed that cannot be written must not end the log
                logger.exception("%d deeds could not be written down", len(deeds))
                self._put_back([], lost=len(deeds))
            else:
                self._put_back([])

    def _take(self) -> list[Deed] | None:
        """Waits for deeds; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopped)
            if not self._waiting:
                return None
            deeds = list(self._waiting)
            self._waiting.clear()
            if self._lost:
                deeds.insert(0, Deed(ts_ms=deeds[0].ts_ms, action=LOST, detail=str(self._lost)))
                self._lost = 0
            self._is_writing = True
        return deeds

    def _done(self) -> None:
        self._is_writing = False
        self._changed.notify_all()

    def _put_back(self, deeds: list[Deed], lost: int = 0) -> None:
        with self._changed:
            self._lost += lost
            for deed in reversed(deeds):
                if deed.action == LOST:
                    self._lost += int(deed.detail)
                elif len(self._waiting) < MAX_WAITING:
                    self._waiting.appendleft(deed)
                else:
                    self._lost += 1
            self._done()
            if deeds and self._is_stopped:
                self._waiting.clear()
            elif deeds:
                self._changed.wait_for(lambda: self._is_stopped, AGAIN_S)
