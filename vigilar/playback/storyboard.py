"""The small stored pictures of a camera by time: the nearest to a moment, and a few of a range.

They are read as footage is: a file's INDEX tells where each picture stands, and one record is proved and decrypted when
it is asked for. A camera without a storyboard (nobody looks at its pictures) has the stills of its events at least.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from vigilar.base.errors import RecordingError
from vigilar.playback.library import Library
from vigilar.store.files import FileRow
from vigilar.vge.keyframes import KeyframeIndex
from vigilar.vge.reader import damaged

STILL_AFTER_MS = 15_000
"""A storyboard's picture that is older than this at the moment asked for gives way to a newer still."""

LOOK_BACK_FILES = 3
"""Files before the moment that are tried when the newest cannot be read."""

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A JPEG in clear, and UTC ms at which its picture was taken."""

    taken_ms: int
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a picture stands: keyframe number ``index`` of the file of ``row``."""

    taken_ms: int
    row: FileRow
    index: int


def find_picture(library: Library, camera_id: str, at_ms: int) -> StoredPicture | None:
    """The nearest stored picture at or before ``at_ms`` (UTC ms); None when there is none that can be read.

    Raises StoreError.
    """
    found = _find_small(library, camera_id, at_ms)
    if found is None or at_ms - found.taken_ms > STILL_AFTER_MS:
        still = library.row_before(camera_id, at_ms + 1, "still")
        if still is not None and (found is None or still.start_ms > found.taken_ms):
            with suppress(RecordingError):
                read = library.read_still(still.id, camera_id)
                if read is not None:
                    return StoredPicture(still.start_ms, read[1])
    return found


def pick_pictures(library: Library, camera_id: str, from_ms: int, to_ms: int, count: int) -> list[StoredPicture]:
    """At most ``count`` pictures of [from_ms, to_ms), evenly spread, in time order: of each part of the range the
    first. Those that cannot be read are left out. Raises StoreError."""
    places = sorted(_places(library, camera_id, from_ms, to_ms), key=lambda one: one.taken_ms)
    pictures: list[StoredPicture] = []
    part = -1
    for place in places:
        its_part = (place.taken_ms - from_ms) * count // (to_ms - from_ms)
        if its_part == part:
            continue
        with suppress(RecordingError):
            pictures.append(_read(library, place))
            part = its_part
    return pictures


def _find_small(library: Library, camera_id: str, at_ms: int) -> StoredPicture | None:
    for row in _rows_back(library, camera_id, at_ms):
        with suppress(RecordingError):
            index = library.open(row).index()
            stamps = index.table[2::4]
            # One by one and not by halves: after a step of the clock the times in a file may go back.
            before = [(utc_ns, i) for i, utc_ns in enumerate(stamps) if utc_ns // _NS_PER_MS <= at_ms]
            if before:
                utc_ns, i = max(before)
                return _read(library, _Place(utc_ns // _NS_PER_MS, row, i))
    return None


def _rows_back(library: Library, camera_id: str, at_ms: int) -> Iterator[FileRow]:
    """The storyboards that may hold the picture, the likeliest first."""
    here = library.rows(camera_id, at_ms, at_ms + 1, "storyboard")
    yield from (row for row in reversed(here) if row.state != "missing")
    behind_ms = min((row.start_ms for row in here), default=at_ms + 1)
    for _ in range(LOOK_BACK_FILES):
        row = library.row_before(camera_id, behind_ms, "storyboard")
        if row is None:
            return
        behind_ms = row.start_ms
        if row.state != "missing":
            yield row


def _places(library: Library, camera_id: str, from_ms: int, to_ms: int) -> Iterator[_Place]:
    for row in library.rows(camera_id, from_ms, to_ms, "storyboard"):
        if row.state == "missing":
            continue
        with suppress(RecordingError):
            index: KeyframeIndex = library.open(row).index()
            for i, utc_ns in enumerate(index.table[2::4]):
                if from_ms <= utc_ns // _NS_PER_MS < to_ms:
                    yield _Place(utc_ns // _NS_PER_MS, row, i)


def _read(library: Library, place: _Place) -> StoredPicture:
    """Raises RecordingError when it cannot be read, also when its record is damaged."""
    file = library.open(place.row)
    first = file.index().at(place.index)
    entries = file.media(first, first.number + 1)
    if not entries:
        raise damaged(file.path, first.plaintext_offset)
    return StoredPicture(place.taken_ms, bytes(library.read(place.row, entries[0])))
