"""The process that watches the UPS: reads it each second, tells of power cuts, and says how much the house may do.

What is told is a row first, then a message on the bus. How the house is supplied goes to the supervisor with each
heartbeat, which stops what can wait, and everything when the battery is at its end.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing
from typing import Any

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import BusError, StoreError
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.tally import Tally
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import UpsFact, UpsStatus
from vigilar.bus.topics import Topics
from vigilar.config.jobs import UpsJob
from vigilar.power.nut import UpsClient, UpsError
from vigilar.power.reading import Reading, read_variables
from vigilar.power.watch import PowerWatch, Told
from vigilar.processes.settings import settings_handler
from vigilar.processes.shedding import power_limits, ups_address
from vigilar.store import inbound
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database

logger = logging.getLogger(__name__)

READ_EVERY_S = 1.0
"""NUT's own drivers look every 2 s and notify at once; a read costs both sides some tenths of a millisecond."""

SAY_EVERY_NS = 10 * 10**9
STOP_S = 0.5
DAY_MS = 86_400_000


def run_ups(job: UpsJob, control: ControlChild) -> None:
    """Watch until ``control.stop_requested``. Main thread. Raises StoreError when the database cannot be opened."""
    with closing(Reserve(job.data_dir).help(lambda: open_database(job.database_url))) as store:
        UpsProcess(job, control, store, SystemClock()).run()


class UpsProcess:
    """``run`` belongs to the main thread; new settings come on the thread ``control``."""

    def __init__(self, job: UpsJob, control: ControlChild, store: Database, clock: Clock) -> None:
        self._job = job
        self._control = control
        self._store = store
        self._clock = clock
        self._watch = PowerWatch(power_limits(job))
        self._client: UpsClient | None = None
        self._unsent: list[UpsFact] = []
        self._said: dict[str, Any] = {}
        self._say_due_ns = 0
        self._trouble = Tally(logger, "the UPS cannot be read", every_s=60.0)
        self._database = Tally(logger, "what the UPS told waits for the database", every_s=10.0)
        link = BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password)
        self._bus = MessageBus(link, f"vigilar-ups-{new_id()[:6]}")

    def run(self) -> None:
        """Read, until the stop."""
        self._control.listen(on_settings=settings_handler(self._job, self._use))
        self._bus.start()
        try:
            while True:
                self._turn()
                if self._control.stop_requested.wait(READ_EVERY_S):
                    break
        finally:
            self._close()
            self._bus.stop(STOP_S)

    def _use(self, job: UpsJob) -> None:
        self._watch.limits = power_limits(job)

    def _turn(self) -> None:
        now_mono_s = self._clock.mono_ns() / 1e9
        try:
            reading = self._read()
        except UpsError as error:
            self._close()
            self._trouble.add(f"{error}. {error.next_step}".rstrip())
            told = self._watch.miss(f"{str(error)[:1].upper()}{str(error)[1:]}.", now_mono_s)
        else:
            told = self._watch.take(reading, now_mono_s)
        status = self._status()
        self._control.heartbeat(status)  # before the rows: a stop must not wait for a database that is locked
        self._unsent += [self._fact(what, status) for what in told]
        self._send()
        self._say(status)

    def _read(self) -> Reading:
        if self._client is None:
            self._client = UpsClient(ups_address(self._job))
        return read_variables(self._client.read())

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _status(self) -> dict[str, Any]:
        """How the house is supplied, as it goes to the supervisor and over the bus. Numbers that the UPS does not say
        are null."""
        watch = self._watch
        reading = watch.reading
        return {
            "level": watch.level.value,
            "charge": reading.charge if reading else None,
            "runtime_s": reading.runtime_s if reading else None,
            "load": reading.load if reading else None,
            "input_v": reading.input_v if reading else None,
            "is_charging": bool(reading and reading.is_charging),
            "is_worn": bool(reading and reading.is_worn),
            "model": reading.model if reading else "",
            "trouble": watch.trouble,
        }

    def _fact(self, what: Told, status: dict[str, Any]) -> UpsFact:
        now_ms = self._clock.utc_ns() // 1_000_000
        logger.warning("%s: %s", what.value, {key: status[key] for key in ("charge", "runtime_s", "trouble")})
        detail = {key: status[key] for key in ("charge", "runtime_s", "load", "trouble")}
        detail["cuts"] = self._watch.cuts
        fact_id = new_id()
        if what is Told.WORN:  # once a day, however often this process begins
            fact_id = hashlib.sha256(f"{self._job.node_id} worn {now_ms // DAY_MS}".encode()).hexdigest()[:32]
        return UpsFact(fact_id, now_ms, what.value, detail)

    def _send(self) -> None:
        """A row first, then the bus; what the database does not take now is tried again with the next turn."""
        while self._unsent:
            fact = self._unsent[0]
            topic, payload = Topics.ups(fact.kind), fact.dump()
            now_ms = self._clock.utc_ns() // 1_000_000
            try:
                Reserve(self._job.data_dir).help(
                    lambda: inbound.put(self._store, self._job.node_id, fact.id, topic, payload, now_ms)  # noqa: B023
                )
            except StoreError as error:
                self._database.add(error)
                return
            self._unsent.pop(0)
            try:
                self._bus.publish(topic, payload)
            except BusError as error:  # the row is there, the events process finds it
                self._database.add(error)

    def _say(self, status: dict[str, Any]) -> None:
        """On the bus at each change, and every 10 s for who came later; retained."""
        now_ns = self._clock.mono_ns()
        if status == self._said and now_ns < self._say_due_ns:
            return
        self._said, self._say_due_ns = status, now_ns + SAY_EVERY_NS
        message = UpsStatus(new_id(), self._clock.utc_ns() // 1_000_000, status["level"], status)
        if self._bus.is_connected:
            self._bus.publish(Topics.UPS_STATUS, message.dump(), qos=0, retain=True)
