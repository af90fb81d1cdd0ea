"""The one table of event types: severity, who may report it, and the sentence people read.

A type that is not in the table does not become an event. Heartbeats and health are no events. ``docs/architecture/
subsystems/events.md`` shows the same table; a test keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto

MOTION = "motion"


class Severity(Enum):
    """How much a person should care. Ordered from least to most."""

    INFO = "INFO"
    WARNING = "WARNING"
    ALERT = "ALERT"
    CRITICAL = "CRITICAL"


class Reporter(Flag):
    """Who may report a type: a camera's process over the bus, the supervisor over its line."""

    CAMERA = auto()
    SUPERVISOR = auto()


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table.

    ``title`` is the sentence of the card; ``{name}`` is the camera's name, or what the process is called.
    ``ends_motion``: after it nobody will report the end of a motion of that source that is still open.
    """

    name: str
    severity: Severity
    reporters: Reporter
    title: str
    ends_motion: bool = False


_TABLE = (
    EventType(MOTION, Severity.INFO, Reporter.CAMERA, "Motion, {name}"),
    EventType("camera_offline", Severity.WARNING, Reporter.CAMERA, "No picture from {name}", ends_motion=True),
    EventType("camera_online", Severity.INFO, Reporter.CAMERA, "{name} is back", ends_motion=True),
    EventType("footage_lost", Severity.ALERT, Reporter.CAMERA, "Footage lost, {name}"),
    EventType("recording_recovered", Severity.WARNING, Reporter.CAMERA, "Recording repaired after a cut, {name}"),
    EventType("disk_full", Severity.CRITICAL, Reporter.CAMERA, "Disk full, {name} is not recorded"),
    EventType("recording_resumed", Severity.INFO, Reporter.CAMERA, "{name} is recorded again"),
    EventType("drive_away", Severity.CRITICAL, Reporter.SUPERVISOR, "The drive for recordings is not there"),
    EventType("drive_hangs", Severity.CRITICAL, Reporter.SUPERVISOR, "The drive for recordings does not answer"),
    EventType("drive_back", Severity.INFO, Reporter.SUPERVISOR, "The drive for recordings is back"),
    EventType("clock_stepped", Severity.WARNING, Reporter.CAMERA | Reporter.SUPERVISOR, "The clock was corrected"),
    EventType("process_restarted", Severity.WARNING, Reporter.SUPERVISOR, "{name} was restarted", ends_motion=True),
    EventType("process_failing", Severity.ALERT, Reporter.SUPERVISOR, "{name} keeps failing", ends_motion=True),
    EventType("system_started", Severity.INFO, Reporter.SUPERVISOR, "Vigilar started", ends_motion=True),
    EventType("system_stopped", Severity.INFO, Reporter.SUPERVISOR, "Vigilar stopped"),
)

EVENT_TYPES = {event_type.name: event_type for event_type in _TABLE}

_PROCESS_NAMES = {
    "web": "The web server",
    "events": "The event log",
    "broker": "The message broker",
    "system": "Vigilar",
}


def classify(kind: str, reporter: Reporter) -> EventType:
    """The row of ``kind``. Raises ValueError when there is none, or when ``reporter`` may not report it."""
    event_type = EVENT_TYPES.get(kind)
    if event_type is None:
        raise ValueError(f"unknown type of event {kind[:40]!r}")
    if reporter not in event_type.reporters:
        raise ValueError(f"{kind!r} is not for a {reporter.name} to report")
    return event_type


def title_of(event_type: EventType, name: str) -> str:
    """The sentence people read. ``name`` may hold anything; braces in it stay braces."""
    return event_type.title.format(name=name)


def process_title_name(process: str, camera_name: str | None) -> str:
    """What people call a process: ``camera/front-door`` with its camera's name, or one of the named ones."""
    if camera_name is not None:
        return f"The camera process of {camera_name}"
    return _PROCESS_NAMES.get(process, f"The process {process}")
