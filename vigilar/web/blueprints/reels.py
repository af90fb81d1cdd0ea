"""Reels and time-lapses for programs and for the scripts of their pages: the API, and their files."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug import Response as AnyResponse

from vigilar.store import reels as reel_rows
from vigilar.store.jobs import JobRow
from vigilar.web.auth import asker
from vigilar.web.bodies import LIST_OR_NULL, MOMENT, Fields, read_json
from vigilar.web.parts import parts
from vigilar.web.reels import (
    ask,
    ask_again,
    delete,
    find_reel,
    get_film,
    get_poster,
    get_reel,
    list_reels,
    preview,
    read_reel,
    read_timelapse,
)
from vigilar.web.rights import Right, needs
from vigilar.web.serving import file_response

bp = Blueprint("reels", __name__)

_REEL: Fields = {
    "cameras": LIST_OR_NULL,
    "from": MOMENT,
    "to": MOMENT,
    "length_s": int,
    "style": str,
    "kinds": LIST_OR_NULL,
    "clock": bool,
    "without": LIST_OR_NULL,
}
_TIMELAPSE: Fields = {"camera": str, "from": MOMENT, "to": MOMENT, "length_s": int, "smart": bool, "clock": bool}
_NEEDED = ("from", "to", "length_s")


@bp.get("/api/v1/reels")
@needs(Right.SEE_FOOTAGE)
def api_list() -> AnyResponse:
    return jsonify({"reels": list_reels(parts(), asker())})


@bp.post("/api/v1/reels")
@needs(Right.EXPORT)
def api_make() -> AnyResponse:
    return _asked(ask(read_reel(read_json(_REEL, _NEEDED))))


@bp.post("/api/v1/reels/preview")
@needs(Right.SEE_FOOTAGE)
def api_preview() -> AnyResponse:
    return jsonify(preview(read_reel(read_json(_REEL, _NEEDED))))


@bp.post("/api/v1/timelapses")
@needs(Right.EXPORT)
def api_timelapse() -> AnyResponse:
    return _asked(ask(read_timelapse(read_json(_TIMELAPSE, ("camera", *_NEEDED)))))


@bp.get("/api/v1/reels/<int:reel_id>")
@needs(Right.SEE_FOOTAGE)
def api_one(reel_id: int) -> AnyResponse:
    return jsonify(find_reel(parts(), reel_id))


@bp.patch("/api/v1/reels/<int:reel_id>")
@needs(Right.EXPORT)
def api_keep(reel_id: int) -> AnyResponse:
    body = read_json({"is_kept": bool}, required=("is_kept",))
    row = get_reel(reel_id)
    reel_rows.keep_reel(parts().store, row.id, is_kept=body["is_kept"])
    return jsonify(find_reel(parts(), row.id))


@bp.delete("/api/v1/reels/<int:reel_id>")
@needs(Right.EXPORT)
def api_delete(reel_id: int) -> AnyResponse:
    delete(get_reel(reel_id))
    return Response(status=204)


@bp.post("/api/v1/reels/<int:reel_id>/again")
@needs(Right.EXPORT)
def api_again(reel_id: int) -> AnyResponse:
    return _asked(ask_again(get_reel(reel_id)))


@bp.get("/reels/<int:reel_id>/video.mp4")
@needs(Right.SEE_FOOTAGE)
def video(reel_id: int) -> AnyResponse:
    response = file_response(get_film(get_reel(reel_id)), is_shown="download" not in request.args)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@bp.get("/reels/<int:reel_id>/poster.jpg")
@needs(Right.SEE_FOOTAGE)
def poster(reel_id: int) -> AnyResponse:
    return Response(
        get_poster(get_reel(reel_id)), mimetype="image/jpeg", headers={"Cache-Control": "private, no-cache"}
    )


def _asked(row: JobRow) -> AnyResponse:
    told: dict[str, Any] = {"id": str(row.id), "job": str(row.id)}
    response = jsonify(told)
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/reels/{row.id}"
    return response
