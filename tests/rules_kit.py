"""Events, members and situations as rules see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vigilar.rules.situation import Person, Situation
from vigilar.store.events import StoredEvent

BERLIN = ZoneInfo("Europe/Berlin")

SAM = Person(1, "Sam", "owner")
KIM = Person(2, "Kim", "adult")
MAX = Person(3, "Max", "child")
GUEST = Person(4, "Gast", "guest", frozenset({"front-door"}))
PEOPLE = (SAM, KIM, MAX, GUEST)


def berlin(text: str) -> int:
    """UTC ms of a time on the house's clock, ``2026-03-08 22:30``."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


DAY = berlin("2026-03-08 14:00")
NIGHT = berlin("2026-03-09 02:00")


def an_event(
    event_type: str = "motion",
    *,
    kind: str = "",
    at: int = DAY,
    source: str = "garden",
    severity: str = "INFO",
    end: int | None = None,
    zones: tuple[str, ...] = (),
    incident: int | None = None,
    event_id: int = 1,
    **payload: Any,
) -> StoredEvent:
    return StoredEvent(
        id=event_id,
        uid=f"uid-{event_id}",
        change=event_id,
        type=event_type,
        severity=severity,
        source_id=source,
        ts_ms=at,
        end_ms=end,
        still_id=None,
        payload={"title": "Something", **payload},
        created_ms=at,
        first_change=event_id,
        kept=False,
        kind=kind,
        zones=zones,
        incident_id=incident,
    )


def a_situation(now: int = DAY, **changes: Any) -> Situation:
    values: dict[str, Any] = {"now_ms": now, "zone": BERLIN, "people": PEOPLE, **changes}
    return Situation(**values)
