"""What the bus said last about each camera and process. In memory only: health is not an event and is not stored."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from vigilar.base.folder_look import FolderState
from vigilar.base.not_recording import find_reason
from vigilar.bus.messages import CameraHealth
from vigilar.health.lines import take_process

STALE_AFTER_MS = 15_000
"""Cameras report every 5 s: after three missing reports their state is unknown, never the last good one."""

FOLDER_HERE: dict[str, Any] = {"state": FolderState.HERE.value, "sentence": "", "next_step": ""}

STARTING_MS = 20_000
"""A camera of which nothing was heard yet is starting for so long after somebody first asked; then it is not known."""

CAMERA_PROCESS = "camera/"


class HealthBoard:
    """The newest report of each camera, and of the supervisor about its processes. Any thread.

    What a camera said of itself holds only while the process that said it lives: the supervisor knows of its end at
    once, the camera's silence shows only after STALE_AFTER_MS.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, tuple[CameraHealth, int]] = {}
        self._system: tuple[dict[str, Any], int] | None = None
        self._folder: tuple[dict[str, Any], int] = (FOLDER_HERE, 0)
        self._bus_connected = False
        self._first_asked_ms: dict[str, int] = {}
        self._settings: tuple[str, tuple[str, ...]] = ("", ())

    def set_camera(self, health: CameraHealth, now_ms: int) -> None:
        with self._lock:
            self._cameras[health.camera_id] = (health, now_ms)

    def set_processes(self, processes: dict[str, Any], now_ms: int) -> list[str]:
        """What the supervisor says of the processes, by name, over its control line or the bus. Gives the ids of the
        cameras whose process came, ended or was replaced by it. ``now_ms`` is when the supervisor said so: what comes
        the slower way is older than what is known, and ignored."""
        with self._lock:
            before, known_ms = self._system or ({}, 0)
            if 0 < known_ms - now_ms <= STALE_AFTER_MS:
                return []
            self._system = (processes, now_ms)
            changed = [
                name.removeprefix(CAMERA_PROCESS)
                for name in {**before, **processes}
                if name.startswith(CAMERA_PROCESS) and _life(before.get(name)) != _life(processes.get(name))
            ]
            for camera_id in changed:
                name = CAMERA_PROCESS + camera_id
                if name in before and _pid(before.get(name)) != _pid(processes.get(name)):
                    self._outlive(camera_id)
            return changed

    def _outlive(self, camera_id: str) -> None:
        """The process that reported of this camera is gone, and with it all it said but the time of its last frame."""
        found = self._cameras.get(camera_id)
        if found is not None:
            health = replace(
                found[0], state="connecting", reason="", code="", fps=0.0, kbps=0.0, is_recording=False,
                not_recording="", is_moving=False, next_try_ts=None,
            )  # fmt: skip
            self._cameras[camera_id] = (health, found[1])

    def set_folder(self, folder: dict[str, Any], now_ms: int) -> None:
        """How the data folder is (``state``, ``sentence``, ``next_step``), as the supervisor says over its line."""
        with self._lock:
            self._folder = (folder, now_ms)

    def folder(self, now_ms: int) -> dict[str, Any]:
        """How the data folder is; in its place, when the supervisor has not been heard for STALE_AFTER_MS."""
        with self._lock:
            folder, heard_ms = self._folder
        return FOLDER_HERE if now_ms - heard_ms > STALE_AFTER_MS else folder

    def set_settings(self, error: str, problems: Sequence[str]) -> None:
        """What the supervisor says of the settings file: why it is not in use, and which cameras cannot run by it."""
        with self._lock:
            self._settings = (error, tuple(problems))

    def settings(self) -> tuple[str, tuple[str, ...]]:
        with self._lock:
            return self._settings

    def set_bus(self, is_connected: bool) -> None:
        with self._lock:
            self._bus_connected = is_connected

    @property
    def is_bus_connected(self) -> bool:
        with self._lock:
            return self._bus_connected

    def camera(self, camera_id: str, now_ms: int) -> dict[str, Any]:
        """What a page may know of a camera. ``state`` is ``unknown`` when nothing was heard for STALE_AFTER_MS,
        ``starting`` before that of a new one, and ``restarting`` while its process does not run.
        ``not_recording_text``: the words of ``not_recording``."""
        known = self._reported(camera_id, now_ms)
        process = (self.processes(now_ms) or {}).get(CAMERA_PROCESS + camera_id)
        if isinstance(process, dict):
            take_process(known, process)
        reason = find_reason(known.get("not_recording"))
        known["not_recording_text"] = reason.sentence if reason else ""
        return known

    def _reported(self, camera_id: str, now_ms: int) -> dict[str, Any]:
        """What the camera said of itself."""
        with self._lock:
            found = self._cameras.get(camera_id)
            asked_ms = self._first_asked_ms.setdefault(camera_id, now_ms)
        if found is None:
            is_new = now_ms - asked_ms < STARTING_MS
            reason = "" if is_new else "This camera has not reported yet."
            state = "starting" if is_new else "unknown"
            return {"camera_id": camera_id, "state": state, "reason": reason, "is_recording": False}
        health, heard_ms = found
        known = asdict(health)
        del known["id"]
        if now_ms - heard_ms > STALE_AFTER_MS:
            known.update(
                state="unknown", reason="This camera has stopped reporting.", is_recording=False, not_recording=""
            )
            known |= self._known_by_process(camera_id, now_ms)
        return known

    def _known_by_process(self, camera_id: str, now_ms: int) -> dict[str, Any]:
        """While the drive hangs the bus does too, as its broker saves there: what the supervisor tells goes on."""
        if self.folder(now_ms)["state"] != FolderState.HANGING.value:
            return {}
        process = (self.processes(now_ms) or {}).get(CAMERA_PROCESS + camera_id, {})
        status = process.get("status", {}) if process.get("state") == "running" else {}
        if "is_offline" not in status:
            return {}
        state = "no-picture" if status["is_offline"] else "live"
        return {
            "state": state,
            "reason": "",
            "is_recording": bool(status.get("is_recording")),
            "not_recording": status.get("not_recording", ""),
        }

    def processes(self, now_ms: int) -> dict[str, Any] | None:
        """State of each process by name; None when the supervisor has not been heard for STALE_AFTER_MS."""
        with self._lock:
            found = self._system
        if found is None or now_ms - found[1] > STALE_AFTER_MS:
            return None
        return found[0]

    def clear(self) -> None:
        with self._lock:
            self._cameras.clear()
            self._first_asked_ms.clear()
            self._system = None
            self._folder = (FOLDER_HERE, 0)
            self._bus_connected = False
            self._settings = ("", ())


def _life(process: Any) -> tuple[Any, Any]:
    """What changes when a process ends, is started again, or begins to run."""
    return (process.get("state"), process.get("pid")) if isinstance(process, dict) else (None, None)


def _pid(process: Any) -> Any:
    return process.get("pid") if isinstance(process, dict) else None


BOARD = HealthBoard()
"""One a process, like the hub: the bridge writes it, the pages read it."""
