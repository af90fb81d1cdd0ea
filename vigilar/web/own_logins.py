"""One's own account: its password, and the devices that are signed in with it."""

from __future__ import annotations

import re
from typing import Any

from flask import g

from vigilar.store import sessions as session_rows
from vigilar.store.household import MemberChange, change_member
from vigilar.store.sessions import OpenSession
from vigilar.web.auth import asker
from vigilar.web.deeds import note_deed
from vigilar.web.logins import end_login, forget_logins_of, hash_token
from vigilar.web.new_login import BadLogin, check_new_password
from vigilar.web.parts import parts
from vigilar.web.passwords import hash_password
from vigilar.web.problems import Problem
from vigilar.web.proving import SIGNS_OUT, check_own_password, check_proven
from vigilar.web.times import day_text

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def own_sessions() -> list[OpenSession]:
    here = parts()
    return session_rows.list_sessions_of(here.store, asker().id, here.now_ms())


def is_this_one(session: OpenSession) -> bool:
    return bool(session.token_hash == hash_token(g.token))


def end_own_session(session_id: str) -> bool:
    """Sign one of the asker's own devices out; whether it was the one that asks. Raises Problem: 404, 403 for another
    one unless the asker has shown lately who it is."""
    for one in own_sessions():
        if one.id == session_id:
            if not is_this_one(one):
                check_proven("/settings/account", SIGNS_OUT)
            end_login(parts(), one.token_hash)
            parts().streams.look_now()
            note_deed("session_ended", detail=one.device or device_words(one.user_agent))
            return is_this_one(one)
    raise Problem(404, "session.unknown", "There is no such login.")


def change_own_password(old: str, new: str) -> None:
    """Signs the asker out everywhere else. Raises Problem: 403 ``password.wrong``, 422 for one that cannot be used."""
    here, me = parts(), asker()
    check_own_password(old, "old")
    try:
        check_new_password(new, me.name)
    except BadLogin as error:
        raise Problem(422, error.code, str(error), field="new") from error
    this = hash_token(g.token)
    change_member(here.store, me.id, MemberChange(password_hash=hash_password(new), but=this))
    forget_logins_of(here, me.id, but=this)
    note_deed("password", detail="and is signed out everywhere else")


def session_json(one: OpenSession) -> dict[str, Any]:
    return {
        "id": one.id,
        "device": one.device or device_words(one.user_agent),
        "address": one.address,
        "created_ts": one.created_ms,
        "last_seen_ts": one.last_seen_ms,
        "ends_ts": one.ends_ms,
        "is_secure": one.is_secure,
        "is_wall": one.is_wall,
        "is_this": is_this_one(one),
    }


def ends_words(one: OpenSession) -> str:
    """``ends on Saturday 27 February 2027 if it is not used until then``."""
    here = parts()
    day = day_text(one.ends_ms, here.now_ms(), here.zone)
    when = "ends today" if day == "Today" else f"ends on {day}"
    return f"{when} if it is not used until then" if one.ends_ms < one.expires_ms else when


def device_words(user_agent: str) -> str:
    """What a browser calls itself, as people call it.

    >>> device_words("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36")
    'Chrome on Linux'
    """
    browser = next((word for mark, word in _BROWSERS if mark in user_agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.sub(r"[^\w./ -]", "?", user_agent.split(" ")[0])[:40] or "Unknown device"
