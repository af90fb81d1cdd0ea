"""How the house is doing, and whether this process answers at all."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.web.auth import public
from vigilar.web.house import read_house, read_storage
from vigilar.web.openapi import openapi_document
from vigilar.web.parts import parts

bp = Blueprint("system", __name__)


@bp.get("/healthz")
@public
def healthz() -> AnyResponse:
    """Tells nothing but that we serve: it needs no login."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/system")
def system_page() -> str:
    here = parts()
    return render_template("system.html", house=read_house(here), storage=read_storage(here))


@bp.get("/api/v1/system")
def api_system() -> AnyResponse:
    here = parts()
    house = read_house(here)
    disk = house.disk
    return jsonify(
        {
            "now": house.now_ms,
            "sentence": house.sentence,
            "problems": house.problems,
            "cameras": [
                {
                    "id": line.id,
                    "name": line.name,
                    "state": line.state,
                    "sentence": line.sentence,
                    **_health(line.health),
                }
                for line in house.cameras
            ],
            "processes": None if house.processes is None else [asdict(line) for line in house.processes],
            "disk": None if disk is None else {"total_bytes": disk.total_bytes, "free_bytes": disk.free_bytes},
            "folder": here.board.folder(house.now_ms),
            "bus_connected": house.has_bus,
            "open_pages": here.hub.count(),
        }
    )


@bp.get("/api/v1/openapi.json")
def openapi() -> AnyResponse:
    return jsonify(openapi_document())


def _health(health: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in health.items() if key not in ("camera_id", "state", "ts")}
