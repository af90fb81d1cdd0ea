"""What Zigbee2MQTT publishes, as words of sensors. Pure: a topic and a payload in, what was said out.

Source: Zigbee2MQTT's documents, "MQTT topics and messages": ``<base>/<friendly name>`` holds a JSON object with the
device's newest values, ``<base>/<friendly name>/availability`` whether it is heard, ``<base>/bridge/devices``
(retained) the list of devices with their IEEE addresses, ``<base>/bridge/state`` whether Zigbee2MQTT itself works.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from vigilar.store.sensors import Word

MAX_PAYLOAD_BYTES = 1_000_000
"""A list of two hundred devices with all they can do is about half of that."""

MAX_DEVICES = 500
MAX_NAME = 60

YES_NO: Mapping[str, tuple[str, bool]] = {
    "contact": ("contact", False),
    "occupancy": ("motion", True),
    "presence": ("motion", True),
    "water_leak": ("leak", True),
    "smoke": ("smoke", True),
    "carbon_monoxide": ("gas", True),
    "gas": ("gas", True),
    "tamper": ("tamper", True),
    "glass_break": ("glass", True),
    "vibration": ("vibration", True),
}
"""Property -> our kind, and the value that means yes: open, moving, wet. A contact is closed while it says true."""

NUMBERS: Mapping[str, tuple[str, float, float]] = {
    "temperature": ("temperature", -80.0, 200.0),
    "humidity": ("humidity", 0.0, 100.0),
    "pressure": ("pressure", 300.0, 1200.0),
    "illuminance": ("light", 0.0, 200_000.0),
    "illuminance_lux": ("light", 0.0, 200_000.0),
}
"""Property -> our kind and the range in which it can be true: degrees Celsius, per cent, hectopascal, lux."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device that Zigbee2MQTT knows."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says. ``word`` of the device ``name``; ``is_available`` of it; ``devices``: the whole list;
    ``is_bridge_up``: whether Zigbee2MQTT works. Only one of them is there."""

    name: str = ""
    word: Word | None = None
    battery_low: bool | None = None
    is_available: bool | None = None
    devices: tuple[Device, ...] | None = None
    is_bridge_up: bool | None = None


def read(base: str, topic: str, payload: bytes) -> Said | None:
    """What a message says; None for one that says nothing to us. Raises ValueError for one that is malformed."""
    if not topic.startswith(f"{base}/") or not payload or len(payload) > MAX_PAYLOAD_BYTES:
        return None  # nothing at all is how a kept message is taken away
    name = topic.removeprefix(f"{base}/")
    if name == "bridge/devices":
        return Said(devices=_devices(_parse(payload)))
    if name == "bridge/state":
        return Said(is_bridge_up=_is_online(payload))
    if name.startswith("bridge/") or name.rpartition("/")[2] in ("set", "get"):
        return None
    if name.endswith("/availability"):
        return Said(name.removesuffix("/availability"), is_available=_is_online(payload))
    values = _parse(payload)
    if not isinstance(values, dict):
        return None  # single values, where the owner chose that form: the device's own topic has them all
    return _word(name, values)


def _word(name: str, raw: dict[str, Any]) -> Said:
    values: dict[str, float] = {}
    for key, (kind, yes) in YES_NO.items():
        if isinstance(raw.get(key), bool):
            values[kind] = max(values.get(kind, 0.0), float(raw[key] is yes))
    for key, (kind, least, most) in NUMBERS.items():
        number = _number(raw.get(key))
        if number is not None and least <= number <= most:
            values.setdefault(kind, number)
    battery, quality = _number(raw.get("battery")), _number(raw.get("linkquality"))
    word = Word(
        values,
        round(battery) if battery is not None and 0 <= battery <= 100 else None,
        round(quality) if quality is not None and 0 <= quality <= 255 else None,
    )
    low = raw.get("battery_low")
    return Said(name, word=word, battery_low=low if isinstance(low, bool) else None)


def _devices(raw: Any) -> tuple[Device, ...]:
    if not isinstance(raw, list):
        raise ValueError("the list of devices is no list")
    found = []
    for one in raw[:MAX_DEVICES]:
        if not isinstance(one, dict) or one.get("type") == "Coordinator":
            continue
        address, name = one.get("ieee_address"), one.get("friendly_name")
        if isinstance(name, str) and name and _is_address(address):
            found.append(Device(address, name))
    return tuple(found)


def _is_address(address: Any) -> TypeGuard[str]:
    """Half of a surrogate pair is text to JSON, and to no database."""
    return isinstance(address, str) and 0 < len(address) <= MAX_NAME and address.isprintable()


def readable(name: str) -> str:
    """A device's name as people read it: what cannot be seen is left out, and it is not longer than ours may be."""
    shown = "".join(character for character in name if character.isprintable()).strip()
    return shown[:MAX_NAME].strip() or "Sensor"


def _is_online(payload: bytes) -> bool:
    """``{"state": "online"}``, or the older form without JSON; raises ValueError for what is neither that nor
    ``offline``: a sensor must not be told of as silent because of what nobody understands."""
    text = payload.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        raw = _parse(payload)
        text = str(raw.get("state", "")) if isinstance(raw, dict) else ""
    if text not in ("online", "offline"):
        raise ValueError("neither online nor offline")
    return text == "online"


def _parse(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
