"""Whether a name and a password are right, and how often they may be tried: by address and by account.

The tries are counted before anything is computed, so a flood costs no hashing. An account that is tried from everywhere
is closed to strangers for a while, but not to the addresses its owner has signed in from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from vigilar.store import users as user_rows
from vigilar.store.users import UserRow, name_key
from vigilar.web.deeds import note_deed
from vigilar.web.parts import parts
from vigilar.web.passwords import check_password
from vigilar.web.problems import Problem
from vigilar.web.try_limits import TooManyTries, Try, network_of

logger = logging.getLogger(__name__)


def check_login(name: str, password: str) -> UserRow:
    """The member of that name and password. Raises Problem: 401 ``login.wrong``, 429 ``login.wait``."""
    here, network = parts(), network_of(request.remote_addr or "")
    key = name_key(name[:256])
    keys = [f"from {network}"]
    if not here.homes.is_known(key, network):
        keys.append(f"to {key}")
    with limited_tries(*keys) as one:
        user = user_rows.find_user(here.store, name[:256])
        if check_password(user.password_hash if user else None, password) and user is not None:
            one.was_right()
            here.homes.remember(key, network)
            return user
    logger.warning("wrong login from %s", request.remote_addr)
    # What was typed as a name may be a password: only the name of somebody who is there is written down.
    note_deed("sign_in_refused", member=user, detail="" if user else "for a name that is not known")
    raise Problem(401, "login.wrong", "The name or the password is not right.", field="password")


@contextmanager
def limited_tries(*keys: str) -> Iterator[Try]:
    """A place for one try under each key. Raises Problem 429, whose ``Retry-After`` is true, when there is none."""
    try:
        with parts().tries.attempt(*keys) as one:
            yield one
    except TooManyTries as error:
        raise too_many(error) from error


def too_many(error: TooManyTries) -> Problem:
    if parts().tries_told.is_due(network_of(request.remote_addr or "")):
        logger.warning("too many wrong tries from %s", request.remote_addr)
        note_deed("sign_in_blocked")
    minutes = -(-error.retry_after_s // 60)
    wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
    sentence = f"Too many tries. Wait {wait} and try again."
    return Problem(429, "login.wait", sentence, headers={"Retry-After": str(error.retry_after_s)})
