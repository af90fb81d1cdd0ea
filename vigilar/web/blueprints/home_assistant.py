"""What Home Assistant sees of the house, and how it gets there: on or off, what is shown, its password. All of it works
without script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.disk import disk_errors
from vigilar.bus.accounts import HOME_ASSISTANT_USER, find_home_assistant_hash, make_home_assistant_password
from vigilar.config.edit import undo
from vigilar.config.guard_edit import Path, Wanted, set_keys
from vigilar.config.home_cut import home_assistant_listener
from vigilar.config.home_models import DEFAULT_LISTEN
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.health.home_part import find_status, home_words
from vigilar.web.deeds import note_deed
from vigilar.web.guard_form import CHOSEN, Form, number
from vigilar.web.lan import lan_host
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import LETS_IN, SHOWS_HOUSE, check_proven
from vigilar.web.rights import Right, needs
from vigilar.web.settings_file import edit_settings, page_values, places_of
from vigilar.web.shown_form import forms_of, told_here

bp = Blueprint("home_assistant", __name__)

PATH = "/settings/home-assistant"

SENSORS = (
    ("own", "Those on pins of this box"),
    ("all", "All, also those that Zigbee2MQTT tells of"),
    ("none", "None"),
)


@bp.get(PATH)
@needs(Right.MANAGE_HOUSEHOLD)
def page() -> str:
    return _page()


@bp.post(PATH)
@needs(Right.MANAGE_HOUSEHOLD)
def change_by_form() -> AnyResponse:
    version, form = request.form.get("version", ""), request.form
    try:
        _edit(lambda places: set_keys(places, _keys(form), "what Home Assistant sees", version))
    except Problem as problem:
        return Response(_page(told_here(problem), "home_assistant"), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": f"{PATH}?saved=1#top"})


@bp.post(f"{PATH}/password")
@needs(Right.MANAGE_HOUSEHOLD)
def make_password() -> AnyResponse:
    """Answers with the page itself: the password is in this one answer and nowhere else."""
    try:
        made = _make_password()
    except Problem as problem:
        sent = "password" if problem.code != "home.broker" else ""  # its form is not on the page then
        return Response(_page(problem, sent), problem.status, mimetype="text/html")
    return Response(_page(password=made), 201, mimetype="text/html")


def undo_newest() -> None:
    """Take back the newest change of the settings. Raises Problem."""
    _edit(undo)


def _edit(change: Any) -> None:
    edit_settings(parts(), change, PATH, guards=False, why=SHOWS_HOUSE)


def _make_password() -> str:
    here = parts()
    check_proven(PATH, LETS_IN)
    if home_assistant_listener(load_config(places_of(here))) is None:
        raise Problem(409, "home.broker", "It speaks to a broker of yours, which has its own passwords.")
    here.cameras.check_drive()
    with disk_errors("store the password", here.cfg.secrets_dir):
        made = make_home_assistant_password(here.cfg.secrets_dir)
    note_deed("home_assistant_password")
    here.ask_reload()
    return made


def _keys(form: Form) -> dict[Path, Wanted]:
    host, listen = form.get("host", "").strip() or None, form.get("listen", "").strip()
    chosen = form.getlist("cameras_ids") if form.get("cameras") == CHOSEN else None
    if chosen == []:
        raise Problem(422, "home.cameras", "Choose at least one camera, or all.", field="cameras_ids")
    wanted: dict[str, Wanted] = {
        "enabled": True if form.get("enabled") == "1" else None,
        "listen": listen if listen not in ("", DEFAULT_LISTEN) else None,
        "tls": True if form.get("tls") == "1" else None,
        "host": host,
        "port": number(form, "port") if host else None,
        "cameras": chosen,
        "pictures": True if form.get("pictures") == "1" else None,
        "arm": None if form.get("arm") == "1" else False,
        "sensors": form.get("sensors") if form.get("sensors") != "own" else None,
    }
    return {("home_assistant", key): value for key, value in wanted.items()}


def _page(problem: Problem | None = None, sent: str = "", password: str = "") -> str:
    """``sent``: the form that was refused."""
    here = parts()
    config, now_ms = load_config(places_of(here)), here.now_ms()
    is_here, words = home_words(find_status(here.board.processes(now_ms)), now_ms, here.zone)
    return render_template(
        "settings_home_assistant.html",
        home=config.home_assistant,
        cameras={camera.id: camera.name for camera in config.cameras if camera.enabled},
        sensor_choices=SENSORS,
        way=_way(config),
        is_here=is_here,
        words=words,
        bus_arms=config.arm.bus != "no",
        password=password,
        **(page_values(here, problem, PATH) | {"problem": None if sent else problem}),
        form_of=forms_of(problem, sent, request.form),
    )


def _way(config: Config) -> dict[str, Any]:
    """What to type into Home Assistant; without a user where the broker is the owner's."""
    here = parts()
    way = home_assistant_listener(config)
    if way is None:
        wanted, bus = config.home_assistant, config.bus
        return {"broker": wanted.host or bus.host, "port": wanted.port if wanted.host else bus.port, "user": ""}
    is_everywhere = way.host in ("0.0.0.0", "::")  # noqa: S104 -- compared, not bound
    return {
        "broker": lan_host() if is_everywhere else way.host,
        "port": way.port,
        "user": HOME_ASSISTANT_USER,
        "is_encrypted": way.is_encrypted,
        "has_password": bool(find_home_assistant_hash(here.cfg.secrets_dir)),
    }
