"""Events for programs, their clips and stills, and the stream that keeps open pages up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug import Response as AnyResponse

from vigilar.base.errors import StoreError
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.bus.messages import EventPublished
from vigilar.playback.event_span import AFTER_S, BEFORE_S, clip_span, goes_on
from vigilar.playback.export.planning import Wanted
from vigilar.playback.library import FootageGone
from vigilar.playback.playlist import footage_playlist
from vigilar.playback.stretch import Stretch
from vigilar.store import events as event_rows
from vigilar.store.acknowledging import list_notes
from vigilar.store.arming import read_state
from vigilar.store.change_reader import PassingPlace
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.store.schema import SEVERITIES
from vigilar.web.arm_words import ARM, arm_content
from vigilar.web.auth import asker, check_may, end_with_login
from vigilar.web.bodies import read_json, read_limit
from vigilar.web.event_words import danger_alone, event_json, published_from_row
from vigilar.web.hub import CARD, HUB, JOB, OBJECTS, HubClosed, Listener, Notice, make_notice
from vigilar.web.incident_view import StoryTeller, knows_incident
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.saved_clips import saved_clip
from vigilar.web.serving import playlist_response, saved_response
from vigilar.web.story_cards import fresh_text
from vigilar.web.times import TimeRange, parse_moment
from vigilar.web.visible import SECRET_TYPES, VisibleCameras, visible_cameras

logger = logging.getLogger(__name__)

bp = Blueprint("events", __name__)

KEEP_ALIVE_S = 15.0
"""So often a page hears something. One that hears nothing for longer gives its line up (``stream.js``)."""

REPLAY_AT_MOST = 500
"""A page that missed more than this loads its list again instead."""

NOTED_MS, NOTED_AT_MOST = 2 * 3_600_000, 50
"""A page shows an alert for an hour; note of it may be taken late in that hour, of one that was told late."""

MAX_AROUND_S = 600
"""Further away the camera's page leads."""

_NOTICE_RIGHTS = {JOB: Right.EXPORT, OBJECTS: Right.SEE_LIVE}
"""Notices that not everybody gets who may see events."""


def broadcast_sse_event(message: EventPublished, after: int | None = None) -> None:
    """Tell all open pages of a stored event. Any thread; never waits.

    ``after`` is the change told before: there is none between the two. Without it each page that misses one looks.
    What no page may show at once is not told.
    """
    if message.type not in SECRET_TYPES:
        HUB.broadcast(_notice(message, after))


def _notice(message: EventPublished, after: int | None = None) -> Notice:
    data = message.dump().decode()
    return Notice("event", data, message.change, after, message.source_id, event_id=int(message.id))


def _heard(visible: VisibleCameras, notice: Notice) -> Notice | None:
    """The notice of an event as this member hears it; None for what is not told to them."""
    has_source = visible.has_source(notice.source_id)
    if has_source and visible.member.cameras is None:
        return notice
    told = visible.veil_told(EventPublished.parse(notice.data.encode()))
    heard = told if has_source else danger_alone(told)
    return None if heard is None else replace(notice, data=heard.dump().decode())


@bp.get("/events/<int:event_id>/still.jpg")
@needs(Right.SEE_EVENTS)
def event_still(event_id: int) -> AnyResponse:
    event = _get_event(event_id)
    found = parts().footage.read_still(event.still_id, event.source_id) if event.still_id is not None else None
    if found is None:
        raise Problem(404, "event.no_still", "There is no picture of this event.")
    # An event may get a better still while it goes on; one that is asked for by its number never changes.
    is_that_one = request.args.get("v") == str(event.still_id)
    kept = "private, max-age=86400, immutable" if is_that_one else "private, no-cache"
    return Response(found[1], mimetype="image/jpeg", headers={"Cache-Control": kept})


@bp.get("/events/<int:event_id>/index.m3u8")
@needs(Right.SEE_FOOTAGE)
def event_playlist(event_id: int) -> AnyResponse:
    here = parts()
    event = _get_event(event_id)
    around = _around_from_args()
    _, is_finished = clip_range(here, event, around)
    stretches = _stretches(here, event, around)
    if not stretches:
        raise _no_footage()
    return playlist_response(footage_playlist(stretches, event.source_id, is_finished=is_finished))


@bp.get("/events/<int:event_id>/clip.mp4")
@needs(Right.SEE_FOOTAGE)
def event_clip(event_id: int) -> AnyResponse:
    here = parts()
    event = _get_event(event_id)
    around = _around_from_args()
    covered, _ = clip_range(here, event, around)
    wanted = Wanted(event.source_id, covered.from_ms, covered.to_ms)
    clip = saved_clip(here, wanted, _stretches(here, event, around))
    if clip is None:
        raise _no_footage()
    return saved_response(clip)


@bp.get("/events/stream")
@needs(Right.SEE_EVENTS)
def stream() -> AnyResponse:
    here, me = parts(), asker()
    listener = here.hub.subscribe()  # before the replay: what is stored meanwhile waits in the queue
    # Another role or limit ends it too: the page comes back by itself, and sees what it may see by then.
    open_stream = end_with_login(lambda member: member == me, listener.close)
    last_id = request.headers.get("Last-Event-ID") or request.args.get("after")
    visible = visible_cameras(me)
    wants_cards = request.args.get("cards") == "1"
    body = _stream(here, visible, listener, last_id, _card_maker(here, visible) if wants_cards else _no_card)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(body, mimetype="text/event-stream", headers=headers)
    response.call_on_close(lambda: here.hub.unsubscribe(listener))
    response.call_on_close(lambda: here.streams.remove(open_stream))
    return response


@bp.get("/api/v1/events")
@needs(Right.SEE_EVENTS)
def api_events() -> AnyResponse:
    wanted = _filter_from_args(read_limit(50, event_rows.MAX_PAGE))
    rows, cursor = event_rows.list_events(parts().store, visible_cameras(asker()).limit(wanted))
    seen = event_rows.find_seen(parts().store, asker().id, [row.id for row in rows])
    return jsonify({"events": [event_json(row, seen=row.id in seen) for row in rows], "next": cursor})


@bp.get("/api/v1/events/<event_id>")
@needs(Right.SEE_EVENTS)
def api_event(event_id: str) -> AnyResponse:
    return _event_answer(get_named_event(event_id))


@bp.patch("/api/v1/events/<event_id>")
@needs(Right.SEE_EVENTS)
def api_change_event(event_id: str) -> AnyResponse:
    """``kept`` is for the whole house and needs a right of its own; ``seen`` is the asker's alone."""
    here, event = parts(), get_named_event(event_id)
    body = read_json({"kept": bool, "seen": bool})
    if "kept" in body:
        event = _keep(event, kept=body["kept"])
    if "seen" in body:
        event_rows.set_seen(here.store, asker().id, event.id, seen=body["seen"])
    return _event_answer(event)


def _keep(event: StoredEvent, *, kept: bool) -> StoredEvent:
    check_may(Right.CHANGE_EVENTS)
    here = parts()
    name, now_ms = asker().name, here.now_ms()
    changed = here.reserve.help(lambda: event_rows.set_kept(here.store, event.id, kept=kept, by=name, now_ms=now_ms))
    if changed is None:
        raise unknown_event()
    return visible_cameras(asker()).veil(changed)


def _event_answer(event: StoredEvent) -> AnyResponse:
    seen = event_rows.find_seen(parts().store, asker().id, [event.id])
    return jsonify(event_json(event, seen=event.id in seen))


def get_named_event(event_id: str) -> StoredEvent:
    """The event that the address names, if the asker may see it. Raises Problem 404."""
    if not (event_id.isascii() and event_id.isdigit()):
        raise unknown_event()
    return _get_event(int(event_id))


CARDS_BEHIND = 16
"""A page that is further behind, in a storm or on a bad line, asks for the newest card of each story by itself."""

CardMaker: TypeAlias = Callable[[Notice], str]
"""The text of the card of a notice's story; empty for none."""


def _no_card(_notice: Notice) -> str:
    """For pages that show no list."""
    return ""


def _card_maker(here: Parts, visible: VisibleCameras) -> CardMaker:
    templates = current_app.jinja_env  # the stream goes on when the request is over

    def make(notice: Notice) -> str:
        event_id, change = notice.event_id, notice.change
        if event_id is None or change is None:
            return ""
        try:
            return here.cards.get(visible.member, change, lambda: fresh_text(templates, here, visible, event_id))
        except StoreError as error:
            logger.warning("a card could not be made for an open page, which asks for it itself: %s", error)
            return ""

    return make


def _stream(
    here: Parts, visible: VisibleCameras, listener: Listener, last_id: str | None, make_card: CardMaker
) -> Iterator[str]:
    """The lines of one page's stream, until it is closed: by the page, with its login, or by the end of the process."""
    try:
        newest = event_rows.newest_change(here.store)
        yield "retry: 1000\n" + _connected(here, visible, newest).dump()
        sent = newest
        teller = StoryTeller(here.store, visible, newest)
        if last_id is not None:
            after = _change_of(last_id, newest)
            if after is None:
                yield make_notice("refresh", {"change": newest}, newest).dump()
            else:
                sent = after
                # The page may have been cut off between an event and its incident: that one comes again.
                teller = StoryTeller(here.store, visible, after - 1)
                for notice in _missed(here, visible, sent, newest):
                    yield notice.dump()
                    sent = max(sent, notice.change or 0)
                yield from _dumped(teller.notices(newest))
        yield _health(here, visible)
        yield from _follow(here, visible, listener, sent, teller, make_card)
    except HubClosed:
        return
    except StoreError as error:
        logger.warning("an event stream ended, its page will come back: %s", error)


def _connected(here: Parts, visible: VisibleCameras, newest: int) -> Notice:
    """The first notice: what a page must know at once, however long it was away."""
    arm, now_ms = arm_content(read_state(here.store)), here.now_ms()
    noted = [
        {"incident_id": str(one.incident_id), "severity": one.severity}
        for one in list_notes(here.store, now_ms - NOTED_MS, NOTED_AT_MOST)
        if knows_incident(here.store, one.incident_id, visible)
    ]
    return make_notice("connected", {"now": now_ms, "change": newest, "arm": arm, "noted": noted})


def _follow(
    here: Parts, visible: VisibleCameras, listener: Listener, sent: int, teller: StoryTeller, make_card: CardMaker
) -> Iterator[str]:
    while True:
        notice = listener.get(KEEP_ALIVE_S)
        if notice is None:
            yield make_notice("alive", {}).dump()
        elif notice.change is None:
            if notice.name == ARM or _may_hear(here, visible, notice):
                yield notice.dump()
        elif notice.change > sent:
            before = notice.change - 1 if notice.after is None else notice.after
            if before > sent:  # one between was not told to this page; the rows are complete and in order
                for missed in _missed(here, visible, sent, notice.change - 1):
                    yield missed.dump()
            if (heard := _heard(visible, notice)) is not None:
                text = make_card(notice) if listener.waiting() <= CARDS_BEHIND else ""
                if text:  # before the event: its page has no need to ask any more
                    yield make_notice(CARD, {"html": text}).dump()
                yield heard.dump()
            sent = notice.change
            yield from _dumped(teller.notices(sent))


def _dumped(notices: Iterator[Notice]) -> Iterator[str]:
    return (notice.dump() for notice in notices)


def _may_hear(here: Parts, visible: VisibleCameras, notice: Notice) -> bool:
    if notice.incident_id is not None:
        return knows_incident(here.store, notice.incident_id, visible)
    right = _NOTICE_RIGHTS.get(notice.name)
    is_seen = all(one in visible for one in (notice.source_id, *notice.more_sources))
    return is_seen and (right is None or visible.member.may(right))


def _missed(here: Parts, visible: VisibleCameras, after: int, up_to: int) -> Iterator[Notice]:
    """Notices of the events changed after ``after`` up to ``up_to``, or one that asks to load the list again."""
    if up_to <= after:
        return
    changes = PassingPlace(here.store, after).next_batch(REPLAY_AT_MOST + 1)
    if len(changes) > REPLAY_AT_MOST:
        newest = changes[-1].number
        yield make_notice("refresh", {"change": newest}, newest)
        return
    for change in changes:
        if change.number <= up_to and visible.knows_of(change.event):
            heard = _heard(visible, _notice(published_from_row(change.event)))
            if heard is not None:
                yield heard


def _change_of(text: str, newest: int) -> int | None:
    """The change number a page resumes after; None when it is not one of this database."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        return None
    change = int(text)
    return change if change <= newest else None


def _health(here: Parts, visible: VisibleCameras) -> str:
    now_ms = here.now_ms()
    cameras = [here.board.camera(camera.id, now_ms) for camera in visible.all()]
    return make_notice("health", {"now": now_ms, "cameras": cameras}).dump()


def wanted_events(limit: int) -> EventFilter:
    """Which events the request asks for, by the names of ``/api/v1/events``. Raises Problem 422."""
    return _filter_from_args(limit)


def _filter_from_args(limit: int) -> EventFilter:
    args = request.args
    severity = args.get("severity") or None
    if severity is not None and severity not in SEVERITIES:
        raise Problem(422, "query.severity", f"severity is one of {', '.join(SEVERITIES)}.", field="severity")
    kind = args.get("kind") or None
    if kind is not None and kind not in KIND_WORDS:
        raise Problem(422, "query.kind", f"kind is one of {', '.join(KIND_WORDS)}.", field="kind")
    if "sort" in args:
        raise Problem(422, "query.sort", "Events are always listed newest first.", field="sort")
    return EventFilter(
        camera=args.get("camera") or None,
        type=args.get("type") or None,
        kind=kind,
        severity=severity,
        from_ms=parse_moment(args["from"], "from") if args.get("from") else None,
        to_ms=parse_moment(args["to"], "to") if args.get("to") else None,
        q=(args.get("q") or "")[:200] or None,
        cursor=args.get("cursor") or None,
        limit=limit,
    )


def _get_event(event_id: int) -> StoredEvent:
    event = visible_cameras(asker()).find_event(event_id)
    if event is None:
        raise unknown_event()
    return event


def unknown_event() -> Problem:
    next_step = "Your account may not see its camera any more, or a backup from before it was restored."
    return Problem(404, "event.unknown", "There is no such event.", next_step=next_step)


def _no_footage() -> Problem:
    return Problem(404, "event.no_footage", "There is no recording of this moment.")


def _around_from_args() -> tuple[int, int]:
    """Seconds before and after the event that are asked for. Raises Problem 422."""
    found = []
    for name, default in (("before", BEFORE_S), ("after", AFTER_S)):
        text = request.args.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= MAX_AROUND_S):
            raise Problem(422, f"query.{name}", f"{name} is 0 to {MAX_AROUND_S} seconds.", field=name)
        found.append(int(text))
    return found[0], found[1]


def clip_range(
    here: Parts, event: StoredEvent, around: tuple[int, int] = (BEFORE_S, AFTER_S)
) -> tuple[TimeRange, bool]:
    """What the clip of an event covers with these seconds before and after it, and whether all of it is over."""
    before_s, after_s = around
    now_ms = here.now_ms()
    from_ms, to_ms = clip_span(event, now_ms, before_s, after_s)
    # The recorder makes its last bytes durable within a second; a little more covers a slow disk.
    is_finished = not goes_on(event) and now_ms > to_ms + 3_000
    return TimeRange(from_ms, to_ms), is_finished


def event_range(event_id: int) -> tuple[str, TimeRange]:
    """The camera of an event and what its clip covers. Raises Problem 404."""
    event = _get_event(event_id)
    return event.source_id, clip_range(parts(), event, (BEFORE_S, AFTER_S))[0]


def _stretches(here: Parts, event: StoredEvent, around: tuple[int, int] = (BEFORE_S, AFTER_S)) -> list[Stretch]:
    covered, _ = clip_range(here, event, around)
    return here.footage.find(event.source_id, covered.from_ms, covered.to_ms)


def has_footage(here: Parts, event: StoredEvent) -> bool:
    """Whether anything of its clip can be played."""
    try:
        return bool(_stretches(here, event))
    except FootageGone:  # deleted behind our back: the page of the event stays
        return False
