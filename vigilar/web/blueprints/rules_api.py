"""Rules and snoozes for programs, and why an event was told to whom."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug import Response as AnyResponse

from vigilar.base.errors import StoreError
from vigilar.base.tally import Tally
from vigilar.config.guard_edit import read_version
from vigilar.config.load import load_config
from vigilar.config.notify_edit import notify_form, set_notify
from vigilar.rules.snooze_words import snooze_words
from vigilar.store.events import StoredEvent
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed, note_nothing
from vigilar.web.parts import parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs, own_account
from vigilar.web.rule_preview import preview_of
from vigilar.web.settings_file import edit_settings, places_of
from vigilar.web.snoozing import SnoozeWish, end_by_asker, snooze_by_asker, snooze_json, visible_snoozes
from vigilar.web.visible import visible_cameras
from vigilar.web.why_words import reached, why_json

logger = logging.getLogger(__name__)

bp = Blueprint("rules_api", __name__)

_unread = Tally(logger, "the snoozes could not be read", every_s=60.0)

_FIELDS = {"rules": list, "ordinary_per_day": int, "summary": str, "lock_screen": str, "quiet": list, "profiles": list}
_NAMES = {"rules": "rule", "profiles": "profile"}


@bp.get("/api/v1/rules")
@needs(Right.CHANGE_ARMING)
def api_rules() -> AnyResponse:
    """Rules, quiet hours, profiles, limits and the locked screen, by their keys of the file that ``version`` names."""
    places = places_of(parts())
    form = notify_form(load_config(places))
    named = {_back(key): value for key, value in form.items()}
    return jsonify({"version": read_version(places), **named})


@bp.put("/api/v1/rules")
@needs(Right.CHANGE_ARMING)
def api_set_rules() -> AnyResponse:
    """What is in the body takes the place of what was. 409 when ``version`` is old, and while the house is armed."""
    body = read_json({**_FIELDS, "version": str})
    changes = _changes(body)
    if not changes:
        raise Problem(
            422, "body.missing", "Say what to set: rules, quiet, profiles, ordinary_per_day, summary or lock_screen."
        )
    version = body.get("version", "")
    edit_settings(parts(), lambda places: set_notify(places, changes, "rules", version), "/settings/notifications")
    note_deed("rules_changed")
    return api_rules()


@bp.post("/api/v1/rules/preview")
@needs(Right.CHANGE_ARMING)
def api_preview() -> AnyResponse:
    """What the last seven days would have told with this body, in place of what is in force. Changes nothing."""
    body = read_json(_FIELDS)
    note_nothing()
    return jsonify(preview_of(parts(), asker().id, _changes(body)).as_json())


@bp.get("/api/v1/snoozes")
@needs(Right.SEE_EVENTS)
def api_snoozes() -> AnyResponse:
    """Those in force that are the asker's or everybody's."""
    here = parts()
    return jsonify({"snoozes": [snooze_json(one, here.zone) for one in visible_snoozes(here, asker())]})


@bp.post("/api/v1/snoozes")
@own_account
def api_snooze() -> AnyResponse:
    """``minutes``, ``until`` (a time of the house) or ``quiet_minutes``, for one ``camera`` or, without it, all."""
    body = read_json({"camera": (str, type(None)), "minutes": int, "until": str, "quiet_minutes": int, "for_all": bool})
    wish = SnoozeWish(
        camera_id=body.get("camera"),
        minutes=body.get("minutes"),
        until=body.get("until", ""),
        quiet_minutes=body.get("quiet_minutes"),
        for_all=body.get("for_all", False),
    )
    response = jsonify(snooze_json(snooze_by_asker(parts(), asker(), wish), parts().zone))
    response.status_code = 201
    return response


@bp.delete("/api/v1/snoozes/<int:snooze_id>")
@own_account
def api_end_snooze(snooze_id: int) -> AnyResponse:
    """End one that is the asker's own; one for everybody who may change rules."""
    end_by_asker(parts(), asker(), snooze_id)
    return Response(status=204)


@bp.get("/api/v1/events/<int:event_id>/why")
@needs(Right.SEE_EVENTS)
def api_why(event_id: int) -> AnyResponse:
    """Each step of why the asker was told of the event or not, and what became of each message."""
    here = parts()
    event = visible_cameras(asker()).find_event(event_id)
    if event is None:
        raise Problem(404, "event.unknown", "There is no such event.")
    return jsonify(why_json(here, event))


@bp.app_template_global("snooze_of")
def snooze_of(camera_id: str) -> str | None:
    """For ``snooze.html``: what already keeps pushes of a camera from the asker, empty for nothing. None while no row
    can be read: the page of a camera needs none."""
    here, me = parts(), asker()
    try:
        found = here.rows.ask(lambda: visible_snoozes(here, me))
    except (StoreError, DoesNotAnswerError) as error:
        _unread.add(error)
        return None
    one = next((one for one in found if one.camera_id in (None, camera_id)), None)
    return "" if one is None else snooze_words(one, here.cfg.notify, here.zone)


@bp.app_template_global("why_of")
def why_of(event: StoredEvent) -> dict[str, Any]:
    """For ``why.html``."""
    me, found = asker(), why_json(parts(), event)
    is_told = reached(found, me.name) and any(one["id"] == me.id and one["told"] for one in found["members"])
    return {**found, "me": me.id, "is_told": is_told}


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    found = {_NAMES.get(key, key): value for key, value in body.items() if key != "version"}
    for key in ("rule", "quiet", "profile"):
        if any(not isinstance(row, dict) for row in found.get(key, ())):
            raise Problem(422, "body.type", f"{_back(key)} must be a list of objects.", field=_back(key))
    return found


def _back(key: str) -> str:
    return next((name for name, inner in _NAMES.items() if inner == key), key)
