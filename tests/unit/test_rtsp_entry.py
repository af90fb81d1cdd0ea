"""Where decoding may begin: pictures that come right over time, marks of it or none, and sets that come once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest

from tests.fakes.rtp import IDR, SLICE, rtp
from vigilar.capture.rtsp.entry import AT_ONCE, FIRST_S, LATER_S, OFTEN_S
from vigilar.capture.rtsp.intake import StreamMemory
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import VideoTrack
from vigilar.media.bitstream import MAX_PARAMETER_SETS, START_CODE, find_recovery_point
from vigilar.media.packets import RawPacket

RATE = 5
SPS, PPS, OTHER_PPS = b"\x67\x42\x00\x1f", b"\x68\xce", b"\x68\xcf"
I_SLICE = b"\x41\x88\x80" + b"i" * 40
OVER_TIME = b"\x06\x06\x02\x09\xc4\x80"
"""Information that the picture is right 18 pictures later, as x264 writes it."""

LATER_I, LATER_P = b"\x41\x42\x00" + b"i" * 40, b"\x41\x46" + b"p" * 40
"""Slices that begin with the second macroblock, of type 7 (I) and 5 (P)."""

H265_P, H265_I = b"\x02\x01\xd0" + b"p" * 40, b"\x02\x01\xd8" + b"i" * 40
"""First slice, set 0, type P and I."""

H265_OVER_TIME = b"\x4e\x01\x06\x01\x40\x80"


def entries(
    pictures: Iterable[list[bytes]], codec: str = "h264", memory: StreamMemory | None = None
) -> list[RawPacket]:
    """The packets of a camera with RATE pictures a second."""
    out: list[RawPacket] = []
    track = VideoTrack(codec, 96, 90_000, Timeline(90_000, 0), DecodeStamps(90_000, 18_000, 0), out, memory=memory)
    sequence = 0
    for number, payloads in enumerate(pictures):
        for at, payload in enumerate(payloads):
            packet = rtp(payload, sequence, number * 90_000 // RATE, marker=at == len(payloads) - 1)
            track.add(bytearray(packet), 0, len(packet))
            track.keep()
            sequence += 1
    return out


def seconds_of(packets: list[RawPacket]) -> list[float]:
    return [(raw.pts or 0) / 90_000 for raw in packets if raw.is_keyframe]


@pytest.mark.parametrize(
    ("codec", "marked", "other"),
    [
        ("h264", [OVER_TIME, SLICE], [SLICE]),
        ("h264", [I_SLICE], [SLICE]),
        ("h264", [I_SLICE, LATER_P], [SLICE, LATER_I]),
        ("h264", [SPS, PPS, SLICE], [SLICE]),
        ("hevc", [H265_OVER_TIME, H265_P], [H265_P]),
        ("hevc", [H265_I], [H265_P]),
        ("hevc", [b"\x42\x01s", b"\x44\x01p", H265_P], [H265_P]),
    ],
)
def test_picture_that_comes_right_over_time_is_one_to_begin_with(
    codec: str, marked: list[bytes], other: list[bytes]
) -> None:
    """Marked ones twice a second."""
    packets = entries((marked if number % 2 == 1 else other for number in range(12 * RATE)), codec)
    begins = seconds_of(packets)
    assert FIRST_S <= begins[0] < FIRST_S + 0.5
    assert all(OFTEN_S <= two - one < OFTEN_S + 0.5 for one, two in pairwise(begins))


@pytest.mark.parametrize(("codec", "picture"), [("h264", SLICE), ("hevc", H265_P)])
def test_stream_without_any_mark_is_begun_anywhere_once_none_can_come(codec: str, picture: bytes) -> None:
    """Groups of pictures of a minute are waited for; what was learned holds for the next connection."""
    memory = StreamMemory()
    packets = entries(([picture] for _ in range(80 * RATE)), codec, memory)
    assert seconds_of(packets) == [65, 75]
    again = entries(([picture] for _ in range(15 * RATE)), codec, memory)
    assert seconds_of(again) == [3, 13]


def test_camera_that_sends_marks_after_all_is_waited_for_again() -> None:
    memory = StreamMemory()
    entries(([SLICE] for _ in range(70 * RATE)), memory=memory)
    packets = entries(([IDR] if number == 5 * RATE else [SLICE] for number in range(20 * RATE)), memory=memory)
    assert seconds_of(packets) == [3, 5]
    assert seconds_of(entries(([SLICE] for _ in range(60 * RATE)), memory=memory)) == []


def test_stream_without_any_mark_is_known_over_short_connections() -> None:
    """A camera that ends each after 30 s would else never be recorded."""
    memory = StreamMemory()
    made = [seconds_of(entries(([SLICE] for _ in range(30 * RATE)), memory=memory)) for _ in range(4)]
    assert made == [[], [], [pytest.approx(5, abs=1), pytest.approx(15, abs=1), pytest.approx(25, abs=1)], [3, 13, 23]]


def test_mark_on_one_connection_counts_for_the_next() -> None:
    """Whole pictures a minute apart, and connections of 40 s."""
    memory = StreamMemory()
    pictures = [[IDR] if number % (60 * RATE) == 50 * RATE else [SLICE] for number in range(240 * RATE)]
    for begin in range(0, 240, 40):
        made = entries(pictures[begin * RATE : (begin + 40) * RATE], memory=memory)
        assert len(seconds_of(made)) == sum(IDR in one for one in pictures[begin * RATE : (begin + 40) * RATE])


def test_entry_that_says_nothing_is_marked_for_decoders() -> None:
    """Those that show only what is right would else show nothing, ever."""

    def marks(packets: list[RawPacket]) -> int:
        return sum(raw.data.startswith(START_CODE + AT_ONCE) for raw in packets if raw.is_keyframe)

    assert find_recovery_point(AT_ONCE, 1, len(AT_ONCE)) is True
    assert marks(entries([SLICE] for _ in range(80 * RATE))) == 2
    assert marks(entries([I_SLICE] for _ in range(4 * RATE))) == 1
    for told, codec in (([OVER_TIME, SLICE], "h264"), ([IDR], "h264"), ([H265_I], "hevc")):
        packets = entries((told for _ in range(4 * RATE)), codec)
        assert seconds_of(packets)
        assert not any(AT_ONCE in raw.data for raw in packets)


def test_marks_between_whole_pictures_count_only_when_these_are_rare() -> None:
    often = entries([IDR] if number % 20 == 0 else [OVER_TIME, SLICE] for number in range(20 * RATE))
    assert seconds_of(often) == [0, 4, 8, 12, 16]
    once = entries([IDR] if number == 0 else [OVER_TIME, SLICE] for number in range(25 * RATE))
    assert seconds_of(once) == [0, LATER_S, 2 * LATER_S]


def test_long_group_between_whole_pictures_has_no_other_beginning() -> None:
    packets = entries([IDR] if number % (200 * RATE) == 0 else [SLICE] for number in range(210 * RATE))
    assert seconds_of(packets) == [0, 200]


@pytest.mark.parametrize("is_cut", [False, True])
def test_sets_that_come_once_go_before_the_next_whole_picture(is_cut: bool) -> None:
    pictures = [[IDR], [SLICE], [SPS, PPS, SLICE], [SLICE], [IDR], [IDR]]
    if is_cut:
        pictures[2] = [SPS, PPS, b"\x7c\x01middle of a fragment that has no beginning", SLICE]
    heads = [raw.data for raw in entries(pictures) if raw.is_keyframe]
    before = START_CODE + SPS + START_CODE + PPS + START_CODE
    assert heads == [START_CODE + IDR, before + IDR, START_CODE + IDR]


def test_newest_sets_go_before_the_next_whole_picture() -> None:
    packets = entries([[IDR], [SPS, PPS, SLICE], [OTHER_PPS, SLICE], [IDR], [PPS, SLICE], [OTHER_PPS, IDR]])
    assert packets[3].data == START_CODE + SPS + START_CODE + OTHER_PPS + START_CODE + IDR
    assert packets[5].data == START_CODE + OTHER_PPS + START_CODE + IDR


def test_sets_without_end_are_not_kept() -> None:
    sets = [b"\x68" + bytes((1 + number // 200, 1 + number % 200)) for number in range(1000)]
    packets = entries([[IDR], [*sets, SLICE], [IDR]])
    assert packets[2].data.count(START_CODE) == MAX_PARAMETER_SETS + 1
