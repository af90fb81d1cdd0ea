"""What the bus said last about each camera and process. In memory only: health is not an event and is not stored."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

from vigilar.base.folder_look import FolderState
from vigilar.bus.messages import CameraHealth, SystemHealth

STALE_AFTER_MS = 15_000
"""Cameras report every 5 s: after three missing reports their state is unknown, never the last good one."""

FOLDER_HERE: dict[str, Any] = {"state": FolderState.HERE.value, "sentence": "", "next_step": ""}


class HealthBoard:
    """The newest report of each camera, and of the supervisor about its processes. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, tuple[CameraHealth, int]] = {}
        self._system: tuple[dict[str, Any], int] | None = None
        self._folder: tuple[dict[str, Any], int] = (FOLDER_HERE, 0)
        self._bus_connected = False

    def set_camera(self, health: CameraHealth, now_ms: int) -> None:
        with self._lock:
            self._cameras[health.camera_id] = (health, now_ms)

    def set_system(self, health: SystemHealth, now_ms: int) -> None:
        self.set_processes(health.processes, now_ms)

    def set_processes(self, processes: dict[str, Any], now_ms: int) -> None:
        """Facts of the processes by name; also called with what the supervisor says over its control line."""
        with self._lock:
            self._system = (processes, now_ms)

    def set_folder(self, folder: dict[str, Any], now_ms: int) -> None:
        """How the data folder is (``state``, ``sentence``, ``next_step``), as the supervisor says over its line."""
        with self._lock:
            self._folder = (folder, now_ms)

    def folder(self, now_ms: int) -> dict[str, Any]:
        """How the data folder is; in its place, when the supervisor has not been heard for STALE_AFTER_MS."""
        with self._lock:
            folder, heard_ms = self._folder
        return FOLDER_HERE if now_ms - heard_ms > STALE_AFTER_MS else folder

    def set_bus(self, is_connected: bool) -> None:
        with self._lock:
            self._bus_connected = is_connected

    @property
    def is_bus_connected(self) -> bool:
        with self._lock:
            return self._bus_connected

    def camera(self, camera_id: str, now_ms: int) -> dict[str, Any]:
        """Facts for a page. ``state`` is ``unknown`` when nothing was heard for STALE_AFTER_MS."""
        with self._lock:
            found = self._cameras.get(camera_id)
        if found is None:
            return {"camera_id": camera_id, "state": "unknown", "reason": "This camera has not reported yet."}
        health, heard_ms = found
        known = asdict(health)
        del known["id"]
        if now_ms - heard_ms > STALE_AFTER_MS:
            known.update(state="unknown", reason="This camera has stopped reporting.", is_recording=False)
            known |= self._known_by_process(camera_id, now_ms)
        return known

    def _known_by_process(self, camera_id: str, now_ms: int) -> dict[str, Any]:
        """While the drive hangs the bus does too, as its broker saves there: what the supervisor tells goes on."""
        if self.folder(now_ms)["state"] != FolderState.HANGING.value:
            return {}
        process = (self.processes(now_ms) or {}).get(f"camera/{camera_id}", {})
        status = process.get("status", {}) if process.get("state") == "running" else {}
        if "is_offline" not in status:
            return {}
        state = "no-picture" if status["is_offline"] else "live"
        return {"state": state, "reason": "", "is_recording": bool(status.get("is_recording"))}

    def processes(self, now_ms: int) -> dict[str, Any] | None:
        """Facts of each process by name; None when the supervisor has not been heard for STALE_AFTER_MS."""
        with self._lock:
            found = self._system
        if found is None or now_ms - found[1] > STALE_AFTER_MS:
            return None
        return found[0]

    def clear(self) -> None:
        with self._lock:
            self._cameras.clear()
            self._system = None
            self._folder = (FOLDER_HERE, 0)
            self._bus_connected = False


BOARD = HealthBoard()
"""One a process, like the hub: the bridge writes it, the pages read it."""
