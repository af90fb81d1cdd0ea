"""Hours of a camera's stamps and arrivals: what comes out must agree with the clock on the wall."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigilar.capture.timestamps import StampGate
from vigilar.media.packets import Kind, Packet, RawPacket, StreamInfo
from vigilar.media.silence import silent_unit

TICKS = Fraction(1, 90_000)
SECOND = 1_000_000_000
MONO = 50 * SECOND
UTC = 1_770_000_000 * SECOND
STEP = 3600
READ_NS = 200_000_000
"""Unwatched cameras are read five times a second."""

Arrival = tuple[int, float]
"""A stamp in ticks, and when it came in seconds."""


def even(seconds: float, arrives_s: float, step: int = STEP, from_s: float = 0.0, first: int = 0) -> list[Arrival]:
    return [(first + n * step, from_s + n * arrives_s) for n in range(int(seconds / arrives_s))]


@dataclass
class Outcome:
    """Video packets as they came out, and when each one had come."""

    gate: StampGate
    packets: list[Packet] = field(default_factory=list)
    arrived_ns: list[int] = field(default_factory=list)

    @property
    def late_s(self) -> list[float]:
        """How much later than its label each packet came."""
        return [(at - packet.mono_ns) / SECOND for packet, at in zip(self.packets, self.arrived_ns, strict=True)]

    @property
    def media_s(self) -> float:
        return (self.packets[-1].dts - self.packets[0].dts) / 90_000

    @property
    def labels_s(self) -> float:
        return (self.packets[-1].mono_ns - self.packets[0].mono_ns) / SECOND

    @property
    def wall_s(self) -> float:
        return (self.arrived_ns[-1] - self.arrived_ns[0]) / SECOND

    def check_line(self) -> None:
        """What holds whatever the camera sends."""
        assert all(one.dts + one.duration == two.dts for one, two in pairwise(self.packets))
        assert all(one.mono_ns < two.mono_ns for one, two in pairwise(self.packets))
        assert min(self.late_s) > -0.6


def seen(arrivals: Iterable[Arrival], *, in_batches: bool = True, rate: int = 25) -> Outcome:
    outcome = Outcome(StampGate(1, Fraction(rate)))
    for stamp, at_s in arrivals:
        at_ns = round(at_s * SECOND)
        if in_batches:
            at_ns = -(-at_ns // READ_NS) * READ_NS
        raw = RawPacket(Kind.VIDEO, b"picture", stamp, stamp, 0, TICKS, False)
        outcome.packets += outcome.gate.pass_on(raw, UTC + at_ns, MONO + at_ns)
        outcome.arrived_ns.append(MONO + at_ns)
    outcome.packets += outcome.gate.flush()
    outcome.check_line()
    assert len(outcome.packets) == len(outcome.arrived_ns)
    return outcome


def wifi(arrivals: list[Arrival], seed: int, every_s: float = 7.0) -> list[Arrival]:
    """Held back now and then for half a second to two, and then handed out at once."""
    rand = random.Random(seed)
    begins = rand.uniform(1.0, every_s)
    until = 0.0
    out: list[Arrival] = []
    for stamp, at_s in arrivals:
        if at_s >= begins:
            until = at_s + rand.uniform(0.5, 2.0)
            begins = until + rand.uniform(0.5, every_s)
        out.append((stamp, max(at_s + rand.uniform(0.0, 0.02), until, out[-1][1] if out else 0.0)))
    return out


def dusk() -> list[Arrival]:
    """25 pictures a second, at night half of them under the same stamps, and 25 again."""
    day = even(60.0, 0.04)
    night = even(600.0, 0.08, from_s=60.0, first=len(day) * STEP)
    return day + night + even(300.0, 0.04, from_s=660.0, first=(len(day) + len(night)) * STEP)


WRONG = {
    "21 for 25": even(1200.0, 0.0476),
    "night": even(1200.0, 0.08),
    "dusk and dawn": dusk(),
    "30 for 25": even(1200.0, 0.033),
    "a tenth": even(600.0, 0.4),
    "milliseconds": even(600.0, 0.04, step=40),
    "stands still": even(600.0, 0.04, step=0),
    "stands still at night": even(600.0, 0.08, step=0),
    "each stamp twice": [(n // 2 * 2 * STEP, n * 0.04) for n in range(15_000)],
    "noise": [(random.Random(n).getrandbits(31), n * 0.04) for n in range(15_000)],
    "1 a second for 2": even(1800.0, 1.0, step=45_000),
}


@pytest.mark.parametrize("in_batches", [True, False])
@pytest.mark.parametrize("day", [10, 15, 25, 30])
def test_labels_stay_within_a_second_where_pictures_fall_to_one_a_second(day: int, in_batches: bool) -> None:
    step = 90_000 // day
    arrivals = even(60.0, 1 / day, step)
    arrivals += even(600.0, 1.0, step, from_s=60.0, first=len(arrivals) * step)
    arrivals += even(60.0, 1 / day, step, from_s=660.0, first=len(arrivals) * step)
    outcome = seen(arrivals, in_batches=in_batches, rate=day)
    assert max(outcome.late_s) < 1.0
    assert outcome.media_s == pytest.approx(outcome.wall_s, abs=0.3)


@pytest.mark.parametrize("in_batches", [True, False])
@pytest.mark.parametrize("name", WRONG)
def test_stamps_at_a_wrong_rate_give_real_time(name: str, in_batches: bool) -> None:
    outcome = seen(WRONG[name], in_batches=in_batches)
    assert outcome.media_s == pytest.approx(outcome.wall_s, abs=0.6)
    assert outcome.labels_s == pytest.approx(outcome.wall_s, abs=0.4)
    assert max(outcome.late_s) < (1.6 if name == "a tenth" else 1.1)
    # Not only the sum: each minute lasts a minute.
    for begin in range(0, len(outcome.packets) - 1500, 1500):
        one, two = outcome.packets[begin], outcome.packets[begin + 1500]
        wall_s = (outcome.arrived_ns[begin + 1500] - outcome.arrived_ns[begin]) / SECOND
        assert (two.dts - one.dts) / 90_000 == pytest.approx(wall_s, abs=1.2)


@pytest.mark.parametrize("ppm", [-833, -100, 100, 833, 3000])
def test_drift_is_followed_for_hours(ppm: int) -> None:
    outcome = seen(even(3 * 3600.0, 0.04 * (1 + ppm / 1e6)))
    assert outcome.media_s == pytest.approx(outcome.wall_s, abs=0.5)
    assert outcome.labels_s == pytest.approx(outcome.wall_s, abs=0.4)
    assert max(outcome.late_s) < 0.6
    assert outcome.gate.is_trusted
    assert max(abs(packet.duration - STEP) for packet in outcome.packets) <= STEP // 80


@pytest.mark.parametrize("in_batches", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_good_stamps_are_not_disturbed_by_wifi(seed: int, in_batches: bool) -> None:
    outcome = seen(wifi(even(3600.0, 0.04), seed, every_s=4.0), in_batches=in_batches)
    assert {packet.duration for packet in outcome.packets} == {STEP}
    taken = [abs((p.mono_ns - MONO) / SECOND - n * 0.04) for n, p in enumerate(outcome.packets)]
    assert max(taken) < 0.3  # the labels say when pictures were taken, not when they came
    assert outcome.gate.odd_stamps == 0


def test_small_jitter_of_stamps_stays_in_the_file() -> None:
    rand = random.Random(1)
    stamps = [n * STEP + rand.randrange(-1200, 1200) for n in range(50_000)]
    outcome = seen([(stamp, n * 0.04) for n, stamp in enumerate(stamps)])
    assert [one.duration for one in outcome.packets[:-1]] == [two - one for one, two in pairwise(stamps)]


@pytest.mark.parametrize("off_s", [-9800, 3600, -10_121, -1.7, 1.7, 97])
@pytest.mark.parametrize("every", [50, 7, 2])
def test_stamps_of_a_second_clock_in_single_pictures_do_nothing(off_s: float, every: int) -> None:
    off = round(off_s * 90_000)
    outcome = seen([(s + (off if n % every == every - 1 else 0), at) for n, (s, at) in enumerate(even(300.0, 0.04))])
    assert all(abs(packet.duration - STEP) <= 1 for packet in outcome.packets)
    assert max(outcome.late_s) < 0.25


@pytest.mark.parametrize("off_s", [97, -97, 1.5, -0.2, -5, 3600, -9800, 47_000])
def test_jump_that_lasts_goes_on_in_the_new_time(off_s: float) -> None:
    off = round(off_s * 90_000)
    outcome = seen([(s + (off if n > 500 else 0), at) for n, (s, at) in enumerate(even(300.0, 0.04))])
    assert max(packet.duration for packet in outcome.packets) < 2 * STEP
    assert outcome.media_s == pytest.approx(outcome.wall_s, abs=0.3)
    assert outcome.gate.odd_stamps <= 4


def test_pauses_are_no_jumps() -> None:
    """As blink bridges send: nothing for 25 s, five seconds of pictures of before at once, then those of now."""
    arrivals: list[Arrival] = []
    for number in range(6):
        begin_s = number * 45.0 + 20.0
        first = int(begin_s * 90_000)
        arrivals += [(first + n * STEP, begin_s + 5.0 + n * 0.0024) for n in range(125)]
        arrivals += [(first + n * STEP, begin_s + max(5.3, n * 0.04)) for n in range(125, 375)]
    outcome = seen(arrivals, in_batches=False)
    assert [p.duration for p in outcome.packets].count(STEP) >= len(arrivals) - 6
    assert min(outcome.late_s) > -0.01  # never in the future...
    assert max(outcome.late_s[375:]) == pytest.approx(5.0, abs=0.1)  # ...but in the past
    assert outcome.gate.is_trusted


@pytest.mark.parametrize("gap_s", [1.0, 5.0, 12.0, 20.0])
def test_slow_pictures_are_real_time(gap_s: float) -> None:
    outcome = seen(even(3600.0, gap_s, step=int(gap_s * 90_000)))
    assert {packet.duration for packet in outcome.packets} == {int(gap_s * 90_000)}


def test_picture_that_waits_in_vain_is_handed_on() -> None:
    gate = StampGate(1, Fraction(25))
    for number in range(3):
        raw = RawPacket(Kind.VIDEO, b"p", number * STEP, number * STEP, 0, TICKS, False)
        gate.pass_on(raw, UTC, MONO + number * 40_000_000)
    assert gate.release(MONO + 27 * SECOND) == []
    (last,) = gate.release(MONO + 29 * SECOND)
    assert last.duration > 28 * 90_000
    assert gate.flush() == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([STEP, STEP, STEP, 0, 40, 90_000, -STEP, 97 * 90_000, -9800 * 90_000]),
            st.sampled_from([0.04, 0.04, 0.04, 0.0, 0.2, 2.0, 30.0]),
        ),
        min_size=2,
        max_size=300,
    ),
    st.booleans(),
)
def test_whatever_comes_stays_on_the_line(steps: list[tuple[int, float]], in_batches: bool) -> None:
    stamp, at_s = 0, 0.0
    arrivals = []
    for step, gap_s in steps:
        stamp, at_s = stamp + step, at_s + gap_s
        arrivals.append((stamp, at_s))
    seen(arrivals, in_batches=in_batches)


# Sound


RATE = 16_000
UNIT_S = 1024 / RATE
SOUND = StreamInfo(Kind.AUDIO, "aac", Fraction(1, RATE), b"\x14\x08", sample_rate=RATE, channels=1)


def heard(
    sounds: list[Arrival], seconds: float, *, video: list[Arrival] | None = None, placed: frozenset[int] = frozenset()
) -> tuple[list[Packet], list[Packet], list[float]]:
    """(pictures, sound, by how many seconds each unit that came is beside the picture that came with it)."""
    gate = StampGate(1, Fraction(25), SOUND)
    video = video or even(seconds, 0.04)
    events = [(at, n * 0.04, 0, stamp, n) for n, (stamp, at) in enumerate(video)]
    events += [(at, n * UNIT_S, 1, stamp, n) for n, (stamp, at) in enumerate(sounds)]
    pictures: list[Packet] = []
    units: list[Packet] = []
    beside: list[float] = []
    for at_s, _, kind, stamp, number in sorted(events):  # what comes at once comes in the order it was sent
        at_ns = -(-round(at_s * SECOND) // READ_NS) * READ_NS
        if kind == 0:
            raw = RawPacket(Kind.VIDEO, b"picture", stamp, stamp, 0, TICKS, False)
        else:
            raw = RawPacket(Kind.AUDIO, b"sound", stamp, stamp, 1024, SOUND.time_base, True, number in placed)
        for packet in gate.pass_on(raw, UTC + at_ns, MONO + at_ns):
            (pictures if packet.kind is Kind.VIDEO else units).append(packet)
        if kind == 1 and units and units[-1].data == b"sound" and pictures:
            beside.append(units[-1].dts_s - pictures[0].dts_s - at_s)
    assert all(one.dts + one.duration == two.dts for one, two in pairwise(units))  # no gap for a player to stand in
    assert {packet.duration for packet in units} == {1024}
    return pictures, units, beside


def units_of(seconds: float, unit_s: float = UNIT_S, step: int = 1024, from_s: float = 0.0) -> list[Arrival]:
    return [(round(from_s * RATE) + n * step, from_s + n * unit_s) for n in range(int(seconds / unit_s))]


BAD_SOUND = {
    "good": units_of(300.0),
    "steps back once": [(s - (100_000 if n > 500 else 0), at) for n, (s, at) in enumerate(units_of(300.0))],
    "another rate": units_of(300.0, step=2048),
    "milliseconds": units_of(300.0, step=64),
    "stands still": units_of(300.0, step=0),
    "an hour ahead once": [(s + (3600 * RATE if n == 500 else 0), at) for n, (s, at) in enumerate(units_of(300.0))],
    "jitter, some lost": [
        (s + random.Random(n).randrange(-700, 700), at) for n, (s, at) in enumerate(units_of(300.0)) if n % 100
    ],
    "another crystal": units_of(300.0, unit_s=UNIT_S * 1.008),
}


@pytest.mark.parametrize("name", BAD_SOUND)
def test_sound_stays_beside_the_picture_whatever_its_stamps(name: str) -> None:
    pictures, units, beside = heard(BAD_SOUND[name], 300.0)
    assert {packet.duration for packet in pictures} == {STEP}
    assert max(beside[50:]) - min(beside[50:]) < 0.15
    assert max(abs(off - beside[10]) for off in beside[50:]) < 0.1
    if name != "another crystal":
        assert sum(packet.data != b"sound" for packet in units) <= 50 + 5  # the lost ones


def test_sound_of_another_crystal_stays_for_two_hours() -> None:
    _, units, beside = heard(units_of(7200.0, unit_s=UNIT_S * 1.008), 7200.0)
    assert max(abs(off - beside[10]) for off in beside[50:]) < 0.1
    assert sum(packet.data != b"sound" for packet in units) * UNIT_S == pytest.approx(7200 * 0.008, abs=2)


def test_offered_sound_that_never_comes_is_silence() -> None:
    pictures, units, _ = heard([], 30.0)
    assert {packet.data for packet in units} == {silent_unit(1)}
    assert units[0].dts_s == pytest.approx(pictures[0].dts_s, abs=0.1)
    assert units[-1].dts_s == pytest.approx(pictures[-1].dts_s, abs=1.0)


def test_sound_that_stops_and_comes_again_has_silence_between() -> None:
    sounds = units_of(10.0) + units_of(10.0, from_s=40.0)
    pictures, units, beside = heard(sounds, 60.0)
    assert max(abs(off - beside[10]) for off in beside) < 0.12
    assert units[-1].dts_s == pytest.approx(pictures[-1].dts_s, abs=1.2)
    assert 28.0 < sum(packet.data != b"sound" for packet in units) * UNIT_S < 42.0


def test_sound_survives_wifi_beside_the_picture() -> None:
    video, sounds = even(600.0, 0.04), units_of(600.0)
    both = sorted([(at, 0, s) for s, at in video] + [(at, 1, s) for s, at in sounds])
    held = wifi([(n, at) for n, (at, _, _) in enumerate(both)], 3)
    late = {both[n][1:]: at for n, at in held}
    pictures, units, _ = heard([(s, late[1, s]) for s, _ in sounds], 600.0, video=[(s, late[0, s]) for s, _ in video])
    assert {packet.duration for packet in pictures} == {STEP}
    assert sum(packet.data != b"sound" for packet in units) <= 2


def test_sound_moves_when_it_is_placed_anew() -> None:
    """By half a second back at the 300th unit, as sender reports tell."""
    sounds = [(s - (8000 if n >= 300 else 0), at) for n, (s, at) in enumerate(units_of(60.0))]
    _, _, beside = heard(sounds, 60.0, placed=frozenset({300}))
    assert beside[-1] - beside[200] == pytest.approx(-0.5, abs=0.05)


@pytest.mark.parametrize("gather_s", [0.25, 0.5, 1.0, 2.13, 3.0])
@pytest.mark.parametrize("phase", [0.05, 0.2, 0.4, 0.8])
def test_sound_that_is_gathered_and_sent_at_once_stays_beside_the_picture(gather_s: float, phase: float) -> None:
    """Whether the microphone began with the picture or not: the first burst may be short, and
    silence in the place of the second."""
    due_s = [(n + 1) * UNIT_S for n in range(int(60.0 / UNIT_S))]
    sounds = [(n * 1024, (math.ceil(at / gather_s - phase) + phase) * gather_s) for n, at in enumerate(due_s)]
    pictures, units, _ = heard(sounds, 63.0)
    came = [unit.dts_s - pictures[0].dts_s for unit in units if unit.data == b"sound"]
    assert len(came) >= len(due_s) - 1 - 3.0 / UNIT_S
    settled = int(53.0 / UNIT_S)
    off = [place - (at - UNIT_S) for place, at in zip(came[-settled:], due_s[-settled:], strict=True)]
    assert max(abs(one) for one in off) < 0.1


def test_microphone_that_stops_after_bursts_is_silence() -> None:
    sounds = [(n * 1024, math.ceil((n + 1) * UNIT_S / 2.0) * 2.0) for n in range(int(20.0 / UNIT_S))]
    pictures, units, _ = heard(sounds, 60.0)
    assert units[-1].dts_s == pytest.approx(pictures[-1].dts_s, abs=1.0)
    assert sum(unit.data == b"sound" for unit in units) >= len(sounds) - 1
