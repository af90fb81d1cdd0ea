"""Interleaved frames whose length is wrong: the next frame of a known stream is their end."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable
from itertools import count

import pytest

from tests.fakes.rtp import fragments, rtp, sender_report
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import VideoTrack
from vigilar.capture.rtsp.wire import LOW_WATER, Wire
from vigilar.media.packets import RawPacket

Lie = Callable[[int, int], int]
"""(number of the frame, true length) -> the length that is told."""

LIES: dict[str, Lie] = {
    "low byte first": lambda _number, size: size >> 8 | (size & 0xFF) << 8,
    "four bytes too many": lambda _number, size: size + 4,
    "without the header of RTP": lambda _number, size: size - 12,
    "always nothing": lambda _number, _size: 0,
    "always as much as there can be": lambda _number, _size: 0xFFFF,
    "now and then far too much": lambda number, size: 0xFFFF if number % 7 == 3 else size,
    "now and then a little too much": lambda number, size: size + 5 if number % 7 == 3 else size,
    "now and then two frames in one": lambda number, size: 2 * size if number % 7 == 3 else size,
    "now and then half": lambda number, size: size // 2 if number % 7 == 3 else size,
    "now and then nothing": lambda number, size: 0 if number % 7 == 3 else size,
}
LEARNED = ("without the header of RTP",)
"""Seen through when a few frames were longer than told by the same."""


def frames(pictures: int, *, has_sound: bool) -> tuple[list[tuple[int, bytes]], list[bytes]]:
    """Channel and packet of a camera with a picture of five fragments, and reports; the NAL units of the pictures."""
    rand, number, sent, nals = random.Random(5), count(65_500), [], []
    for picture in range(pictures):
        nal = b"\x65\x88" + rand.randbytes(6000 if picture % 5 == 0 else rand.randrange(300, 4000))
        nals.append(nal)
        parts = fragments(nal, 1400) if len(nal) > 1400 else [nal]
        for at, part in enumerate(parts):
            is_last = at == len(parts) - 1
            sent.append((0, rtp(part, next(number), picture * 3600, marker=is_last)))
        if has_sound:
            sent.append((2, rtp(rand.randbytes(320), picture, picture * 320, payload_type=8, ssrc=9)))
        if picture % 4 == 0:
            sent.append((1, sender_report(1000 + picture / 25, picture * 3600)))
    return sent, nals


class Reader:
    """A wire with a track of pictures, sound that is only counted, and reports."""

    def __init__(self) -> None:
        self.far, near = socket.socketpair()
        near.setblocking(False)
        self.wire = Wire(near)
        self.out: list[RawPacket] = []
        self.sounds: list[bytes] = []
        self.reports: list[bytes] = []
        timeline = Timeline(90_000, 8000)
        self.track = VideoTrack("h264", 96, 90_000, timeline, DecodeStamps(90_000, 3600, 0), self.out)
        self.wire.channels[0], self.wire.keep = self.track.add, self.track.keep
        self.wire.channels[1] = lambda data, begin, end: self.reports.append(bytes(data[begin:end]))
        self.wire.channels[2] = lambda data, begin, end: self.sounds.append(bytes(data[begin:end]))
        self.wire.runs[0] = self.track.run_on
        self.wire.is_playing = self.wire.has_answered = True

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.far.close()
        self.wire.close()

    def feed(self, data: bytes, chunk: int) -> None:
        for at in range(0, len(data), chunk):
            self.far.sendall(data[at : at + chunk])
            while self.wire.fill():
                self.wire.take()
                if self.out:
                    self.wire.forgive()

    @property
    def nals(self) -> list[bytes]:
        return [raw.data[4:] for raw in self.out]


def told(frames_: list[tuple[int, bytes]], lie: Lie) -> bytes:
    return b"".join(
        struct.pack(">BBH", 0x24, channel, lie(number, len(packet))) + packet
        for number, (channel, packet) in enumerate(frames_)
    )


@pytest.mark.parametrize("chunk", [700, 1446, LOW_WATER // 8])
@pytest.mark.parametrize("name", LIES)
def test_length_that_lies_costs_no_picture(name: str, chunk: int) -> None:
    sent, nals = frames(40, has_sound=False)
    with Reader() as reader:
        reader.feed(told(sent, LIES[name]), chunk)
        whole = [nal for nal in nals if nal in reader.nals]
    lost = [number for number, nal in enumerate(nals) if nal not in whole]
    assert lost in ([], [39], [0] if name in LEARNED else []), "the last picture waits for what follows"


def test_length_that_lies_costs_no_picture_where_frames_come_one_by_one() -> None:
    """Nothing lies behind a frame then when it is taken."""
    sent, nals = frames(40, has_sound=False)
    lie = LIES["now and then half"]
    with Reader() as reader:
        for number, frame in enumerate(sent):
            reader.feed(told([frame], lambda _number, size, number=number: lie(number, size)), 1 << 16)  # type: ignore[misc]
        whole = reader.nals
    assert [number for number, nal in enumerate(nals) if nal not in whole] in ([], [39])


@pytest.mark.parametrize("name", LIES)
def test_length_that_lies_costs_no_sound(name: str) -> None:
    sent, _ = frames(40, has_sound=True)
    with Reader() as reader:
        reader.feed(told(sent, LIES[name]), 1446)
        got = reader.sounds
    sounds = [packet for channel, packet in sent if channel == 2]
    assert sum(packet in got for packet in sounds) >= len(sounds) - 3  # none of its stream came before the first


@pytest.mark.parametrize("has_sound", [False, True])
@pytest.mark.parametrize("lie", [lambda size: size // 2, lambda size: size - 7, lambda size: size + 7])
def test_length_that_lies_costs_no_picture_larger_than_all_before(lie: Callable[[int], int], has_sound: bool) -> None:
    """Each picture is one packet, and each third larger than any. Its number and the next one's tell."""
    rand = random.Random(7)
    sizes = [500 + (400 * number if number % 3 == 2 else 0) for number in range(30)]
    nals = [b"\x65\x88" + rand.randbytes(size).replace(b"$", b"%") for size in sizes]  # else one may begin at the lie
    sent = []
    for number, nal in enumerate(nals):
        packet = rtp(nal, 65_520 + number & 0xFFFF, number * 3600, marker=True)
        sent.append(told([(0, packet)], lambda _, size, is_large=number % 3 == 2: lie(size) if is_large else size))  # type: ignore[misc]
        if has_sound:
            sound = rtp(rand.randbytes(320), number, number * 320, payload_type=8, ssrc=9)
            sent.append(told([(2, sound)], lambda _, size: size))
    with Reader() as reader:
        reader.feed(b"".join(sent), LOW_WATER // 8)
        assert [number for number, nal in enumerate(nals) if nal not in reader.nals] in ([], [29])


@pytest.mark.parametrize(
    "stray",
    [
        b"\r\n",
        b"\0\0\0",
        b"OPTIONS rtsp://192.0.2.7/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n",
    ],
)
def test_what_stands_between_frames_is_of_none(stray: bytes) -> None:
    sent, nals = frames(40, has_sound=False)
    with Reader() as reader:
        for frame in sent:
            reader.feed(told([frame], lambda _number, size: size) + stray, 1446)
            reader.wire.answers.clear()
        assert reader.nals == nals


def test_noise_behind_the_largest_packets_is_of_none() -> None:
    sent, nals = frames(40, has_sound=False)
    plain = [told([frame], lambda _number, size: size) for frame in sent]
    noisy = [
        frame + bytes((200, 201, number)) * number if len(frame) > 1400 else frame for number, frame in enumerate(plain)
    ]
    with Reader() as reader:
        reader.feed(b"".join(plain) + b"".join(noisy[:4]), 1446)
        assert reader.nals[: len(nals)] == nals
        assert reader.track.damaged == 0


def test_packet_larger_than_a_length_can_tell_is_whole() -> None:
    nal = b"\x65\x88" + random.Random(3).randbytes(80_000)
    frames_ = [(0, rtp(nal, number, number * 3600, marker=True)) for number in range(4)]
    with Reader() as reader:
        reader.feed(told(frames_, lambda _number, size: size & 0xFFFF), 1446)
        assert reader.nals == [nal] * 4


def test_frame_that_is_waited_for_is_searched_once() -> None:
    """Each byte of it looks like the beginning of a frame, and they come a few at a time."""
    sent, _ = frames(1, has_sound=False)
    with Reader() as reader:
        reader.feed(told(sent[:1], lambda _number, size: size) + struct.pack(">BBH", 0x24, 0, 0xFFFF), 1446)
        began_s = time.process_time()
        reader.feed(rtp(b"$" * 60_000, 3, 0), 20)
        assert time.process_time() - began_s < 5.0, "three thousand times 60,000 take minutes"
