"""The ring keeps whole groups, bounds its bytes, and gives each packet to its reader once."""

from __future__ import annotations

from dataclasses import replace

from tests.recording_kit import plain_packet, plain_packets, plain_run
from vigilar.media.packets import Kind, Packet
from vigilar.record.ring import PACKET_OVERHEAD_BYTES, PacketRing, RingReader


def _filled(packets: list[Packet], min_s: float = 5.0, max_bytes: int = 1 << 20) -> tuple[PacketRing, RingReader]:
    ring = PacketRing(min_s, max_bytes)
    reader = ring.reader()
    ring.add(plain_run())
    for packet in packets:
        ring.add(packet)
    return ring, reader


def _take_all(reader: RingReader) -> list[Packet]:
    taken: list[Packet] = []
    while (gop := reader.look()) and gop.unread:
        taken += reader.take()
    return taken


def test_reader_gets_every_packet_once() -> None:
    packets = plain_packets(3.5)
    ring, reader = _filled(packets[:17])
    taken = _take_all(reader)
    for packet in packets[17:]:
        ring.add(packet)
        taken += _take_all(reader)
    assert taken == packets


def test_longer_pre_roll_is_kept_from_now_on() -> None:
    ring, reader = _filled([], min_s=1.0)
    for packet in plain_packets(10):
        ring.add(packet)
        _take_all(reader)
    short_bytes = ring.size_bytes
    ring.keep(4.0)
    for packet in plain_packets(10, from_s=10):
        ring.add(packet)
        _take_all(reader)
    assert ring.size_bytes > 2 * short_bytes


def test_front_leaves_in_whole_groups_when_read() -> None:
    packets = plain_packets(20)
    ring, reader = _filled([], min_s=5.0)
    for packet in packets:
        ring.add(packet)
        _take_all(reader)
    # the newest packet is at 19.9 s: the last keyframe at least 5 s before it is at 14 s
    assert ring.size_bytes == 60 * (100 + PACKET_OVERHEAD_BYTES)


def test_unread_groups_stay() -> None:
    packets = plain_packets(20)
    _ring, reader = _filled(packets, min_s=5.0)
    assert _take_all(reader) == packets


def test_full_ring_drops_oldest_and_tells() -> None:
    cost = 100 + PACKET_OVERHEAD_BYTES
    packets = plain_packets(5)
    ring, reader = _filled(packets, max_bytes=25 * cost)
    loss = reader.pop_loss()
    assert loss is not None
    assert (loss.packets, loss.from_utc_ns, loss.to_utc_ns) == (30, packets[0].utc_ns, packets[29].utc_ns)
    assert _take_all(reader) == packets[30:]
    assert reader.pop_loss() is None
    assert ring.size_bytes <= 25 * cost


def test_reader_in_dropped_group_goes_on_at_keyframe() -> None:
    cost = 100 + PACKET_OVERHEAD_BYTES
    ring, reader = _filled(plain_packets(0.5), max_bytes=15 * cost)
    assert len(_take_all(reader)) == 5
    for packet in plain_packets(2.0)[5:]:
        ring.add(packet)
    loss = reader.pop_loss()
    assert loss is not None
    assert loss.packets == 5
    rest = _take_all(reader)
    assert rest[0].is_keyframe
    assert len(rest) == 10


def test_one_group_above_the_bound_gives_up_what_was_read() -> None:
    cost = 100 + PACKET_OVERHEAD_BYTES
    packets = plain_packets(10, gop_s=100)
    ring, reader = _filled([], max_bytes=20 * cost)
    taken: list[Packet] = []
    for packet in packets:
        ring.add(packet)
        taken += _take_all(reader)
    assert taken == packets
    assert ring.size_bytes <= 20 * cost


def test_one_group_above_the_bound_unread_is_lost_up_to_next_keyframe() -> None:
    cost = 100 + PACKET_OVERHEAD_BYTES
    packets = plain_packets(4, gop_s=3)
    ring, reader = _filled(packets, max_bytes=20 * cost)
    loss = reader.pop_loss()
    assert loss is not None
    assert loss.packets == 30
    assert _take_all(reader) == packets[30:]
    assert ring.dropped_unread == 30


def test_packets_before_first_keyframe_are_counted_not_kept() -> None:
    packets = plain_packets(2)
    ring, reader = _filled(packets[3:])
    assert ring.dropped_headless == 7
    assert _take_all(reader) == packets[10:]


def test_new_run_begins_with_its_keyframe() -> None:
    ring, reader = _filled(plain_packets(1.5))
    ring.add(plain_run(2, 1.5))
    ring.add(plain_packet(1.5, is_keyframe=False, run=2))
    ring.add(plain_packet(1.6, is_keyframe=True, run=2))
    assert [packet.run for packet in _take_all(reader)] == [1] * 15 + [2]


def test_sound_stays_in_its_place() -> None:
    sound = replace(plain_packet(0.05), kind=Kind.AUDIO)
    packets = [*plain_packets(0.1), sound, *plain_packets(1)[1:]]
    ring, reader = _filled([sound, *packets])
    assert ring.dropped_headless == 1
    assert _take_all(reader) == packets


def test_group_end_is_next_keyframe() -> None:
    ring, reader = _filled(plain_packets(1))
    gop = reader.look()
    assert gop is not None
    assert (gop.is_whole, gop.end_mono_ns - gop.start.mono_ns) == (False, 1_000_000_000)
    ring.add(plain_packet(1.25, is_keyframe=True))  # late
    gop = reader.look()
    assert gop is not None
    assert (gop.is_whole, gop.end_mono_ns - gop.start.mono_ns) == (True, 1_250_000_000)
