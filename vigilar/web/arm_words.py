"""The arm state as pages and programs get it: the chip in each header, the notice that keeps it right, the API form."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vigilar.base.arm_rules import ALL, MODE_NAMES, ArmRules, ModeRules
from vigilar.base.errors import StoreError
from vigilar.base.ids import SENSOR_PREFIX
from vigilar.base.tally import Tally
from vigilar.base.veil import HIDDEN
from vigilar.store import arming
from vigilar.store.arming import ArmState, HistoryRow, Trigger
from vigilar.store.readiness import Unready
from vigilar.store.sensors import Sensor
from vigilar.web.hub import HUB, Notice, make_notice
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.visible import VisibleCameras

logger = logging.getLogger(__name__)

ARM = "arm"
"""The name of the notice."""

_unread = Tally(logger, "the arm state could not be read", every_s=60.0)

ACTION_WORDS = {
    "leaving": "{mode} was chosen, time to leave",
    "longer": "A minute more to leave, then {mode}",
    "armed": "Armed: {mode}",
    "disarmed": "Disarmed, it was {mode}",
    "left_open": "Armed, but left open: {where}",
    "entry": "Somebody came in: {where}",
    "alarm": "Alarm: {what}, {where}",
    "alarm_over": "The alarm ended by itself",
    "wrong": "Wrong PIN, three times",
    "refused": "{mode} was refused",
    "pin_set": "A PIN was set",
    "pin_removed": "A PIN was removed",
}
"""What a line of the history says."""

HOW_WORDS = {
    "page": "on the page",
    "passkey": "with a passkey",
    "command": "with a command",
    "bus": "by a message",
    "schedule": "by schedule",
    "token": "by a program",
}


@dataclass(frozen=True, slots=True)
class ArmChip:
    """What the header shows: ``state`` for its colour, the icon's name, and the word."""

    state: str
    symbol: str
    words: str


UNKNOWN = ArmChip("unknown", "unknown", "Not known")


def find_state(here: Parts) -> ArmState | None:
    """The state of the house; None while the database does not answer."""
    try:
        return here.rows.ask(lambda: arming.read_state(here.store))
    except (StoreError, DoesNotAnswerError) as error:
        _unread.add(error)
        return None


def chip_of(state: ArmState | None) -> ArmChip:
    if state is None:
        return UNKNOWN
    if state.is_alarm:
        return ArmChip("alarm", "alarm", "Alarm")
    if state.entry is not None:
        return ArmChip("entry", "leaving", "Entry")
    if state.pending is not None:
        return ArmChip("leaving", "leaving", "Leaving")
    return ArmChip(state.mode, state.mode, MODE_NAMES[state.mode])


def arm_content(state: ArmState) -> dict[str, Any]:
    """For all open pages; where something was seen is not in it, as not everybody sees each camera."""
    return {
        "change": state.change,
        "mode": state.mode,
        "since_ts": state.since_ms,
        "by": state.by,
        "pending": _pending(state),
        "entry_until_ts": None if state.entry is None else state.entry.until_ms,
        "alarm": state.is_alarm,
        "chip": asdict(chip_of(state)),
    }


def broadcast_arm(state: ArmState) -> None:
    """Tell all open pages. Any thread; never waits."""
    HUB.broadcast(Notice(ARM, make_notice(ARM, arm_content(state)).data, must_arrive=True))


def arm_json(state: ArmState, unready: Sequence[Unready], visible: VisibleCameras) -> dict[str, Any]:
    """The state for the API, to one member."""
    alarm = state.alarm if state.is_alarm else None
    return {
        "mode": state.mode,
        "since_ts": state.since_ms,
        "by": state.by,
        "pending": _pending(state),
        "ready": not unready,
        "problems": problems_json(unready),
        "entry": None
        if state.entry is None
        else {"until_ts": state.entry.until_ms, **where(state.entry.trigger, visible)},
        "alarm": None
        if alarm is None
        else {"since_ts": alarm.trigger.ts_ms, "until_ts": alarm.until_ms, **where(alarm.trigger, visible)},
        "bypassed": sorted(state.bypassed),
        "change": state.change,
    }


def problems_json(unready: Sequence[Unready]) -> list[dict[str, str]]:
    return [{"source_id": one.source_id, "sentence": one.sentence} for one in unready]


def where(trigger: Trigger, visible: VisibleCameras) -> dict[str, Any]:
    """What counted and where, without the name of a camera that is hidden."""
    is_shown = _is_shown(trigger.source_id, visible)
    return {
        "what": trigger.what,
        "where": trigger.where if is_shown else HIDDEN,
        "event": trigger.event_id if is_shown else None,
    }


def _is_shown(source_id: str, visible: VisibleCameras) -> bool:
    """Lines that say no source are older than it is written: who sees all cameras sees where that was."""
    return source_id.startswith(SENSOR_PREFIX) or source_id in visible


def history_json(row: HistoryRow, visible: VisibleCameras, *, shows_address: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "ts": row.ts_ms,
        "action": row.action,
        "mode": row.mode,
        "by": row.by,
        "how": row.how,
        "address": row.address if shows_address else "",
        "words": history_words(row, visible),
    }


def history_words(row: HistoryRow, visible: VisibleCameras) -> str:
    """``Armed: Away, by Sam, on the page``; without the name of a camera that is hidden."""
    known = {"mode": MODE_NAMES.get(row.mode, row.mode), "what": "", "where": ""}
    known |= {key: str(row.detail[key]) for key in ("what", "where") if key in row.detail}
    if row.action in ("entry", "alarm") and not _is_shown(str(row.detail.get("source", "")), visible):
        known["where"] = HIDDEN
    words = ACTION_WORDS.get(row.action, row.action).format(**known)
    who = f", by {row.by}" if row.by and row.how != "schedule" else ""
    how = f", {HOW_WORDS[row.how]}" if row.how in HOW_WORDS else ""
    return f"{words}{who}{how}"


def still_open(state: ArmState, sensors: Sequence[Sensor]) -> list[str]:
    """The names of what has been open, or tampered with, since before the house was armed."""
    return [
        one.name
        for one in sensors
        if f"{SENSOR_PREFIX}{one.id}" in state.bypassed and (one.state.get("contact") or one.state.get("tamper"))
    ]


def mode_effects(rules: ArmRules, visible: VisibleCameras, sensor_names: dict[str, str]) -> list[tuple[str, list[str]]]:
    """What each mode changes, in sentences, by its name: of the cameras that the asker sees."""
    return [(MODE_NAMES[one.mode], _effects(one, visible, sensor_names, rules)) for one in rules.modes]


def _effects(mode: ModeRules, visible: VisibleCameras, sensor_names: dict[str, str], rules: ArmRules) -> list[str]:
    names = {camera.id: camera.name for camera in visible.all()}
    shown = [names[camera_id] for camera_id in mode.cameras if camera_id in names]
    what = "A person" if mode.trigger == "person" else "Any motion"
    none = "No camera" if visible.member.cameras is None else "No camera that you see"
    found = [f"{what} at {_joined(shown)} is an alarm." if shown else f"{none} makes an alarm."]
    if mode.sensors == (ALL,):
        found.append("Any door, window or glass sensor is an alarm, tampering too.")
    elif mode.sensors:
        known = [sensor_names.get(one, one) for one in mode.sensors]
        found.append(f"Of the sensors only {_joined(known)}.")
    else:
        found.append("No sensor makes an alarm.")
    if mode.sensors:
        found.append("Motion sensors count." if mode.motion_sensors else "Motion sensors do not count.")
    leave = f"{mode.leave_s} s to leave" if mode.leave_s else "No time to leave"
    enter = f"{mode.enter_s} s to disarm after coming in" if mode.enter_s else "the alarm comes at once"
    found.append(f"{leave}, {enter}. It sounds for {rules.alarm_s} s.")
    return found


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _pending(state: ArmState) -> dict[str, Any] | None:
    pending = state.pending
    return None if pending is None else {"mode": pending.mode, "until_ts": pending.until_ms}
