"""Rows that go because of their age: which, and after how long. Plain SQL, for upkeep."""

from __future__ import annotations

from vigilar.store.sql import Database

_DAY_MS = 86_400_000

KEPT_RATES_MS = 8 * _DAY_MS
"""A week and a day of picture rates: the same hour of seven days."""

_OLD: tuple[tuple[str, int], ...] = (
    ("audit WHERE ts_ms < :before_ms", 400 * _DAY_MS),
    ("sensor_readings WHERE ts_ms < :before_ms", 30 * _DAY_MS),
    ("lan_devices WHERE user_id IS NULL AND last_ms < :before_ms", 7 * _DAY_MS),
    ("picture_rates WHERE hour_ms < :before_ms", KEPT_RATES_MS),
    ("watched_hours WHERE hour_ms < :before_ms", 1200 * _DAY_MS),
    ("sessions WHERE expires_ms <= :before_ms", 0),
    ("pairings WHERE expires_ms <= :before_ms", _DAY_MS),
    ("pet_looks WHERE made_ms < :before_ms", 30 * _DAY_MS),
    ("problem_snoozes WHERE until_ms <= :before_ms", 0),
)
"""Of which table, which rows, how long ago. A device that is nobody's was not seen since. What only ends, as a login
does, ends at its time all the same. For a day it can be told that a code was used.
Who did not say within a month which animal it was does not want to: pictures that somebody answered for have their
numbers elsewhere."""


def delete_old(store: Database, now_ms: int) -> None:
    """Delete what is too old, each table in a transaction of its own. ``now_ms`` is proven (``base/even_clock``): what
    goes cannot be made again. Raises StoreError."""
    for rows, kept_ms in _OLD:
        with store.sql_write("delete old rows") as run:
            run(f"DELETE FROM {rows}", before_ms=now_ms - kept_ms)
