"""What a rule may be about: one list of words for settings, pages and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from vigilar.base.visit_kinds import KIND_WORDS

SEEN, SENSED, KEPT, SYSTEM, ARMING = (
    "Seen by a camera",
    "Alarms and sensors",
    "Cameras and recordings",
    "The system",
    "Arming",
)


@dataclass(frozen=True, slots=True)
class When:
    """One of them. ``words`` as people read it in "... is told"; ``types`` are types of events, one that ends in ``*``
    all that begin so; empty for a kind of visit. ``group`` is its heading where they are offered. ``is_danger``: it may
    cost lives, and is told to all who are to be told, whatever cameras they may see."""

    words: str
    types: tuple[str, ...] = ()
    group: str = SEEN
    is_danger: bool = False

    def names(self, event_type: str) -> bool:
        return any(event_type.startswith(one[:-1]) if one.endswith("*") else event_type == one for one in self.types)


WHEN: dict[str, When] = {
    **{kind: When(words.lower() if kind != "motion" else "motion of any kind") for kind, words in KIND_WORDS.items()},
    "pet-escaped": When("a pet that stays indoors got out", ("pet_escaped",)),
    "pet-missing": When("a pet was not seen for long", ("pet_missing",)),
    "wildlife-first": When("an animal for the first time this year", ("wildlife_first",)),
    "wildlife-back": When("an animal that is back after a long time", ("wildlife_back",)),
    "alarm": When("an alarm", ("alarm",), SENSED, is_danger=True),
    "smoke": When("smoke", ("sensor_smoke",), SENSED, is_danger=True),
    "gas": When("gas", ("sensor_gas",), SENSED, is_danger=True),
    "water": When("water", ("sensor_leak",), SENSED, is_danger=True),
    "glass": When("broken glass", ("sensor_glass",), SENSED, is_danger=True),
    "entry": When("somebody came in while armed", ("entry",), SENSED),
    "left-open": When("a door or window is open while the house is armed by itself or left", ("left_open",), SENSED),
    "opened": When("a door or window was opened", ("sensor_opened",), SENSED),
    "motion-sensor": When("a motion sensor", ("sensor_motion",), SENSED),
    "shaken": When("something was shaken", ("sensor_vibration",), SENSED),
    "tamper": When("a sensor was tampered with", ("sensor_tamper",), SENSED),
    "sensor-silent": When("a sensor is not heard any more", ("sensor_silent",), SENSED),
    "sensor-battery": When("a sensor's battery is nearly empty", ("sensor_battery",), SENSED),
    "camera-down": When("a camera has no picture", ("camera_offline",), KEPT),
    "footage-lost": When("footage was lost", ("footage_lost",), KEPT),
    "holes": When("a camera is recorded with holes", ("coverage_low",), KEPT),
    "recording-changed": When(
        "a recording was changed or damaged", ("recording_tampered", "recording_damaged", "history_changed"), KEPT
    ),
    "recording-repaired": When("a recording was repaired", ("recording_recovered",), KEPT),
    "recording-again": When(
        "recording goes on", ("recording_resumed", "drive_back", "camera_online", "coverage_restored"), KEPT
    ),
    "disk": When(
        "the disk is full or fails",
        ("disk_full", "disk_read_only", "disk_failed", "retention_held", "retention_stuck"),
        KEPT,
    ),
    "drive": When("the drive for recordings is away", ("drive_away", "drive_hangs"), KEPT),
    "database": When("the database was made anew", ("database_replaced", "database_rebuilt"), SYSTEM),
    "power": When("power", ("power_*", "ups_*", "battery_*"), SYSTEM),
    "backup": When("the backup", ("backup_*",), SYSTEM),
    "phone": When("a phone is not reached any more", ("phone_silent", "phone_gone", "push_rejected"), SYSTEM),
    "push": When("pushes wait or go out again", ("push_waiting", "push_resumed"), SYSTEM),
    "part-failing": When("a part of the system keeps failing", ("process_failing",), SYSTEM),
    "part-restarted": When("a part of the system was restarted", ("process_restarted",), SYSTEM),
    "clock": When("the clock was corrected", ("clock_stepped",), SYSTEM),
    "started": When(
        "the system started, stopped or was upgraded", ("system_started", "system_stopped", "database_upgraded"), SYSTEM
    ),
    "armed": When("the house was armed", ("armed",), ARMING),
    "disarmed": When("the house was disarmed", ("disarmed",), ARMING),
    "wrong-pin": When("a wrong PIN, three times", ("pin_wrong",), ARMING),
    "pin-set": When("a PIN was set or removed", ("pin_set",), ARMING),
    "arm-refused": When("a wish to arm was refused", ("arm_refused",), ARMING),
    "arm-suggested": When("everyone has left and the house is not armed", ("arm_suggested",), ARMING),
}
"""In the order in which a page offers them."""


@cache
def subjects_of(event_type: str, kind: str) -> frozenset[str]:
    """The words of the list that an event answers to: its kind, and ``motion`` for every visit."""
    found = {word for word, one in WHEN.items() if one.names(event_type)}
    if kind in KIND_WORDS:
        found |= {kind, "motion"}
    return frozenset(found)


DANGERS = tuple(kind for one in WHEN.values() if one.is_danger for kind in one.types)
"""Types of events, each written out."""


def is_danger(event_type: str) -> bool:
    return event_type in DANGERS


def offered() -> dict[str, dict[str, str]]:
    """The words of the list with what people read, by group, in its order."""
    found: dict[str, dict[str, str]] = {}
    for word, one in WHEN.items():
        found.setdefault(one.group, {})[word] = one.words
    return found
