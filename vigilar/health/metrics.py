"""What is known of the house as text for Prometheus (exposition format 0.0.4). Pure.

A writer of our own: the format is three kinds of lines, and the client library for it keeps a registry of counters in
each process, which here live elsewhere. What is not known is left out; a missing series is Prometheus' own word for it.
Ids of cameras are in it, names, addresses and reasons are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vigilar.health.house import HouseHealth
from vigilar.health.known import Known
from vigilar.health.part import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


@dataclass(slots=True)
class Family:
    """One metric: its name without the prefix ``vigilar_``, what it means, and its samples."""

    name: str
    kind: str
    help: str
    samples: list[Sample] = field(default_factory=list)

    def add(self, value: float | None, **labels: str) -> None:
        """None: not known, so there is no sample."""
        if value is not None:
            self.samples.append((labels, float(value)))


def write_metrics(known: Known, health: HouseHealth, coverage: Mapping[str, tuple[float | None, int]]) -> str:
    """The whole answer. ``coverage`` is of today by camera: the share that was recorded, and ms that are missing."""
    families = [*_house(known, health), *_cameras(known, coverage), *_processes(known)]
    return "".join(_dump(one) for one in families if one.samples)


def _house(known: Known, health: HouseHealth) -> Iterable[Family]:
    info = Family("info", "gauge", "The version that runs; always 1.")
    info.add(1, version=known.version)
    parts = Family("part_state", "gauge", "1 for the state that a part of the house is in, else 0.")
    for part in health.parts:
        for state in State:
            parts.add(part.state is state, part=part.id, state=state.value)
    problems = Family("problems", "gauge", "Problems that are to do, by state; those put off are not counted.")
    for state in (State.BAD, State.UNKNOWN, State.WARN):
        problems.add(sum(one.state is state for one in health.todos), state=state.value)
    disk = known.disk if known.disk is not None and known.disk.total_bytes else None
    size = Family("disk_size_bytes", "gauge", "Size of the disk of the recordings.")
    free = Family("disk_free_bytes", "gauge", "What is free of it.")
    if disk is not None:
        size.add(disk.total_bytes)
        free.add(disk.free_bytes)
    oldest = Family("oldest_recording_timestamp_seconds", "gauge", "When the oldest recording begins.")
    kept = Family("footage_kept_days", "gauge", "How many days recordings last at the present rate.")
    if known.footage is not None:
        oldest.add(_seconds(known.footage.oldest_ms))
        kept.add(known.footage.days)
    ends = Family("certificate_expiry_timestamp_seconds", "gauge", "When the certificate of the pages ends.")
    if known.certificate is not None:
        ends.add(_seconds(known.certificate.ends_ms or None))
    step = Family("clock_in_step", "gauge", "1 if the clock is kept in step with the time of the world.")
    if known.clock is not None:
        step.add(known.clock.is_in_step)
    return (info, parts, problems, size, free, oldest, kept, ends, step)


def _cameras(known: Known, coverage: Mapping[str, tuple[float | None, int]]) -> Iterable[Family]:
    up = Family("camera_up", "gauge", "1 if the camera sends pictures.")
    recording = Family("camera_recording", "gauge", "1 while it is recorded.")
    fps = Family("camera_frames_per_second", "gauge", "Pictures that come in a second.")
    rate = Family("camera_received_bytes_per_second", "gauge", "Bytes that come in a second.")
    last = Family("camera_last_frame_timestamp_seconds", "gauge", "When its last picture came.")
    share = Family("camera_coverage_today_ratio", "gauge", "The share of today that was recorded, of what should be.")
    missed = Family("camera_missed_today_seconds", "gauge", "What is missing of today.")
    counts = Family("camera_events_total", "counter", "What its process counted since it began, by kind.")
    for line in known.cameras:
        if line.state == "off":
            continue
        if line.state != "unknown":
            up.add(line.state == "live", camera=line.id)
            recording.add(line.is_recording, camera=line.id)
            fps.add(_number(line.health.get("fps")), camera=line.id)
            kbps = _number(line.health.get("kbps"))
            rate.add(None if kbps is None else kbps * 125, camera=line.id)
        last.add(_seconds(line.last_frame_ts), camera=line.id)
        counters = line.health.get("counters")
        for name, value in sorted(counters.items()) if isinstance(counters, dict) else ():
            counts.add(_number(value), camera=line.id, kind=str(name))
        if line.id in coverage:
            ratio, missed_ms = coverage[line.id]
            share.add(ratio, camera=line.id)
            missed.add(missed_ms / 1000, camera=line.id)
    return (up, recording, fps, rate, last, share, missed, counts)


def _processes(known: Known) -> Iterable[Family]:
    up = Family("process_up", "gauge", "1 if a process of the house runs.")
    restarts = Family("process_restarts_total", "counter", "How often it was started again.")
    memory = Family("process_resident_memory_bytes", "gauge", "What it has in memory.")
    for name, told in (known.processes or {}).items():
        if isinstance(told, dict):
            up.add(told.get("state") == "running", process=name)
            restarts.add(_number(told.get("restarts")), process=name)
            memory.add(_number(told.get("rss_bytes")) or None, process=name)
    return (up, restarts, memory)


def _dump(family: Family) -> str:
    name = f"vigilar_{family.name}"
    lines = [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
    for labels, value in family.samples:
        shown = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{shown}}} {_text(value)}" if shown else f"{name} {_text(value)}")
    return "\n".join(lines) + "\n"


def _text(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
