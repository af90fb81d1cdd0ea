"""Showing again who one is, before what opens the house for good (a code for a phone, a passkey, a PIN, a key for
programs, a member's password), makes it guard less, or hands its pictures to strangers.

A page that somebody left open is enough to look and to arm. It must not be enough to come back with: whoever holds it
for a minute could let a phone of his own in, and with a passkey of his own disarm in a year; or let no sensor count
tonight. So these ask for the password or the PIN, unless the login itself, or the last such word, is only minutes old.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import g, request

from vigilar.store import pins
from vigilar.store import users as user_rows
from vigilar.web.arm_wish import with_pin
from vigilar.web.auth import asker
from vigilar.web.deeds import note_deed
from vigilar.web.logins import hash_token
from vigilar.web.parts import parts
from vigilar.web.passwords import check_password
from vigilar.web.pins import BadPin
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.sign_in import limited_tries

PAGE = "/settings/account/prove"

FIELDS = ("own_password", "own_pin")
"""What a form that was refused asks besides, so that nothing typed in it is lost."""

HOLDS_MS = 10 * 60 * 1000
"""For how long: as long as a code for a phone holds, so that who sets a phone up is asked once."""


LETS_IN = "this would let somebody in for good"
GUARDS_LESS = "this could make the house guard less"
GIVES_AWAY = "whoever has such a link sees these recordings"
SPEAKS_FOR_HOUSE = "with this the house shows others that they speak to it"
SHOWS_HOUSE = "this lets another program see the house, or arm it"
SIGNS_OUT = "a phone that is signed out must be let in anew"
DESTROYS = "what is deleted cannot be brought back"
"""What is at stake; ends the sentence of a refusal."""


def is_proven() -> bool:
    """Whether the asker has shown, within the last minutes and in this browser, who it is."""
    here, token_hash = parts(), hash_token(g.token)
    since = (g.signed_in_ms, here.sessions.find_proof(token_hash))
    return any(0 <= here.now_ms() - at_ms < HOLDS_MS for at_ms in since)


def check_proven(page: str, why: str = LETS_IN) -> None:
    """Raises Problem 403 ``account.prove`` unless ``is_proven``; its link leads back to ``page`` afterwards. A form may
    bring the password or the PIN with it: what ``prove`` refuses is raised then.

    A key for programs is asked nothing: whoever made it showed who it is, and gave it the rights it has.
    """
    if asker().via or is_proven():
        return
    password, pin = (request.form.get(field, "") for field in FIELDS)
    if password or pin:
        try:
            prove(password, pin.strip())
        except Problem as problem:
            problem.field = FIELDS[bool(pin)]
            raise
        return
    raise Problem(
        403,
        "account.prove",
        f"Show first that it is you: {why}.",
        next_step="Type your password or your PIN, then do it again.",
        link=prove_link(page),
    )


def prove_link(page: str) -> str:
    """Where the asker shows who it is, to go on at ``page``."""
    return f"{PAGE}?{urlencode({'next': page})}"


def prove(password: str, pin: str) -> None:
    """By one of the two, empty for not given. Raises Problem: 403 ``password.wrong``, ``pin.wrong``, ``pin.none``,
    422 ``account.prove``, 429."""
    here, me = parts(), asker()
    if pin:
        try:
            with_pin(here, me, pin, "disarmed", lambda _by: lambda _state: None)
        except BadPin as error:
            raise Problem(422, error.code, as_sentence(str(error)), field="pin") from error
    elif password:
        check_own_password(password, "password")
    else:
        raise Problem(422, "account.prove", "Type your password or your PIN.", field="password")
    here.sessions.note_proof(hash_token(g.token), here.now_ms())


def check_own_password(password: str, field: str) -> None:
    """Raises Problem: 403 ``password.wrong``, 429."""
    here, me = parts(), asker()
    user = user_rows.get_user(here.store, me.id)
    with limited_tries(f"own {me.id}") as one:
        if user is not None and check_password(user.password_hash, password):
            one.was_right()
            return
    note_deed("password_refused")
    next_step = "Look whether capitals are on and type it again."
    raise Problem(403, "password.wrong", "That is not your password.", next_step=next_step, field=field)


def has_pin() -> bool:
    """Whether the asker has a PIN to show who it is by."""
    return pins.find_pin(parts().store, asker().id) is not None
