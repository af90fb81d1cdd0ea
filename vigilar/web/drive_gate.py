"""What is answered while the drive for recordings hangs: all that is in memory, and one sentence for the rest.

Whoever asks the drive then does not come back. So requests that need it are refused while it is known to hang, and
before that is known only so many may be under way: the other threads go on with live pictures. More at once than that,
as a page of pictures asks over HTTP/2, wait for a place.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from flask import Flask, g, request

from vigilar.base.folder_look import CODE, HANGING
from vigilar.store.first_user import has_users
from vigilar.web.parts import Parts, parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem

FROM_MEMORY = (
    "static", "live.", "live_socket.", "system.", "cameras.list_cameras", "cameras.get_camera",
    "adding.page", "adding.attempt", "adding.picture", "camera_settings.page",
)  # fmt: skip
"""Endpoints, or beginnings of them, that need no row and no file once it is known who asks; FROM_FILES excepted."""

FROM_FILES = (
    "footage.", "live.last_still",
    "event_page.", "events.event_still", "events.event_playlist", "events.event_clip",
)  # fmt: skip
"""Those that read recordings, wherever the database is."""

MAX_UNDER_WAY = 24
"""Requests to the drive that may be under way at once: it takes some seconds until a hanging drive is known for one,
and there are 64 threads."""

MAX_HELD = 60
"""The same with those that wait for a place. The few threads above them are left for live pictures, while a drive hangs
of which that is not known yet."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def install_drive_gate(app: Flask) -> None:
    """Judge each request after it is known who asks."""
    gate = _Gate()
    app.before_request(gate.enter)
    app.teardown_request(gate.leave)


def drive_problem(here: Parts) -> Problem:
    """503 with the sentence of the drive, or of a database elsewhere."""
    what = HANGING if here.rows_on_drive or here.drive_hangs() else "The database does not answer."
    detail = f"{what} Live pictures go on; this needs what is stored, and works again as soon as it answers."
    return Problem(503, CODE, detail, headers={"Retry-After": "5"})


def _answers(here: Parts) -> bool:
    """Whether the database answers, as far as is known; asked for it while an earlier question waits."""
    if here.rows.is_late and not here.rows.is_stuck:
        with suppress(DoesNotAnswerError):
            here.rows.ask(lambda: has_users(here.store), here.rows.longest_s)
            return True
        return False
    return not here.rows.is_stuck


class _Gate:
    """Lets requests to the drive in. Any thread."""

    def __init__(self) -> None:
        self._held = threading.Semaphore(MAX_HELD)
        self._places = threading.Semaphore(MAX_UNDER_WAY)

    def enter(self) -> None:
        endpoint = request.endpoint or ""
        if not endpoint or (endpoint.startswith(FROM_MEMORY) and not endpoint.startswith(FROM_FILES)):
            return
        here = parts()
        hangs = here.drive_hangs()
        needs_drive = here.rows_on_drive and (request.method not in _READS or here.rows.is_late)
        if (hangs and (needs_drive or endpoint.startswith(FROM_FILES))) or not _answers(here):
            raise drive_problem(here)
        if not self._held.acquire(blocking=False):
            raise drive_problem(here)
        if not self._places.acquire(timeout=here.rows.longest_s):
            self._held.release()
            raise drive_problem(here)
        g.is_under_way = True

    def leave(self, _error: Any) -> None:
        if g.pop("is_under_way", False):
            self._places.release()
            self._held.release()
