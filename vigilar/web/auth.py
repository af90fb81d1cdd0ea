"""Who is asking: server-side sessions, and the gate that lets nobody else in.

A session is a random 256-bit token in a cookie; the database holds only its SHA-256. A new one is made at each
sign-in. Every view is private unless it says ``@public``.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from vigilar.store import sessions as session_rows
from vigilar.store import users as user_rows
from vigilar.web.drive_gate import drive_problem
from vigilar.web.parts import Parts, parts
from vigilar.web.passwords import MAX_LENGTH, MIN_LENGTH
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem, wants_page

COOKIE = "vigilar_session"
LIFETIME_MS = 30 * 24 * 3600 * 1000
"""A month: a phone on the kitchen wall must not ask every day; signing out ends it at once."""

TOUCH_EVERY_MS = 5 * 60 * 1000
MAX_NAME_LENGTH = 64

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view that answers without a session."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on the function, read by the gate
    return view


def install_auth(app: Flask) -> None:
    app.before_request(_gate)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def has_owner() -> bool:
    """Whether the first-run page has done its work; once true it stays true, so it is asked no more."""
    known = current_app.extensions.setdefault("vigilar_has_owner", [])
    if not known and user_rows.has_users(parts().store):
        known.append(True)
    return bool(known)


def is_session_valid(here: Parts, token: str) -> bool:
    """Asked again and again by long streams, outside of a request: a session ended elsewhere ends them too."""
    try:
        return here.logins.find(token_hash(token), here.now_ms()) is not None
    except DoesNotAnswerError:
        return False


def sign_in(response: Response, user_id: int) -> Response:
    """Start a new session of ``user_id`` in place of the one the browser may have had."""
    here = parts()
    end_session()
    token = secrets.token_hex(32)
    now_ms = here.now_ms()
    session_rows.add_session(
        here.store,
        token_hash(token),
        user_id,
        now_ms=now_ms,
        expires_ms=now_ms + LIFETIME_MS,
        user_agent=request.user_agent.string,
    )
    response.set_cookie(
        COOKIE, token, max_age=LIFETIME_MS // 1000, httponly=True, samesite="Strict", secure=request.is_secure, path="/"
    )
    return response


def sign_out(response: Response) -> Response:
    end_session()
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")
    return response


def end_session() -> None:
    token = request.cookies.get(COOKIE)
    if token:
        parts().logins.forget(token_hash(token))
        session_rows.delete_session(parts().store, token_hash(token))


def check_new_login(name: str, password: str) -> tuple[str, str]:
    """The name and password for a new account, or a Problem that says what is wrong with which."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        raise Problem(422, "user.name", f"Choose a name of 1 to {MAX_NAME_LENGTH} characters.", field="name")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in name):
        raise Problem(422, "user.name_chars", "The name contains characters that cannot be seen.", field="name")
    if len(password) < MIN_LENGTH:
        raise Problem(422, "user.password", f"Choose a password of at least {MIN_LENGTH} characters.", field="password")
    if len(password) > MAX_LENGTH:
        raise Problem(422, "user.password", f"{MAX_LENGTH} characters are enough for a password.", field="password")
    return name, password


def _gate() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "is_public", False):
        return None
    token = request.cookies.get(COOKIE, "")
    if token and _accept(token):
        return None
    if not has_owner():
        if wants_page():
            return redirect(url_for("account.setup"))
        raise Problem(401, "setup.needed", "This box has no owner yet. Open its page in a browser and choose a login.")
    if wants_page():
        response = redirect(url_for("account.login", next=_return_path()))
    else:
        raise Problem(401, "session.invalid", "Please sign in.", headers=_clear_cookie() if token else None)
    if token:
        response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")
    return response


def _accept(token: str) -> bool:
    here = parts()
    if len(token) != 64:
        return False
    now_ms = here.now_ms()
    try:
        session = here.logins.find(token_hash(token), now_ms)
    except DoesNotAnswerError as error:
        raise drive_problem(here) from error
    if session is None:
        return False
    if now_ms - session.last_seen_ms > TOUCH_EVERY_MS:
        _touch(here, token_hash(token), now_ms, session.expires_ms)
    g.user_name = session.user_name
    g.token = token
    return True


def _touch(here: Parts, hashed: bytes, now_ms: int, expires_ms: int) -> None:
    """Note that the session is in use; without an answer the next request does."""
    with suppress(DoesNotAnswerError):
        here.logins.write(lambda store: session_rows.touch(store, hashed, now_ms=now_ms, expires_ms=expires_ms))


def _return_path() -> str | None:
    """Where to go after signing in: the page asked for, when going there changes nothing."""
    if request.method != "GET" or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def _clear_cookie() -> dict[str, str]:
    return {"Set-Cookie": f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"}
