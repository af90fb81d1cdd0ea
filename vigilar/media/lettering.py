"""Words in pictures: lines of text on a dark band, of letters that come with the product (``tools/make_glyphs``).

Latin, Greek, Cyrillic, Armenian and Georgian. Another letter is drawn as its base letter if it has one, else as the
sign for one that is not known. For pictures that Vigilar makes; footage is never written on.
"""

from __future__ import annotations

import json
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_FILE = Path(__file__).with_name("glyphs.bin")
_UNKNOWN = "\ufffd"
FULL_ROWS = 720
"""Rows of a picture on which letters are drawn as large as they are in the file."""


@dataclass(frozen=True, slots=True)
class _Letters:
    """All of them in one picture, 0 (nothing) to 255; of each letter its first column and width."""

    pixels: Grey
    places: dict[str, tuple[int, int]]


@lru_cache(maxsize=1)
def _letters() -> _Letters:
    facts_line, _, packed = zlib.decompress(_FILE.read_bytes()).partition(b"\n")
    facts = json.loads(facts_line)
    halves = np.frombuffer(packed, np.uint8).reshape(facts["height"], facts["width"] // 2)
    pixels = np.empty((facts["height"], facts["width"]), np.uint8)
    pixels[:, ::2] = (halves >> 4) * 17
    pixels[:, 1::2] = (halves & 15) * 17
    begins = accumulate(facts["advances"], initial=0)
    return _Letters(pixels, dict(zip(facts["codes"], zip(begins, facts["advances"], strict=False), strict=True)))


@lru_cache(maxsize=64)
def draw_text(text: str, rows: int = FULL_ROWS) -> Grey:
    """One line of text, for a picture of ``rows`` rows: how much ink is where, 0 to 255; of two columns at least."""
    letters = _letters()
    places = [_place(letters, one) for one in unicodedata.normalize("NFC", text) if one.isprintable()]
    parts = [letters.pixels[:, begin : begin + width] for begin, width in places]
    line = np.hstack(parts) if parts else letters.pixels[:, :2] * 0
    return line if rows >= FULL_ROWS else _shrunk(line, max(rows, 240) / FULL_ROWS)


def _place(letters: _Letters, letter: str) -> tuple[int, int]:
    found = letters.places.get(letter)
    if found is None:
        base = unicodedata.normalize("NFKD", letter)[0]
        found = letters.places.get(base) or letters.places[_UNKNOWN]
    return found


def _shrunk(line: Grey, scale: float) -> Grey:
    """Smaller by the mean of what a pixel covers: columns and rows of sums, looked up at its edges."""
    wide, high = max(2, round(line.shape[1] * scale)), max(2, round(line.shape[0] * scale))
    sums = np.zeros((line.shape[0] + 1, line.shape[1] + 1), np.float32)
    np.cumsum(np.cumsum(line, axis=0, dtype=np.float32), axis=1, out=sums[1:, 1:])
    y, x = (
        np.round(np.linspace(0, size, count + 1)).astype(int)
        for size, count in zip(line.shape, (high, wide), strict=True)
    )
    whole = sums[y[1:]][:, x[1:]] - sums[y[:-1]][:, x[1:]] - sums[y[1:]][:, x[:-1]] + sums[y[:-1]][:, x[:-1]]
    area = np.outer(np.diff(y), np.diff(x)).clip(1)
    shrunk: Grey = (whole / area).clip(0, 255).astype(np.uint8)
    return shrunk


def write_on(planes: Sequence[Grey], lines: Sequence[str], *, is_centred: bool = False) -> None:
    """Write ``lines`` into a picture, planes of 4:2:0: at the bottom on the left, or in its middle. The picture's own
    memory is changed. What is too wide is cut off."""
    luma = planes[0]
    drawn = [draw_text(one, luma.shape[0]) for one in lines if one]
    if not drawn:
        return
    pad = max(2, drawn[0].shape[0] // 4) & ~1
    wide = min(luma.shape[1], max(one.shape[1] for one in drawn) + 2 * pad + 1 & ~1)
    high = min(luma.shape[0], sum(one.shape[0] for one in drawn) + 2 * pad + 1 & ~1)
    if is_centred:
        top, left = (luma.shape[0] - high) // 2 & ~1, (luma.shape[1] - wide) // 2 & ~1
    else:
        top, left = (luma.shape[0] - high) & ~1, 0
    band = luma[top : top + high, left : left + wide]
    band[:] = band // 3 + 10
    for plane in planes[1:]:
        part = plane[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2]
        part[:] = part // 3 + 85
    row = pad
    for one in drawn:
        column = (wide - one.shape[1]) // 2 if is_centred else pad
        column = max(0, column)
        place = band[row : row + one.shape[0], column : column + one.shape[1]]
        ink = one[: place.shape[0], : place.shape[1]].astype(np.uint16)
        place[:] = (place * (255 - ink) + 235 * ink) // 255
        row += one.shape[0]
