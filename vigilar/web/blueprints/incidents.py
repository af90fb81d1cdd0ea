"""Incidents by the API: the events of one visit, or of one trouble, as one story."""

from __future__ import annotations

from flask import Blueprint, jsonify
from werkzeug import Response as AnyResponse

from vigilar.store.events import MAX_PAGE
from vigilar.store.incident_reading import list_incidents
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import wanted_events
from vigilar.web.bodies import read_limit
from vigilar.web.incident_view import find_incident_json, incidents_json
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("incidents", __name__)


@bp.get("/api/v1/incidents")
@needs(Right.SEE_EVENTS)
def api_incidents() -> AnyResponse:
    """Those in which an event matches the filter of ``/api/v1/events``."""
    store, visible = parts().store, visible_cameras(asker())
    wanted = wanted_events(read_limit(50, MAX_PAGE))
    rows, cursor = list_incidents(store, visible.limit(wanted))
    return jsonify({"incidents": incidents_json(store, rows, visible), "next": cursor})


@bp.get("/api/v1/incidents/<incident_id>")
@needs(Right.SEE_EVENTS)
def api_incident(incident_id: str) -> AnyResponse:
    """One; of an incident whose events went over to another one, that one."""
    is_number = incident_id.isascii() and incident_id.isdigit() and len(incident_id) <= 18
    found = find_incident_json(parts().store, int(incident_id), visible_cameras(asker())) if is_number else None
    if found is None:
        raise Problem(404, "incident.unknown", "There is no such incident.")
    return jsonify(found)
