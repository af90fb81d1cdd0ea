"""The job of an export: reads and proves the recordings once, and keeps the plan of the files, sealed."""

from __future__ import annotations

from typing import Any

from vigilar import __version__
from vigilar.config.jobs import WorkJob
from vigilar.playback.export.check import proof_code
from vigilar.playback.export.house_word import find_signed
from vigilar.playback.export.make import ExportWish, Progress, export_files, make_export
from vigilar.playback.export.plan_file import save_plan
from vigilar.processes.job_worker import JobTools
from vigilar.store import cameras as camera_rows
from vigilar.store import users as user_rows
from vigilar.store.engine import Store
from vigilar.store.exports import ExportParams
from vigilar.store.jobs import JobRow
from vigilar.vge.signing import BoxKey


def make(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:
    """The result of the job: names and sizes of its files, and what is in them. Raises RecordingError."""
    params, job = ExportParams.of(row), tools.job
    user = user_rows.get_user(tools.store, row.made_by) if row.made_by is not None else None
    wish = ExportWish(
        camera_id=params.camera_id,
        camera_name=_camera_name(job, tools.store, params.camera_id),
        from_ms=params.from_ms,
        to_ms=params.to_ms,
        proof=params.proof,
        house=job.house_name,
        zone_name=job.time_zone,
        made_by=user.name if user else "the house",
        software=f"Vigilar {__version__}",
    )
    key = BoxKey.load_or_create(job.secrets_dir) if params.proof else None
    checkpoint = find_signed(tools.store, job.node_id, key, wish.camera_id, wish.to_ms) if key else None
    plan = make_export(tools.library, wish, progress, tools.clock.utc_ns() // 1_000_000, checkpoint, key)
    save_plan(job.data_dir, row.id, plan, tools.ring(), tools.clock)
    movies = [movie for _, movie in plan.movies]
    return {
        "files": [{"name": one.name, "bytes": one.size_bytes} for one in export_files(tools.library, plan)],
        "start_ms": movies[0].start_ms,
        "end_ms": movies[-1].end_ms,
        "length_ms": sum(one.length_ms for one in movies),
        "pictures": sum(one.pictures for one in movies),
        "gaps": [
            {"from_ms": gap.from_ms, "to_ms": gap.to_ms, "words": gap.words} for one in movies for gap in one.gaps
        ],
        "proof_code": proof_code(plan.bundle.manifest_sha256) if plan.bundle else None,
    }


def _camera_name(job: WorkJob, store: Store, camera_id: str) -> str:
    """As the house calls it; one that was removed keeps the name of its row."""
    for camera in job.cameras:
        if camera.id == camera_id:
            return camera.name
    row = camera_rows.get_camera(store, camera_id)
    return row.name if row is not None else camera_id
