"""What was seen in events and by cameras: tracks with their boxes, and where things happen."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.track_path import BadPath
from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.store.tracks import StoredTrack, tracks_between, tracks_of_event
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import get_named_event
from vigilar.web.heat import COLUMNS, DAYS, HOURS, ROWS, HeatMap, make_heat_map
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.times import parse_range
from vigilar.web.visible import visible_cameras

bp = Blueprint("objects", __name__)

DAY_MS = 86_400_000

MAX_SHOWN = 300
"""Tracks with boxes in one answer: of a busy hour the newest."""


@bp.get("/api/v1/events/<event_id>/tracks")
@needs(Right.SEE_EVENTS)
def event_tracks(event_id: str) -> AnyResponse:
    event = get_named_event(event_id)
    return jsonify({"tracks": [track_json(one) for one in tracks_of_event(parts().store, event.id)]})


@bp.get("/api/v1/cameras/<camera_id>/tracks")
@needs(Right.SEE_FOOTAGE)
def camera_tracks(camera_id: str) -> AnyResponse:
    visible_cameras(asker()).check_had(camera_id)
    wanted = parse_range(request.args.get("from"), request.args.get("to"))
    found = tracks_between(parts().store, camera_id, wanted.from_ms, wanted.to_ms)
    return jsonify({"tracks": [track_json(one) for one in found[:MAX_SHOWN]], "more": len(found) > MAX_SHOWN})


@bp.get("/cameras/<camera_id>/heat")
@needs(Right.SEE_FOOTAGE)
def heat_page(camera_id: str) -> str:
    camera = visible_cameras(asker()).get(camera_id)
    days, kind, hour = _wanted()
    return render_template(
        "heat.html",
        camera=camera,
        heat=_heat(camera_id, days, kind, hour),
        days=days,
        kind=kind,
        hour=hour,
        kinds=KIND_WORDS,
        all_days=DAYS,
        columns=COLUMNS,
        rows=ROWS,
    )


@bp.get("/api/v1/cameras/<camera_id>/heat")
@needs(Right.SEE_FOOTAGE)
def api_heat(camera_id: str) -> AnyResponse:
    visible_cameras(asker()).check_had(camera_id)
    days, kind, hour = _wanted()
    heat = _heat(camera_id, days, kind, hour)
    return jsonify(
        {
            "days": days,
            "kind": kind,
            "hour": hour,
            "visits": heat.visits,
            "columns": COLUMNS,
            "rows": ROWS,
            "places": [{"column": x, "row": y, "visits": count} for (x, y), count in sorted(heat.places.items())],
            "hours": list(heat.hours),
        }
    )


def track_json(track: StoredTrack) -> dict[str, object]:
    """Times are UTC ms; a box is ``[ts, left, top, right, bottom]``, sides in 0..1 of the picture."""
    try:
        boxes = track.boxes()
    except BadPath:  # a row that was changed by hand: the rest of the answer is still true
        boxes = []
    return {
        "id": track.id,
        "kind": track.kind,
        "score": track.score,
        "start_ts": track.start_ms,
        "end_ts": track.end_ms,
        "zones": list(track.zones),
        "boxes": [
            [one.ts_ms, *(round(side, 4) for side in (one.left, one.top, one.left + one.width, one.top + one.height))]
            for one in boxes
        ],
    }


def _heat(camera_id: str, days: int, kind: str | None, hour: int | None) -> HeatMap:
    here = parts()
    now_ms = here.now_ms()
    found = tracks_between(here.store, camera_id, now_ms - days * DAY_MS, now_ms)
    return make_heat_map((one for one in found if kind is None or one.kind == kind), here.zone, hour)


def _wanted() -> tuple[int, str | None, int | None]:
    """Days, kind and hour that are asked for. Raises Problem 422."""
    days, kind, hour = request.args.get("days", str(DAYS[0])), request.args.get("kind"), request.args.get("hour")
    if days not in {str(one) for one in DAYS}:
        raise Problem(422, "query.days", f"days is {' or '.join(map(str, DAYS))}.", field="days")
    if kind and kind not in KIND_WORDS:
        raise Problem(422, "query.kind", f"kind is one of {', '.join(KIND_WORDS)}.", field="kind")
    if hour and hour not in {str(one) for one in range(HOURS)}:
        raise Problem(422, "query.hour", "hour is 0 to 23.", field="hour")
    return int(days), kind or None, int(hour) if hour else None
