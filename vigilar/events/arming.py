"""The subject of the house itself: arming, alarms and what was refused. ``guard`` brings its events about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vigilar.base.arm_rules import MODE_NAMES
from vigilar.base.ids import SENSOR_PREFIX
from vigilar.base.veil import NAMED
from vigilar.events.classification import EventType, Severity, Strand
from vigilar.events.subject import Subject
from vigilar.store.arming import Alarm, HistoryRow

HOUSE = "house"
"""The reporter, and the source of events that no camera or sensor brought about."""

ALARM = EventType("alarm", Severity.CRITICAL, (HOUSE,), "Alarm: {name}", strand=Strand.VISIT)
ARMED = EventType("armed", Severity.INFO, (HOUSE,), "Armed: {name}", strand=Strand.ALONE)
DISARMED = EventType("disarmed", Severity.INFO, (HOUSE,), "Disarmed", strand=Strand.VISIT)
LEFT_OPEN = EventType("left_open", Severity.ALERT, (HOUSE,), "Armed, but left open: {name}", strand=Strand.ALONE)
ENTRY = EventType("entry", Severity.WARNING, (HOUSE,), "Somebody came in: {name}", strand=Strand.VISIT)
WRONG = EventType("pin_wrong", Severity.ALERT, (HOUSE,), "Wrong PIN, three times")
PIN_SET = EventType("pin_set", Severity.WARNING, (HOUSE,), "A PIN was set or removed", strand=Strand.ALONE)
DURESS = EventType("duress", Severity.CRITICAL, (HOUSE,), "Disarmed under duress", strand=Strand.ALONE)
REFUSED = EventType("arm_refused", Severity.WARNING, (HOUSE,), "A wish to change the arm mode was refused")
SUGGESTED = EventType("arm_suggested", Severity.WARNING, (HOUSE,), "Everyone seems out. Arm?")

TYPES = (ALARM, ARMED, DISARMED, LEFT_OPEN, ENTRY, WRONG, PIN_SET, DURESS, REFUSED, SUGGESTED)

_OF_ACTION: Mapping[str, EventType] = {
    "armed": ARMED,
    "disarmed": DISARMED,
    "left_open": LEFT_OPEN,
    "entry": ENTRY,
    "wrong": WRONG,
    "pin_set": PIN_SET,
    "pin_removed": PIN_SET,
    "duress": DURESS,
    "refused": REFUSED,
}
"""Action of the history -> its event. An alarm has an event of its own, which goes on."""

_HOW_WORDS = {
    "page": "on the page",
    "passkey": "with a passkey",
    "command": "with a command",
    "bus": "by a message",
    "schedule": "by schedule",
    "token": "by a program",
}


def event_of_line(line: HistoryRow) -> tuple[EventType, dict[str, Any]] | None:
    """The event that a line of history becomes, with its payload; None for one that becomes none."""
    event_type = _OF_ACTION.get(line.action)
    if event_type is None:
        return None
    is_place = event_type in (ENTRY, LEFT_OPEN)
    name = str(line.detail.get("where", "")) if is_place else MODE_NAMES.get(line.mode, line.mode)
    who = f"by {line.by} " if line.by and line.how != "schedule" else ""
    reasons = [f"{who}{_HOW_WORDS.get(line.how, line.how)}".strip(), *map(str, line.detail.get("reasons", ()))]
    payload = {
        "title": event_type.title.format(name=name),
        "reason": ". ".join(reason[:1].upper() + reason[1:].rstrip(".") for reason in reasons if reason),
        "mode": line.mode,
        "by": line.by,
        "how": line.how,
    }
    named = _cameras_of(line)
    return event_type, payload if named is None else payload | {NAMED: named}


def _cameras_of(line: HistoryRow) -> dict[str, str] | None:
    """The names of cameras in the words of a line; None for one that was written before it said so."""
    detail = line.detail
    if NAMED in detail:
        return dict(detail[NAMED])
    if line.action == "entry":
        return _cameras([(detail["source"], detail["where"])]) if "source" in detail else None
    return None if line.action == "armed" and "reasons" in detail else {}


def _cameras(places: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By id, without sensors."""
    return {source_id: name for source_id, name in places if not source_id.startswith(SENSOR_PREFIX)}


def cause_of_line(line: HistoryRow) -> int | None:
    """The event that made somebody's coming in out of a sign of somebody; None for what nothing set off."""
    event_id = line.detail.get("event") if line.action == "entry" else None
    return event_id if isinstance(event_id, int) else None


def payload_of_alarm(alarm: Alarm) -> dict[str, Any]:
    """What the event of an alarm says, as far as it has come."""
    trigger = alarm.trigger
    return {
        "title": ALARM.title.format(name=f"{trigger.what}, {trigger.where}"),
        "what": trigger.what,
        "where": trigger.where,
        "mode": alarm.mode,
        "event": trigger.event_id,
        "also": [f"{one.what}, {one.where}" for one in alarm.more],
        "is_open": alarm.is_on,
        "ended_by": alarm.ended_by,
        NAMED: _cameras((one.source_id, one.where) for one in (trigger, *alarm.more)),
    }


HOUSE_SUBJECT = Subject(name=HOUSE, types=TYPES)
