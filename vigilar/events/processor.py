"""Messages of all subjects and facts of the supervisor become stored, published events: each once, none lost.

Two ways in for a message. The quick one: MQTT, handled at once. The sure one: the row its process wrote into the outbox
before it published; the sweep handles what is older than a second. Both delete the row in the transaction that stores
the event, and an event is known by the id of its message, so it does not matter which comes first, or if both come, or
if a message comes twice.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import StoreError
from vigilar.base.tally import Tally
from vigilar.bus.messages import BadMessage
from vigilar.events.announcer import Announcer, BusClient
from vigilar.events.desk import EventDesk, MissingStartError, Source
from vigilar.events.subject import Subject, all_types, handler_of
from vigilar.events.subjects import SUBJECTS
from vigilar.store import outbox
from vigilar.store.engine import Store
from vigilar.store.errors import DATABASE_TROUBLE
from vigilar.store.events import StoredEvent
from vigilar.store.set_aside import count_set_aside

logger = logging.getLogger(__name__)

SWEEP_EVERY_NS = 1_000_000_000
SWEEP_MIN_AGE_MS = 1000
"""A younger row's message is on its way over MQTT."""

SWEEP_BATCH = 200

MAX_WAITING = 2000
"""Messages held between the bus and the loop: some seconds of a storm. What does not fit is in the outbox."""

MAX_UNSTORED = 1000
"""Messages kept in memory while the database refuses them, for senders without an outbox; the oldest goes first."""

MAX_FAILURES = 10
"""A row that could not be handled in as many sweeps (about 10 s) is set aside."""


@dataclass(frozen=True, slots=True)
class _Unstored:
    topic: str
    payload: bytes
    tries: int


def _nobody() -> None:
    """In place of who wants to know of stored events."""


class EventProcessor:
    """The heart of the events process. ``turn`` belongs to one thread; the rest may be called from any.

    ``node_id`` is the box whose rows it works on; ``camera_names`` maps camera ids to names, for cameras that have no
    row in the store yet; ``notice_event`` is called for each event that was stored or changed. Locks: this one (level
    1), then the store's (level 2); the bus has a leaf lock. Raises StoreError.
    """

    def __init__(
        self,
        store: Store,
        bus: BusClient,
        clock: Clock,
        node_id: str,
        camera_names: Mapping[str, str],
        subjects: Sequence[Subject] = SUBJECTS,
        notice_event: Callable[[], None] = _nobody,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._node_id = node_id
        self._subjects = subjects
        self._prefixes = [prefix for subject in subjects for prefix in subject.outbox_prefixes]
        self._lock = threading.Lock()
        self._announcer = Announcer(store, bus, clock, node_id)
        self._notice_event = notice_event
        self._desk = EventDesk(store, clock, node_id, all_types(subjects), camera_names, self._announce)
        self._waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue(MAX_WAITING)
        self._unstored: deque[_Unstored] = deque()
        self._next_sweep_mono_ns = 0
        self._sweep_all = True
        self._bad = Tally(logger, "message was dropped")
        self._overflow = Tally(logger, "messages come too fast, the outbox keeps them")
        self._trouble = Tally(logger, "events wait for the database", level=logging.ERROR)
        self._lost = Tally(logger, "event was lost", level=logging.ERROR)

    def _announce(self, event: StoredEvent) -> None:
        self._notice_event()
        self._announcer.announce(event)

    def subscribe(self) -> None:
        """Ask the bus for what may become an event. Health and heartbeats are not even subscribed to."""
        for subject in self._subjects:
            for topic in subject.handlers:
                self._bus.subscribe(topic, self.take)

    def take(self, topic: str, payload: bytes) -> None:
        """Hand a message to the loop; called on the bus' thread, never waits for the database."""
        try:
            self._waiting.put_nowait((topic, payload))
        except queue.Full:
            self._overflow.add(topic)

    def notice_connection(self) -> None:
        """The bus is (again) connected: publish and sweep at once what waited for it. Called on the bus' thread."""
        self._announcer.notice_connection()
        self._sweep_all = True
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes the loop

    def turn(self, timeout_s: float) -> None:
        """Wait for messages up to ``timeout_s``, handle all there are, sweep if it is time, publish what waits.

        When the database is in trouble the turn ends at the first error: each costs up to 5 s of waiting for a lock,
        and the heartbeat comes after the turn.
        """
        if not self._handle_waiting(timeout_s):
            return
        try:
            self._sweep_if_due()
            with self._lock:
                for subject in self._subjects:
                    if subject.turn is not None:
                        subject.turn(self._desk)
                self._announcer.catch_up()
        except StoreError as error:
            self._trouble.add(error)

    def _handle_waiting(self, timeout_s: float) -> bool:
        """False when the database is in trouble; the rest waits for the next turn."""
        with contextlib.suppress(queue.Empty):
            message = self._waiting.get(timeout=timeout_s) if timeout_s > 0 else self._waiting.get_nowait()
            for _ in range(MAX_WAITING):
                if message is not None and not self._handle_event(*message):
                    return False
                message = self._waiting.get_nowait()
        return True

    def handle_fact(self, fact: ProcessFact) -> None:
        """Store what the supervisor saw. Raises StoreError when it could not be stored: it will come again."""
        try:
            with self._lock:
                self._handle_fact(fact)
        except BadMessage as error:
            self._bad.add(f"{fact.kind[:40]} of the supervisor: {error}")

    def _handle_fact(self, fact: ProcessFact) -> None:
        for subject in self._subjects:
            if subject.handle_fact is not None:
                subject.handle_fact(self._desk, fact)

    def close(self) -> None:
        """Store how far all was published, after the last turn. Raises StoreError; then it is published again."""
        with self._lock:
            self._announcer.save_place()

    def counts(self) -> dict[str, Any]:
        """Small facts for the heartbeat: what waits, what was dropped, and by whom what was set aside."""
        waiting, set_aside = outbox.counts(self._store, self._node_id)
        return {
            "bus_connected": self._bus.is_connected,
            "published": self._announcer.published_count,
            "outbox_waiting": waiting,
            "outbox_set_aside": set_aside,
            "consumers_set_aside": count_set_aside(self._store, self._node_id),
            "unstored": len(self._unstored),
            "bad_messages": self._bad.count,
            "lost": self._lost.count,
        }

    def _handle_event(self, topic: str, payload: bytes) -> bool:
        """Store and publish what one message says. A bad message is counted and dropped; one that cannot be stored
        now is kept and tried again each second. False when the database is in trouble."""
        return self._try_event(_Unstored(topic, payload, 0))

    def _try_event(self, message: _Unstored) -> bool:
        """False when the database is in trouble."""
        try:
            self._handle(Source(message.topic), message.payload)
        except BadMessage as error:
            self._bad.add(f"{message.topic[:100]}: {error}")
        except MissingStartError as error:
            if message.tries >= MAX_FAILURES:
                self._bad.add(f"{message.topic[:100]}: {error}")
            else:
                self._keep(_Unstored(message.topic, message.payload, message.tries + 1))
        except StoreError as error:
            if error.kind not in DATABASE_TROUBLE:
                self._bad.add(f"{message.topic[:100]}: {error}", traceback=True)
                return True
            self._trouble.add(error)
            self._keep(message)
            return False
        except Exception as error:  # the top of the worker's loop: a bug met by one message must not stop the rest
            self._bad.add(f"{message.topic[:100]}: {error!r}", traceback=True)
        return True

    def _handle(self, source: Source, payload: bytes) -> None:
        handle = handler_of(self._subjects, source.topic)
        with self._lock:
            handle(self._desk, source, payload)

    def _keep(self, message: _Unstored) -> None:
        if len(self._unstored) >= MAX_UNSTORED:
            oldest = self._unstored.popleft()
            # Only one from a sender without an outbox is really lost.
            self._lost.add(f"{oldest.topic[:100]}, unless it is in the outbox: too many wait")
        self._unstored.append(message)

    def _sweep_if_due(self) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns < self._next_sweep_mono_ns and not self._sweep_all:
            return
        self._next_sweep_mono_ns = now_ns + SWEEP_EVERY_NS
        min_age_ms, self._sweep_all = (0 if self._sweep_all else SWEEP_MIN_AGE_MS), False
        self.sweep(min_age_ms)

    def sweep(self, min_age_ms: int = 0) -> None:
        """Handle outbox rows of all subjects that are at least ``min_age_ms`` old, in the order of their writing, what
        was kept in memory, and what time alone brings about. Raises StoreError when the database is in trouble; the
        next sweep goes on."""
        now_ms = self._clock.utc_ns() // 1_000_000
        while True:
            rows = outbox.pending(
                self._store, self._node_id, self._prefixes, now_ms=now_ms, min_age_ms=min_age_ms, limit=SWEEP_BATCH
            )
            handled = sum(self._sweep_row(row) for row in rows)
            # A full batch in which something went away: there is more. One that only fails must wait its second.
            if len(rows) < SWEEP_BATCH or not handled:
                break
        for _ in range(len(self._unstored)):
            if not self._try_event(self._unstored.popleft()):
                break
        for subject in self._subjects:
            if subject.look is not None:
                with self._lock:
                    subject.look(self._desk)

    def _sweep_row(self, row: outbox.OutboxRow) -> bool:
        """True when the row is gone. One that cannot be handled is counted, and set aside in the end, so that it
        never blocks those behind it."""
        try:
            self._handle(Source(row.topic, row.uid), row.payload)
            return True
        except BadMessage as error:
            self._set_aside(row, error)
            return True
        except MissingStartError as error:
            problem: Exception = error
        except StoreError as error:
            if error.kind in DATABASE_TROUBLE:
                raise
            problem = error
        except Exception as error:  # as in _try_event; else the process would meet this row at each start and end
            logger.exception("row %d of the outbox could not be handled", row.seq)
            problem = error
        if outbox.fail(self._store, row.seq) >= MAX_FAILURES:
            self._set_aside(row, problem)
        return False

    def _set_aside(self, row: outbox.OutboxRow, why: Exception) -> None:
        outbox.set_aside(self._store, row.seq, str(why), self._clock.utc_ns() // 1_000_000)
        self._bad.add(f"{row.topic[:100]} {row.uid[:40]} was set aside: {why}")
