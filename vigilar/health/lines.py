"""Cameras, programs and the disk as lines to show, and what is wrong with the disk in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from vigilar.base.house_time import clock_text, for_text
from vigilar.base.not_recording import DISK_STEPS, NotRecording, find_reason

DISK_LOW_FRAC = 0.05
DISK_LOW_BYTES = 2_000_000_000
"""Less free than this fraction, or these bytes, is worth a sentence: eight cameras fill 2 GB in about ten minutes."""

FULL_BYTES = 16 * 1024 * 1024
FULL_SHARE = 20
"""With less than 16 MiB, on a small disk a twentieth of it, recording stops (``record.free_space``)."""

STATES = {
    "live": "Live",
    "starting": "Starting",
    "connecting": "Connecting",
    "restarting": "Restarting",
    "no-picture": "No picture",
    "failed": "Failed",
    "unknown": "Not known",
    "off": "Switched off",
}

LIVE_ONLY = "Live, not recording"

_SHAPES = {
    "live": "ok",
    "starting": "clock",
    "connecting": "clock",
    "restarting": "clock",
    "off": "pause",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class CameraLine:
    """One camera, ready to show. ``health`` is its newest health; ``not_recording`` is why nothing is recorded that
    should be, in one sentence, or empty."""

    id: str
    name: str
    state: str
    word: str
    shape: str
    sentence: str
    is_recording: bool
    not_recording: NotRecording | None
    last_frame_ts: int | None
    health: dict[str, Any]

    @property
    def has_picture(self) -> bool:
        """Whether nothing has to be said in place of its picture."""
        return self.state in ("live", "off")

    @property
    def is_coming(self) -> bool:
        """On its way, and not for long: neither well nor a reason for an alarm."""
        return self.state in ("starting", "connecting")

    @property
    def is_well(self) -> bool:
        return self.has_picture and self.not_recording is None


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
    """The disk that holds the recordings. ``fault``: what its device reports when it is read, empty when it answers."""

    total_bytes: int
    free_bytes: int
    is_read_only: bool = False
    fault: str = ""

    @property
    def is_full(self) -> bool:
        """So little is left that recording has stopped."""
        return self.free_bytes < min(FULL_BYTES, self.total_bytes // FULL_SHARE)

    @property
    def full_bytes(self) -> int:
        """So much in use is nearly full."""
        return self.total_bytes - max(DISK_LOW_BYTES, int(self.total_bytes * DISK_LOW_FRAC))

    @property
    def is_low(self) -> bool:
        return self.total_bytes - self.free_bytes > self.full_bytes


class NamedCamera(Protocol):
    """What the settings say of a camera."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def enabled(self) -> bool: ...


def camera_line(camera: NamedCamera, health: dict[str, Any], now_ms: int, zone: tzinfo) -> CameraLine:
    state = str(health["state"]) if camera.enabled else "off"
    if state not in STATES:
        state = "unknown"
    last = health.get("last_frame_ts")
    reason = find_reason(health.get("not_recording")) if camera.enabled else None
    is_live_only = state == "live" and reason is not None
    return CameraLine(
        id=camera.id,
        name=camera.name,
        state=state,
        word=LIVE_ONLY if is_live_only else STATES[state],
        shape="alert" if is_live_only else _SHAPES.get(state, "bad"),
        sentence=reason.sentence if reason and is_live_only else _camera_sentence(state, health, now_ms, zone),
        is_recording=bool(health.get("is_recording")) and camera.enabled and reason is None,
        not_recording=reason,
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


def health_of_process(process: object) -> dict[str, Any]:
    """What a camera's process says of its camera in its heartbeats, as the supervisor hands them on. ``process`` is its
    entry there, anything else when it has none."""
    if not isinstance(process, dict):
        return {"state": "unknown", "reason": "This camera has not reported yet.", "is_recording": False}
    told = process.get("status")
    status: dict[str, Any] = told if isinstance(told, dict) else {}
    known = {"state": "no-picture" if status.get("is_offline") else "live", "reason": "", **status}
    if not status:
        known["state"] = "starting"
    take_process(known, process)
    return known


def take_process(known: dict[str, Any], process: dict[str, Any]) -> None:
    """Put right what a camera said of itself by what the supervisor says of its process."""
    state = process.get("state")
    if state == "running":
        status = process.get("status")
        is_unheard = known["state"] in ("unknown", "starting")
        if is_unheard and isinstance(status, dict):  # the bus is away, its heartbeats still come
            known.update(is_recording=bool(status.get("is_recording")), not_recording=status.get("not_recording", ""))
        return
    is_first = state == "starting" and not process.get("restarts")
    words = "" if is_first else "Its process ended and is started again."
    if process.get("is_failing"):
        words = f"Its process keeps failing: it {process.get('last_exit') or 'ended'}."
    known.update(
        state="starting" if is_first else "restarting",
        reason=words,
        code="",
        next_try_ts=process.get("next_try_ts"),
        fps=0.0,
        kbps=0.0,
        is_recording=False,
        not_recording="",
        is_moving=False,
    )


def process_lines(processes: dict[str, Any] | None) -> list[ProcessLine]:
    """The programs, in the supervisor's order and by its titles; none when the supervisor has not been heard."""
    lines = []
    for name, health in (processes or {}).items():
        known = health if isinstance(health, dict) else {}
        state = str(known.get("state", "unknown"))
        is_well = state in ("running", "starting")
        shape = "ok" if state == "running" else "clock" if state == "starting" else "bad"
        words = str(known.get("title") or name)
        restarts = known.get("restarts", 0)
        lines.append(
            ProcessLine(name, words, state.capitalize(), shape, is_well, restarts if isinstance(restarts, int) else 0)
        )
    return lines


def disk_problem(cameras: Sequence[CameraLine], disk: DiskState | None) -> tuple[str, str]:
    """What is wrong with the disk and what that costs, in one sentence, and what to do; empty when nothing is.

    The recorders know best, as they try to write; the disk itself speaks where none of them has said anything yet.
    """
    reasons = disk_reasons(cameras)
    if disk is not None and disk.fault:
        reason: NotRecording | None = NotRecording.DISK_FAILED
    elif disk is not None and disk.is_read_only:
        reason = NotRecording.DISK_READ_ONLY
    elif disk is not None and disk.is_full:
        reason = NotRecording.DISK_FULL
    else:
        reason = max(set(reasons), key=reasons.count) if reasons else None
    if reason is not None:
        return f"{_DISK_WORDS[reason]}: {_cost(cameras)}.", DISK_STEPS.get(reason, "")
    if disk is None:
        return "How full the disk is, is not known.", ""
    return ("The disk is nearly full.", "") if disk.is_low else ("", "")


def disk_reasons(cameras: Sequence[CameraLine]) -> list[NotRecording]:
    """Why cameras are not recorded, where that is the disk."""
    return [one.not_recording for one in cameras if one.not_recording and one.not_recording.is_of_disk]


_DISK_WORDS = {
    NotRecording.DISK_FULL: "The disk is full",
    NotRecording.DISK_READ_ONLY: "The disk is read-only",
    NotRecording.DISK_FAILED: "The disk does not answer or reports errors",
    NotRecording.DISK_SLOW: "The disk is too slow",
    NotRecording.DRIVE_AWAY: "The drive for recordings is not there",
}


def _cost(cameras: Sequence[CameraLine]) -> str:
    """``nothing is recorded``, or how many cameras are not."""
    wanted = [one for one in cameras if one.state != "off"]
    still = sum(one.is_recording for one in wanted)
    return f"{len(wanted) - still} of {len(wanted)} cameras are not recorded" if still else "nothing is recorded"


def is_of_disk(line: CameraLine) -> bool:
    """Whether all that is wrong with the camera is what the disk's own sentence says."""
    return line.has_picture and line.not_recording is not None and line.not_recording.is_of_disk
