"""What is told to all open pages: a bounded queue for each of them.

A page that does not read is closed, not waited for: it comes back by itself with the number of the last event it saw
and gets the rest from the database. So the memory is bounded by listeners x QUEUE_SIZE, whatever the network does.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vigilar.store.jobs import OVER

QUEUE_SIZE = 256
"""Messages held for one page: more than a minute of an event storm that a person could follow."""

_HEALTH_ROOM = QUEUE_SIZE // 2
"""Health is dropped before events are: the next one says the same, only newer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One server-sent event. ``change`` is the id a page resumes by; None for what is not stored.

    ``after`` is the change that was told before it: whoever has that misses nothing between the two. ``source_id`` is
    the camera or part of the house it tells of, by which it is kept from who may not see that, ``more_sources`` the
    others of several. ``incident_id`` keeps it from who knows nothing of that incident. ``must_arrive``: it is not
    dropped like health, which comes again. ``event_id``: the event that it tells of.
    """

    name: str
    data: str
    change: int | None = None
    after: int | None = None
    source_id: str = ""
    must_arrive: bool = False
    incident_id: int | None = None
    event_id: int | None = None
    more_sources: tuple[str, ...] = ()

    def dump(self) -> str:
        """The lines of the event stream (WHATWG HTML, server-sent events). ``data`` holds no line break: it is JSON."""
        head = f"id: {self.change}\n" if self.change is not None else ""
        return f"{head}event: {self.name}\ndata: {self.data}\n\n"


def make_notice(name: str, content: dict[str, Any], change: int | None = None, source_id: str = "") -> Notice:
    return Notice(name, json.dumps(content, separators=(",", ":"), ensure_ascii=False), change, source_id=source_id)


JOB = "job"
"""The name of notices of long work: only for who may export."""


def job_notice(
    job_id: int,
    kind: str,
    state: str,
    step: str,
    percent: int,
    seconds_left: int | None,
    sources: Sequence[str],
) -> Notice:
    """``sources``: the cameras that the job is about."""
    content = {
        "id": str(job_id),
        "kind": kind,
        "state": state,
        "step": step,
        "percent": percent,
        "seconds_left": seconds_left,
    }
    is_last_word = state in OVER
    notice = make_notice(JOB, content, source_id=next(iter(sources), ""))
    return replace(notice, must_arrive=is_last_word, more_sources=tuple(sources[1:]))


CARD = "card"
"""The name of notices of a new or changed card, only for pages that show the list of events."""

OBJECTS = "objects"
"""The name of notices of what a camera sees right now: only for who may watch live pictures."""


class HubClosed(Exception):
    """The listener is closed: it was too slow, or the process ends."""


class Listener:
    """One open page's queue. ``get`` on the thread that serves the page."""

    def __init__(self, size: int = QUEUE_SIZE) -> None:
        self._queue: queue.Queue[Notice | None] = queue.Queue(size)
        self.is_closed = False

    def get(self, timeout_s: float) -> Notice | None:
        """The next notice, or None after ``timeout_s``. Raises HubClosed once closed; what was queued is not sent."""
        if self.is_closed:
            raise HubClosed
        try:
            notice = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if notice is None or self.is_closed:
            raise HubClosed
        return notice

    def waiting(self) -> int:
        """How many notices its page is behind."""
        return self._queue.qsize()

    def put(self, notice: Notice) -> None:
        """Queue without waiting. A full queue closes the listener."""
        if notice.change is None and not notice.must_arrive and self._queue.qsize() > _HEALTH_ROOM:
            return
        try:
            self._queue.put_nowait(notice)
        except queue.Full:
            self.close()

    def close(self) -> None:
        self.is_closed = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)  # wakes a waiting ``get``


class EventHub:
    """All listeners of this process. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._closed = False
        self.dropped = 0

    def subscribe(self) -> Listener:
        listener = Listener()
        with self._lock:
            if self._closed:
                listener.close()
            else:
                self._listeners.add(listener)
        return listener

    def unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    def broadcast(self, notice: Notice) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(notice)
            if listener.is_closed:
                self.dropped += 1
                self.unsubscribe(listener)

    def count(self) -> int:
        with self._lock:
            return len(self._listeners)

    def close(self) -> None:
        """End all streams, and those that still come: the process stops."""
        with self._lock:
            self._closed = True
            listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener.close()

    def open(self) -> None:
        """Take listeners again; ``create_app`` calls it, as one process may make several apps (tests)."""
        with self._lock:
            self._closed = False


HUB = EventHub()
"""One a process: the bridge that fills it and the app that empties it meet here and nowhere else."""
