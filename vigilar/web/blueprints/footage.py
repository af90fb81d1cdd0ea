"""Playback of any range: HLS, MP4 with byte ranges, and the timeline of what is there."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from werkzeug import Response as AnyResponse

from vigilar.playback.clip import plan_clip
from vigilar.playback.damage import read_segment
from vigilar.playback.export.planning import Wanted
from vigilar.playback.library import FootageGone
from vigilar.playback.playlist import footage_playlist
from vigilar.playback.segments import segment_length_ms
from vigilar.playback.storyboard import find_picture, pick_pictures
from vigilar.playback.stretch import Stretch
from vigilar.playback.timeline import motion_spans, read_timeline
from vigilar.store.files import FileRow
from vigilar.web import saved_clips
from vigilar.web.auth import asker
from vigilar.web.event_words import timeline_event
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.saved_clips import saved_clip
from vigilar.web.serving import clip_response, media_response, playlist_response, records_response, saved_response
from vigilar.web.thumb_sheet import join_pictures
from vigilar.web.times import MAX_RANGE_MS, TimeRange, clock_text, parse_moment, parse_range
from vigilar.web.typed_time import parse_day, typed_moments
from vigilar.web.visible import visible_cameras

bp = Blueprint("footage", __name__, url_prefix="/footage")

MAX_SEGMENT_RECORDS = 500
"""Far above any segment of ours; bounds what one request makes us decrypt, a record at a time."""

MAX_TIMELINE_MS = 2 * MAX_RANGE_MS
"""A strip that shows a day has half of one at hand on both sides."""

MAX_THUMBS = 120
"""Of one sheet: 0.5 MB, and 2 kB of their times in its head."""

THUMBS_KEPT = "private, max-age=60"
"""A finger that goes back asks nobody; a picture of a time that goes on may be a newer one soon."""

SETTLED_MS = 3_000
"""After this a range in the past no longer grows: the recorder makes bytes durable within a second."""


@bp.get("/<camera_id>/index.m3u8")
@needs(Right.SEE_FOOTAGE)
def playlist(camera_id: str) -> AnyResponse:
    visible_cameras(asker()).check_had(camera_id)
    wanted = _range()
    stretches = _find(camera_id, wanted)
    is_finished = parts().now_ms() > wanted.to_ms + SETTLED_MS
    segment_ms = segment_length_ms(wanted.to_ms - wanted.from_ms)
    return playlist_response(footage_playlist(stretches, camera_id, is_finished=is_finished, segment_ms=segment_ms))


@bp.get("/<camera_id>/clip.mp4")
@needs(Right.SEE_FOOTAGE)
def clip(camera_id: str) -> AnyResponse:
    visible_cameras(asker()).check_had(camera_id)
    here, wanted = parts(), _range()
    stretches = _find(camera_id, wanted)
    if wanted.to_ms - wanted.from_ms <= saved_clips.MAX_MS:
        saved = saved_clip(here, Wanted(camera_id, wanted.from_ms, wanted.to_ms), stretches)
        if saved is None:
            raise _nothing()
        return saved_response(saved)
    found = plan_clip(here.footage, stretches)
    if found is None:
        raise _nothing()
    return clip_response(found, camera_id, here.zone)


@bp.get("/<camera_id>/timeline")
@needs(Right.SEE_FOOTAGE)
def timeline(camera_id: str) -> AnyResponse:
    visible_cameras(asker()).check_had(camera_id)
    wanted = _range(MAX_TIMELINE_MS)
    here = parts()
    found = read_timeline(here.footage, camera_id, wanted.from_ms, wanted.to_ms, here.now_ms())
    events = here.footage.events(camera_id, wanted.from_ms, wanted.to_ms)
    return jsonify(
        {
            "camera": camera_id,
            "from": wanted.from_ms,
            "to": wanted.to_ms,
            "spans": [{"from": span.from_ms, "to": span.to_ms} for span in found.spans],
            "gaps": [
                {"from": gap.from_ms, "to": gap.to_ms, "reason": gap.reason, "words": gap.words} for gap in found.gaps
            ],
            "events": [timeline_event(event) for event in events],
            "motion": [
                {"from": span.from_ms, "to": span.to_ms}
                for span in motion_spans(events, wanted.from_ms, wanted.to_ms, here.now_ms())
            ],
        }
    )


@bp.get("/<camera_id>/thumb.jpg")
@needs(Right.SEE_FOOTAGE)
def thumb(camera_id: str) -> AnyResponse:
    """``X-Timestamp``: when the picture was taken, UTC ms."""
    visible_cameras(asker()).check_had(camera_id)
    found = find_picture(parts().footage, camera_id, parse_moment(request.args.get("at") or "", "at"))
    if found is None:
        raise _no_picture()
    headers = {"X-Timestamp": str(found.taken_ms), "Cache-Control": THUMBS_KEPT}
    return Response(found.jpeg, mimetype="image/jpeg", headers=headers)


@bp.get("/<camera_id>/thumbs.jpg")
@needs(Right.SEE_FOOTAGE)
def thumbs(camera_id: str) -> AnyResponse:
    """``X-Sheet``: where which picture is, in the words of the contact sheet."""
    visible_cameras(asker()).check_had(camera_id)
    wanted = _range()
    found = pick_pictures(parts().footage, camera_id, wanted.from_ms, wanted.to_ms, _count())
    sheet = join_pictures(found)
    if sheet is None:
        raise _no_picture()
    headers = {"X-Sheet": sheet.layout(), "Cache-Control": THUMBS_KEPT}
    return Response(sheet.data, mimetype="image/jpeg", headers=headers)


@bp.get("/<camera_id>/moment")
@needs(Right.SEE_FOOTAGE)
def moment(camera_id: str) -> AnyResponse:
    """What somebody typed, as moments: two in the hour that comes twice."""
    visible_cameras(asker()).check_had(camera_id)
    here = parts()
    day, text = parse_day(request.args.get("day", "")), request.args.get("time", "")
    found = typed_moments(day, text, here.zone, here.now_ms())
    return jsonify({"moments": [{"at": ms, "words": clock_text(ms, here.zone)} for ms in found]})


@bp.get("/<camera_id>/<int:file_id>/init-<int:number>.mp4")
@needs(Right.SEE_FOOTAGE)
def init_segment(camera_id: str, file_id: int, number: int) -> AnyResponse:
    data = parts().footage.find_init(_get_row(camera_id, file_id), number)
    if data is None:
        raise _unknown()
    return media_response(bytes(data))


@bp.get("/<camera_id>/<int:file_id>/<int:first>-<int:last>.m4s")
@needs(Right.SEE_FOOTAGE)
def segment(camera_id: str, file_id: int, first: int, last: int) -> AnyResponse:
    row = _get_row(camera_id, file_id)
    if not 0 <= last - first < MAX_SEGMENT_RECORDS:
        raise _unknown()
    entries = parts().footage.find_records(row, first, last)
    if not entries:
        raise _unknown()
    return records_response(read_segment(parts().footage, row, entries), sum(one.payload_len for one in entries))


def _count() -> int:
    text = request.args.get("n", "60")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_THUMBS):
        raise Problem(422, "query.n", f"n is 1 to {MAX_THUMBS}.", field="n")
    return int(text)


def _range(max_ms: int = MAX_RANGE_MS) -> TimeRange:
    return parse_range(request.args.get("from"), request.args.get("to"), max_ms)


def _find(camera_id: str, wanted: TimeRange) -> list[Stretch]:
    stretches = parts().footage.find(camera_id, wanted.from_ms, wanted.to_ms)
    if not stretches:
        raise _nothing()
    return stretches


def _get_row(camera_id: str, file_id: int) -> FileRow:
    is_known = camera_id in visible_cameras(asker())
    row = parts().footage.get_video(camera_id, file_id) if is_known else None
    if row is None:
        raise _unknown()
    if row.state == "missing":
        raise FootageGone
    return row


def _no_picture() -> Problem:
    return Problem(404, "thumb.none", "There is no small picture of this time.")


def _nothing() -> Problem:
    return Problem(404, "recording.none", "Nothing was recorded in this time.")


def _unknown() -> Problem:
    return Problem(404, "recording.unknown", "There is no such recording.")
