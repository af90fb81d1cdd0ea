"""The subject of sensors: what they tell and how they are. What lasts is one event, from its begin to its end."""

from __future__ import annotations

from collections.abc import Mapping

from vigilar.base.ids import SENSOR_PREFIX
from vigilar.bus.messages import BadMessage, PresenceTold, SensorTold
from vigilar.bus.topics import Topics
from vigilar.events.classification import EventType, Severity, Strand, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.judge import GLASS, MOVED, OPENED, TAMPER
from vigilar.events.refusal import check_id, check_message
from vigilar.events.subject import Subject

SENSOR = "sensor"

_OF_KIND: Mapping[str, EventType] = {
    "contact": EventType(OPENED, Severity.INFO, (SENSOR,), "{name} was opened", strand=Strand.VISIT),
    "motion": EventType(MOVED, Severity.INFO, (SENSOR,), "Motion, {name}", strand=Strand.VISIT),
    "vibration": EventType("sensor_vibration", Severity.INFO, (SENSOR,), "{name} was shaken", strand=Strand.VISIT),
    "glass": EventType(GLASS, Severity.ALERT, (SENSOR,), "Glass broken, {name}", strand=Strand.VISIT),
    "tamper": EventType(TAMPER, Severity.ALERT, (SENSOR,), "{name} was tampered with", strand=Strand.VISIT),
    "leak": EventType("sensor_leak", Severity.CRITICAL, (SENSOR,), "Water, {name}"),
    "smoke": EventType("sensor_smoke", Severity.CRITICAL, (SENSOR,), "Smoke, {name}"),
    "gas": EventType("sensor_gas", Severity.CRITICAL, (SENSOR,), "Gas, {name}"),
    "silent": EventType("sensor_silent", Severity.WARNING, (SENSOR,), "{name} is not heard any more"),
    "battery_low": EventType("sensor_battery", Severity.WARNING, (SENSOR,), "The battery of {name} is nearly empty"),
}
"""Kind -> its event, which goes on while the value is 1."""


def sensor_told(desk: EventDesk, source: Source, payload: bytes) -> None:
    told = SensorTold.parse(payload)
    _, _, sensor_id, kind = source.topic.split("/", 3)
    check_message(told, sensor_id, told.sensor_id)
    row = source.row_of(told)
    event_type = _OF_KIND.get(told.kind)
    if event_type is None or told.kind != kind:
        raise BadMessage("not a kind of sensor that becomes an event")
    if told.value not in (0, 1):
        raise BadMessage("value is neither 0 nor 1")
    name = check_id("name", told.name) if told.name else told.sensor_id
    source_id = f"{SENSOR_PREFIX}{told.sensor_id}"
    newest = desk.find_newest(event_type, source_id)
    is_open = newest is not None and newest.end_ms is None
    if told.value and not is_open:
        sentence = {"title": title_of(event_type, name), "sensor_name": name, "is_open": True}
        desk.insert(event_type, uid=told.id, source_id=source_id, ts_ms=told.ts, payload=sentence, row=row)
    elif newest is not None and is_open and not told.value:
        end_ms = max(told.ts, newest.ts_ms)
        ended = {**newest.payload, "is_open": False, "duration_ms": end_ms - newest.ts_ms}
        desk.update(newest, end_ms, ended, row)
    else:
        desk.use_up(row)


def presence_told(_desk: EventDesk, _source: Source, payload: bytes) -> None:
    """Somebody came or left. The rows say it; that it was told makes the guard look at once."""
    PresenceTold.parse(payload)


SENSORS = Subject(
    name=SENSOR,
    types=tuple(_OF_KIND.values()),
    handlers={
        **{Topics.sensor("+", kind): sensor_told for kind in _OF_KIND},
        Topics.presence("+"): presence_told,
    },
    outbox_prefixes=("vigilar/sensor/",),
)
