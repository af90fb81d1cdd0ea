"""What decides that a packet is decoded: pace, packet sizes, and the packets kept for it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from tests.detect_kit import TICKS, packets
from vigilar.detect import gops
from vigilar.detect.gops import Gops
from vigilar.detect.pace import Pace
from vigilar.detect.packetsize import BACK_OFF_MAX_S, Hint, PacketSizes
from vigilar.media.packets import Kind, StreamInfo, StreamRole

SECOND = 1_000_000_000


def _pace(role: StreamRole, width: int, height: int, rate: int | None) -> Pace:
    info = StreamInfo(Kind.VIDEO, "h264", TICKS, b"", width, height, Fraction(rate) if rate else None)
    return Pace(role, info)


@pytest.mark.parametrize(
    ("role", "width", "height", "rate", "is_small"),
    [
        (StreamRole.SUB, 640, 360, 10, True),
        (StreamRole.SUB, 1280, 720, 30, True),
        (StreamRole.SUB, 1920, 1080, 30, False),
        (StreamRole.MAIN, 640, 480, 30, True),
        (StreamRole.MAIN, 1280, 720, 10, True),
        (StreamRole.MAIN, 1280, 720, 25, False),
        (StreamRole.MAIN, 1920, 1080, None, False),
    ],
)
def test_pace_follows_what_decoding_costs(
    role: StreamRole, width: int, height: int, rate: int | None, is_small: bool
) -> None:
    assert _pace(role, width, height, rate).is_small == is_small


def test_measured_rate_overrules_the_named_one() -> None:
    pace = _pace(StreamRole.MAIN, 1280, 720, 90)
    for packet in packets(4, 8, 8):
        pace.count(packet)
    assert pace.is_small
    assert pace.worst_delay_s == 1.0


@pytest.mark.parametrize(("gop", "delay_s"), [(40, 2.0), (80, 4.0), (200, 5.0)])
def test_worst_delay_of_a_large_stream_is_its_keyframe_gap(gop: int, delay_s: float) -> None:
    pace = _pace(StreamRole.MAIN, 1920, 1080, 20)
    for packet in packets(25, 20, gop):
        pace.count(packet)
    assert pace.worst_delay_s == delay_s


def test_unusual_packets_hint_and_usual_ones_do_not() -> None:
    sizes = PacketSizes()
    hints = [sizes.add(1000 + n * 37 % 100, n * SECOND // 10) for n in range(100)]
    assert set(hints) == {None}
    assert sizes.add(4000, 10 * SECOND) is None
    assert Hint.LARGER in [sizes.add(3000, 10 * SECOND + n * SECOND // 10) for n in range(1, 4)]


def test_packets_that_an_encoder_starves_hint_as_well() -> None:
    """One that keeps to a rate: somebody comes in with one large packet, and the next are small."""
    sizes = PacketSizes()
    assert {sizes.add(8000 + n * 370 % 1900, n * SECOND // 10) for n in range(100)} == {None}
    hints = [sizes.add(size, 10 * SECOND + n) for n, size in enumerate((28_000, 6300, 2000, 3300, 4200))]
    assert hints == [None, None, None, Hint.STARVED, Hint.STARVED]


def test_small_packets_that_nothing_large_came_before_are_no_hint() -> None:
    """The end of a group, or a quieter night."""
    sizes = PacketSizes()
    for n in range(100):
        sizes.add(8000 + n * 370 % 1900, n * SECOND // 10)
    assert {sizes.add(2000, 10 * SECOND + n) for n in range(10)} == {None}


def test_hints_that_come_to_nothing_are_heeded_ever_less() -> None:
    sizes = PacketSizes()
    heeded_s = []
    for n in range(6000):
        if (hint := sizes.add(3000 if n % 20 < 4 else 1000, n * SECOND // 10)) is not None:
            heeded_s.append(n / 10)
            sizes.judge(hint, was_right=False, mono_ns=n * SECOND // 10)
    gaps = [b - a for a, b in pairwise(heeded_s)]
    assert len(heeded_s) < 20
    assert gaps[-1] >= BACK_OFF_MAX_S


def test_a_good_hint_restores_trust() -> None:
    sizes = PacketSizes()
    for n in range(50):
        sizes.add(1000, n * SECOND // 10)
    sizes.judge(Hint.LARGER, was_right=False, mono_ns=5 * SECOND)
    sizes.judge(Hint.LARGER, was_right=True, mono_ns=7 * SECOND)
    sizes.judge(Hint.LARGER, was_right=False, mono_ns=8 * SECOND)
    assert Hint.LARGER in [sizes.add(5000, 9_500_000_000 + n) for n in range(3)]


def test_pending_packets_are_given_once_and_begin_with_the_keyframe() -> None:
    kept = Gops()
    stream = list(packets(3, 10, 10))
    for packet in stream[:4]:
        kept.add(packet)
    assert kept.take_pending() == stream[:4]
    for packet in stream[4:7]:
        kept.add(packet)
    assert kept.take_pending() == stream[4:7]
    for packet in stream[7:12]:
        kept.add(packet)
    assert kept.take_pending() == stream[10:12]
    assert kept.take_before() == stream[:10]
    assert kept.take_before() == []


def test_group_that_was_cut_is_not_given_as_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gops, "MAX_BYTES", 6000)
    kept = Gops()
    stream = list(packets(3, 10, 20))
    for packet in stream[:10]:
        kept.add(packet)
    assert kept.is_full
    kept.take_pending()
    assert not kept.is_full
    for packet in stream[10:21]:
        kept.add(packet)
    assert kept.take_before() == []
    assert kept.take_pending() == stream[20:21]
