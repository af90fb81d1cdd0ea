"""What counts while the house is armed. Pure: an event and the rules of a mode in, a trigger or nothing out."""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.base.arm_rules import ModeRules
from vigilar.base.ids import SENSOR_PREFIX
from vigilar.store.arming import Trigger
from vigilar.store.events import StoredEvent

OPENED, MOVED, GLASS, TAMPER = "sensor_opened", "sensor_motion", "sensor_glass", "sensor_tamper"

_AT_ONCE = frozenset({GLASS, TAMPER})
"""Nobody comes in by these with a PIN."""

_SENSOR_WORDS = {OPENED: "Opened", MOVED: "Motion", GLASS: "Glass broken", TAMPER: "Tampered with"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What counted. ``is_at_once``: without time to disarm first."""

    trigger: Trigger
    is_at_once: bool


def judge(event: StoredEvent, rules: ModeRules, since_ms: int) -> Judgement | None:
    """Whether ``event`` counts in a mode that is in force since ``since_ms`` (UTC ms)."""
    if event.ts_ms < since_ms:
        return None
    is_person = event.kind == "person"
    if is_person or event.type == "motion":
        if event.source_id not in rules.cameras or not (is_person or rules.trigger == "motion"):
            return None
        return Judgement(_trigger(event, "Person" if is_person else "Motion", "camera_name"), is_at_once=False)
    if event.type not in _SENSOR_WORDS or not event.source_id.startswith(SENSOR_PREFIX):
        return None
    sensor_id = event.source_id.removeprefix(SENSOR_PREFIX)
    if not rules.counts_sensor(sensor_id) or (event.type == MOVED and not rules.motion_sensors):
        return None
    return Judgement(_trigger(event, _SENSOR_WORDS[event.type], "sensor_name"), event.type in _AT_ONCE)


def _trigger(event: StoredEvent, what: str, name_key: str) -> Trigger:
    where = str(event.payload.get(name_key) or event.source_id)
    return Trigger(event.id, event.source_id, what, where, event.ts_ms)
