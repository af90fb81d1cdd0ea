"""Where the plan of an export is kept: sealed, as everything that tells what a camera saw.

A `.vge` file of lines of JSON: one that says what is planned, then the bytes it names as base64, since a line holds no
raw ones. Lost or locked, it is no loss: the same wish makes the same plan.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from vigilar.base.atomic import fsync_folder, make_private_folder
from vigilar.base.clock import Clock, boot_id
from vigilar.base.disk import disk_errors
from vigilar.playback.export.bundle import BundlePlan
from vigilar.playback.export.make import ExportPlan, gone
from vigilar.playback.export.plan_place import plan_path
from vigilar.playback.export.planned import ClosedGap, MoviePiece, PlannedMovie
from vigilar.playback.export.zip_layout import ZipEntry
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader
from vigilar.vge.writer import FileSpec, VgeWriter

_VERSION = 1
_BLOB_BYTES = 2 << 20
"""Bytes of one line before base64: what it becomes fits a record."""


def save_plan(data_dir: Path, job_id: int, plan: ExportPlan, ring: KeyRing, clock: Clock) -> None:
    """Seal the plan of a job; one that an earlier worker left is replaced. Raises VigilarError, and then nothing of it
    is left."""
    path = plan_path(data_dir, job_id)
    with disk_errors("keep the export in", path.parent):
        make_private_folder(path.parent)
        path.unlink(missing_ok=True)
        fsync_folder(path.parent)
    utc_ns, mono_ns = clock.utc_ns(), clock.mono_ns()
    spec = FileSpec(
        camera_uuid=bytes(16),
        file_number=job_id,
        content=Content.JSON_LINES,
        start_utc_ns=utc_ns,
        start_mono_ns=mono_ns,
        boot_id=boot_id(),
        previous_link=bytes(32),
        timescale=1000,
    )
    writer = VgeWriter.create(path, spec, ring)
    try:
        for line in _lines(plan):
            writer.append_media(line, utc_ns=utc_ns, mono_ns=mono_ns, duration_ms=0)
        writer.close(CloseReason.STOP, utc_ns=utc_ns, mono_ns=mono_ns)
    except BaseException:
        writer.abandon()
        path.unlink(missing_ok=True)
        raise


def load_plan(data_dir: Path, job_id: int, ring: KeyRing) -> ExportPlan:
    """Raises RecordingError, of code ``export.gone`` when there is no whole plan of that job."""
    path = plan_path(data_dir, job_id)
    if not path.exists():
        raise gone()
    with VgeReader.open(path, ring) as reader:
        if not reader.is_closed or reader.header.file_number != job_id:
            raise gone()
        lines = [entry for entry in reader.entries if entry.type.is_plaintext]
        facts = json.loads(reader.read(lines[0]))
        if facts["version"] != _VERSION:
            raise gone()
        blob = bytearray()
        for entry in lines[1:]:
            blob += base64.b64decode(json.loads(reader.read(entry)))
    return _plan(facts, memoryview(bytes(blob)))


class _Blob:
    """Bytes one behind the other, each piece named by its length."""

    def __init__(self) -> None:
        self.data = bytearray()

    def put(self, piece: bytes) -> int:
        self.data += piece
        return len(piece)


def _lines(plan: ExportPlan) -> Iterator[bytes]:
    blob = _Blob()
    facts: dict[str, Any] = {"version": _VERSION, "movies": [], "bundle": None}
    for name, movie in plan.movies:
        facts["movies"].append({"name": name, **_dump_movie(movie, blob)})
    if plan.bundle is not None:
        bundle = plan.bundle
        facts["bundle"] = {
            "name": bundle.name,
            "made": bundle.made.isoformat(),
            "entries": [
                [one.name, one.size, one.crc, content if isinstance(content, int) else None]
                for one, content in zip(bundle.entries, bundle.contents, strict=True)
            ],
        }
        for content in bundle.contents:
            if isinstance(content, bytes):
                blob.put(content)
    yield json.dumps(facts, separators=(",", ":")).encode() + b"\n"
    for at in range(0, len(blob.data), _BLOB_BYTES):
        yield b'"' + base64.b64encode(blob.data[at : at + _BLOB_BYTES]) + b'"\n'


def _dump_movie(movie: PlannedMovie, blob: _Blob) -> dict[str, Any]:
    return {
        "camera_id": movie.camera_id,
        "head": blob.put(movie.head),
        "pieces": [
            [one.file_id, one.first, one.last, one.place, blob.put(_little(one.prefixes)), blob.put(_little(one.sizes))]
            for one in movie.pieces
        ],
        "media_bytes": movie.media_bytes,
        "start_ms": movie.start_ms,
        "end_ms": movie.end_ms,
        "length_ms": movie.length_ms,
        "pictures": movie.pictures,
        "gaps": [[one.from_ms, one.to_ms, one.at_ms, one.words] for one in movie.gaps],
    }


def _plan(facts: dict[str, Any], blob: memoryview) -> ExportPlan:
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return bytes(blob[at - size : at])

    movies = []
    for one in facts["movies"]:
        head = take(one["head"])
        pieces = tuple(
            MoviePiece(file_id, first, last, place, _numbers(take(prefixes)), _numbers(take(sizes)))
            for file_id, first, last, place, prefixes, sizes in one["pieces"]
        )
        gaps = tuple(ClosedGap(*gap) for gap in one["gaps"])
        plain = {key: one[key] for key in ("camera_id", "media_bytes", "start_ms", "end_ms", "length_ms", "pictures")}
        movies.append((one["name"], PlannedMovie(head=head, pieces=pieces, gaps=gaps, **plain)))
    if facts["bundle"] is None:
        return ExportPlan(tuple(movies))
    rows = facts["bundle"]["entries"]
    entries = tuple(ZipEntry(name, size, crc) for name, size, crc, _ in rows)
    contents = tuple(take(size) if movie is None else movie for _, size, _, movie in rows)
    made = datetime.fromisoformat(facts["bundle"]["made"])
    return ExportPlan(tuple(movies), BundlePlan(facts["bundle"]["name"], entries, contents, made))


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(data: bytes) -> array[int]:
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
