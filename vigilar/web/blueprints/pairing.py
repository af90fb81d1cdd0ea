"""A phone signs in by a code that another device of its member shows, or an owner's: once, within ten minutes, and only
securely. So somebody who is invited needs no password.

The code stands behind the ``#`` of the address in the QR code: browsers send that to nobody, so it is in no log.
"""

from __future__ import annotations

import secrets

import segno
from flask import Blueprint, Response, g, jsonify, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store.pairings import add_pairing, find_use, use_pairing
from vigilar.store.users import UserRow, get_user
from vigilar.web.auth import PAIRED_LIFETIME_MS, asker, sign_in
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed
from vigilar.web.household import get_member
from vigilar.web.lan import lan_base
from vigilar.web.logins import hash_token
from vigilar.web.new_login import BadLogin, check_new_name
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import check_proven
from vigilar.web.rights import Right, needs, own_account, public, signed_in
from vigilar.web.sign_in import limited_tries
from vigilar.web.transport import require_secure
from vigilar.web.try_limits import network_of

bp = Blueprint("pairing", __name__)

HOLDS_MS = 10 * 60 * 1000
"""ASVS 5, 6.5.5: ten minutes at most."""

CODE_CHARACTERS = 22
"""128 random bits in base64url."""


@bp.post("/api/v1/pairings")
@own_account
def api_make() -> AnyResponse:
    """A code for a phone of one's own: ``{"device"}``; 201 with the code, its address and when it ends."""
    return _made(asker().id)


@bp.post("/api/v1/members/<int:user_id>/pairings")
@needs(Right.MANAGE_HOUSEHOLD)
def api_make_for(user_id: int) -> AnyResponse:
    """The same for a phone of that member."""
    return _made(get_member(user_id).id)


@bp.get("/api/v1/pairings/<pairing_id>")
@signed_in
def api_state(pairing_id: str) -> AnyResponse:
    """Whether the phone has signed in; ``pairing_id`` is what the answer with the code named. An owner sees all."""
    try:
        code_hash = bytes.fromhex(pairing_id)
    except ValueError:
        code_hash = b""
    me = asker()
    whose = None if me.may(Right.MANAGE_HOUSEHOLD) else me.id
    is_there, used_ms = find_use(parts().store, code_hash, whose)
    if not is_there:
        raise Problem(404, "pairing.unknown", "There is no such code.")
    return jsonify({"used_ts": used_ms})


@bp.post("/settings/account/phones")
@own_account
def make_by_form() -> AnyResponse:
    """Answers with the page itself: the code is in this one answer and nowhere else."""
    return _shown(asker().id, "")


@bp.post("/settings/members/<int:user_id>/phones")
@needs(Right.MANAGE_HOUSEHOLD)
def invite_by_form(user_id: int) -> AnyResponse:
    """The same for a phone of that member."""
    return _shown(user_id, get_member(user_id).name)


def _made(user_id: int) -> AnyResponse:
    wish = read_json({"device": str}, required=("device",))
    code, ends_ms = _make(wish["device"], user_id)
    response = jsonify({"code": code, "url": _address(code), "expires_ts": ends_ms, "id": _name_of(code)})
    response.status_code = 201
    return response


def _shown(user_id: int, whose: str) -> AnyResponse:
    """The page with the code. ``whose``: the member's name; empty for the asker."""
    member = {"id": user_id, "name": whose} if whose else None
    try:
        code, ends_ms = _make(request.form.get("device", ""), user_id)
    except Problem as problem:
        body = render_template("phone.html", problem=problem, member=member, device=request.form.get("device", ""))
        return Response(body, problem.status, mimetype="text/html")
    page = render_template(
        "phone.html",
        problem=None,
        member=member,
        address=_address(code),
        qr=segno.make(_address(code), error="m").svg_data_uri(scale=5, border=4, light="#fff"),
        pairing_id=_name_of(code),
        device=request.form.get("device", "").strip(),
        ends_ms=ends_ms,
    )
    return Response(page, 201, mimetype="text/html")


@bp.get("/settings/account/phones")
@signed_in
def page() -> str:
    return render_template("phone.html", problem=None, member=None, device="")


@bp.get("/pair")
@public
def pair_page() -> str:
    """Where the QR code leads; the script sends what stands behind the ``#``."""
    require_secure()
    return render_template("pair.html", problem=None)


@bp.post("/pair")
@public
def pair_by_form() -> AnyResponse:
    require_secure()
    try:
        user, device = _spend(request.form.get("code", ""))
    except Problem as problem:
        body = render_template("pair.html", problem=problem)
        return Response(body, problem.status, mimetype="text/html", headers=problem.headers)
    response = Response(status=303, headers={"Location": url_for("live.grid")})
    return sign_in(response, user, how="paired", device=device, lifetime_ms=PAIRED_LIFETIME_MS)


@bp.post("/api/v1/pair")
@public
def api_pair() -> AnyResponse:
    require_secure()
    user, device = _spend(read_json({"code": str}, required=("code",))["code"])
    response = jsonify({"name": user.name, "role": user.role, "device": device})
    return sign_in(response, user, how="paired", device=device, lifetime_ms=PAIRED_LIFETIME_MS)


def _make(device: str, user_id: int) -> tuple[str, int]:
    """A code for a phone of that member, and UTC ms at which it ends. Raises Problem."""
    is_own = user_id == asker().id
    check_proven("/settings/account/phones" if is_own else f"/settings/members/{user_id}")
    try:
        device = check_new_name(device)
    except BadLogin as error:
        raise Problem(422, "pairing.device", str(error), field="device") from error
    here, code = parts(), secrets.token_urlsafe(16)
    now_ms = here.now_ms()
    add_pairing(
        here.store,
        hash_token(code),
        user_id,
        device,
        now_ms=now_ms,
        expires_ms=now_ms + HOLDS_MS,
        made_by_hash=hash_token(g.token),
    )
    subject = "" if is_own else f"member:{user_id}"
    note_deed("pairing_made", subject=subject, detail=device)
    return code, now_ms + HOLDS_MS


def _spend(code: str) -> tuple[UserRow, str]:
    """Whose phone it is, and its name. Raises Problem: 403 ``pairing.code``, the same for whatever is wrong with it."""
    here, code = parts(), code.strip()
    with limited_tries(f"pairing from {network_of(request.remote_addr or '')}") as one:
        found = None
        if len(code) == CODE_CHARACTERS:
            found = here.reserve.help(lambda: use_pairing(here.store, hash_token(code), here.now_ms()))
        user = get_user(here.store, found.user_id) if found else None
        if found is not None and user is not None:
            one.was_right()
            return user, found.device
    note_deed("pairing_refused")
    raise Problem(
        403,
        "pairing.code",
        "This code opens nothing, or does not any more.",
        next_step="Each holds for ten minutes and for one phone. Make a new one under Settings, My account.",
        field="code",
    )


def _address(code: str) -> str:
    return f"{lan_base(secure=True)}/pair#{code}"


def _name_of(code: str) -> str:
    """What tells this code from others and opens nothing."""
    return hash_token(code).hex()
