"""``vigilar verify``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ExitCode, RecordingError
from vigilar.cli.footage_house import WORDS, FootageHouse, find_house
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json
from vigilar.cli.verify_bundle import verify_bundle
from vigilar.config.places import Places
from vigilar.playback.export.check import is_bundle
from vigilar.proof.verdict import Outcome, anchor_of, judge_chain, judge_names, judge_report
from vigilar.store import inventory
from vigilar.store.inventory import Listed
from vigilar.vge.claim import CONTENT_OF, read_closing
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Report, Verdict
from vigilar.vge.verify import verify_file

_WORST_FIRST = (ExitCode.NOT_EXACT, ExitCode.LOCKED, ExitCode.NOT_FOUND, ExitCode.DENIED, ExitCode.FAILED, ExitCode.OK)
"""Of many files the first of these decides: a file that is not what it was is the worst news."""

_OUTCOMES = frozenset(one.value for one in Outcome)

DELETED_WHY = {
    "age": "because it was older than recordings are kept",
    "quota": "to keep within the space that recordings may take",
    "camera-quota": "to keep within the space that this camera's recordings may take",
    "reserve": "to keep the disk from filling up",
    "owner": "by a person's word",
}
"""Why of a row of ``deletions`` -> the end of a sentence."""

_KEY_CODES = frozenset({"key-missing", "key-wrong", "locked"})
"""Reasons of ``vge.opening`` that say nothing about the file, only that we cannot look into it."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_places
@with_json
def verify(files: tuple[Path, ...], places: Places, as_json: bool) -> int:
    """Prove with the keys of this box that each FILE is whole, unchanged, and the one that was recorded.

    Where the database of the box knows the file, its end and the recording before it are proved too. Reads once,
    changes nothing. Ends with 0 if all are well; 9 if one is damaged, shortened, exchanged, missing, unfinished or none
    of ours; 13 if its key is not here.
    """
    # An export with proof needs no key: it is checked on machines that never had one.
    ring = KeyRing([]) if all(map(is_bundle, files)) else KeyRing.load(places.secrets_dir)
    with find_house(places) as house:
        results = [_Verifier(places, ring, house).verify(path) for path in files]
    if as_json:
        print_json({"files": [facts for facts, _ in results]})
    else:
        for facts, _ in results:
            words = WORDS.get(Outcome(facts["verdict"]) if facts["verdict"] in _OUTCOMES else Outcome.CLOSED)
            print(one_line(f"{facts['file']}: {f'{words}. ' if words else ''}{facts['sentence']}"))
            if facts.get("before"):
                print(one_line(f"{facts['file']}: {WORDS[Outcome.MISSING]}. {facts['before']}"))
    return next((code for code in _WORST_FIRST if any(code is found for _, found in results)), ExitCode.FAILED)


class _Verifier:
    """One file after the other. ``house`` is None where there is no database: then a file is proved by itself."""

    def __init__(self, places: Places, ring: KeyRing, house: FootageHouse | None) -> None:
        self._places = places
        self._ring = ring
        self._house = house

    def verify(self, path: Path) -> tuple[dict[str, Any], ExitCode]:
        """Facts and exit code; a file that cannot be read does not keep the others from being proved."""
        if is_bundle(path):
            return verify_bundle(path)
        listed = self._find_row(path)
        try:
            report = verify_file(path, self._ring, anchor=anchor_of(listed.row) if listed else None)
        except RecordingError as error:
            return self._unreadable(path, listed, error)
        facts = _summary(path, report)
        if listed is None:
            if report.code == "not-a-recording":
                facts["sentence"] += _what_it_is(path)
            return facts, _exit_code(report)
        judged = judge_report(report, listed)
        facts |= {"verdict": judged.outcome.value, "sentence": judged.sentence.removesuffix(".")}
        facts |= {"camera": listed.row.camera_id, "number": listed.row.number}
        before = None
        if self._house is not None and report.core is not None and judged.outcome is not Outcome.REPLACED:
            before = judge_chain(self._house.store, listed, report.core)
        facts["before"] = before.sentence if before is not None else None
        if judged.outcome is Outcome.LOCKED:
            return facts, ExitCode.LOCKED
        is_well = judged.outcome is Outcome.CLOSED and before is None
        return facts, ExitCode.OK if is_well else ExitCode.NOT_EXACT

    def _find_row(self, path: Path) -> Listed | None:
        """The row of the file that belongs there; of a copy elsewhere that of the file its header names."""
        if self._house is None:
            return None
        store, node_id = self._house.store, self._house.node_id
        own = self._own_path(path)
        if own is not None and (found := inventory.find_by_path(store, node_id, own)) is not None:
            return found
        try:
            core = read_closing(path, self._ring).core
        except RecordingError:
            return None
        contents = [name for name, content in CONTENT_OF.items() if content is core.content]
        return inventory.find_by_identity(store, core.camera_uuid, contents, core.file_number)

    def _own_path(self, path: Path) -> str | None:
        """The path in the data folder; None for a file elsewhere. A link in the place of a recording is not followed:
        it would be taken for the recording that it leads to."""
        try:
            folder = Path(os.path.realpath(path.absolute().parent))
            return (folder / path.name).relative_to(os.path.realpath(self._places.data_dir)).as_posix()
        except ValueError:
            return None

    def _unreadable(self, path: Path, listed: Listed | None, error: RecordingError) -> tuple[dict[str, Any], ExitCode]:
        facts: dict[str, Any] = {"file": str(path), "verdict": "unreadable", "code": error.code, "sentence": str(error)}
        if error.exit_code is not ExitCode.NOT_FOUND or self._house is None:
            return facts, error.exit_code
        if listed is not None:
            sentence = judge_names(path, listed.row).sentence.removesuffix(".")
            return facts | {"verdict": Outcome.MISSING.value, "sentence": sentence}, ExitCode.NOT_EXACT
        own = self._own_path(path)
        gone = own and inventory.find_deletion(self._house.store, self._house.node_id, own)
        if gone:
            when = datetime.fromtimestamp(gone.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            why = DELETED_WHY.get(gone.why, gone.why)
            facts |= {"verdict": Outcome.DELETED.value, "sentence": f"Deleted on {when}, {why}"}
        return facts, ExitCode.NOT_FOUND


def _what_it_is(path: Path) -> str:
    """The end of a sentence about what people take for a recording; empty for anything else."""
    if path.is_dir():
        return ", but a folder. Name the files in it, or look after all recordings of this box with vigilar check"
    try:
        with path.open("rb") as file:
            is_mp4 = file.read(8)[4:] == b"ftyp"
    except OSError:
        return ""
    end = ", but an MP4, which proves nothing by itself. Give the .zip of an export with proof: the MP4 in it is proved"
    return end if is_mp4 else ""


def _exit_code(report: Report) -> ExitCode:
    if report.verdict is Verdict.CLOSED:
        return ExitCode.OK
    return ExitCode.LOCKED if report.code in _KEY_CODES else ExitCode.NOT_EXACT


def _summary(path: Path, report: Report) -> dict[str, Any]:
    digest = report.plaintext_sha256
    return {
        "file": str(path),
        "verdict": report.verdict.value,
        "code": report.code,
        "sentence": report.sentence,
        "records_verified": report.records_verified,
        "size_bytes": report.size_bytes,
        "plaintext_bytes": report.plaintext_bytes,
        "plaintext_sha256": digest.hex() if digest else None,
        "first_ts": _ms(report.first_utc_ns),
        "last_ts": _ms(report.last_utc_ns),
        "playable_ms": [[span.start_ms, span.end_ms] for span in report.playable_spans],
        "damaged_ms": [[span.start_ms, span.end_ms] for span in report.damaged_spans],
    }


def _ms(ns: int | None) -> int | None:
    return None if ns is None else ns // 1_000_000
