"""Makes the sirens of Zigbee2MQTT do what the siren of the house should do.

One topic says it for all sirens, whoever asked for it: the guard of the house with an alarm, a rule. It is retained, so
a siren is silenced also when this process was away while somebody disarmed.
"""

from __future__ import annotations

import json
import logging
from typing import Protocol

from vigilar.base.clock import Clock, SystemClock
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import BadMessage, SirenCommand
from vigilar.bus.topics import Topics
from vigilar.notify.ways import MqttWay

logger = logging.getLogger(__name__)

LONGEST_S = 1800
"""What a siren is told to end by itself after, at the most: it must not howl for ever if we die."""


class Bus(Protocol):
    """The part of ``bus.client.MessageBus`` that is needed here."""

    @property
    def is_connected(self) -> bool: ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket: ...

    def subscribe(self, topic: str, handler: Handler) -> None: ...


class SirenRelay:
    """Follows ``Topics.SIREN`` on the bus' thread."""

    def __init__(self, bus: Bus, way: MqttWay, clock: Clock | None = None) -> None:
        self._bus = bus
        self._way = way
        self._clock = clock or SystemClock()

    def follow(self) -> None:
        if self._way.sirens:
            self._bus.subscribe(Topics.SIREN, self.on_command)

    def on_command(self, _topic: str, payload: bytes) -> None:
        try:
            command = SirenCommand.parse(payload)
        except BadMessage as error:
            logger.warning("what the siren should do cannot be read: %s", error)
            return
        left_s = self._way.on_s
        if command.until_ts is not None:
            left_s = -(-(command.until_ts - self._clock.utc_ns() // 1_000_000) // 1000)  # whole seconds, upwards
        is_on = command.state == "on" and left_s > 0
        for name in self._way.sirens:
            text = siren_payload(is_on=is_on, seconds=min(left_s, LONGEST_S))
            self._bus.publish(f"{self._way.base}/{name}/set", text)


def siren_payload(*, is_on: bool, seconds: int) -> bytes:
    """What Zigbee2MQTT's ``warning`` takes (its document on exposes of sirens); ``alarm`` and ``state`` are for those
    that know nothing but on and off. A device ignores keys it does not know."""
    if not is_on:
        stop = {"mode": "stop", "level": "low", "strobe": False, "duration": 0}
        return json.dumps({"warning": stop, "alarm": "OFF", "state": "OFF"}).encode()
    sound = {"mode": "burglar", "level": "very_high", "strobe": True, "duration": seconds}
    return json.dumps({"warning": sound, "alarm": "ON", "state": "ON", "duration": seconds}).encode()
