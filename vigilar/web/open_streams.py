"""Ends answers without an end (event streams, moving pictures) when who asked may not have them any more.

A request is checked once, at its start; an answer that goes on for hours is not a request again. So each is entered
here with its login, and one thread reads the logins of all of them from the database about once a second, in one query.
A sign-out, an expired login, a removed member, another role or another limit ends the stream, whichever process wrote
the row. ``look_now`` makes it look at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from vigilar.base.clock import Clock
from vigilar.base.errors import VigilarError
from vigilar.store.sessions import SessionRow
from vigilar.web.rights import Member

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.8
"""Two seconds are promised from the change of a row to the end: more than half of them are left for a busy machine. The
query takes about 1 ms."""

JOIN_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class OpenStream:
    """One answer. ``may_go_on`` is asked what the member may now; ``end`` ends it, from any thread, harmless twice.
    ``is_secure``: nobody on the network can read it."""

    token_hash: bytes
    may_go_on: Callable[[Member], bool]
    end: Callable[[], None]
    is_secure: bool


FindLogins = Callable[[Collection[bytes], int], Mapping[bytes, SessionRow]]
"""Those of the logins that are valid at a moment (UTC ms), by token hash: ``logins.find_logins``."""


class OpenStreams:
    """All endless answers of this process. Any thread.

    The thread that looks is started with the first stream and sleeps while there is none: then nothing is read.
    """

    def __init__(self, find_logins: FindLogins, clock: Clock) -> None:
        self._find_logins = find_logins
        self._clock = clock
        self._changed = threading.Condition()
        self._streams: set[OpenStream] = set()
        self._thread: threading.Thread | None = None
        self._look_now = False
        self._is_stopped = False
        self._is_failing = False

    def add(self, stream: OpenStream) -> None:
        with self._changed:
            self._streams.add(stream)
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._run, name="web-streams", daemon=True)
                self._thread.start()
            self._changed.notify()

    def end_insecure(self) -> None:
        """From now on nothing is shown any more that others on the network can read."""
        with self._changed:
            insecure = [stream for stream in self._streams if not stream.is_secure]
        for stream in insecure:
            stream.end()

    def remove(self, stream: OpenStream) -> None:
        """After its end, whoever ended it."""
        with self._changed:
            self._streams.discard(stream)

    def look_now(self) -> None:
        """Call after a change of logins or members in this process: streams end at once, not within a second."""
        with self._changed:
            self._look_now = True
            self._changed.notify()

    def stop(self) -> None:
        """No stream is looked at any more; the process ends them all by itself."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while (streams := self._next()) is not None:
            try:
                self._look(streams)
            except Exception:  # the top of this worker: without it no stream would ever end again
                logger.exception("logins of open streams could not be looked at")

    def _next(self) -> list[OpenStream] | None:
        """Waits until it is time to look; the streams to look at, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._look_now or self._is_stopped, LOOK_EVERY_S)
            self._changed.wait_for(lambda: self._streams or self._is_stopped)
            self._look_now = False
            return None if self._is_stopped else list(self._streams)

    def _look(self, streams: list[OpenStream]) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        try:
            valid = self._find_logins({stream.token_hash for stream in streams}, now_ms)
        except VigilarError as error:
            # While no row can be read none can be changed either: nobody has lost anything yet.
            if not self._is_failing:
                logger.warning("logins of open streams cannot be read, they go on meanwhile: %s", error)
            self._is_failing = True
            return
        self._is_failing = False
        for stream in streams:
            session = valid.get(stream.token_hash)
            if session is None or not stream.may_go_on(Member.of(session)):
                stream.end()
