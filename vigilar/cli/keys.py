"""``vigilar keys``: who can open the recordings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.cli.lazy import LazyGroup, Lines
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json
from vigilar.config.places import Places
from vigilar.vge import keys as ring_files
from vigilar.vge.format import CORE_BYTES, HEADER_BYTES, SLOT_BYTES, SLOTS_END, KeySlot, SlotType
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.places import BESIDE, is_beside, sealed_files
from vigilar.vge.recovery import Sheet, make_recovery_key, sheet_id_of
from vigilar.vge.rewrap import Moved, is_moved, rewrap_files
from vigilar.vge.signing import BoxKey

_COMMANDS: Lines = {
    "status": ("vigilar.cli.keys:status", "Which keys there are, where they lie, what is under an old one."),
    "rotate": ("vigilar.cli.keys:rotate", "Begin a new key and move all recordings to it."),
    "recovery": ("vigilar.cli.keys:recovery", "Print a recovery sheet: sixteen words that open the recordings."),
    "restore": ("vigilar.cli.keys:restore", "Open recordings of another box with its recovery sheet."),
}

NOTE_EVERY = 5000


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def keys() -> None:
    """Who can open the recordings: key epochs, the recovery sheet."""


@click.command()
@with_places
@with_json
def status(places: Places, as_json: bool) -> int:
    """Which keys there are, where they lie, and how many recordings are still under an old one."""
    ring = KeyRing.load(places.secrets_dir)
    sheet = ring_files.load_sheet_id(places.secrets_dir)
    counts = _count(places, ring)
    beside = is_beside(places.secrets_dir, places.data_dir)
    facts: dict[str, Any] = {
        "secrets_dir": str(places.secrets_dir),
        "epochs": [one.epoch for one in ring.epochs],
        "sheet": sheet.hex()[:8] if sheet else None,
        "is_beside_recordings": beside,
        **counts,
    }
    with suppress(RecordingError):  # made at the first start
        facts["signing_key"] = BoxKey.load(places.secrets_dir).public.hex()
    if as_json:
        print_json(facts)
        return ExitCode.OK
    newest = ring.newest()
    print(f"Key epoch {newest.epoch} (key id {newest.key_id.hex()[:8]}) in {places.secrets_dir}")
    if len(ring.epochs) > 1:
        print(f"Older epochs: {', '.join(str(one.epoch) for one in ring.epochs[:-1])}")
    print(f"Recovery sheet: {sheet.hex()[:8] if sheet else 'none yet. Make one: vigilar keys recovery'}")
    if "signing_key" in facts:
        print(f"Signing key of this box (public): {facts['signing_key']}")
    print(f"{counts['files']} recordings, of which {counts['not_moved']} are not under the newest keys alone")
    if counts["not_moved"]:
        print("! Move them: vigilar keys rotate --resume")
    if counts["locked"]:
        print(f"! {counts['locked']} recordings are locked: their key is not here")
    if beside:
        print(f"! {BESIDE}")
    return ExitCode.OK


@click.command()
@click.option("--resume", is_flag=True, help="No new key: go on with a move that was broken off.")
@with_places
@with_json
def rotate(places: Places, resume: bool, as_json: bool) -> int:
    """Begin a new key, and move all recordings to it. Nothing of the video is written again.

    May be killed at any moment: every recording stays readable, and --resume goes on. A running service takes up the
    new key with each camera's next file.
    """
    KeyRing.load(places.secrets_dir)  # nothing is begun on a box that is locked
    if not resume:
        public = ring_files.load_sheet(places.secrets_dir)
        if public is not None:
            ring_files.add_recovery_key(places.secrets_dir, _maker(public))
        ring_files.add_epoch(places.secrets_dir)
    ring = KeyRing.load(places.secrets_dir)
    return _move_all(places, ring, as_json=as_json)


@click.command()
@click.option("--new", is_flag=True, help="Make another sheet in place of the one there is.")
@with_places
def recovery(places: Places, new: bool) -> int:
    """Print a recovery sheet: sixteen words that open the recordings on any machine, without this box.

    The words are shown once and stored nowhere: print them, and keep the paper away from the box.
    """
    KeyRing.load(places.secrets_dir)
    found = ring_files.load_sheet_id(places.secrets_dir)
    if found is not None and not new:
        raise RecordingError(
            f"There is a recovery sheet already, {found.hex()[:8]}; its words are stored nowhere",
            kind=ErrorKind.PERMANENT,
            code="vge.sheet",
            next_step="If the paper is lost, make another: vigilar keys recovery --new",
            exit_code=ExitCode.REFUSED,
        )
    sheet = Sheet.make()
    sheet_id = sheet_id_of(sheet.public)
    # The key first: a sheet that counts and has no key would leave new files without a slot.
    ring_files.add_recovery_key(places.secrets_dir, _maker(sheet.public))
    ring_files.save_sheet(places.secrets_dir, sheet.public, sheet_id)
    print(_sheet_text(sheet, sheet_id), flush=True)
    return _move_all(places, KeyRing.load(places.secrets_dir))


@click.command()
@with_places
def restore(places: Places) -> int:
    """Open recordings of another box with the words of its recovery sheet, read from the keyboard.

    Put its folders "footage" and "stills" into the data folder first. The words are not stored: what they open is.
    """
    sheet = Sheet.parse(click.prompt("The sixteen words", prompt_suffix=": ", err=True))
    ring = KeyRing.load_or_create(places.secrets_dir)
    sheet_id, seen, added, opened = sheet_id_of(sheet.public), set[bytes](), 0, 0
    for path in sealed_files(places.data_dir):
        slots = _slots_of(path)
        hint = next((one for one in slots if one.type == SlotType.SHEET and one.key_id == sheet_id), None)
        if hint is None:
            continue
        opened += 1
        ephemeral = hint.wrapped[:32]
        if ephemeral in seen:
            continue
        seen.add(ephemeral)
        key = sheet.recovery_key(ephemeral)
        if ring.find(EpochKey.of(0, key).key_id) is None:
            ring_files.add_recovery_key(
                places.secrets_dir, partial(EpochKey.of, key=key, ephemeral=ephemeral, sheet_id=sheet_id)
            )
            added += 1
    if not opened:
        raise RecordingError(
            f"The words are right, and no recording in {places.data_dir} is of this sheet ({sheet_id.hex()[:8]})",
            kind=ErrorKind.PERMANENT,
            code="vge.sheet",
            next_step="Name the folder that holds footage/ with --data-dir, or take the sheet of their box.",
            exit_code=ExitCode.NOT_FOUND,
        )
    print(f"{opened} recordings can be opened with this sheet; {added} keys were made from it.")
    print("Move them to this box's own key: vigilar keys rotate --resume")
    return ExitCode.OK


def _maker(public: bytes) -> Callable[[int], EpochKey]:
    return lambda number: make_recovery_key(public, number)


def _move_all(places: Places, ring: KeyRing, *, as_json: bool = False) -> int:
    def note(done: Moved) -> None:
        if not as_json and done.looked_at % NOTE_EVERY == 0:
            print(f"{done.looked_at} recordings looked at", file=sys.stderr)

    done = rewrap_files(sealed_files(places.data_dir), ring, note)
    if as_json:
        failed = [{"file": str(path), "sentence": str(error)} for path, error in done.failed]
        print_json({"moved": done.moved, "already": done.already, "busy": done.busy, "failed": failed})
    else:
        _print_moved(done, ring)
    if done.failed:
        return ExitCode.PARTLY
    return ExitCode.OK


def _print_moved(done: Moved, ring: KeyRing) -> None:
    print(f"{done.moved} recordings moved to epoch {ring.newest().epoch}, {done.already} were there already.")
    if done.busy:
        print(f"{done.busy} are being written under the key before. When they are closed: vigilar keys rotate --resume")
    for path, error in done.failed[:20]:
        print(one_line(f"! {path}: {error}"))
    if len(done.failed) > 20:
        print(f"! and {len(done.failed) - 20} more")


def _count(places: Places, ring: KeyRing) -> dict[str, int]:
    files = not_moved = locked = 0
    for path in sealed_files(places.data_dir):
        files += 1
        try:
            not_moved += not is_moved(path, ring)
        except RecordingError as error:
            locked += error.kind is ErrorKind.DENIED
    return {"files": files, "not_moved": not_moved, "locked": locked}


def _slots_of(path: Path) -> list[KeySlot]:
    """The slots in a header, which nobody has proved; none where there is no header."""
    with path.open("rb") as file:
        header = os.pread(file.fileno(), HEADER_BYTES, 0)
    if len(header) < HEADER_BYTES:
        return []
    try:
        return [KeySlot.parse(header[at : at + SLOT_BYTES]) for at in range(CORE_BYTES, SLOTS_END, SLOT_BYTES)]
    except RecordingError:
        return []


def _sheet_text(sheet: Sheet, sheet_id: bytes) -> str:
    rows = [sheet.words[at : at + 4] for at in range(0, len(sheet.words), 4)]
    numbered = "\n".join(
        "  ".join(f"{4 * row + column + 1:3} {word}" for column, word in enumerate(words))
        for row, words in enumerate(rows)
    )
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"""
VIGILAR RECOVERY SHEET {sheet_id.hex()[:8]}                        made {day}

These sixteen words open all recordings of this house, on any machine,
without the box. Whoever has them can look at everything. Keep this paper
away from the box, with what you would not lose in a fire.

{numbered}

To use them: put the recordings into a data folder, then
    vigilar keys restore --data-dir FOLDER
A mistyped word is noticed, and so are two that are exchanged.
"""
