"""A ZIP that proves itself: the movies, what they were made of, and how a stranger checks it (``format-export.md``).

The media of a movie are those of the recordings' records, byte for byte and in their order. With the few bytes of boxes
that stood before them in each record (``records.bin``) a stranger can compute the hash of every record, from these the
roots of the recordings, and compare them with what this house signed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, Protocol

from vigilar.playback.export.chain import make_chain
from vigilar.playback.export.names import name_time
from vigilar.playback.export.planned import MovieFile, MoviePiece, PlannedMovie
from vigilar.playback.export.zip_layout import ZipEntry, directory, local_header
from vigilar.playback.library import Library
from vigilar.vge.crypto import link_of
from vigilar.vge.format import RecordHeader, RecordType
from vigilar.vge.leaves import FileLeaves
from vigilar.vge.merkle_range import range_proof

MANIFEST, RECORDS, SIGNATURE = "proof/manifest.json", "proof/records.bin", "proof/manifest.sig"
FORMAT = "vigilar-export"
VERSION = 1

HEAD_BYTES = 8
"""So many bytes of each record's media are in the manifest, by which a checker finds a record that stands elsewhere."""

Note = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A word of this house on all its recordings: ``body``, the Ed25519 ``signature`` over it (64 bytes), and
    the public key (32 bytes)."""

    body: str
    signature: bytes
    public_key: bytes


class Signer(Protocol):
    """The signing key of this house (Ed25519). ``public`` is its public half, 32 bytes."""

    public: bytes

    def sign(self, message: bytes, /) -> bytes:
        """64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """What the manifest says beside the proof. Times are UTC ms; ``made`` is house time."""

    house: str
    zone_name: str
    camera_id: str
    camera_name: str
    from_ms: int
    to_ms: int
    made_ms: int
    made: datetime
    made_by: str
    software: str
    checkpoint: SignedCheckpoint | None = None
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """The entries of the ZIP in their order: ``contents`` are the bytes of an entry, or the number of a movie."""

    name: str
    entries: tuple[ZipEntry, ...]
    contents: tuple[bytes | int, ...] = field(repr=False)
    made: datetime

    @property
    def manifest_sha256(self) -> str:
        """By which two can tell that they speak of the same bundle."""
        place = next(i for i, one in enumerate(self.entries) if one.name == MANIFEST)
        content = self.contents[place]
        assert isinstance(content, bytes)  # noqa: S101 -- the manifest is no movie
        return sha256(content).hexdigest()


class BundleFile:
    """The bytes of a bundle. Any thread."""

    def __init__(self, plan: BundlePlan, movies: Sequence[MovieFile]) -> None:
        self.plan = plan
        parts: list[bytes | MovieFile] = []
        places, at = [], 0
        for entry, content in zip(plan.entries, plan.contents, strict=True):
            places.append(at)
            head = local_header(entry, plan.made)
            parts += (head, movies[content] if isinstance(content, int) else content)
            at += len(head) + entry.size
        parts.append(directory(plan.entries, places, at, plan.made))
        self._parts = parts
        self.size_bytes = sum(map(_size, parts))

    @property
    def etag(self) -> str:
        return self.plan.manifest_sha256[:20]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), in pieces. Errors as ``MovieFile.read``."""
        place = 0
        for part in self._parts:
            size = _size(part)
            first, last = max(0, start - place), min(size, stop - place)
            if first < last:
                if isinstance(part, bytes):
                    yield part[first:last]
                else:
                    yield from part.read(first, last)
            place += size


def _size(part: bytes | MovieFile) -> int:
    return len(part) if isinstance(part, bytes) else part.movie.size_bytes


def make_bundle(
    library: Library, facts: BundleFacts, name: str, movies: Sequence[tuple[str, PlannedMovie]], note: Note
) -> BundlePlan:
    """Prove every recording that the movies (with their names) come from, and write down what a stranger needs.

    Reads each recording once, whole. ``note`` is told the bytes and may raise. Raises RecordingError.
    """
    records = bytearray()
    sealed = [_MovieProof(library, one, records, note) for _, one in movies]
    closed = {piece["file_number"] for one in sealed for piece in one.pieces if "link" in piece}
    body = facts.checkpoint.body if facts.checkpoint else ""
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "house": facts.house,
        "zone": facts.zone_name,
        "camera": {"id": facts.camera_id, "name": facts.camera_name},
        "from_ms": facts.from_ms,
        "to_ms": facts.to_ms,
        "made_ms": facts.made_ms,
        "made_by": facts.made_by,
        "software": facts.software,
        "movies": [{"name": movie_name, **one.dump()} for (movie_name, _), one in zip(movies, sealed, strict=True)],
        "checkpoint": _dump_checkpoint(facts.checkpoint),
        "chain": make_chain(library, facts.camera_id, body, closed),
        "signing_key": base64.b64encode(facts.signer.public).decode() if facts.signer else None,
    }
    small = {
        "README.txt": _readme(facts).encode(),
        "verify.html": verifier_page(),
        MANIFEST: json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode(),
        RECORDS: bytes(records),
    }
    if facts.signer is not None:
        small[SIGNATURE] = facts.signer.sign(small[MANIFEST])
    entries = [ZipEntry(entry, len(data), zlib.crc32(data)) for entry, data in small.items()]
    entries += [
        ZipEntry(movie_name, movie.size_bytes, one.crc) for (movie_name, movie), one in zip(movies, sealed, strict=True)
    ]
    contents = (*small.values(), *range(len(movies)))
    return BundlePlan(name, tuple(entries), contents, facts.made)


class _MovieProof:
    """Walks the recordings of one movie."""

    def __init__(self, library: Library, movie: PlannedMovie, records: bytearray, note: Note) -> None:
        self._movie = movie
        self._records = records
        self._note = note
        self._at = len(movie.head)
        self._clip_ms = 0
        self._lead_ms: int | None = None
        self.crc = zlib.crc32(movie.head)
        self._sha = sha256(movie.head)
        file = MovieFile(library, movie)
        self.pieces = [self._prove(library, file, one) for one in movie.pieces]

    def dump(self) -> dict[str, Any]:
        movie = self._movie
        return {
            "size": movie.size_bytes,
            "sha256": self._sha.hexdigest(),
            "head_size": len(movie.head),
            "head_sha256": sha256(movie.head).hexdigest(),
            "start_ms": movie.start_ms,
            "end_ms": movie.end_ms,
            "length_ms": movie.length_ms,
            "pictures": movie.pictures,
            "gaps": [
                {"from_ms": one.from_ms, "to_ms": one.to_ms, "at_ms": one.at_ms, "words": one.words}
                for one in movie.gaps
            ],
            "pieces": self.pieces,
        }

    def _prove(self, library: Library, file: MovieFile, piece: MoviePiece) -> dict[str, Any]:
        row = file.row_of(piece)
        rows: list[list[int | str]] = []
        others: dict[str, str] = {}
        hashes: dict[int, bytes] = {}

        def take(header: RecordHeader, header_bytes: bytes, payload: bytes) -> None:
            self._note(header.record_len)
            if not piece.first <= header.number <= piece.last:
                return
            if header.type is RecordType.MEDIA:
                rows.append(self._take(header, header_bytes, payload, piece.prefixes[len(rows)]))
            else:
                hashes[header.number] = sha256(payload).digest()
                others[str(header.number)] = (header_bytes + hashes[header.number]).hex()

        found = library.leaves(row, take)
        return {
            "file": row.path,
            "file_number": row.number,
            "codec": row.codec,
            "first": piece.first,
            "last": piece.last,
            **_dump_leaves(found, piece),
            "others": others,
            "records": rows,
        }

    def _take(self, header: RecordHeader, header_bytes: bytes, payload: bytes, prefix: int) -> list[int | str]:
        """The row of one record, in the order that ``format-export.md`` names."""
        media = payload[prefix:]
        utc_ms = header.utc_ns // 1_000_000
        if self._lead_ms is None:
            self._lead_ms = self._movie.start_ms - utc_ms
        row: list[int | str] = [
            header.number,
            utc_ms,
            header.duration_ms,
            max(0, self._clip_ms - self._lead_ms),
            self._at,
            len(media),
            len(self._records),
            media[:HEAD_BYTES].hex(),
            sha256(payload).hexdigest(),
        ]
        self._records += header_bytes + payload[:prefix]
        self.crc = zlib.crc32(media, self.crc)
        self._sha.update(media)
        self._at += len(media)
        self._clip_ms += header.duration_ms
        return row


def _dump_leaves(found: FileLeaves, piece: MoviePiece) -> dict[str, Any]:
    """Root and proof of a recording; without them when records of it are lost or changed."""
    base: dict[str, Any] = {"core": found.core.hex(), "state": "damaged", "count": len(found.leaves)}
    if not found.is_whole:
        return base
    base["state"] = "open" if found.close_tag is None else "closed"
    base["root"] = found.root.hex()
    base["proof"] = [one.hex() for one in range_proof(found.leaves, piece.first, piece.last + 1)]
    if found.close_tag is not None:
        base["close_tag"] = found.close_tag.hex()
        base["link"] = link_of(found.core, found.close_tag).hex()
    return base


def _dump_checkpoint(one: SignedCheckpoint | None) -> dict[str, str] | None:
    if one is None:
        return None
    return {
        "body": one.body,
        "signature": base64.b64encode(one.signature).decode(),
        "public_key": base64.b64encode(one.public_key).decode(),
    }


def verifier_page() -> bytes:
    """The page by which anybody checks a bundle: one file of HTML that needs nothing else."""
    return files("vigilar.playback.export").joinpath("verify.html").read_bytes()


def _readme(facts: BundleFacts) -> str:
    text = files("vigilar.playback.export").joinpath("README.txt").read_text(encoding="utf-8")
    made = name_time(facts.made_ms, facts.made.tzinfo) if facts.made.tzinfo else ""
    values = {"camera": facts.camera_name, "house": facts.house, "made": made, "made_by": facts.made_by}
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text
