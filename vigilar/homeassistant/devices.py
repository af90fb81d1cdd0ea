"""The devices as Home Assistant's device discovery wants them: topic ``homeassistant/device/<id>/config``. Pure.

Sources: Home Assistant's documentation of its MQTT integration ("Device discovery payload", "Discovery topic") and of
its platforms ``binary_sensor``, ``sensor``, ``camera``, ``image`` and ``alarm_control_panel`` by MQTT. A component that
is left out of a payload stays where it is; one that holds nothing but its platform goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vigilar import __version__
from vigilar.bus.topics import HomeTopics
from vigilar.store.going_on import SensorNow

PREFIX = "vigilar_"

Component = dict[str, Any]

_DIAGNOSTIC = {"entity_category": "diagnostic"}

CAMERA_STATES = ("motion", "person", "vehicle", "animal", "connected", "problem", "problem_more")
HOUSE_STATES = (
    *("alarm", "alarm_more", "last_event", "last_event_more", "storage_days"),
    *("backup", "backup_more", "mains", "battery"),
)
"""What states there may be: the last part of their topics."""

ARM_COMMANDS: Mapping[str, str] = {
    "ARM_HOME": "home",
    "ARM_NIGHT": "night",
    "ARM_AWAY": "away",
    "DISARM": "disarmed",
}
"""What the panel says -> the mode it asks for."""

_SENSOR_CLASSES: Mapping[str, tuple[str, str]] = {
    "contact": ("Contact", "opening"),
    "motion": ("Motion", "motion"),
    "leak": ("Water", "moisture"),
    "smoke": ("Smoke", "smoke"),
    "gas": ("Gas", "gas"),
    "tamper": ("Tampering", "tamper"),
    "glass": ("Glass", "safety"),
    "vibration": ("Vibration", "vibration"),
}
"""Kinds that are yes or no: their name, and the class of Home Assistant."""

_MEASURES: Mapping[str, tuple[str, str, str]] = {
    "temperature": ("Temperature", "temperature", "°C"),
    "humidity": ("Humidity", "humidity", "%"),
    "pressure": ("Air pressure", "atmospheric_pressure", "hPa"),
    "light": ("Light", "illuminance", "lx"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of the house whose folder's id begins with ``house``; the rest is as in ``HomeAssistantJob``."""

    house: str
    house_name: str = "Home"
    cameras: Mapping[str, str] = field(default_factory=dict)
    shows_all: bool = True
    pictures: bool = False
    may_arm: bool = True
    recognises: bool = False
    has_ups: bool = False
    has_backup: bool = False

    @property
    def house_id(self) -> str:
        return f"{PREFIX}{self.house}"

    def camera_device(self, camera_id: str) -> str:
        return f"{self.house_id}_camera_{camera_id}"

    def sensor_device(self, sensor_id: str) -> str:
        return f"{self.house_id}_sensor_{sensor_id}"


def all_devices(shown: Shown, sensors: Iterable[SensorNow]) -> dict[str, dict[str, Any]]:
    """The payload of each device, by its id."""
    found = {shown.house_id: _device(shown, shown.house_id, shown.house_name, "House", _house(shown))}
    for camera_id, name in shown.cameras.items():
        device = shown.camera_device(camera_id)
        found[device] = _device(shown, device, name, "Camera", _camera(shown, camera_id))
    for one in sensors:
        device = shown.sensor_device(one.id)
        found[device] = _device(shown, device, one.name, "Sensor", _sensor(shown, one))
    return found


def states_below(shown: Shown, device_id: str) -> list[str]:
    """The topics whose kept states go with a device that is no more."""
    if device_id == shown.house_id:
        return [HomeTopics.of_house(shown.house, one) for one in HOUSE_STATES]
    kind, _, rest = device_id.removeprefix(f"{shown.house_id}_").partition("_")
    if kind == "camera":
        return [HomeTopics.of_camera(shown.house, rest, one) for one in CAMERA_STATES]
    return [HomeTopics.of_sensor(shown.house, rest, one) for one in ("battery", *_SENSOR_CLASSES, *_MEASURES)]


def with_removed(payload: dict[str, Any], kept: bytes) -> dict[str, Any]:
    """``payload``, with what the broker keeps of the device and it no longer has named by its platform alone, so that
    it goes in Home Assistant too."""
    try:
        known = json.loads(kept)["components"]
        gone = {
            key: {"platform": str(one["platform"])} for key, one in known.items() if key not in payload["components"]
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return payload
    return payload | {"components": {**payload["components"], **gone}}


def dump(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _device(shown: Shown, device_id: str, name: str, model: str, components: dict[str, Component]) -> dict[str, Any]:
    device = {"identifiers": [device_id], "name": name, "manufacturer": "Vigilar", "model": model}
    device |= {"sw_version": __version__} if device_id == shown.house_id else {"via_device": shown.house_id}
    return {
        "device": device,
        "origin": {"name": "Vigilar", "sw_version": __version__},
        "availability_topic": HomeTopics.availability(shown.house),
        "components": {key: one | {"unique_id": f"{device_id}_{key}"} for key, one in components.items()},
    }


def _camera(shown: Shown, camera_id: str) -> dict[str, Component]:
    def topic(what: str) -> str:
        return HomeTopics.of_camera(shown.house, camera_id, what)

    found: dict[str, Component] = {"motion": _yes_no("Motion", topic("motion"), "motion")}
    if shown.recognises:
        found["person"] = _yes_no("Person", topic("person"), "occupancy")
        found["vehicle"] = _yes_no("Vehicle", topic("vehicle"), "", icon="mdi:car")
        found["animal"] = _yes_no("Animal", topic("animal"), "", icon="mdi:paw")
    found["connected"] = _yes_no("Connection", topic("connected"), "connectivity", **_DIAGNOSTIC)
    found["problem"] = _yes_no(
        "Problem", topic("problem"), "problem", json_attributes_topic=topic("problem_more"), **_DIAGNOSTIC
    )
    if shown.pictures:
        found["picture"] = {"platform": "camera", "name": "Picture", "topic": topic("picture")}
        found["last_picture"] = {
            "platform": "image",
            "name": "Last event",
            "image_topic": topic("last_picture"),
            "content_type": "image/jpeg",
        }
    return found


def _house(shown: Shown) -> dict[str, Component]:
    def topic(what: str) -> str:
        return HomeTopics.of_house(shown.house, what)

    alarm: Component = {"name": "Alarm", "state_topic": topic("alarm"), "json_attributes_topic": topic("alarm_more")}
    found: dict[str, Component] = {}
    if shown.may_arm:
        # No code: it would go over the network, and nothing would be disarmed by it.
        features = ["arm_home", "arm_away", "arm_night"]
        codes = {"code_arm_required": False, "code_disarm_required": False, "code_trigger_required": False}
        found["alarm"] = {
            "platform": "alarm_control_panel",
            **alarm,
            "command_topic": topic("arm/set"),
            "supported_features": features,
            **codes,
        }
    else:
        found["alarm_state"] = {
            "platform": "sensor",
            **alarm,
            "device_class": "enum",
            "options": ["disarmed", "armed_home", "armed_night", "armed_away", "arming", "pending", "triggered"],
        }
    found["last_event"] = {
        "platform": "sensor",
        "name": "Last event",
        "state_topic": topic("last_event"),
        "json_attributes_topic": topic("last_event_more"),
        "icon": "mdi:shield-eye",
    }
    found["storage_days"] = {
        "platform": "sensor",
        "name": "Recordings kept",
        "state_topic": topic("storage_days"),
        "device_class": "duration",
        "unit_of_measurement": "d",
        "suggested_display_precision": 0,
        **_DIAGNOSTIC,
    }
    if shown.has_backup:
        found["backup"] = _yes_no(
            "Backup", topic("backup"), "problem", json_attributes_topic=topic("backup_more"), **_DIAGNOSTIC
        )
    if shown.has_ups:
        found["mains"] = _yes_no("Mains", topic("mains"), "power", **_DIAGNOSTIC)
        found["battery"] = _measure("Battery", topic("battery"), "battery", "%", **_DIAGNOSTIC)
    return found


def _sensor(shown: Shown, sensor: SensorNow) -> dict[str, Component]:
    found: dict[str, Component] = {}
    for kind in sensor.state:
        topic = HomeTopics.of_sensor(shown.house, sensor.id, kind)
        if kind in _SENSOR_CLASSES:
            name, device_class = _SENSOR_CLASSES[kind]
            found[kind] = _yes_no(name, topic, device_class)
        elif kind in _MEASURES:
            found[kind] = _measure(_MEASURES[kind][0], topic, *_MEASURES[kind][1:])
    if sensor.battery is not None:
        topic = HomeTopics.of_sensor(shown.house, sensor.id, "battery")
        found["battery"] = _measure("Battery", topic, "battery", "%", **_DIAGNOSTIC)
    return found


def _yes_no(name: str, topic: str, device_class: str, **more: Any) -> Component:
    """Its states are ``ON`` and ``OFF``, which is what the platform takes for them by itself."""
    found: Component = {"platform": "binary_sensor", "name": name, "state_topic": topic, **more}
    return found | ({"device_class": device_class} if device_class else {})


def _measure(name: str, topic: str, device_class: str, unit: str, **more: Any) -> Component:
    return {
        "platform": "sensor",
        "name": name,
        "state_topic": topic,
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        **more,
    }
