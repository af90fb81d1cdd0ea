"""Who is asking: server-side sessions, and the gate that lets nobody else in.

A session is a random 256-bit token in a cookie; the database holds only its SHA-256. A new one is made at each
sign-in. What a member may do is in ``rights``; the gate holds each request against what its view declares.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from vigilar.base.database_note import find_note
from vigilar.base.disk import disk_errors
from vigilar.store import users as user_rows
from vigilar.store.users import UserRow
from vigilar.web.drive_gate import drive_problem
from vigilar.web.logins import end_login, find_login, hash_token, note_use, start_login
from vigilar.web.new_login import BadLogin, check_new_login
from vigilar.web.open_streams import OpenStream
from vigilar.web.parts import ROWS_SHUT_AFTER_S, parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem, wants_page
from vigilar.web.rights import Member, Open, Right, declaration_of

logger = logging.getLogger(__name__)

COOKIE = "vigilar_session"
LIFETIME_MS = 30 * 24 * 3600 * 1000
"""A month: a phone on the kitchen wall must not ask every day; signing out ends it at once."""


_COOKIE_RULES: dict[str, Any] = {"httponly": True, "samesite": "Lax", "path": "/"}
"""Lax, not Strict: a link to an event in a mail or on another page must find its reader signed in. What changes
something is no link, and is refused when it comes from elsewhere (``security``)."""


LOST_OWNER = "The logins of this house were lost with its database, so nobody can sign in."
LOST_OWNER_STEP = (
    "On the box itself, make a new login for the owner: vigilar user add NAME --role owner. The recordings are there."
)


def install_auth(app: Flask) -> None:
    app.before_request(_gate)


def has_owner() -> bool:
    """Whether the first-run page has done its work; once true it stays true, so it is asked no more. Raises Problem
    while the database does not answer."""
    here, known = parts(), _owner_known()
    try:
        if not known and here.rows.ask(lambda: user_rows.has_users(here.store), ROWS_SHUT_AFTER_S):
            known.append(True)
    except DoesNotAnswerError as error:
        raise drive_problem(here) from error
    return bool(known)


def _owner_known() -> deque[bool]:
    known: deque[bool] = current_app.extensions.setdefault("vigilar_has_owner", deque(maxlen=1))
    return known


def asker() -> Member:
    """Who asks; only in views that need a session."""
    found = g.member
    assert isinstance(found, Member)  # noqa: S101 -- tells the type checker what the gate put there
    return found


def end_with_login(may_go_on: Callable[[Member], bool], end: Callable[[], None]) -> OpenStream:
    """Enter the endless answer to this request, so that it ends with the asker's login, or when ``may_go_on`` of
    what the asker may by then is false. Give it to ``parts().streams.remove`` when the answer is over."""
    stream = OpenStream(hash_token(g.token), may_go_on, end)
    parts().streams.add(stream)
    return stream


def sign_in(response: Response, user: UserRow) -> Response:
    """Start a new session of ``user`` in place of the one the browser may have had."""
    end_session()
    token = start_login(parts(), user, LIFETIME_MS, request.user_agent.string)
    response.set_cookie(COOKIE, token, max_age=LIFETIME_MS // 1000, secure=request.is_secure, **_COOKIE_RULES)
    return response


def sign_out(response: Response) -> Response:
    end_session()
    response.delete_cookie(COOKIE, **_COOKIE_RULES)
    return response


def end_session() -> None:
    token = request.cookies.get(COOKIE)
    if token:
        end_login(parts(), hash_token(token))
        parts().streams.look_now()


def check_first_run() -> None:
    """Raises Problem when nobody may make the first login over the network: the members of the house were lost with its
    database, and whoever came first would be its owner. Reads a small file, so only asked while there is no owner."""
    with disk_errors("look at the data folder", parts().cfg.data_dir):
        note = find_note(parts().cfg.data_dir)
    if note is not None and note.rescue is not None and note.rescue.has_no_owner:
        raise Problem(403, "setup.lost", LOST_OWNER, next_step=LOST_OWNER_STEP)


def check_login_wish(name: str, password: str) -> tuple[str, str]:
    """The name and password for a new account. Raises Problem, which says what is wrong with which."""
    try:
        return check_new_login(name, password)
    except BadLogin as error:
        raise Problem(422, error.code, str(error), field=error.field) from error


def _gate() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    declared = None if view is None else declaration_of(view)
    if view is not None and declared is None:
        logger.error("the view %s does not declare who may ask it, so nobody may", request.endpoint)
        raise Problem(500)
    if declared is Open.PUBLIC:
        return None
    token = request.cookies.get(COOKIE, "")
    if token and _accept(token):
        if isinstance(declared, Right):
            check_may(declared)
        return None
    if not has_owner():
        if wants_page():
            return redirect(url_for("account.setup"))
        check_first_run()
        raise Problem(401, "setup.needed", "This box has no owner yet. Open its page in a browser and choose a login.")
    if wants_page():
        response = redirect(url_for("account.login", next=_return_path()))
    else:
        raise Problem(401, "session.invalid", "Please sign in.", headers=_clear_cookie() if token else None)
    if token:
        response.delete_cookie(COOKIE, **_COOKIE_RULES)
    return response


def check_may(right: Right) -> None:
    """For a view of which one part needs more than it declares. Raises Problem 403 when the asker may not."""
    if not asker().may(right):
        raise _refusal(right)


def _refusal(right: Right) -> Problem:
    """``Your account may not change cameras. Ask Sam.``"""
    here = parts()
    try:
        owners = " or ".join(here.rows.ask(lambda: user_rows.owner_names(here.store), ROWS_SHUT_AFTER_S))
    except DoesNotAnswerError:
        owners = "an owner"
    return Problem(403, "right.missing", f"Your account may not {right.value}. Ask {owners}.")


def _accept(token: str) -> bool:
    here = parts()
    if len(token) != 64:
        return False
    try:
        session = find_login(here, hash_token(token))
    except DoesNotAnswerError as error:
        raise drive_problem(here) from error
    if session is None:
        return False
    note_use(here, hash_token(token), session)
    _owner_known().append(True)  # who is signed in is a member: the login page needs no database to know
    g.member = Member.of(session)
    g.token = token
    return True


def _return_path() -> str | None:
    """Where to go after signing in: the page asked for, when going there changes nothing."""
    if request.method != "GET" or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def _clear_cookie() -> dict[str, str]:
    return {"Set-Cookie": f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
