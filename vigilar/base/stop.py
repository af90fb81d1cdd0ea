"""One way to end a thread or a process."""

from __future__ import annotations

import threading


class Stop:
    """Set once, seen by all who wait. The only way work is ended; waiting is always on stop-or-timeout."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """True when stopped, False when ``timeout_s`` passed first."""
        return self._event.wait(timeout_s)
