"""The loop of a consumer: hands over one change after the other, and stands its ground when one cannot be handled.

The process that runs it rings ``wake`` for each message on ``vigilar/events/published``; without any ring it looks
every few seconds, so a broker that is away delays a consumer and costs it nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.errors import StoreError
from vigilar.base.retry import Backoff
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.store import consumers
from vigilar.store.consumers import Change, Consumer
from vigilar.store.engine import Store
from vigilar.store.errors import DATABASE_TROUBLE
from vigilar.store.events import newest_change

logger = logging.getLogger(__name__)

BATCH = 200
"""Changes read at a time: about 0.2 MB."""

LOOK_EVERY_S = 3.0
"""How late a consumer may be when nobody rings: a look that finds nothing costs about 0.3 ms."""

FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
"""Waits after a failure. The last one is also what a consumer waits for a database in trouble."""

MAX_TRIES = 6
"""A change that failed as often, within some 5 s, is set aside: those behind it have waited long enough."""


class Place(Protocol):
    """Where a consumer stands, and what comes next. All raise StoreError."""

    def next_batch(self, limit: int) -> list[Change]: ...

    def take(self, change: Change) -> None: ...

    def set_aside(self, change: Change, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """The place of a registered consumer, in the database: survives the process."""

    store: Store
    consumer: Consumer
    clock: Clock

    def next_batch(self, limit: int) -> list[Change]:
        return consumers.next_batch(self.store, self.consumer, limit)

    def take(self, change: Change) -> None:
        consumers.take(self.store, self.consumer, [change], self._now_ms())

    def set_aside(self, change: Change, reason: str) -> None:
        consumers.set_aside(self.store, self.consumer, change, reason, self._now_ms())

    def _now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000


class PassingPlace:
    """The place of one who follows while its process lives, such as an open page. Not thread-safe.

    ``number`` is the newest change taken; it begins after ``number``, or with what is stored from now on.
    """

    def __init__(self, store: Store, number: int | None = None) -> None:
        self._store = store
        self._still_new: set[int] = set()
        self.number = newest_change(store) if number is None else number

    def next_batch(self, limit: int) -> list[Change]:
        with self._store.read("read changes") as connection:
            batch = consumers.read_batch(connection, self.number, frozenset(self._still_new), limit)
        self._still_new.update(batch.passed)
        return batch.changes

    def take(self, change: Change) -> None:
        self.number = max(self.number, change.number)
        self._still_new.discard(change.event.id)

    def set_aside(self, change: Change, reason: str) -> None:
        """Nothing is kept: whoever follows in passing may miss a change."""
        logger.error("change %d is passed: %s", change.number, reason)
        self.take(change)

    def go_to(self, number: int) -> None:
        """The next change is the one after ``number``, whatever was read before."""
        self.number = number


class ChangeReader:
    """Calls ``handle`` for each change, in order, and takes the place after it returned.

    ``handle`` may raise. A StoreError of a database in trouble says nothing about the change: it is tried again until
    the database is well. Anything else is tried MAX_TRIES times, then the change is set aside and the next one comes;
    the count of tries is in memory, so a change that kills its process is tried for ever. With ``takes_place``
    ``handle`` takes the place itself, by ``consumers.take_within``. ``run`` belongs to one thread, the rest to any; the
    lock is held while ``handle`` runs (level 1, before the store's).
    """

    def __init__(self, place: Place, handle: Callable[[Change], None], name: str, *, takes_place: bool = False) -> None:
        self._place = place
        self._handle = handle
        self._takes_place = takes_place
        self._turning = threading.Lock()
        self._bell = Bell()
        self._failing = (0, 0)  # number of the change that failed last, and how often
        self._failed = Tally(logger, f"{name} could not handle a change", level=logging.ERROR)
        self._trouble = Tally(logger, f"{name} waits for the database", level=logging.ERROR, every_s=10.0)
        self.handled_count = 0
        self.set_aside_count = 0

    def wake(self) -> None:
        """There may be something new; also makes ``run`` look at its ``stop`` now."""
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Hand over changes until ``stop``; ``wake`` after setting it."""
        backoff = Backoff(FIRST_RETRY_S, LAST_RETRY_S)
        while not stop.is_set():
            try:
                is_done = self.turn()
            except StoreError as error:
                self._trouble.add(error)
                is_done = False
            except Exception as error:  # the top of a worker's loop: one that ended would be missed by nobody
                self._failed.add(repr(error), traceback=True)
                is_done = False
            if is_done:
                backoff.reset()
                self._bell.wait(LOOK_EVERY_S)
            else:
                stop.wait(backoff.next_delay_s())

    def turn(self) -> bool:
        """Hand over all there is. False when a change failed and is to be tried again later. Raises StoreError when
        the database is in trouble."""
        with self._turning:
            while changes := self._place.next_batch(BATCH):
                if not all(self._hand_over(change) for change in changes):
                    return False
            return True

    def _hand_over(self, change: Change) -> bool:
        try:
            self._handle(change)
        except StoreError as error:
            if error.kind in DATABASE_TROUBLE:
                raise
            return self._has_given_up(change, error)
        except Exception as error:  # the top of a worker's loop: one change must not stop those behind it
            return self._has_given_up(change, error)
        if not self._takes_place:
            self._place.take(change)
        self.handled_count += 1
        return True

    def _has_given_up(self, change: Change, error: Exception) -> bool:
        number, failures = self._failing
        failures = failures + 1 if number == change.number else 1
        self._failing = (change.number, failures)
        self._failed.add(f"{change.number} ({change.event.type}): {error!r}", traceback=True)
        if failures < MAX_TRIES:
            return False
        self._place.set_aside(change, repr(error))
        self.set_aside_count += 1
        return True
