"""The sealed file of a reel or time-lapse: how it is laid out, and how byte ranges of its MP4 come out of it.

A `.vge` file as that of a recording, INIT and fragments in records of MEDIA, with three records of META behind them:
facts (JSON: how many bytes of boxes stand before the media of each record), the head of the plain MP4 that the same
media make, and a poster (JPEG). What is sent is the plain MP4, which every player opens and seeks in by ranges; only
the records that a range touches are read, each proved before a byte of it is sent.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.playback.pieces import in_pieces
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

VERSION = 1
_METAS = 3


def dump_facts(prefixes: Sequence[int]) -> bytes:
    return json.dumps({"version": VERSION, "prefixes": list(prefixes)}, separators=(",", ":")).encode()


def gone() -> RecordingError:
    """A film whose file is not there, not whole, or does not open with the keys of today."""
    return RecordingError(
        "This film is not there any more.", kind=ErrorKind.PERMANENT, code="reel.gone", next_step="Make it again.",
        exit_code=ExitCode.NOT_FOUND,
    )  # fmt: skip


def _open(path: Path, job_id: int, ring: KeyRing) -> VgeReader:
    """Raises RecordingError, of code ``reel.gone`` when there is no whole one of that job."""
    if not path.exists():
        raise gone()
    reader = VgeReader.open(path, ring)
    if not reader.is_closed or reader.header.file_number != job_id:
        reader.close()
        raise gone()
    return reader


class FilmFile:
    """The plain MP4 of a job. Any thread; nothing is held open between calls."""

    def __init__(self, path: Path, job_id: int, ring: KeyRing) -> None:
        """Raises RecordingError; of code ``reel.gone`` for one that is not there."""
        self._path, self._job_id, self._ring = path, job_id, ring
        with _open(path, job_id, ring) as reader:
            metas = [one for one in reader.entries if one.type is RecordType.META]
            facts: dict[str, Any] = json.loads(reader.read(metas[0])) if len(metas) == _METAS else {}
            self._entries = [one for one in reader.entries if one.type is RecordType.MEDIA]
            self._prefixes: list[int] = facts.get("prefixes", [])
            if facts.get("version") != VERSION or len(self._prefixes) != len(self._entries):
                raise gone()
            self._head = reader.read(metas[1])
            name = reader.header.file_id
        sizes = (one.payload_len - prefix for one, prefix in zip(self._entries, self._prefixes, strict=True))
        self._places: list[int] = list(accumulate(sizes, initial=len(self._head)))
        self.etag = hashlib.sha256(name + self._head).hexdigest()[:20]

    @property
    def size_bytes(self) -> int:
        return self._places[-1]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), in pieces; one record at a time is in memory. Raises RecordingError on arriving at
        a damaged record, or when it was taken away."""
        if start < len(self._head):
            yield self._head[start : min(stop, len(self._head))]
            start = min(stop, len(self._head))
        if start >= stop:
            return
        with _open(self._path, self._job_id, self._ring) as reader:
            number = max(0, bisect_right(self._places, start) - 1)
            while start < stop and number < len(self._entries):
                place, prefix = self._places[number], self._prefixes[number]
                data = memoryview(reader.read(self._entries[number]))
                yield from in_pieces(data[prefix + start - place : prefix + stop - place])
                del data  # before the next is read
                number += 1
                start = self._places[number]


def read_poster(path: Path, job_id: int, ring: KeyRing) -> bytes:
    """Its picture, as JPEG. Raises as ``FilmFile``."""
    with _open(path, job_id, ring) as reader:
        metas = [one for one in reader.entries if one.type is RecordType.META]
        if len(metas) != _METAS:
            raise gone()
        return reader.read(metas[2])
