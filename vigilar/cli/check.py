"""``vigilar check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vigilar.base.amounts import count_text, size_text
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, RecordingError
from vigilar.cli.footage_house import WORDS, open_house
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json
from vigilar.cli.times import house_zone
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.processes.refill import note_cameras
from vigilar.proof.adopt import Adopted, Adopter
from vigilar.proof.against import check_against, read_taken
from vigilar.proof.check import Checked, Depth, FileCheck
from vigilar.proof.history import Contradiction, check_history
from vigilar.proof.telling import Teller
from vigilar.store.cameras import list_cameras
from vigilar.store.checkpoints import StoredCheckpoint
from vigilar.store.engine import Store
from vigilar.vge.keys import KeyRing
from vigilar.vge.signing import BoxKey

TOLD_AT_MOST = 200

_WELL = {
    Depth.QUICK: "all there, each as long as it was. What is in them was not looked at: --deep",
    Depth.ENDS: "all there, begun and closed as they were recorded. Between that was not looked at: --deep",
    Depth.DEEP: "all as they were recorded, to the last byte",
}


@click.command()
@click.option("--quick", is_flag=True, help="Names and lengths only: two seconds for 100,000 files.")
@click.option("--deep", is_flag=True, help="Every byte: about 0.3 s for 150 MB.")
@click.option(
    "--against",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare with signed checkpoints that were kept elsewhere.",
)
@click.option(
    "--repair", is_flag=True, help="Make the database say what was found, files without a row too. Deletes nothing."
)
@with_places
@with_json
def check(places: Places, quick: bool, deep: bool, against: Path | None, repair: bool, as_json: bool) -> int:
    """Is every recording in its place, whole, and the one that was recorded?

    Looks at lengths, headers and ends of all files and at their chain, and compares the database with what this box has
    signed. With --against FILE, a checkpoint from a folder of yours or from vigilar proof show, it also names what was
    rolled back, shortened, exchanged or deleted by hand since. Ends with 0 if all is well, 9 if something is missing,
    changed or damaged, 13 if a key is not here.
    """
    if quick and deep:
        raise click.UsageError("--quick and --deep are the two ends of one scale: give one of them.")
    depth = Depth.QUICK if quick else Depth.DEEP if deep else Depth.ENDS
    with open_house(places) as house:
        teller = Teller(house.store, house.node_id, places.data_dir, SystemClock())
        if not teller.is_folder_there():
            raise RecordingError("The folder of the recordings is not there", exit_code=ExitCode.NOT_FOUND)
        ring = _ring(places, depth)
        files = FileCheck(house.store, house.node_id, places.data_dir, ring)
        taken = read_taken(against) if against else []
        contradictions = _history(places, house.store, house.node_id)
        if taken:
            compared = check_against(house.store, house.node_id, taken, _public_key(places))
            contradictions = [*compared.contradictions, *contradictions]
        checked = files.run(depth)
        checked.strangers = files.find_strangers()
        if repair:
            files.repair(checked, teller)
            for one in contradictions:
                teller.tell_house(one)
            if ring is not None:
                checked.adopted = _adopt(house.store, house.node_id, places, ring)
                checked.strangers = files.find_strangers()
    if as_json:
        print_json({**_facts(checked, contradictions, depth), "against": len(taken)})
    else:
        if taken:
            _print_against(taken, places)
        _print(checked, contradictions, places, depth, is_repaired=repair)
    if checked.findings or contradictions:
        return ExitCode.NOT_EXACT
    return ExitCode.LOCKED if checked.locked else ExitCode.OK


def _adopt(store: Store, node_id: str, places: Places, ring: KeyRing) -> Adopted:
    """Give a row to each file that has none and is what its place says."""
    note_cameras(store, places.data_dir, ring, node_id)
    adopter = Adopter(store, node_id, places.data_dir, ring, SystemClock())
    for camera in list_cameras(store, with_removed=True):
        if camera.node_id == node_id:
            adopter.run(camera)
    return adopter.done


def _ring(places: Places, depth: Depth) -> KeyRing | None:
    try:
        return KeyRing.load(places.secrets_dir)
    except RecordingError:
        if depth is Depth.QUICK:
            return None
        raise


def _history(places: Places, store: Any, node_id: str) -> list[Contradiction]:
    return check_history(store, node_id, places.data_dir, _public_key(places))


def _public_key(places: Places) -> bytes:
    try:
        return BoxKey.load(places.secrets_dir).public
    except RecordingError as error:
        if error.exit_code is not ExitCode.NOT_FOUND:
            raise
    return bytes(32)  # never signed anything: a checkpoint that is there then is none of ours


def _print_against(taken: list[StoredCheckpoint], places: Places) -> None:
    newest = house_time(taken[-1].created_ms, house_zone(load_config(places)))
    print(f"Compared with {len(taken)} signed checkpoint{'' if len(taken) == 1 else 's'}, the newest of {newest}.")


def _facts(checked: Checked, contradictions: list[Contradiction], depth: Depth) -> dict[str, Any]:
    return {
        "depth": depth.value,
        "files": checked.files,
        "size_bytes": checked.size_bytes,
        "locked": checked.locked,
        "repaired": checked.repaired,
        "taken_in": checked.adopted.added if checked.adopted else 0,
        "findings": [
            {
                "file": one.row.path,
                "camera": one.row.camera_id,
                "number": one.row.number,
                "verdict": one.outcome.value,
                "sentence": one.sentence,
                "from_ts": one.span_ms[0],
                "to_ts": one.span_ms[1],
            }
            for one in checked.findings
        ],
        "history": [
            {"code": one.code, "sentence": one.sentence, "well_until_ts": one.since_ms} for one in contradictions
        ],
        "without_row": checked.strangers,
    }


def _print(
    checked: Checked, contradictions: list[Contradiction], places: Places, depth: Depth, *, is_repaired: bool
) -> None:
    zone = house_zone(load_config(places))
    for one in contradictions:
        until = f" All was well on {house_time(one.since_ms, zone)}." if one.since_ms is not None else ""
        print(f"! {one.sentence}{until}")
    for finding in checked.findings[:TOLD_AT_MOST]:
        when = house_time(finding.row.start_ms, zone)
        print(one_line(f"! {finding.row.path}, {when}: {WORDS[finding.outcome]}. {finding.sentence}"))
    if len(checked.findings) > TOLD_AT_MOST:
        print(f"! and {len(checked.findings) - TOLD_AT_MOST} more")
    for path in checked.strangers[:TOLD_AT_MOST]:
        print(one_line(f"  {path}: has no row. The next start takes it in, or --repair, if it is what its place says."))
    if checked.locked:
        print(f"  {count_text(checked.locked, 'recording')} cannot be looked into: the key is not here.")
    bad = len({one.row.id for one in checked.findings})
    besides = "besides what is said above, " if contradictions else ""
    well = f"{bad} of them not as they were recorded" if bad else f"{besides}{_WELL[depth]}"
    print(f"{count_text(checked.files, 'recording')}, {size_text(checked.size_bytes)}: {well}.")
    if is_repaired:
        print(f"{count_text(checked.repaired, 'row')} {_was(checked.repaired)} put right.")
    if checked.adopted:
        for words in checked.adopted.refused:
            print(one_line(f"! {words}"))
        added = checked.adopted.added
        print(f"{count_text(added, 'recording')} without a row {_was(added)} taken in.")


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
