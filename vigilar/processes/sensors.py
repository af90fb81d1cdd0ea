"""The sensors process: Zigbee2MQTT, pins of this machine and phones on the network, into rows and onto the bus.

One loop does all the work on rows; the threads of the bus and of each chip only hand over what they heard.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import groupby
from typing import Any

from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import StoreError, VigilarError
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import BadMessage, PhoneHeard
from vigilar.bus.topics import Topics
from vigilar.config.jobs import SensorsJob
from vigilar.processes.settings import settings_handler
from vigilar.sensors.gpio import GpioReader, Pin, open_lines
from vigilar.sensors.hub import Limits, SensorHub
from vigilar.sensors.neighbours import nudge, read_neighbours, read_routers
from vigilar.sensors.phones import PhoneWatch
from vigilar.store.engine import Store
from vigilar.store.errors import DATABASE_TROUBLE
from vigilar.store.sensors import Word

logger = logging.getLogger(__name__)

TURN_S = 0.5
MAX_WAITING = 2000
"""Messages held between the threads and the loop; beyond it the newest is dropped, counted."""

GPIO_TURN_S = 0.5
GPIO_RETRY_S = 10.0
STOP_S = 1.0

Task = Callable[[], None]


def run_sensors(job: SensorsJob, control: ControlChild) -> None:
    """Work until ``control.stop_requested``. Main thread. Raises StoreError when the database cannot be opened."""
    with closing(Reserve(job.data_dir).help(lambda: Store.open(job.database_url))) as store:
        SensorsProcess(job, control, store).run()


class SensorsProcess:
    """``run`` belongs to the main thread; the rest to it too, but for ``hand_over``, which any thread calls."""

    def __init__(self, job: SensorsJob, control: ControlChild, store: Store) -> None:
        self._job = job
        self._control = control
        self._tasks: queue.Queue[Task] = queue.Queue(MAX_WAITING)
        self._task: Task | None = None
        self._dropped = Tally(logger, "sensors say more than can be taken")
        self._unread = Tally(logger, "what a phone said cannot be read", every_s=600.0)
        self._trouble = Tally(logger, "sensors wait for the database", level=logging.ERROR, every_s=10.0)
        link = BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password)
        self._bus = MessageBus(link, f"vigilar-sensors-{new_id()[:6]}")
        self._other = self._other_bus()
        clock = SystemClock()
        self._hub = SensorHub(store, self._bus, clock, job.node_id, Limits(job.silent_after_ms, job.low_battery))
        self._phones = PhoneWatch(store, self._bus, clock, job.away_after_s, read_neighbours, nudge, read_routers)
        self._stop = Stop()
        self._threads = [
            threading.Thread(target=self._watch_chip, args=(chip, list(pins)), name=f"gpio {chip}", daemon=True)
            for chip, pins in groupby(sorted(_pins(job), key=lambda pin: pin.chip), key=lambda pin: pin.chip)
        ]

    def run(self) -> None:
        """Take what is heard, until the stop."""
        self._control.listen(on_settings=settings_handler(self._job, self._use))
        source = self._other or self._bus
        if self._job.topic:
            source.subscribe(f"{self._job.topic}/#", self._hear)
        if self._job.looks_for_phones:
            self._bus.subscribe(Topics.PHONE_HEARD, self._hear_phone)
        for bus in filter(None, (self._bus, self._other)):
            bus.start()
        for thread in self._threads:
            thread.start()
        try:
            while not self._control.stop_requested.is_set():
                self._turn()
        finally:
            self._stop.set()
            for bus in filter(None, (self._other, self._bus)):
                bus.stop(STOP_S)
            for thread in self._threads:
                thread.join(STOP_S)

    def hand_over(self, task: Task) -> None:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            self._dropped.add("one was dropped")

    def _turn(self) -> None:
        try:
            self._take_waiting()
            self._hub.look()
            if self._job.looks_for_phones:
                self._phones.look()
        except StoreError as error:
            self._trouble.add(error)
            if error.kind not in DATABASE_TROUBLE:
                self._task = None  # it would fail for ever, and nothing behind it be heard
            self._control.stop_requested.wait(TURN_S)
        self._control.heartbeat(self._status())

    def _take_waiting(self) -> None:
        """All that was heard. What the database does not take stays for the next turn, before the rest: a door says
        only once that it opened. Raises StoreError."""
        wait_s = TURN_S
        with suppress(queue.Empty):
            for _ in range(MAX_WAITING):
                if self._task is None:
                    self._task = self._tasks.get(timeout=wait_s)
                self._task()
                self._task, wait_s = None, 0.0

    def _status(self) -> dict[str, Any]:
        source = self._other or self._bus
        return {
            "words": self._hub.word_count,
            "zigbee_connected": source.is_connected,
            "zigbee_up": self._hub.is_bridge_up,
        }

    def _use(self, job: SensorsJob) -> None:
        self._hub.limits = Limits(job.silent_after_ms, job.low_battery)
        self._phones.away_after_s = job.away_after_s

    def _hear(self, topic: str, payload: bytes) -> None:
        self.hand_over(lambda: self._hub.take_zigbee(self._job.topic, topic, payload))

    def _hear_phone(self, _topic: str, payload: bytes) -> None:
        try:
            heard = PhoneHeard.parse(payload)
        except BadMessage as error:
            self._unread.add(error)
            return
        self.hand_over(lambda: self._phones.hear(heard))

    def _other_bus(self) -> MessageBus | None:
        """The connection to the owner's broker, where Zigbee2MQTT speaks to that."""
        job = self._job
        if not job.host:
            return None
        return MessageBus(BusLink(job.host, job.port, job.user, job.password), f"vigilar-zigbee-{new_id()[:6]}")

    def _watch_chip(self, chip: str, pins: list[Pin]) -> None:
        """Read the pins of one chip until the stop; a chip that goes away is opened again."""
        trouble = Tally(logger, f"pins of {chip} cannot be read", every_s=600.0)

        def take(address: str, name: str, word: Word) -> None:
            self.hand_over(lambda: self._hub.take(address, name, word))

        while not self._stop.is_set():
            try:
                with closing(open_lines(chip, pins)) as lines:
                    reader = GpioReader(lines, pins, take)
                    while not self._stop.is_set():
                        reader.turn(GPIO_TURN_S)
            except (OSError, VigilarError) as error:
                trouble.add(error)
                self._stop.wait(GPIO_RETRY_S)


def _pins(job: SensorsJob) -> list[Pin]:
    return [Pin(one.name, one.chip, one.line, one.kind, one.active == "high", one.pull) for one in job.gpio]
