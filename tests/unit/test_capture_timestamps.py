"""Stamps of cameras: missing, backward, jumping, drifting; anchored to the clocks of the box."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from vigilar.capture.timestamps import StampGate
from vigilar.media.packets import Kind, Packet, RawPacket

TICKS = Fraction(1, 90_000)
UTC = 1_770_000_000_000_000_000
MONO = 50_000_000_000
SECOND = 1_000_000_000


def video(dts: int | None, *, is_keyframe: bool = False, duration: int = 0) -> RawPacket:
    return RawPacket(Kind.VIDEO, b"picture", dts, dts, duration, TICKS, is_keyframe)


def sound(dts: int | None) -> RawPacket:
    return RawPacket(Kind.AUDIO, b"sound", dts, dts, 0 if dts is None else 1024, Fraction(1, 16_000), True)


def feed(gate: StampGate, raws: list[tuple[RawPacket, float]]) -> list[Packet]:
    """Each raw packet arrives so many seconds after the start."""
    packets: list[Packet] = []
    for raw, at_s in raws:
        at_ns = round(at_s * SECOND)
        packets += gate.pass_on(raw, UTC + at_ns, MONO + at_ns)
    return packets + gate.flush()


def steady(count: int, step: int = 9000) -> list[tuple[RawPacket, float]]:
    return [(video(n * step, is_keyframe=n % 10 == 0), n * step / 90_000) for n in range(count)]


def test_duration_is_distance_to_next() -> None:
    raws = [(video(0, duration=1500), 0.0), (video(2970, duration=1500), 0.03), (video(6000, duration=1500), 0.07)]
    assert [p.duration for p in feed(StampGate(1, None), raws)] == [2970, 3030, 3030]


def test_zero_durations_are_filled_in() -> None:
    assert {p.duration for p in feed(StampGate(1, None), steady(5))} == {9000}


def test_unstamped_first_keyframe_is_kept() -> None:
    gate = StampGate(1, Fraction(10))
    packets = feed(gate, [(video(None, is_keyframe=True), 0.0), (video(9000), 0.1), (video(18000), 0.2)])
    assert [p.is_keyframe for p in packets] == [True, False, False]
    assert packets[1].dts - packets[0].dts == 9000
    assert gate.odd_stamps == 0


def test_later_unstamped_packet_is_kept_between_its_neighbours() -> None:
    packets = feed(StampGate(1, None), [(video(0), 0.0), (video(9000), 0.1), (video(None), 0.2), (video(27000), 0.3)])
    assert [p.dts - packets[0].dts for p in packets] == [0, 9000, 18000, 27000]


def test_one_backward_stamp_is_put_next_to_its_neighbours() -> None:
    gate = StampGate(1, None)
    packets = feed(gate, [(video(0), 0.0), (video(9000), 0.1), (video(4000), 0.2), (video(27000), 0.3)])
    assert [p.dts - packets[0].dts for p in packets] == [0, 9000, 18000, 27000]
    assert gate.odd_stamps == 1


def test_slow_camera_is_no_leap() -> None:
    packets = feed(StampGate(1, None), [(video(n * 450_000), 5.0 * n) for n in range(4)])
    assert [p.duration for p in packets] == [450_000] * 4


def test_stamps_are_never_negative() -> None:
    packets = feed(
        StampGate(1, Fraction(10)), [(sound(None), 0.0), (video(None), 0.0), (sound(0), 0.1), (video(0), 0.1)]
    )
    assert min(p.dts for p in packets) >= 0


def test_sound_and_picture_keep_their_distance() -> None:
    packets = feed(StampGate(1, None), [(video(90_000), 0.0), (sound(16_000 + 8_000), 0.5), (video(180_000), 1.0)])
    at = {p.kind: p.dts_s for p in reversed(packets)}
    assert at[Kind.AUDIO] - at[Kind.VIDEO] == pytest.approx(0.5)


def test_times_follow_stamps_not_arrival() -> None:
    raws = [(video(0), 0.0), (video(9000), 0.35), (video(18000), 0.36), (video(27000), 0.37)]
    packets = feed(StampGate(1, None), raws)
    assert [round((p.utc_ns - UTC) / 1e6) for p in packets] == [0, 100, 200, 300]
    assert [round((p.mono_ns - MONO) / 1e6) for p in packets] == [0, 100, 200, 300]


def test_opening_burst_is_not_the_future() -> None:
    """Three seconds of old pictures at once, then live: no label may run ahead of the clock."""
    burst = [(video(n * 9000), n * 0.001) for n in range(30)]
    live = [(video((30 + n) * 9000), 0.1 * (n + 1)) for n in range(200)]
    gate = StampGate(1, None)
    packets = feed(gate, burst + live)
    arrivals = [at for _, at in burst + live]
    assert all((p.mono_ns - MONO) / 1e9 <= at + 0.001 for p, at in zip(packets, arrivals, strict=True))
    assert all(one.mono_ns <= two.mono_ns for one, two in pairwise(packets))


def test_drift_is_followed_slowly() -> None:
    """A crystal 200 ppm slow: after an hour its stamps lie 0.72 s behind, the labels below 10 ms."""
    gate, last, at_s = StampGate(1, None), None, 0.0
    for n in range(3600):
        at_s = n * 1.0002
        at_ns = round(at_s * SECOND)
        for packet in gate.pass_on(video(n * 90_000), UTC + at_ns, MONO + at_ns):
            last = packet
    assert last is not None
    assert abs((last.mono_ns - MONO) / 1e9 - (at_s - 1.0002)) < 0.01


def test_camera_that_hung_goes_on_in_the_same_run() -> None:
    """As GStreamer's server did: one old picture when it woke, then those of now."""
    hung = [(video(20 * 9000), 5.98), (video(70 * 9000), 7.02), (video(71 * 9000), 7.12)]
    packets = feed(StampGate(1, None), steady(20) + hung)
    assert len(packets) == 23
    assert packets[20].duration == 50 * 9000
