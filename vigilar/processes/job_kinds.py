"""The one table of kinds of jobs. Whoever adds a kind adds a row here and the functions that it names.

Functions are named as text, because the process that waits for jobs must stay small: they are loaded when needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """``make`` is called as ``make(row, tools, progress)`` (``job_worker``) and gives the job's result, JSON-able.

    ``source`` is the key of its params that holds the id of the camera it is about: who may not see that camera is told
    nothing of the job. Without one the job is the house's, for those who see all of it. ``folder`` in the data folder
    is where it keeps what it made; while that is there, ``tidy`` is called as ``tidy(job, store, now_ms)`` at each
    start and each hour to take away what is over; it loads little, or the process would be as large as at work.
    """

    make: str
    source: str = ""
    folder: str = ""
    tidy: str = ""


KINDS: Mapping[str, JobKind] = {
    "export": JobKind(
        make="vigilar.processes.export_job:make",
        source="camera_id",
        folder="exports",
        tidy="vigilar.processes.export_tidy:tidy",
    ),
    "rewrap": JobKind(make="vigilar.processes.rewrap_job:make"),
}
"""By the ``kind`` of a row of ``jobs``."""
