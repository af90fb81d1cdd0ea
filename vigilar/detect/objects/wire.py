"""The bytes between camera processes and the detector. Symmetrical, no I/O.

A Unix stream socket a camera, and on it turns:

    camera -> detector   WANT                    there is something to look at
    detector -> camera   GO, width, height       it is your turn: the newest picture, no larger than this
    camera -> detector   PICTURE, its size, its pixels   (no pixels: there is nothing any more)
    detector -> camera   FOUND, its length, JSON

So a picture is made when its turn has come: nothing waits in a queue and grows old there. Integers are big-endian.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.manifest import MAX_INPUT_PX

SOCKET_NAME = "detector.sock"
"""In the run folder."""

WANT = b"W"
GO = struct.Struct(">cHH")
PICTURE = struct.Struct(">cHH")
FOUND = struct.Struct(">cI")
GO_MARK, PICTURE_MARK, FOUND_MARK = b"G", b"P", b"F"

MAX_FOUND_BYTES = 32 * 1024


class BadTurn(ValueError):
    """The other side does not keep to the turns."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in one picture, boxes in 0..1 of it, and by which model."""

    model: str
    found: tuple[Detection, ...]


def dump_go(width: int, height: int) -> bytes:
    return GO.pack(GO_MARK, width, height)


def parse_go(data: bytes) -> tuple[int, int]:
    """Raises BadTurn."""
    mark, width, height = GO.unpack(data)
    if mark != GO_MARK or not (0 < width <= MAX_INPUT_PX and 0 < height <= MAX_INPUT_PX):
        raise BadTurn("this is not a turn")
    return width, height


def dump_picture_head(width: int, height: int) -> bytes:
    """In front of ``width * height * 3`` bytes, BGR by row; 0 and 0 without any."""
    return PICTURE.pack(PICTURE_MARK, width, height)


def parse_picture_head(data: bytes) -> tuple[int, int]:
    """Raises BadTurn: a camera process may have been taken over by its camera."""
    mark, width, height = PICTURE.unpack(data)
    if mark != PICTURE_MARK or width > MAX_INPUT_PX or height > MAX_INPUT_PX or (width == 0) != (height == 0):
        raise BadTurn("this is not a picture")
    return width, height


def dump_answer(answer: Answer) -> bytes:
    found = [[one.kind.value, round(one.score, 4), *_sides(one.box), int(one.is_likeness)] for one in answer.found]
    raw = json.dumps({"model": answer.model, "found": found}, separators=(",", ":")).encode()
    return FOUND.pack(FOUND_MARK, len(raw)) + raw


def parse_answer_head(data: bytes) -> int:
    """The length of what follows. Raises BadTurn."""
    mark, length = FOUND.unpack(data)
    if mark != FOUND_MARK or length > MAX_FOUND_BYTES:
        raise BadTurn("this is not an answer")
    return int(length)


def parse_answer(raw: bytes) -> Answer:
    """Raises BadTurn."""
    try:
        value: dict[str, Any] = json.loads(raw)
        found = tuple(
            Detection(ObjectKind(kind), float(score), Box(*map(float, sides)), bool(is_likeness))
            for kind, score, *sides, is_likeness in value["found"]
        )
        return Answer(str(value["model"]), found)
    except (ValueError, KeyError, TypeError) as error:
        raise BadTurn("this is not an answer") from error


def _sides(box: Box) -> list[float]:
    return [round(side, 4) for side in (box.left, box.top, box.right, box.bottom)]
