"""What is written down of what people do, and in which words it is read.

A view needs to do nothing for it: what it declares (``rights``) says whether it looks at recordings, exports, or
changes something. Signing in and changes of accounts are told by name, with ``note_deed``.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, current_app, g, request

from vigilar.store.audit import AuditRow, Deed
from vigilar.store.users import UserRow
from vigilar.web.parts import parts
from vigilar.web.rights import LOOKING, Member, Right, declaration_of
from vigilar.web.try_limits import network_of

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

WORDS: Mapping[str, str] = {
    "sign_in": "signed in",
    "sign_in_refused": "was refused: wrong name or password",
    "sign_in_blocked": "was held off: too many wrong tries",
    "sign_out": "signed out",
    "setup": "made the first login of the house",
    "setup_refused": "was refused: wrong code for the first login",
    "password": "has a new password",
    "password_refused": "was refused: not the password of this login",
    "session_ended": "ended a login",
    "phone_unused": "was signed out of a phone that nobody used for 90 days",
    "right_refused": "was refused: the account may not do that",
    "origin_refused": "was refused: another page asked in this browser's name",
    "name_refused": "was refused: asked by a name that is not the house's",
    "member_added": "made a login",
    "member_changed": "changed a member",
    "member_removed": "removed a member",
    "certificate_changed": "changed the certificate of the pages",
    "plain_http_closed": "ended that pages are seen without HTTPS",
    "plain_http_opened": "let pages be seen without HTTPS again",
    "token_made": "made a key for programs",
    "token_ended": "took back a key for programs",
    "home_assistant_password": "made a new password for Home Assistant",
    "rules_changed": "changed who is told of what",
    "snoozed_all": "snoozed for everybody",
    "pairing_made": "let a phone in by a code",
    "paired": "signed in with the code of a phone",
    "wall_made": "made a screen on the wall",
    "wall_left": "let a screen off the wall",
    "pairing_refused": "was refused: the code of a phone was not right",
    "passkey_made": "made a passkey",
    "passkey_ended": "removed a passkey",
    "phone_added": "let a phone be told by pushes",
    "phone_removed": "removed a phone that was told by pushes",
    "see_live": "watched live pictures",
    "see_footage": "looked at recordings",
    "export": "made or fetched an export",
    "change_cameras": "changed a camera",
    "change_events": "changed what is kept or said of an event",
    "named_animal": "said what an animal was",
    "delete_footage": "let recordings be deleted",
    "erased": "deleted recordings of events",
    "put_off": "put off what was to be done",
    "audit_lost": "entries could not be written down",
}
"""In the past tense, after a name. A right that is not here is told in its own words."""


REFUSED: Mapping[str, str] = {
    "right.missing": "right_refused",
    "request.origin": "origin_refused",
    "request.host": "name_refused",
}
"""What is written down of a request that was refused, by the code of its problem: who tries what is not theirs, and
pages of others that try to get round. Once in a while from one place, so nobody fills the record with it."""

WATCHED = frozenset({"live.grid", "live.watch", "live.mjpeg"})
"""Where somebody watches; the pictures themselves come by many requests. Of a program each of a camera counts."""


def install_deeds(app: Flask) -> None:
    app.after_request(_note_request)


def note_deed(action: str, *, member: UserRow | Member | None = None, subject: str = "", detail: str = "") -> None:
    """Write down what was done with this request. Who did it is the asker, or ``member`` before there is one."""
    here = parts()
    asking = g.member if "member" in g else None
    who = member or asking
    g.deed_told = True
    here.audit.add(
        Deed(
            ts_ms=here.now_ms(),
            action=action,
            user_id=who.id if who else None,
            name=who.name if who else "",
            via=asking.via if asking else "",
            address=request.remote_addr or "",
            subject=subject,
            detail=detail,
        )
    )


def note_nothing() -> None:
    """This request only tried something out: nothing is written down of it."""
    g.deed_told = True


def sentence_of(row: AuditRow, camera_names: Mapping[str, str]) -> str:
    """``Sam looked at recordings of Garden.``"""
    deed = row.deed
    who = deed.name or ("Somebody at the console" if not deed.address else "Somebody")
    if deed.via:
        who = f"{who}'s key “{deed.via}”"
    if deed.action == "audit_lost":
        return f"{deed.detail} {WORDS['audit_lost']}."
    about = _about(deed.subject, camera_names)
    return f"{who} {_done(deed.action)}{about}{f': {deed.detail}' if deed.detail else ''}."


def _done(action: str) -> str:
    if action in WORDS:
        return WORDS[action]
    right = Right.__members__.get(action.upper())
    return f"used the right to {right.value}" if right else action.replace("_", " ")


def _about(subject: str, camera_names: Mapping[str, str]) -> str:
    kind, _, name = subject.partition(":")
    if kind == "camera":
        return f" of {camera_names.get(name, name)}"
    return f", {kind} {name}" if name else ""


def _note_request(response: Response) -> Response:
    view = current_app.view_functions.get(request.endpoint or "")
    right = declaration_of(view) if view is not None else None
    if (refused := REFUSED.get(g.get("problem", ""))) is not None:
        _note_refusal(refused, right.value if isinstance(right, Right) and refused == "right_refused" else "")
    if not isinstance(right, Right) or "member" not in g or response.status_code >= 400:
        return response
    subject = _subject()
    if right is Right.SEE_LIVE:
        is_watched = request.endpoint in WATCHED or (bool(g.member.via) and "camera_id" in (request.view_args or {}))
        if is_watched and parts().watches_told.is_due(f"{g.member.id} {g.member.via} {subject}"):
            note_deed("see_live", subject=subject)
    elif right is Right.SEE_FOOTAGE:
        if parts().looks_told.is_due(f"{g.member.id} {g.member.via} {subject}"):
            note_deed("see_footage", subject=subject)
    elif right not in LOOKING and "deed_told" not in g and (request.method not in _SAFE or _carries_away(right)):
        note_deed(right.name.lower(), subject=subject)
    return response


def _note_refusal(action: str, detail: str) -> None:
    who = str(g.member.id) if "member" in g else network_of(request.remote_addr or "")
    if parts().refusals_told.is_due(f"{who} {action} {detail}"):
        note_deed(action, detail=detail)


def _carries_away(right: Right) -> bool:
    """Whether this request fetches a file of an export."""
    return right is Right.EXPORT and "number" in (request.view_args or {})


def _subject() -> str:
    """The camera, or else what the address names by number."""
    names = request.view_args or {}
    if "camera_id" in names:
        return f"camera:{names['camera_id']}"
    return next((f"{name.removesuffix('_id')}:{value}" for name, value in names.items() if name.endswith("_id")), "")
