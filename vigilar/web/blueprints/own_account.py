"""One's own account, for every member: the password, and the devices that are signed in."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store.passkeys import list_passkeys
from vigilar.web.auth import asker, sign_out
from vigilar.web.blueprints.account import safe_path
from vigilar.web.blueprints.arm import read_pin
from vigilar.web.bodies import read_json
from vigilar.web.own_logins import (
    change_own_password,
    device_words,
    end_own_session,
    ends_words,
    is_this_one,
    own_sessions,
    session_json,
)
from vigilar.web.parts import parts
from vigilar.web.passkeys import host_for_passkeys
from vigilar.web.problems import Problem
from vigilar.web.proving import has_pin, is_proven, prove, prove_link
from vigilar.web.rights import own_account, signed_in
from vigilar.web.transport import is_secure, secure_address

bp = Blueprint("own_account", __name__)


@bp.get("/settings")
@signed_in
def settings() -> str:
    return render_template("settings.html")


@bp.get("/settings/account")
@signed_in
def page() -> str:
    return _page()


@bp.post("/api/v1/me/password")
@own_account
def api_password() -> AnyResponse:
    wish = read_json({"old": str, "new": str}, required=("old", "new"))
    change_own_password(wish["old"], wish["new"])
    return Response(status=204)


@bp.post("/settings/account/password")
@own_account
def password_by_form() -> AnyResponse:
    try:
        change_own_password(request.form.get("old", ""), request.form.get("new", ""))
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html", headers=problem.headers)
    return _back(url_for("own_account.page", done="password"))


@bp.post("/api/v1/me/prove")
@own_account
def api_prove() -> AnyResponse:
    """``password`` or ``pin``: for ten minutes this login may do what lets somebody in for good."""
    wish = read_json({"password": str, "pin": object})
    prove(wish.get("password", ""), read_pin(wish, "pin") or "")
    return Response(status=204)


@bp.get("/settings/account/prove")
@signed_in
def prove_page() -> str:
    return _prove_page(None, safe_path(request.args.get("next")))


@bp.post("/settings/account/prove")
@own_account
def prove_by_form() -> AnyResponse:
    form = request.form
    path = safe_path(form.get("next"))
    try:
        prove(form.get("password", ""), form.get("pin", "").strip())
    except Problem as problem:
        return Response(_prove_page(problem, path), problem.status, mimetype="text/html", headers=problem.headers)
    return _back(path or url_for("own_account.page"))


@bp.get("/api/v1/sessions")
@signed_in
def api_sessions() -> AnyResponse:
    """One's own logins, used last first."""
    return jsonify({"sessions": [session_json(one) for one in own_sessions()]})


@bp.delete("/api/v1/sessions/<session_id>")
@own_account
def api_end(session_id: str) -> AnyResponse:
    response = Response(status=204)
    return sign_out(response) if end_own_session(session_id) else response


@bp.post("/settings/account/sessions/<session_id>/end")
@own_account
def end_by_form(session_id: str) -> AnyResponse:
    if end_own_session(session_id):
        return sign_out(_back(url_for("account.login")))
    return _back(url_for("own_account.page"))


def _prove_page(problem: Problem | None, path: str) -> str:
    return render_template(
        "prove.html", me=asker(), problem=problem, next=path, has_pin=has_pin(), is_secure=is_secure()
    )


def _page(problem: Problem | None = None) -> str:
    return render_template(
        "account.html",
        me=asker(),
        sessions=own_sessions(),
        is_this_one=is_this_one,
        device_words=device_words,
        ends_words=ends_words,
        problem=problem,
        done=request.args.get("done", ""),
        is_secure=is_secure(),
        passkeys=list_passkeys(parts().store, asker().id),
        passkey_host=host_for_passkeys(),
        is_proven=is_proven(),
        prove_link=prove_link("/settings/account"),
        port=parts().cfg.port,
        secure_link=secure_address("/settings/account"),
    )


def _back(path: str) -> Response:
    return Response(status=303, headers={"Location": path})
