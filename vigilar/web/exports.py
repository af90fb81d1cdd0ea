"""What pages and API do with exports and other jobs: ask for them, find them, say how they are."""

from __future__ import annotations

from typing import Any

from vigilar.playback.export.make import ExportFile, export_files
from vigilar.playback.export.plan_file import load_plan
from vigilar.playback.export.plan_place import plan_path, remove_plan
from vigilar.store import cameras as camera_rows
from vigilar.store import jobs as job_rows
from vigilar.store import shares as share_rows
from vigilar.store.exports import EXPORT, MAX_RANGE_MS, ExportParams, ends_ms
from vigilar.store.jobs import JobRow
from vigilar.store.shares import ShareRow
from vigilar.vge.keys import KeyRing
from vigilar.web.auth import asker
from vigilar.web.hub import job_notice
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.supply import is_on_battery
from vigilar.web.times import TimeRange
from vigilar.web.visible import VisibleCameras, visible_cameras

STATE_WORDS = {
    "waiting": "Waiting",
    "running": "Running",
    "done": "Ready",
    "failed": "Failed",
    "cancelled": "Stopped",
}

WAITS_FOR_MAINS = "Waits for mains"

HOUSE_JOBS = {"rewrap": "Moving the recordings to the newest key"}
"""What a job of no camera is called, by its kind."""


def ask_export(camera_id: str, wanted: TimeRange, *, proof: bool, event_id: int | None = None) -> JobRow:
    """The job of a new export, or of the same one that is being made. Raises Problem: 404 for a camera that is not
    seen and for a time without recordings, 422 for a range that cannot be."""
    here = parts()
    visible_cameras(asker()).check_had(camera_id)
    now_ms = here.now_ms()
    to_ms = min(wanted.to_ms, now_ms)
    if wanted.from_ms >= to_ms:
        raise Problem(422, "time.range", "That time has not come yet.", field="from")
    if to_ms - wanted.from_ms > MAX_RANGE_MS:
        raise Problem(422, "time.range", "An export is at most one day long.", field="to")
    if not any(row.state != "missing" for row in here.footage.rows(camera_id, wanted.from_ms, to_ms)):
        raise Problem(404, "recording.none", "Nothing was recorded in this time.", field="from")
    params = ExportParams(camera_id=camera_id, from_ms=wanted.from_ms, to_ms=to_ms, proof=proof, event_id=event_id)
    return add_export(params)


def add_export(params: ExportParams) -> JobRow:
    here = parts()
    row = job_rows.add_job(
        here.store,
        node_id=here.cfg.node_id,
        kind=EXPORT,
        params=params.dump(),
        made_by=asker().id,
        now_ms=here.now_ms(),
    )
    tell_pages(here, row)
    return row


def tell_pages(here: Parts, row: JobRow) -> None:
    """What this process changed of a job: its worker tells the rest."""
    sources = row.camera_ids
    here.hub.broadcast(job_notice(row.id, row.kind, row.state, row.step, row.percent, row.seconds_left, sources))


def list_visible(visible: VisibleCameras, *kinds: str) -> list[JobRow]:
    """The jobs that the asker may know of, newest first."""
    here = parts()
    return [row for row in job_rows.list_jobs(here.store, here.cfg.node_id, kinds=kinds) if visible.has_job(row)]


def get_job(job_id: int, kind: str = "", *kinds: str) -> JobRow:
    """A job of one of the kinds, or of any. Raises Problem 404, also for one that the asker may not know of."""
    row = job_rows.get_job(parts().store, job_id) if job_id < 2**63 else None
    if row is None or (kind and row.kind not in (kind, *kinds)) or not visible_cameras(asker()).has_job(row):
        raise Problem(404, f"{kind or 'job'}.unknown", f"There is no such {kind or 'job'}.")
    return row


def cancel(row: JobRow) -> JobRow:
    here = parts()
    row = job_rows.cancel_job(here.store, row.id, here.now_ms())
    tell_pages(here, row)
    return row


def delete_export(row: JobRow) -> None:
    """Forget an export with its links; one that is being made is to be stopped first. Raises Problem 409."""
    here = parts()
    if not job_rows.delete_job(here.store, row.id):
        raise Problem(409, "export.running", "Stop it first.")
    remove_plan(here.cfg.data_dir, row.id)
    here.movies.forget(("export", row.id))


def files_of(row: JobRow) -> list[ExportFile]:
    """What can be downloaded of an export that is done. Raises Problem 409 when it is not; RecordingError of code
    ``export.gone`` when its plan is not there any more."""
    here = parts()
    if row.state != "done":
        raise Problem(409, "export.not_ready", "This export is not ready.")

    def load() -> Any:
        return load_plan(here.cfg.data_dir, row.id, KeyRing.load(here.cfg.secrets_dir))

    return export_files(here.footage, here.movies.get(("export", row.id), load))


def get_file(row: JobRow, number: int) -> ExportFile:
    """Raises Problem 404; else as ``files_of``."""
    files = files_of(row)
    if not 0 <= number < len(files):
        raise Problem(404, "export.no_file", "This export has no such file.")
    return files[number]


def is_whole(row: JobRow) -> bool:
    """Whether the plan of an export that is done is still there."""
    return row.state == "done" and plan_path(parts().cfg.data_dir, row.id).exists()


def waits_for_mains(row: JobRow) -> bool:
    """Whether a job stands still because the house runs on its battery; it goes on by itself."""
    return not row.is_over and is_on_battery(parts())


def word_of(row: JobRow) -> str:
    """The state of a job as people read it."""
    return WAITS_FOR_MAINS if waits_for_mains(row) else STATE_WORDS[row.state]


def job_json(row: JobRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "title": title_of(row),
        "state": row.state,
        "step": row.step,
        "percent": row.percent,
        "seconds_left": row.seconds_left,
        "created_ts": row.created_ms,
        "updated_ts": row.updated_ms,
        "waits_for_mains": waits_for_mains(row),
        "is_stopping": row.is_cancel_asked and not row.is_over,
        "error": row.error,
    }


def export_json(row: JobRow) -> dict[str, Any]:
    params, result = ExportParams.of(row), row.result or {}
    files = [
        {"name": one["name"], "bytes": one["bytes"], "url": f"/exports/{row.id}/files/{number}"}
        for number, one in enumerate(result.get("files", ()))
    ]
    return {
        **job_json(row),
        "job": str(row.id),
        "camera": params.camera_id,
        "from": params.from_ms,
        "to": params.to_ms,
        "proof": params.proof,
        "expires_ts": ends_ms(row),
        "files": files,
        "length_ms": result.get("length_ms"),
        "pictures": result.get("pictures"),
        "gaps": [{"from": gap["from_ms"], "to": gap["to_ms"], "words": gap["words"]} for gap in result.get("gaps", ())],
        "proof_code": result.get("proof_code"),
    }


def share_json(row: ShareRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": row.token_hash.hex(),
        "created_ts": row.created_ms,
        "expires_ts": row.expires_ms,
        "is_open": row.is_open(now_ms),
        "uses": [
            {"ts": use.ts_ms, "address": use.address, "user_agent": use.user_agent}
            for use in share_rows.list_uses(parts().store, row.token_hash)
        ],
    }


def title_of(row: JobRow) -> str:
    """``Front door``: what the job is about, as people call it."""
    names = [camera_name(one) for one in row.camera_ids]
    if not names:
        return HOUSE_JOBS.get(row.kind, "The house")
    return names[0] if len(names) == 1 else f"{len(names)} cameras"


def camera_name(camera_id: str) -> str:
    """As the house calls it; one that was removed keeps the name of its row."""
    here = parts()
    camera = here.cameras.find(camera_id)
    if camera is not None:
        return camera.name
    known = camera_rows.get_camera(here.store, camera_id)
    return known.name if known is not None else camera_id
