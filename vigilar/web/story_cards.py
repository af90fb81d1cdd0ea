"""The cards of stories as one member sees them: for the list, and as text for pages that are open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jinja2 import Environment

from vigilar.store import incident_pages as pages
from vigilar.store.events import EventFilter
from vigilar.store.incident_pages import Story
from vigilar.web.erased_words import erased_words, read_erased
from vigilar.web.parts import Parts
from vigilar.web.rights import Right
from vigilar.web.story_words import StoryCard, make_story_card
from vigilar.web.visible import VisibleCameras


def make_cards(here: Parts, visible: VisibleCameras, stories: Sequence[Story]) -> list[StoryCard]:
    """Raises StoreError."""
    names = {camera.id: camera.name for camera in visible.all()}
    veiled = _veiled(here, {event.source_id for story in stories for event in story.events} & names.keys())
    now_ms, zone = here.now_ms(), here.zone
    erased = read_erased(here.store, stories)
    return [
        make_story_card(
            story, now_ms, zone, names, veiled, erased_words(story, erased, visible.member.sees, now_ms, zone)
        )
        for story in stories
    ]


def card_text(templates: Environment, here: Parts, visible: VisibleCameras, story: Story, query: str = "") -> str:
    """The card as HTML; its links keep the filters of ``query``. Needs no request. Raises StoreError."""
    return templates.get_template("card.html").render(
        card=make_cards(here, visible, [story])[0],
        query=query,
        may=visible.member.may,
        has_clips=visible.member.may(Right.SEE_FOOTAGE),
    )


def fresh_text(templates: Environment, here: Parts, visible: VisibleCameras, event_id: int) -> str:
    """The card of the story that an event belongs to; empty where the member sees none. Raises StoreError."""
    event = visible.find_event(event_id)
    if event is None:
        return ""
    story = pages.story_of(here.store, event, visible.limit(EventFilter()), visible.member.id)
    return card_text(templates, here, visible, story) if story is not None else ""


def _veiled(here: Parts, camera_ids: Iterable[str]) -> frozenset[str]:
    """Those of the cameras that have private areas: what moves is shown of them only where these are covered."""
    found = here.cameras.all_settings()
    asked = {camera_id: found[camera_id].zones for camera_id in camera_ids if camera_id in found}
    return frozenset(key for key, zones in asked.items() if any(zone.role == "private" for zone in zones))
