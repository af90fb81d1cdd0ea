"""JPEG pictures into H.264: what comes out plays, and nothing that comes in ends the process."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from itertools import pairwise

import av
import pytest

from tests.fakes.jpeg_pictures import make_picture, to_jpeg
from vigilar.media.bitstream import first_sps, parameter_sets
from vigilar.media.convert import CLOCK, MAX_HEIGHT, MAX_WIDTH, JpegConverter
from vigilar.media.packets import RawPacket


def converted(pictures: list[bytes], rate: int = 10) -> list[RawPacket]:
    converter = JpegConverter()
    return [one for number, jpeg in enumerate(pictures) for one in converter.encode(jpeg, number * CLOCK // rate)]


def sized(jpeg: bytes, width: int, height: int) -> bytes:
    """The same bytes, whose frame header says another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def test_pictures_decode_to_themselves() -> None:
    pictures = [make_picture(320, 176, 20 + 4 * number) for number in range(25)]
    packets = converted([to_jpeg(picture, 90) for picture in pictures])
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    frames += decoder.decode(None)
    assert len(frames) == 25
    for frame, picture in zip(frames, pictures, strict=True):
        assert abs(frame.to_ndarray(format="bgr24").astype(int) - picture).mean() < 3


def test_keyframe_comes_every_two_seconds_with_its_sets() -> None:
    packets = converted([to_jpeg(make_picture(160, 96, 10 + number)) for number in range(60)])
    keys = [packet.pts or 0 for packet in packets if packet.is_keyframe]
    assert [two - one for one, two in pairwise(keys)] == [2 * CLOCK, 2 * CLOCK]
    assert all(parameter_sets("h264", packet.data) for packet in packets if packet.is_keyframe)


@pytest.mark.parametrize(("width", "height"), [(161, 97), (17, 16), (640, 360), (1920, 1080)])
def test_odd_sizes_become_even(width: int, height: int) -> None:
    (packet,) = converted([to_jpeg(make_picture(width, height, 5))])
    sps = first_sps("h264", b"".join(b"\0\0\0\1" + one for one in parameter_sets("h264", packet.data)))
    assert (sps.width, sps.height) == (width & ~1, height & ~1)


def test_too_large_pictures_become_smaller_in_their_shape() -> None:
    (packet,) = converted([to_jpeg(make_picture(5120, 2880, 5), 30)])
    sps = first_sps("h264", b"".join(b"\0\0\0\1" + one for one in parameter_sets("h264", packet.data)))
    assert (sps.width, sps.height) == (MAX_WIDTH, MAX_HEIGHT)


def test_picture_that_asks_for_gigabytes_is_not_decoded() -> None:
    converter = JpegConverter()
    assert converter.encode(sized(to_jpeg(make_picture(64, 64)), 65_500, 65_500), 0) == []
    assert converter.damaged == 1
    assert len(converter.encode(to_jpeg(make_picture(64, 64)), CLOCK)) == 1


@pytest.mark.long
def test_malformed_pictures_never_end_the_process() -> None:
    """In a process of its own, whose end would be seen."""
    done = subprocess.run(
        [sys.executable, "-c", "from tests.unit.test_media_convert import attack; attack()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "survived\n"


def attack() -> None:
    """Thousands of damaged pictures; a good one still comes through."""
    rng = random.Random(3)
    good = [to_jpeg(make_picture(96, 64, 8), is_422=bool(n & 1), has_restarts=bool(n & 2)) for n in range(4)]
    clock = [0.0]
    converter = JpegConverter(lambda: clock[0], lambda: 0.0)
    for number in range(4000):
        data = bytearray(rng.choice(good))
        kind = number % 5
        if kind == 0:
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        elif kind == 1:
            del data[rng.randrange(20, len(data)) :]
        elif kind == 2:
            data = bytearray(sized(bytes(data), rng.randrange(1, 600), rng.randrange(1, 600)))
        elif kind == 3:
            at = data.index(b"\xff\xc4") + rng.randrange(30)
            data[at : at + 4] = rng.randbytes(4)
        else:
            at = data.index(b"\xff\xda") + rng.randrange(12)
            data[at : at + 2] = rng.randbytes(2)
        clock[0] += 1.0
        converter.encode(bytes(data), number * CLOCK)
    clock[0] += 1.0
    assert len(converter.encode(good[0], 5000 * CLOCK)) == 1
    sys.stdout.write("survived\n")
