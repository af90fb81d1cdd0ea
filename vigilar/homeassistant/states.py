"""States of the house in the words of Home Assistant: topic -> payload. Pure.

What is said of a state (``..._more``) comes before it: who waits for the state finds its reasons there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from vigilar.base.not_recording import find_reason
from vigilar.base.redact import redact
from vigilar.base.veil import Veil
from vigilar.bus.messages import ArmStateTold, CameraHealth
from vigilar.bus.topics import HomeTopics
from vigilar.homeassistant.devices import Shown, dump
from vigilar.store.going_on import Newest, SensorNow, Visit

ON, OFF = b"ON", b"OFF"

MOST_CHARACTERS = 255
"""Home Assistant takes no longer state."""

STALE = "This camera has stopped reporting."

_ANIMALS = frozenset({"cat", "dog", "bird", "animal"})

States = dict[str, bytes]


def visits(shown: Shown, going_on: Iterable[Visit]) -> States:
    """Who is there, at each camera. What recognising needs for its word may take until after the end of a short visit,
    so a kind counts for a while longer than motion."""
    there: dict[str, set[str]] = {camera_id: set() for camera_id in shown.cameras}
    for one in going_on:
        if one.is_open:
            there[one.camera_id].add("motion")
        if one.kind != "motion":
            there[one.camera_id].add("animal" if one.kind in _ANIMALS else one.kind)
    kinds = ("motion", "person", "vehicle", "animal") if shown.recognises else ("motion",)
    return {
        HomeTopics.of_camera(shown.house, camera_id, kind): _yes_no(kind in found)
        for camera_id, found in there.items()
        for kind in kinds
    }


def camera(shown: Shown, camera_id: str, health: CameraHealth | None) -> States:
    """How a camera is; ``health`` None: it has stopped reporting."""
    is_live = health is not None and health.state == "live"
    reason = STALE if health is None else "" if is_live else health.reason or "No picture yet."
    if health is not None and is_live and (lost := find_reason(health.not_recording)):
        reason = lost.sentence
    more = {"reason": redact(reason), "code": "" if health is None else health.code}

    def topic(what: str) -> str:
        return HomeTopics.of_camera(shown.house, camera_id, what)

    return {
        topic("connected"): _yes_no(is_live),
        topic("problem_more"): dump(more),
        topic("problem"): _yes_no(bool(reason)),
    }


def alarm(shown: Shown, told: ArmStateTold) -> States:
    """The panel. What set an alarm off is told, and where only if no camera is hidden: it may have been there."""
    state = "disarmed" if told.mode == "disarmed" else f"armed_{told.mode}"
    more: dict[str, Any] = {"since": _iso(told.since_ts), "by": told.by}
    if told.alarm is not None:
        state = "triggered"
        more |= _signs(shown, told.alarm)
    elif told.entry is not None:
        state = "pending"
        more |= _signs(shown, told.entry)
    elif told.pending is not None:
        state = "arming"
        more |= {"next": told.pending.get("mode"), "until": _iso(told.pending.get("until_ts"))}
    return {
        HomeTopics.of_house(shown.house, "alarm_more"): dump(more),
        HomeTopics.of_house(shown.house, "alarm"): state.encode(),
    }


def last_event(shown: Shown, event: Newest | None, names: Mapping[str, str]) -> States:
    """The newest event as a sentence, without the names of cameras that are hidden. ``names`` are those of all."""
    if event is None:
        return {}
    payload = event.payload
    if not shown.shows_all:
        payload = Veil(frozenset(shown.cameras), names).payload(event.type, event.source_id, payload)
    title = redact(str(payload.get("title") or event.type))
    more = {
        "type": event.type,
        "kind": event.kind,
        "severity": event.severity.lower(),
        "camera": shown.cameras.get(event.source_id),
        "at": _iso(event.ts_ms),
        "reason": redact(str(payload.get("reason") or "")),
    }
    return {
        HomeTopics.of_house(shown.house, "last_event_more"): dump(more),
        HomeTopics.of_house(shown.house, "last_event"): title[:MOST_CHARACTERS].encode(),
    }


def sensors(shown: Shown, known: Iterable[SensorNow]) -> States:
    found: States = {}
    for one in known:
        for kind, value in one.state.items():
            is_measured = kind in ("temperature", "humidity", "pressure", "light")
            topic = HomeTopics.of_sensor(shown.house, one.id, kind)
            found[topic] = f"{value:g}".encode() if is_measured else _yes_no(bool(value))
        if one.battery is not None:
            found[HomeTopics.of_sensor(shown.house, one.id, "battery")] = str(one.battery).encode()
    return found


def supply(shown: Shown, status: Mapping[str, Any]) -> States:
    """Mains and battery, by the heartbeat of the watch over the UPS; what it does not know is not known here."""
    level, charge = status.get("level"), status.get("charge")
    mains = b"None" if level in (None, "unknown") else _yes_no(level == "mains")
    return {
        HomeTopics.of_house(shown.house, "mains"): mains,
        HomeTopics.of_house(shown.house, "battery"): b"None" if charge is None else str(charge).encode(),
    }


def backup(shown: Shown, part: Mapping[str, Any]) -> States:
    """Whether the backup is behind or fails, in its own words."""
    state = part.get("state")
    return {
        HomeTopics.of_house(shown.house, "backup_more"): dump({"sentence": redact(str(part.get("sentence") or ""))}),
        HomeTopics.of_house(shown.house, "backup"): b"None" if state == "unknown" else _yes_no(state != "ok"),
    }


def storage_days(shown: Shown, days: float | None) -> States:
    value = b"None" if days is None else f"{days:.1f}".encode()
    return {HomeTopics.of_house(shown.house, "storage_days"): value}


def _signs(shown: Shown, found: Mapping[str, Any]) -> dict[str, Any]:
    signs = {"what": found.get("what"), "until": _iso(found.get("until_ts"))}
    return signs | ({"where": found.get("where")} if shown.shows_all else {})


def _yes_no(claim: bool) -> bytes:
    return ON if claim else OFF


def _iso(ms: object) -> str | None:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat() if isinstance(ms, int) and ms else None


def is_own(sensor: SensorNow) -> bool:
    """Whether it hangs on a pin of this machine: Home Assistant cannot know it already."""
    return sensor.address.startswith("gpio/")
