"""The jobs of reels and time-lapses: what the settings say of cameras, and how the work is called."""

from __future__ import annotations

from typing import Any

from vigilar.base.zone import load_zone
from vigilar.playback.export.make import Progress
from vigilar.playback.reel.lapse import make_lapse
from vigilar.playback.reel.make import Studio, make_film
from vigilar.playback.reel.place import film_path
from vigilar.processes.job_worker import JobTools
from vigilar.processes.lazy import private_areas
from vigilar.store import cameras as camera_rows
from vigilar.store.jobs import JobRow
from vigilar.store.reels import ReelParams, TimelapseParams, note_size


def make_reel(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:
    """The result of the job: how long the film is, which moments are in it, and what is missing. Raises
    RecordingError."""
    return _noted(row, tools, make_film(_studio(row, tools, progress), ReelParams.of(row)))


def make_timelapse(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:
    """The same of a time-lapse. Raises RecordingError."""
    return _noted(row, tools, make_lapse(_studio(row, tools, progress), TimelapseParams.of(row)))


def _noted(row: JobRow, tools: JobTools, result: dict[str, Any]) -> dict[str, Any]:
    note_size(tools.store, row.id, result.get("bytes", 0))
    return result


def _studio(row: JobRow, tools: JobTools, progress: Progress) -> Studio:
    job = tools.job
    # One that was removed keeps the name of its row.
    names = {camera.id: camera.name for camera in camera_rows.list_cameras(tools.store, with_removed=True)}
    return Studio(
        library=tools.library,
        path=film_path(job.data_dir, row.id),
        job_id=row.id,
        ring=tools.ring,
        clock=tools.clock,
        zone=load_zone(job.time_zone),
        names={**names, **{camera.id: camera.name for camera in job.cameras}},
        private={camera_id: private_areas(zones) for camera_id, zones in job.areas},
        progress=progress,
    )
