"""Cameras that are being tried, and what came of it: a few, in memory, for as long as somebody adds one.

Bounded for the house, not for each member: two at a time, whoever asks, so that nobody makes this box knock at a whole
network. And for each camera: after five refused logins it is left alone for a while, as cameras lock.
"""

from __future__ import annotations

import base64
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.web.probe import CameraProbe, ProbeWish

logger = logging.getLogger(__name__)

MAX_RUNNING = 2
MAX_KEPT = 8
KEEP_MS = 15 * 60_000
"""The password that was typed stays in memory for so long, so that it need not be typed again."""

MAX_LOGINS = 5
LOCK_MS = 5 * 60_000
"""Many cameras lock for five minutes, some for thirty, after five wrong passwords in a row."""


class TooManyProbes(Exception):
    """MAX_RUNNING are being tried."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as it is at the moment. ``report`` is None while it goes on; ``picture`` is a JPEG. ``doing`` and the
    report's words are for a person."""

    id: str
    member_id: int
    wish: ProbeWish
    began_ms: int
    doing: str = "Looking for the camera"
    stages: tuple[dict[str, Any], ...] = ()
    picture: bytes = field(default=b"", repr=False)
    report: dict[str, Any] | None = None


@dataclass(slots=True)
class _Refusals:
    count: int = 0
    last_ms: int = 0


class Probes:
    """Any thread. ``probe`` is asked for each try, on a thread of its own."""

    def __init__(self, probe: Callable[[], CameraProbe], now_ms: Callable[[], int]) -> None:
        self._probe, self._now_ms = probe, now_ms
        self._lock = threading.Lock()
        self._attempts: dict[str, Attempt] = {}
        self._refusals: dict[str, _Refusals] = {}

    def start(self, member_id: int, wish: ProbeWish) -> Attempt:
        """Begin to try; raises TooManyProbes. A member's second click while the first try goes on is the same try."""
        with self._lock:
            self._forget_old()
            running = [one for one in self._attempts.values() if one.report is None]
            same = next((one for one in running if one.member_id == member_id and one.wish == wish), None)
            if same is not None:
                return same
            if len(running) >= MAX_RUNNING:
                raise TooManyProbes
            made = Attempt(secrets.token_urlsafe(16), member_id, wish, self._now_ms())
            locked = self._locked_report(wish)
            made = made if locked is None else replace(made, report=locked)
            self._attempts[made.id] = made
        if locked is None:
            threading.Thread(target=self._run, args=(made,), name="camera test", daemon=True).start()
        return made

    def run(self, member_id: int, wish: ProbeWish) -> dict[str, Any]:
        """Try and wait for what comes of it. Raises TooManyProbes."""
        attempt = self.start(member_id, wish)
        over = threading.Event()
        while (found := self.find(attempt.id, member_id)) is not None and found.report is None:
            over.wait(0.1)
        assert found is not None  # noqa: S101 -- it is kept for longer than it takes
        assert found.report is not None  # noqa: S101
        return found.report

    def find(self, attempt_id: str, member_id: int) -> Attempt | None:
        """What that member tries or tried; nobody sees another one's."""
        with self._lock:
            self._forget_old()
            found = self._attempts.get(attempt_id)
            return found if found is not None and found.member_id == member_id else None

    def forget(self, attempt_id: str) -> None:
        """With its password: the camera is added."""
        with self._lock:
            self._attempts.pop(attempt_id, None)

    def tries(self, address: str) -> int:
        """How many logins in a row were refused at the host of ``address``."""
        with self._lock:
            return self._refused(_host_of(address)).count

    def _run(self, attempt: Attempt) -> None:
        try:
            report = self._probe()(attempt.wish, lambda told: self._take(attempt.id, told))
        except CameraError as error:
            report = failed_report(error)
        except Exception:  # the top of a thread; the page must not wait for ever
            logger.exception("unexpected error while a camera was tried")
            sentence = "The camera test could not be run on this box."
            report = failed_report(CameraError(sentence, kind=ErrorKind.TRANSIENT))
        with self._lock:
            self._count(_host_of(attempt.wish.address), report)
            self._change(attempt.id, report=report)

    def _take(self, attempt_id: str, told: dict[str, Any]) -> None:
        """A line of the probe."""
        with self._lock:
            found = self._attempts.get(attempt_id)
            if found is None:
                return
            if isinstance(told.get("stage"), dict):
                self._change(attempt_id, stages=(*found.stages, told["stage"]))
            elif isinstance(told.get("picture"), str):
                self._change(attempt_id, picture=base64.b64decode(told["picture"]))
            elif isinstance(told.get("doing"), str):
                self._change(attempt_id, doing=told["doing"])

    def _change(self, attempt_id: str, **changes: Any) -> None:
        if attempt_id in self._attempts:
            self._attempts[attempt_id] = replace(self._attempts[attempt_id], **changes)

    def _count(self, host: str, report: dict[str, Any]) -> None:
        refused = int(report.get("refused_logins") or 0)
        if report["ok"]:
            self._refusals.pop(host, None)
        elif refused:
            known = self._refused(host)
            self._refusals[host] = _Refusals(known.count + refused, self._now_ms())

    def _refused(self, host: str) -> _Refusals:
        known = self._refusals.get(host)
        if known is not None and self._now_ms() - known.last_ms > LOCK_MS:
            del self._refusals[host]
            known = None
        return known or _Refusals()

    def _locked_report(self, wish: ProbeWish) -> dict[str, Any] | None:
        """In place of a sixth wrong password."""
        known = self._refused(_host_of(wish.address))
        if not wish.user or known.count < MAX_LOGINS:
            return None
        left_min = max(1, round((known.last_ms + LOCK_MS - self._now_ms()) / 60_000))
        return failed_report(
            CameraError(
                f"The camera has refused {known.count} logins in a row; many lock for a while then.",
                kind=ErrorKind.DENIED,
                next_step=f"Wait {left_min} min, and check the login in the camera's own app meanwhile.",
                code="V-CAM-04",
            )
        )

    def _forget_old(self) -> None:
        limit_ms = self._now_ms() - KEEP_MS
        done = [one for one in self._attempts.values() if one.report is not None]
        done.sort(key=lambda one: one.began_ms)
        for number, one in enumerate(done):
            if one.began_ms < limit_ms or number < len(self._attempts) - MAX_KEPT:
                del self._attempts[one.id]
        if len(self._refusals) > 1000:
            self._refusals.clear()


def failed_report(error: CameraError) -> dict[str, Any]:
    """A report of a camera that could not be tried to the end."""
    return {
        "ok": False,
        "code": error.code,
        "sentence": str(error),
        "next_step": error.next_step,
        "stages": [],
        "notes": [],
        "card": None,
        "address": "",
        "small": "",
        "refused_logins": 0,
    }


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address
