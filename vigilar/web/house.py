"""Gathers what is known of the house right now, for the pages that show it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.base.disk import DEVICE_ERRORS, device_fault, is_read_only
from vigilar.base.errors import StoreError
from vigilar.base.tally import Tally
from vigilar.store import files as file_rows
from vigilar.vge.places import lock_problem
from vigilar.web.detector_words import DetectorLine, detector_line
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.status_words import (
    CameraLine,
    DiskState,
    ProcessLine,
    camera_line,
    house_sentence,
    list_problems,
    process_lines,
)
from vigilar.web.visible import VisibleCameras

logger = logging.getLogger(__name__)

DATABASE_NAME = "vigilar.db"
"""The file by which the device of the data folder is asked whether it answers."""

_unread = Tally(logger, "what the recordings take could not be read", every_s=60.0)


@dataclass(frozen=True, slots=True)
class CameraStorage:
    """What one camera's recordings take. ``first_ms``: the oldest, UTC ms."""

    name: str
    size_bytes: int
    first_ms: int


@dataclass(frozen=True, slots=True)
class HouseState:
    """All of ``/system``. ``processes`` is None when the supervisor has not been heard."""

    now_ms: int
    sentence: str
    problems: list[str]
    cameras: list[CameraLine]
    processes: list[ProcessLine] | None
    disk: DiskState | None
    has_bus: bool
    detector: DetectorLine

    @property
    def mark(self) -> tuple[str, str, str]:
        """What the header of each page says: state, symbol and words."""
        if self.problems:
            return "bad", "alert", f"{len(self.problems)} to look at"
        if any(one.is_coming for one in self.cameras):
            return "starting", "clock", "Starting"
        return "ok", "ok", "All well"


def read_cameras(here: Parts, visible: VisibleCameras) -> list[CameraLine]:
    now_ms = here.now_ms()
    return [camera_line(one, here.board.camera(one.id, now_ms), now_ms, here.zone) for one in visible.all()]


def read_house(here: Parts, visible: VisibleCameras) -> HouseState:
    """As one member sees it: cameras that are hidden from this member are left out of all of it."""
    now_ms = here.now_ms()
    cameras = read_cameras(here, visible)
    found = here.board.processes(now_ms)
    processes = None if found is None else process_lines(_visible_processes(found, visible))
    disk = read_disk(here, cameras)
    drive = str(here.board.folder(now_ms)["sentence"])
    problems = list_problems(cameras, processes, disk, has_bus=here.board.is_bus_connected, drive=drive)
    problems += _told_problems(found)
    if locked := lock_problem(here.cfg.secrets_dir):
        problems.append(locked)
    return HouseState(
        now_ms=now_ms,
        sentence=house_sentence(cameras, problems),
        problems=problems,
        cameras=cameras,
        processes=processes,
        disk=disk,
        has_bus=here.board.is_bus_connected,
        detector=detector_line(found, is_wanted=here.cfg.wants_objects),
    )


def _told_problems(processes: dict[str, Any] | None) -> list[str]:
    """What processes say that a person must know."""
    statuses = [(processes or {}).get(name, {}).get("status") or {} for name in ("upkeep", "events")]
    return [str(status[what]) for status in statuses for what in ("database", "problem") if status.get(what)]


def read_disk(here: Parts, cameras: Sequence[CameraLine] = ()) -> DiskState | None:
    """The disk that holds the recordings; None when it does not answer in a moment. Its device is asked for a fault
    only when a camera is not well: that is a real read, which a page need not wait for every time."""
    folder, asks_device = here.cfg.data_dir, not all(one.is_well for one in cameras)
    try:
        return here.disk.ask(lambda: _look_at_disk(folder, asks_device=asks_device))
    except DoesNotAnswerError:
        return None


def _look_at_disk(folder: Path, *, asks_device: bool) -> DiskState | None:
    try:
        usage = shutil.disk_usage(folder)
        read_only = is_read_only(folder)
    except OSError as error:
        return DiskState(0, 0, fault=error.strerror or "") if error.errno in DEVICE_ERRORS else None
    fault = device_fault(folder / DATABASE_NAME) if asks_device else ""
    return DiskState(usage.total, usage.free, read_only, fault)


def _visible_processes(processes: dict[str, Any], visible: VisibleCameras) -> dict[str, Any]:
    """Without the processes of cameras that are hidden."""
    return {name: known for name, known in processes.items() if not _is_hidden(name, visible)}


def _is_hidden(process: str, visible: VisibleCameras) -> bool:
    kind, _, camera_id = process.partition("/")
    return kind == "camera" and camera_id not in visible


def find_storage(here: Parts, visible: VisibleCameras) -> list[CameraStorage] | None:
    """Recordings by camera, cameras that were removed included: their footage is still there. None when the database
    does not answer: the rest of the page needs no rows."""
    names = {camera.id: camera.name for camera in here.cameras.all()}
    try:
        totals = here.rows.ask(lambda: file_rows.storage_totals(here.store))
    except (StoreError, DoesNotAnswerError) as error:
        _unread.add(error)
        return None
    return [
        CameraStorage(names.get(total.camera_id, f"{total.camera_id} (removed)"), total.size_bytes, total.first_ms)
        for total in totals
        if total.content == "video" and total.camera_id in visible
    ]
