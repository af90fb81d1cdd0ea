"""The job behind a rotation: moves every recording to the newest key. Killed, it goes on where it was."""

from __future__ import annotations

from typing import Any

from vigilar.base.errors import RecordingError
from vigilar.playback.export.make import Progress
from vigilar.processes.job_worker import JobTools
from vigilar.store.jobs import JobRow
from vigilar.vge.keys import locked_house
from vigilar.vge.places import sealed_files
from vigilar.vge.rewrap import Moved, rewrap_files

STEP = "moving recordings"


def make(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:  # noqa: ARG001 -- as every kind of job
    """How many were moved, were there already, are being written. Raises RecordingError: the house is locked, or
    recordings that could not be moved, the first of them named."""
    ring = tools.ring()
    if ring.is_locked:
        raise locked_house()
    paths = list(sealed_files(tools.job.data_dir))

    def note(done: Moved) -> None:
        progress(STEP, done.looked_at / max(1, len(paths)))

    done = rewrap_files(paths, ring, note)
    if done.failed:
        path, error = done.failed[0]
        more = f", and {len(done.failed) - 1} more" if len(done.failed) > 1 else ""
        raise RecordingError(
            f"{done.moved} recordings were moved, and {path.name}{more} could not be: {error}",
            next_step="They stay as they are. On the box, vigilar check says what is wrong with them.",
        )
    return {"moved": done.moved, "already": done.already, "busy": done.busy}
