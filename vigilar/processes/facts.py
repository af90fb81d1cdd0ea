"""Facts of a camera process on their way to the events process: a row first, then the bus.

What is handed in is never lost to a broker that is away (the row is there) and waits in memory while the database
cannot be written, up to a bound. Whoever hands something in does not wait.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from vigilar.base.clock import Clock
from vigilar.base.errors import BusError, ErrorKind, RecordingError, StoreError
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.bus.messages import CameraFact, Message, MotionEnd, MotionStart, TrackSeen, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.record.stills import Still
from vigilar.store import inbound
from vigilar.store.errors import DATABASE_TROUBLE
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Facts held while the database refuses them. A camera makes a few a minute; beyond this the oldest goes, counted."""

MAX_PICTURES = 4
"""Of those, so many may hold a picture (some megabytes each); the others go without a still."""

RETRY_S = 1.0
IDLE_S = 5.0
"""A sign of life at least this often; ``wake`` and each fact end the wait."""


class Publisher(Protocol):
    """What is needed of ``bus.client.MessageBus``."""

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> object: ...


class Track(Protocol):
    """What is told of an object that has left; ``path`` as in ``base.track_path``."""

    @property
    def kind(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def path(self) -> bytes: ...
    @property
    def zones(self) -> tuple[str, ...]: ...


MakeStill = Callable[[], Still]
"""Seals the picture of a motion; its row comes later. Raises RecordingError or StoreError: then the motion goes
without."""


@dataclass(slots=True)
class _Waiting:
    """A message that is to be sent; ``make_still`` is done once, before its first try. ``still`` waits for its row."""

    topic: str
    message: Message
    make_still: MakeStill | None = None
    still: Still | None = None


class FactSender:
    """Sends the facts of one camera, in their order, on a thread of its own (``run``). The rest: any thread.

    What is told of a motion that is *held* waits until it is released, and goes nowhere when it is dropped: until it is
    known whether the household wants to hear of what came.
    """

    def __init__(
        self,
        camera_id: str,
        node_id: str,
        store: Database,
        bus: Publisher,
        clock: Clock,
        reserve: Reserve | None = None,
    ) -> None:
        """``reserve`` is spent, at the end only, for facts that a full disk has kept from being stored."""
        self._camera_id = camera_id
        self._node_id = node_id
        self._store = store
        self._bus = bus
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._held: dict[str, list[_Waiting]] = {}
        self._changed = threading.Condition()
        self._reserve = reserve
        self._is_ending = False
        self._is_full = False
        self._errors = Tally(logger, "facts wait for the database", every_s=10.0)
        self._still_errors = Tally(logger, "motion without a still", every_s=10.0)
        self.dropped = 0
        self.alive_mono_ns = clock.mono_ns()

    def report(self, kind: str, utc_ns: int, detail: dict[str, Any]) -> None:
        """A fact about the camera; ``kind`` is a type of ``vigilar/events/subjects.py``."""
        fact = CameraFact(new_id(), utc_ns // 1_000_000, self._camera_id, kind, detail)
        self._put(_Waiting(Topics.camera_fact(self._camera_id), fact))

    def motion_started(
        self,
        utc_ns: int,
        run: int,
        area_frac: float,
        make_still: MakeStill | None,
        zones: Sequence[str] = (),
        *,
        is_held: bool = False,
    ) -> str:
        """Motion began at ``utc_ns``, in ``zones``. Gives the id under which its end is to be told. ``is_held``:
        nothing of it is sent before ``release``."""
        message = MotionStart(new_id(), utc_ns // 1_000_000, self._camera_id, run, area_frac, zones=[*zones])
        if is_held:
            with self._changed:
                self._held[message.id] = []
        self._put(_Waiting(Topics.motion_start(self._camera_id), message, make_still), message.id)
        return message.id

    def release(self, motion_id: str) -> None:
        """Send what was held of a motion, and what comes of it; one that is not held is sent already."""
        with self._changed:
            for item in self._held.pop(motion_id, ()):
                self._append(item)

    def drop(self, motion_id: str) -> None:
        """Nobody is to hear of a held motion. What comes of it afterwards would be sent, so this comes last."""
        with self._changed:
            self._held.pop(motion_id, None)

    def motion_ended(
        self, motion_id: str, last_utc_ns: int, duration_ms: int, peak_area_frac: float, zones: Sequence[str] = ()
    ) -> None:
        """The motion is over; its last moving frame was at ``last_utc_ns``. ``zones``: those of all of it."""
        ts, duration_ms = last_utc_ns // 1_000_000, max(0, duration_ms)
        message = MotionEnd(new_id(), ts, self._camera_id, motion_id, duration_ms, peak_area_frac, zones=[*zones])
        self._put(_Waiting(Topics.motion_end(self._camera_id), message), motion_id)

    def visit_seen(
        self,
        motion_id: str,
        ts_ms: int,
        kind: str,
        score: float | None,
        make_still: MakeStill | None,
        look: bytes = b"",
    ) -> None:
        """What the motion is by now; takes the place of what was said before. ``look``: of the cat or dog on the
        still (``pets.match``)."""
        score = None if score is None else round(score, 3)
        told_look = base64.b64encode(look).decode()
        message = VisitSeen(new_id(), ts_ms, self._camera_id, motion_id, kind, score, look=told_look)
        self._put(_Waiting(Topics.camera_visit(self._camera_id), message, make_still), motion_id)

    def track_ended(self, motion_id: str, track: Track) -> None:
        """An object that was part of the motion, from its first to its last box."""
        path = base64.b64encode(track.path).decode()
        message = TrackSeen(
            id=new_id(),
            ts=track.end_ms,
            camera_id=self._camera_id,
            motion_id=motion_id,
            kind=track.kind,
            score=round(track.score, 3),
            start_ts=track.start_ms,
            is_stationary=False,
            path=path,
            zones=[*track.zones],
        )
        self._put(_Waiting(Topics.camera_track(self._camera_id), message), motion_id)

    def run(self, stop: Stop) -> None:
        """Send until ``stop``, then once more what is left, held or not. After that nothing is sent any more."""
        while not stop.is_set():
            if not self.send_waiting():
                stop.wait(RETRY_S)
            self.alive_mono_ns = self._clock.mono_ns()
            with self._changed:
                if not self._waiting and not self._is_ending:
                    self._changed.wait(IDLE_S)
        for motion_id in list(self._held):
            self.release(motion_id)
        while not self.send_waiting() and self._is_full and self._reserve and self._reserve.spend():
            pass
        if self._waiting:
            logger.error("%d facts could not be stored and are lost", len(self._waiting))

    def wake(self) -> None:
        """Make ``run`` look at its ``stop`` now."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def send_waiting(self) -> bool:
        """Send all that waits; False when the database does not take it for now."""
        while True:
            with self._changed:
                if not self._waiting:
                    return True
                item = self._waiting[0]
            try:
                self._send(item)
            except StoreError as error:
                self._errors.add(error)
                self._is_full = error.kind is ErrorKind.FULL
                if error.kind in DATABASE_TROUBLE:
                    return False
            except BusError as error:  # the row is there, the events process finds it
                self._errors.add(error)
            with self._changed:
                if self._waiting and self._waiting[0] is item:
                    self._waiting.popleft()

    def _put(self, item: _Waiting, motion_id: str = "") -> None:
        with self._changed:
            held = self._held.get(motion_id)
            if held is None:
                self._append(item)
            else:
                held.append(item)

    def _append(self, item: _Waiting) -> None:
        """Under ``_changed``."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        if sum(one.make_still is not None for one in self._waiting) >= MAX_PICTURES:
            item.make_still = None
        self._waiting.append(item)
        self._changed.notify()

    def _send(self, item: _Waiting) -> None:
        self._make_still(item)
        still = item.still
        try:
            self._name_still(item)
            payload = item.message.dump()
            now_ms = self._clock.utc_ns() // 1_000_000
            inbound.put(self._store, self._node_id, item.message.id, item.topic, payload, now_ms)
            self._bus.publish(item.topic, payload)
        finally:
            if still:
                still.finish()

    def _make_still(self, item: _Waiting) -> None:
        make, item.make_still = item.make_still, None
        if make is None:
            return
        try:
            item.still = make()
        except (RecordingError, StoreError) as error:
            self._still_errors.add(error)
        except Exception as error:
            # A picture that cannot be encoded must not cost the event (``style.md`` 8: the top of a worker's loop).
            self._still_errors.add(error, traceback=True)

    def _name_still(self, item: _Waiting) -> None:
        """Have the row of the still written and its id in the message. Raises StoreError if that may come to pass."""
        if item.still is None or not isinstance(item.message, MotionStart | VisitSeen):
            return
        try:
            row_id = item.still.store_row()
        except StoreError as error:
            if error.kind in DATABASE_TROUBLE:
                raise
            self._still_errors.add(error)
        else:
            item.message = replace(item.message, still_id=row_id)
        item.still = None
