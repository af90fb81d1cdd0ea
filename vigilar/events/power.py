"""The subject of power: what the UPS told. A power cut is one event, from the moment mains went until they are back."""

from __future__ import annotations

from typing import Any

from vigilar.base.amounts import keep_text
from vigilar.bus.messages import BadMessage, UpsFact
from vigilar.bus.topics import Topics
from vigilar.events.classification import EventType, Severity, title_of
from vigilar.events.desk import EventDesk, Source
from vigilar.events.refusal import check_message, clean_detail
from vigilar.events.subject import Subject

UPS = "ups"
"""The reporter, and the source of its events."""

POWER_LOSS = EventType("power_loss", Severity.ALERT, (UPS,), "Mains power is lost, the house runs on its battery")
RESTORED = EventType("power_restored", Severity.INFO, (UPS,), "Mains power is back")
LOW = EventType("battery_low", Severity.ALERT, (UPS,), "The battery gets low: recognition stops, recording goes on")
CRITICAL = EventType(
    "battery_critical", Severity.CRITICAL, (UPS,), "The battery is nearly empty: Vigilar closes its files and stops"
)
SILENT = EventType("ups_silent", Severity.WARNING, (UPS,), "The UPS does not answer")

_OF_KIND = {
    "power_loss": POWER_LOSS,
    "low_battery": LOW,
    "critical": CRITICAL,
    "restored": RESTORED,
    "silent": SILENT,
    "worn": EventType("battery_worn", Severity.WARNING, (UPS,), "The UPS wants a new battery"),
}


def ups_told(desk: EventDesk, source: Source, payload: bytes) -> None:
    """Store what the UPS told. What says again what is known already is used up."""
    fact = UpsFact.parse(payload)
    check_message(fact, UPS, UPS)
    row = source.row_of(fact)
    if source.topic != Topics.ups(fact.kind):
        raise BadMessage("kind is not that of the topic")
    told = clean_detail(fact.detail)
    if fact.kind == "heard":
        _end(desk, SILENT, fact, row)
    elif fact.kind == "restored":
        _restore(desk, fact, told, row)
    else:
        event_type = desk.classify(_type_of(fact.kind), UPS)
        if _is_told(desk, event_type):
            desk.use_up(row)
        else:
            told["title"] = _title(event_type, told)
            if event_type in (POWER_LOSS, SILENT):
                told["is_open"] = True
            desk.insert(event_type, uid=fact.id, source_id=UPS, ts_ms=fact.ts, payload=told, row=row)


def _is_told(desk: EventDesk, event_type: EventType) -> bool:
    """Whether it goes on already; of the battery, whether it was told in the cut that goes on: a watch over the UPS
    that begins anew says all of it again."""
    newest = desk.find_newest(event_type, UPS)
    if newest is None or event_type not in (POWER_LOSS, SILENT, LOW, CRITICAL):
        return False
    if event_type in (POWER_LOSS, SILENT):
        return newest.end_ms is None
    cut = desk.find_newest(POWER_LOSS, UPS)
    return cut is not None and cut.end_ms is None and newest.ts_ms >= cut.ts_ms


def _type_of(kind: str) -> str:
    if kind not in _OF_KIND:
        raise BadMessage("not a kind of word of a UPS")
    return _OF_KIND[kind].name


def _restore(desk: EventDesk, fact: UpsFact, told: dict[str, Any], row: tuple[str, str]) -> None:
    """Mains are back: the end of the cut first, then that they are back, which uses the row up. It is also the first
    word after a start; without a cut to end it says nothing new."""
    newest = desk.find_newest(POWER_LOSS, UPS)
    if newest is None or (newest.end_ms is not None and newest.payload.get("ended_by") != fact.id):
        desk.use_up(row)
        return
    length_ms = max(0, fact.ts - newest.ts_ms)
    if newest.end_ms is None:
        cuts = told.get("cuts") or newest.payload.get("cuts")
        ended = {**newest.payload, "is_open": False, "duration_ms": length_ms, "ended_by": fact.id, "cuts": cuts}
        desk.update(newest, newest.ts_ms + length_ms, ended)
    told |= {"title": f"{title_of(RESTORED, '')} after {_length(length_ms)}", "duration_ms": length_ms}
    desk.insert(RESTORED, uid=fact.id, source_id=UPS, ts_ms=fact.ts, payload=told, row=row)


def _length(ms: int) -> str:
    seconds = round(ms / 1000)
    return keep_text(ms) if seconds >= 120 else "a second" if seconds == 1 else f"{seconds} seconds"


def _end(desk: EventDesk, event_type: EventType, fact: UpsFact, row: tuple[str, str]) -> None:
    newest = desk.find_newest(event_type, UPS)
    if newest is None or newest.end_ms is not None:
        desk.use_up(row)
        return
    end_ms = max(fact.ts, newest.ts_ms)
    desk.update(newest, end_ms, {**newest.payload, "is_open": False, "duration_ms": end_ms - newest.ts_ms}, row)


def _title(event_type: EventType, told: dict[str, Any]) -> str:
    """With what is left in the battery, where the UPS says it."""
    title = title_of(event_type, "")
    if event_type not in (POWER_LOSS, LOW):
        return title
    charge, runtime_s = told.get("charge"), told.get("runtime_s")
    parts = [f"{charge} %"] if isinstance(charge, int) else []
    if isinstance(runtime_s, int) and runtime_s >= 60:
        parts.append(f"about {runtime_s // 60} min left")
    return f"{title}. Battery: {', '.join(parts)}" if parts else title


POWER = Subject(
    name=UPS,
    types=tuple(_OF_KIND.values()),
    handlers={Topics.ups(kind): ups_told for kind in (*_OF_KIND, "heard")},
    outbox_prefixes=("vigilar/ups/",),
)
