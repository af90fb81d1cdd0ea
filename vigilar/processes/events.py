"""The events process: wires store, bus and processor, and tells the house how its processes are."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import Any

from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import StoreError
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.stop import Stop
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import ProofCheckpoint, SystemHealth
from vigilar.bus.topics import Topics
from vigilar.config.jobs import EventsJob
from vigilar.events.coverage import CoverageWatch
from vigilar.events.guard import Guard
from vigilar.events.processor import EventProcessor
from vigilar.events.subjects import SUBJECTS
from vigilar.events.wildlife import WildlifeWatch
from vigilar.pets.keeper import PetKeeper
from vigilar.processes.key_watch import wait_for_stick
from vigilar.processes.settings import settings_handler
from vigilar.proof.carry import Carrier
from vigilar.proof.watch import Watch
from vigilar.store.checkpoints import StoredCheckpoint
from vigilar.store.engine import Store

logger = logging.getLogger(__name__)

TURN_S = 0.25
"""The longest wait for a message: how late a stop or a sweep may be noticed."""

BEAT_S = 1.0
"""Between heartbeats: what they tell is counted in the database, which four times a second cost half a per cent."""

WATCH_STOP_S = 0.2
"""For the watch over the recordings, which looks at its stop behind each file; what it has not told it finds again."""

STOP_S = 2.0
"""For the broker to acknowledge the last announcements; what it does not is published at the next start."""


def run_events(job: EventsJob, control: ControlChild) -> None:
    """Turn messages into events until ``control.stop_requested``. The calling thread is the loop; heartbeats go
    out between its turns, so a loop that hangs is noticed. Raises StoreError when the database cannot be opened.
    """
    with closing(Reserve(job.data_dir).help(lambda: Store.open(job.database_url))) as store:
        bus = MessageBus(BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password), "vigilar-events")
        names = _camera_names(job)
        guard = Guard(store, bus, SystemClock(), job.node_id, job.arm, names)
        coverage = CoverageWatch(store, SystemClock())
        places = _camera_places(job)
        pets = PetKeeper(store, bus, SystemClock(), lambda camera_id: places.get(camera_id, ""))
        wildlife = WildlifeWatch(store, SystemClock(), job.wildlife)
        own = (guard.subject(), coverage.subject(), pets.subject(), wildlife.subject())
        subjects = (*SUBJECTS, *own)
        processor = EventProcessor(store, bus, SystemClock(), job.node_id, names, subjects, guard.notice_event)
        processor.subscribe()
        bus.on_connected(guard.notice_connection)
        bus.on_connected(pets.notice_connection)
        bus.on_connected(processor.notice_connection)
        bus.start()
        stop = Stop()
        carrier = Carrier(job.node_id, job.data_dir, job.copy_to, partial(_publish_checkpoint, bus))
        watch = threading.Thread(
            target=Watch(store, job.node_id, job.data_dir, job.secrets_dir, SystemClock(), carrier.carry).run,
            args=(stop,),
            name="proof-watch",
            daemon=True,
        )
        watch.start()
        threading.Thread(target=wait_for_stick, args=(job.secrets_dir, stop), name="key-watch", daemon=True).start()
        try:
            control.listen(
                on_status=partial(_take_status, bus, coverage),
                on_fact=processor.handle_fact,
                on_settings=settings_handler(job, partial(_use, names, places, carrier, guard, wildlife)),
            )
            _turn_until_stopped(processor, control, lambda: _told(carrier, bus))
        finally:
            stop.set()
            watch.join(WATCH_STOP_S)
            bus.stop(STOP_S)
            with suppress(StoreError):  # what was not noted is published again at the next start
                processor.close()


def _use(
    names: dict[str, str],
    places: dict[str, str],
    carrier: Carrier,
    guard: Guard,
    wildlife: WildlifeWatch,
    job: EventsJob,
) -> None:
    names.update(_camera_names(job))
    places.update(_camera_places(job))
    carrier.copy_to = job.copy_to
    guard.use(job.arm)
    wildlife.use(job.wildlife)


def _publish_checkpoint(bus: MessageBus, made: StoredCheckpoint) -> None:
    message = ProofCheckpoint(new_id(), made.created_ms, made.body, made.signature.hex())
    bus.publish(Topics.PROOF_CHECKPOINT, message.dump(), retain=True)


def _told(carrier: Carrier, bus: MessageBus) -> list[str]:
    """What a person must know of proof and bus, in sentences."""
    problems = [carrier.problem] if carrier.problem else []
    if failed := bus.handler_error_count:
        problems.append(f"{_many(failed, 'message')} lost, which could not be taken from the bus. The log says why.")
    return problems


def _set_aside_words(counts: Mapping[str, Any]) -> list[str]:
    """What could not be handled, until a person has looked."""
    told = []
    if messages := counts.get("outbox_set_aside"):
        told.append(f"{_many(messages, 'message')} set aside, which could not be read as events.")
    for name, count in (counts.get("consumers_set_aside") or {}).items():
        told.append(f"{_many(count, 'event')} set aside, which {name} could not handle.")
    return [*told, "On the box: vigilar events set-aside"] if told else []


def _many(count: int, what: str) -> str:
    return f"{count} {what} was" if count == 1 else f"{count} {what}s were"


def _problem(sentences: list[str]) -> dict[str, Any]:
    return {"problem": " ".join(sentences)} if sentences else {}


def _camera_names(job: EventsJob) -> dict[str, str]:
    return {camera.id: camera.name for camera in job.cameras}


def _camera_places(job: EventsJob) -> dict[str, str]:
    return {camera.id: camera.place for camera in job.cameras}


def _turn_until_stopped(processor: EventProcessor, control: ControlChild, told: Callable[[], list[str]]) -> None:
    beat_s = 0.0
    while not control.stop_requested.is_set():
        processor.turn(TURN_S)
        now_s = time.monotonic()
        if now_s >= beat_s:
            beat_s = now_s + BEAT_S
            counts = _counts(processor)
            control.heartbeat({**counts, **_problem([*told(), *_set_aside_words(counts)])})
    processor.turn(0.0)  # what came in before the stop


def _counts(processor: EventProcessor) -> dict[str, Any]:
    try:
        return dict(processor.counts())
    except StoreError as error:
        return {"reason": str(error)}


def _take_status(bus: MessageBus, coverage: CoverageWatch, status: dict[str, Any]) -> None:
    coverage.hear(status)
    _publish_health(bus, status)


def _publish_health(bus: MessageBus, status: dict[str, Any]) -> None:
    health = SystemHealth(id=new_id(), ts=int(status["ts"]), processes=status["processes"])
    bus.publish(Topics.SYSTEM_HEALTH, health.dump(), qos=0)
