"""Ends the logins of paired phones that nobody used for long, once the clock has shown that it can be believed."""

from __future__ import annotations

import logging

from vigilar.base.clock import Clock
from vigilar.store.sql import Database
from vigilar.store.unused_phones import end_unused, find_unused

logger = logging.getLogger(__name__)

LOOK_EVERY_NS = 3600 * 10**9

SLACK_MS = 60_000
"""By how much the clock may be set within an hour and still count as having gone evenly."""


class UnusedPhones:
    """``turn`` belongs to one thread.

    A phone that is found unused opens nothing from then on, but its row goes at the next look only, and only when both
    clocks have gone equally far since this one: a clock that is ten years ahead for a minute signs nobody out for good.
    """

    def __init__(self, store: Database, node_id: str, clock: Clock) -> None:
        self._store = store
        self._node_id = node_id
        self._clock = clock
        self._due_ns = clock.mono_ns()
        self._looked_ns = 0
        self._looked_ms = 0
        self._found: frozenset[bytes] = frozenset()

    def turn(self) -> None:
        """Look once an hour. Raises StoreError; the next look begins anew."""
        now_ns, now_ms = self._clock.mono_ns(), self._clock.utc_ns() // 1_000_000
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + LOOK_EVERY_NS
        is_even = abs((now_ms - self._looked_ms) - (now_ns - self._looked_ns) // 1_000_000) <= SLACK_MS
        if self._found and is_even and (ended := end_unused(self._store, self._node_id, self._found, now_ms)):
            logger.warning("%d paired phones were signed out: nobody used them for 90 days", ended)
        self._looked_ns, self._looked_ms = now_ns, now_ms
        self._found = find_unused(self._store, now_ms)
