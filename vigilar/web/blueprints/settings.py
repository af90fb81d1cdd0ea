"""Settings of arming, sensors and presence. The configuration file is the truth: we change it as a person would, with
its comments kept, and each change can be taken back. All of it works without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.arm_rules import MAX_DELAY_S
from vigilar.config.edit import undo
from vigilar.config.guard_edit import add_schedule, change_schedule, read_version, remove_schedule, set_keys
from vigilar.config.guard_models import DAYS, dump_clock
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.store import sensors as sensor_rows
from vigilar.web import guard_form
from vigilar.web.blueprints import home_assistant
from vigilar.web.bodies import read_json
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.settings_file import edit_settings, page_values, places_of
from vigilar.web.shown_form import forms_of, told_here

bp = Blueprint("settings", __name__)

ARMING = "/settings/arming"
SENSORS = "/settings/sensors"

DAY_NAMES = dict(zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))


@bp.get(ARMING)
@needs(Right.CHANGE_ARMING)
def arming_page() -> str:
    return _arming()


@bp.post(ARMING)
@needs(Right.CHANGE_ARMING)
def change_arming() -> AnyResponse:
    """One section of the page."""
    form, section = request.form, request.form.get("section", "")
    return _saved(ARMING, section, lambda places, version: _change(places, version, section, form), _arming)


@bp.get(SENSORS)
@needs(Right.CHANGE_ARMING)
def sensors_page() -> str:
    return _sensors()


@bp.post(SENSORS)
@needs(Right.CHANGE_ARMING)
def change_sensors() -> AnyResponse:
    form, section = request.form, request.form.get("section", "")
    return _saved(SENSORS, section, lambda places, version: _change(places, version, section, form), _sensors)


@bp.post("/settings/undo")
@needs(Right.CHANGE_ARMING)
def undo_by_form() -> AnyResponse:
    """Take back the newest change."""
    back = request.form.get("back", "")
    if back == home_assistant.PATH:
        home_assistant.undo_newest()
        return Response(status=303, headers={"Location": f"{back}?saved=undone#top"})
    if back in ("/settings/notifications", "/settings/certificate", "/settings/reels"):
        edit_settings(parts(), undo, back)
        return Response(status=303, headers={"Location": f"{back}?saved=undone#top"})
    where = back if back in (ARMING, SENSORS) else ARMING
    page = _arming if where == ARMING else _sensors
    return _saved(where, "undone", lambda places, _version: undo(places), page)


@bp.get("/api/v1/settings/guard")
@needs(Right.CHANGE_ARMING)
def api_settings() -> AnyResponse:
    """What is in force of ``[arm]``, ``[sensors]`` and ``[presence]``; ``version`` names the file."""
    places = places_of(parts())
    return jsonify({"version": read_version(places), **_in_force(load_config(places))})


@bp.patch("/api/v1/settings/guard")
@needs(Right.CHANGE_ARMING)
def api_change_settings() -> AnyResponse:
    """``set``: keys by their way, such as ``arm.away.leave_delay``; null removes one. 409 when ``version`` is old."""
    body = read_json({"set": dict, "version": str}, required=("set",))
    here, keys = parts(), guard_form.json_keys(body["set"])
    what, version = ", ".join(body["set"]), body.get("version", "")
    edit_settings(here, lambda places: set_keys(places, keys, what, version), ARMING)
    return api_settings()


@bp.post("/api/v1/settings/undo")
@needs(Right.CHANGE_ARMING)
def api_undo() -> AnyResponse:
    """Take back the newest change of the file; says what it was."""
    return jsonify({"undone": edit_settings(parts(), undo, ARMING)})


def _change(places: Places, version: str, section: str, form: guard_form.Form) -> object:
    if section == "house":
        return set_keys(places, guard_form.house_keys(form), "times of arming", version)
    if section in ("home", "night", "away"):
        return set_keys(places, guard_form.mode_keys(form, section), f"what {section} counts", version)
    if section == "schedule-add":
        return add_schedule(places, guard_form.schedule_row(form), "a new row of the schedule", version)
    if section == "schedule":
        index = guard_form.number(form, "index")
        if form.get("remove") == "1":
            return remove_schedule(places, -1 if index is None else index, "a row of the schedule was removed", version)
        row = guard_form.schedule_row(form)
        return change_schedule(places, -1 if index is None else index, row, "a row of the schedule", version)
    if section == "sensors":
        return set_keys(places, guard_form.sensors_keys(form), "how sensors are heard", version)
    if section == "presence":
        return set_keys(places, guard_form.presence_keys(form), "looking for phones", version)
    raise Problem(422, "settings.unknown", "There is no such part of the settings.", field="section")


def _saved(
    path: str, section: str, change: Callable[[Places, str], object], page: Callable[[Problem, str], str]
) -> AnyResponse:
    """The change made; else the page, with the form that was sent as it was typed."""
    version = request.form.get("version", "")
    try:
        edit_settings(parts(), lambda places: change(places, version), path)
    except Problem as problem:
        return Response(page(told_here(problem), section), problem.status, mimetype="text/html")
    anchor = section if section in ("home", "night", "away", "sensors", "presence") else "top"
    return Response(status=303, headers={"Location": f"{path}?saved={'undone' if section == 'undone' else 1}#{anchor}"})


def _arming(problem: Problem | None = None, section: str = "") -> str:
    """``section``: the form that was refused."""
    here = parts()
    config = load_config(places_of(here))
    sent = _arming_form(section, [str(one) for one in config.arm.schedule])
    return render_template(
        "settings_arming.html",
        arm=config.arm,
        cameras=[(camera.id, camera.name) for camera in config.cameras if camera.enabled],
        sensors=[(one.id, one.name) for one in sensor_rows.list_sensors(here.store)],
        day_names=DAY_NAMES,
        days=DAYS,
        days_of=lambda numbers: [DAYS[one] for one in numbers],
        clock_of=dump_clock,
        max_delay_s=MAX_DELAY_S,
        **_shown(problem, sent, ARMING),
    )


def _arming_form(section: str, rows: list[str]) -> str:
    """The name of the form that was sent. A row is known by what it was: others may have moved it; what was typed for
    one that is gone stands in the form of a new one."""
    if section != "schedule":
        return section if section in ("house", "home", "night", "away", "schedule-add") else ""
    was = request.form.get("was", "")
    return f"schedule-{rows.index(was)}" if was in rows else "schedule-add"


def _shown(problem: Problem | None, sent: str, path: str) -> dict[str, Any]:
    """What both pages show; a problem of none of their forms stands at the top."""
    return {
        **page_values(parts(), problem, path),
        "problem": None if sent else problem,
        "form_of": forms_of(problem, sent, request.form),
    }


def _sensors(problem: Problem | None = None, section: str = "") -> str:
    here = parts()
    config = load_config(places_of(here))
    return render_template(
        "settings_sensors.html",
        sensors=config.sensors,
        presence=config.presence,
        is_own=config.bus.broker == "own",
        **_shown(problem, section if section in ("sensors", "presence") else "", SENSORS),
    )


def _in_force(config: Config) -> dict[str, Any]:
    plain = config.model_dump(mode="json", by_alias=True, include={"arm", "sensors", "presence"})
    plain["sensors"].pop("login", None)
    return plain
