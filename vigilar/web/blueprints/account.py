"""First run, signing in and out, and who one is. The only pages that answer without a session are here; they work
without script."""

from __future__ import annotations

import contextlib
import logging

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.setup_code import forget_setup_code, is_setup_code, make_setup_code
from vigilar.store import users as user_rows
from vigilar.store.users import UserRow
from vigilar.web.auth import asker, check_first_run, check_login_wish, has_owner, sign_in, sign_out
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed
from vigilar.web.parts import parts
from vigilar.web.passkeys import host_for_passkeys
from vigilar.web.passwords import hash_password
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, any_screen, public
from vigilar.web.sign_in import check_login, limited_tries
from vigilar.web.transport import is_local, is_secure
from vigilar.web.try_limits import network_of

logger = logging.getLogger(__name__)

bp = Blueprint("account", __name__)

_LOGIN_FIELDS: dict[str, type] = {"name": str, "password": str}


@bp.get("/setup")
@public
def setup() -> AnyResponse | str:
    if has_owner():
        return redirect(url_for("account.login"))
    check_first_run()
    return render_template("setup.html", problem=None, name="", asks_code=not is_local())


@bp.post("/setup")
@public
def setup_post() -> AnyResponse:
    try:
        form = request.form
        owner = _make_owner(form.get("name", ""), form.get("password", ""), form.get("code", ""))
    except Problem as problem:
        if problem.status == 409:
            return redirect(url_for("account.login"), 303)
        if problem.code == "setup.lost" or problem.status == 429:
            raise
        name = request.form.get("name", "")[:64]
        page = render_template("setup.html", problem=problem, name=name, asks_code=not is_local())
        return Response(page, problem.status, mimetype="text/html", headers=problem.headers)
    # What comes next for an owner changes something: who can be read along is first shown the way out of that.
    following = "keys.first_sheet" if is_secure() else "trust.page"
    return sign_in(_see_other(url_for(following)), owner, how="setup")


@bp.post("/api/v1/setup")
@public
def api_setup() -> AnyResponse:
    body = read_json({**_LOGIN_FIELDS, "code": str}, required=("name", "password"))
    owner = _make_owner(body["name"], body["password"], body.get("code", ""))
    response = jsonify({"name": owner.name, "role": owner.role})
    response.status_code = 201
    return sign_in(response, owner, how="setup")


@bp.get("/login")
@public
def login() -> AnyResponse | str:
    if not has_owner():
        return redirect(url_for("account.setup"))
    return _login_page(None, "", safe_path(request.args.get("next")))


@bp.post("/login")
@public
def login_post() -> AnyResponse:
    name, path = request.form.get("name", ""), safe_path(request.form.get("next"))
    try:
        _need_owner()
        user = check_login(name, request.form.get("password", ""))
    except Problem as problem:
        if problem.status == 429:
            raise
        page = _login_page(problem, name[:64], path)
        return Response(page, problem.status, mimetype="text/html", headers=problem.headers)
    return sign_in(_see_other(path or url_for("live.grid")), user)


@bp.post("/api/v1/login")
@public
def api_login() -> AnyResponse:
    body = read_json(_LOGIN_FIELDS, required=("name", "password"))
    _need_owner()
    user = check_login(body["name"], body["password"])
    return sign_in(jsonify({"name": user.name, "role": user.role}), user)


@bp.post("/logout")
@any_screen
def logout() -> AnyResponse:
    return sign_out(_see_other(url_for("account.login")))


@bp.post("/api/v1/logout")
@any_screen
def api_logout() -> AnyResponse:
    return sign_out(Response(status=204))


@bp.get("/api/v1/me")
@any_screen
def api_me() -> AnyResponse:
    """Who asks, and what this member may do; ``cameras`` null: all of them."""
    me = asker()
    rights = [right.name.lower() for right in Right if me.may(right)]
    cameras = None if me.cameras is None else sorted(me.cameras)
    return jsonify({"name": me.name, "role": me.role, "rights": rights, "cameras": cameras})


def _make_owner(name: str, password: str, code: str) -> UserRow:
    if has_owner():
        raise Problem(409, "setup.done", "This box has an owner already. Sign in instead.")
    check_first_run()
    if not is_local():
        _check_setup_code(code)
    name, password = check_login_wish(name, password)
    here = parts()
    try:
        owner = user_rows.create_owner(here.store, name, hash_password(password), here.now_ms())
    except StoreError as error:
        if error.kind is ErrorKind.DENIED:
            raise Problem(409, "setup.done", "This box has an owner already. Sign in instead.") from error
        raise
    logger.info("the owner's login was made")
    with contextlib.suppress(OSError):  # with an owner there it opens nothing, and the next start takes it away
        forget_setup_code(here.cfg.secrets_dir)
    return owner


def _check_setup_code(code: str) -> None:
    """From another machine the first login needs what only the console of the box shows: else the house would be the
    first comer's. Raises Problem."""
    secrets_dir, tells = parts().cfg.secrets_dir, "It shows where Vigilar was started, and with `vigilar setup code`."
    with disk_errors("make the code for the first login", secrets_dir):
        make_setup_code(secrets_dir)
    if not code.strip():
        raise Problem(403, "setup.code", "Type the code that the box shows.", next_step=tells, field="code")
    with limited_tries(f"setup from {network_of(request.remote_addr or '')}", "setup") as one:
        if is_setup_code(secrets_dir, code):
            one.was_right()
            return
    logger.warning("wrong code for the first login from %s", request.remote_addr)
    note_deed("setup_refused")
    raise Problem(403, "setup.code_wrong", "This is not the code that the box shows.", next_step=tells, field="code")


def _login_page(problem: Problem | None, name: str, path: str) -> str:
    return render_template(
        "login.html", problem=problem, name=name, next=path, passkey_host=host_for_passkeys() if is_secure() else ""
    )


def _need_owner() -> None:
    if not has_owner():
        check_first_run()
        raise Problem(409, "setup.needed", "This box has no owner yet. Open its page and choose a login.")


def _see_other(path: str) -> Response:
    return Response(status=303, headers={"Location": path})


def safe_path(path: str | None) -> str:
    """A path on this box to go to after signing in; empty for anything else, such as another site."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
        return ""
    return path[:500]
