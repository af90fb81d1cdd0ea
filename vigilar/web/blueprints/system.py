"""How the house is doing, and whether this process answers at all."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.door.certificates import CertificateState
from vigilar.health.part import Part, State, Todo
from vigilar.store import health as health_rows
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.house import ROWS, HouseState, read_house
from vigilar.web.openapi import openapi_document
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs, public, signed_in
from vigilar.web.visible import visible_cameras

bp = Blueprint("system", __name__)

SNOOZES = (("1 hour", 1), ("8 hours", 8), ("1 day", 24), ("1 week", 168))
"""For how long a problem may be put off: words, hours."""

HOUR_MS = 3_600_000

MAX_PROBLEM = 120
"""Characters of the id of a problem."""

_OWN_FORM = frozenset({"cameras", "detector", "certificate"})
"""Parts whose key of the answer has a form of its own beside state and sentence."""


@bp.get("/healthz")
@public
def healthz() -> AnyResponse:
    """Tells nothing but that we serve: it needs no login."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/system")
@needs(Right.SEE_SYSTEM)
def system_page() -> str:
    house = read_house(parts(), visible_cameras(asker()))
    return render_template("system.html", house=house, health=house.health, snoozes=SNOOZES, State=State)


@bp.get("/api/v1/system")
@needs(Right.SEE_SYSTEM)
def api_system() -> AnyResponse:
    here = parts()
    house = read_house(here, visible_cameras(asker()))
    disk, health = house.disk, house.health
    return jsonify(
        {
            "now": house.now_ms,
            "sentence": house.sentence,
            "problems": [one.sentence for one in health.todos],
            "todo": [todo_json(one) for one in health.todos],
            "put_off": [todo_json(one) for one in health.put_off],
            "mark": dict(zip(("state", "symbol", "words"), house.mark, strict=True)),
            "cameras": _cameras_json(house),
            "processes": None if house.processes is None else [asdict(line) for line in house.processes],
            "disk": None if disk is None else asdict(disk),
            "detector": {
                **part_json(health.part("detector")),
                "state": house.detector.state,
                "sentence": house.detector.sentence,
                "next_step": house.detector.next_step,
                **house.detector.status,
            },
            **{part.id: part_json(part) for part in health.parts if part.id not in _OWN_FORM},
            "folder": here.board.folder(house.now_ms),
            "bus_connected": house.has_bus,
            "certificate": {**part_json(health.part("certificate")), **certificate_json(here.certificate())},
            "open_pages": here.hub.count(),
        }
    )


@bp.post("/system/snooze")
@needs(Right.PUT_OFF)
def snooze_by_form() -> AnyResponse:
    """``problem`` and ``hours`` of a form; hours 0 takes it up again."""
    hours = request.form.get("hours", "")
    if hours == "0":
        _take_up(request.form.get("problem", ""))
    else:
        _put_off(request.form.get("problem", ""), int(hours) if hours.isascii() and hours.isdigit() else 0)
    return redirect("/system", 303)


@bp.put("/api/v1/system/snoozes/<problem>")
@needs(Right.PUT_OFF)
def api_snooze(problem: str) -> AnyResponse:
    _put_off(problem, int(read_json({"hours": int}, required=("hours",))["hours"]))
    return Response(status=204)


@bp.delete("/api/v1/system/snoozes/<problem>")
@needs(Right.PUT_OFF)
def api_end_snooze(problem: str) -> AnyResponse:
    _take_up(problem)
    return Response(status=204)


@bp.post("/system/cameras/<camera_id>/retry")
@needs(Right.SEE_SYSTEM)
def retry_by_form(camera_id: str) -> AnyResponse:
    """Tell the camera's process to try now; the page then says what came of it."""
    here = parts()
    camera = visible_cameras(asker()).get(camera_id)
    if not here.ask_retry(camera.id):
        raise Problem(503, "bus.away", "The camera's process cannot be told now: live updates are interrupted.")
    return redirect("/system", 303)


@bp.get("/api/v1/openapi.json")
@signed_in
def openapi() -> AnyResponse:
    return jsonify(openapi_document())


def _put_off(problem: str, hours: int) -> None:
    """Raises Problem for a problem that is not there, and for a time that is not offered."""
    here = parts()
    if hours not in {one for _, one in SNOOZES}:
        offered = ", ".join(str(one) for _, one in SNOOZES)
        raise Problem(422, "snooze.hours", f"Put it off for {offered} hours.", field="hours")
    house = read_house(here, visible_cameras(asker()))
    known = {one.id for one in (*house.health.todos, *house.health.put_off)}
    if problem not in known or len(problem) > MAX_PROBLEM:
        raise Problem(404, "snooze.unknown", "This problem is over, or there is none of that name.")
    now_ms = here.now_ms()
    here.reserve.help(lambda: health_rows.put_off(here.store, problem, now_ms + hours * HOUR_MS, asker().id, now_ms))
    here.slow_facts.forget(ROWS)


def _take_up(problem: str) -> None:
    here = parts()
    here.reserve.help(lambda: health_rows.end_snooze(here.store, problem[:MAX_PROBLEM]))
    here.slow_facts.forget(ROWS)


def part_json(part: Part) -> dict[str, object]:
    """``state`` is one of four words; what the house does without is not known, and ``is_set_up`` says so."""
    is_set_up = part.state is not State.NOT_SET_UP
    state = part.state if is_set_up else State.UNKNOWN
    return {
        "state": state.value,
        "is_set_up": is_set_up,
        "title": part.title,
        "sentence": part.sentence,
        "next_step": next((one.next_step for one in part.todos), ""),
        "todo": [one.id for one in part.todos],
    }


def todo_json(todo: Todo) -> dict[str, object]:
    button = todo.button
    return {
        "id": todo.id,
        "state": todo.state.value,
        "sentence": todo.sentence,
        "detail": todo.detail,
        "since_ts": todo.since_ms,
        "cost": todo.cost,
        "next_step": todo.next_step,
        "code": todo.code,
        "page": button.path if button is not None and not button.is_post else None,
    }


def certificate_json(found: CertificateState) -> dict[str, object]:
    return {
        "state": found.state,
        "sentence": found.sentence,
        "ends_ts": found.ends_ms or None,
        "names": list(found.names),
        "is_own": found.is_own,
    }


def _cameras_json(house: HouseState) -> list[dict[str, object]]:
    return [
        {
            "id": line.id,
            "name": line.name,
            "state": line.state,
            "word": line.word,
            "sentence": line.sentence,
            **{key: value for key, value in line.health.items() if key not in ("camera_id", "state", "ts")},
        }
        for line in house.cameras
    ]
