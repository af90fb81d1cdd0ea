"""What an event type is: severity, who may report it, and the sentence people read.

The rows of the table stand with their subjects (``subjects``). A type that is in none of them does not become an
event. Heartbeats and health are no events. ``docs/architecture/subsystems/events.md`` shows the whole table; a test
keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CAMERA = "camera"
SUPERVISOR = "supervisor"
"""Reporters. Each subject of ``subjects`` is one: what it may report says its name."""


class Severity(Enum):
    """How much a person should care. Ordered from least to most."""

    INFO = "INFO"
    WARNING = "WARNING"
    ALERT = "ALERT"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table.

    ``title`` is the sentence of the card; ``{name}`` is the name of the camera or other thing, or what the process is
    called. ``ends_motion``: after it nobody will report the end of a motion of that source that is still open.
    """

    name: str
    severity: Severity
    reporters: tuple[str, ...]
    title: str
    ends_motion: bool = False


_PROCESS_NAMES = {
    "web": "The web server",
    "events": "The event log",
    "broker": "The message broker",
    "system": "Vigilar",
}


def title_of(event_type: EventType, name: str) -> str:
    """The sentence people read. ``name`` may hold anything; braces in it stay braces."""
    return event_type.title.format(name=name)


def process_title_name(process: str, camera_name: str | None) -> str:
    """What people call a process: ``camera/front-door`` with its camera's name, or one of the named ones."""
    if camera_name is not None:
        return f"The camera process of {camera_name}"
    return _PROCESS_NAMES.get(process, f"The process {process}")
