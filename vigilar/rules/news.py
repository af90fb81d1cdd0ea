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


def lives_until_ms(event: StoredEvent, now_ms: int, *, is_critical: bool) -> int:
    """UTC ms from which ``event`` is no news any more; not after ``now_ms`` if it is none now. A state that goes on (a
    camera without a picture) is news for as long as it does; a visit is from its begin, or its end if that is known."""
    lives_ms = LIVES_MS["CRITICAL" if is_critical else event.severity]
    return min(newest_moment_ms(event, now_ms) + lives_ms, now_ms + lives_ms)


def newest_moment_ms(event: StoredEvent, now_ms: int) -> int:
    """The newest moment (UTC ms) of which it is known that it lasted."""
    if event.end_ms is not None:
        return event.end_ms
    goes_on = event.payload.get("is_open") is True and event.kind not in KIND_WORDS
    return max(now_ms, event.ts_ms) if goes_on else event.ts_ms
