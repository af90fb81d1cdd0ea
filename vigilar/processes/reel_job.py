"""The jobs of reels and time-lapses."""

from __future__ import annotations

from typing import Any

from vigilar.base.errors import RecordingError
from vigilar.playback.export.make import Progress
from vigilar.processes.job_worker import JobTools
from vigilar.store.jobs import JobRow


def make_reel(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:
    raise RecordingError("reels cannot be made yet")


def make_timelapse(row: JobRow, tools: JobTools, progress: Progress) -> dict[str, Any]:
    raise RecordingError("time-lapses cannot be made yet")
