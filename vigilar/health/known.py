"""All that is known of the house at one moment, gathered by who shows it. None means: not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from vigilar.base.clock_sync import ClockState
from vigilar.health.lines import CameraLine, DiskState, ProcessLine


@dataclass(frozen=True, slots=True)
class Footage:
    """How long recordings last. ``oldest_ms``: UTC ms of the oldest; ``days`` how long they are kept at this rate, None
    when nothing can be said; ``sentence`` the forecast in words."""

    oldest_ms: int | None
    days: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the door shows. ``state`` is ok, warn or bad; ``ends_ms`` UTC ms, 0 where there is none."""

    state: str
    sentence: str
    ends_ms: int = 0


@dataclass(frozen=True, slots=True)
class SensorTrouble:
    """A sensor that needs a hand: ``words`` completes its name ("is silent")."""

    id: str
    name: str
    words: str
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Sensors:
    """``count`` of all sensors, and those in trouble."""

    count: int
    troubles: Sequence[SensorTrouble] = ()


@dataclass(frozen=True, slots=True)
class DayGap:
    """The longest gap of today: whose it is, its length and its cause in words."""

    camera: str
    length_ms: int
    words: str


@dataclass(frozen=True, slots=True)
class JobsDone:
    """Long work: how many pieces run or wait, and sentences about those that failed within a day."""

    running: Sequence[str] = ()
    waiting: int = 0
    failed: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """``processes`` is what the supervisor says of each, by name, None when it has not been heard; ``drive`` its
    sentence about the drive for recordings, empty while that is in its place. ``told`` are sentences of processes that
    a person must know. ``clock_watched_ms``: for how long the clock has been seen out of step. ``key_notes``: what the
    owner should know of the keys. ``damaged``: recordings that are missing, changed or damaged; ``history``: why the
    database is not what the box has signed. ``low_coverage``: ms
    missing of cameras that record with holes. ``snoozed``: until when, UTC ms, by id of the problem."""

    now_ms: int
    version: str
    cameras: Sequence[CameraLine] = ()
    processes: Mapping[str, Any] | None = None
    lines: Sequence[ProcessLine] | None = None
    has_bus: bool = False
    disk: DiskState | None = None
    drive: str = ""
    drive_step: str = ""
    told: Sequence[str] = ()
    locked: str = ""
    key_notes: Sequence[str] = ()
    config_error: str = ""
    plan_problems: Sequence[str] = ()
    wants_objects: bool = True
    certificate: Certificate | None = None
    clock: ClockState | None = None
    clock_watched_ms: int = 0
    footage: Footage | None = None
    sensors: Sensors | None = None
    damaged: int = 0
    history: str = ""
    worst_gap: DayGap | None = None
    low_coverage: Mapping[str, int] = field(default_factory=dict)
    jobs: JobsDone | None = None
    snoozed: Mapping[str, int] = field(default_factory=dict)
    zone: tzinfo = UTC
