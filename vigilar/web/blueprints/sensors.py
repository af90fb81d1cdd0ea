"""Sensors with their names, rooms and history; who is at home, and whose phone is which. Not for guests: when doors
open is the household's own."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.store import presence as presence_rows
from vigilar.store import sensors as rows
from vigilar.store import users as user_rows
from vigilar.store.presence import Device
from vigilar.store.sensors import Sensor
from vigilar.web.bodies import read_json
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import GUARDS_LESS, check_proven
from vigilar.web.rights import Right, needs
from vigilar.web.sensor_words import (
    WHERE_WORDS,
    device_json,
    is_private_mac,
    moment_words,
    reading_words,
    sensor_json,
    sensor_line,
)
from vigilar.web.settings_file import check_disarmed
from vigilar.web.shown_form import ShownForm, forms_of

bp = Blueprint("sensors", __name__)

HISTORY_MS = 7 * 86_400_000
MAX_NAME = 60
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)


@bp.get("/sensors")
@needs(Right.ARM)
def sensors_page() -> str:
    here = parts()
    lines = [sensor_line(one, here.now_ms(), here.zone) for one in rows.list_sensors(here.store)]
    rooms = sorted({one.room for one in lines}, key=lambda room: (room == "", room.casefold()))
    by_room = [(room, [one for one in lines if one.room == room]) for room in rooms]
    return render_template("sensors.html", rooms=by_room, count=len(lines))


@bp.get("/sensors/<sensor_id>")
@needs(Right.ARM)
def sensor_page(sensor_id: str) -> str:
    return _page(_get(sensor_id), None)


@bp.post("/sensors/<sensor_id>")
@needs(Right.CHANGE_ARMING)
def name_by_form(sensor_id: str) -> AnyResponse:
    """Another name and room, or the sensor removed, without script."""
    sensor = _get(sensor_id)
    if request.form.get("remove") == "1":
        return _removed_by_form(sensor)
    try:
        _name(sensor, request.form.get("name", ""), request.form.get("room", ""))
    except Problem as problem:
        return Response(_page(sensor, problem), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": f"/sensors/{sensor_id}"})


@bp.get("/api/v1/sensors")
@needs(Right.ARM)
def api_sensors() -> AnyResponse:
    return jsonify({"sensors": [sensor_json(one) for one in rows.list_sensors(parts().store)]})


@bp.get("/api/v1/sensors/<sensor_id>")
@needs(Right.ARM)
def api_sensor(sensor_id: str) -> AnyResponse:
    """One, with what it told in the last week, newest first."""
    here, sensor = parts(), _get(sensor_id)
    readings = rows.list_readings(here.store, sensor_id, here.now_ms() - HISTORY_MS)
    told = [{"ts": one.ts_ms, "kind": one.kind, "value": one.value} for one in readings]
    return jsonify({**sensor_json(sensor), "readings": told})


@bp.patch("/api/v1/sensors/<sensor_id>")
@needs(Right.CHANGE_ARMING)
def api_name_sensor(sensor_id: str) -> AnyResponse:
    sensor = _get(sensor_id)
    body = read_json({"name": str, "room": str})
    return jsonify(sensor_json(_name(sensor, body.get("name", sensor.name), body.get("room", sensor.room))))


@bp.delete("/api/v1/sensors/<sensor_id>")
@needs(Right.CHANGE_ARMING)
def api_remove_sensor(sensor_id: str) -> AnyResponse:
    """It does not count any more, until it speaks again."""
    _remove(_get(sensor_id))
    return Response(status=204)


@bp.get("/presence")
@needs(Right.SEE_SYSTEM)
def presence_page() -> str:
    return _presence(None)


@bp.post("/presence")
@needs(Right.CHANGE_ARMING)
def phone_by_form() -> AnyResponse:
    """Whose phone a device is, without script."""
    member = request.form.get("member", "")
    try:
        _choose(request.form.get("mac", ""), int(member) if member.isdigit() else None, request.form.get("name", ""))
    except Problem as problem:
        return Response(_presence(problem), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": "/presence"})


@bp.get("/api/v1/presence")
@needs(Right.SEE_SYSTEM)
def api_presence() -> AnyResponse:
    """Where members with a phone are, and what was seen on the network lately."""
    here = parts()
    people = [
        {"member": one.user_id, "name": one.name, "state": one.state, "since_ts": one.since_ms}
        for one in presence_rows.list_presence(here.store)
    ]
    devices = [device_json(one) for one in presence_rows.list_devices(here.store)]
    return jsonify({"presence": people, "devices": devices})


@bp.put("/api/v1/presence/devices/<mac>")
@needs(Right.CHANGE_ARMING)
def api_choose_phone(mac: str) -> AnyResponse:
    """``member`` null: nobody's phone."""
    body = read_json({"member": (int, type(None)), "name": str})
    device = _choose(mac, body.get("member"), body.get("name", ""))
    return jsonify(device_json(device))


def _page(sensor: Sensor, problem: Problem | None) -> str:
    here = parts()
    now_ms = here.now_ms()
    readings = [
        (moment_words(one.ts_ms, now_ms, here.zone), reading_words(one.kind, one.value))
        for one in rows.list_readings(here.store, sensor.id, now_ms - HISTORY_MS, 200)
    ]
    rooms = sorted({one.room for one in rows.list_sensors(here.store) if one.room}, key=str.casefold)
    return render_template(
        "sensor.html",
        sensor=sensor,
        line=sensor_line(sensor, now_ms, here.zone),
        readings=readings,
        rooms=rooms,
        form=ShownForm(problem, request.form) if problem else ShownForm(),
    )


def _presence(problem: Problem | None) -> str:
    here = parts()
    now_ms = here.now_ms()
    devices = presence_rows.list_devices(here.store)
    sent = request.form.get("mac", "")
    is_listed = any(one.mac == sent for one in devices)
    return render_template(
        "presence.html",
        problem=None if is_listed else problem,
        form_of=forms_of(problem, sent, request.form),
        people=[
            (one.name, WHERE_WORDS[one.state], moment_words(one.since_ms, now_ms, here.zone))
            for one in presence_rows.list_presence(here.store)
        ],
        devices=[(one, moment_words(one.last_ms, now_ms, here.zone), is_private_mac(one.mac)) for one in devices],
        members=[(str(one.id), one.name) for one in user_rows.list_users(here.store)],
    )


def _get(sensor_id: str) -> Sensor:
    found = rows.find_sensor(parts().store, sensor_id)
    if found is None:
        raise Problem(404, "sensor.unknown", "There is no such sensor.")
    return found


def _name(sensor: Sensor, name: str, room: str) -> Sensor:
    here = parts()
    return here.reserve.help(
        lambda: rows.name_sensor(here.store, sensor.id, _check(name, "name"), _check(room, "room", may_lack=True))
    )


def _remove(sensor: Sensor) -> None:
    """It does not count any more, until it speaks again: so only while disarmed, by who shows who it is. Raises
    Problem."""
    here = parts()
    check_disarmed(here)
    check_proven(f"/sensors/{sensor.id}", GUARDS_LESS)
    here.reserve.help(lambda: rows.remove_sensor(here.store, sensor.id, here.now_ms()))


def _removed_by_form(sensor: Sensor) -> AnyResponse:
    try:
        _remove(sensor)
    except Problem as problem:
        return Response(_page(sensor, problem), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": "/sensors"})


def _check(text: str, field: str, *, may_lack: bool = False) -> str:
    found = text.strip()
    if len(found) > MAX_NAME or not (found or may_lack) or (found and not found.isprintable()):
        raise Problem(
            422, f"sensor.{field}", f"The {field} has 1 to {MAX_NAME} characters that can be seen.", field=field
        )
    return found


def _choose(mac: str, member: int | None, name: str) -> Device:
    here = parts()
    check_proven("/presence", GUARDS_LESS)
    unknown = Problem(404, "presence.unknown", "No such device was seen on the network.", field="mac")
    if _MAC.fullmatch(mac) is None:
        raise unknown
    if member is not None and (member >= 2**63 or user_rows.get_user(here.store, member) is None):
        raise Problem(422, "user.unknown", "There is no such member.", field="member")
    named: Any = _check(name, "name", may_lack=True)
    if not here.reserve.help(lambda: presence_rows.set_owner(here.store, mac, member, named)):
        raise unknown
    return next(one for one in presence_rows.list_devices(here.store) if one.mac == mac)
