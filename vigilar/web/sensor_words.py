"""Sensors and phones as people read them on a page, and as programs get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from vigilar.store.presence import Device
from vigilar.store.sensors import Sensor
from vigilar.web.times import clock_text, day_text

_YES_NO = {
    "contact": ("Open", "Closed"),
    "motion": ("Motion", "No motion"),
    "leak": ("Water", "Dry"),
    "smoke": ("Smoke", "No smoke"),
    "gas": ("Gas", "No gas"),
    "tamper": ("Tampered with", "Not tampered with"),
    "glass": ("Glass broken", "Glass whole"),
    "vibration": ("Shaken", "Still"),
}
_UNITS = {
    "temperature": ("{:.1f} °C", "Temperature"),
    "humidity": ("{:.0f} %", "Humidity"),
    "pressure": ("{:.0f} hPa", "Air pressure"),
    "light": ("{:.0f} lx", "Light"),
    "silent": ("{:.0f}", "Not heard"),
    "battery_low": ("{:.0f}", "Battery nearly empty"),
}
_QUIET_WHEN_NO = frozenset({"tamper", "glass", "vibration", "smoke", "gas"})
"""Kinds that are not worth a word while all is well, where the sensor tells something else too."""

WHERE_WORDS = {"home": "at home", "away": "away", "unknown": "not known"}


@dataclass(frozen=True, slots=True)
class SensorLine:
    """One row of the page. ``troubles`` are sentences; ``battery`` and ``link`` empty when not told."""

    id: str
    name: str
    room: str
    words: str
    battery: str
    link: str
    heard: str
    troubles: tuple[str, ...]
    is_on: bool


def sensor_line(sensor: Sensor, now_ms: int, zone: tzinfo) -> SensorLine:
    troubles = ["Not heard for long."] if sensor.is_silent else []
    if sensor.is_low:
        troubles.append("The battery is nearly empty.")
    return SensorLine(
        sensor.id,
        sensor.name,
        sensor.room,
        state_words(sensor),
        "" if sensor.battery is None else f"{sensor.battery} %",
        "" if sensor.link_quality is None else link_words(sensor.link_quality),
        "never" if sensor.last_ms is None else moment_words(sensor.last_ms, now_ms, zone),
        tuple(troubles),
        any(sensor.state.get(kind) for kind in ("contact", "motion", "leak", "smoke", "gas", "tamper", "glass")),
    )


def state_words(sensor: Sensor) -> str:
    """``Open``, ``21.4 °C, 48 %``."""
    found = []
    for kind, value in sensor.state.items():
        if kind in _YES_NO and (value or kind not in _QUIET_WHEN_NO or len(sensor.state) == 1):
            found.append(_YES_NO[kind][0 if value else 1])
        elif kind in _UNITS:
            found.append(_UNITS[kind][0].format(value))
    return ", ".join(found) or "nothing yet"


def reading_words(kind: str, value: float) -> str:
    """``Opened``-like words of one stored value."""
    if kind in _YES_NO:
        return _YES_NO[kind][0 if value else 1]
    if kind in ("silent", "battery_low"):
        return _UNITS[kind][1] if value else {"silent": "Heard again", "battery_low": "Battery well again"}[kind]
    form, name = _UNITS.get(kind, ("{:g}", kind))
    return f"{name} {form.format(value)}"


def link_words(quality: int) -> str:
    """A radio's own number, 0 to 255, in a word; the number means something else with each chip."""
    return "good" if quality >= 100 else "fair" if quality >= 40 else "weak"


def moment_words(ms: int, now_ms: int, zone: tzinfo) -> str:
    day = day_text(ms, now_ms, zone)
    return f"{day.lower() if day in ('Today', 'Yesterday') else day}, {clock_text(ms, zone)}"


def sensor_json(sensor: Sensor) -> dict[str, Any]:
    return {
        "id": sensor.id,
        "name": sensor.name,
        "room": sensor.room,
        "kinds": list(sensor.kinds),
        "state": dict(sensor.state),
        "words": state_words(sensor),
        "battery": sensor.battery,
        "link_quality": sensor.link_quality,
        "last_ts": sensor.last_ms,
        "silent": sensor.is_silent,
        "low_battery": sensor.is_low,
        "source": sensor.address.partition("/")[0],
    }


def device_json(device: Device) -> dict[str, Any]:
    return {
        "mac": device.mac,
        "name": device.name,
        "address": device.address,
        "member": device.user_id,
        "first_ts": device.first_ms,
        "last_ts": device.last_ms,
    }


def is_private_mac(mac: str) -> bool:
    """Whether the device made its address up for this network (IEEE 802, the "locally administered" bit): most phones
    do, and keep it for this network."""
    return bool(int(mac[:2], 16) & 2)
