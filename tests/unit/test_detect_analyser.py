"""The analyser decodes little while nothing moves, and finds the first moving frame when something does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.detect_kit import (
    START_NS,
    UTC_NS,
    Grey,
    Scene,
    Watch,
    bird,
    noisy,
    packets,
    put_person,
    still,
    walk_by,
    wall,
)
from vigilar.detect import gops
from vigilar.detect.analyser import SILENCE_S
from vigilar.detect.motion import MotionSettings
from vigilar.detect.zones import Direction, Line, Role, Zone, ZoneMap
from vigilar.media.packets import Kind, StreamRole


def noise(n: int) -> int:
    """Sizes of packets between 900 and 1100 bytes, as rate control spreads them."""
    return 900 + n * 7919 % 200


@pytest.mark.parametrize(("gop", "most_decoded"), [(10, 0.62), (20, 0.82), (50, 0.95)])
def test_idle_sub_stream_is_looked_at_twice_a_second(gop: int, most_decoded: float) -> None:
    watch = Watch(still)
    watch.play(4, gop)
    before = replace(watch.analyser.counters)
    watch.play(6, gop, first_s=4)  # then it may rest
    now = watch.analyser.counters
    assert 11 <= now.looks - before.looks <= 15
    assert (now.decoded - before.decoded) / 60 <= most_decoded
    assert not watch.started
    assert not watch.analyser.is_awake


def test_still_sub_stream_rests_on_its_keyframes() -> None:
    watch = Watch(still)
    watch.play(20, 20, size=noise)
    before = replace(watch.analyser.counters)
    watch.play(40, 20, first_s=20, size=noise)
    now = watch.analyser.counters
    assert now.largest - before.largest <= 12  # the largest hundredth of 400 packets, and some that follow one
    assert 20 <= now.looks - before.looks <= 32
    assert (now.decoded - before.decoded) / 400 <= 0.3


def test_sub_stream_of_long_groups_does_not_rest() -> None:
    watch = Watch(still)
    watch.play(21, 30)
    before = replace(watch.analyser.counters)
    watch.play(9, 30, first_s=21)
    assert watch.analyser.counters.looks - before.looks >= 17


def test_stream_that_stirs_now_and_then_does_not_rest() -> None:
    """Somebody is there for less than a second each 4.5 s, at another place each time."""
    watch = Watch(lambda at_s: put_person(still(at_s), at_s // 4.5 * 0.1) if at_s % 4.5 > 3.7 else still(at_s))
    watch.play(36, 10)
    assert len(watch.started) == 8
    assert max(watch.delays_s) <= 0.6


@pytest.mark.parametrize("first_s", [40.1, 40.7, 41.3])
def test_somebody_in_a_resting_stream_is_found_by_slightly_larger_packets(first_s: float) -> None:
    def size(n: int) -> int:
        return noise(n) * 5 // 4 if first_s <= n / 10 <= first_s + 3 else noise(n)

    watch = Watch(walk_by(first_s, first_s + 3))
    watch.play(46, 20, size=size)
    assert len(watch.started) == 1
    assert watch.starts_s[0] == pytest.approx(first_s, abs=0.3)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - first_s <= 1.0


@pytest.mark.parametrize("first_s", [40.1, 40.7, 41.3])
def test_somebody_no_packet_tells_of_is_found_at_the_keyframe_and_dated_back(first_s: float) -> None:
    watch = Watch(walk_by(first_s, first_s + 4))
    watch.play(47, 20)
    assert len(watch.started) == 1
    assert watch.starts_s[0] == pytest.approx(first_s, abs=0.3)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - first_s <= 2.3


def test_idle_large_stream_decodes_keyframes_alone() -> None:
    watch = Watch(still, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(4, 40)
    before = replace(watch.analyser.counters)
    watch.play(20, 40, first_s=4)
    assert watch.analyser.counters.decoded - before.decoded == 10


def test_small_main_stream_is_treated_as_a_sub_stream() -> None:
    watch = Watch(walk_by(8.35, 12), StreamRole.MAIN, 640, 480, fps=10)
    watch.play(16, 20)
    assert watch.analyser.worst_delay_s == 2.0
    assert len(watch.started) == 1
    assert watch.delays_s[0] <= 0.5


@pytest.mark.parametrize("first_s", [8.0, 8.3, 8.6, 8.9])
@pytest.mark.parametrize("gop", [10, 20])
def test_walk_by_is_found_in_half_a_second_and_dated_to_its_first_frame(gop: int, first_s: float) -> None:
    watch = Watch(walk_by(first_s, first_s + 3))
    watch.play(17, gop)
    assert len(watch.started) == len(watch.ended) == 1
    # The first frame shows a sliver of the person, the second a little more.
    assert watch.starts_s[0] == pytest.approx(first_s, abs=0.25)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - first_s < 0.6
    assert watch.ends_s[0] == pytest.approx(first_s + 3, abs=0.25)
    assert watch.ended[0].duration_ms == pytest.approx(3000, abs=400)
    assert watch.started[0].utc_ns - UTC_NS == watch.started[0].mono_ns - START_NS


@pytest.mark.parametrize("first_s", [8.1, 9.0, 9.95])
def test_large_stream_finds_it_at_the_keyframe_and_dates_it_back(first_s: float) -> None:
    watch = Watch(walk_by(first_s, first_s + 5), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(20, 40)
    assert len(watch.started) == 1
    assert watch.starts_s[0] == pytest.approx(first_s, abs=0.3)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - first_s <= 2.3


def test_larger_packets_wake_a_large_stream_before_the_keyframe() -> None:
    watch = Watch(walk_by(12.4, 17), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(20, 40, size=lambda n: 1500 if 12.4 <= n / 20 <= 17 else 500 + n % 7)
    assert watch.analyser.counters.hints >= 1
    assert watch.starts_s[0] == pytest.approx(12.4, abs=0.3)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - 12.4 < 1.0


def test_larger_packets_just_before_a_keyframe_wait_for_it() -> None:
    watch = Watch(walk_by(13.85, 18), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(14, 40, size=lambda n: 1500 if n / 20 >= 13.85 else 500 + n % 7)
    assert watch.analyser.counters.hints == 0
    watch.play(4, 40, first_s=14)
    assert watch.starts_s == [pytest.approx(13.85, abs=0.3)]
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - 13.85 < 0.5


def test_larger_packets_do_not_wait_for_a_keyframe_that_is_late() -> None:
    watch = Watch(walk_by(13.85, 18), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(12, 40, size=lambda n: 500 + n % 7)
    watch.play(6, 80, first_s=12, size=lambda n: 1500 if n / 20 >= 1.85 else 500 + n % 7)
    assert watch.analyser.counters.hints == 1
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - 13.85 < 0.6


def test_small_packets_after_a_large_one_wake_a_large_stream_as_well() -> None:
    """The encoder keeps to a rate: who comes in costs one large packet, and the next second is starved for it."""
    watch = Watch(walk_by(12.4, 17), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(20, 40, size=lambda n: 6000 if n == 248 else 700 if 248 < n <= 268 else 2000 + n * 37 % 400)
    assert watch.starts_s[0] == pytest.approx(12.4, abs=0.3)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - 12.4 < 1.0


def test_somebody_in_a_new_light_is_found_before_the_next_keyframes_of_a_large_stream() -> None:
    """The keyframe at 12 s shows another picture. It is learned within a second by looking on, not keyframe by
    keyframe, when who walks there would be learned with it."""
    night = 255 - wall(5)

    def scene(at_s: float) -> Grey:
        return put_person(noisy(night, at_s), 0.1 + (at_s - 12) / 10) if 12 <= at_s < 19 else still(at_s)

    watch = Watch(scene, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(18, 40)
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 == pytest.approx(13.3, abs=0.4)


def test_larger_packets_without_motion_are_heeded_ever_less() -> None:
    watch = Watch(still, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(60, 40, size=lambda n: 1500 if n % 40 in (20, 21, 22) else 500)
    assert 1 <= watch.analyser.counters.hints <= 6
    assert not watch.started


def test_insects_that_stir_and_are_no_motion_have_their_large_packets_heeded_ever_less() -> None:
    """One flits by every 4 s, in the middle between two keyframes, in a single picture: large enough to stir."""

    def scene(at_s: float) -> Grey:
        return bird(at_s, 1e9)(at_s) if at_s > 6 and at_s % 4 == 1.0 else still(at_s)

    watch = Watch(scene, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(120, 80, size=lambda n: 1500 if n % 80 in (19, 20, 21) else 500)
    assert watch.analyser.counters.wakes >= 2
    assert watch.analyser.counters.hints <= 8
    assert not watch.started


def test_largest_packets_of_a_large_stream_are_heeded_ever_less() -> None:
    """Of noise something is always the largest. A look between two keyframes is dear there."""
    sizes = np.random.default_rng(3).normal(1000, 60, 240 * 20).astype(int).tolist()
    watch = Watch(still, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(240, 40, size=sizes.__getitem__)
    assert 1 <= watch.analyser.counters.largest <= 12
    assert watch.analyser.counters.hints == 0


@pytest.mark.parametrize("gop", [300, 100_000])
def test_long_groups_are_decoded_up_to_a_look_every_five_seconds(gop: int) -> None:
    watch = Watch(walk_by(33.0, 41), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(50, gop)
    assert len(watch.started) == 1
    assert (watch.started[0].found_mono_ns - START_NS) / 1e9 - 33.0 <= 5.3
    assert watch.starts_s[0] == pytest.approx(33.0, abs=0.3)


def test_an_endless_group_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gops, "MAX_BYTES", 20_000)
    watch = Watch(walk_by(20, 25), StreamRole.MAIN, 1920, 1080, fps=10)
    watch.play(30, 100_000)
    assert len(watch.started) == 1
    assert watch.decoders[0].broken == 0
    assert len(watch.decoders) == 1


def test_a_stream_of_keyframes_is_not_decoded_whole() -> None:
    watch = Watch(walk_by(20, 24))
    watch.play(19, 1)
    assert watch.analyser.counters.decoded < 80
    watch.play(9, 1, first_s=19)
    assert len(watch.started) == 1


def test_somebody_there_during_warm_up_is_found_soon_after() -> None:
    watch = Watch(walk_by(0, 8))
    watch.play(14, 10)
    assert len(watch.started) == 1
    assert watch.starts_s[0] <= 2.6


def test_two_visits_are_two_motions() -> None:
    first, second = walk_by(6, 8), walk_by(14, 16)
    watch = Watch(lambda at_s: first(at_s) if at_s < 10 else second(at_s))
    watch.play(22, 10)
    assert [len(watch.started), len(watch.ended)] == [2, 2]


def test_motion_that_goes_on_is_followed_by_its_keyframes_and_ends_at_its_last_frame() -> None:
    watch = Watch(walk_by(8.3, 30.4))
    watch.play(12, 20)
    before = replace(watch.analyser.counters)
    watch.play(18, 20, first_s=12)
    now = watch.analyser.counters
    assert now.looks - before.looks == 9
    assert now.decoded - before.decoded == 9
    watch.play(8, 20, first_s=30)
    assert watch.starts_s == [pytest.approx(8.3, abs=0.25)]
    assert watch.ends_s == [pytest.approx(30.4, abs=0.35)]  # the last frames show a sliver of the person


def test_motion_of_a_stream_with_rare_keyframes_is_looked_at_each_second() -> None:
    watch = Watch(walk_by(8.3, 40))
    watch.play(10, 100)
    before = watch.analyser.counters.looks
    watch.play(20, 100, first_s=10)
    assert 18 <= watch.analyser.counters.looks - before <= 24
    assert not watch.ended


def test_a_broken_connection_ends_the_motion() -> None:
    watch = Watch(walk_by(6, 20))
    watch.play(9, 10)
    assert watch.analyser.is_moving
    watch.start_run(2)
    assert watch.ends_s == [pytest.approx(8.9, abs=0.2)]
    assert not watch.analyser.is_moving
    watch.play(5, 10, first_s=12)
    assert len(watch.started) == 2


def test_a_silent_stream_ends_the_motion() -> None:
    watch = Watch(walk_by(6, 20))
    watch.play(9, 10)
    watch.clock.advance(SILENCE_S - 0.1)
    watch.analyser.check()
    assert not watch.ended
    watch.clock.advance(0.2)
    watch.analyser.check()
    watch.analyser.check()
    assert len(watch.ended) == 1


def test_packets_left_out_up_to_a_keyframe_do_no_harm() -> None:
    watch = Watch(walk_by(10.2, 14))
    watch.play(6.5, 10)
    watch.play(10, 10, first_s=9)
    assert len(watch.started) == 1


def test_packets_before_the_first_keyframe_and_sound_are_ignored() -> None:
    watch = Watch(still)
    stream = list(packets(2, 10, 10))
    for packet in stream[1:10]:
        watch.analyser.feed(packet)
    watch.analyser.feed(replace(stream[10], kind=Kind.AUDIO))
    assert watch.analyser.counters.packets == 0
    watch.analyser.feed(stream[10])
    assert watch.analyser.counters.decoded == 1


def test_sensitivity_can_be_turned_while_running() -> None:
    watch = Watch(bird(4.2, 20), sensitivity=0.3)
    watch.play(10, 10)
    assert not watch.started
    watch.analyser.use(MotionSettings(1.0))
    watch.play(4, 10, first_s=10)
    assert len(watch.started) == 1


def _restless(until_s: float) -> Scene:
    """A spot for one look twice a minute, each time elsewhere; from then on it hops about without a pause."""

    def scene(at_s: float) -> Grey:
        if at_s >= until_s:
            return bird(until_s, 1e9)(at_s)
        return bird(at_s - at_s % 97 / 30, 1e9)(at_s) if at_s % 30 < 0.4 else still(at_s)

    return scene


@pytest.mark.parametrize(("quiet_minutes", "count"), [(1, 1), (25, 0)])
def test_what_stirs_in_every_minute_is_no_motion_later(quiet_minutes: int, count: int) -> None:
    watch = Watch(_restless(quiet_minutes * 60), fps=2, sensitivity=0.6)
    watch.play(quiet_minutes * 60 + 5, 2)
    assert len(watch.started) == count


def test_the_picture_of_a_start_shows_somebody() -> None:
    watch = Watch(walk_by(8, 12))
    watch.play(14, 10)
    picture = watch.started[0].picture
    at_s = (picture.mono_ns - START_NS) / 1e9
    assert (picture.luma == walk_by(8, 12)(at_s)).all()
    assert picture.to_jpeg(640).startswith(b"\xff\xd8")
    assert (put_person(still(at_s), 0.5) != still(at_s)).any()


def test_large_stream_at_rest_keeps_no_decoder_and_still_follows_hints() -> None:
    watch = Watch(walk_by(12.4, 17), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(12, 40, size=lambda n: 500 + n % 7)
    resting = len(watch.decoders)
    assert resting >= 4  # one a look, since nothing stirred
    watch.play(8, 40, first_s=12, size=lambda n: 1500 if 12.4 <= n / 20 <= 17 else 500 + n % 7)
    assert len(watch.started) == 1
    assert sum(decoder.broken for decoder in watch.decoders) == 0


def test_group_that_is_looked_at_again_is_decoded_no_further_than_it_is_looked_at() -> None:
    watch = Watch(walk_by(8.1, 13), StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(10.05, 40)  # the keyframe at 10 s shows somebody: the group of 8 s is decoded to date the start
    again = watch.decoders[-1]
    assert watch.starts_s[0] == pytest.approx(8.1, abs=0.3)
    assert again.next_dts == round(9.95 * 90_000)  # looked at each tenth of a second: what follows 9.9 s is not


@pytest.mark.parametrize("gop", [300, 100_000])
def test_long_groups_are_not_decoded_twice(gop: int) -> None:
    watch = Watch(still, StreamRole.MAIN, 1920, 1080, fps=20)
    watch.play(60, gop)
    assert watch.analyser.counters.decoded <= 1.02 * watch.analyser.counters.packets


LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def zoned(scene: Scene, *zones: Zone, lines: tuple[Line, ...] = ()) -> Watch:
    watch = Watch(scene)
    watch.analyser.use(MotionSettings(0.5, ZoneMap(zones, lines)))
    return watch


def test_motion_in_an_ignored_area_is_none() -> None:
    """The person goes from left to right, in at 8 s and past the middle at 10 s."""
    watch = zoned(walk_by(8, 12), Zone("all", "All", Role.IGNORE, ((0, 0), (1, 0), (1, 1), (0, 1))))
    watch.play(16, 10)
    assert not watch.started
    watch = zoned(walk_by(8, 12), Zone("left", "Left", Role.IGNORE, LEFT_HALF))
    watch.play(16, 10)
    assert watch.starts_s == [pytest.approx(10.0, abs=0.4)]


def test_motion_counts_in_an_included_zone_and_names_it() -> None:
    watch = zoned(walk_by(8, 12), Zone("left", "Left", Role.INCLUDE, LEFT_HALF))
    watch.play(16, 10)
    assert [one.zones for one in watch.started] == [("Left",)]
    assert (watch.ended[0].last_mono_ns - START_NS) / 1e9 == pytest.approx(10.0, abs=0.4)


def test_motion_counts_after_it_stayed() -> None:
    watch = zoned(walk_by(8, 12), Zone("left", "Left", Role.INCLUDE, LEFT_HALF, dwell_s=1.5))
    watch.play(16, 10)
    assert watch.starts_s == [pytest.approx(9.6, abs=0.5)]
    watch = zoned(walk_by(8, 12), Zone("left", "Left", Role.INCLUDE, LEFT_HALF, dwell_s=3.0))
    watch.play(16, 10)
    assert not watch.started


@pytest.mark.parametrize(("direction", "count"), [(Direction.IN, 0), (Direction.OUT, 1), (Direction.BOTH, 1)])
def test_line_counts_in_its_direction(direction: Direction, count: int) -> None:
    """Downwards in the picture, the right hand of the line is on the left: somebody who goes right goes out."""
    watch = zoned(walk_by(8, 12), lines=(Line("gate", "Gate", (0.5, 0.0), (0.5, 1.0), None, direction),))
    watch.play(16, 10)
    assert [one.zones for one in watch.started] == [("Gate",)] * count


def test_private_area_is_black_for_the_analysis() -> None:
    watch = zoned(walk_by(8, 12), Zone("all", "All", Role.PRIVATE, ((0, 0), (1, 0), (1, 1), (0, 1))))
    watch.play(16, 10)
    assert not watch.started


def test_new_private_area_is_no_motion_and_nor_is_one_that_goes() -> None:
    watch = zoned(still)
    watch.play(8, 10)
    watch.analyser.use(MotionSettings(0.5, ZoneMap((Zone("left", "Left", Role.PRIVATE, LEFT_HALF),))))
    watch.play(8, 10, first_s=8)
    watch.analyser.use(MotionSettings(0.5))
    watch.play(8, 10, first_s=16)
    assert not watch.started
