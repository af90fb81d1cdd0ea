"""The state of the house in plain sentences: the worst part first, and never "all well" on missing data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from vigilar.config.jobs import CameraInfo
from vigilar.web.times import clock_text, for_text

DISK_LOW_FRAC = 0.05
DISK_LOW_BYTES = 2_000_000_000
"""Less free than this fraction, or these bytes, is worth a sentence: eight cameras fill 2 GB in about ten minutes."""

STATES = {
    "live": "Live",
    "connecting": "Connecting",
    "no-picture": "No picture",
    "failed": "Failed",
    "unknown": "Not known",
    "off": "Switched off",
}

_SHAPES = {"live": "ok", "connecting": "clock", "off": "pause", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class CameraLine:
    """One camera, ready to show. ``health`` is its newest health."""

    id: str
    name: str
    state: str
    word: str
    shape: str
    sentence: str
    is_recording: bool
    last_frame_ts: int | None
    health: dict[str, Any]

    @property
    def is_well(self) -> bool:
        return self.state in ("live", "off")


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One program of the house."""

    name: str
    words: str
    state: str
    shape: str
    is_well: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class DiskState:
    """Bytes of the disk that holds the recordings."""

    total_bytes: int
    free_bytes: int

    @property
    def full_bytes(self) -> int:
        """So much in use is nearly full."""
        return self.total_bytes - max(DISK_LOW_BYTES, int(self.total_bytes * DISK_LOW_FRAC))

    @property
    def is_low(self) -> bool:
        return self.total_bytes - self.free_bytes > self.full_bytes


def camera_line(camera: CameraInfo, health: dict[str, Any], now_ms: int, zone: tzinfo) -> CameraLine:
    state = str(health["state"]) if camera.enabled else "off"
    if state not in STATES:
        state = "unknown"
    last = health.get("last_frame_ts")
    return CameraLine(
        id=camera.id,
        name=camera.name,
        state=state,
        word=STATES[state],
        shape=_SHAPES.get(state, "bad"),
        sentence=_camera_sentence(state, health, now_ms, zone),
        is_recording=bool(health.get("is_recording")) and camera.enabled,
        last_frame_ts=last,
        health=health,
    )


def _camera_sentence(state: str, health: dict[str, Any], now_ms: int, zone: tzinfo) -> str:
    """``No picture for 00:42. Last frame 14:03:11. Next try in 8 s.``"""
    if state == "off":
        return "Set aside in the settings."
    if state == "live":
        return ""
    words = []
    last = health.get("last_frame_ts")
    if last is not None:
        words.append(f"No picture for {for_text(now_ms - last)}. Last frame {clock_text(last, zone)}.")
    if health.get("reason"):
        words.append(str(health["reason"]))
    next_try = health.get("next_try_ts")
    if next_try is not None and next_try > now_ms:
        words.append(f"Next try in {max(1, round((next_try - now_ms) / 1000))} s.")
    return " ".join(words)


def process_lines(processes: dict[str, Any] | None, cameras: Sequence[CameraInfo]) -> list[ProcessLine]:
    """The programs, in the supervisor's order; none when the supervisor has not been heard."""
    names = {f"camera/{camera.id}": camera.name for camera in cameras}
    lines = []
    for name, health in (processes or {}).items():
        known = health if isinstance(health, dict) else {}
        state = str(known.get("state", "unknown"))
        is_well = state in ("running", "starting")
        shape = "ok" if state == "running" else "clock" if state == "starting" else "bad"
        words = f"Camera {names[name]}" if name in names else _PROCESSES.get(name, name)
        restarts = known.get("restarts", 0)
        lines.append(
            ProcessLine(name, words, state.capitalize(), shape, is_well, restarts if isinstance(restarts, int) else 0)
        )
    return lines


_PROCESSES = {
    "supervisor": "Main program",
    "events": "Event log",
    "web": "Pages",
    "broker": "Message exchange",
}


def list_problems(
    cameras: Sequence[CameraLine],
    processes: Sequence[ProcessLine] | None,
    disk: DiskState | None,
    *,
    has_bus: bool,
    drive: str = "",
) -> list[str]:
    """One sentence a problem, worst first. ``processes`` None: the supervisor has not been heard.

    ``drive`` is what the supervisor says about the drive for recordings, empty while it is in its place.
    """
    problems = [drive] if drive else []
    if disk is None and not drive:
        problems.append("How full the disk is, is not known.")
    elif disk is not None and disk.is_low:
        problems.append("The disk is nearly full.")
    if not cameras:
        problems.append("No camera yet. Add the first one.")
    problems += [f"{one.name}: {_short(one)}" for one in cameras if not one.is_well]
    problems += [f"{one.words} is not running." for one in processes or () if not one.is_well]
    if not has_bus:
        problems.append("Live updates are interrupted; recording goes on.")
    elif processes is None:
        problems.append("Whether all programs run is not known.")
    return problems


def _short(line: CameraLine) -> str:
    return {
        "connecting": "connecting, no picture yet.",
        "unknown": "its state is not known.",
    }.get(line.state, "no picture.")


def house_sentence(cameras: Sequence[CameraLine], problems: Sequence[str]) -> str:
    """``All well. 4 cameras recording.`` or ``2 things to look at. First: Shed: no picture.``"""
    if problems:
        head = "One thing to look at" if len(problems) == 1 else f"{len(problems)} things to look at. First"
        return f"{head}: {problems[0]}"
    count = sum(one.is_recording for one in cameras)
    noun = "camera" if count == 1 else "cameras"
    return f"All well. {count} {noun} recording." if count else "All well. Nothing is being recorded right now."


def live_sentence(cameras: Sequence[CameraLine]) -> str:
    """``4 of 6 cameras live, Shed has no picture.``"""
    if not cameras:
        return "No camera yet."
    live = sum(one.state == "live" for one in cameras)
    down = [one.name for one in cameras if not one.is_well]
    noun = "camera" if len(cameras) == 1 else "cameras"
    head = f"{live} {noun} live" if live == len(cameras) else f"{live} of {len(cameras)} {noun} live"
    if not down:
        return f"{head}."
    names = down[0] if len(down) == 1 else f"{', '.join(down[:3])}{' and others' if len(down) > 3 else ''}"
    return f"{head}. No picture: {names}."
