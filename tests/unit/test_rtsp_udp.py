"""Packets over UDP: put in order, ports side by side, and who may send them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.rtp import SLICE, rtp, sender_report
from vigilar.capture.address_gate import STRICT
from vigilar.capture.rtsp import udp
from vigilar.capture.rtsp.messages import Response, Transport, told_transport
from vigilar.capture.rtsp.reports import ReceiverStats
from vigilar.capture.rtsp.sdp import parse_sdp
from vigilar.capture.rtsp.udp import FAR, HELD_FROM_ONE, HOLD_S, MAX_HELD, InOrder, UdpStreams, usable_source

LOOPBACK = (socket.AF_INET, ("127.0.0.1", 1), ("127.0.0.1", 2))


def nobody(_data: bytearray, _begin: int, _end: int) -> None:
    """Takes reports that never come."""


class Order:
    """An ``InOrder`` and the sequence numbers that left it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.taken: list[int] = []
        self.order = InOrder(lambda packet: self.taken.append(packet[2] << 8 | packet[3]), lambda: self.now_s)

    def add(self, *sequences: int) -> list[int]:
        for sequence in sequences:
            self.order.add(bytearray(rtp(SLICE, sequence, 0)))
        return self.taken


@pytest.mark.parametrize(
    ("sequences", "taken"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 3, 2, 4], [1, 2, 3, 4]),
        ([1, 4, 3, 2], [1, 2, 3, 4]),
        ([1, 2, 2, 1, 3], [1, 2, 3]),
        ([65_534, 0, 65_535, 1], [65_534, 65_535, 0, 1]),
        ([1, 3], [1]),
        ([1, 3, 3, 2], [1, 2, 3]),
        ([1, 5 + FAR, 6 + FAR], [1, 5 + FAR, 6 + FAR]),
        ([1, 3, 5 + FAR], [1, 3, 5 + FAR]),
    ],
)
def test_packets_leave_in_order(sequences: list[int], taken: list[int]) -> None:
    assert Order().add(*sequences) == taken


@pytest.mark.parametrize(
    ("numbers", "taken"),
    [
        ([0] * 8, 8),  # stand still
        ([3, 3, 3, 3, 4, 4, 4, 4], 8),  # one a picture
        ([0, 1, 2, 3, 0, 1, 2, 3], 8),  # anew with each picture
        ([40_000, 20_000, 50_000, 10_000, 31_000, 2_000, 61_000, 30_000], 8),
    ],
)
def test_camera_that_does_not_number_its_packets_is_heard(numbers: list[int], taken: int) -> None:
    """Two pictures of four packets."""
    order = Order()
    for at, number in enumerate(numbers):
        packet = bytearray(rtp(SLICE + bytes((at,)), number, 2**32 - 100 + at // 4 * 3600))
        order.order.add(packet)
        order.order.add(packet)  # the network's second copy
    assert len(order.taken) == taken


def test_missing_packet_is_waited_for_a_moment() -> None:
    order = Order()
    order.add(1, 3, 4)
    order.order.look()
    assert order.taken == [1]
    order.now_s = HOLD_S + 0.01
    order.order.look()
    assert order.taken == [1, 3, 4]
    assert order.add(2) == [1, 3, 4]
    assert order.order.late == 1


def test_no_more_wait_than_there_is_place_for() -> None:
    order = Order()
    order.add(0, *range(2, 3 + MAX_HELD))
    assert order.taken == [0, *range(2, 3 + MAX_HELD)]
    assert not order.order.is_holding


@given(st.permutations(range(40)), st.integers(0, 65_535))
def test_any_order_leaves_rising(sequences: list[int], begin: int) -> None:
    order = Order()
    order.add(begin, *((begin + 1 + sequence) & 0xFFFF for sequence in sequences))
    assert order.taken == [(begin + n) & 0xFFFF for n in range(41)]


def test_ports_are_side_by_side_and_even() -> None:
    streams = UdpStreams(LOOPBACK)
    stream = streams.open()
    port = stream.rtp.sock.getsockname()[1]
    assert port % 2 == 0
    assert stream.rtcp.sock.getsockname()[1] == port + 1
    assert stream.asked == f"RTP/AVP;unicast;client_port={port}-{port + 1}"
    stream.close()


@pytest.mark.parametrize("knows_ports", [True, False])
def test_only_the_camera_is_heard(knows_ports: bool) -> None:
    """Strangers: another port of the same host where the ports are known, another host where not."""
    got: list[bytes] = []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        socket.socket() as wire,
    ):
        camera.bind(("127.0.0.1", 0))
        stranger.bind(("127.0.0.1" if knows_ports else "127.0.0.2", 0))
        own = "127.0.0.1" if knows_ports else "0.0.0.0"
        streams = UdpStreams((socket.AF_INET, ("127.0.0.1", 1), (own, 2)))
        stream = streams.open()
        port = camera.getsockname()[1]
        streams.add(
            stream,
            (port, port + 1 if port < 65_535 else 1) if knows_ports else None,
            lambda data, begin, end: got.append(bytes(data[begin:end])),
            nobody,
            ReceiverStats(),
        )
        streams.begin()
        target = ("127.0.0.1", stream.rtp.sock.getsockname()[1])
        for number in range(3):
            stranger.sendto(rtp(b"\x41strange", 100 + number, 0), target)
            camera.sendto(rtp(b"\x41camera", number, 0), target)
        for _ in range(10):
            streams.wait_and_take(wire.fileno())
        streams.close()
    assert [packet[12:] for packet in got] == [b"\x41camera"] * 3


class Listener:
    """A stream of a camera at 127.0.0.1 which said that it sends from ``port``, and the payloads that are taken."""

    def __init__(self, port: int, source: str = "") -> None:
        self.got: list[bytes] = []
        self.reports: list[bytes] = []
        self._wire = socket.socket()
        self.streams = UdpStreams((socket.AF_INET, ("127.0.0.1", 1), ("0.0.0.0", 2)))
        self.stream = self.streams.open()
        self.streams.add(
            *(self.stream, (port, port + 1)),
            lambda data, begin, end: self.got.append(bytes(data[begin + 12 : end])),
            lambda data, begin, end: self.reports.append(bytes(data[begin:end])),
            *(ReceiverStats(), source),
        )
        self.streams.begin()
        self.rtp, self.rtcp = (("127.0.0.1", one.sock.getsockname()[1]) for one in (self.stream.rtp, self.stream.rtcp))
        self.numbers = iter(range(1000))

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.streams.close()
        self._wire.close()

    def hear(self, sender: socket.socket, count: int, payload: bytes) -> None:
        for _ in range(count):
            sender.sendto(rtp(payload, next(self.numbers), 0), self.rtp)
        self.look()

    def look(self) -> None:
        for _ in range(3):
            self.streams.wait_and_take(self._wire.fileno())


@contextlib.contextmanager
def senders(*hosts: str) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in hosts]
        for sock, host in zip(socks, hosts, strict=True):
            sock.bind((host, 0))
            sock.settimeout(PATIENCE_S)
        yield socks


NOBODY = 9
"""A port that nobody sends from."""


def test_camera_that_sends_from_another_port_is_heard_from_its_first_packet_on() -> None:
    with senders("127.0.0.1", "127.0.0.1", "127.0.0.2") as (camera, other, stranger), Listener(NOBODY) as listener:
        listener.hear(stranger, 40, b"stranger")
        listener.hear(other, 3, b"other")
        listener.hear(camera, HELD_FROM_ONE - 1, b"camera")
        assert listener.got == []
        listener.hear(camera, 1, b"camera")
        assert listener.got == [b"camera"] * HELD_FROM_ONE
        listener.hear(other, 20, b"other")
        assert set(listener.got) == {b"camera"}


def test_reports_go_to_where_the_packets_come_from() -> None:
    with senders("127.0.0.1", "127.0.0.1", "127.0.0.2") as (camera, reports, stranger), Listener(NOBODY) as listener:
        for sender in (reports, stranger):
            sender.sendto(sender_report(1.0, 0), listener.rtcp)
        listener.look()
        listener.hear(camera, HELD_FROM_ONE, b"camera")
        assert listener.reports == [], "while nobody knows who sends, only the port that was named counts"
        for sender in (stranger, reports):
            sender.sendto(sender_report(2.0, 0), listener.rtcp)
        listener.look()
        assert listener.reports == [sender_report(2.0, 0)]
        listener.streams.send_reports(5)
        assert reports.recv(100)[1] == 201


def test_source_that_the_camera_names_is_heard_and_nobody_else() -> None:
    with (
        senders("127.0.0.3", "127.0.0.2") as (source, stranger),
        Listener(source.getsockname()[1], "127.0.0.3") as listener,
    ):
        listener.hear(stranger, 40, b"stranger")
        listener.hear(source, 2, b"source")
        assert listener.got == [b"source"] * 2


@pytest.mark.parametrize(
    ("transport", "session", "line"),
    [
        ("source=127.0.0.3", "77", "c=IN IP4 127.0.0.9"),
        ("source=", "77;timeout=60;source=127.0.0.3", "c=IN IP4 127.0.0.9"),
        ("unicast", "77", "a=source-filter: incl IN IP4 * 127.0.0.3"),
        ("unicast", "77", "c=IN IP4 127.0.0.3/127"),
    ],
)
def test_source_is_read_wherever_the_camera_writes_it(transport: str, session: str, line: str) -> None:
    """The description's other lines say nothing of it: any address, a group."""
    text = f"v=0\r\nc=IN IP4 0.0.0.0\r\nc=IN IP4 239.1.1.1/16\r\n{line}\r\nm=video 0 RTP/AVP 96\r\n"
    answer = Response(200, {"transport": [f"RTP/AVP;{transport};server_port=6000-6001"], "session": [session]})
    assert told_transport(answer, parse_sdp(text.encode()).source).source == "127.0.0.3"


def test_camera_that_goes_on_from_another_port_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        senders("127.0.0.1", "127.0.0.1", "127.0.0.2") as (first, second, stranger),
        Listener(first.getsockname()[1]) as listener,
    ):
        monkeypatch.setattr(udp, "REOPEN_S", 60.0)
        listener.hear(first, 2, b"first")
        listener.hear(second, 20, b"second")
        assert listener.got == [b"first"] * 2, "while the one that was named sends"
        monkeypatch.setattr(udp, "REOPEN_S", 0.0)
        listener.look()
        monkeypatch.setattr(udp, "REOPEN_S", 60.0)
        listener.hear(stranger, 40, b"stranger")
        listener.hear(second, HELD_FROM_ONE, b"second")

        def is_heard() -> bool:
            listener.look()
            return len(listener.got) > 2

        wait_until(is_heard, 1.0)  # what is missing before is waited for
        assert listener.got == [b"first"] * 2 + [b"second"] * HELD_FROM_ONE


@pytest.mark.parametrize(
    ("source", "heard"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("fd00::7", "fd00::7"),
        ("8.8.8.8", ""),
        ("camera.lan", ""),
        ("224.0.0.1", ""),
        ("", ""),
    ],
)
def test_source_outside_of_the_house_is_not_heard(source: str, heard: str) -> None:
    assert usable_source(Transport(None, (6000, 6001), None, source), STRICT.resolve) == heard


def test_source_at_a_port_of_other_services_is_not_heard() -> None:
    assert usable_source(Transport(None, (22, 23), None, "192.168.1.7"), STRICT.resolve) == ""


@pytest.mark.parametrize("packet", [b"", b"\x80", bytes(2000), b"\x80\x60" + bytes(9), b"\xff" * 2047, b"\x80" * 4000])
def test_noise_is_dropped(packet: bytes) -> None:
    got: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera, socket.socket() as wire:
        camera.bind(("127.0.0.1", 0))
        streams = UdpStreams((socket.AF_INET, ("127.0.0.1", 1), ("127.0.0.1", 2)))
        stream = streams.open()
        streams.add(stream, None, lambda _data, _begin, end: got.append(end), nobody, ReceiverStats())
        streams.begin()
        camera.sendto(packet, ("127.0.0.1", stream.rtp.sock.getsockname()[1]))
        camera.sendto(rtp(SLICE, 1, 0), ("127.0.0.1", stream.rtp.sock.getsockname()[1]))
        for _ in range(5):
            streams.wait_and_take(wire.fileno())
        streams.close()
    assert got == [12 + len(SLICE)]
