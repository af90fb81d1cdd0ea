"""``vigilar export``: a range or an event of a camera as a file, straight from the recordings, with or without a
running service. The file is written where the person says: it is theirs, and in clear."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from vigilar import __version__
from vigilar.base.atomic import fsync_folder
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ConfigError, ExitCode, RecordingError, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, tell
from vigilar.cli.times import house_zone, parse_when
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.playback.event_span import clip_span
from vigilar.playback.export.bundle import SignedCheckpoint
from vigilar.playback.export.check import proof_code
from vigilar.playback.export.house_word import find_signed
from vigilar.playback.export.make import ExportFile, ExportPlan, ExportWish, export_files, make_export
from vigilar.playback.library import Library
from vigilar.store import cameras as camera_rows
from vigilar.store import events as event_rows
from vigilar.store.engine import Store
from vigilar.store.exports import MAX_RANGE_MS
from vigilar.vge.keys import KeyRing
from vigilar.vge.signing import BoxKey


@click.command()
@click.argument("camera", required=False)
@click.option("--from", "from_", help='From when: "yesterday 18:00", "-2h", "14:30", ISO.')
@click.option("--to", help="To when.")
@click.option("--event", "event_id", type=click.IntRange(1), help="The clip of this event instead.")
@click.option("--proof", is_flag=True, help="A .zip that anybody can check, instead of the .mp4 alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file or folder to write to.")
@with_places
@with_json
def export(
    places: Places,
    camera: str | None,
    from_: str | None,
    to: str | None,
    event_id: int | None,
    proof: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Save what CAMERA (its id) recorded as an MP4 that plays everywhere, named by camera and house time.

    \b
    vigilar export front-door --from "yesterday 18:00" --to "yesterday 18:05" -o /media/stick
    vigilar export --event 812 --proof -o .
    """
    config = load_config(places)
    _check_output(output, proof=proof)
    with closing(Store.open(database_url(config, places))) as store:
        wish = _wish(config, store, camera, from_, to, event_id, proof=proof)
        library = Library(store, places.data_dir, lambda: KeyRing.load(places.secrets_dir))
        with _progress() as progress:
            plan = make_export(library, wish, progress, _now_ms(), *_word_of_house(places, store, wish))
            written = [_save(file, target, progress) for file, target in _targets(_wanted(library, plan), output)]
    if as_json:
        print_json({"files": [str(path) for path in written], **_facts(plan)})
    else:
        for path in written:
            print(one_line(str(path)))
        for gap in (gap for _, movie in plan.movies for gap in movie.gaps):
            zone = house_zone(config)
            tell(f"Left out: {_clock(gap.from_ms, zone)} to {_clock(gap.to_ms, zone)}. {gap.words}")
    return ExitCode.OK


def _word_of_house(places: Places, store: Store, wish: ExportWish) -> tuple[SignedCheckpoint | None, BoxKey | None]:
    """As the page's exports have it. None of a folder whose signing key is not here: nobody else's key may sign."""
    node_id = find_folder_id(places.data_dir) if wish.proof else None
    if node_id is None:
        return None, None
    try:
        key = BoxKey.load(places.secrets_dir)
    except RecordingError as error:
        if error.exit_code is not ExitCode.NOT_FOUND:
            raise
        return None, None
    return find_signed(store, node_id, key, wish.camera_id, wish.to_ms), key


def _wish(
    config: Config,
    store: Store,
    camera: str | None,
    from_: str | None,
    to: str | None,
    event_id: int | None,
    *,
    proof: bool,
) -> ExportWish:
    camera_id, from_ms, to_ms = _range(config, store, camera, from_, to, event_id)
    row = camera_rows.get_camera(store, camera_id)
    if row is None:
        known = ", ".join(one.id for one in camera_rows.list_cameras(store))
        step = f"Say its id, one of: {known}." if known else ""
        raise ConfigError(f"There is no camera {camera_id!r}.", next_step=step, exit_code=ExitCode.NOT_FOUND)
    if not from_ms < to_ms <= from_ms + MAX_RANGE_MS:
        raise _usage("The end must lie behind the start, and at most one day.")
    return ExportWish(
        camera_id=camera_id,
        camera_name=row.name,
        from_ms=from_ms,
        to_ms=to_ms,
        proof=proof,
        house=config.house.name,
        zone_name=config.house.zone_name,
        made_by="the command line",
        software=f"Vigilar {__version__}",
    )


def _range(
    config: Config, store: Store, camera: str | None, from_: str | None, to: str | None, event_id: int | None
) -> tuple[str, int, int]:
    if event_id is not None:
        if camera or from_ or to:
            raise _usage("Say either an event, or a camera with --from and --to.")
        event = event_rows.get_event(store, event_id)
        if event is None:
            raise VigilarError(f"There is no event {event_id}.", exit_code=ExitCode.NOT_FOUND)
        from_ms, to_ms = clip_span(event, _now_ms())
        return event.source_id, from_ms, min(to_ms, _now_ms())
    if not (camera and from_ and to):
        raise _usage("Say a camera with --from and --to, or --event.")
    now = datetime.now(UTC).astimezone(house_zone(config))
    return camera, parse_when(from_, now), parse_when(to, now)


def _wanted(library: Library, plan: ExportPlan) -> list[ExportFile]:
    """The bundle alone, which holds all; else each movie."""
    files = export_files(library, plan)
    return files[:1] if plan.bundle is not None else files


def _check_output(output: Path | None, *, proof: bool) -> None:
    """Refuse what cannot be written before an hour is read, and a name that says another kind of file."""
    if output is None or output.is_dir():
        return
    if not output.parent.is_dir():
        raise VigilarError(
            f"There is no folder {output.parent}.", next_step="Make it, or choose another with -o.",
            exit_code=ExitCode.NOT_FOUND,
        )  # fmt: skip
    right, wrong = (".zip", ".mp4") if proof else (".mp4", ".zip")
    if output.suffix.casefold() == wrong:
        raise _usage(f"What is written is a {right}{' that holds the video' if proof else ''}: name it so with -o.")


def _targets(files: Sequence[ExportFile], output: Path | None) -> list[tuple[ExportFile, Path]]:
    """Where each is written; where one name is given for several videos, the others are numbered."""
    target = output or Path()
    if target.is_dir():
        return [(file, target / file.name) for file in files]
    numbered = [target.with_stem(f"{target.stem} ({number})") for number in range(2, len(files) + 1)]
    return list(zip(files, [target, *numbered], strict=True))


def _save(file: ExportFile, target: Path, progress: Any) -> Path:
    """Write under a name beside it first, so that a file of that name is whole. Never takes the place of another."""
    temporary = target.with_name(f"{target.name}.part")
    with disk_errors("write the export to", target.parent):
        if target.exists():
            raise VigilarError(f"{target} is there already.", next_step="Choose another name with -o.")
        try:
            with temporary.open("xb") as out:
                done = 0
                for piece in file.read(0, file.size_bytes):
                    out.write(piece)
                    done += len(piece)
                    progress("Writing", done / file.size_bytes)
                out.flush()
                os.fsync(out.fileno())
            temporary.rename(target)
            fsync_folder(target.absolute().parent)
        except FileExistsError as error:
            raise VigilarError(
                f"{temporary} is there already.", next_step="Remove it, or choose another -o."
            ) from error
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    return target


@contextmanager
def _progress() -> Iterator[Any]:
    """Tells step and percentage on a terminal, once a second; nothing anywhere else."""
    told = [0.0]
    is_terminal = sys.stderr.isatty()

    def note(step: str, part: float) -> None:
        now_s = time.monotonic()
        if is_terminal and now_s - told[0] >= 1.0:
            told[0] = now_s
            print(f"\r{step}: {part * 100:3.0f} %\033[K", end="", file=sys.stderr, flush=True)

    yield note
    if is_terminal and told[0]:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _facts(plan: ExportPlan) -> dict[str, Any]:
    return {
        "start_ts": plan.movies[0][1].start_ms,
        "end_ts": plan.movies[-1][1].end_ms,
        "length_ms": sum(movie.length_ms for _, movie in plan.movies),
        "pictures": sum(movie.pictures for _, movie in plan.movies),
        "gaps": [
            {"from": gap.from_ms, "to": gap.to_ms, "words": gap.words} for _, movie in plan.movies for gap in movie.gaps
        ],
        "proof_code": proof_code(plan.bundle.manifest_sha256) if plan.bundle else None,
    }


def _clock(ms: int, zone: Any) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).strftime("%H:%M:%S")


def _usage(sentence: str) -> VigilarError:
    return VigilarError(sentence, next_step="See: vigilar export --help", exit_code=ExitCode.USAGE)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
