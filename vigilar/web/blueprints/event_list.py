"""The list of events: incidents as cards, found by plain words and links, marked as seen and kept, with a way back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from flask import Blueprint, current_app, jsonify, redirect, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.amounts import count_text
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.config.jobs import CameraInfo
from vigilar.store import events as event_rows
from vigilar.store import incident_pages as pages
from vigilar.store.events import EventFilter
from vigilar.store.incident_counts import count_by_level
from vigilar.store.incident_pages import StoryKey
from vigilar.store.sensors import list_sensors
from vigilar.store.story_query import StoryFilter
from vigilar.store.users import list_users
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import unknown_event
from vigilar.web.event_words import TYPES
from vigilar.web.house import read_cameras
from vigilar.web.list_query import ListQuery
from vigilar.web.list_words import Viewer, list_sentence, make_month, make_strip
from vigilar.web.meant_words import meant_text
from vigilar.web.packing import page_response
from vigilar.web.parts import Parts, parts
from vigilar.web.plain_search import Names
from vigilar.web.problems import Problem, wants_page
from vigilar.web.rights import Right, needs
from vigilar.web.story_cards import card_text, make_cards
from vigilar.web.times import house_time
from vigilar.web.typed_time import day_range
from vigilar.web.undos import Undo, What
from vigilar.web.visible import VisibleCameras, visible_cameras

bp = Blueprint("event_list", __name__)

LEVEL_ROW = (("alert", "alert", "Alert"), ("notable", "warning", "Notable"), ("background", "info", "Background"))
"""Name in the address, symbol and word."""

COUNTED_MS = 8 * 24 * 3_600_000
"""Levels are counted in a span of a week at most: of a year nobody asks how many."""

MOST_AT_ONCE = 500


@bp.get("/events")
@needs(Right.SEE_EVENTS)
def events_page() -> AnyResponse:
    here, visible = parts(), visible_cameras(asker())
    change = event_rows.newest_change(here.store)  # before the list: what comes between is sent, not lost
    wanted, cameras = read_query(here, visible), visible.all()
    stories, cursor = pages.list_stories(here.store, story_filter(here, visible, wanted), asker().id)
    month, viewer = _month_from_args(here), _viewer(here, visible)
    text = render_template(
        "events.html",
        cards=make_cards(here, visible, stories),
        next=cursor,
        wanted=wanted,
        query=wanted.query(),
        change=change,
        sentence=_sentence(here, visible),
        levels=_level_counts(here, visible, wanted),
        level_row=LEVEL_ROW,
        cameras=cameras,
        kinds=KIND_WORDS,
        types=TYPES,
        zones=_zone_names(here, cameras),
        strip=make_strip(viewer, wanted.day),
        month=make_month(viewer, month, wanted.day) if month is not None else None,
        this_month=(wanted.day or viewer.today).strftime("%Y-%m"),
        meant=_meant(here, visible, wanted) if wanted.search.words and not stories else "",
        pieces=[(piece, wanted.search.without(piece)) for piece in wanted.search.pieces],
        done=here.undos.find(request.args.get("done", ""), asker().id),
        done_token=request.args.get("done", ""),
        has_clips=asker().may(Right.SEE_FOOTAGE),
    )
    return page_response(text)


@bp.get("/events/<int:event_id>/card")
@needs(Right.SEE_EVENTS)
def event_card(event_id: int) -> AnyResponse:
    """The card of the story that an event belongs to, for a page that has just been told of it; 204 when it is not in
    the list that the rest of the address asks for."""
    here, visible = parts(), visible_cameras(asker())
    event = visible.find_event(event_id)
    story = pages.story_of(here.store, event, visible.limit(EventFilter()), asker().id) if event else None
    if event is None or story is None:
        raise unknown_event()
    wanted = read_query(here, visible)
    if wanted.is_filtered and not pages.matches(here.store, story, story_filter(here, visible, wanted)):
        return AnyResponse(status=204)
    return AnyResponse(card_text(current_app.jinja_env, here, visible, story, wanted.query()), mimetype="text/html")


@bp.get("/events/summary")
@needs(Right.SEE_EVENTS)
def summary() -> AnyResponse:
    """What stands above the list, for an open page."""
    here, visible = parts(), visible_cameras(asker())
    counts = _level_counts(here, visible, read_query(here, visible))
    return jsonify({"sentence": _sentence(here, visible), "levels": counts})


@bp.post("/events/seen")
@needs(Right.SEE_EVENTS)
def mark_seen() -> AnyResponse:
    """Stories are ``one`` or each ``story`` of the form, or all of the list (``all``); ``undo`` takes a change back."""
    here, visible, me = parts(), visible_cameras(asker()), asker()
    if "undo" in request.form:
        undo = _take_back("seen")
        back = pages.set_all_seen(here.store, me.id, undo.events.tolist(), seen=not undo.value)
        return _answer(f"Taken back: {undo.words}", "seen", value=not undo.value, changed=back)
    seen = request.args.get("seen", "1") == "1"
    if request.form.get("all") == "1":
        changed = pages.mark_seen(here.store, story_filter(here, visible, read_query(here, visible)), me.id)
        count = count_text(len(changed), "event")
    else:
        keys = _keys_from_form()
        changed = see_stories(here, visible, keys, seen=seen)
        count = count_text(len(keys), "card")
    words = f"{count} marked as {'seen' if seen else 'not seen'}." if changed else "Nothing to mark: it was so already."
    return _answer(words, "seen", value=seen, changed=changed)


@bp.post("/events/kept")
@needs(Right.CHANGE_EVENTS)
def mark_kept() -> AnyResponse:
    """The same for keeping the recordings of stories (``?kept=1``), or letting go of them (``?kept=0``)."""
    here, visible = parts(), visible_cameras(asker())
    if "undo" in request.form:
        undo = _take_back("kept")
        back = _keep(here, undo.events.tolist(), kept=not undo.value)
        return _answer(f"Taken back: {undo.words}", "kept", value=not undo.value, changed=back)
    kept = request.args.get("kept", "1") == "1"
    keys = _keys_from_form()
    changed, has_any = keep_stories(here, visible, keys, kept=kept)
    words = f"{count_text(len(keys), 'card')} {'kept: never deleted' if kept else 'kept no longer'}."
    return _answer(words if has_any else "There is no recording to keep.", "kept", value=kept, changed=changed)


def see_stories(here: Parts, visible: VisibleCameras, keys: list[StoryKey], *, seen: bool) -> list[int]:
    """Note for the asker that these were seen, or not; the events that changed."""
    events = pages.events_of(here.store, keys, visible.limit(EventFilter()))
    return pages.set_all_seen(here.store, visible.member.id, [one.id for one in events], seen=seen)


def keep_stories(here: Parts, visible: VisibleCameras, keys: list[StoryKey], *, kept: bool) -> tuple[list[int], bool]:
    """Keep their recordings, or let go of them; the events that changed, and whether any of them is a camera's."""
    cameras = visible.ids()
    events = pages.events_of(here.store, keys, visible.limit(EventFilter()))
    events = [one for one in events if one.source_id in cameras]
    return _keep(here, [one.id for one in events if one.kept != kept], kept=kept), bool(events)


def _keep(here: Parts, ids: list[int], *, kept: bool) -> list[int]:
    name, now_ms = asker().name, here.now_ms()

    def set_one(event_id: int) -> bool:
        return event_rows.set_kept(here.store, event_id, kept=kept, by=name, now_ms=now_ms) is not None

    return [one for one in ids if here.reserve.help(partial(set_one, one))]


def read_query(here: Parts, visible: VisibleCameras) -> ListQuery:
    """What the address of this request asks for. Raises Problem 422."""
    names = Names()
    if request.args.get("q"):
        cameras = visible.all()
        names = Names({camera.id: camera.name for camera in cameras}, _zone_names(here, cameras))
    return ListQuery.read(request.args, here.now_ms(), here.zone, names)


def _meant(here: Parts, visible: VisibleCameras, wanted: ListQuery) -> str:
    """What was perhaps meant by a search that found nothing, by names that the asker may read; empty for nothing."""
    cameras = visible.all()
    names = [*(camera.name for camera in cameras), *_zone_names(here, cameras)]
    if visible.member.may(Right.SEE_SYSTEM):
        names += [part for one in list_sensors(here.store) for part in (one.name, one.room)]
        names += [one.name for one in list_users(here.store)]
    return meant_text(wanted.search, names)


def story_filter(here: Parts, visible: VisibleCameras, wanted: ListQuery) -> StoryFilter:
    return wanted.filter(visible.limit(EventFilter()), visible.member.id, here.now_ms(), here.zone)


def _sentence(here: Parts, visible: VisibleCameras) -> str:
    return list_sentence(_viewer(here, visible), read_cameras(here, visible))


def _viewer(here: Parts, visible: VisibleCameras) -> Viewer:
    return Viewer(here.store, visible.limit(EventFilter()), visible.member.id, here.now_ms(), here.zone)


def _level_counts(here: Parts, visible: VisibleCameras, wanted: ListQuery) -> dict[str, int] | None:
    """Stories of each chip: today's, or those of the time that is asked for. None for a time too long to count."""
    found = story_filter(here, visible, wanted)
    base = found.base
    if not wanted.is_timed:
        day = day_range(house_time(here.now_ms(), here.zone).date(), here.zone)
        base = replace(base, from_ms=day.from_ms, to_ms=day.to_ms)
    if base.from_ms is None or (base.to_ms or here.now_ms()) - base.from_ms > COUNTED_MS:
        return None
    counts = count_by_level(here.store, replace(found, base=base))
    return {
        "alert": counts.get("ALERT", 0) + counts.get("CRITICAL", 0),
        "notable": counts.get("WARNING", 0),
        "background": counts.get("INFO", 0),
    }


def _zone_names(here: Parts, cameras: Sequence[CameraInfo]) -> list[str]:
    """Of the areas in which something is told of, each name once."""
    found = here.cameras.all_settings()
    settings = [found[camera.id] for camera in cameras if camera.id in found]
    zones = [zone.name for one in settings for zone in one.zones if zone.role == "include"]
    return sorted(dict.fromkeys(zones), key=str.casefold)


def _month_from_args(here: Parts) -> date | None:
    text = request.args.get("month", "")
    if not text:
        return None
    match = re.fullmatch(r"(\d{4})-(\d{2})", text)
    today = house_time(here.now_ms(), here.zone).date()
    if match is None or not (1971 <= int(match[1]) <= today.year and 1 <= int(match[2]) <= 12):
        raise Problem(422, "query.month", "A month is written as 2026-10.", field="month")
    return min(date(int(match[1]), int(match[2]), 1), today.replace(day=1))


def _keys_from_form() -> list[StoryKey]:
    """The stories that a form names. Raises Problem 422."""
    one = request.form.get("one")
    return read_keys([one] if one else request.form.getlist("story"))


def read_keys(texts: Sequence[str]) -> list[StoryKey]:
    """The stories of these names. Raises Problem 422."""
    keys = [key for text in texts if (key := StoryKey.parse(text)) is not None]
    if not keys or len(keys) != len(texts) or len(keys) > MOST_AT_ONCE:
        raise Problem(422, "events.none", "Choose at least one event first, and at most 500.", field="story")
    return keys


def _answer(words: str, what: What, *, value: bool, changed: list[int]) -> AnyResponse:
    """For a script what was done; for a plain form the list again, which says it. Both can take it back."""
    here, me = parts(), asker()
    token = here.undos.add(me.id, words, what, value=value, events=changed)
    if not wants_page():
        return jsonify({"words": words, "undo": token if changed else None, "what": what})
    wanted = read_query(here, visible_cameras(me)).query()
    return redirect(f"/events{wanted}{'&' if wanted else '?'}done={token}#{request.form.get('one', 'events')}", 303)


def _take_back(what: What) -> Undo:
    """What the token of the form stands for. Raises Problem 409."""
    undo = parts().undos.take(request.form["undo"], asker().id, what)
    if undo is None:
        raise Problem(
            409, "undo.gone", "This can be taken back no more: it is too long ago, or was taken back already."
        )
    return undo
