"""``vigilar reel`` and ``vigilar timelapse``: ask for films and list them. The running service makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from vigilar.base.amounts import size_text
from vigilar.base.day_spans import day_start_ms
from vigilar.base.errors import ConfigError, ErrorKind, ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, print_table, tell
from vigilar.cli.times import house_zone, parse_when
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.values import parse_duration, read_value
from vigilar.playback.reel.words import say_title
from vigilar.processes.folder_check import require_folder
from vigilar.store import cameras as camera_rows
from vigilar.store import jobs as job_rows
from vigilar.store import reels as reel_rows
from vigilar.store.engine import Store
from vigilar.store.jobs import JobRow
from vigilar.store.reels import LENGTHS_S, STYLES, Params, ReelParams, ReelRow, TimelapseParams

LOOK_EVERY_S = 0.5

_REELS = {
    "make": ("vigilar.cli.films:make_reel", "Ask for a film of the best moments of a day, or of another time."),
    "list": ("vigilar.cli.films:list_reels", "The reels and time-lapses that there are."),
}
_LAPSES = {"make": ("vigilar.cli.films:make_timelapse", "Ask for a time-lapse of a camera.")}


@click.group(cls=LazyGroup, lazy=_REELS)
def reel() -> None:
    """Films of the best moments."""


@click.group(cls=LazyGroup, lazy=_LAPSES)
def timelapse() -> None:
    """A long time of one camera in a short film."""


def _with_times(command: Any) -> Any:
    for option in (
        click.option("--wait", is_flag=True, help="Wait until it is made."),
        click.option("--no-clock", is_flag=True, help="Without time and name in the picture."),
        click.option("--length", default="60s", show_default=True, help='How long it is to be, "10s" to "10m".'),
        click.option("--to", help="To when."),
        click.option("--from", "from_", help='From when: "yesterday 18:00", "-2h", ISO.'),
        click.option("--day", help='A day of the house: "yesterday" (if nothing is said), "today", "2026-11-29".'),
    ):
        command = option(command)
    return command


@click.command("make")
@click.option("--camera", "cameras", multiple=True, help="Of this camera (its id); may be repeated. Else of all.")
@click.option("--style", type=click.Choice(STYLES), default=STYLES[0], show_default=True)
@_with_times
@with_places
@with_json
def make_reel(
    places: Places,
    cameras: tuple[str, ...],
    style: Any,
    day: str | None,
    from_: str | None,
    to: str | None,
    length: str,
    no_clock: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Ask for a film of the best moments, or (--style everybody) with a piece of each visit of a person.

    \b
    vigilar reel make --day yesterday --wait
    vigilar reel make --from "-3d" --to now --camera front-door --length 2m
    """
    config = load_config(places)
    with _house(config, places) as (store, node_id):
        from_ms, to_ms = _range(config, day, from_, to)
        wanted = tuple(dict.fromkeys(cameras)) or tuple(camera.id for camera in config.cameras)
        if not wanted:
            raise ConfigError("There is no camera.", exit_code=ExitCode.NOT_FOUND)
        for one in wanted:
            _check_camera(store, one)
        params = ReelParams(
            cameras=tuple(sorted(wanted)),
            from_ms=from_ms,
            to_ms=to_ms,
            length_s=_length(length),
            style=style,
            clock=not no_clock,
        )
        return _ask(store, node_id, params, waits=wait, as_json=as_json)


@click.command("make")
@click.argument("camera")
@click.option("--even", is_flag=True, help="As fast all the time, also where something happened.")
@_with_times
@with_places
@with_json
def make_timelapse(
    places: Places,
    camera: str,
    even: bool,
    day: str | None,
    from_: str | None,
    to: str | None,
    length: str,
    no_clock: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Ask for a time-lapse of CAMERA (its id). Say how long it is to be; its speed follows."""
    config = load_config(places)
    with _house(config, places) as (store, node_id):
        from_ms, to_ms = _range(config, day, from_, to)
        _check_camera(store, camera)
        params = TimelapseParams(
            camera_id=camera,
            from_ms=from_ms,
            to_ms=to_ms,
            length_s=_length(length),
            smart=not even,
            clock=not no_clock,
        )
        return _ask(store, node_id, params, waits=wait, as_json=as_json)


@click.command("list")
@with_places
@with_json
def list_reels(places: Places, as_json: bool) -> int:
    """The reels and time-lapses that there are, newest first."""
    config = load_config(places)
    with _house(config, places) as (store, node_id):
        jobs = job_rows.list_jobs(store, node_id, kinds=reel_rows.KINDS)
        rows = reel_rows.find_rows(store, [job.id for job in jobs])
        names = {row.id: row.name for row in camera_rows.list_cameras(store, with_removed=True)}
    if as_json:
        print_json({"reels": [_facts(job, rows.get(job.id, ReelRow(job.id))) for job in jobs]})
    elif not jobs:
        print("There is no reel yet. Make one: vigilar reel make")
    else:
        print_table(_line(job, rows.get(job.id, ReelRow(job.id)), config, names) for job in jobs)
    return ExitCode.OK


@contextmanager
def _house(config: Config, places: Places) -> Iterator[tuple[Store, str]]:
    require_folder(places)
    with closing(Store.open(database_url(config, places))) as store:
        yield store, find_folder_id(places.data_dir) or ""


def _range(config: Config, day: str | None, from_: str | None, to: str | None) -> tuple[int, int]:
    """UTC ms, up to now at most. Raises VigilarError (USAGE)."""
    zone = house_zone(config)
    now = datetime.now(UTC).astimezone(zone)
    now_ms = int(now.timestamp() * 1000)
    if day is not None and (from_ is not None or to is not None):
        raise _usage("Say --day, or --from and --to.")
    if (from_ is None) != (to is None):
        raise _usage("Say both --from and --to.")
    if from_ is not None and to is not None:
        found = parse_when(from_, now), parse_when(to, now)
    else:
        which = _day(day or "yesterday", now.date())
        found = day_start_ms(which, zone), day_start_ms(which + timedelta(days=1), zone)
    found = found[0], min(found[1], now_ms)
    if found[0] >= found[1]:
        raise _usage("The end must lie behind the start, and the start before now.")
    return found


def _day(text: str, today: date) -> date:
    known = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return known.get(text) or date.fromisoformat(text)
    except ValueError as error:
        raise _usage(f'"{text}" is no day: say today, yesterday, or one such as 2026-11-29.') from error


def _length(text: str) -> int:
    seconds = read_value(lambda value: round(parse_duration(value)), text, "--length")
    if not LENGTHS_S[0] <= seconds <= LENGTHS_S[1]:
        raise _usage("A length is 10s to 10m.")
    return seconds


def _check_camera(store: Store, camera_id: str) -> None:
    if camera_rows.get_camera(store, camera_id) is None:
        known = ", ".join(one.id for one in camera_rows.list_cameras(store))
        step = f"Say its id, one of: {known}." if known else ""
        raise ConfigError(f"There is no camera {camera_id!r}.", next_step=step, exit_code=ExitCode.NOT_FOUND)


def _ask(store: Store, node_id: str, params: Params, *, waits: bool, as_json: bool) -> int:
    now_ms = time.time_ns() // 1_000_000
    job_id = reel_rows.add_reel(store, node_id=node_id, params=params, made_by=None, now_ms=now_ms)
    job = _wait(store, job_id) if waits else job_rows.get_job(store, job_id)
    if job is None:
        raise VigilarError(f"Film {job_id} was deleted meanwhile.", kind=ErrorKind.PERMANENT)
    if as_json:
        print_json(_facts(job, reel_rows.find_rows(store, [job_id]).get(job_id, ReelRow(job_id))))
    elif not waits:
        print(f"{job_id} is asked for. It is made while Vigilar runs: vigilar reel list")
    else:
        print(_sentence(job))
    return ExitCode.OK if job.state in ("waiting", "running", "done") else ExitCode.FAILED


def _wait(store: Store, job_id: int) -> JobRow | None:
    """Until it is over; says how far it is."""
    said = ""
    while (job := job_rows.get_job(store, job_id)) is not None and not job.is_over:
        words = f"{job.step}, {job.percent} %" if job.step else "Waits."
        if words.partition(",")[0] != said.partition(",")[0]:
            tell(words)
        said = words
        time.sleep(LOOK_EVERY_S)
    return job


def _sentence(job: JobRow) -> str:
    result = job.result or {}
    if job.state != "done":
        return job.error or "It was stopped."
    if "nothing" in result:
        return str(result["nothing"])
    count = len({part["event_id"] for part in result["parts"]})
    of = f" of {count} moment{'' if count == 1 else 's'}" if job.kind == reel_rows.REEL else ""
    return f"{job.id}: {result['length_ms'] / 1000:.0f} seconds{of}, {size_text(result['bytes'])}."


def _facts(job: JobRow, row: ReelRow) -> dict[str, Any]:
    result = job.result or {}
    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": job.state,
        "step": job.step,
        "percent": job.percent,
        "cameras": list(job.camera_ids),
        "from": job.params["from_ms"],
        "to": job.params["to_ms"],
        "wanted_s": job.params["length_s"],
        "length_ms": result.get("length_ms"),
        "bytes": row.size_bytes,
        "is_kept": row.is_kept,
        "is_daily": row.is_daily,
        "nothing": result.get("nothing"),
        "error": job.error,
    }


def _line(job: JobRow, row: ReelRow, config: Config, names: dict[str, str]) -> Sequence[str]:
    cameras = job.camera_ids
    name = names.get(cameras[0], cameras[0]) if len(cameras) == 1 else ""
    title = say_title(name, job.params["from_ms"], job.params["to_ms"], time.time_ns() // 1_000_000, house_zone(config))
    kind = "reel" if job.kind == reel_rows.REEL else "time-lapse"
    state = _sentence(job) if job.is_over else f"{job.state}, {job.percent} %"
    return str(job.id), kind, one_line(title), one_line(state), "kept" if row.is_kept else ""


def _usage(sentence: str) -> VigilarError:
    return VigilarError(sentence, kind=ErrorKind.PERMANENT, exit_code=ExitCode.USAGE)
