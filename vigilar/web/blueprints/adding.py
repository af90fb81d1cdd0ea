"""Adding a camera: its page, which works without script. Each try has an address of its own, so that a reload shows it
again; what was typed as password stays in this process and is on no page and in no address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.config.addresses import bare_host, split_login, with_scheme, without_login
from vigilar.web.auth import asker
from vigilar.web.blueprints.cameras import (
    MODES,
    check_mode,
    check_name,
    edit,
    read_probe_wish,
    too_many_probes,
)
from vigilar.web.camera_book import CameraWish
from vigilar.web.parts import parts
from vigilar.web.probe import ProbeWish
from vigilar.web.probes import MAX_LOGINS, Attempt, TooManyProbes
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.shown_form import ShownForm

bp = Blueprint("adding", __name__)

MODE_WORDS = dict(zip(MODES, ("Everything", "Only motion", "Motion, and a picture now and then"), strict=True))

STAGE_WORDS = {
    "reached": "The camera",
    "found": "Its streams",
    "stream": "Login and stream",
    "first picture": "First picture",
    "small stream": "Small stream",
    "small picture": "Small picture",
}


@bp.get("/cameras/add")
@needs(Right.CHANGE_CAMERAS)
def page() -> str:
    return _page(ProbeWish(""))


@bp.post("/cameras/add")
@needs(Right.CHANGE_CAMERAS)
def start() -> AnyResponse:
    """Begin to try what the form says; the answer leads to the page of this try."""
    wish = _typed()
    try:
        wish = read_probe_wish(_body_of(wish))
        attempt = parts().probes.start(asker().id, wish)
    except TooManyProbes:
        return _refused(_shown(wish), too_many_probes())
    except Problem as problem:
        return _refused(_shown(wish), problem)
    return redirect(url_for("adding.attempt", attempt_id=attempt.id), 303)


@bp.get("/cameras/add/<attempt_id>")
@needs(Right.CHANGE_CAMERAS)
def attempt(attempt_id: str) -> str | AnyResponse:
    """A try as it is now; the empty form when it is forgotten."""
    found = parts().probes.find(attempt_id, asker().id)
    return redirect(url_for("adding.page")) if found is None else _page(found.wish, found)


@bp.get("/cameras/add/<attempt_id>/picture.jpg")
@needs(Right.CHANGE_CAMERAS)
def picture(attempt_id: str) -> AnyResponse:
    found = parts().probes.find(attempt_id, asker().id)
    if found is None or not found.picture:
        raise Problem(404)
    return Response(found.picture, mimetype="image/jpeg")


@bp.post("/cameras/add/<attempt_id>")
@needs(Right.CHANGE_CAMERAS)
def save(attempt_id: str) -> AnyResponse:
    """Add what was tried, under the name of the form."""
    here = parts()
    found = here.probes.find(attempt_id, asker().id)
    if found is None:
        return redirect(url_for("adding.page"), 303)
    try:
        added = edit(lambda: here.cameras.add(_camera_of(found)))
    except Problem as problem:
        return _refused(found.wish, problem, found)
    here.probes.forget(found.id)
    here.ask_reload()
    return redirect(f"/live#{added.id}", 303)


def _as_typed(address: str) -> str:
    """A bare address without the scheme that it was given to be tried: whoever reads it again knows it by that."""
    return address.removeprefix("rtsp://") if bare_host(address) else address


def _typed() -> ProbeWish:
    """The form as it was sent. A password that was typed for the try before need not be typed again."""
    form = request.form
    before = parts().probes.find(form.get("before", ""), asker().id)
    user, password = form.get("user", "").strip(), form.get("password", "")
    if not password and before is not None and before.wish.user == user:
        password = before.wish.password
    return ProbeWish(
        form.get("address", "").strip(), user, password, form.get("small", "").strip(), "allow_public" in form
    )


def _shown(wish: ProbeWish) -> ProbeWish:
    """What was typed, as it may be shown again: a login that was pasted with the address is taken apart."""
    user = wish.user or split_login(with_scheme(wish.address)).user or ""
    return replace(wish, address=without_login(wish.address), user=user, small=without_login(wish.small))


def _body_of(wish: ProbeWish) -> dict[str, Any]:
    if not wish.address:
        raise Problem(422, "body.missing", "Type the address of the camera.", field="address")
    return {
        "address": wish.address,
        "user": wish.user,
        "password": wish.password,
        "small": wish.small,
        "allow_public": wish.allow_public,
    }


def _camera_of(found: Attempt) -> CameraWish:
    """Raises Problem."""
    report, wish = found.report, found.wish
    if report is None or not report["ok"]:
        raise Problem(422, "camera.untried", "Show the picture first; then the camera can be added.")
    record = request.form.get("record", "")
    if record:
        check_mode(record)
    if known := _known_as(found):
        raise Problem(409, "camera.exists", f"Already added as {known!r}.", field="name")
    return CameraWish(
        name=check_name(request.form.get("name", "")),
        address=report["address"] or wish.address,
        small=wish.small or report["small"],
        user=wish.user,
        password=wish.password,
        record=record,
        allow_public=wish.allow_public,
    )


def _known_as(found: Attempt) -> str:
    """The name of the camera that has this address already."""
    report = found.report or {}
    known = parts().cameras.find_address(report.get("address") or found.wish.address)
    return known.name if known else ""


def _refused(wish: ProbeWish, problem: Problem, found: Attempt | None = None) -> AnyResponse:
    return Response(_page(wish, found, problem), problem.status, mimetype="text/html")


def _page(wish: ProbeWish, found: Attempt | None = None, problem: Problem | None = None) -> str:
    here = parts()
    report = found.report if found else None
    refused = here.probes.tries(wish.address) if wish.address else 0
    refusal = problem.detail if problem is not None else str((report or {}).get("sentence", ""))
    return render_template(
        "add.html",
        is_first=not here.cameras.all(),
        wish=wish,
        address=_as_typed(wish.address),
        attempt=found,
        before=found.id if found else request.form.get("before", ""),
        is_running=found is not None and report is None,
        report=report,
        known_as=_known_as(found) if found else "",
        form=ShownForm(problem) if problem and not found else ShownForm(),
        naming=ShownForm(problem, request.form) if problem and found else ShownForm(),
        try_number=min(refused + 1, MAX_LOGINS),
        max_logins=MAX_LOGINS,
        offers_public=wish.allow_public or "home network" in refusal,
        modes=MODE_WORDS,
        stage_words=STAGE_WORDS,
    )
