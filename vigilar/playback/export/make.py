"""Making an export: from a wish to the plan of its files. What a job runs, the command line and a saved clip too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.base.zone import load_zone
from vigilar.playback.export.bundle import BundleFacts, BundleFile, BundlePlan, SignedCheckpoint, Signer, make_bundle
from vigilar.playback.export.names import bundle_name, movie_name
from vigilar.playback.export.planned import ClosedGap, MovieFile, PlannedMovie
from vigilar.playback.export.planning import UNSHOWN_WORDS, UNTOLD_WORDS, Wanted, plan_movies
from vigilar.playback.gaps import GAP_MS
from vigilar.playback.library import Library
from vigilar.playback.timeline import LIVE_EDGE_MS, Timeline, read_timeline
from vigilar.store.files import FileRow

READING, PROVING = "Reading the recordings", "Proving the recordings"

Progress = Callable[[str, float], None]
"""Told the step and which part of the whole work is done, 0 to 1; may raise to end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWish:
    """What to make. Times are UTC ms; ``zone_name`` is the house's, ``made_by`` the name of who asks."""

    camera_id: str
    camera_name: str
    from_ms: int
    to_ms: int
    proof: bool
    house: str
    zone_name: str
    made_by: str
    software: str


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """The movies with their file names, and the bundle of them when proof was asked for."""

    movies: tuple[tuple[str, PlannedMovie], ...]
    bundle: BundlePlan | None = None

    @property
    def memory_bytes(self) -> int:
        bundle = sum(len(one) for one in self.bundle.contents if isinstance(one, bytes)) if self.bundle else 0
        return bundle + sum(movie.memory_bytes for _, movie in self.movies)


class Readable(Protocol):
    """A file that exists only while it is sent."""

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), in pieces. Raises RecordingError."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file to download."""

    name: str
    mimetype: str
    size_bytes: int
    etag: str
    content: Readable

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return self.content.read(start, stop)


def nothing_recorded() -> RecordingError:
    return RecordingError("Nothing was recorded in this time.", code="recording.none", exit_code=ExitCode.NOT_FOUND)


def make_export(
    library: Library,
    wish: ExportWish,
    progress: Progress,
    now_ms: int,
    checkpoint: SignedCheckpoint | None = None,
    signer: Signer | None = None,
) -> ExportPlan:
    """Read and prove the recordings, and plan the files; ``checkpoint`` and ``signer`` are for the proof.

    Raises RecordingError, with exit code NOT_FOUND when there is no picture in the range, and what ``progress`` raises.
    """
    stretches = library.find(wish.camera_id, wish.from_ms, wish.to_ms)
    total = max(1, sum(one.size_bytes for one in stretches))
    share = 0.45 if wish.proof else 1.0
    wanted = Wanted(wish.camera_id, wish.from_ms, wish.to_ms)
    movies = plan_movies(library, wanted, stretches, _counter(progress, READING, total, 0.0, share))
    if not movies:
        raise nothing_recorded()
    zone = load_zone(wish.zone_name)
    names = [movie_name(wish.camera_name, one.start_ms, zone, len(one.gaps)) for one in movies]
    movies = explain_gaps(library, wanted, movies, now_ms)
    named = _with_names(list(zip(names, movies, strict=True)))
    if not wish.proof:
        return ExportPlan(named)
    files = {piece.file_id for one in movies for piece in one.pieces}
    whole = max(1, sum(one.row.size_bytes for one in stretches if one.row.id in files))
    facts = BundleFacts(
        house=wish.house,
        zone_name=wish.zone_name,
        camera_id=wish.camera_id,
        camera_name=wish.camera_name,
        from_ms=wish.from_ms,
        to_ms=wish.to_ms,
        made_ms=now_ms,
        made=datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone),
        made_by=wish.made_by,
        software=wish.software,
        checkpoint=checkpoint,
        signer=signer,
    )
    name = bundle_name(wish.camera_name, movies[0].start_ms, zone)
    return ExportPlan(
        named, make_bundle(library, facts, name, named, _counter(progress, PROVING, whole, share, 1.0 - share))
    )


def export_files(library: Library, plan: ExportPlan, rows: Mapping[int, FileRow] | None = None) -> list[ExportFile]:
    """What can be downloaded: the bundle first, then each movie. ``rows`` as in ``MovieFile``."""
    movies = [MovieFile(library, movie, rows) for _, movie in plan.movies]
    files = [
        ExportFile(name, "video/mp4", movie.size_bytes, movie.etag, file)
        for (name, movie), file in zip(plan.movies, movies, strict=True)
    ]
    if plan.bundle is not None:
        bundle = BundleFile(plan.bundle, movies)
        files.insert(0, ExportFile(plan.bundle.name, "application/zip", bundle.size_bytes, bundle.etag, bundle))
    return files


def explain_gaps(library: Library, wanted: Wanted, movies: Sequence[PlannedMovie], now_ms: int) -> list[PlannedMovie]:
    """The movies, each gap with the reason that the timeline knows, and as gaps of the first and the last one what is
    wanted and lacks before their pictures and behind them. What is recorded by the timeline and yet in no movie is
    said to be there and not shown."""
    first, last = movies[0], movies[-1]
    head = ClosedGap(wanted.from_ms, first.start_ms, 0, UNTOLD_WORDS)
    # What is written just now is not there yet.
    tail = ClosedGap(last.end_ms, min(wanted.to_ms, now_ms - LIVE_EDGE_MS), last.length_ms, UNTOLD_WORDS)
    if not any(one.gaps for one in movies) and not any(_length_ms(one) >= GAP_MS for one in (head, tail)):
        return list(movies)
    known = read_timeline(library, wanted.camera_id, wanted.from_ms, wanted.to_ms, now_ms)
    found = []
    for one in movies:
        gaps = [part for gap in one.gaps for part in _explained(gap, known)]
        if one is first and _length_ms(head) >= GAP_MS:
            gaps = [*_explained(head, known), *gaps]
        if one is last and _length_ms(tail) >= GAP_MS:
            gaps += _explained(tail, known)
        found.append(replace(one, gaps=tuple(gaps)))
    return found


def _length_ms(gap: ClosedGap) -> int:
    return gap.to_ms - gap.from_ms


def _explained(gap: ClosedGap, known: Timeline) -> list[ClosedGap]:
    """The gap in parts by what the timeline says of them; itself where that says nothing."""
    if gap.words != UNTOLD_WORDS:
        return [gap]
    told = [(one.from_ms, one.to_ms, one.words) for one in known.gaps]
    told += [(one.from_ms, one.to_ms, UNSHOWN_WORDS) for one in known.spans]
    parts = [
        replace(gap, from_ms=max(gap.from_ms, from_ms), to_ms=min(gap.to_ms, to_ms), words=words)
        for from_ms, to_ms, words in sorted(told)
    ]
    parts = [one for one in parts if _length_ms(one) >= GAP_MS]
    return [replace(gap, words=parts[0].words)] if len(parts) == 1 else parts or [gap]


def _with_names(movies: Sequence[tuple[str, PlannedMovie]]) -> tuple[tuple[str, PlannedMovie], ...]:
    """No two of one name: a second one of the same second is numbered."""
    taken: set[str] = set()
    found = []
    for name, movie in movies:
        free, number = name, 2
        while free in taken:
            free, number = f"{name.removesuffix('.mp4')} ({number}).mp4", number + 1
        taken.add(free)
        found.append((free, movie))
    return tuple(found)


def _counter(progress: Progress, step: str, total: int, base: float, share: float) -> Callable[[int], None]:
    done = 0

    def note(size: int) -> None:
        nonlocal done
        done += size
        progress(step, base + share * min(1.0, done / total))

    progress(step, base)
    return note


def gone() -> RecordingError:
    """An export whose plan is not there any more, or cannot be opened with the keys of today."""
    return RecordingError(
        "This export is not ready any more.", kind=ErrorKind.PERMANENT, code="export.gone", next_step="Make it again.",
        exit_code=ExitCode.NOT_FOUND,
    )  # fmt: skip
