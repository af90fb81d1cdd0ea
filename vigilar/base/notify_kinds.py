"""What a rule may be about: one list of words for settings, pages and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from vigilar.base.visit_kinds import KIND_WORDS


@dataclass(frozen=True, slots=True)
class When:
    """One of them. ``words`` as people read it in "... is told"; ``types`` are types of events, one that ends in ``*``
    all that begin so; empty for a kind of visit. ``is_danger``: it may cost lives, and is told to all who are to be
    told, whatever cameras they may see."""

    words: str
    types: tuple[str, ...] = ()
    is_danger: bool = False

    def names(self, event_type: str) -> bool:
        return any(event_type.startswith(one[:-1]) if one.endswith("*") else event_type == one for one in self.types)


WHEN: dict[str, When] = {
    **{kind: When(words.lower() if kind != "motion" else "motion of any kind") for kind, words in KIND_WORDS.items()},
    "alarm": When("an alarm", ("alarm",), is_danger=True),
    "smoke": When("smoke", ("sensor_smoke",), is_danger=True),
    "gas": When("gas", ("sensor_gas",), is_danger=True),
    "water": When("water", ("sensor_leak",), is_danger=True),
    "glass": When("broken glass", ("sensor_glass",), is_danger=True),
    "entry": When("somebody came in while armed", ("entry",)),
    "opened": When("a door or window was opened", ("sensor_opened",)),
    "motion-sensor": When("a motion sensor", ("sensor_motion",)),
    "shaken": When("something was shaken", ("sensor_vibration",)),
    "tamper": When("a sensor was tampered with", ("sensor_tamper",)),
    "sensor-silent": When("a sensor is not heard any more", ("sensor_silent",)),
    "sensor-battery": When("a sensor's battery is nearly empty", ("sensor_battery",)),
    "camera-down": When("a camera has no picture", ("camera_offline",)),
    "footage-lost": When("footage was lost", ("footage_lost",)),
    "recording-changed": When(
        "a recording was changed or damaged", ("recording_tampered", "recording_damaged", "history_changed")
    ),
    "recording-repaired": When("a recording was repaired", ("recording_recovered",)),
    "recording-again": When("recording goes on", ("recording_resumed", "drive_back", "camera_online")),
    "disk": When(
        "the disk is full or fails", ("disk_full", "disk_read_only", "disk_failed", "retention_held", "retention_stuck")
    ),
    "drive": When("the drive for recordings is away", ("drive_away", "drive_hangs")),
    "database": When("the database was made anew", ("database_replaced", "database_rebuilt")),
    "power": When("power", ("power_*", "ups_*")),
    "backup": When("the backup", ("backup_*",)),
    "phone": When("a phone is not reached any more", ("phone_silent", "phone_gone", "push_rejected")),
    "push": When("pushes wait or go out again", ("push_waiting", "push_resumed")),
    "part-failing": When("a part of the system keeps failing", ("process_failing",)),
    "part-restarted": When("a part of the system was restarted", ("process_restarted",)),
    "clock": When("the clock was corrected", ("clock_stepped",)),
    "started": When("the system started or stopped", ("system_started", "system_stopped")),
    "armed": When("the house was armed", ("armed",)),
    "disarmed": When("the house was disarmed", ("disarmed",)),
    "wrong-pin": When("a wrong PIN, three times", ("pin_wrong",)),
    "pin-set": When("a PIN was set or removed", ("pin_set",)),
    "arm-refused": When("a wish to arm was refused", ("arm_refused",)),
    "arm-suggested": When("everyone has left and the house is not armed", ("arm_suggested",)),
}
"""In the order in which a page offers them."""


@cache
def subjects_of(event_type: str, kind: str) -> frozenset[str]:
    """The words of the list that an event answers to: its kind, and ``motion`` for every visit."""
    found = {word for word, one in WHEN.items() if one.names(event_type)}
    if kind in KIND_WORDS:
        found |= {kind, "motion"}
    return frozenset(found)


@cache
def is_danger(event_type: str) -> bool:
    return any(one.is_danger and one.names(event_type) for one in WHEN.values())
