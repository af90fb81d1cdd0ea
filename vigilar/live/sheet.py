"""Joins the tiles of cameras into one JPEG without decoding them (ITU-T T.81). Pure; any thread.

All tiles come from ``media.tile``: one size, one set of tables, a restart marker after each row of blocks. After such a
marker a decoder starts afresh, so the coded rows of several tiles can stand side by side: the sheet is the first tile's
head with a larger size, then the rows of all tiles in turn, their restart markers numbered anew.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MAX_SIDE = 65_535
SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", 0xDA
SOF0, DHT, DQT, DRI = 0xC0, 0xC4, 0xDB, 0xDD
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_STRANGE = re.compile(rb"\xff(?![\x00\xd0-\xd7])", re.DOTALL)
"""What must not be within coded rows: ``FF`` is followed by a stuffed 0 or is a restart marker."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A JPEG taken apart. ``head`` lies between its start and its rows, without comments; sizes in pixels.

    ``black`` is a row of a black tile that has the same head.
    """

    head: tuple[tuple[int, bytes], ...]
    width: int
    height: int
    rows: tuple[bytes, ...]
    black: bytes


def parse_tile(jpeg: bytes) -> Tile:
    """Raises ValueError for what is no tile: another kind of JPEG, other rows than its size says, or cut short."""
    try:
        head, rows = _take_apart(jpeg)
        found = dict(head)
        (interval,) = struct.unpack(">H", found[DRI])
        _, height, width, _, sampling = struct.unpack_from(">BHHBxB", found[SOF0])
        black = _black_row(head, interval)
    except (struct.error, LookupError, ArithmeticError, StopIteration) as error:
        raise ValueError("not a tile") from error
    is_whole = sampling == 0x22 and width == interval * 16 and height == len(rows) * 16
    if not is_whole or not width or any(_STRANGE.search(row) for row in rows):
        raise ValueError("a tile is whole rows of macroblocks, each with its restart marker")
    return Tile(tuple(head), width, height, tuple(rows), black)


def _take_apart(jpeg: bytes) -> tuple[list[tuple[int, bytes]], list[bytes]]:
    """Marker segments up to SOS, comments and APPn left out, and the coded rows."""
    if not (jpeg.startswith(SOI) and jpeg.endswith(EOI)):
        raise ValueError("not a JPEG")
    head: list[tuple[int, bytes]] = []
    at = 2
    while not head or head[-1][0] != SOS:
        start, marker, size = struct.unpack_from(">BBH", jpeg, at)
        if start != 0xFF or size < 2:
            raise ValueError("not a JPEG")
        if not (marker == 0xFE or 0xE0 <= marker <= 0xEF):
            head.append((marker, jpeg[at + 4 : at + 2 + size]))
        at += 2 + size
    return head, _RESTART.split(jpeg[at:-2])


def join_tiles(tiles: Sequence[Tile | None], columns: int) -> bytes:
    """The tiles as one JPEG, row by row, ``columns`` wide; None and the cells left over are black.

    Raises ValueError when there is no tile, they do not fit together, or the sheet would be too large.
    """
    first = next((tile for tile in tiles if tile is not None), None)
    if first is None or any(tile is not None and tile.head != first.head for tile in tiles):
        raise ValueError("tiles of one make, at least one")
    lines = -(-len(tiles) // columns)
    width, height = first.width * columns, first.height * lines
    if max(width, height) > MAX_SIDE:
        raise ValueError("too many tiles")
    empty = (first.black,) * len(first.rows)
    cells = [empty if tile is None else tile.rows for tile in tiles]
    cells += [empty] * (columns * lines - len(cells))
    rows = [
        cell[row]
        for line in range(lines)
        for row in range(len(first.rows))
        for cell in cells[line * columns : (line + 1) * columns]
    ]
    coded = [b"".join((row, b"\xff", bytes((0xD0 + number % 8,)))) for number, row in enumerate(rows[:-1])]
    return b"".join(
        (SOI, *(_segment(marker, body, width, height) for marker, body in first.head), *coded, rows[-1], EOI)
    )


def _segment(marker: int, body: bytes, width: int, height: int) -> bytes:
    if marker == SOF0:
        body = body[:1] + struct.pack(">HH", height, width) + body[5:]
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _black_row(head: Sequence[tuple[int, bytes]], blocks: int) -> bytes:
    """A coded row of black macroblocks, with the tile's own tables: the first says how dark, the others "as before"."""
    codes = _huffman_codes(head)
    luma_dc, luma_ac, chroma_dc, chroma_ac = (codes[key] for key in (0x00, 0x10, 0x01, 0x11))
    step = next(body[1] for marker, body in head if marker == DQT)
    level = -(1024 // step)  # the mean of the block less 128, times 8, in steps of the quantiser
    size = level.bit_length()
    dark = luma_dc[size] + format(level + (1 << size) - 1, f"0{size}b") + luma_ac[0]
    as_before = luma_dc[0] + luma_ac[0]
    colours = (chroma_dc[0] + chroma_ac[0]) * 2
    bits = dark + as_before * 3 + colours + (as_before * 4 + colours) * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def _huffman_codes(head: Sequence[tuple[int, bytes]]) -> dict[int, dict[int, str]]:
    """Bits of each symbol by table (class and number, T.81 B.2.4.2), assigned as in T.81 C.2."""
    tables: dict[int, dict[int, str]] = {}
    for body in (body for marker, body in head if marker == DHT):
        at = 0
        while at < len(body):
            name, counts = body[at], body[at + 1 : at + 17]
            symbols = iter(body[at + 17 : at + 17 + sum(counts)])
            at += 17 + sum(counts)
            code, found = 0, {}
            for length, count in enumerate(counts, 1):
                for _ in range(count):
                    found[next(symbols)] = format(code, f"0{length}b")
                    code += 1
                code <<= 1
            tables[name] = found
    return tables
