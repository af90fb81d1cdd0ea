"""Open pages that sound: they say that they can, so that phones wait a moment, and that somebody has taken note."""

from __future__ import annotations

import re
from dataclasses import replace

from flask import Blueprint, Response, jsonify, request
from werkzeug import Response as AnyResponse

from vigilar.base.story import SEVERITIES
from vigilar.store import acknowledging, deliveries
from vigilar.store.deliveries import Delivery
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.event_words import event_title
from vigilar.web.hub import make_notice
from vigilar.web.incident_view import find_incident_json, knows_incident
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, signed_in
from vigilar.web.visible import VisibleCameras, visible_cameras

bp = Blueprint("alerts", __name__)

FORGET_MS = 120_000
"""Open pages say every 20 s that they are there."""

RECENT_MS = 24 * 3_600_000

_PAGE = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


@bp.get("/api/v1/alerts")
@signed_in
def api_list() -> AnyResponse:
    """What one was told of in the last day and has not taken note of, newest first, one an incident; without what is
    secret, and what one may not see any more."""
    here, visible = parts(), visible_cameras(asker())
    found: dict[int, dict[str, object]] = {}
    for one in deliveries.list_owed_to(here.store, asker().id, here.now_ms() - RECENT_MS):
        if one.incident_id is not None and one.incident_id not in found:
            alert = _alert_json(one, visible)
            if alert is not None:
                found[one.incident_id] = alert
    return jsonify({"alerts": list(found.values())})


@bp.post("/api/v1/alerts/pages")
@signed_in
def api_page() -> AnyResponse:
    """``{"page", "sounds"}``: whether the open page ``page`` (a random id of its own) can make a sound now."""
    wish = read_json({"page": str, "sounds": bool}, required=("page",))
    if not _PAGE.fullmatch(wish["page"]):
        raise Problem(422, "alert.page", "page is 8 to 64 letters, digits, - and _.", field="page")
    here, now_ms = parts(), parts().now_ms()
    if wish.get("sounds", True):
        deliveries.touch_page(here.store, wish["page"], asker().id, now_ms, forget_before_ms=now_ms - FORGET_MS)
    else:
        deliveries.drop_page(here.store, wish["page"], asker().id)
    return Response(status=204)


@bp.post("/api/v1/alerts/<int:incident_id>/ack")
@signed_in
def api_acknowledge(incident_id: int) -> AnyResponse:
    """One has taken note: phones of one's own that wait are not told, and open pages fall silent. ``{"severity"}``, if
    it is sent, is what was shown: what became worse since still stands."""
    here, me = parts(), asker()
    shown = _shown_severity()
    sentence = f"{me.name} took note of it at an open page."
    seen = SEVERITIES[-1] if shown is None else shown
    was_told = acknowledging.acknowledge(here.store, me.id, incident_id, here.now_ms(), sentence, seen) > 0
    # Who may end an alarm may also silence one that nobody's phone was told of.
    if not was_told and not (me.may(Right.DISARM) and knows_incident(here.store, incident_id, visible_cameras(me))):
        raise Problem(404, "alert.unknown", "You were not told of such an incident, or have taken note of it.")
    noted = acknowledging.take_note(here.store, incident_id, shown, here.now_ms()) or seen
    notice = make_notice("alert", {"incident_id": str(incident_id), "severity": noted, "by": me.name})
    here.hub.broadcast(replace(notice, incident_id=incident_id, must_arrive=True))
    return Response(status=204)


def _shown_severity() -> str | None:
    severity: str | None = read_json({"severity": str}).get("severity") if request.content_length else None
    if severity is not None and severity not in SEVERITIES:
        raise Problem(422, "alert.severity", f"severity is one of {', '.join(SEVERITIES)}.", field="severity")
    return severity


def _alert_json(one: Delivery, visible: VisibleCameras) -> dict[str, object] | None:
    """None for what the asker may not know of, or not any more. Who does not see all cameras reads what would be said
    now: they may have seen more."""
    event_id = one.content["event_id"]
    event = visible.find_event(event_id) or visible.find_danger(event_id)
    if event is None:
        return None
    title = one.content["title"]
    if visible.member.cameras is not None:
        incident = find_incident_json(visible.store, one.incident_id, visible) if one.incident_id else None
        title = event_title(event) if incident is None else incident["title"]
    return {
        "incident_id": one.incident_id,
        "event_id": one.content["event_id"],
        "title": title,
        "body": one.content["body"],
        "severity": one.content["severity"],
        "ts": one.content["ts"],
        "is_loud": one.is_loud,
        "is_critical": one.is_critical,
        "state": one.state,
    }
