"""The household's own pictures, for screens on the wall: a folder of theirs, which may lie on a drive that hangs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vigilar.base.tally import Tally
from vigilar.web.patience import DoesNotAnswerError, Patience

logger = logging.getLogger(__name__)

MOST = 2000
"""Pictures of one folder that are shown; the first by name."""

LARGEST_BYTES = 20_000_000
WAIT_S = 2.0
AGAIN_S = 600.0
"""How long a list holds. Who puts a picture there sees it within ten minutes."""

_HEADS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"RIFF", "image/webp"),
)
_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})

_unread = Tally(logger, "pictures for the wall cannot be read", every_s=3600.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of one, and its media type."""

    data: bytes
    media_type: str


class WallPictures:
    """Any thread. Reads only below its folder, whatever links lie in it."""

    def __init__(self) -> None:
        self._door = Patience("pictures for the wall", WAIT_S)
        self._lock = threading.Lock()
        self._listed: tuple[str, float, tuple[str, ...]] = ("", 0.0, ())

    def names(self, folder: str, now_s: float) -> tuple[str, ...]:
        """The pictures of ``folder`` as paths in it, by name; none while it cannot be read. ``now_s`` is of a clock
        that only goes on."""
        with self._lock:
            known, at_s, names = self._listed
        if folder == known and now_s - at_s < AGAIN_S:
            return names
        try:
            names = self._door.ask(lambda: tuple(_list(Path(folder)))) if folder else ()
        except (OSError, DoesNotAnswerError) as error:
            _unread.add(error)
            names = ()
        with self._lock:
            self._listed = (folder, now_s, names)
        return names

    def read(self, folder: str, name: str) -> Picture | None:
        """The picture of that name; None when there is none that a browser shows."""
        try:
            return self._door.ask(lambda: _read(Path(folder), name)) if folder else None
        except (OSError, DoesNotAnswerError) as error:
            _unread.add(error)
            return None


def _list(folder: Path) -> Iterator[str]:
    """The first MOST by name. Raises OSError when the folder itself cannot be read."""
    os.scandir(folder).close()
    found = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in _ENDINGS and not name.startswith("."):
                yield (Path(place) / name).relative_to(folder).as_posix()
                found += 1
                if found == MOST:
                    return


def _read(folder: Path, name: str) -> Picture | None:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or path.suffix.lower() not in _ENDINGS or not path.is_file():
        return None
    with path.open("rb") as file:
        return _read_open(file)


def _read_open(file: BinaryIO) -> Picture | None:
    data = file.read(LARGEST_BYTES + 1)
    media_type = next((kind for head, kind in _HEADS if data.startswith(head)), "")
    if not media_type or len(data) > LARGEST_BYTES:
        return None
    return Picture(data, media_type)
