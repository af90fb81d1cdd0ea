"""The one table of kinds of jobs. Whoever adds a kind adds a row here and the functions that it names.

Functions are named as text, because the process that waits for jobs must stay small: they are loaded when needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """``make`` is called as ``make(row, tools, progress)`` (``job_worker``) and gives the job's result, JSON-able.

    ``camera_id`` or ``cameras`` of its params name what it is about (``store.jobs.JobRow.camera_ids``). ``folder`` in
    the data folder is where it keeps what it made; while that is there, ``tidy`` is called as
    ``tidy(job, store, now_ms)`` at each start and each hour to take away what is over; it loads little, or the process
    would be as large as at work.
    """

    make: str
    folder: str = ""
    tidy: str = ""


KINDS: Mapping[str, JobKind] = {
    "export": JobKind(
        make="vigilar.processes.export_job:make",
        folder="exports",
        tidy="vigilar.processes.export_tidy:tidy",
    ),
    "reel": JobKind(
        make="vigilar.processes.reel_job:make_reel",
        folder="reels",
        tidy="vigilar.processes.reel_tidy:tidy",
    ),
    "timelapse": JobKind(make="vigilar.processes.reel_job:make_timelapse"),
    "rewrap": JobKind(make="vigilar.processes.rewrap_job:make"),
}
"""By the ``kind`` of a row of ``jobs``."""
