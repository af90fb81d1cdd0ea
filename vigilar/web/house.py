"""Gathers what is known of the house right now, for the pages that show it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from vigilar.store import files as file_rows
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


@dataclass(frozen=True, slots=True)
class Storage:
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


def read_cameras(here: Parts) -> list[CameraLine]:
    now_ms = here.now_ms()
    return [camera_line(one, here.board.camera(one.id, now_ms), now_ms, here.zone) for one in here.cameras.all()]


def read_house(here: Parts) -> HouseState:
    now_ms = here.now_ms()
    cameras = read_cameras(here)
    found = here.board.processes(now_ms)
    processes = None if found is None else process_lines(found, here.cameras.all())
    disk = read_disk(here)
    drive = str(here.board.folder(now_ms)["sentence"])
    problems = list_problems(cameras, processes, disk, has_bus=here.board.is_bus_connected, drive=drive)
    return HouseState(
        now_ms=now_ms,
        sentence=house_sentence(cameras, problems),
        problems=problems,
        cameras=cameras,
        processes=processes,
        disk=disk,
        has_bus=here.board.is_bus_connected,
    )


def read_disk(here: Parts) -> DiskState | None:
    """The disk that holds the recordings; None when it does not answer."""
    try:
        usage = here.disk.ask(lambda: shutil.disk_usage(here.cfg.data_dir))
    except (OSError, DoesNotAnswerError):
        return None
    return DiskState(usage.total, usage.free)


def read_storage(here: Parts) -> list[Storage] | None:
    """Recordings by camera, cameras that were removed included: their footage is still there. None while the database
    does not answer."""
    names = {camera.id: camera.name for camera in here.cameras.all()}
    try:
        totals = here.rows.ask(lambda: file_rows.storage_totals(here.store))
    except DoesNotAnswerError:
        return None
    return [
        Storage(names.get(total.camera_id, f"{total.camera_id} (removed)"), total.size_bytes, total.first_ms)
        for total in totals
        if total.content == "video"
    ]
