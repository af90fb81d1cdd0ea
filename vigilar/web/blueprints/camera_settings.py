"""The settings of one camera, for those who may change cameras. Works without script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse
from werkzeug.datastructures import MultiDict

from vigilar.base.redact import redact
from vigilar.config.addresses import bare_host, is_network, without_login
from vigilar.config.models import Camera
from vigilar.config.values import dump_rate
from vigilar.web.auth import asker
from vigilar.web.blueprints.adding import MODE_WORDS
from vigilar.web.blueprints.cameras import check_address, check_mode, check_name, check_place, check_sight, edit
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.shown_form import forms_of
from vigilar.web.visible import visible_cameras

bp = Blueprint("camera_settings", __name__)

MAX_RATES_MBPS = (10, 25, 50, 100, 200)
MAX_LOGIN_LENGTH = 256

PLACE_WORDS = {
    "exterior": "Outside",
    "transition": "At a way in or out (porch, door)",
    "interior": "Into the house",
}


@bp.get("/cameras/<camera_id>/settings")
@needs(Right.CHANGE_CAMERAS)
def page(camera_id: str) -> str:
    return _page(camera_id)


@bp.post("/cameras/<camera_id>/settings")
@needs(Right.CHANGE_CAMERAS)
def save(camera_id: str) -> AnyResponse:
    """All fields of the form; what the house has by itself is left out of the file."""
    here, settings = parts(), _settings(camera_id)
    try:
        changes = _changes(settings)
        check_sight(camera_id, changes)
        if changes:
            edit(lambda: here.cameras.change(camera_id, changes))
            here.ask_reload()
    except Problem as problem:
        return _refused(camera_id, problem, "settings")
    return _see(camera_id)


@bp.post("/cameras/<camera_id>/login")
@needs(Right.CHANGE_CAMERAS)
def login(camera_id: str) -> AnyResponse:
    here = parts()
    _settings(camera_id)
    user, password = request.form.get("user", "").strip(), request.form.get("password", "")
    try:
        if not user:
            raise Problem(422, "camera.login", "Type the login name of the camera.", field="user")
        if max(len(user), len(password)) > MAX_LOGIN_LENGTH or not (user + password).isprintable():
            raise Problem(422, "camera.login", "The login holds characters that cannot be part of one.", field="user")
        check_sight(camera_id, {"login": user})
        edit(lambda: here.cameras.set_login(camera_id, user, password))
    except Problem as problem:
        return _refused(camera_id, problem, "login")
    here.ask_reload()
    return _see(camera_id)


@bp.post("/cameras/<camera_id>/remove")
@needs(Right.CHANGE_CAMERAS)
def remove(camera_id: str) -> AnyResponse:
    """The camera goes, its recordings and events stay."""
    here = parts()
    _settings(camera_id)
    try:
        if "sure" not in request.form:
            raise Problem(422, "camera.sure", "Tick the box first: recording stops at once.", field="sure")
        check_sight(camera_id, {"enabled": False})
        edit(lambda: here.cameras.remove(camera_id))
    except Problem as problem:
        return _refused(camera_id, problem, "remove")
    here.ask_reload()
    return redirect("/live", 303)


def _settings(camera_id: str) -> Camera:
    """Raises Problem for a camera that is not there, or that the asker does not see."""
    visible_cameras(asker()).get(camera_id)
    found = parts().cameras.settings(camera_id)
    if found is None:
        raise Problem(404, "camera.unknown", "There is no such camera.")
    return found


def _changes(settings: Camera) -> dict[str, Any]:
    """What of the form differs from the file. Raises Problem."""
    form = request.form
    record = form.get("record", "")
    if record:
        check_mode(record)
    wanted: dict[str, Any] = {
        "name": check_name(form.get("name", "")),
        "record": record or None,
        "enabled": "enabled" in form,
        "sound": {"yes": True, "no": False}.get(form.get("sound", "")),
        "place": form.get("place", "") or None,
    }
    if wanted["place"] not in (None, *PLACE_WORDS):
        raise Problem(422, "camera.place", "Choose where it looks.", field="place")
    if is_network(settings.address):
        rate, transport, allows = form.get("max_rate", ""), form.get("transport", "tcp"), "allow_public" in form
        if rate not in _rates(settings):
            raise Problem(422, "camera.max_rate", "Choose one of the rates.", field="max_rate")
        if transport not in ("tcp", "udp"):
            raise Problem(422, "camera.transport", "Choose TCP or UDP.", field="transport")
        wanted |= {"transport": transport, "allow_public": allows, "max_rate": rate}
        wanted |= {
            "address": _address("address", settings.address, allow_public=allows),
            "small": _address("small", settings.small or "", allow_public=allows) or None,
        }
    now = _now(settings)
    return {key: value for key, value in wanted.items() if value != now[key]}


def _address(field: str, known: str, *, allow_public: bool) -> str:
    """The address in a field of the form, ``known`` when it is not in it. Raises Problem."""
    typed = request.form.get(field, known).strip()
    if not typed and field == "small":
        return ""
    address, user, password = check_address(typed, "", "", field=field)
    if user or password:
        raise Problem(422, "camera.login", "The login does not belong into the address; store it below.", field=field)
    if address != known and bare_host(address):
        raise Problem(422, "camera.url_form", "The address needs its path, rtsp://host/path.", field=field)
    check_place(address, field, allow_public=allow_public)
    return address


def _now(settings: Camera) -> dict[str, Any]:
    return {
        "name": settings.name,
        "address": settings.address,
        "small": settings.small,
        "record": settings.record,
        "enabled": settings.enabled,
        "sound": settings.sound,
        "place": settings.place,
        "transport": settings.transport,
        "allow_public": settings.allow_public,
        "max_rate": dump_rate(settings.max_rate),
    }


def _rates(settings: Camera) -> list[str]:
    """The rates to choose from, the one in force among them."""
    rates = sorted({*(mbps * 1_000_000 for mbps in MAX_RATES_MBPS), settings.max_rate})
    return [dump_rate(one) for one in rates]


def _see(camera_id: str) -> AnyResponse:
    return redirect(url_for("camera_settings.page", camera_id=camera_id, saved=""), 303)


def _refused(camera_id: str, problem: Problem, name: str) -> AnyResponse:
    """The page, with the form ``name`` as it was typed; of an address only what may be shown."""
    sent = MultiDict(request.form)
    for field in ("address", "small"):
        if field in sent:
            sent[field] = without_login(sent[field])
    return Response(_page(camera_id, name, problem, sent), problem.status, mimetype="text/html")


def _page(
    camera_id: str, refused: str = "", problem: Problem | None = None, sent: MultiDict[str, str] | None = None
) -> str:
    settings = _settings(camera_id)
    is_shown = refused != "login" or is_network(settings.address)
    return render_template(
        "camera_settings.html",
        camera_id=camera_id,
        camera=settings,
        address=redact(settings.address),
        small=redact(settings.small) if settings.small else "",
        is_network=is_network(settings.address),
        modes=MODE_WORDS,
        places=PLACE_WORDS,
        rates=[(one, one) for one in _rates(settings)],
        rate=dump_rate(settings.max_rate),
        problem=None if is_shown else problem,
        form_of=forms_of(problem, refused, sent),
        is_saved=problem is None and "saved" in request.args,
    )
