"""First run, signing in and out, and who one is. The only pages that answer without a session are here; they work
without script."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug import Response as AnyResponse

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import users as user_rows
from vigilar.store.users import UserRow
from vigilar.web.auth import asker, check_first_run, check_login_wish, has_owner, sign_in, sign_out
from vigilar.web.bodies import read_json
from vigilar.web.parts import parts
from vigilar.web.passwords import check_password, hash_password
from vigilar.web.problems import Problem, problem_response
from vigilar.web.rights import Right, public, signed_in

logger = logging.getLogger(__name__)

bp = Blueprint("account", __name__)

TRIES = "10 per minute; 60 per hour"
"""Wrong logins from one address. A person forgets and tries again; a program would need years for eight letters."""

_LOGIN_FIELDS: dict[str, type] = {"name": str, "password": str}


def _is_refused(response: AnyResponse) -> bool:
    return response.status_code in (400, 401, 422)


limiter = Limiter(get_remote_address, storage_uri="memory://", strategy="moving-window")
limited = limiter.shared_limit(TRIES, scope="login", methods=["POST"], deduct_when=_is_refused)


@bp.get("/setup")
@public
def setup() -> AnyResponse | str:
    if has_owner():
        return redirect(url_for("account.login"))
    check_first_run()
    return render_template("setup.html", problem=None, name="")


@bp.post("/setup")
@public
@limited
def setup_post() -> AnyResponse:
    try:
        owner = _make_owner(request.form.get("name", ""), request.form.get("password", ""))
    except Problem as problem:
        if problem.status == 409:
            return redirect(url_for("account.login"), 303)
        if problem.status == 403:
            raise
        page = render_template("setup.html", problem=problem, name=request.form.get("name", "")[:64])
        return Response(page, problem.status, mimetype="text/html")
    return sign_in(_see_other(url_for("keys.first_sheet")), owner)


@bp.post("/api/v1/setup")
@public
@limited
def api_setup() -> AnyResponse:
    body = read_json(_LOGIN_FIELDS, required=("name", "password"))
    owner = _make_owner(body["name"], body["password"])
    response = jsonify({"name": owner.name, "role": owner.role})
    response.status_code = 201
    return sign_in(response, owner)


@bp.get("/login")
@public
def login() -> AnyResponse | str:
    if not has_owner():
        return redirect(url_for("account.setup"))
    return render_template("login.html", problem=None, name="", next=_safe_path(request.args.get("next")))


@bp.post("/login")
@public
@limited
def login_post() -> AnyResponse:
    name, path = request.form.get("name", ""), _safe_path(request.form.get("next"))
    try:
        user = _check_login(name, request.form.get("password", ""))
    except Problem as problem:
        page = render_template("login.html", problem=problem, name=name[:64], next=path)
        return Response(page, problem.status, mimetype="text/html")
    return sign_in(_see_other(path or url_for("live.grid")), user)


@bp.post("/api/v1/login")
@public
@limited
def api_login() -> AnyResponse:
    body = read_json(_LOGIN_FIELDS, required=("name", "password"))
    user = _check_login(body["name"], body["password"])
    return sign_in(jsonify({"name": user.name, "role": user.role}), user)


@bp.post("/logout")
@signed_in
def logout() -> AnyResponse:
    return sign_out(_see_other(url_for("account.login")))


@bp.post("/api/v1/logout")
@signed_in
def api_logout() -> AnyResponse:
    return sign_out(Response(status=204))


@bp.get("/api/v1/me")
@signed_in
def api_me() -> AnyResponse:
    """Who asks, and what this member may do; ``cameras`` null: all of them."""
    me = asker()
    rights = [right.name.lower() for right in Right if me.may(right)]
    cameras = None if me.cameras is None else sorted(me.cameras)
    return jsonify({"name": me.name, "role": me.role, "rights": rights, "cameras": cameras})


@bp.app_errorhandler(429)
def too_many(_error: Exception) -> AnyResponse:
    logger.warning("too many wrong logins from %s", request.remote_addr)
    return problem_response(Problem(429, headers={"Retry-After": "60"}))


def _make_owner(name: str, password: str) -> UserRow:
    if has_owner():
        raise Problem(409, "setup.done", "This box has an owner already. Sign in instead.")
    check_first_run()
    name, password = check_login_wish(name, password)
    try:
        owner = user_rows.create_owner(parts().store, name, hash_password(password), parts().now_ms())
    except StoreError as error:
        if error.kind is ErrorKind.DENIED:
            raise Problem(409, "setup.done", "This box has an owner already. Sign in instead.") from error
        raise
    logger.info("the owner's login was made")
    return owner


def _check_login(name: str, password: str) -> UserRow:
    if not has_owner():
        check_first_run()
        raise Problem(409, "setup.needed", "This box has no owner yet. Open its page and choose a login.")
    user = user_rows.find_user(parts().store, name[:256])
    if not check_password(user.password_hash if user else None, password) or user is None:
        logger.warning("wrong login from %s", request.remote_addr)
        raise Problem(401, "login.wrong", "The name or the password is not right.", field="password")
    return user


def _see_other(path: str) -> Response:
    return Response(status=303, headers={"Location": path})


def _safe_path(path: str | None) -> str:
    """A path on this box to go to after signing in; empty for anything else, such as another site."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
        return ""
    return path[:500]
