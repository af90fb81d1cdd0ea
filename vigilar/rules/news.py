"""How long something is news. Pure.

What is told too late alarms people about what is over; what is critical is told however late within a day.
"""

from __future__ import annotations

from collections.abc import Mapping

from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.store.events import StoredEvent

LIVES_MS: Mapping[str, int] = {
    "INFO": 15 * 60_000,
    "WARNING": 30 * 60_000,
    "ALERT": 50 * 60_000,
    "CRITICAL": 24 * 3_600_000,
}
"""By severity. Who was without internet for an hour wants to hear of the smoke, not of the cat. What is critical by its
rule lives as CRITICAL does."""


def lives_until_ms(event: StoredEvent, now_ms: int, *, is_critical: bool, waited_s: int = 0) -> int:
    """UTC ms from which ``event`` is no news any more; not after ``now_ms`` if it is none now. ``waited_s``: so long it
    had to last before anything was said of it (``Rule.lasts_s``)."""
    lives_ms = LIVES_MS["CRITICAL" if is_critical else event.severity]
    return min(newest_moment_ms(event, now_ms, waited_s) + lives_ms, now_ms + lives_ms)


def newest_moment_ms(event: StoredEvent, now_ms: int, waited_s: int = 0) -> int:
    """The newest moment (UTC ms) of which it is known that it lasted.

    A state that goes on (a camera without a picture) is known to last now. A visit is not: what would tell its end may
    have died with the power, so it counts when its camera last said what it is, or, if a rule waited for it to last,
    when it had. Somebody who stands at the door for twenty minutes is news then, and not the day after.
    """
    if event.end_ms is not None:
        return event.end_ms
    if event.payload.get("is_open") is not True:
        return event.ts_ms
    if event.kind not in KIND_WORDS:
        return max(now_ms, event.ts_ms)
    return max(event.ts_ms + waited_s * 1000, int(event.payload.get("seen_ms", 0)))
