"""The thread that looks for motion: a bounded queue in front of an analyser. Recording never waits for it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.stop import Stop
from vigilar.media.packets import VIDEO, Packet, RunStart

logger = logging.getLogger(__name__)

TICK_S = 0.25
"""Packets are taken in batches, when capture has handed one on, at the latest after this: waking for each costs more
than looking at two pictures a second."""

MAX_QUEUE_BYTES = 4 * 1024 * 1024
"""8 s of a 4 Mb/s main stream, a minute of a sub stream. When full (policy: drop all up to the next keyframe, counted)
the newest picture matters more than the backlog."""

MAX_QUEUE_PACKETS = 1000


class Analyser(Protocol):
    """What ``detect.analyser.Analyser`` is to the thread."""

    def start_run(self, run: RunStart) -> None: ...
    def feed(self, packet: Packet) -> None: ...
    def check(self) -> None: ...
    def end(self) -> None: ...


class AnalysisQueue:
    """Video of one stream on its way to the analysis. ``put`` never waits; one thread takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[RunStart | Packet] = deque()
        self._size_bytes = 0
        self._wants_keyframe = False
        self.dropped = 0

    def put(self, item: RunStart | Packet) -> None:
        with self._lock:
            if isinstance(item, RunStart):
                self._wants_keyframe = False
                self._items.append(item)
            elif item.kind is VIDEO:
                self._put_packet(item)

    def take_all(self) -> deque[RunStart | Packet]:
        with self._lock:
            items, self._items, self._size_bytes = self._items, deque(), 0
            return items

    def _put_packet(self, packet: Packet) -> None:
        if self._wants_keyframe and not packet.is_keyframe:
            self.dropped += 1
            return
        self._wants_keyframe = False
        if len(self._items) >= MAX_QUEUE_PACKETS or self._size_bytes + len(packet.data) > MAX_QUEUE_BYTES:
            self._drop_all()
            if not packet.is_keyframe:
                self._wants_keyframe = True
                self.dropped += 1
                return
        self._items.append(packet)
        self._size_bytes += len(packet.data)

    def _drop_all(self) -> None:
        runs = [item for item in self._items if isinstance(item, RunStart)]
        self.dropped += len(self._items) - len(runs)
        self._items = deque(runs[-1:])
        self._size_bytes = 0


class AnalysisWorker:
    """Feeds an analyser from the queue. ``run`` belongs to one thread.

    An analyser that fails is replaced by a new one, which learns the scene again; the failure is counted.
    """

    def __init__(self, make_analyser: Callable[[], Analyser], queue: AnalysisQueue, clock: Clock) -> None:
        self._make_analyser = make_analyser
        self._queue = queue
        self._clock = clock
        self._bell = Bell()
        self._run: RunStart | None = None
        self._analyser = make_analyser()
        self.alive_mono_ns = clock.mono_ns()
        self.failures = 0

    def wake(self) -> None:
        """There is something to look at. Any thread."""
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Look until ``stop``; then a motion that still goes on is ended."""
        while not stop.is_set():
            self._bell.wait(TICK_S)
            self.run_once()
        self._guarded(self._analyser.end)

    def run_once(self) -> None:
        """Look at all that waits."""
        self.alive_mono_ns = self._clock.mono_ns()
        for item in self._queue.take_all():
            if isinstance(item, RunStart):
                self._run = item
                self._guarded(partial(self._analyser.start_run, item))
            elif self._run is not None:
                self._guarded(partial(self._analyser.feed, item))
                self.alive_mono_ns = self._clock.mono_ns()
        self._guarded(self._analyser.check)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            self.failures += 1
            logger.exception("the analysis failed, it begins anew")
            self._renew()

    def _renew(self) -> None:
        try:
            self._analyser.end()
        except Exception:
            logger.exception("the failed analysis could not end its motion")
        self._analyser = self._make_analyser()
        if self._run is not None:
            self._analyser.start_run(self._run)
