"""Stories as cards: what a person reads of a visit in the list and on its own page."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from vigilar.base.story import Happening, count_all, happening_of
from vigilar.base.story_words import title_of
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.store.events import StoredEvent, told_fields
from vigilar.store.incident_pages import Story
from vigilar.store.schema import SEVERITIES
from vigilar.web.event_words import DIVIDERS, LEVELS, event_icon, event_title, is_going
from vigilar.web.times import clock_text, day_key, day_text, iso_text, length_text

MOST_PLACES = 3


@dataclass(frozen=True, slots=True)
class StoryCard:
    """``id`` and ``href`` are those of the event that stands for the story, ``anchor`` of its first one: as long as the
    story lasts that stays the same. ``version`` rises with each change. ``clip_of``: the event whose clip is the
    preview, 0 for none. ``parts`` is empty for a story of one event, ``erased`` unless somebody deleted its
    recording."""

    key: str
    id: int
    anchor: int
    version: str
    events: str
    severity: str
    level: str
    icon: str
    title: str
    time: str
    iso: str
    day: str
    day_words: str
    length: str
    until: str
    detail: str
    parts: str
    erased: str
    cameras: str
    from_ms: int
    to_ms: int
    still: str
    clip_of: int
    is_divider: bool
    is_open: bool
    is_new: bool
    is_kept: bool


def make_story_card(
    story: Story,
    now_ms: int,
    zone: tzinfo,
    names: Mapping[str, str],
    veiled: Container[str] = (),
    erased: str = "",
) -> StoryCard:
    """``names`` of the cameras that the asker may see, by id: only events of these have a clip. There is no preview of
    those that are ``veiled``, nor of a story of which ``erased`` says who deleted its recording."""
    lead = lead_of(story)
    end_ms = story_end(story, now_ms)
    is_open = any(is_going(event) for event in story.events)
    is_short = end_ms <= story.start_ms
    severity = story.severity
    clips = [one for one in (lead, *story.events) if one.source_id in names and one.source_id not in veiled]
    return StoryCard(
        key=story.key.dump(),
        id=lead.id,
        anchor=story.events[0].id,
        version=f"{story.change}.{len(story.events)}.{story.updated_ms}.{len(story.unseen)}",
        events=" ".join(str(event.id) for event in story.events),
        severity=severity,
        level=LEVELS[severity],
        icon=event_icon(lead),
        title=story_title(story),
        time=clock_text(story.start_ms, zone),
        iso=iso_text(story.start_ms, zone),
        day=day_key(story.start_ms, zone),
        day_words=day_text(story.start_ms, now_ms, zone),
        length="" if is_open or is_short else length_text(end_ms - story.start_ms),
        until="" if is_open or is_short else clock_text(end_ms, zone),
        detail=_detail(story, lead),
        parts=_parts(story, names),
        erased=erased,
        cameras=" ".join(dict.fromkeys(event.source_id for event in story.events if event.source_id in names)),
        from_ms=story.start_ms,
        to_ms=end_ms,
        still=story_still(story),
        clip_of=clips[0].id if clips and not erased else 0,
        is_divider=all(event.type in DIVIDERS for event in story.events),
        is_open=is_open,
        is_new=bool(story.unseen),
        is_kept=any(event.kept for event in story.events),
    )


def lead_of(story: Story) -> StoredEvent:
    """The event that stands for all: the one with the story's picture, else the worst, the first of those that are."""
    pictured = [event for event in story.events if story.still_id is not None and event.still_id == story.still_id]
    worst = max(story.events, key=lambda event: (SEVERITIES.index(event.severity), -event.ts_ms, -event.id))
    return pictured[0] if pictured else worst


def story_title(story: Story) -> str:
    """The incident's own words; where these tell of more than may be seen, those that what may be seen would give."""
    if story.title:
        return story.title
    return event_title(story.events[0]) if story.key.kind == "e" else title_of(count_all(map(_happening, story.events)))


def _happening(event: StoredEvent) -> Happening:
    return happening_of(
        event.payload,
        type_=event.type,
        kind=event.kind,
        severity=event.severity,
        source_id=event.source_id,
        ts_ms=event.ts_ms,
        end_ms=event.end_ms,
        still_id=event.still_id,
        score=event.label_score,
    )


def story_still(story: Story) -> str:
    """The address of its picture; empty for none."""
    lead = lead_of(story)
    pictured = lead if lead.still_id is not None else next((one for one in story.events if one.still_id), lead)
    return str(told_fields(pictured)["still"] or "")


def story_end(story: Story, now_ms: int) -> int:
    """UTC ms of the newest moment; now, while something goes on."""
    if any(is_going(event) for event in story.events):
        return max(now_ms, story.start_ms)
    return max(event.end_ms or event.ts_ms for event in story.events)


def _detail(story: Story, lead: StoredEvent) -> str:
    reason = lead.payload.get("reason")
    if isinstance(reason, str) and reason:
        return reason[0].upper() + reason[1:]
    zones = list(dict.fromkeys(zone for event in story.events for zone in event.zones))
    return f"In {', '.join(zones)}" if zones else ""


def _parts(story: Story, names: Mapping[str, str]) -> str:
    """``3 events: Person, Motion; Front door, Drive``: what the title leaves out of a story of several."""
    if len(story.events) < 2:
        return ""
    kinds = [KIND_WORDS.get(event.kind, "") for event in story.events if event.kind and event.kind != MOTION]
    places = [names[event.source_id] for event in story.events if event.source_id in names]
    shown = [*dict.fromkeys(kinds)][:MOST_PLACES], [*dict.fromkeys(places)][:MOST_PLACES]
    words = "; ".join(", ".join(one) for one in shown if one)
    return f"{len(story.events)} events{': ' + words if words else ''}"
