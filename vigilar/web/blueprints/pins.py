"""The PINs of members: one's own, or, by an owner, anybody's. A PIN is shown to nobody, its owner included."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.store import arming, pins
from vigilar.store import users as user_rows
from vigilar.store.arming import Line
from vigilar.store.users import UserRow
from vigilar.web.arm_wish import HOW, with_pin
from vigilar.web.auth import asker
from vigilar.web.blueprints.arm import read_pin
from vigilar.web.bodies import read_json
from vigilar.web.parts import parts
from vigilar.web.pins import BadPin, make_pin_row
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.proving import check_proven, is_proven, prove_link
from vigilar.web.rights import Right, needs

bp = Blueprint("pins", __name__)


@bp.put("/api/v1/members/<member_id>/pin")
@needs(Right.ARM)
def api_set_pin(member_id: str) -> AnyResponse:
    """``me`` is the asker. While the house is armed a PIN changes only with the one before it."""
    body = read_json({"pin": object, "duress_pin": object, "old_pin": object})
    pin = read_pin(body, "pin")
    if pin is None:
        raise Problem(422, "body.missing", "pin is missing.", field="pin")
    _set(_member(member_id), pin, read_pin(body, "duress_pin"), read_pin(body, "old_pin"))
    return Response(status=204)


@bp.delete("/api/v1/members/<member_id>/pin")
@needs(Right.ARM)
def api_remove_pin(member_id: str) -> AnyResponse:
    member = _member(member_id)
    _check_calm()
    check_proven("/arm/pin")
    pins.remove_pin(parts().store, member.id, _line("pin_removed", member), parts().now_ms())
    return Response(status=204)


@bp.get("/arm/pin")
@needs(Right.ARM)
def pin_page() -> str:
    return _page(None)


@bp.post("/arm/pin")
@needs(Right.ARM)
def set_pin_by_form() -> AnyResponse:
    """One's own PIN, without script."""
    form = request.form
    try:
        if form.get("pin", "") != form.get("again", ""):
            raise Problem(422, "pin.again", "The two PINs are not the same.", field="again")
        _set(_member("me"), form.get("pin", ""), form.get("duress_pin") or None, form.get("old_pin") or None)
    except Problem as refused:
        problem = refused
    except BadPin as error:
        problem = Problem(422, error.code, as_sentence(str(error)), field="pin")
    else:
        return Response(status=303, headers={"Location": "/arm/pin?saved=1"})
    return Response(_page(problem), problem.status, mimetype="text/html")


def _page(problem: Problem | None) -> str:
    here = parts()
    row = pins.find_pin(here.store, asker().id)
    state = arming.read_state(here.store)
    return render_template(
        "pin.html",
        problem=problem,
        has_pin=row is not None,
        has_duress=row is not None and row.duress_hash is not None,
        asks_old=row is not None and not (state.is_quiet and is_proven()),
        is_proven=is_proven(),
        prove_link=prove_link("/arm/pin"),
        is_saved=request.args.get("saved") == "1" and problem is None,
    )


def _member(member_id: str) -> UserRow:
    """Raises Problem: 404 for nobody, and for somebody whose PIN is not the asker's to change; 403 for a key for
    programs, which could give itself the PIN that it is asked for."""
    here, me = parts(), asker()
    if me.via:
        raise Problem(403, "pin.program", "A key for programs may not change a PIN.")
    known = str(me.id) if member_id == "me" else member_id
    is_mine = known == str(me.id) or me.may(Right.CHANGE_ARMING)
    is_number = is_mine and known.isascii() and known.isdigit() and len(known) < 19
    found = user_rows.get_user(here.store, int(known)) if is_number else None
    if found is None:
        raise Problem(404, "user.unknown", "There is no such member.")
    return found


def _set(member: UserRow, pin: str, duress_pin: str | None, old_pin: str | None) -> None:
    """Whoever has somebody's open page must not give himself a PIN to disarm with: while armed the old one is asked,
    and else that, or a word that it is the member (``proving``)."""
    here, me = parts(), asker()
    row = make_pin_row(here.cfg.secrets_dir, pin, duress_pin)
    is_calm = arming.read_state(here.store).is_quiet
    if old_pin and member.id == me.id and not (is_calm and is_proven()):
        with_pin(here, me, old_pin, "disarmed", lambda _by: lambda _state: None)
    else:
        _check_calm()
        check_proven("/arm/pin")
    here.reserve.help(lambda: pins.set_pin(here.store, member.id, row, _line("pin_set", member), here.now_ms()))


def _check_calm() -> None:
    if not arming.read_state(parts().store).is_quiet:
        raise Problem(
            409,
            "pin.armed",
            "PINs are not changed while the house is armed.",
            next_step="Disarm first, or give the old PIN too. Who forgot it: `vigilar pin set` on the box.",
        )


def _line(action: str, member: UserRow) -> Line:
    me = asker()
    by = me.name if me.id == member.id else f"{me.name} for {member.name}"
    return Line(action=action, mode="disarmed", by=by, how=HOW, address=request.remote_addr or "")
