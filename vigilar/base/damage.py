"""Whom a process tells that it met a damaged database: the supervisor, which has it looked at and made anew.

One a process, as there is one line to the supervisor. Set before any thread begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TELL_EVERY_S = 5.0

_listener: list[Callable[[], None]] = []
_told_s = [float("-inf")]


def tell_to(listener: Callable[[], None]) -> None:
    """``listener`` is called on the thread that met the damage, at most each TELL_EVERY_S, and must return at once."""
    _listener[:] = [listener]


def note_damage() -> None:
    """The database is damaged, or gone from its place. Any thread."""
    now_s = time.monotonic()
    if _listener and now_s - _told_s[0] >= TELL_EVERY_S:
        _told_s[0] = now_s
        _listener[0]()
