"""What is published for Home Assistant, as it should be at the broker: sent when it changes, and all of it again to a
broker that may have forgotten.

States and devices are kept by the broker. Pictures are not: it writes down what it keeps, and no picture of the house
lies on a disk in the clear. They are sent again to who comes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from vigilar.bus.client import PublishTicket
from vigilar.bus.topics import HomeTopics
from vigilar.homeassistant.devices import Shown, dump, states_below, with_removed

_CONFIG_HEAD, _CONFIG_TAIL = HomeTopics.config("\0").split("\0")


class KeepingBus(Protocol):
    """The part of ``bus.client.MessageBus`` that is needed here."""

    @property
    def is_connected(self) -> bool: ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket: ...


class Board:
    """One thread. ``kept`` is what the broker keeps of our devices, by topic, as it told itself."""

    def __init__(self, bus: KeepingBus) -> None:
        self._bus = bus
        self._sent: dict[str, bytes] = {}
        self._pictures: dict[str, bytes] = {}
        self.kept: dict[str, bytes] = {}

    def forget_sent(self) -> None:
        """The broker may have forgotten: what is put from now on is sent, whatever was before."""
        self._sent.clear()

    def put(self, topic: str, payload: bytes) -> bool:
        """True when it was sent: it is another than before. While there is no connection nothing is; the next one
        begins anew."""
        if self._sent.get(topic) == payload or not self._bus.is_connected:
            return False
        self._sent[topic] = payload
        self._bus.publish(topic, payload, retain=True)
        return True

    def put_all(self, states: Mapping[str, bytes]) -> None:
        for topic, payload in states.items():
            self.put(topic, payload)

    def put_devices(self, shown: Shown, devices: Mapping[str, dict[str, Any]]) -> bool:
        """Have exactly these devices of this house. True when one of them is new or another than before."""
        is_changed = False
        for device_id, payload in devices.items():
            topic = HomeTopics.config(device_id)
            is_changed |= self.put(topic, dump(with_removed(payload, self.kept.get(topic, b""))))
        self.take_away(shown, [one for one in self.device_ids(shown) if one not in devices])
        return is_changed

    def take_away(self, shown: Shown, device_ids: Collection[str]) -> None:
        """Have Home Assistant forget these, and the broker their states."""
        for device_id in device_ids:
            for topic in (HomeTopics.config(device_id), *states_below(shown, device_id)):
                self._bus.publish(topic, b"", retain=True)
                self._sent.pop(topic, None)
            self.kept.pop(HomeTopics.config(device_id), None)

    def hear_config(self, topic: str, payload: bytes) -> None:
        """The broker tells what it keeps there, or what we just sent."""
        if payload:
            self.kept[topic] = payload
        else:
            self.kept.pop(topic, None)

    def device_ids(self, shown: Shown) -> list[str]:
        """Of the devices of this house that the broker keeps. Another house may have an id that begins alike."""
        found = (topic.removeprefix(_CONFIG_HEAD).removesuffix(_CONFIG_TAIL) for topic in self.kept)
        return [one for one in found if one == shown.house_id or one.startswith(f"{shown.house_id}_")]

    def show(self, topic: str, jpeg: bytes) -> None:
        """A picture: sent now, and again by ``show_again``."""
        self._pictures[topic] = jpeg
        self._bus.publish(topic, jpeg, qos=0)

    def show_again(self) -> None:
        for topic, jpeg in self._pictures.items():
            self._bus.publish(topic, jpeg, qos=0)

    def forget_pictures(self, but: Collection[str] = ()) -> None:
        """All that are not of these topics."""
        self._pictures = {topic: jpeg for topic, jpeg in self._pictures.items() if topic in but}
