"""Makes the way out of a lane by its name. What a house does not use is not loaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from vigilar.bus.client import MessageBus
from vigilar.config.jobs import NotifyJob
from vigilar.notify.mqtt.sirens import SirenRelay
from vigilar.notify.outbox import Sender
from vigilar.notify.outcome import Outcome, Result
from vigilar.notify.push.sender import LANE_PREFIX, PushSettings
from vigilar.notify.push.vapid import VapidKey
from vigilar.notify.ways import BUS_LANE, Ways
from vigilar.processes.kinds import load_function
from vigilar.store.deliveries import Delivery
from vigilar.store.engine import Store


class SenderMaker:
    """``make`` is for the thread of the outbox, ``follow_siren`` is called once before the bus starts."""

    def __init__(self, job: NotifyJob, store: Store, bus: MessageBus) -> None:
        self._job = job
        self._store = store
        self._bus = bus
        self._ways = Ways.parse(job.ways)

    def follow_siren(self) -> None:
        """Hand on what sirens should do to those of the settings."""
        SirenRelay(self._bus, self._ways.mqtt).follow()

    def make(self, lane: str) -> Sender:
        kind, _, name = lane.partition(":")
        hook = next((one for one in self._ways.webhooks if kind == "webhook" and one.name == name), None)
        way = {"ntfy": self._ways.ntfy, "email": self._ways.email, "webhook": hook}.get(kind)
        if way is not None and way.wrong:
            return _NoWay(way.wrong)
        if lane.startswith(LANE_PREFIX):
            settings = PushSettings(self._job.push_hosts, self._job.push_ca_file)
            made: Sender = load_function("vigilar.notify.push.sender:PushSender")(
                self._store, lambda: _key(self._job.secrets_dir), lambda: settings
            )
            return made
        if kind == "ntfy" and self._ways.ntfy is not None:
            return _as_sender("vigilar.notify.ntfy.sender:NtfySender", self._ways.ntfy)
        if kind == "email" and self._ways.email is not None:
            return _as_sender("vigilar.notify.email.sender:EmailSender", self._ways.email)
        if hook is not None:
            return _as_sender("vigilar.notify.webhook.sender:WebhookSender", hook)
        if lane == BUS_LANE:
            return _as_sender("vigilar.notify.mqtt.sender:BusSender", self._bus, self._ways.mqtt)
        return _NoWay()


class _NoWay:
    """For what is owed by a way that the settings had once, or that cannot be used (``wrong``)."""

    def __init__(self, wrong: str = "") -> None:
        self._wrong = wrong

    def send(self, one: Delivery, now_ms: int) -> Outcome:  # noqa: ARG002 -- a Sender
        return Outcome(Result.FAILED, self._wrong or f"{one.device} is not in the settings any more.")

    def close(self) -> None:
        """Nothing is open."""


def _as_sender(named: str, *arguments: object) -> Sender:
    made: Sender = load_function(named)(*arguments)
    return made


@cache
def _key(secrets_dir: Path) -> VapidKey:
    """Read once: an error is not kept, so a key that is put right is found."""
    made: VapidKey = load_function("vigilar.notify.push.vapid:load_or_create_key")(secrets_dir)
    return made
