"""Decode stamps for streams with B pictures, and one time axis for picture and sound."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rtp import rtp, sender_report
from vigilar.capture.rtsp.first_sound import HOLD_S, FirstSound
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.rtp import Unwrap, find_report, signed_distance
from vigilar.capture.rtsp.timeline import Timeline

STEP = 3600


@pytest.mark.parametrize(
    ("depth", "pts", "expected"),
    [
        (0, [0, 1, 2, 3], [0, 1, 2, 3]),
        (1, [0, 2, 1, 4, 3, 6, 5], [-1, 0, 1, 2, 3, 4, 5]),
        (2, [0, 4, 2, 1, 3, 8, 6, 5, 7], [-2, -1, 0, 1, 2, 3, 4, 5, 6]),
        (2, [0, 1, 2, 3, 4], [-2, -1, 0, 1, 2]),
    ],
)
def test_decode_stamps_are_the_shown_ones_in_order(depth: int, pts: list[int], expected: list[int]) -> None:
    stamps = DecodeStamps(90_000, STEP, depth)
    assert [stamps.dts(p * STEP) for p in pts] == [d * STEP for d in expected]


def test_depth_is_learned() -> None:
    stamps = DecodeStamps(90_000, STEP)
    pts = [0, 1, 4, 2, 3, 7, 5, 6, 10, 8, 9, 13]
    dts = [stamps.dts(p * STEP) for p in pts]
    assert stamps.depth == 1
    assert all(one < two for one, two in pairwise(dts))
    assert all(d <= p * STEP for p, d in list(zip(pts, dts, strict=True))[6:])


def test_clock_set_back_is_not_hidden() -> None:
    for depth in (0, 1, None):
        stamps = DecodeStamps(90_000, STEP, depth)
        before = [stamps.dts(n * STEP) for n in range(100, 110)]
        assert stamps.dts(0) < before[-1]
        assert stamps.depth == (depth or 0)


@given(st.integers(0, 4), st.lists(st.integers(0, 4), min_size=1, max_size=60), st.booleans())
def test_decode_stamps_rise(depth: int, jitter: list[int], is_known: bool) -> None:
    """Pictures each moved by up to ``depth`` places."""
    order = sorted(range(len(jitter)), key=lambda n: (n + min(jitter[n], depth), n))
    stamps = DecodeStamps(90_000, STEP, depth if is_known else None)
    dts = [stamps.dts(n * STEP) for n in order]
    assert all(one < two for one, two in pairwise(dts))
    if is_known:
        assert all(d <= p * STEP for p, d in zip(order, dts, strict=True))


@pytest.mark.parametrize(
    ("stamp", "other", "expected"),
    [(1, 0, 1), (0, 1, -1), (0, 0xFFFFFFFF, 1), (0xFFFFFFFF, 0, -1), (0x7FFFFFFF, 0, 0x7FFFFFFF), (5, 5, 0)],
)
def test_distance_has_a_sign(stamp: int, other: int, expected: int) -> None:
    assert signed_distance(stamp, other) == expected


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_ticks_follow_over_the_wrap(first: int, steps: list[int]) -> None:
    unwrap, sent = Unwrap(), first
    assert unwrap.to_ticks(first) == 0
    for step in steps:
        sent += step
        assert unwrap.to_ticks(sent & 0xFFFFFFFF) == sent - first


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def timeline(clock: Clock) -> Timeline:
    return Timeline(90_000, 8000, clock)


def test_sound_before_the_picture_has_no_place() -> None:
    assert timeline(Clock()).sound_ticks(0) is None


def test_sound_is_placed_by_arrival() -> None:
    clock = Clock()
    line = timeline(clock)
    assert line.video_ticks(4_000_000_000) == 0
    clock.now_s += 0.25
    assert line.sound_ticks(77) == 2000
    assert line.sound_ticks(77 + 160) == 2160


@pytest.mark.parametrize(("in_order", "expected"), [(True, 0.5), (False, 0.1)])
def test_sound_is_placed_by_the_picture_that_came_soonest(in_order: bool, expected: float) -> None:
    """The first came 0.4 s late. Where pictures are sent before others that are shown earlier, none says so."""
    clock = Clock()
    line = timeline(clock)
    line.video_ticks(1000, in_order=in_order)
    clock.now_s += 0.1
    line.video_ticks(1000 + 45_000, in_order=in_order)
    assert line.sound_ticks(77) == pytest.approx(expected * 8000, abs=1)


class Heard:
    """The first sound through its hold: what comes out, with its place in seconds behind the first picture."""

    def __init__(self) -> None:
        self.clock, self.places_s = Clock(), list[float | None]()
        self.line = timeline(self.clock)
        self.first = FirstSound(self._take, self.line, 8000, self.clock)
        self.number = 0

    def _take(self, data: bytearray, begin: int, end: int) -> None:
        ticks = self.line.sound_ticks(int.from_bytes(data[begin + 4 : begin + 8], "big"))
        self.places_s.append(None if ticks is None else ticks / 8000)

    def give(self, stamp: int) -> None:
        packet = bytearray(rtp(b"sound", self.number, (4_294_960_000 + stamp) & 0xFFFFFFFF))
        self.number += 1
        self.first.add(packet, 0, len(packet))


@pytest.mark.parametrize("step", [160, 0, -160, 8_000_000])
def test_first_sound_that_comes_at_once_is_placed_by_its_last(step: int) -> None:
    """A hundred packets of 20 ms, which the camera gathered. Stamps that cannot be tell nothing."""
    made = Heard()
    made.line.video_ticks(0)
    made.clock.now_s += 3.0
    for number in range(100):
        made.give(number * step)
    made.first.look()
    assert made.places_s == []
    made.clock.now_s += HOLD_S + 0.01
    made.first.look()
    assert made.places_s[0] == pytest.approx(3.0 - 99 * 0.02 if step == 160 else 3.0, abs=0.01)
    assert len(made.places_s) == 100
    made.give(100 * step)
    assert len(made.places_s) == 101, "only the first are held"


def test_first_sound_is_held_no_longer_than_to_the_next_picture() -> None:
    made = Heard()
    made.line.video_ticks(0)
    made.clock.now_s += 3.0
    for number in range(100):
        made.give(number * 160)
    made.line.video_ticks(270_000)
    assert made.places_s[0] == pytest.approx(3.0 - 99 * 0.02, abs=0.01)
    assert len(made.places_s) == 100


def test_first_sound_that_comes_one_by_one_is_placed_by_its_arrival() -> None:
    made = Heard()
    made.give(0)
    made.clock.now_s += 0.5
    made.line.video_ticks(0)
    made.clock.now_s += 0.25
    for number in range(20):
        made.give(160 + number * 160)
        made.clock.now_s += 0.02
    assert made.places_s[:2] == [None, pytest.approx(0.25)]
    assert len(made.places_s) == 21


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((1000, 500), 8000 * 3 // 10),  # picture at its time; sound 0.3 s after its own: told
        ((1000 - 90_000, 500), 8000 * 3 // 10 - 8000),  # a keyframe of a second later
        ((1000, None), 4000),
        ((1000, 500 + 80_000 * 2), 4000),  # 20 s before: not believed
        ((1000 + 3 * 90_000, 500), 4000),  # disagrees with the arrival by 3 s
    ],
)
def test_rtp_info_places_sound_when_plausible(times: tuple[int, int | None], expected: int) -> None:
    clock = Clock()
    line = timeline(clock)
    line.rtp_times = times
    line.video_ticks(1000)
    clock.now_s += 0.5
    assert line.sound_ticks(500 + 2400) == expected


def report(line: Timeline, is_video: bool, ntp_s: float, stamp: int) -> None:
    data = sender_report(ntp_s, stamp)
    line.add_report(is_video, data, 0, len(data))


def reports(line: Timeline, at_s: float, *, late_s: float = 0.0, sound_clock_s: float = 0.0) -> None:
    """Both streams' reports ``at_s`` seconds after the first picture; the sound was taken ``late_s`` before it came,
    and the camera's clock stands ``sound_clock_s`` further when it reports of the sound."""
    report(line, True, 4e9 + at_s, round(at_s * 90_000))
    report(line, False, 4e9 + at_s + sound_clock_s, round((at_s + late_s) * 8000))


@pytest.mark.parametrize(("late_s", "moved"), [(0.5, True), (-0.5, True), (0.05, False), (11.0, False)])
def test_two_pairs_of_sender_reports_that_agree_move_sound(late_s: float, moved: bool) -> None:
    """The sound arrives with the first picture, but was taken ``late_s`` earlier."""
    clock = Clock()
    line = timeline(clock)
    line.video_ticks(0)
    assert line.sound_ticks(0) == 0
    reports(line, 1.0, late_s=late_s)
    assert not line.has_moved()
    reports(line, 6.0, late_s=late_s)
    assert line.has_moved() is moved
    clock.now_s += 10
    expected = 80_000 - round(late_s * 8000) if moved else 80_000
    assert line.sound_ticks(80_000) == pytest.approx(expected, abs=2)
    reports(line, 11.0, late_s=late_s)
    reports(line, 16.0, late_s=late_s)
    assert not line.has_moved()


def test_later_reports_undo_what_earlier_ones_moved() -> None:
    clock = Clock()
    line = timeline(clock)
    line.video_ticks(0)
    line.sound_ticks(0)
    for at_s, late_s in ((1.0, 0.5), (6.0, 0.5), (11.0, 0.0), (16.0, 0.0), (21.0, 0.0)):
        reports(line, at_s, late_s=late_s)
    clock.now_s += 10
    assert line.sound_ticks(80_000) == pytest.approx(80_000, abs=2)


def test_clock_set_between_two_reports_moves_nothing() -> None:
    """Dahua's, by SNTP: the picture is reported before the step, the sound behind it."""
    line = timeline(Clock())
    line.video_ticks(0)
    line.sound_ticks(0)
    reports(line, 1.0, sound_clock_s=3.0)
    for number in range(1, 6):
        at_s = 1.0 + 5.0 * number
        report(line, True, 4e9 + at_s + 3.0, round(at_s * 90_000))
        report(line, False, 4e9 + at_s + 3.0, round(at_s * 8000))
        assert not line.has_moved()


@given(st.binary(max_size=60))
def test_noise_is_no_report_or_one(noise: bytes) -> None:
    find_report(noise, 0, len(noise))
    find_report(bytes((0x80, 200, 0, 6)) + noise, 0, 4 + len(noise))


def test_report_behind_another_packet_is_found() -> None:
    data = b"\x80\xca\x00\x01abcd" + sender_report(4e9 + 0.5, 9)
    assert find_report(data, 0, len(data)) == (4e9 + 0.5, 9)
