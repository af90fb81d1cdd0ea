"""What a story says of recordings that somebody deleted by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from vigilar.store.erasures import Erased, find_erased
from vigilar.store.events import StoredEvent
from vigilar.store.incident_pages import Story
from vigilar.store.sql import Database
from vigilar.web.times import day_text


def read_erased(store: Database, stories: Sequence[Story]) -> list[Erased]:
    """What somebody deleted, or let go a moment ago, of the recordings of these stories. Raises StoreError."""
    events = [event for story in stories for event in story.events]
    if not events:
        return []
    from_ms, to_ms = min(event.ts_ms for event in events), max(_end_ms(event) for event in events)
    return find_erased(store, {event.source_id for event in events}, from_ms, to_ms + 1)


def erased_words(story: Story, erased: Iterable[Erased], sees: Callable[[str], bool], now_ms: int, zone: tzinfo) -> str:
    """``Its recording was deleted by Sam on Monday 23 November.`` Empty when nobody deleted any of it. ``sees``:
    whether the asker may see a camera, be it one that was removed."""
    known = list(erased)
    mine = [(event, _of(event, known)) for event in story.events if sees(event.source_id)]
    gone = [one for _, found in mine for one in found]
    if not gone:
        return ""
    what = "Its recording" if all(found for _, found in mine) else "A part of its recording"
    newest = max(gone, key=lambda one: (one.gone_ms is None, one.gone_ms or 0))
    if newest.gone_ms is None:
        return f"{what} is being deleted, as {newest.by_name} said."
    return f"{what} was deleted by {newest.by_name} {_on_day(newest.gone_ms, now_ms, zone)}."


def _of(event: StoredEvent, erased: Iterable[Erased]) -> list[Erased]:
    end_ms = _end_ms(event)
    return [
        one
        for one in erased
        if one.camera_id == event.source_id and one.start_ms <= end_ms and one.end_ms > event.ts_ms
    ]


def _end_ms(event: StoredEvent) -> int:
    return max(event.ts_ms, event.end_ms or 0)


def _on_day(ms: int, now_ms: int, zone: tzinfo) -> str:
    day = day_text(ms, now_ms, zone)
    return day.lower() if day in ("Today", "Yesterday") else f"on {day}"
