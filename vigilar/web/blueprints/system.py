"""How the house is doing, and whether this process answers at all."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.door.certificates import CertificateState
from vigilar.web.auth import asker
from vigilar.web.blueprints.power import read_power
from vigilar.web.house import find_storage, read_house
from vigilar.web.openapi import openapi_document
from vigilar.web.parts import parts
from vigilar.web.proof_notes import proof_notes
from vigilar.web.rights import Right, needs, public, signed_in
from vigilar.web.visible import visible_cameras

bp = Blueprint("system", __name__)


@bp.get("/healthz")
@public
def healthz() -> AnyResponse:
    """Tells nothing but that we serve: it needs no login."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/system")
@needs(Right.SEE_SYSTEM)
def system_page() -> str:
    here, visible = parts(), visible_cameras(asker())
    return render_template(
        "system.html",
        house=read_house(here, visible),
        storage=find_storage(here, visible),
        proof_notes=proof_notes(here),
        certificate=here.certificate(),
        power=read_power(here),
    )


@bp.get("/api/v1/system")
@needs(Right.SEE_SYSTEM)
def api_system() -> AnyResponse:
    here = parts()
    house = read_house(here, visible_cameras(asker()))
    disk, power = house.disk, read_power(here)
    return jsonify(
        {
            "now": house.now_ms,
            "sentence": house.sentence,
            "problems": house.problems,
            "mark": dict(zip(("state", "symbol", "words"), house.mark, strict=True)),
            "cameras": [
                {
                    "id": line.id,
                    "name": line.name,
                    "state": line.state,
                    "word": line.word,
                    "sentence": line.sentence,
                    **_health(line.health),
                }
                for line in house.cameras
            ],
            "processes": None if house.processes is None else [asdict(line) for line in house.processes],
            "disk": None if disk is None else asdict(disk),
            "detector": {
                "state": house.detector.state,
                "sentence": house.detector.sentence,
                "next_step": house.detector.next_step,
                **house.detector.status,
            },
            "power": {"state": power.state, "sentence": power.sentence, "next_step": power.next_step},
            "folder": here.board.folder(house.now_ms),
            "bus_connected": house.has_bus,
            "certificate": certificate_json(here.certificate()),
            "open_pages": here.hub.count(),
        }
    )


def certificate_json(found: CertificateState) -> dict[str, object]:
    return {
        "state": found.state,
        "sentence": found.sentence,
        "ends_ts": found.ends_ms or None,
        "names": list(found.names),
        "is_own": found.is_own,
    }


@bp.get("/api/v1/openapi.json")
@signed_in
def openapi() -> AnyResponse:
    return jsonify(openapi_document())


def _health(health: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in health.items() if key not in ("camera_id", "state", "ts")}
