"""Takes what sensors say: into their rows, their history, and to the house, each change once.

What becomes an event is a row of the outbox, in the transaction that stores the change, and then a message; measured
values are only told. A sensor that was not heard for long, or whose battery is nearly empty, is told of like anything
it says itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.base.ids import new_id
from vigilar.base.tally import Tally
from vigilar.bus.messages import SensorTold
from vigilar.bus.topics import Topics
from vigilar.sensors import zigbee
from vigilar.store import sensors as rows
from vigilar.store.engine import Store
from vigilar.store.sensors import Sensor, Told, Word

logger = logging.getLogger(__name__)

EVENT_KINDS = frozenset(
    {"contact", "motion", "leak", "smoke", "gas", "tamper", "glass", "vibration", "silent", "battery_low"}
)
"""Kinds whose changes become events; the others are values."""

READING_EVERY_MS = 300_000
"""A measured value goes into the history this often at most: some sensors speak every ten seconds."""

LOOK_EVERY_MS = 60_000
BATTERY_BACK = 5
"""Per cent above the limit at which a battery is well again: cold ones go up and down."""

MAX_SENSORS = 200
"""More is somebody who makes names up: what is beyond is not taken."""


class Publisher(Protocol):
    """What is needed of ``bus.client.MessageBus``."""

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> object: ...


@dataclass(slots=True)
class Limits:
    """When a sensor is silent (ms), and when its battery is low (per cent)."""

    silent_after_ms: int
    low_battery: int


class SensorHub:
    """All methods on one thread. Raises StoreError."""

    def __init__(self, store: Store, bus: Publisher, clock: Clock, node_id: str, limits: Limits) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._node_id = node_id
        self.limits = limits
        self._began_ms = self._now_ms()
        self._began_ns = clock.mono_ns()
        self._heard_ns: dict[str, int] = {}  # by id, of those that spoke since
        self._known: dict[str, Sensor] = {one.address: one for one in rows.list_sensors(store)}
        self._names: dict[str, str] = {}  # friendly name -> address, of Zigbee2MQTT
        self._read_ms: dict[tuple[str, str], int] = {}
        self._look_ms = 0
        self._bad = Tally(logger, "what a sensor said cannot be read")
        self._many = Tally(logger, "too many sensors, the rest is not taken", every_s=600.0)
        self.is_bridge_up = True
        self.word_count = 0

    def take_zigbee(self, base: str, topic: str, payload: bytes) -> None:
        """A message of Zigbee2MQTT."""
        try:
            said = zigbee.read(base, topic, payload)
        except ValueError as error:
            self._bad.add(f"{topic[:100]}: {error}")
            return
        if said is None:
            return
        if said.devices is not None:
            self._names = {one.name: f"zigbee/{one.address}" for one in said.devices}
        elif said.is_bridge_up is not None:
            self.is_bridge_up = said.is_bridge_up
        elif said.is_available is not None:
            self._note_availability(said.name, is_available=said.is_available)
        elif said.word is not None and (said.word.values or said.word.battery is not None):
            self.take(self._names.get(said.name, f"zigbee/{said.name}"), said.name, said.word, low=said.battery_low)

    def take(self, address: str, name: str, word: Word, *, low: bool | None = None) -> None:
        """A sensor spoke. ``name`` is what it is called when it is new."""
        sensor = self._find(address, name)
        if sensor is None:
            return
        self.word_count += 1
        self._heard_ns[sensor.id] = self._clock.mono_ns()
        now_ms = self._now_ms()
        changed = {kind: value for kind, value in word.values.items() if sensor.state.get(kind) != value}
        told = {kind: value for kind, value in changed.items() if kind in EVENT_KINDS}
        # The first word of a sensor that is at rest is no change: nobody closed the door just now.
        told = {kind: value for kind, value in told.items() if value or kind in sensor.state}
        values = {kind: value for kind, value in word.values.items() if self._is_reading_due(sensor, kind, now_ms)}
        if sensor.is_silent:
            told["silent"] = 0.0
        messages = [self._message(sensor, kind, value) for kind, value in told.items()]
        rows.note_word(self._store, sensor.id, word, {**told, **values}, now_ms, messages)
        self._publish(messages)
        for kind, value in values.items():
            measured = self._message(sensor, kind, value)
            self._bus.publish(measured.topic, measured.payload, 0)
        self._judge_battery(sensor, word.battery, low)
        self._refresh(sensor.id)

    def look(self) -> None:
        """What time alone brings about; call it every second or so."""
        now_ms = self._now_ms()
        if now_ms - self._look_ms >= LOOK_EVERY_MS or now_ms < self._look_ms:
            self._look_ms = now_ms
            self._known = {one.address: one for one in rows.list_sensors(self._store)}
            for sensor in list(self._known.values()):
                if self._is_late(sensor, now_ms) and not sensor.is_silent and not sensor.address.startswith("gpio/"):
                    self._set_silent(sensor, silent=True)

    def _is_late(self, sensor: Sensor, now_ms: int) -> bool:
        """By both clocks: one that was set forward, as of a box without a clock of its own, makes nobody silent."""
        heard_ms = max(sensor.last_ms or sensor.created_ms, self._began_ms)
        quiet_ns = self._clock.mono_ns() - self._heard_ns.get(sensor.id, self._began_ns)
        return min(now_ms - heard_ms, quiet_ns // 1_000_000) > self.limits.silent_after_ms

    def _find(self, address: str, name: str) -> Sensor | None:
        found = self._known.get(address)
        if found is not None:
            return found
        if len(self._known) >= MAX_SENSORS:
            self._many.add(address[:60])
            return None
        found = rows.ensure_sensor(self._store, self._node_id, address, zigbee.readable(name), self._now_ms())
        self._known[address] = found
        logger.info("a new sensor: %s", found.id)
        return found

    def _note_availability(self, name: str, *, is_available: bool) -> None:
        """Zigbee2MQTT's own supervision, where it is switched on, knows sooner than we do."""
        sensor = self._known.get(self._names.get(name, f"zigbee/{name}"))
        if sensor is None or is_available != sensor.is_silent:
            return
        self._set_silent(sensor, silent=not is_available)

    def _set_silent(self, sensor: Sensor, *, silent: bool) -> None:
        messages = [self._message(sensor, "silent", float(silent))]
        rows.set_trouble(self._store, sensor.id, self._now_ms(), messages, silent=silent)
        self._publish(messages)
        self._refresh(sensor.id)

    def _judge_battery(self, sensor: Sensor, battery: int | None, told_low: bool | None) -> None:
        is_low = sensor.is_low
        if battery is not None:
            limit = self.limits.low_battery + (BATTERY_BACK if is_low else 0)
            is_low = battery <= limit
        if told_low is not None and (told_low or battery is None):
            is_low = told_low
        if is_low != sensor.is_low:
            messages = [self._message(sensor, "battery_low", float(is_low))]
            rows.set_trouble(self._store, sensor.id, self._now_ms(), messages, low=is_low)
            self._publish(messages)

    def _is_reading_due(self, sensor: Sensor, kind: str, now_ms: int) -> bool:
        if kind in EVENT_KINDS:
            return False
        key = (sensor.id, kind)
        if 0 <= now_ms - self._read_ms.get(key, -READING_EVERY_MS) < READING_EVERY_MS:
            return False
        self._read_ms[key] = now_ms
        return True

    def _message(self, sensor: Sensor, kind: str, value: float) -> Told:
        message = SensorTold(new_id(), self._now_ms(), sensor.id, kind, value, sensor.name)
        return Told(message.id, Topics.sensor(sensor.id, kind), message.dump())

    def _publish(self, messages: Sequence[Told]) -> None:
        """What is a row already: the events process need not wait for its next look."""
        for one in messages:
            self._bus.publish(one.topic, one.payload)

    def _refresh(self, sensor_id: str) -> None:
        found = rows.find_sensor(self._store, sensor_id)
        self._known = {address: one for address, one in self._known.items() if one.id != sensor_id}
        if found is not None:
            self._known[found.address] = found

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000
