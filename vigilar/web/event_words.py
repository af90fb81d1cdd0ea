"""Events as people read them on a page, and as pages and programs get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from vigilar.base.notify_kinds import is_danger
from vigilar.base.track_path import BadPath
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.bus.messages import EventPublished
from vigilar.store.events import StoredEvent, told_fields
from vigilar.store.tracks import StoredTrack
from vigilar.web.times import clock_text, length_text

LEVELS = {"INFO": "Background", "WARNING": "Notable", "ALERT": "Alert", "CRITICAL": "Critical"}
"""Severity -> the word beside its shape."""

TYPES = {
    "motion": "Motion",
    "camera_offline": "No picture",
    "camera_online": "Picture back",
    "footage_lost": "Footage lost",
    "coverage_low": "Recorded with holes",
    "coverage_restored": "Recorded without holes again",
    "recording_tampered": "Recording changed or removed",
    "recording_damaged": "Recording damaged",
    "history_changed": "Database changed",
    "recording_recovered": "Recording repaired",
    "disk_full": "Disk full",
    "disk_read_only": "Disk read-only",
    "disk_failed": "Disk reports errors",
    "recording_resumed": "Recording again",
    "drive_away": "Drive not there",
    "drive_hangs": "Drive does not answer",
    "drive_back": "Drive is back",
    "clock_stepped": "Clock corrected",
    "process_restarted": "Part restarted",
    "process_failing": "Part failing",
    "system_started": "Vigilar started",
    "system_stopped": "Vigilar stopped",
    "retention_held": "Deleting waits",
    "retention_stuck": "No space",
    "database_replaced": "Database made anew",
    "database_upgraded": "Database upgraded",
    "database_rebuilt": "Database filled",
    "power_loss": "Mains lost",
    "power_restored": "Mains back",
    "battery_low": "Battery low",
    "battery_critical": "Battery empty",
    "battery_worn": "Battery worn",
    "ups_silent": "UPS silent",
    "ups_unwatched": "UPS not watched",
    "backup_failed": "Backup not possible",
    "backup_late": "Backup behind",
    "backup_caught_up": "Backup caught up",
    "backup_damaged": "Copies gone or changed",
    "backup_proved": "Restoring proved",
    "backup_not_proved": "Restoring did not work",
    "alarm": "Alarm",
    "armed": "Armed",
    "disarmed": "Disarmed",
    "left_open": "Left open",
    "entry": "Somebody came in",
    "pin_wrong": "Wrong PIN",
    "pin_set": "PIN set",
    "arm_refused": "Arming refused",
    "arm_suggested": "Arming suggested",
    "sensor_opened": "Opened",
    "sensor_motion": "Motion sensor",
    "sensor_vibration": "Shaken",
    "sensor_glass": "Glass broken",
    "sensor_tamper": "Sensor tampered with",
    "sensor_leak": "Water",
    "sensor_smoke": "Smoke",
    "sensor_gas": "Gas",
    "sensor_silent": "Sensor silent",
    "sensor_battery": "Sensor battery",
    "pet_escaped": "Pet got out",
    "pet_missing": "Pet not seen",
    "phone_silent": "Phone silent",
    "phone_gone": "Phone to add again",
    "push_rejected": "Push keys rejected",
    "push_waiting": "Pushes waiting",
    "push_resumed": "Pushes again",
    "wildlife_first": "First of the year",
    "wildlife_back": "Back again",
}
"""Types a person may choose in the list's filter. One that is missing here is still shown, with its title."""

_ICONS = {
    "motion": "motion",
    "camera_offline": "camera-off",
    "camera_online": "camera",
    "footage_lost": "record",
    "coverage_low": "record",
    "coverage_restored": "record",
    "recording_tampered": "record",
    "recording_damaged": "record",
    "history_changed": "disk",
    "recording_recovered": "record",
    "recording_resumed": "record",
    "disk_full": "disk",
    "disk_read_only": "disk",
    "disk_failed": "disk",
    "drive_away": "disk",
    "drive_hangs": "disk",
    "drive_back": "disk",
    "clock_stepped": "clock",
    "process_restarted": "process",
    "process_failing": "process",
    "ups_unwatched": "process",
    "system_started": "power",
    "system_stopped": "power",
    "retention_held": "trash",
    "retention_stuck": "disk",
    "database_replaced": "disk",
    "database_upgraded": "disk",
    "database_rebuilt": "disk",
    "backup_failed": "disk",
    "backup_late": "disk",
    "backup_caught_up": "disk",
    "backup_damaged": "disk",
    "backup_proved": "disk",
    "backup_not_proved": "disk",
    "alarm": "alarm",
    "armed": "away",
    "disarmed": "disarmed",
    "left_open": "alert",
    "entry": "leaving",
    "pin_wrong": "alert",
    "pin_set": "arm",
    "duress": "alert",
    "arm_refused": "arm",
    "arm_suggested": "arm",
    "sensor_opened": "sensor",
    "sensor_motion": "motion",
    "sensor_vibration": "sensor",
    "sensor_glass": "sensor",
    "sensor_tamper": "sensor",
    "sensor_leak": "sensor",
    "sensor_smoke": "sensor",
    "sensor_gas": "sensor",
    "sensor_silent": "sensor",
    "sensor_battery": "sensor",
    "pet_escaped": "leaving",
    "pet_missing": "clock",
    "phone_silent": "alert",
    "phone_gone": "alert",
    "push_rejected": "alert",
    "push_waiting": "clock",
    "push_resumed": "ok",
    "wildlife_first": "motion",
    "wildlife_back": "motion",
}

DIVIDERS = frozenset({"camera_offline", "camera_online", "system_started", "system_stopped"})
"""Drawn as a grey line across the list: absence must not be mistaken for peace."""


SURE, LIKELY = 0.9, 0.7
"""Of what is told as sure nine of ten are right."""

MAX_PATHS, MAX_POINTS = 8, 60
"""On one still; more of them are a tangle."""


@dataclass(frozen=True, slots=True)
class VisitPath:
    """A way over the picture in thousandths of it: the feet as SVG points, the last box as left, top, width, height."""

    words: str
    points: str
    last: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EventCard:
    """One event as pages show it. ``ts`` is UTC ms; ``is_open`` while it goes on."""

    id: int
    ts: int
    type: str
    severity: str
    title: str
    level: str
    icon: str
    time: str
    length: str
    still: str
    has_clip: bool
    is_open: bool


def make_card(event: StoredEvent, zone: tzinfo, camera_ids: frozenset[str]) -> EventCard:
    """``camera_ids``: only an event of a camera has a clip."""
    return EventCard(
        id=event.id,
        ts=event.ts_ms,
        type=event.type,
        severity=event.severity,
        title=event_title(event),
        level=LEVELS.get(event.severity, event.severity.title()),
        icon=event_icon(event),
        time=clock_text(event.ts_ms, zone),
        length=length_text(event.end_ms - event.ts_ms) if event.end_ms is not None else "",
        still=str(told_fields(event)["still"] or ""),
        has_clip=event.source_id in camera_ids,
        is_open=is_going(event),
    )


def is_going(event: StoredEvent) -> bool:
    """Whether it has begun and not ended."""
    return event.end_ms is None and (event.type in ("motion", "alarm") or event.payload.get("is_open") is True)


def event_icon(event: StoredEvent) -> str:
    return _ICONS.get(event.type, "info")


def event_title(event: StoredEvent) -> str:
    title = event.payload.get("title")
    if isinstance(title, str) and title:
        return title
    return TYPES.get(event.type, event.type.replace("_", " ").capitalize())


def describe_payload(event: StoredEvent) -> list[tuple[str, str]]:
    """The details worth a line on the event's page, as name and value; what has no words for people is left out."""
    found = []
    if event.kind:
        found.append(("Recognised", recognised_words(event)))
    if event.zones:
        found.append(("Where", ", ".join(event.zones)))
    detail = event.payload.get("detail")
    known = {**event.payload, **detail} if isinstance(detail, dict) else event.payload
    if isinstance(known.get("reason"), str) and known["reason"]:
        found.append(("Why", known["reason"]))
    return found


def recognised_words(event: StoredEvent) -> str:
    """``Person, sure``; what is not known is said to be that."""
    if event.kind == MOTION or event.label_score is None:
        return "something moved; it is not known what"
    sure = "sure" if event.label_score >= SURE else "likely" if event.label_score >= LIKELY else "perhaps"
    return f"{KIND_WORDS.get(event.kind, event.kind)}, {sure} ({round(event.label_score * 100)} %)"


def visit_paths(tracks: Sequence[StoredTrack]) -> list[VisitPath]:
    """The ways of a visit's tracks over the picture; those of something unknown only if there are no others."""
    known = [one for one in tracks if one.kind != MOTION] or list(tracks)
    paths = []
    for track in known[:MAX_PATHS]:
        try:
            boxes = track.boxes()
        except BadPath:  # a row that was changed by hand
            continue
        if boxes:
            step = max(1, len(boxes) // MAX_POINTS)
            feet = [one.foot for one in (*boxes[:-1:step], boxes[-1])]
            points = " ".join(f"{x * 1000:.0f},{y * 1000:.0f}" for x, y in feet)
            last = boxes[-1]
            box = tuple(round(1000 * side) for side in (last.left, last.top, last.width, last.height))
            paths.append(VisitPath(KIND_WORDS.get(track.kind, track.kind), points, box))
    return paths


def event_json(event: StoredEvent, *, seen: bool) -> dict[str, Any]:
    """An event for the API. Times are UTC ms. ``seen``: by the member who asks."""
    return {
        **told_fields(event),
        "id": event.id,
        "ts": event.ts_ms,
        "type": event.type,
        "severity": event.severity,
        "source_id": event.source_id,
        "title": event_title(event),
        "payload": event.payload,
        "change": event.change,
        "seen": seen,
    }


def timeline_event(event: StoredEvent) -> dict[str, Any]:
    """An event as a mark on a timeline. Times are UTC ms."""
    return {
        "id": event.id,
        "ts": event.ts_ms,
        "end_ts": event.end_ms,
        "kind": event.kind or event.type,
        "severity": event.severity,
        "title": event_title(event),
    }


def danger_alone(message: EventPublished) -> EventPublished | None:
    """What is told of an event to who may not see where it was: a danger to everybody as one line, and no other."""
    if not is_danger(message.type):
        return None
    return replace(message, source_id="", payload={}, kind="", label_score=None, zones=[], still=None)


def published_from_row(event: StoredEvent) -> EventPublished:
    """The message that tells of ``event``, made from its row. It is told as what its newest change was, an insert or an
    update; pages put either in its place by its id."""
    return EventPublished(
        id=str(event.id),
        ts=event.ts_ms,
        type=event.type,
        severity=event.severity,
        source_id=event.source_id,
        change=event.change,
        is_update=event.change != event.first_change,
        payload=event.payload,
        **told_fields(event),
    )
