"""Zones and lines of a camera: read, written into the settings, tried on the last days, drawn on a page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template
from werkzeug import Response as AnyResponse

from vigilar.config.area_form import WrongAreaError, read_areas
from vigilar.config.areas import plain_areas
from vigilar.detect.zones import KINDS, MOTION, ZoneMap
from vigilar.store.replay import past_tracks, past_visits
from vigilar.web.auth import asker
from vigilar.web.blueprints.cameras import edit
from vigilar.web.bodies import read_json
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.proving import GUARDS_LESS, check_proven, is_proven, prove_link
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras
from vigilar.web.zone_replay import DAYS, Replayed, replay

bp = Blueprint("zones", __name__)

DAY_MS = 86_400_000
_FIELDS: dict[str, type] = {"zones": list, "lines": list}

KIND_WORDS = {
    "person": "people",
    "vehicle": "vehicles",
    "cat": "cats",
    "dog": "dogs",
    "bird": "birds",
    "animal": "other animals",
}
ROLE_WORDS = {"include": "Zone", "ignore": "Ignored area", "private": "Private area"}


@bp.get("/api/v1/cameras/<camera_id>/zones")
@needs(Right.SEE_LIVE)
def get_zones(camera_id: str) -> AnyResponse:
    return jsonify(_areas(visible_cameras(asker()).get(camera_id).id))


@bp.put("/api/v1/cameras/<camera_id>/zones")
@needs(Right.CHANGE_CAMERAS)
def put_zones(camera_id: str) -> AnyResponse:
    """In use within 2 s, without a restart."""
    camera = visible_cameras(asker()).get(camera_id)
    _check_proven(camera.id)
    _write(camera.id, _read())
    return jsonify(_areas(camera.id))


@bp.post("/api/v1/cameras/<camera_id>/zones/preview")
@needs(Right.CHANGE_CAMERAS)
def preview_zones(camera_id: str) -> AnyResponse:
    """What these zones would have made of the last days; changes nothing."""
    camera = visible_cameras(asker()).get(camera_id)
    found = _replay(parts(), camera.id, ZoneMap.of(_read()))
    return jsonify(
        {
            "days": DAYS,
            "events_before": found.before,
            "events_after": found.after,
            "events_new": found.new,
            "events_unknown": found.unknown,
            "sentence": found.sentence(),
        }
    )


@bp.get("/cameras/<camera_id>/zones")
@needs(Right.CHANGE_CAMERAS)
def zones_page(camera_id: str) -> str:
    camera = visible_cameras(asker()).get(camera_id)
    return render_template(
        "zones.html",
        camera=camera,
        areas=_areas(camera.id),
        kinds={kind: KIND_WORDS[kind] for kind in KINDS if kind != MOTION},
        roles=ROLE_WORDS,
        prove_link="" if is_proven() else prove_link(_page_of(camera.id)),
    )


@bp.post("/cameras/<camera_id>/zones/<area_id>/remove")
@needs(Right.CHANGE_CAMERAS)
def remove_area(camera_id: str, area_id: str) -> AnyResponse:
    """One zone or line less, without script."""
    camera = visible_cameras(asker()).get(camera_id)
    areas = _areas(camera.id)
    left = {key: [one for one in listed if one["id"] != area_id] for key, listed in areas.items()}
    if left == areas:
        raise Problem(404, "zone.unknown", "There is no such zone any more.")
    _check_proven(camera.id)
    _write(camera.id, left)
    return redirect(_page_of(camera.id), 303)


def _check_proven(camera_id: str) -> None:
    """Each change may guard less: an ignored area, a zone (elsewhere nothing is told then), a private area that is gone
    shows what it hid. Raises Problem."""
    check_proven(_page_of(camera_id), GUARDS_LESS)


def _page_of(camera_id: str) -> str:
    return f"/cameras/{camera_id}/zones"


def _read() -> dict[str, Any]:
    body = read_json(_FIELDS)
    try:
        return read_areas(body)
    except WrongAreaError as error:
        raise Problem(422, "zone.form", str(error), field=error.field) from error


def _areas(camera_id: str) -> dict[str, Any]:
    settings = parts().cameras.settings(camera_id)
    return plain_areas(settings.zones, settings.lines) if settings is not None else plain_areas((), ())


def _write(camera_id: str, areas: dict[str, Any]) -> None:
    here = parts()
    edit(lambda: here.cameras.set_areas(camera_id, areas))
    here.ask_reload()


def _replay(here: Parts, camera_id: str, zones: ZoneMap) -> Replayed:
    since_ms = here.now_ms() - DAYS * DAY_MS
    visits, tracks = past_visits(here.store, camera_id, since_ms), past_tracks(here.store, camera_id, since_ms)
    return replay(zones, visits, tracks)
