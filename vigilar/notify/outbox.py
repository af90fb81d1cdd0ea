"""Lets go what is owed: a thread a lane, so that a service that hangs delays nobody but its own.

A *lane* is what fails together: one push service, one server. While nobody answers behind it, all that wait there
wait together and one try in a while asks again; what comes too late is not told any more. Where a service hangs for one
phone alone, another thread tells the phones beside it; what one phone is owed goes in order, one after the other. The
rows are the truth (``store.deliveries``): a process that is killed leaves them, and its successor goes on.
"""

from __future__ import annotations

import logging
import random
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
from vigilar.notify.outcome import Outcome, Result
from vigilar.store import deliveries
from vigilar.store.deliveries import Delivery
from vigilar.store.engine import Store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How late what a page asked for, or what waited for its time, is let go; what follows from an event rings."""

EXPIRE_EVERY_NS = 1_000_000_000

LANE_FIRST_S, LANE_LAST_S = 1.0, 60.0
"""Waits of a lane behind which nobody answers: back within a minute of the internet."""

TRY_FIRST_S, TRY_LAST_S = 2.0, 300.0
"""Waits of one message that its service would not take just now."""

REFUSED_WAIT_S = 60.0

HANGS_NS = 1_000_000_000
"""Services answer in 0.1 to 0.5 s: after this the others of the lane wait no longer for the one that is being asked."""

MOST_HELPERS = 3
"""Threads of a lane beside its own, each with a connection: a service that hangs for everybody is not asked by more."""

DATABASE_WAIT_S = 0.5
STUMBLE_WAIT_S = 5.0

TOO_LATE = "It could not be delivered while it was still news."


class Sender(Protocol):
    """A way out, for one lane: used by its thread alone. ``send`` never raises for what the other side does."""

    def send(self, one: Delivery, now_ms: int) -> Outcome: ...

    def close(self) -> None: ...


class Watcher(Protocol):
    """Who makes events of what people must know. Called by the threads of lanes; may raise StoreError."""

    def phone_gone(self, one: Delivery, sentence: str) -> None: ...

    def phone_refused(self, one: Delivery, sentence: str) -> None: ...


@dataclass(frozen=True, slots=True)
class LaneState:
    """``waiting_since_ms`` UTC ms, None while the lane goes; ``reason`` why it does not."""

    name: str
    waiting_since_ms: int | None
    reason: str


class Lane:
    """One lane. ``run`` belongs to its thread, ``help`` to one that came to help, the rest to any."""

    def __init__(self, name: str, store: Store, node_id: str, clock: Clock, sender: Sender, watcher: Watcher) -> None:
        self.name = name
        self._store = store
        self._node_id = node_id
        self._clock = clock
        self._sender = sender
        self._watcher = watcher
        self._bell = Bell()
        self._backoff = Backoff(LANE_FIRST_S, LANE_LAST_S)
        self._blocked_until_ns = 0
        self._state = LaneState(name, None, "")
        self._line = threading.Lock()
        self._claiming = threading.Lock()
        self._asked_ns: dict[str, int] = {}  # whom a thread asks for, and since when
        self._helpers = 0
        self._trouble = Tally(logger, "what is owed cannot be read", level=logging.ERROR, every_s=10.0)
        self._failed = Tally(logger, f"{name} does not take what is sent", every_s=60.0)

    @property
    def state(self) -> LaneState:
        return self._state

    def wake(self) -> None:
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Until ``stop``; ``wake`` after setting it."""
        try:
            while not stop.is_set():
                try:
                    did = self.turn(stop)
                except StoreError as error:
                    self._trouble.add(error)
                    stop.wait(DATABASE_WAIT_S)
                    continue
                except Exception:  # the top of this worker's loop: a lane that ended would be missed by nobody
                    logger.exception("the lane %s stumbled", self.name)
                    stop.wait(STUMBLE_WAIT_S)
                    continue
                if not did:
                    self._bell.wait(LOOK_EVERY_S)
        finally:
            self._sender.close()

    def wants_help(self) -> bool:
        """Whether all that are being asked hang, and somebody else is owed something. Raises StoreError."""
        now_ns, asked = self._clock.mono_ns(), dict(self._asked_ns)
        if len(asked) <= self._helpers or self._helpers >= MOST_HELPERS or now_ns < self._blocked_until_ns:
            return False
        if any(now_ns - since_ns < HANGS_NS for since_ns in asked.values()):
            return False
        return deliveries.is_any_due(self._store, self._node_id, self.name, self._now_ms(), asked)

    def start_helper(self, stop: Stop, sender: Sender) -> threading.Thread:
        """For the thread that calls ``wants_help``."""
        with self._line:
            self._helpers += 1
        thread = threading.Thread(target=self.help, args=(stop, sender), name=f"lane {self.name}"[:60], daemon=True)
        thread.start()
        return thread

    def help(self, stop: Stop, sender: Sender) -> None:
        """Let go what is owed to those who are not being asked, by a way out of its own, until there is no more."""
        try:
            while not stop.is_set() and self.turn(stop, sender):
                pass
        except StoreError as error:
            self._trouble.add(error)
        except Exception:  # the top of this worker
            logger.exception("the help for the lane %s stumbled", self.name)
        finally:
            with self._line:
                self._helpers -= 1
            sender.close()

    def turn(self, stop: Stop, sender: Sender | None = None) -> bool:
        """Let go one message. False when there was none to let go now. Raises StoreError before one is let go; what
        became of one that was is noted when the database takes it, however long that needs."""
        one = self._claim()
        if one is None:
            return False
        try:
            self._let_go(one, sender or self._sender, stop)
        finally:
            del self._asked_ns[one.target]
        return True

    def _claim(self) -> Delivery | None:
        """Of nobody who is being asked already: what one phone is owed stays in order."""
        with self._claiming:
            if self._clock.mono_ns() < self._blocked_until_ns:
                return None
            one = deliveries.claim(self._store, self._node_id, self.name, self._now_ms(), set(self._asked_ns))
            if one is not None:
                self._asked_ns[one.target] = self._clock.mono_ns()
            return one

    def _let_go(self, one: Delivery, sender: Sender, stop: Stop) -> None:
        try:
            outcome = sender.send(one, self._now_ms())
        except Exception as error:  # the top of this worker's loop: one message must not stop those behind it
            logger.exception("message %d cannot be sent", one.id)
            outcome = Outcome(Result.LATER, f"It could not be sent: {type(error).__name__}.")
        with self._line:
            self._follow_line(outcome)
        self._note_until_done(one, outcome, stop)

    def _follow_line(self, outcome: Outcome) -> None:
        if outcome.result is not Result.UNREACHABLE:
            self._backoff.reset()
            self._blocked_until_ns = 0
            if self._state.waiting_since_ms is not None:
                logger.info("%s answers again", self.name)
            self._state = LaneState(self.name, None, "")
            return
        wait_s = self._backoff.next_delay_s()
        self._blocked_until_ns = self._clock.mono_ns() + int(wait_s * 1e9)
        since_ms = self._state.waiting_since_ms
        self._state = LaneState(self.name, self._now_ms() if since_ms is None else since_ms, outcome.sentence)
        self._failed.add(outcome.sentence)

    def _note_until_done(self, one: Delivery, outcome: Outcome, stop: Stop) -> None:
        while True:
            try:
                self._note(one, outcome)
                return
            except StoreError as error:
                self._trouble.add(error)
                if stop.wait(DATABASE_WAIT_S):
                    return  # the next process takes it up

    def _note(self, one: Delivery, outcome: Outcome) -> None:
        now_ms, sentence = self._now_ms(), outcome.sentence
        match outcome.result:
            case Result.ACCEPTED:
                deliveries.note_accepted(self._store, one, now_ms, sentence)
            case Result.UNREACHABLE:
                # Due as it was, for when the line is there.
                deliveries.note_later(self._store, one, one.next_try_ms, sentence, counts=False)
            case Result.LATER:
                deliveries.note_later(self._store, one, now_ms + self._wait_ms(one, outcome), sentence)
            case Result.REFUSED:
                self._watcher.phone_refused(one, sentence)
                wait_ms = max(self._wait_ms(one, outcome), int(REFUSED_WAIT_S * 1000))
                deliveries.note_later(self._store, one, now_ms + wait_ms, sentence)
            case Result.GONE:
                self._watcher.phone_gone(one, sentence)
            case Result.FAILED:
                self._failed.add(sentence)
                deliveries.note_failed(self._store, one, sentence)

    def _wait_ms(self, one: Delivery, outcome: Outcome) -> int:
        """What the other side asked for, at least what the number of tries says; a third of it by chance."""
        own_s = min(TRY_LAST_S, TRY_FIRST_S * 2.0 ** min(one.tries - 1, 20)) * (1.0 - random.random() / 3.0)  # noqa: S311
        return int(max(own_s, outcome.after_s) * 1000)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


class Outbox:
    """The lanes, made when something is owed in them. ``run`` belongs to its thread, the rest to any.

    ``make_sender`` gives the way out of a lane by its name; None for one that the settings do not have any more.
    """

    def __init__(
        self,
        store: Store,
        node_id: str,
        clock: Clock,
        make_sender: Callable[[str], Sender],
        watcher: Watcher,
    ) -> None:
        self._store = store
        self._node_id = node_id
        self._clock = clock
        self._make_sender = make_sender
        self._watcher = watcher
        self._bell = Bell()
        self._lanes: dict[str, Lane] = {}
        self._threads: list[threading.Thread] = []
        self._expire_at_ns = 0
        self._trouble = Tally(logger, "what is owed cannot be read", level=logging.ERROR, every_s=10.0)

    def wake(self) -> None:
        """Something new is owed."""
        for lane in tuple(self._lanes.values()):
            lane.wake()
        self._bell.ring()

    def states(self) -> list[LaneState]:
        return [lane.state for lane in tuple(self._lanes.values())]

    def run(self, stop: Stop, join_s: float = 1.5) -> None:
        """Until ``stop``; ``wake`` after setting it. What lanes have on their way then is given ``join_s``."""
        is_taken_up = False
        while not stop.is_set():
            try:
                if not is_taken_up:
                    self._take_up()
                    is_taken_up = True
                self.turn(stop)
            except StoreError as error:
                self._trouble.add(error)
            except Exception:  # the top of this worker's loop
                logger.exception("what is owed cannot be looked through")
                stop.wait(STUMBLE_WAIT_S)
            self._bell.wait(LOOK_EVERY_S)
        for lane in self._lanes.values():
            lane.wake()
        for thread in self._threads:
            thread.join(join_s)

    def turn(self, stop: Stop) -> None:
        """Note what is too late, and start the lanes that have something to do. Raises StoreError."""
        now_ns, now_ms = self._clock.mono_ns(), self._clock.utc_ns() // 1_000_000
        if now_ns >= self._expire_at_ns:
            self._expire_at_ns = now_ns + EXPIRE_EVERY_NS
            if late := deliveries.expire(self._store, self._node_id, now_ms, TOO_LATE):
                logger.warning("%d messages were too late to be told", late)
        for name in deliveries.due_lanes(self._store, self._node_id, now_ms):
            if name not in self._lanes:
                self._start(name, stop)
            lane = self._lanes[name]
            lane.wake()
            if lane.wants_help():
                self._threads = [one for one in self._threads if one.is_alive()]
                self._threads.append(lane.start_helper(stop, self._make_sender(name)))

    def _take_up(self) -> None:
        if count := deliveries.take_up(self._store, self._node_id):
            logger.warning("%d messages were on their way when the process ended; they are sent again", count)

    def _start(self, name: str, stop: Stop) -> None:
        sender = self._make_sender(name)
        lane = Lane(name, self._store, self._node_id, self._clock, sender, self._watcher)
        thread = threading.Thread(target=lane.run, args=(stop,), name=f"lane {name}"[:60], daemon=True)
        self._lanes[name] = lane
        self._threads.append(thread)
        thread.start()
