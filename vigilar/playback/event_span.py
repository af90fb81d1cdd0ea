"""What the clip of an event covers: one answer for pages, exports and the command line. Pure."""

from __future__ import annotations

from vigilar.store.events import StoredEvent

BEFORE_S = 1
AFTER_S = 2
"""A clip shows this much around its event, so that it begins with the action. More is one key away."""

MAX_CLIP_MS = 30 * 60 * 1000


def goes_on(event: StoredEvent) -> bool:
    """Whether it has no end yet, and will have one."""
    return event.type in ("motion", "alarm") and event.end_ms is None


def clip_span(event: StoredEvent, now_ms: int, before_s: int = BEFORE_S, after_s: int = AFTER_S) -> tuple[int, int]:
    """From and to, UTC ms, with these seconds before and after it; of one that goes on, as far as it is now."""
    end_ms = now_ms if goes_on(event) else (event.end_ms or event.ts_ms)
    return max(0, event.ts_ms - before_s * 1000), min(end_ms + after_s * 1000, event.ts_ms + MAX_CLIP_MS)
