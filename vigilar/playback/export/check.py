"""Checking a bundle without any key: ``vigilar verify BUNDLE``. What is checked is in ``format-export.md``."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.base.zone import load_zone
from vigilar.playback.export.bundle import FORMAT, MANIFEST, RECORDS, SIGNATURE, VERSION
from vigilar.playback.export.chain import find_named, previous_link
from vigilar.playback.export.find_records import Fate, Known, find_fates
from vigilar.playback.export.zip_places import PlacedEntry, find_entries
from vigilar.vge.crypto import link_of
from vigilar.vge.format import RECORD_HEADER_BYTES
from vigilar.vge.merkle import leaf_of
from vigilar.vge.merkle_range import root_by_range
from vigilar.vge.signing import is_signed

MAX_PROOF_BYTES = 512 << 20
"""A day has a manifest of 40 MB; what says it is larger is not read."""

_WORDS = {
    Fate.CHANGED: ("was changed", "were changed"),
    Fate.MISSING: ("is missing", "are missing"),
    Fate.MOVED: ("was moved", "were moved"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was exported. ``numbers`` are those of the records, ``at_ms`` (from, to) in the
    clip and ``utc_ms`` by the clock; all empty when it is no matter of records."""

    kind: str
    movie: str
    sentence: str
    file_number: int | None = None
    numbers: tuple[int, int] | None = None
    at_ms: tuple[int, int] | None = None
    utc_ms: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BundleReport:
    """``proof_code`` tells bundles apart; ``signed_by`` is the print of the key that signed, None without one."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    proof_code: str
    records: int
    signed_by: str | None

    @property
    def is_exact(self) -> bool:
        return not self.findings


def is_bundle(path: Path) -> bool:
    """Whether it looks like a ZIP, of which only an export with proof is ours to check."""
    if not path.is_file():
        return False  # a pipe would be waited for
    with suppress(OSError), path.open("rb") as file:
        return file.read(4) == b"PK\3\4"
    return False


def check_bundle(path: Path) -> BundleReport:
    """Raises RecordingError for what is no bundle, or one too damaged to say more; OSError as the system."""
    entries = find_entries(path)
    with path.open("rb") as file:
        manifest_bytes = _read_small(file, entries, MANIFEST)
        records = _read_small(file, entries, RECORDS)
        try:
            return _Check(file, entries, json.loads(manifest_bytes), records).run(manifest_bytes)
        except (KeyError, TypeError, ValueError, IndexError, struct.error) as error:
            raise _unreadable("its manifest is not one") from error


def _read_small(file: BinaryIO, entries: dict[str, PlacedEntry], name: str) -> bytes:
    entry = entries.get(name)
    if entry is None or entry.stop - entry.start > MAX_PROOF_BYTES:
        raise _unreadable(f"{name} is missing")
    file.seek(entry.start)
    return file.read(entry.stop - entry.start)


class _Check:
    def __init__(
        self, file: BinaryIO, entries: dict[str, PlacedEntry], manifest: dict[str, Any], records: bytes
    ) -> None:
        if manifest["format"] != FORMAT:
            raise _unreadable("its manifest is not one")
        if manifest["version"] != VERSION:
            raise RecordingError("This export was made by a newer Vigilar.", code="bundle.newer")
        self._file = file
        self._entries = entries
        self._manifest = manifest
        self._records = records
        self._zone: tzinfo = load_zone(manifest["zone"])
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._count = 0
        self._links: list[str] = []
        self._before: dict[str, str] = {}

    def run(self, manifest_bytes: bytes) -> BundleReport:
        for movie in self._manifest["movies"]:
            self._check_movie(movie)
            for piece in movie["pieces"]:
                self._check_piece(movie, piece)
        signed_by = self._check_manifest_signature(manifest_bytes)
        self._check_checkpoint()
        if signed_by is None:
            self._notes.append("The house has not signed this export. Compare the proof code with the house's own.")
        code = proof_code(sha256(manifest_bytes).hexdigest())
        return BundleReport(tuple(self._findings), tuple(self._notes), code, self._count, signed_by)

    def _check_movie(self, movie: dict[str, Any]) -> None:
        name = str(movie["name"])
        entry = self._entries.get(name)
        if entry is None:
            self._findings.append(Finding("missing", name, f"{name} is missing."))
            return
        read, size = self._reader(entry), entry.stop - entry.start
        head_size = movie["head_size"]
        if sha256(read(0, head_size)).hexdigest() != movie["head_sha256"]:
            sentence = f"The table of contents of {name} was changed: order, times or format of its pictures."
            self._findings.append(Finding("head", name, sentence))
        rows = [(piece, row) for piece in movie["pieces"] for row in piece["records"]]
        self._count += len(rows)
        known = [Known(row[5], bytes.fromhex(row[7])[: row[5]], self._prover(row)) for _, row in rows]
        fates, strange = find_fates(read, head_size, size, known)
        self._tell(name, rows, fates)
        if strange and all(fate is Fate.EXACT for fate in fates):
            self._findings.append(Finding("added", name, f"{strange} bytes were added to {name}."))

    def _reader(self, entry: PlacedEntry) -> Any:
        def read(start: int, stop: int) -> bytes:
            self._file.seek(entry.start + start)
            return self._file.read(max(0, min(stop, entry.stop - entry.start) - start))

        return read

    def _prover(self, row: list[Any]) -> Any:
        prefix, wanted = self._prefix(row), bytes.fromhex(row[8])
        return lambda media: sha256(prefix + media).digest() == wanted

    def _prefix(self, row: list[Any]) -> bytes:
        """The boxes that stood before the media in the record."""
        at = row[6]
        (payload_len,) = struct.unpack_from(">I", self._records, at + 8)
        return self._records[at + RECORD_HEADER_BYTES : at + RECORD_HEADER_BYTES + payload_len - row[5]]

    def _tell(self, name: str, rows: list[tuple[dict[str, Any], list[Any]]], fates: list[Fate]) -> None:
        for fate, first, last in _runs(rows, fates):
            piece, begin = rows[first]
            end = rows[last][1]
            one, many = _WORDS[fate]
            is_one = first == last
            which = f"record {begin[0]}" if is_one else f"records {begin[0]} to {end[0]}"
            at_ms, utc_ms = (begin[3], end[3] + end[2]), (begin[1], end[1] + end[2])
            sentence = (
                f"{name}: second {at_ms[0] / 1000:.1f} to {at_ms[1] / 1000:.1f} of the video ({self._clock(utc_ms[0])} "
                f"to {self._clock(utc_ms[1])}), {which} of recording {piece['file_number']}, {one if is_one else many}."
            )
            self._findings.append(
                Finding(fate.value, name, sentence, piece["file_number"], (begin[0], end[0]), at_ms, utc_ms)
            )

    def _check_piece(self, movie: dict[str, Any], piece: dict[str, Any]) -> None:
        """The records' hashes against the root of their recording, and that against its link."""
        where = f"recording {piece['file_number']}"
        leaves: dict[int, bytes] = {}
        for row in piece["records"]:
            header = self._records[row[6] : row[6] + RECORD_HEADER_BYTES]
            number, utc_ns = struct.unpack_from(">Q", header, 16)[0], struct.unpack_from(">Q", header, 32)[0]
            if (number, utc_ns // 1_000_000) != (row[0], row[1]):
                self._contradiction(movie, f"Number or time of record {row[0]} of {where} was changed.", row[0])
            leaves[row[0]] = leaf_of(header, bytes.fromhex(row[8]))
        for other, both in piece["others"].items():
            data = bytes.fromhex(both)
            leaves[int(other)] = leaf_of(data[:RECORD_HEADER_BYTES], data[RECORD_HEADER_BYTES:])
        if piece["state"] == "damaged":
            self._notes.append(f"Part of {where} was damaged before the export, so its records are proved one by one.")
            return
        numbers = range(piece["first"], piece["last"] + 1)
        if sorted(leaves) != list(numbers):
            self._contradiction(movie, f"The list of the records of {where} is not whole.", None)
            return
        proof = [bytes.fromhex(one) for one in piece["proof"]]
        root = root_by_range(piece["count"], piece["first"], [leaves[one] for one in numbers], proof)
        if root is None or root.hex() != piece["root"]:
            self._contradiction(movie, f"The proof of {where} does not fit its records.", None)
        if piece["state"] == "open":
            self._notes.append(f"{where[0].upper()}{where[1:]} was still being written when the export was made.")
            return
        link = link_of(bytes.fromhex(piece["core"]), bytes.fromhex(piece["close_tag"]))
        if link.hex() != piece["link"]:
            self._contradiction(movie, f"The link of {where} does not fit its header.", None)
        self._links.append(piece["link"])
        self._before[piece["link"]] = previous_link(bytes.fromhex(piece["core"]))

    def _contradiction(self, movie: dict[str, Any], sentence: str, number: int | None) -> None:
        numbers = None if number is None else (number, number)
        self._findings.append(Finding("proof", str(movie["name"]), sentence, numbers=numbers))

    def _check_manifest_signature(self, manifest_bytes: bytes) -> str | None:
        """The print of the key that signed the manifest; None when none did, or the signature is wrong."""
        if self._manifest["signing_key"] is None:
            return None
        key = base64.b64decode(self._manifest["signing_key"])
        if SIGNATURE not in self._entries or not is_signed(
            key, _read_small(self._file, self._entries, SIGNATURE), manifest_bytes
        ):
            self._findings.append(Finding("signature", "", "The signature of this export is not right."))
            return None
        return sha256(key).hexdigest()[:16]

    def _check_checkpoint(self) -> None:
        checkpoint = self._manifest["checkpoint"]
        if checkpoint is None:
            return
        key, body = base64.b64decode(checkpoint["public_key"]), str(checkpoint["body"])
        if not is_signed(key, base64.b64decode(checkpoint["signature"]), body.encode()):
            self._findings.append(Finding("signature", "", "The signature of the house's checkpoint is not right."))
            return
        for one in self._manifest.get("chain", ()):
            core = bytes.fromhex(one["core"])
            self._before[link_of(core, bytes.fromhex(one["close_tag"])).hex()] = previous_link(core)
        found = find_named(self._before, body)
        named = sum(link in found for link in self._links)
        self._notes.append(f"The signed words of the house name {named} of {len(self._links)} closed recordings.")

    def _clock(self, ms: int) -> str:
        moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone(self._zone)
        return f"{moment:%H:%M:%S}.{ms % 1000 // 100}"


def proof_code(manifest_sha256: str) -> str:
    """``1a2b-3c4d-5e6f-7a8b``: what two people compare."""
    return "-".join(manifest_sha256[at : at + 4] for at in range(0, 16, 4))


def _runs(rows: list[tuple[dict[str, Any], list[Any]]], fates: list[Fate]) -> Iterator[tuple[Fate, int, int]]:
    """What happened to records in a row of one recording: fate, first and last index."""
    at = 0
    while at < len(fates):
        last = at
        while last + 1 < len(fates) and fates[last + 1] is fates[at] and rows[last + 1][0] is rows[at][0]:
            last += 1
        if fates[at] is not Fate.EXACT:
            yield fates[at], at, last
        at = last + 1


def _unreadable(why: str) -> RecordingError:
    return RecordingError(
        f"This is no export with proof: {why}.",
        kind=ErrorKind.CORRUPT,
        code="bundle.form",
        exit_code=ExitCode.NOT_EXACT,
    )
