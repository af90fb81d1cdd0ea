"""What a viewer sees at once, and what a slow one loses."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from tests.recording_kit import plain_packet, plain_packets, plain_run
from vigilar.live.gop import VIEWER_PACKETS, LiveStream, Viewer
from vigilar.media.packets import Kind, Packet, RunStart


def drained(viewer: Viewer) -> list[RunStart | Packet]:
    items: list[RunStart | Packet] = []
    while viewer.backlog():
        item = viewer.take(0.0)
        assert item is not None
        items.append(item)
    return items


def filled(seconds: float, **kinds: float) -> LiveStream:
    stream = LiveStream()
    stream.add(plain_run())
    for packet in plain_packets(seconds, **kinds):  # type: ignore[arg-type]  # gop_s and no other
        stream.add(packet)
    return stream


def times(items: list[RunStart | Packet]) -> list[float]:
    return [round(item.dts_s, 1) for item in items if isinstance(item, Packet)]


def test_viewer_begins_with_run_and_keyframe() -> None:
    items = drained(filled(10.0).join())
    assert isinstance(items[0], RunStart)
    assert isinstance(items[1], Packet)
    assert items[1].is_keyframe
    assert times(items)[-1] == 9.9


def test_kept_groups_reach_back_four_seconds() -> None:
    assert 4.0 <= 9.9 - times(drained(filled(10.0).join()))[0] < 5.1


def test_newest_only_is_one_group() -> None:
    assert times(drained(filled(9.5).join(newest_only=True))) == [9.0, 9.1, 9.2, 9.3, 9.4]


def test_long_group_is_kept_whole() -> None:
    assert times(drained(filled(9.0, gop_s=20.0).join()))[0] == 0.0


def test_viewer_of_a_minute_long_group_begins_with_all_of_it() -> None:
    """1500 packets: more than a viewer may be behind later."""
    stream = LiveStream()
    stream.add(plain_run())
    for packet in plain_packets(60.0, gop_s=120.0, fps=25):
        stream.add(packet)
    viewer = stream.join()
    for packet in plain_packets(2.0, gop_s=120.0, fps=25, from_s=60.0)[1:]:
        stream.add(packet)
    items = drained(viewer)
    assert len(items) == 1 + 1500 + 49
    assert viewer.dropped == 0


def test_group_too_large_to_keep_leaves_its_keyframe_to_look_at() -> None:
    stream = LiveStream(max_bytes=5_000, max_gop_bytes=10_000)
    stream.add(plain_run())
    for n in range(30):
        stream.add(plain_packet(n / 10, is_keyframe=n == 0, size=900))
    newest = stream.newest_gop()
    assert newest is not None
    assert [p.is_keyframe for p in newest[1]] == [True]
    viewer = stream.join()
    stream.add(plain_packet(3.0, size=900))
    stream.add(plain_packet(3.1, is_keyframe=True, size=900))
    stream.add(plain_packet(3.2, size=900))
    assert times(drained(viewer)) == [3.1, 3.2]  # nothing that cannot be decoded
    assert times(drained(stream.join())) == [3.1, 3.2]


def test_joining_misses_and_repeats_nothing() -> None:
    stream = filled(3.0)
    viewer = stream.join()
    for packet in plain_packets(2.0, from_s=3.0):
        stream.add(packet)
    seen = times(drained(viewer))
    assert seen == [round(0.1 * n, 1) for n in range(50)]


def test_memory_is_bounded() -> None:
    stream = LiveStream(max_bytes=10_000)
    stream.add(plain_run())
    for n in range(40):
        stream.add(plain_packet(n / 10, is_keyframe=n % 10 == 0, size=900))
    newest = stream.newest_gop()
    assert newest is not None
    assert sum(len(p.data) for p in newest[1]) <= 10_000


def test_new_run_forgets_the_old() -> None:
    stream = filled(3.0)
    viewer = stream.join()
    stream.add(plain_run(run=2))
    assert stream.newest_gop() is None
    assert [item.run for item in drained(viewer) if isinstance(item, RunStart)] == [1, 2]


def test_sound_is_for_who_wants_it() -> None:
    stream = filled(1.0)
    stream.add(replace(plain_packet(1.0, is_keyframe=True), kind=Kind.AUDIO))
    assert len(times(drained(stream.join()))) == 10
    assert len(times(drained(stream.join(with_sound=True)))) == 11
    newest = stream.newest_gop()
    assert newest is not None
    assert {packet.kind for packet in newest[1]} == {Kind.VIDEO}
    assert len(newest[1]) == 10, "sound begins no group of pictures"


def test_long_group_is_no_fault_of_who_joins() -> None:
    stream = filled(70.0, gop_s=100.0)
    viewer = stream.join(newest_only=True)
    stream.add(plain_packet(70.0))
    assert len(times(drained(viewer))) == 701
    assert viewer.dropped == 0


def test_distance_of_keyframes_is_not_known_before_the_second() -> None:
    assert filled(3.0, gop_s=30.0).keyframe_gap_s == math.inf
    assert filled(3.0).keyframe_gap_s == pytest.approx(1.0)
    assert filled(38.0, gop_s=30.0).keyframe_gap_s == pytest.approx(30.0)
    stream = LiveStream(max_bytes=5_000, max_gop_bytes=10_000)  # nor is it forgotten with a group that is not kept
    stream.add(plain_run())
    for n in range(40):
        stream.add(plain_packet(n / 10, is_keyframe=n in (0, 30), size=900))
    assert stream.keyframe_gap_s == pytest.approx(3.0)


def test_picture_that_waited_too_long_is_left_out() -> None:
    viewer = Viewer(patience_s=0.0)
    viewer.put(plain_run())
    viewer.put(plain_packet(0.0, is_keyframe=True))
    time.sleep(0.001)
    viewer.put(plain_packet(0.1))
    viewer.put(plain_packet(0.2))
    assert viewer.dropped == 3
    viewer.put(plain_packet(0.3, is_keyframe=True))
    assert times(drained(viewer)) == [0.3]


def test_slow_viewer_goes_on_at_a_keyframe() -> None:
    viewer = Viewer()
    viewer.put(plain_run())
    packets = plain_packets(90.0, gop_s=10.0)
    for packet in packets:
        viewer.put(packet)
    items = drained(viewer)
    kept = [item for item in items if isinstance(item, Packet)]
    assert len(items) <= VIEWER_PACKETS
    assert kept[0].is_keyframe
    assert kept[-1] is packets[-1]
    assert viewer.dropped == len(packets) - len(kept)
    assert isinstance(items[0], RunStart)


def test_viewer_who_left_gets_nothing() -> None:
    stream = filled(1.0)
    viewer = stream.join()
    drained(viewer)
    stream.leave(viewer)
    stream.add(plain_packet(1.0, is_keyframe=True))
    assert viewer.take(0.0) is None


def test_picture_that_comes_early_comes_once() -> None:
    stream, packets = LiveStream(), plain_packets(1.0)
    stream.add(plain_run())
    stream.add(packets[0])
    now = stream.join()
    stream.show_early(packets[1])
    joined = stream.join()
    assert [now.take(0.0) for _ in range(3)] == [plain_run(), packets[0], packets[1]]
    stream.add(packets[1])
    stream.add(packets[2])
    assert now.take(0.0) == packets[2]
    assert [joined.take(0.0) for _ in range(4)] == [plain_run(), *packets[:3]], "who came in between misses nothing"


def test_keyframe_that_came_early_follows_the_run_it_begins() -> None:
    """The run is said behind it, as when sound is switched off."""
    stream, packets = LiveStream(), plain_packets(1.0)
    viewer = stream.join()
    stream.add(plain_run())
    stream.add(packets[0])
    stream.show_early(packets[1])
    stream.add(plain_run(run=1, at_s=0.1))
    stream.add(packets[1])
    found = [viewer.take(0.0) for _ in range(5)]
    assert found[2:] == [packets[1], plain_run(run=1, at_s=0.1), packets[1]]
