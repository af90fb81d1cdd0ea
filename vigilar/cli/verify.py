"""``vigilar verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ExitCode, RecordingError
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json
from vigilar.config.places import Places
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Report, Verdict
from vigilar.vge.verify import verify_file

_WORST_FIRST = (ExitCode.NOT_EXACT, ExitCode.LOCKED, ExitCode.NOT_FOUND, ExitCode.DENIED, ExitCode.FAILED, ExitCode.OK)
"""Of many files the first of these decides: a file that is not what it was is the worst news."""

_KEY_CODES = frozenset({"key-missing", "key-wrong"})
"""Reasons of ``vge.opening`` that say nothing about the file, only that we cannot look into it."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_places
@with_json
def verify(files: tuple[Path, ...], places: Places, as_json: bool) -> int:
    """Prove with the keys of this box that each FILE is whole and unchanged. Reads once, changes nothing.

    Ends with 0 if all are; 9 if one is damaged, shortened, unfinished or none of ours; 13 if its key is not here.
    """
    ring = KeyRing.load(places.secrets_dir)
    results = [_verify(path, ring) for path in files]
    if as_json:
        print_json({"files": [facts for facts, _ in results]})
    else:
        for facts, _ in results:
            print(one_line(f"{facts['file']}: {facts['sentence']}"))
    return next((code for code in _WORST_FIRST if any(code is found for _, found in results)), ExitCode.FAILED)


def _verify(path: Path, ring: KeyRing) -> tuple[dict[str, Any], ExitCode]:
    """Facts and exit code of one file; a file that cannot be read does not keep the others from being proved."""
    try:
        report = verify_file(path, ring)
    except RecordingError as error:
        facts = {"file": str(path), "verdict": "unreadable", "code": error.code, "sentence": str(error)}
        return facts, error.exit_code
    return _summary(path, report), _exit_code(report)


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
