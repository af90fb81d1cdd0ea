"""``vigilar status``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import click

from vigilar import __version__
from vigilar.base.errors import ConfigError, ExitCode, StoreError
from vigilar.cli.arm import arm_sentence
from vigilar.cli.known import Gathered, gather, now_ms
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, print_table
from vigilar.cli.reload import not_running
from vigilar.cli.service import find_drive_trouble, find_supervisor, is_serving, local_host, page_address
from vigilar.cli.times import house_zone
from vigilar.config.last_good import load_in_force
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.door.haproxy import HOW_TO_INSTALL, find_haproxy, lack_of_haproxy
from vigilar.health.house import HouseHealth, look_at_house
from vigilar.health.lines import CameraLine
from vigilar.health.part import State, Todo
from vigilar.store.files import StorageTotal
from vigilar.vge.places import key_notes

LATE_MS = 60_000
"""Footage older than this, of a camera that always records, is late: checkpoints come every 10 s, and a reconnect
takes up to 30 s."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera; times are UTC ms. ``problem`` says what is wrong with it, ``code`` is its V-CAM code; both are empty
    while all is well. ``state``: ``recording``, ``not recording``, ``quiet`` (nothing moves), ``restarting``, ``off``;
    empty: not known."""

    id: str
    name: str
    enabled: bool
    last_footage_ts: int | None
    footage_bytes: int
    is_late: bool
    problem: str = ""
    code: str = ""
    state: str = ""


@click.command()
@with_places
@with_json
def status(places: Places, as_json: bool) -> int:
    """Is Vigilar running, what is to do, and when did each camera last record? Says the same as the page.

    Ends with 0 if all is well, 7 if it does not run, 10 if something needs a look.
    """
    pid = find_supervisor(places)
    if pid is None:
        if as_json:
            print_json({"running": False})
            return ExitCode.NOT_RUNNING
        raise not_running(places)
    found = gather_status(places)
    if as_json:
        print_json({"running": True, "pid": pid, **found, "cameras": [asdict(one) for one in found["cameras"]]})
    else:
        _print(pid, found, places)
    return ExitCode.WARNINGS if found["warnings"] else ExitCode.OK


def gather_status(places: Places) -> dict[str, Any]:
    """All that the command says; ``cameras`` are CameraStatus."""
    found: dict[str, Any] = {
        "version": __version__,
        "address": None,
        "sentence": "",
        "parts": {},
        "cameras": [],
        "warnings": [],
        "notes": [],
    }
    if drive := find_drive_trouble(places):
        found["sentence"] = f"One thing to do: {drive.sentence}"
        found["warnings"].append(f"{drive.sentence} {drive.next_step}")
        found["address"] = page_address(local_host(drive.listen), drive.port) if drive.port else None
        return found
    found["notes"] = key_notes(places.secrets_dir, places.data_dir)
    config, wrong = _load(places)
    found["notes"] += door_notes(config or Config())
    if config is not None:
        host = local_host(config.web.listen)
        found["address"] = page_address(host, config.web.port)
        if not is_serving(host, config.web.port):
            found["warnings"].append(f"The page does not answer at {found['address']}")
    gathered = gather(config, places, wrong)
    house = look_at_house(gathered.known)
    found["sentence"] = house.sentence
    found["parts"] = {
        one.id: {"state": one.state.value, "title": one.title, "sentence": one.sentence} for one in house.parts
    }
    found["warnings"] += [words_of(one) for one in (*house.todos, *house.put_off)]
    if gathered.store_error:
        found["warnings"].append(gathered.store_error)
    if config is None:
        return found
    try:
        found["notes"].append(arm_sentence(config, places))
    except StoreError:
        found["notes"].append("Whether the house is armed is not known.")
    found["cameras"] = _cameras(config, gathered, house)
    late = [one.name for one in found["cameras"] if one.is_late and not one.problem]
    found["warnings"] += [f"{name} has no new footage" for name in late]
    return found


def _load(places: Places) -> tuple[Config | None, str]:
    """The settings in force, None when there are none to go by, and what is wrong with the file."""
    try:
        return load_in_force(places)
    except ConfigError as error:
        return None, "; ".join(str(error).splitlines())


def words_of(todo: Todo) -> str:
    """A problem on one line, with what to do."""
    code = f"[{todo.code}]" if todo.code else ""
    kind, _, camera_id = todo.id.partition(":")
    step = f"Try: vigilar camera test {camera_id}" if kind == "camera" and todo.next_step else todo.next_step
    return " ".join(one for one in (todo.sentence, todo.detail, code, step) if one)


def door_notes(config: Config) -> list[str]:
    """What the pages lack without the program that stands before them."""
    if find_haproxy():
        return []
    return [f"{lack_of_haproxy(https_only=config.web.https_only)} On the box: {HOW_TO_INSTALL}."]


def _cameras(config: Config, gathered: Gathered, house: HouseHealth) -> list[CameraStatus]:
    todos = {one.id: one for one in house.todos + house.put_off}
    lines = {one.id: one for one in gathered.known.cameras}
    return [
        _camera(one, config, lines[one.id], todos.get(f"camera:{one.id}"), gathered.totals) for one in config.cameras
    ]


def _camera(
    camera: Camera, config: Config, line: CameraLine, todo: Todo | None, totals: dict[str, StorageTotal] | None
) -> CameraStatus:
    total = (totals or {}).get(camera.id)
    last_ms = total.last_ms if total else None
    must_record = camera.enabled and config.mode_of(camera) != "motion" and totals is not None
    is_late = must_record and not line.is_coming and (last_ms is None or now_ms() - last_ms > LATE_MS)
    problem = " ".join(filter(None, (todo.sentence, todo.detail))) if todo else ""
    if not problem and line.not_recording:
        problem = f"{camera.name}: live, not recording. {line.not_recording.sentence}"
    return CameraStatus(
        camera.id,
        camera.name,
        camera.enabled,
        last_ms,
        total.size_bytes if total else 0,
        is_late,
        problem,
        str(line.health.get("code") or "") if todo else "",
        _state(line),
    )


def _state(line: CameraLine) -> str:
    if line.state in ("off", "restarting"):
        return line.state
    if line.state == "unknown":
        return ""
    if line.not_recording or not (line.has_picture or line.is_coming):
        return "not recording"
    return "recording" if line.is_recording else "quiet"


def _print(pid: int, found: dict[str, Any], places: Places) -> None:
    if found["sentence"]:
        print(one_line(found["sentence"]))
    print(f"Vigilar {found['version']} runs, process {pid}, data in {places.data_dir}")
    if found["address"]:
        print(f"Page: {found['address']}")
    if found["cameras"]:
        zone = house_zone(load_in_force(places)[0])
        print_table(_row(one, zone) for one in found["cameras"])
    for warning in found["warnings"]:
        print(f"! {one_line(warning)}")
    for note in found["notes"]:
        print(one_line(note))
    for part in found["parts"].values():
        if part["state"] == State.UNKNOWN.value:
            print(f"? {one_line(part['title'])}: {one_line(part['sentence'])}")
    absent = [part["title"] for part in found["parts"].values() if part["state"] == State.NOT_SET_UP.value]
    if absent:
        print(f"Not set up: {', '.join(absent)}.")


def _row(one: CameraStatus, zone: Any) -> tuple[str, ...]:
    if not one.enabled:
        last = "set aside"
    elif one.last_footage_ts is None:
        last = "no footage yet"
    else:
        last = f"last footage {house_time(one.last_footage_ts, zone)}"
    return (
        f"  {one.name}",
        one.state or "not known",
        last,
        f"{one.footage_bytes / 1e9:.1f} GB",
        "!" if one.is_late or one.problem else "",
    )
