"""A plain MP4 that exists only as its tables and the places of its media in the recordings."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from vigilar.playback.library import FootageGone, Library
from vigilar.playback.pieces import in_pieces
from vigilar.store.files import FileRow
from vigilar.vge.read_ahead import payload_of
from vigilar.vge.reader import RecordEntry, damaged


@dataclass(slots=True)
class MoviePiece:
    """Records of one file that follow one another: those of MEDIA from number ``first`` to ``last``.

    ``prefixes`` are the bytes of boxes before the media in each, ``sizes`` those of the whole payload; ``place`` is
    where the media of the first begin among all media of the movie.
    """

    file_id: int
    first: int
    last: int
    place: int
    prefixes: array[int] = field(default_factory=lambda: array("I"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    _places: array[int] | None = None

    def places(self) -> array[int]:
        """Where among all media of the movie those of each record begin, and where the last end. Made once, when the
        piece grows no more."""
        if self._places is None:
            lengths = (size - prefix for size, prefix in zip(self.sizes, self.prefixes, strict=True))
            self._places = array("Q", accumulate(lengths, initial=self.place))
        return self._places

    @property
    def media_bytes(self) -> int:
        return sum(self.sizes) - sum(self.prefixes)


@dataclass(frozen=True, slots=True)
class ClosedGap:
    """Nothing is recorded in [from_ms, to_ms), UTC ms; the movie goes on behind it without a pause. ``at_ms`` is where
    in the movie; ``words`` say why, as people read it."""

    from_ms: int
    to_ms: int
    at_ms: int
    words: str


@dataclass(frozen=True, slots=True)
class PlannedMovie:
    """One plain MP4. ``start_ms`` and ``end_ms`` are the UTC ms of the first picture shown and of the last one's end,
    ``length_ms`` what a player shows, ``pictures`` how many. ``etag`` is the same for the same bytes: a record never
    changes, so its number and file stand for it."""

    camera_id: str
    head: bytes = field(repr=False)
    pieces: tuple[MoviePiece, ...]
    media_bytes: int
    start_ms: int
    end_ms: int
    length_ms: int
    pictures: int
    gaps: tuple[ClosedGap, ...] = ()
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.head)
        for one in self.pieces:
            digest.update(f"|{one.file_id}.{one.first}-{one.last}".encode())
        object.__setattr__(self, "etag", digest.hexdigest()[:20])

    @property
    def size_bytes(self) -> int:
        return len(self.head) + self.media_bytes

    @property
    def memory_bytes(self) -> int:
        """Memory it takes."""
        return len(self.head) + 1000 + sum(500 + 16 * len(one.sizes) for one in self.pieces)


class MovieFile:
    """The bytes of a planned movie. Any thread. ``rows`` are those of its recordings, by id, as far as they were read a
    moment ago."""

    def __init__(self, library: Library, movie: PlannedMovie, rows: Mapping[int, FileRow] | None = None) -> None:
        self._library = library
        self._rows = rows or {}
        self.movie = movie
        self._starts = [one.place for one in movie.pieces]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), in pieces; one record at a time is in memory. Raises RecordingError on arriving at
        a damaged record; FootageGone when the recording is not there any more."""
        head = self.movie.head
        if start < len(head):
            yield head[start : min(stop, len(head))]
        start, stop = max(0, start - len(head)), stop - len(head)
        index = max(0, bisect_right(self._starts, start) - 1)
        while start < stop:
            piece = self.movie.pieces[index]
            end = min(stop, piece.place + piece.media_bytes)
            yield from self._read_piece(piece, start, end)
            start, index = max(start, end), index + 1

    def _read_piece(self, piece: MoviePiece, start: int, stop: int) -> Iterator[bytes]:
        row = self.row_of(piece)
        places = piece.places()
        first = max(0, bisect_right(places, start) - 1)
        last = min(bisect_left(places, stop), len(piece.sizes))
        wanted = self.entries_of(piece, row, first, last)
        for number, proved in enumerate(self._library.read_ahead(row, wanted), first):
            data, prefix, place = payload_of(proved), piece.prefixes[number], places[number]
            yield from in_pieces(data[prefix + max(0, start - place) : prefix + min(places[number + 1], stop) - place])
            del data, proved  # before the next is worked on

    def row_of(self, piece: MoviePiece) -> FileRow:
        """Raises FootageGone."""
        row = self._rows.get(piece.file_id) or self._library.get_video(self.movie.camera_id, piece.file_id)
        if row is None or row.state == "missing":
            raise FootageGone
        return row

    def entries_of(self, piece: MoviePiece, row: FileRow, first: int = 0, last: int | None = None) -> list[RecordEntry]:
        """The records of a piece from its ``first`` on, up to and without its ``last``. Raises RecordingError when they
        are not those that were planned."""
        sizes = piece.sizes[first:last].tolist()
        if piece.last - piece.first + 1 == len(piece.sizes):  # no mark between them: the number tells which it is
            entries = self._library.find_records(row, piece.first + first, piece.first + first + len(sizes) - 1)
        else:
            entries = self._library.find_records(row, piece.first, piece.last)[first:last]
        if [one.payload_len for one in entries] != sizes:
            raise damaged(self._library.open(row).path, entries[0].plaintext_offset if entries else 0)
        return entries
