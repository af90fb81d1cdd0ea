"""Links to exports for people without an account: random, ending, revocable, logged."""

from __future__ import annotations

import secrets

from flask import request

from vigilar.store import jobs as job_rows
from vigilar.store import shares as share_rows
from vigilar.store.exports import EXPORT, ends_ms
from vigilar.store.jobs import JobRow
from vigilar.web.auth import asker
from vigilar.web.logins import hash_token
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import GIVES_AWAY, check_proven
from vigilar.web.sign_in import too_many
from vigilar.web.try_limits import TooManyTries, network_of

DAYS = (1, 7, 30)
"""How long a link may open its export; never longer than the export is there."""

_DAY_MS = 24 * 3600 * 1000
TOKEN_CHARACTERS = 43
"""256 random bits in base64url."""


def make_link(row: JobRow, days: int) -> tuple[str, int]:
    """The path of a new link to an export that is done, and UTC ms at which it ends. Raises Problem."""
    check_proven(f"/exports/{row.id}", GIVES_AWAY)
    if days not in DAYS:
        raise Problem(422, "share.days", f"A link holds for {DAYS[0]}, {DAYS[1]} or {DAYS[2]} days.", field="days")
    if row.state != "done":
        raise Problem(409, "export.not_ready", "This export is not ready.")
    here = parts()
    now_ms = here.now_ms()
    token = secrets.token_urlsafe(32)
    expires_ms = min(now_ms + days * _DAY_MS, ends_ms(row))
    share_rows.add_share(
        here.store, hash_token(token), row.id, made_by=asker().id, now_ms=now_ms, expires_ms=expires_ms
    )
    return f"/s/{token}", expires_ms


def open_link(token: str) -> tuple[JobRow, bytes, int]:
    """The export that a link opens, the link's hash, and UTC ms at which it ends. Raises Problem: 404 for a link that
    never was, 410 for one that has ended, 429 after too many of those from one network: a link has 256 random bits, so
    that protects the log and not the link."""
    key = f"links from {network_of(request.remote_addr or '')}"
    tries = parts().link_tries
    try:
        tries.check(key)
        return _open_link(token)
    except TooManyTries as error:
        raise too_many(error) from error
    except Problem:
        tries.note_wrong(key)
        raise


def _open_link(token: str) -> tuple[JobRow, bytes, int]:
    here = parts()
    if len(token) != TOKEN_CHARACTERS:
        raise _unknown()
    found = share_rows.find_share(here.store, hash_token(token))
    if found is None:
        raise _unknown()
    row = job_rows.get_job(here.store, found.job_id)
    if not found.is_open(here.now_ms()) or row is None or (row.kind, row.state) != (EXPORT, "done"):
        raise Problem(410, "share.over", "This link has ended.", next_step="Ask who sent it for a new one.")
    return row, found.token_hash, found.expires_ms


def note_download(token_hash: bytes) -> None:
    """Write down that a download began. Raises StoreError: who cannot be noted gets nothing."""
    here = parts()
    share_rows.note_use(
        here.store,
        token_hash,
        now_ms=here.now_ms(),
        address=request.remote_addr or "unknown",
        user_agent=request.user_agent.string,
    )


def _unknown() -> Problem:
    return Problem(404, "share.unknown", "There is no such link.")
