"""JPEG pictures out of a multipart body, whatever its boundaries and lengths say. Pure; one thread.

Cameras announce one boundary and send another, with or without its dashes, in quotes or not; lengths are missing,
or those of another picture; parts have no header, lines end with LF, bytes stand where none belong. So pictures are
found by what they are: they begin with SOI, and end where their own structure says (``media.jpeg.EndFinder``). A
length counts only for a picture that has no end of its own.
"""

from __future__ import annotations

import re

from vigilar.capture.pictures import MAX_PICTURE_BYTES
from vigilar.media.jpeg import EOI, EndFinder

MAX_BETWEEN_BYTES = 64 * 1024
"""Between two pictures. A part's header has 200 bytes; some cameras put sound in parts of their own, 1 KB each."""

_BEGIN = b"\xff\xd8\xff"
_LENGTH = re.compile(rb"(?:^|\n)content-length[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?(?:\n|$)", re.IGNORECASE)
_AFTER = re.compile(rb"[\r\n]*--")


class Garbled(Exception):
    """No picture in what came, or one that has no end within MAX_PICTURE_BYTES."""


class PictureFinder:
    """Bytes of the body in, whole pictures out. ``damaged`` counts pictures that were cut off."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._begin = -1  # where the picture at hand begins, -1: none does yet
        self._searched = 0
        self._length = 0
        self._finder = EndFinder(0)
        self._has_ends = False
        self.damaged = 0

    def add(self, data: bytes | memoryview) -> list[bytes]:
        """The pictures that ``data`` completes. Raises Garbled."""
        self._data += data
        pictures: list[bytes] = []
        while self._begin >= 0 or self._find_begin():
            end, is_whole = self._find_end()
            if end < 0:
                if len(self._data) - self._begin > MAX_PICTURE_BYTES:
                    raise Garbled
                break
            self._take(end, is_whole, pictures)
        return pictures

    def _find_begin(self) -> bool:
        data = self._data
        begin = data.find(_BEGIN, self._searched)
        if begin < 0:
            self._searched = max(0, len(data) - len(_BEGIN) + 1)
            if len(data) > MAX_BETWEEN_BYTES:
                raise Garbled
            return False
        found = list(_LENGTH.finditer(data, 0, begin))
        self._length = int(found[-1][1]) if found else 0
        self._begin, self._finder = begin, EndFinder(begin)
        return True

    def _find_end(self) -> tuple[int, bool]:
        data, have = self._data, len(self._data)
        end, is_whole = self._finder.look(data, have)
        if end >= 0 and is_whole:
            return end, True
        told = self._begin + self._length
        if self._length and told + 8 <= have and (end < 0 or told <= end) and _AFTER.match(data, told):
            return told, True  # no end of its own, but the length is right
        return end, False

    def _take(self, end: int, is_whole: bool, pictures: list[bytes]) -> None:
        picture = bytes(self._data[self._begin : end])
        has_end = picture.endswith(EOI)
        self._has_ends = self._has_ends or has_end
        if is_whole or not self._has_ends:
            pictures.append(picture if has_end else picture + EOI)
        else:
            self.damaged += 1
        del self._data[:end]
        self._begin, self._searched = -1, 0


class Chunks:
    """Takes the chunked transfer coding (RFC 9112 7.1) off a body."""

    def __init__(self) -> None:
        self._left = 0
        self._line = b""

    def add(self, data: bytes | memoryview) -> list[bytes]:
        """The pieces of the body in ``data``. Raises Garbled."""
        pieces: list[bytes] = []
        data = bytes(data)
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else len(data)]
            at = end + 1 if end >= 0 else len(data)
            if len(self._line) > 1024:
                raise Garbled
            if end >= 0:
                line, self._line = self._line.strip(), b""
                self._left = _chunk_size(line) if line else 0
        return pieces


def _chunk_size(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not 1 <= len(size) <= 8 or not all(digit in b"0123456789abcdefABCDEF" for digit in size):
        raise Garbled
    return int(size, 16)
