"""The one summary of a day whose ordinary pushes went beyond the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from vigilar.base.day_spans import day_start_ms, house_day, moment_ms
from vigilar.base.notify_rules import NotifyRules
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.base.zone import load_zone
from vigilar.rules.words import and_list
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent, get_event, veiled
from vigilar.store.tellings import limited_between
from vigilar.store.users import list_users
from vigilar.store.veils import find_veil

LATE_MS = 4 * 3_600_000
"""A house that is started in the afternoon tells nothing of yesterday any more."""

MOST_READ = 200


@dataclass(frozen=True, slots=True)
class Summary:
    """One to tell. ``story`` names it: told once, it is not told again. ``day`` is that of the house it is about;
    ``newest_id`` the event to open."""

    member_id: int
    story: str
    day: str
    title: str
    body: str
    newest_id: int


def read_summaries(store: Store, settings: NotifyRules, now_ms: int) -> list[Summary]:
    """Those of yesterday, from the time of the settings on, for some hours; each is the same whenever it is asked for,
    so that its ``story`` keeps it from being told twice. Raises StoreError."""
    zone = load_zone(settings.time_zone)
    today = house_day(now_ms, zone)
    due_ms = moment_ms(today, settings.summary_min, zone)
    if not due_ms <= now_ms < due_ms + LATE_MS:
        return []
    day = today - timedelta(days=1)
    cameras = {one.id: one.cameras for one in list_users(store)}
    found = []
    for member_id, event_ids in limited_between(store, day_start_ms(day, zone), day_start_ms(today, zone)).items():
        veil = find_veil(store, cameras.get(member_id))
        found_events = (get_event(store, one) for one in event_ids[:MOST_READ])
        events = [veiled(event, veil) for event in found_events if event is not None]
        if events:
            title = f"{len(event_ids)} more yesterday"
            story = f"summary-{day.isoformat()}-{member_id}"
            found.append(Summary(member_id, story, day.isoformat(), title, _body(events), events[-1].id))
    return found


def _body(events: Iterable[StoredEvent]) -> str:
    counts = Counter(_thing(event) for event in events)
    words = [thing if count == 1 else f"{thing} {count} times" for thing, count in counts.most_common(4)]
    rest = sum(counts.values()) - sum(count for _, count in counts.most_common(4))
    listed = and_list([*words, *([f"{rest} more"] if rest else [])])
    return f"{listed}, after the day's ordinary ones. They are on the page of events."


def _thing(event: StoredEvent) -> str:
    if event.kind in KIND_WORDS:
        return KIND_WORDS[event.kind]
    return str(event.payload.get("title") or event.type.replace("_", " "))
