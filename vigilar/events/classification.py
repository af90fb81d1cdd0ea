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
UPKEEP = "upkeep"
NOTIFY = "notify"
COVERAGE = "coverage"
WILDLIFE = "wildlife"
"""Reporters. Each subject of ``subjects`` is one: what it may report says its name."""


class Severity(Enum):
    """How much a person should care. Ordered from least to most."""

    INFO = "INFO"
    WARNING = "WARNING"
    ALERT = "ALERT"
    CRITICAL = "CRITICAL"


class Strand(Enum):
    """With what an event may be one story (``grouping``): what somebody does, a camera that fails, disks, the programs;
    with the same of the same source; or with nothing."""

    VISIT = "visit"
    OUTAGE = "outage"
    DISK = "disk"
    SYSTEM = "system"
    REPEATS = "repeats"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table."""

    name: str
    severity: Severity
    reporters: tuple[str, ...]
    title: str
    ends_motion: bool = False
    strand: Strand = Strand.REPEATS


def title_of(event_type: EventType, name: str) -> str:
    """The sentence people read. ``name`` may hold anything; braces in it stay braces."""
    return event_type.title.format(name=name)
