"""Short clips as plain MP4s, made for who asks without a job: the same plan as an export's, in memory for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vigilar.playback.export.make import ExportFile, ExportPlan, export_files
from vigilar.playback.export.names import movie_name
from vigilar.playback.export.planning import Wanted, plan_movies
from vigilar.playback.stretch import Stretch
from vigilar.store import cameras as camera_rows
from vigilar.web.parts import Parts

MAX_MS = 30 * 60 * 1000
"""Above this, reading and proving all of it before the first byte takes longer than a person waits: an export."""


@dataclass(frozen=True, slots=True)
class SavedClip:
    """``is_cut_short``: the picture's format changed in the range, and one MP4 holds one; the clip ends there."""

    file: ExportFile
    is_cut_short: bool


def saved_clip(here: Parts, wanted: Wanted, stretches: Sequence[Stretch]) -> SavedClip | None:
    """The clip of what ``stretches`` hold of the range; None when no picture of it can be read. Raises
    RecordingError."""
    if not stretches:
        return None
    ends = tuple((one.row.id, one.first, one.end.number) for one in stretches)

    def make() -> ExportPlan:
        movies = plan_movies(here.footage, wanted, stretches, lambda _size: None)
        name = _camera_name(here, wanted.camera_id)
        return ExportPlan(tuple((movie_name(name, one.start_ms, here.zone, len(one.gaps)), one) for one in movies))

    rows = {one.row.id: one.row for one in stretches}
    files = export_files(here.footage, here.movies.get(("clip", wanted, ends), make), rows)
    return SavedClip(files[0], len(files) > 1) if files else None


def _camera_name(here: Parts, camera_id: str) -> str:
    camera = here.cameras.find(camera_id)
    if camera is not None:
        return camera.name
    row = camera_rows.get_camera(here.store, camera_id)
    return row.name if row is not None else camera_id
