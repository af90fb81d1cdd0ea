"""Screens on the wall: a login that shows what happens now, which a PIN ends, and what such a screen asks for."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import quote

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store.users import get_user
from vigilar.web.arm_wish import has_pin, with_pin
from vigilar.web.auth import PAIRED_LIFETIME_MS, asker, sign_in, sign_out
from vigilar.web.deeds import note_deed
from vigilar.web.house import read_cameras
from vigilar.web.parts import parts
from vigilar.web.pins import BadPin
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.rights import Right, any_screen, needs
from vigilar.web.status_words import live_sentence
from vigilar.web.transport import is_secure, require_secure
from vigilar.web.visible import visible_cameras
from vigilar.web.wall_pictures import WallPictures

bp = Blueprint("wall", __name__)

Shows = Literal["grid", "turns", "pictures"]
SHOWS = get_args(Shows)
"""All cameras, one after the other, or the household's own pictures until something happens."""

EXTENSION = "vigilar-wall-pictures"
MAX_NAME = 60


@bp.get("/wall")
@needs(Right.SEE_LIVE)
def page() -> str:
    """At a screen on the wall the wall; elsewhere how to make this screen one."""
    if not asker().is_wall:
        return _start_page(None, "", "grid")
    here = parts()
    cameras = [one for one in read_cameras(here, visible_cameras(asker())) if one.state != "off"]
    shows = request.args.get("shows", "")
    return render_template(
        "wall.html",
        cameras=cameras,
        sentence=live_sentence(cameras),
        shows=shows if shows in SHOWS else "grid",
    )


@bp.post("/wall")
@needs(Right.PUT_ON_WALL)
def make_by_form() -> AnyResponse:
    """This browser's login becomes that of a screen on the wall, with less rights and a longer life."""
    me, name, shows = asker(), request.form.get("name", "").strip(), request.form.get("shows", "")
    user = get_user(parts().store, me.id)
    if user is None:
        raise Problem(404, "user.unknown", "There is no such member.")
    try:
        _check_name(name)
        if shows not in SHOWS:
            raise Problem(422, "wall.shows", f"shows is one of {', '.join(SHOWS)}.", field="shows")
    except Problem as problem:
        page = _start_page(problem, name[:MAX_NAME], shows)
        return Response(page, problem.status, mimetype="text/html")
    response = Response(status=303, headers={"Location": url_for("wall.page", shows=shows)})
    return sign_in(response, user, how="wall_made", device=name, lifetime_ms=PAIRED_LIFETIME_MS, is_wall=True)


@bp.get("/wall/leave")
@any_screen
def leave() -> AnyResponse | str:
    return _leave_page(None) if asker().is_wall else redirect(url_for("live.grid"))


@bp.post("/wall/leave")
@any_screen
def leave_by_form() -> AnyResponse:
    """With a PIN of somebody who may disarm. It only signs the screen out: six digits are no password."""
    here, me = parts(), asker()
    if not me.is_wall:
        return redirect(url_for("live.grid"), 303)
    require_secure()
    try:
        with_pin(here, me, request.form.get("pin", "").strip(), "disarmed", lambda _by: lambda _state: None)
    except BadPin as error:
        problem = Problem(422, error.code, as_sentence(str(error)), field="pin")
    except Problem as error:
        problem = error
    else:
        note_deed("wall_left")
        return sign_out(Response(status=303, headers={"Location": url_for("account.login")}))
    response = Response(_leave_page(problem), problem.status, mimetype="text/html")
    response.headers.extend(problem.headers)
    return response


@bp.get("/wall/pictures")
@needs(Right.SEE_LIVE)
def pictures() -> AnyResponse:
    """Addresses of the household's own pictures, for a screen on the wall."""
    _check_wall()
    names = _pictures().names(parts().cfg.wall_pictures, parts().clock.mono_ns() / 1e9)
    return jsonify({"pictures": [f"/wall/pictures/{quote(name)}" for name in names]})


@bp.get("/wall/pictures/<path:name>")
@needs(Right.SEE_LIVE)
def picture(name: str) -> AnyResponse:
    _check_wall()
    found = _pictures().read(parts().cfg.wall_pictures, name)
    if found is None:
        raise Problem(404, "wall.no_picture", "There is no such picture.")
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(found.data, mimetype=found.media_type, headers=headers)


def _check_wall() -> None:
    """The pictures are the household's: a screen that one of it put up may show them, nobody else asks."""
    if not asker().is_wall:
        raise Problem(404, "wall.no_picture", "There is no such picture but on a screen on the wall.")


def _check_name(name: str) -> None:
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        sentence = f"Give the screen a name of at most {MAX_NAME} characters, such as Hall."
        raise Problem(422, "wall.name", sentence, field="name")


def _start_page(problem: Problem | None, name: str, shows: str) -> str:
    return render_template(
        "wall_start.html",
        problem=problem,
        name=name,
        shows=shows,
        has_pictures=bool(parts().cfg.wall_pictures),
        has_pin=has_pin(parts(), asker()),
        may_make=asker().may(Right.PUT_ON_WALL),
        is_secure=is_secure(),
    )


def _leave_page(problem: Problem | None) -> str:
    return render_template("wall_leave.html", problem=problem, asks_pin=is_secure() and has_pin(parts(), asker()))


def _pictures() -> WallPictures:
    found: WallPictures = current_app.extensions.setdefault(EXTENSION, WallPictures())
    return found
