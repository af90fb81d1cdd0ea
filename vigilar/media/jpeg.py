"""The outside of JPEG pictures (ITU-T T.81 annex B): where one ends, how large it is. Pure; nothing is decoded."""

from __future__ import annotations

import re

SOI = b"\xff\xd8"
EOI = b"\xff\xd9"

_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""The next one that is neither a stuffed byte nor a restart; fill bytes may stand before it (B.1.1.2)."""

_START_OF_SCAN = 0xDA
_SEGMENTS = frozenset({0xC4, _START_OF_SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
"""Markers that stand between scans and have a length: tables, number of lines, restart interval, comment, application
data."""

_FRAMES = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})


class EndFinder:
    """Finds the end of one picture in bytes that come piece by piece: by its own structure, so that no length or
    boundary beside it has to be right. A small picture inside of another one's application data is passed over."""

    def __init__(self, begin: int) -> None:
        """``begin`` is where its SOI stands."""
        self._at = begin + 2
        self._is_scan = False

    def look(self, data: bytearray, have: int) -> tuple[int, bool]:
        """(end, whole) of the picture in ``data[:have]``; (-1, False) while more must come.

        Without its end marker a picture ends where the next one begins, which is not ``whole``.
        """
        while True:
            found = _MARKER.search(data, self._at, have)
            if found is None:
                self._at = max(self._at, have - 1)  # the last byte may begin a marker
                return -1, False
            kind, after = data[found.end() - 1], found.end()
            if kind == EOI[1]:
                return after, True
            if kind == SOI[1]:
                return found.start(), False
            if kind in _FRAMES or kind in _SEGMENTS:
                if after + 2 > have:
                    self._at = found.start()
                    return -1, False
                size = data[after] << 8 | data[after + 1]
                if self._is_scan and kind in _FRAMES:
                    size = 0  # no frame begins within a scan: damaged data
                self._is_scan = self._is_scan or kind == _START_OF_SCAN
                self._at = after + size if size >= 2 else after
            else:
                self._at = after


def read_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the frame header says (B.2.2); None without one, or with samples of other than 8 bits."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        kind = data[at + 1]
        if kind == 0xFF:
            at += 1
            continue
        if kind in _FRAMES:
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            return (width, height) if data[at + 4] == 8 and width and height else None
        if kind == _START_OF_SCAN:
            return None
        at += 2 + max(2, data[at + 2] << 8 | data[at + 3])
    return None
