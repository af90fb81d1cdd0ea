"""MJPEG over RTP (RFC 2435): whatever a camera leaves out of its JPEG pictures, what comes out decodes to the same."""

from __future__ import annotations

import itertools
import random
import struct

import numpy as np
import pytest

from tests.fakes.jpeg_pictures import (
    Packing,
    make_picture,
    payloads,
    read_jpeg,
    segments,
    to_jpeg,
    whole_payloads,
    with_extension,
    with_segments,
    with_tables,
)
from tests.fakes.rtp import rtp
from vigilar.capture.pictures import MAX_PICTURE_BYTES
from vigilar.capture.rtsp.jpeg import JpegTrack
from vigilar.capture.rtsp.jpeg_tables import HUFFMAN, tables_of
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.convert import CONVERTED
from vigilar.media.packets import RawPacket, StreamInfo

TYPE = 26


class Kept:
    """Keeps the pictures that the track hands on."""

    info: StreamInfo = CONVERTED

    def __init__(self) -> None:
        self.pictures: list[bytes] = []
        self.stamps: list[int] = []

    def encode(self, jpeg: bytes, pts: int) -> list[RawPacket]:
        self.pictures.append(jpeg)
        self.stamps.append(pts)
        return []


class Line:
    """A track and what came out of it; ``send`` gives it payloads with rising numbers, the last one marked."""

    def __init__(self, size: tuple[int, int] = (0, 0), clock: int = 90_000) -> None:
        self.kept = Kept()
        self.track = JpegTrack(TYPE, clock, size, Timeline(90_000, 0, lambda: 0.0), self.kept, [])
        self.numbers = itertools.count(65_530)

    def packets(self, parts: list[bytes], stamp: int, *, marker: bool = True) -> list[bytes]:
        last = len(parts) - 1
        return [
            rtp(part, next(self.numbers), stamp, marker=marker and at == last, payload_type=TYPE)
            for at, part in enumerate(parts)
        ]

    def take(self, packets: list[bytes]) -> None:
        for packet in packets:
            self.track.add(bytearray(packet), 0, len(packet))

    def send(self, parts: list[bytes], stamp: int, *, marker: bool = True) -> None:
        self.take(self.packets(parts, stamp, marker=marker))

    def check(self, *expected: bytes) -> None:
        assert len(self.kept.pictures) == len(expected)
        for got, wanted in zip(self.kept.pictures, expected, strict=True):
            assert np.array_equal(read_jpeg(got), read_jpeg(wanted))


def jpeg(shift: int = 40, *, quality: int = 80, is_422: bool = False, has_restarts: bool = False) -> bytes:
    return to_jpeg(make_picture(320, 176, shift), quality, is_422=is_422, has_restarts=has_restarts)


@pytest.mark.parametrize("is_422", [False, True])
@pytest.mark.parametrize("has_restarts", [False, True])
@pytest.mark.parametrize("quality", [1, 30, 50, 75, 99, 128, 200, 255])
def test_each_type_and_quality_gives_the_picture(quality: int, has_restarts: bool, is_422: bool) -> None:
    # libjpeg makes its tables by the same rule, so that Q is its quality (RFC 2435 4.2).
    made = jpeg(quality=min(quality, 99), is_422=is_422, has_restarts=has_restarts)
    line = Line()
    line.send(payloads(made, Packing(quality, is_422, has_restarts)), 3000)
    line.check(made)
    assert line.track.damaged == line.track.refused == line.track.lost == 0


@pytest.mark.parametrize(("quality", "meant"), [(0, 1), (100, 100), (127, 100)])
def test_qualities_beyond_the_rule_are_the_nearest(quality: int, meant: int) -> None:
    """Reserved by the standard, and used by cameras at their best setting."""
    made = jpeg(quality=meant)
    line = Line()
    line.send(payloads(made, Packing(quality)), 3000)
    line.check(made)


def test_usual_tables_are_those_of_the_standard() -> None:
    tables = tables_of(50)
    assert tables is not None
    assert tables[0][:8] == bytes((16, 11, 12, 14, 12, 10, 16, 14))
    assert tables[1][:6] == bytes((17, 18, 18, 24, 21, 24))
    codes = [body for kind, body in segments(jpeg()) if kind == 0xC4]
    assert all(body in HUFFMAN for body in codes)


def test_tables_sent_once_hold_for_their_quality() -> None:
    one, two = jpeg(40, quality=60), jpeg(80, quality=60)
    line = Line()
    line.send(payloads(one, Packing(130)), 3000)
    line.send(payloads(two, Packing(130, has_tables=False)), 6000)
    line.send(payloads(two, Packing(131, has_tables=False)), 9000)  # never sent
    line.check(one, two)


def test_changing_tables_that_do_not_come_again_have_not_changed() -> None:
    """The standard wants them with each picture (3.1.8)."""
    one, two = jpeg(40), jpeg(80)
    line = Line()
    line.send(payloads(one, Packing(255)), 3000)
    line.send(payloads(two, Packing(255, has_tables=False)), 6000)
    line.check(one, two)


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("precision", [0, 1, 2, 3, 0x80, 0xFF])
def test_tables_are_as_wide_as_they_are_whatever_the_bits_say(precision: int, is_wide: bool) -> None:
    made = jpeg()
    line = Line()
    line.send(with_tables(payloads(made, Packing()), precision, is_wide=is_wide), 3000)
    line.check(made)


def test_fragments_in_any_order_give_the_picture() -> None:
    made = jpeg()
    for seed in range(20):
        line = Line()
        packets = line.packets(payloads(made, Packing(piece_bytes=300)), 3000)
        random.Random(seed).shuffle(packets)
        line.take(packets)
        line.check(made)


def test_fragments_sent_twice_do_no_harm() -> None:
    one, two = jpeg(40), jpeg(80)
    line = Line()
    for number, made in enumerate((one, two)):
        packets = line.packets(payloads(made, Packing(piece_bytes=500)), 3000 * (number + 1))
        line.take([packet for packet in packets for _ in range(2)])
    line.check(one, two)
    assert line.track.damaged == 0


@pytest.mark.parametrize("missing", [0, 1, -2, -1])
def test_picture_with_a_lost_fragment_is_left_out(missing: int) -> None:
    one, two, three = jpeg(40), jpeg(80), jpeg(120)
    line = Line()
    line.send(payloads(one, Packing(piece_bytes=400)), 3000)
    packets = line.packets(payloads(two, Packing(piece_bytes=400)), 6000)
    del packets[missing]
    line.take(packets)
    line.send(payloads(three, Packing(piece_bytes=400)), 9000)
    line.check(one, three)
    assert line.track.damaged == 1
    assert line.track.lost == 1


def test_picture_without_markers_ends_with_the_next_stamp() -> None:
    one, two = jpeg(40), jpeg(80)
    line = Line()
    line.send(payloads(one, Packing()), 3000, marker=False)
    line.send(payloads(two, Packing()), 6000, marker=False)
    line.check(one)
    assert line.kept.stamps == [0]


def test_marker_on_each_packet_costs_the_first_picture_alone() -> None:
    pictures = [jpeg(20 * number) for number in range(1, 5)]
    line = Line()
    for number, picture in enumerate(pictures):
        for part in payloads(picture, Packing()):
            line.send([part], 3000 * number)
    del line.kept.pictures[0]
    line.check(*pictures[1:3])


def test_pictures_with_one_stamp_are_two() -> None:
    one, two = jpeg(40), jpeg(80)
    line = Line()
    line.send(payloads(one, Packing()), 3000)
    line.send(payloads(two, Packing()), 3000)
    line.check(one, two)


def test_large_picture_has_its_size_from_the_description() -> None:
    made = to_jpeg(make_picture(2560, 1440, 400))
    parts = [part[:6] + b"\0\0" + part[8:] for part in payloads(made, Packing())]
    line = Line((2560, 1440))
    line.send(parts, 3000)
    line.check(made)
    without = Line()
    without.send(parts, 3000)
    assert without.kept.pictures == []


def test_size_that_the_header_cannot_hold_is_that_of_the_description() -> None:
    """Cameras write the low byte of what does not fit: 2560 pixels are 320 blocks, which becomes 64."""
    made = to_jpeg(make_picture(2560, 1440, 400))
    line = Line((2560, 1440))
    line.send(payloads(made, Packing()), 3000)
    line.check(made)


def test_size_of_the_description_that_is_of_another_picture_does_not_count() -> None:
    made = jpeg()
    line = Line((704, 480))
    line.send(payloads(made, Packing()), 3000)
    line.check(made)


def test_size_and_tables_of_the_onvif_extension_count() -> None:
    made = to_jpeg(make_picture(2560, 1440, 400), 70)
    line = Line()
    packets = line.packets([part[:5] + b"\x05\0\0" + part[8:] for part in payloads(made, Packing(5))], 3000)
    line.take([with_segments(packets[0], made), *packets[1:]])
    line.check(made)


def test_extension_of_another_kind_is_passed_over() -> None:
    made = jpeg()
    line = Line()
    packets = line.packets(payloads(made, Packing()), 3000)
    line.take([with_extension(packet, b"\xff\xc0" + bytes(18), 0xABAC) for packet in packets])
    line.check(made)


@pytest.mark.parametrize("head", [(1, 50, 40, 22), (1, 0, 0, 0), (5, 100, 40, 22), (255, 1, 0, 0)])
def test_whole_jpeg_in_the_payload_is_taken_as_it_is(head: tuple[int, ...]) -> None:
    """Whatever its header says of it: type, Q, width, height."""
    made = jpeg()
    line = Line()
    line.send(whole_payloads(made, head), 3000)
    line.check(made)


@pytest.mark.parametrize("is_422", [False, True])
def test_restart_markers_that_the_type_denies_are_found(is_422: bool) -> None:
    made = jpeg(is_422=is_422, has_restarts=True)
    line = Line()
    line.send(payloads(made, Packing(is_422=is_422)), 3000)
    line.check(made)


def test_second_fields_are_left_out() -> None:
    made = jpeg()
    line = Line()
    line.send([b"\1" + part[1:] for part in payloads(made, Packing())], 3000)
    line.send([b"\2" + part[1:] for part in payloads(jpeg(80), Packing())], 3000)
    line.check(made)


def test_marker_at_the_end_of_the_second_field_alone_costs_no_picture() -> None:
    one, two = jpeg(40), jpeg(120)
    line = Line()
    for number, made in enumerate((one, two, one)):
        parts = payloads(made, Packing())
        line.send([field + part[1:] for field in (b"\1", b"\2") for part in parts], 3000 * number)
    line.check(one, two)


def test_stamps_of_another_clock_become_ninety_thousand() -> None:
    line = Line(clock=1000)
    for stamp in (100, 140, 180):
        line.send(payloads(jpeg(), Packing()), stamp)
    assert line.kept.stamps == [0, 3600, 7200]


def test_nonsense_never_fails_and_is_bounded() -> None:
    rng = random.Random(5)
    good = payloads(jpeg(), Packing(piece_bytes=300))
    line = Line()
    for number in range(3000):
        part = bytearray(rng.choice(good))
        for _ in range(rng.randrange(6)):
            part[rng.randrange(min(len(part), 24))] = rng.randrange(256)
        packet = bytearray(
            rtp(bytes(part[: rng.randrange(len(part) + 1)]), number, number // 7 * 3000, payload_type=TYPE)
        )
        if rng.random() < 0.1:
            packet[0] = 0x80 | rng.randrange(64)
        line.track.add(packet, 0, len(packet))
    huge = struct.pack(">I", 0) + bytes((1, 50, 40, 22)) + bytes(60_000)
    for number in range(2 * MAX_PICTURE_BYTES // 60_000):
        piece = struct.pack(">I", number * 60_000) + huge[4:]
        line.track.add(bytearray(rtp(piece, number, 7, payload_type=TYPE)), 0, len(piece) + 12)
    assert sum(map(len, line.track._parts.values())) <= MAX_PICTURE_BYTES
