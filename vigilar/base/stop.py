"""One way to end a thread or a process."""

from __future__ import annotations

import threading


class Stop:
    """Set once, seen by all who wait. The only way work is ended; waiting is always on stop-or-timeout.

    A lock that is held until then, because each camera's threads wait 30 times a second: ``threading.Event`` makes a
    lock and a queue entry for each wait, which was a tenth of what a quiet camera costs.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._setting = threading.Lock()
        self._gate = threading.Lock()
        self._gate.acquire()

    def set(self) -> None:
        with self._setting:
            if not self._is_set:
                self._is_set = True
                self._gate.release()

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout_s: float | None = None) -> bool:
        """True when stopped, False when ``timeout_s`` passed first."""
        if self._is_set or (timeout_s is not None and timeout_s <= 0):
            return self._is_set
        if self._gate.acquire(timeout=-1 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX)):
            self._gate.release()  # for the next who waits
        return self._is_set
