"""``vigilar keys``: who can open the recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.cli.key_moves import move_all
from vigilar.cli.lazy import LazyGroup, Lines
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json
from vigilar.config.places import Places
from vigilar.vge.format import CORE_BYTES, HEADER_BYTES, SLOT_BYTES, SLOTS_END, KeySlot, SlotType
from vigilar.vge.key_lock import KeyLock
from vigilar.vge.key_store import add_keys, add_recovery_key, load_lock
from vigilar.vge.keys import EpochKey, KeyRing, load_sheet_id, locked_house, save_sheet
from vigilar.vge.places import BESIDE, LOCKED, is_beside, sealed_files
from vigilar.vge.recovery import Sheet, make_recovery_key, sheet_id_of
from vigilar.vge.rewrap import is_moved
from vigilar.vge.signing import BoxKey

_COMMANDS: Lines = {
    "status": ("vigilar.cli.keys:status", "Which keys there are, where they lie, what is under an old one."),
    "rotate": ("vigilar.cli.keys:rotate", "Begin a new key and move all recordings to it."),
    "recovery": ("vigilar.cli.keys:recovery", "Print a recovery sheet: sixteen words that open the recordings."),
    "passphrase": ("vigilar.cli.key_lock:passphrase", "A passphrase without which a stolen box shows nothing."),
    "stick": ("vigilar.cli.key_lock:stick", "A stick without which a stolen box shows nothing."),
    "unlock": ("vigilar.cli.key_lock:unlock", "Open the recordings of a house that is locked."),
    "lock": ("vigilar.cli.key_lock:lock_now", "Lock the recordings now."),
    "restore": ("vigilar.cli.keys:restore", "Open recordings of another box with its recovery sheet."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def keys() -> None:
    """Who can open the recordings: key epochs, the recovery sheet."""


@click.command()
@with_places
@with_json
def status(places: Places, as_json: bool) -> int:
    """Which keys there are, where they lie, and how many recordings are still under an old one."""
    ring = KeyRing.load(places.secrets_dir)
    lock, sheet = load_lock(places.secrets_dir), load_sheet_id(places.secrets_dir)
    counts = _count(places, ring)
    beside = is_beside(places.secrets_dir, places.data_dir)
    facts: dict[str, Any] = {
        "secrets_dir": str(places.secrets_dir),
        "epochs": [one.epoch for one in ring.epochs if one.epoch],
        "sheet": sheet.hex()[:8] if sheet else None,
        "is_beside_recordings": beside,
        "lock": None if lock is None else [{"kind": one.kind, "id": one.id} for one in lock.openers],
        "is_locked": ring.is_locked,
        **counts,
    }
    with suppress(RecordingError):  # made at the first start
        facts["signing_key"] = BoxKey.load(places.secrets_dir).public.hex()
    if as_json:
        print_json(facts)
        return ExitCode.OK
    _print_keys(places, ring, lock)
    print(f"Recovery sheet: {sheet.hex()[:8] if sheet else 'none yet. Make one: vigilar keys recovery'}")
    if "signing_key" in facts:
        print(f"Signing key of this box (public): {facts['signing_key']}")
    print(f"{counts['files']} recordings, of which {counts['not_moved']} are not under the newest keys alone")
    if counts["not_moved"]:
        print("! Move them: vigilar keys rotate --resume")
    if counts["locked"]:
        print(f"! {counts['locked']} recordings are locked: their key is not here")
    if ring.is_locked:
        print(f"! {LOCKED}")
    if beside and lock is None:
        print(f"! {BESIDE}")
    return ExitCode.OK


def _print_keys(places: Places, ring: KeyRing, lock: KeyLock | None) -> None:
    newest, older = ring.newest(), [str(one.epoch) for one in ring.epochs[:-1] if one.epoch]
    if ring.is_locked:
        print(f"Start key (key id {newest.key_id.hex()[:8]}): what is recorded now is under it")
    else:
        print(f"Key epoch {newest.epoch} (key id {newest.key_id.hex()[:8]}) in {places.secrets_dir}")
    if older:
        print(f"Older epochs: {', '.join(older)}")
    if lock is None:
        print("Not locked up: this box opens its recordings by itself")
        return
    ways = [f"key stick {one.id} ({one.folder})" if one.kind == "stick" else "a passphrase" for one in lock.openers]
    print(f"Locked up, and opened by: {', '.join(ways)}")


@click.command()
@click.option("--resume", is_flag=True, help="No new key: go on with a move that was broken off.")
@with_places
@with_json
def rotate(places: Places, resume: bool, as_json: bool) -> int:
    """Begin a new key, and move all recordings to it. Nothing of the video is written again.

    May be killed at any moment: every recording stays readable, and --resume goes on. A running service takes up the
    new key with each camera's next file.
    """
    if KeyRing.load(places.secrets_dir).is_locked:  # nothing is begun on a box that is locked
        raise locked_house()
    if not resume:
        add_keys(places.secrets_dir)
    ring = KeyRing.load(places.secrets_dir)
    return move_all(places, ring, as_json=as_json)


@click.command()
@click.option("--new", is_flag=True, help="Make another sheet in place of the one there is.")
@with_places
def recovery(places: Places, new: bool) -> int:
    """Print a recovery sheet: sixteen words that open the recordings on any machine, without this box.

    The words are shown once and stored nowhere: print them, and keep the paper away from the box.
    """
    if KeyRing.load(places.secrets_dir).is_locked:
        raise locked_house()
    found = load_sheet_id(places.secrets_dir)
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
    add_recovery_key(places.secrets_dir, _maker(sheet.public))
    save_sheet(places.secrets_dir, sheet.public, sheet_id)
    print(_sheet_text(sheet, sheet_id), flush=True)
    return move_all(places, KeyRing.load(places.secrets_dir))


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
            add_recovery_key(places.secrets_dir, partial(EpochKey.of, key=key, ephemeral=ephemeral, sheet_id=sheet_id))
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
