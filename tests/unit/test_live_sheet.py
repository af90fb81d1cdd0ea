"""Tiles joined into one JPEG: every pixel as it was, black where there is none, nothing from what is no tile."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vigilar.live.sheet import join_tiles, parse_tile
from vigilar.media.tile import encode_tile

WIDTH, CELL, AREA = 320, 192, 180


def frame_of(width: int, height: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 255, (9, 16, 3), np.uint8)
    rows, columns = np.arange(height) * 9 // height, np.arange(width) * 16 // width
    return av.VideoFrame.from_ndarray(coarse[rows][:, columns], format="rgb24")


def tile_of(width: int = 640, height: int = 360, seed: int = 1) -> bytes:
    return encode_tile(frame_of(width, height, seed), WIDTH)


def luma(jpeg: bytes) -> NDArray[np.uint8]:
    decoder: Any = av.CodecContext.create("mjpeg", "r")
    frame = (decoder.decode(av.Packet(jpeg)) + decoder.decode(None))[0]
    return np.asarray(frame.to_ndarray(format="gray"))


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (8, 3), (16, 4)])
def test_each_tile_keeps_every_pixel(count: int, columns: int) -> None:
    tiles = [tile_of(seed=seed) for seed in range(count)]
    sheet = luma(join_tiles([parse_tile(tile) for tile in tiles], columns))
    assert sheet.shape == (-(-count // columns) * CELL, columns * WIDTH)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        cell = sheet[row * CELL : (row + 1) * CELL, column * WIDTH : (column + 1) * WIDTH]
        assert np.array_equal(cell, luma(tile)), index


def test_missing_and_left_over_cells_are_black() -> None:
    tile = parse_tile(tile_of())
    sheet = luma(join_tiles([None, tile, tile], 2))
    assert sheet[:CELL, :WIDTH].max() == 0
    assert sheet[CELL:, WIDTH:].max() == 0
    assert sheet[:CELL, WIDTH:].max() > 0


@pytest.mark.parametrize(
    ("size", "across", "down"),
    [
        ((640, 360), 320, 180),
        ((640, 480), 240, 180),
        ((360, 640), 100, 180),
        ((1280, 360), 320, 90),
        ((1, 1), 180, 180),
    ],
)
def test_other_shapes_stand_on_black(size: tuple[int, int], across: int, down: int) -> None:
    bright = luma(tile_of(*size)) > 20
    assert bright.shape == (CELL, WIDTH)
    assert abs(int(bright.any(axis=0).sum()) - across) <= 8
    assert abs(int(bright.any(axis=1).sum()) - down) <= 8
    assert not bright[AREA + 8 :].any()


def test_sixteen_tiles_stay_light() -> None:
    rng = np.random.default_rng(5)
    noisy = rng.normal(128, 12, (360, 640, 3)).clip(0, 255).astype(np.uint8)
    tile = parse_tile(encode_tile(av.VideoFrame.from_ndarray(noisy, format="rgb24"), WIDTH))
    assert len(join_tiles([tile] * 16, 4)) < 160_000


def test_tiles_of_another_make_are_refused() -> None:
    small = parse_tile(encode_tile(frame_of(640, 360, 1), 160))
    with pytest.raises(ValueError, match="one make"):
        join_tiles([parse_tile(tile_of()), small], 2)
    with pytest.raises(ValueError, match="one make"):
        join_tiles([None, None], 2)


def test_sheet_has_a_largest_size() -> None:
    with pytest.raises(ValueError, match="too many"):
        join_tiles([parse_tile(tile_of())] * 400, 400)


def test_ordinary_jpeg_is_no_tile() -> None:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 192, "yuvj420p", Fraction(1, 25)
    encoder.thread_count = 1
    picture = frame_of(320, 192, 1).reformat(format="yuvj420p")
    jpeg = b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
    with pytest.raises(ValueError, match="tile"):
        parse_tile(jpeg)


TILE = tile_of()


@given(st.integers(0, len(TILE) - 1))
def test_truncated_tile_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"tile|JPEG"):
        parse_tile(TILE[:length])


@given(st.integers(0, len(TILE) - 1), st.integers(0, 255))
def test_changed_byte_never_breaks_the_join(at: int, value: int) -> None:
    """What passes can be joined with itself; what does not is a ValueError and nothing else."""
    changed = TILE[:at] + bytes((value,)) + TILE[at + 1 :]
    try:
        tile = parse_tile(changed)
    except ValueError:
        return
    sheet = join_tiles([tile, None, tile], 2)
    assert sheet.startswith(b"\xff\xd8")
    assert sheet.endswith(b"\xff\xd9")
