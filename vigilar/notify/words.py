"""What people are told of an event: one line who and where, one line when, in house time. The same for every way.

Nothing here decides anything; whether names may be shown on a locked screen is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from vigilar.base.visit_kinds import KIND_WORDS

MAX_TITLE_CHARS, MAX_BODY_CHARS = 120, 240
"""A phone shows some 50 and 120 before it cuts; this bounds what is sealed (600 bytes of UTF-8 at the worst)."""

MODE_WORDS = {"disarmed": "Not armed.", "home": "Armed Home.", "night": "Armed Night.", "away": "Armed Away."}

_LEVELS = {"INFO": "Something happened at home", "WARNING": "Something to look at, at home"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to tell. ``camera`` is the id of the camera it is about, empty for none; ``has_mode`` says whether
    the arm mode belongs to it (a person does, a battery does not). Times are UTC ms."""

    title: str
    type: str
    kind: str
    severity: str
    camera: str
    ts_ms: int
    event_id: int
    incident_id: int | None
    mode: str
    has_mode: bool
    has_still: bool = False
    zones: tuple[str, ...] = ()


def make_content(told: Told, zone: tzinfo, *, shows_names: bool = True) -> dict[str, Any]:
    """The words and all else that a way out may need, JSON-able. Without names a locked screen says what kind of
    thing it is and when, and neither who nor where."""
    return {
        "title": cut(told.title if shows_names else plain_title(told), MAX_TITLE_CHARS),
        "body": cut(_body(told, zone, shows_names=shows_names), MAX_BODY_CHARS),
        "path": f"/events/{told.event_id}",
        "tag": story_of(told.incident_id, told.event_id),
        "type": told.type,
        "kind": told.kind,
        "severity": told.severity,
        "camera": told.camera,
        "ts": told.ts_ms,
        "event_id": told.event_id,
        "incident_id": told.incident_id,
        "still": f"/events/{told.event_id}/still.jpg" if told.has_still and shows_names else "",
    }


def story_of(incident_id: int | None, event_id: int) -> str:
    """Under what all that is told of one incident replaces one another; of an event without one, of that event."""
    return f"event-{event_id}" if incident_id is None else f"incident-{incident_id}"


def plain_title(told: Told) -> str:
    """Without names of people, cameras and rooms."""
    if told.severity == "CRITICAL":
        return "Alarm at home" if told.type == "alarm" else "Urgent: look at home now"
    if told.severity == "ALERT":
        return "Alert at home"
    if told.kind in KIND_WORDS:
        return f"{KIND_WORDS[told.kind]} at home"
    return _LEVELS[told.severity]


def clock_of(ts_ms: int, zone: tzinfo) -> str:
    """House time, "17:52"; in the hour that an autumn night has twice, with the name of the zone: "02:15 CEST"."""
    moment = datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(zone)
    return f"{moment:%H:%M %Z}" if _is_doubled(moment, zone) else f"{moment:%H:%M}"


def cut(text: str, most: int) -> str:
    """At a character border, with an ellipsis; one line, whatever stands in it."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _body(told: Told, zone: tzinfo, *, shows_names: bool) -> str:
    parts = [f"{clock_of(told.ts_ms, zone)}."]
    if told.zones and shows_names:
        parts.append(f"{', '.join(told.zones)}.")
    if told.has_mode and told.mode in MODE_WORDS:
        parts.append(MODE_WORDS[told.mode])
    return " ".join(parts)


def _is_doubled(moment: datetime, zone: tzinfo) -> bool:
    """Whether the same wall clock comes an hour before or after as well."""
    others = (moment.astimezone(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    return any(other.astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None) for other in others)
