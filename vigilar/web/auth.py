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
from vigilar.store.first_user import has_users
from vigilar.store.users import UserRow
from vigilar.web.deeds import note_deed
from vigilar.web.drive_gate import drive_problem
from vigilar.web.logins import end_login, find_login, hash_token, note_phone, note_use, start_login
from vigilar.web.new_login import BadLogin, check_new_login
from vigilar.web.open_streams import OpenStream
from vigilar.web.parts import parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem, wants_page
from vigilar.web.rights import LOOKING, Declaration, Member, Open, Right, declaration_of
from vigilar.web.transport import is_local, is_refused, is_secure, require_secure

logger = logging.getLogger(__name__)

COOKIE = "vigilar_session"
PAIRED_LIFETIME_MS = 400 * 24 * 3600 * 1000
"""A phone that was paired and is used stays so until it is signed out; browsers keep no cookie longer than this."""

SECURE_COOKIE = "__Host-vigilar_session"
"""Over HTTPS. A browser takes this name only from there, for this host alone (RFC 6265bis, 4.1.3.2), and cookies know
no ports: so no other page of this machine can put one of its own in its place."""

TOKEN_PREFIX = "vigilar_"  # noqa: S105 -- by which people and scanners of code know a key for programs
LIFETIME_MS = 30 * 24 * 3600 * 1000
"""A month: a phone on the kitchen wall must not ask every day; signing out ends it at once."""


_COOKIE_RULES: dict[str, Any] = {"httponly": True, "samesite": "Lax", "path": "/"}
"""Lax, not Strict: a link to an event in a mail or on another page must find its reader signed in. What changes
something is no link, and is refused when it comes from elsewhere (``security``)."""


WALL_PAGES = frozenset(
    {"wall.page", "wall.leave", "wall.leave_by_form", "arm.arm_page", "arm.arm_by_form", "arm.longer_by_form"}
)
"""Pages that a screen on the wall shows; whatever else is asked for there, it shows the wall."""

ONLY_LIVE = "A screen on the wall shows only what happens now."

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
        if not known and here.rows.ask(lambda: has_users(here.store), here.rows.longest_s):
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
    stream = OpenStream(hash_token(g.token), may_go_on, end, is_secure=is_secure())
    parts().streams.add(stream)
    if is_refused():  # since this request was let in
        end()
    return stream


def sign_in(
    response: Response,
    user: UserRow,
    *,
    how: str = "sign_in",
    device: str = "",
    lifetime_ms: int = LIFETIME_MS,
    is_wall: bool = False,
) -> Response:
    """Start a new session of ``user`` in place of the one the browser may have had. ``how`` is what is written down of
    it, ``device`` the name of the phone or the screen on the wall if a person gave it one."""
    end_session()
    token = start_login(
        parts(),
        user,
        lifetime_ms,
        request.user_agent.string,
        device=device,
        address=request.remote_addr or "",
        is_secure=is_secure(),
        is_wall=is_wall,
    )
    response.set_cookie(cookie_name(), token, max_age=lifetime_ms // 1000, secure=request.is_secure, **_COOKIE_RULES)
    note_deed(how, member=user, detail=device)
    return response


def sign_out(response: Response) -> Response:
    end_session()
    note_deed("sign_out")
    response.headers.add("Set-Cookie", _cleared_cookie())
    return response


def cookie_name() -> str:
    return SECURE_COOKIE if request.is_secure else COOKIE


def end_session() -> None:
    token = request.cookies.get(cookie_name())
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
    token, is_key = _token_of_request()
    if token and _accept(token, is_key=is_key):
        if g.member.is_wall and wants_page() and request.endpoint not in WALL_PAGES:
            return redirect(url_for("wall.page"))
        _check_declared(declared)
        return None
    if not has_owner():
        if wants_page():
            return redirect(url_for("account.setup"))
        check_first_run()
        raise Problem(401, "setup.needed", "This box has no owner yet. Open its page in a browser and choose a login.")
    if wants_page():
        response = redirect(url_for("account.login", next=_return_path()))
    else:
        headers = {"Set-Cookie": _cleared_cookie()} if token and not is_key else None
        raise Problem(401, "session.invalid", "Please sign in.", headers=headers)
    if token and not is_key:
        response.headers.add("Set-Cookie", _cleared_cookie())
    return response


def _token_of_request() -> tuple[str, bool]:
    """The token that comes along, and whether it is a key for programs. A key stands above a cookie."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip(), True
    return request.cookies.get(cookie_name(), ""), False


def _check_declared(declared: Declaration | None) -> None:
    if isinstance(declared, Right):
        check_may(declared)
        if asker().is_wall and declared in LOOKING and request.method not in ("GET", "HEAD", "OPTIONS"):
            raise Problem(403, "wall.only_live", ONLY_LIVE)  # what is seen or snoozed there is somebody's own
    elif asker().is_wall and declared is not Open.ANY_SCREEN:
        raise Problem(403, "wall.only_live", ONLY_LIVE)
    elif declared is Open.OWN_ACCOUNT:
        if asker().via:
            raise Problem(403, "right.missing", "A key for programs may not change an account.")
        require_secure()


def check_may(right: Right) -> None:
    """For a view of which one part needs more than it declares. Raises Problem 403 when the asker may not, or may not
    where others could read it (``transport``)."""
    if not asker().may(right):
        raise _refusal(right)
    if right not in LOOKING:
        require_secure()


def _refusal(right: Right) -> Problem:
    """``Your account may not change cameras. Ask Sam.``"""
    here = parts()
    try:
        owners = " or ".join(here.rows.ask(lambda: user_rows.owner_names(here.store), here.rows.longest_s))
    except DoesNotAnswerError:
        owners = "an owner"
    return Problem(403, "right.missing", f"Your account may not {right.value}. Ask {owners}.")


def _accept(token: str, *, is_key: bool) -> bool:
    here = parts()
    if len(token) != 64 + (len(TOKEN_PREFIX) if is_key else 0):
        return False
    try:
        session = find_login(here, hash_token(token))
    except DoesNotAnswerError as error:
        raise drive_problem(here) from error
    if session is None or bool(session.via) is not is_key:
        return False
    if not is_key and not is_local() and session.is_secure is not request.is_secure:
        return False  # a token that could be read on the network opens nothing more, and a secret one is not sent there
    note_use(here, hash_token(token), session)
    if not is_local():
        note_phone(here, hash_token(token), session, request.remote_addr or "")
    _owner_known().append(True)  # who is signed in is a member: the login page needs no database to know
    g.member = Member.of(session)
    g.token = token
    g.signed_in_ms = session.created_ms
    return True


def _return_path() -> str | None:
    """Where to go after signing in: the page asked for, when going there changes nothing."""
    if request.method != "GET" or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def _cleared_cookie() -> str:
    secure = "; Secure" if request.is_secure else ""
    return f"{cookie_name()}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax{secure}"
