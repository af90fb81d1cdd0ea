"""One event with its story: the clip, what happened, why it was told, what else there was, and the ones beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Blueprint, redirect, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.errors import StoreError
from vigilar.playback.event_span import AFTER_S, BEFORE_S
from vigilar.playback.timeline import read_timeline
from vigilar.store import incident_pages as pages
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.store.incident_pages import Story, StoryKey
from vigilar.store.tracks import tracks_of_event
from vigilar.vge.places import lock_problem
from vigilar.web.auth import asker
from vigilar.web.blueprints.event_list import keep_stories, read_query, see_stories, story_filter
from vigilar.web.blueprints.events import (
    MAX_AROUND_S,
    clip_range,
    get_named_event,
    has_footage,
    unknown_event,
)
from vigilar.web.blueprints.wildlife import naming_of
from vigilar.web.erased_words import erased_words, read_erased
from vigilar.web.event_words import describe_payload, event_title, make_card, visit_paths
from vigilar.web.list_query import FROM_PUSH
from vigilar.web.parts import Parts, parts
from vigilar.web.pet_words import question_of
from vigilar.web.rights import Right, needs
from vigilar.web.story_lines import Areas, story_lines
from vigilar.web.story_words import lead_of, make_story_card
from vigilar.web.visible import VisibleCameras, visible_cameras

bp = Blueprint("event_page", __name__)

BESIDE_MS = 60_000
"""What else happened within a minute of a story is perhaps of it."""

MOST_BESIDE = 8

LOST_SOON_MS = 15_000
"""A camera that is lost so soon after something happened may have been lost by it."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Another story at the same time."""

    id: int
    title: str
    ts_ms: int


@bp.get("/events/<int:event_id>")
@needs(Right.SEE_EVENTS)
def event_page(event_id: int) -> str:
    here, visible = parts(), visible_cameras(asker())
    if (danger := visible.find_danger(event_id)) is not None:
        return render_template(
            "danger.html", event=danger, title=event_title(danger), is_over=danger.end_ms is not None
        )
    event = get_named_event(str(event_id))
    limits = visible.limit(EventFilter())
    story = pages.story_of(here.store, event, limits, asker().id)
    if story is None:
        raise unknown_event()
    names = {camera.id: camera.name for camera in visible.all()}
    card = make_card(event, here.zone, visible.ids())
    now_ms = here.now_ms()
    erased = erased_words(story, read_erased(here.store, [story]), visible.member.sees, now_ms, here.zone)
    story_card = make_story_card(story, now_ms, here.zone, names, erased=erased)
    removed = visible.removed_name(event.source_id)
    plays = bool(card.has_clip or removed) and asker().may(Right.SEE_FOOTAGE) and has_footage(here, event)
    wanted = read_query(here, visible)
    older, newer = pages.neighbours(here.store, story, story_filter(here, visible, wanted), asker().id)
    ends_ms = here.now_ms() if card.is_open else (event.end_ms or event.ts_ms)
    beside = pages.around(here.store, story, limits, event.ts_ms - BESIDE_MS, ends_ms + BESIDE_MS, MOST_BESIDE)
    return render_template(
        "event.html",
        event=event,
        card=card,
        story=story_card,
        is_one=len(story.events) == 1,
        camera_name=names.get(event.source_id, ""),
        has_footage=plays,
        missing="" if plays or not card.has_clip else _missing_words(here, event),
        locked=lock_problem(here.cfg.secrets_dir) if card.has_clip else "",
        removed=removed,
        lines=story_lines(
            story, lambda one: tracks_of_event(here.store, one), lambda one: _areas(here, one), here.zone
        ),
        pet=question_of(here, event),
        pet_undo=request.args.get("undo") if "said" in request.args else None,
        details=describe_payload(event),
        paths=visit_paths(tracks_of_event(here.store, event.id)),
        clip=clip_range(here, event)[0],
        around=(BEFORE_S, AFTER_S),
        max_around=MAX_AROUND_S,
        lost_after=_lost_after(story, beside),
        beside=[Beside(one.id, event_title(one), one.ts_ms) for one in beside],
        others=_other_cameras(visible, story),
        older=lead_of(older) if older else None,
        newer=lead_of(newer) if newer else None,
        query=replace(wanted, cursor="").query(),
        is_from_push=request.args.get("from") == FROM_PUSH,
        **naming_of(event),
    )


@bp.post("/events/<int:event_id>/keep")
@needs(Right.CHANGE_EVENTS)
def keep_event(event_id: int) -> AnyResponse:
    """The button of the page, without script: of the whole story, as its card does."""
    here, visible = parts(), visible_cameras(asker())
    keep_stories(here, visible, [_key_of(get_named_event(str(event_id)))], kept=request.form.get("kept") == "1")
    return redirect(f"/events/{event_id}{read_query(here, visible).query()}", 303)


@bp.post("/events/<int:event_id>/seen")
@needs(Right.SEE_EVENTS)
def see_event(event_id: int) -> AnyResponse:
    """The same for having seen it, which is the asker's own."""
    here, visible = parts(), visible_cameras(asker())
    key = _key_of(get_named_event(str(event_id)))
    see_stories(here, visible, [key], seen=request.form.get("seen") == "1")
    return redirect(f"/events/{event_id}{read_query(here, visible).query()}", 303)


def _key_of(event: StoredEvent) -> StoryKey:
    return StoryKey("e", event.id) if event.incident_id is None else StoryKey("i", event.incident_id)


def _areas(here: Parts, camera_id: str) -> Areas:
    settings = here.cameras.settings(camera_id)
    return {zone.name: zone.points for zone in settings.zones} if settings is not None else {}


def _missing_words(here: Parts, event: StoredEvent) -> str:
    """Why there is no recording of an event, in the words of the timeline; empty when that is not known."""
    covered, _ = clip_range(here, event)
    try:
        found = read_timeline(here.footage, event.source_id, covered.from_ms, covered.to_ms, here.now_ms())
    except StoreError:
        return ""
    return found.gaps[0].words if found.gaps else ""


def _lost_after(story: Story, beside: list[StoredEvent]) -> StoredEvent | None:
    """The camera of the story that was lost right after."""
    cameras = {event.source_id for event in story.events}
    ends = max(event.end_ms or event.ts_ms for event in story.events)
    lost = [one for one in beside if one.type == "camera_offline" and one.source_id in cameras]
    return next((one for one in lost if story.start_ms <= one.ts_ms <= ends + LOST_SOON_MS), None)


def _other_cameras(visible: VisibleCameras, story: Story) -> list[tuple[str, str]]:
    """Id and name of those that saw nothing of it: what they recorded is one link away."""
    own = {event.source_id for event in story.events}
    return [(camera.id, camera.name) for camera in visible.all() if camera.id not in own]
