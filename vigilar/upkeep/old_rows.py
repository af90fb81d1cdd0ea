"""Deletes rows that are too old and signs out phones that nobody uses, hourly, while the clock can be believed."""

from __future__ import annotations

import logging

from vigilar.base.clock import Clock
from vigilar.base.even_clock import EvenClock
from vigilar.store.old_rows import delete_old
from vigilar.store.sql import Database
from vigilar.store.unused_phones import end_unused

logger = logging.getLogger(__name__)

EVERY_NS = 3600 * 10**9


class OldRows:
    """``turn`` belongs to one thread."""

    def __init__(self, store: Database, node_id: str, clock: Clock) -> None:
        self._store = store
        self._node_id = node_id
        self._clock = clock
        self._even = EvenClock(clock)
        self._due_ns = clock.mono_ns()

    def turn(self) -> None:
        """Look at the clock, and once an hour at the rows. Raises StoreError; what is left goes an hour later."""
        now_ns, now_ms = self._clock.mono_ns(), self._even.proven_ms()
        if now_ms is not None and now_ns >= self._due_ns:
            self._due_ns = now_ns + EVERY_NS
            if ended := end_unused(self._store, self._node_id, now_ms):
                logger.warning("%d paired phones were signed out: nobody used them for 90 days", ended)
            delete_old(self._store, now_ms)
