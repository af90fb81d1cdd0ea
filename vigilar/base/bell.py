"""Wakes one thread that waits for work or for a while."""

from __future__ import annotations

import contextlib
import threading


class Bell:
    """One thread waits, any may ring. A ring while nobody waits is kept, once: work between two waits is not missed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        # Already open: somebody has rung. Two who find it closed: the second release has nothing left to open.
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):
                self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        """True when it was rung, False when ``timeout_s`` passed first."""
        return self._lock.acquire(timeout=timeout_s)
