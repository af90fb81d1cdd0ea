"""The notify process: wires rules, what is owed and the ways out, and says how telling goes.

A consumer of stored events (``notify``): whatever is away or slow out there, the events are stored and recording goes
on, and this process only falls behind. It alone may reach the internet.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import StoreError
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.base.zone import load_zone
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.topics import Topics
from vigilar.config.jobs import NotifyJob
from vigilar.notify.outbox import LaneState, Outbox
from vigilar.notify.watcher import NotifyWatcher
from vigilar.notify.way_news import WayNews, read_news
from vigilar.notify.ways import Ways
from vigilar.notify.words import clock_of
from vigilar.processes.notify_desk import DeskSettings, NotifyDesk
from vigilar.processes.notify_senders import SenderMaker
from vigilar.processes.settings import settings_handler
from vigilar.rules.decide import decide
from vigilar.store.change_reader import ChangeReader, StoredPlace
from vigilar.store.consumers import Consumer, register
from vigilar.store.deliveries import waiting_count
from vigilar.store.engine import Store
from vigilar.store.phones import list_phones

logger = logging.getLogger(__name__)

NOTIFY = "notify"
"""The name of this consumer."""

TURN_S = 0.5
COUNT_EVERY_TURNS = 10
SUM_UP_EVERY_TURNS = 120
SILENT_EVERY_S = 1800.0
STOP_S = 1.5
"""For what is on its way, and for the broker."""


def run_notify(job: NotifyJob, control: ControlChild, decide: Any = decide) -> None:
    """Work until ``control.stop_requested``. Main thread. Raises StoreError when the database cannot be opened."""
    reserve = Reserve(job.data_dir)
    with closing(reserve.help(lambda: Store.open(job.database_url))) as store:
        consumer, clock = Consumer(job.node_id, NOTIFY), SystemClock()
        reserve.help(lambda: register(store, consumer, from_now=True, now_ms=clock.utc_ns() // 1_000_000))
        NotifyProcess(job, control, store, consumer, decide).run()


class NotifyProcess:
    """``run`` belongs to the main thread."""

    def __init__(self, job: NotifyJob, control: ControlChild, store: Store, consumer: Consumer, decide: Any) -> None:
        self._job = job
        self._control = control
        self._store = store
        clock = self._clock = SystemClock()
        link = BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password)
        self._bus = MessageBus(link, f"vigilar-notify-{new_id()[:6]}")
        self._watcher = NotifyWatcher(store, job.node_id, clock)
        self._senders = SenderMaker(job, store, self._bus)
        self._outbox = Outbox(store, job.node_id, clock, self._senders.make, self._watcher)
        self._desk = NotifyDesk(store, consumer, clock, _settings_of(job), self._outbox.wake, decide)
        place = StoredPlace(store, consumer, clock)
        self._reader = ChangeReader(place, self._desk.handle, "telling people", takes_place=True)
        self._trouble = Tally(logger, "telling people waits for the database", level=logging.ERROR, every_s=10.0)
        self._stop = Stop()
        self._waiting = 0
        self._phones = 0
        self._news: list[WayNews] = []

    def run(self) -> None:
        self._control.listen(on_settings=settings_handler(self._job, self._use))
        self._bus.subscribe(Topics.EVENTS_PUBLISHED, lambda _topic, _payload: self._reader.wake())
        self._bus.on_connected(self._reader.wake)
        self._senders.follow_siren()
        self._bus.start()
        threads = [self._start(self._reader.run, "notify-decide"), self._start(self._outbox.run, "notify-outbox")]
        try:
            self._turn_until_stopped()
        finally:
            self._stop.set()
            self._reader.wake()
            self._outbox.wake()
            for thread in threads:
                thread.join(STOP_S)
            self._bus.stop(STOP_S)

    def _start(self, run: Callable[[Stop], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=run, args=(self._stop,), name=name, daemon=True)
        thread.start()
        return thread

    def _turn_until_stopped(self) -> None:
        turn, silent_at_s = 0, 0.0
        while not self._control.stop_requested.wait(TURN_S if turn else 0.0):
            try:
                self._desk.look()
                self._watcher.look_at_lanes(self._outbox.states())
                if turn % COUNT_EVERY_TURNS == 0:
                    self._waiting = waiting_count(self._store, self._job.node_id)
                    self._phones = len(list_phones(self._store))
                    self._news = read_news(self._store, self._job.node_id, Ways.parse(self._job.ways).lanes)
                if (now_s := self._clock.mono_ns() / 1e9) >= silent_at_s:
                    silent_at_s = now_s + SILENT_EVERY_S
                    self._watcher.look_for_silent()
                if turn % SUM_UP_EVERY_TURNS == 0:
                    self._desk.sum_up()
            except StoreError as error:
                self._trouble.add(error)
            turn += 1
            self._control.heartbeat(self._status())

    def _status(self) -> dict[str, Any]:
        stuck = [state for state in self._outbox.states() if state.waiting_since_ms is not None]
        problem = waiting_words(stuck, self._job) if stuck else way_words(self._news)
        return {
            "handled": self._reader.handled_count,
            "set_aside": self._reader.set_aside_count,
            "waiting": self._waiting,
            "reaches": self._phones + self._desk.house_ways(),
            "waiting_since_ms": min((state.waiting_since_ms or 0 for state in stuck), default=None),
            **({"problem": problem} if problem else {}),
        }

    def _use(self, job: NotifyJob) -> None:
        self._job = job
        self._desk.use(_settings_of(job))


def waiting_words(stuck: list[LaneState], job: NotifyJob) -> str:
    """``Pushes are waiting since 14:02.`` with why."""
    oldest = min(stuck, key=lambda state: state.waiting_since_ms or 0)
    what = "Pushes are" if oldest.name.startswith("push:") else f"What goes by {oldest.name.partition(':')[0]} is"
    since = clock_of(oldest.waiting_since_ms or 0, load_zone(job.notify.time_zone))
    return f"{what} waiting since {since}. {oldest.reason}"


def way_words(news: list[WayNews]) -> str:
    """``What goes by e-mail does not arrive. The mail server refuses the login.``; empty when all is well."""
    bad = [
        f"What goes by {one.lane.partition(':')[0]} does not arrive. {one.reason}" for one in news if one.mark == "bad"
    ]
    return bad[0] if bad else ""


def _settings_of(job: NotifyJob) -> DeskSettings:
    return DeskSettings(
        rules=job.notify, shows_names=job.shows_names, push_hosts=job.push_hosts, ways=Ways.parse(job.ways)
    )
