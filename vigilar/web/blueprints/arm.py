"""Arming and disarming: the page, which works without script, and the API."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.arm_rules import MODE_NAMES, MODES
from vigilar.store import arming, pins
from vigilar.store import sensors as sensor_rows
from vigilar.web.arm_wish import ArmWish, apply_wish, device_of, give_more_time, has_pin, list_unready, no_pin_step
from vigilar.web.arm_words import (
    arm_json,
    chip_of,
    history_json,
    history_words,
    mode_effects,
    still_open,
    where,
)
from vigilar.web.auth import asker, check_may
from vigilar.web.bodies import Fields, read_json
from vigilar.web.parts import parts
from vigilar.web.passkeys import disarm_options, host_for_passkeys, own_passkeys, prove_own
from vigilar.web.pins import BadPin
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.rights import Right, needs
from vigilar.web.transport import is_secure
from vigilar.web.visible import visible_cameras

bp = Blueprint("arm", __name__)

HISTORY = 30
MAX_HISTORY = 200


@bp.get("/arm")
@needs(Right.SEE_EVENTS)
def arm_page() -> str:
    return _page(None)


@bp.post("/arm")
@needs(Right.ARM)
def arm_by_form() -> AnyResponse:
    """The buttons of the page, without script."""
    pin = request.form.get("pin", "").strip() or None
    try:
        delay_s = _seconds(request.form.get("delay_s", ""))
        _apply(request.form.get("mode", ""), pin, request.form.get("override") == "1", delay_s)
    except Problem as refused:
        problem = refused
    except BadPin as error:
        problem = Problem(422, error.code, as_sentence(str(error)), field="pin")
    else:
        return Response(status=303, headers={"Location": "/arm"})
    response = Response(_page(problem), problem.status, mimetype="text/html")
    response.headers.extend(problem.headers)
    return response


@bp.post("/arm/longer")
@needs(Right.DISARM)
def longer_by_form() -> AnyResponse:
    """A minute more to leave, without script."""
    try:
        give_more_time(parts(), asker())
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": "/arm"})


@bp.post("/api/v1/arm/longer")
@needs(Right.DISARM)
def api_longer() -> AnyResponse:
    """A minute more to leave."""
    read_json({})
    give_more_time(parts(), asker())
    return jsonify(_state_json())


@bp.get("/api/v1/arm")
@needs(Right.SEE_EVENTS)
def api_arm() -> AnyResponse:
    return jsonify(_state_json())


@bp.post("/api/v1/arm")
@needs(Right.ARM)
def api_change_arm() -> AnyResponse:
    """``passkey`` is ``{"challenge", "credential"}``, an answer to the options for disarming, in place of a PIN."""
    fields: Fields = {"mode": str, "pin": object, "override": bool, "delay_s": int, "passkey": dict}
    body = read_json(fields, required=("mode",))
    pin, given = read_pin(body, "pin"), body.get("passkey")
    if given is not None:
        _prove(given)
    _apply(body["mode"], pin, body.get("override", False), body.get("delay_s"), by_passkey=given is not None)
    return jsonify(_state_json())


@bp.post("/api/v1/arm/passkey")
@needs(Right.DISARM)
def api_passkey_options() -> AnyResponse:
    """What the browser is to prove with a passkey that its member is there, to disarm."""
    read_json({})
    _check_person()
    return jsonify(disarm_options())


@bp.get("/api/v1/arm/history")
@needs(Right.ARM)
def api_arm_history() -> AnyResponse:
    """Who changed the mode, when, how and from where, newest first; ``before`` is the ``next`` of the page before."""
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Problem(422, "query.before", "before is the next of the page before.", field="before")
    rows = arming.list_history(parts().store, MAX_HISTORY, int(before) if before else None)
    following = str(rows[-1].id) if len(rows) == MAX_HISTORY else None
    visible, shows_address = visible_cameras(asker()), asker().may(Right.SEE_SYSTEM)
    told = [history_json(row, visible, shows_address=shows_address) for row in rows]
    return jsonify({"history": told, "next": following})


def read_pin(body: dict[str, Any], key: str) -> str | None:
    """A PIN of a body: text, or left out. Raises Problem 422 ``pin.type`` for anything else, also for null."""
    if key in body and not isinstance(body[key], str):
        raise Problem(422, "pin.type", f"{key} must be text in quotes.", field=key)
    return body.get(key)


def _seconds(text: str) -> int | None:
    """The time to leave as a form has it; None for that of the mode. Raises Problem."""
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Problem(422, "arm.delay", "The time to leave is a number of seconds.", field="delay_s")
    return int(text) if text else None


def _prove(given: dict[str, Any]) -> None:
    check_may(Right.DISARM)
    _check_person()
    challenge, credential = given.get("challenge"), given.get("credential")
    if not isinstance(challenge, str) or not isinstance(credential, dict):
        raise Problem(422, "passkey.form", "passkey is a challenge and a credential.", field="passkey")
    prove_own(challenge, credential)


def _check_person() -> None:
    """A key for programs has no finger."""
    if asker().via:
        raise Problem(403, "pin.program", "A key for programs may not use a passkey.")


def _apply(mode: str, pin: str | None, override: bool, delay_s: int | None, *, by_passkey: bool = False) -> None:
    if mode not in MODES:
        raise Problem(422, "arm.mode", f"mode is one of {', '.join(MODES)}.", field="mode")
    me = asker()
    apply_wish(parts(), me, visible_cameras(me), ArmWish(mode, pin, override, delay_s, by_passkey))


def _state_json() -> dict[str, Any]:
    here, visible = parts(), visible_cameras(asker())
    return arm_json(arming.read_state(here.store), list_unready(here, visible), visible)


def _page(problem: Problem | None) -> str:
    here, me = parts(), asker()
    visible, host = visible_cameras(me), host_for_passkeys()
    state = arming.read_state(here.store)
    alarm = state.alarm if state.is_alarm else None
    trigger = alarm.trigger if alarm else state.entry.trigger if state.entry else None
    sensors = sensor_rows.list_sensors(here.store)
    wait_ms = pins.wait_left(here.store, device_of(me), here.now_ms())
    return render_template(
        "arm.html",
        state=state,
        chip=chip_of(state),
        alarm=alarm,
        trigger=None if trigger is None else {**where(trigger, visible), "ts_ms": trigger.ts_ms},
        unready=list_unready(here, visible),
        effects=mode_effects(here.cfg.arm, visible, {one.id: one.name for one in sensors}),
        still_open=still_open(state, sensors),
        rules=here.cfg.arm,
        mode_names=MODE_NAMES,
        history=[(row, history_words(row, visible)) for row in arming.list_history(here.store, HISTORY)],
        has_passkey=bool(host) and bool(own_passkeys(host)),
        has_pin=has_pin(here, me),
        no_pin_step=no_pin_step(here),
        wait_ms=wait_ms,
        wait_until_ms=here.now_ms() + wait_ms,
        is_secure=is_secure(),
        problem=problem,
    )
