"""RTP and RTCP over UDP, on request: ports, packets put in order, and who may send them.

Who sends is found out first (``UdpPort``): the camera from the port that it named, else from another one, or the
address that it named as its source. From then on the socket is connected to that, so the kernel drops everything else,
until it is silent: cameras behind a NAT come from another port then. A packet that comes early waits for those before
it, for a moment; what then is missing is lost, and the track counts it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.capture.address_gate import Resolve
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.messages import Transport
from vigilar.capture.rtsp.reports import ReceiverStats
from vigilar.capture.rtsp.rtp import signed_distance
from vigilar.capture.rtsp.wire import RECEIVE_BUFFER, WAKE_S, Peer, Take

SILENT_S = 5.0
"""When nothing at all came so long after PLAY, a wall lies between: UDP is given up."""

HOLD_S = 0.1
MAX_HELD = 64
"""How long and how many packets wait for one before them. A network at home swaps neighbours, not more."""

FAR = 1000
"""A sequence number that is off by more is no late packet: the camera has begun anew."""

PACKET_BYTES = 2048
"""Above any packet that crosses an Ethernet whole; a longer one is cut off and dropped."""

MAX_BATCH = 512
HELD_FROM_ONE, MAX_SENDERS = 8, 4
"""So many packets from a port that was not named, and none from the one that was: the camera means that one. So many
such ports are kept apart."""

REOPEN_S = 2.0
"""After so long without a packet of a stream it may come from another port."""

_TRIES = 20
_HOLE_PUNCH = bytes((0x80, 0)) + bytes(10)


class InOrder:
    """Packets of one stream by their sequence numbers. One thread."""

    def __init__(self, take: Callable[[bytearray], None], now: Callable[[], float] = time.monotonic) -> None:
        self._take, self._now = take, now
        self._next = -1
        self._held: dict[int, bytearray] = {}
        self._held_since_s = 0.0
        self._last = bytearray()
        self._newest_stamp = 0
        self.late = 0

    def add(self, packet: bytearray) -> None:
        """Hand on this packet and those that waited for it, or let it wait.

        Not every camera numbers its packets. One that has the number of the one before and other content, or is of a
        time that nothing came of yet, is neither a second copy nor late.
        """
        sequence, stamp = packet[2] << 8 | packet[3], int.from_bytes(packet[4:8], "big")
        ahead = (sequence - self._next) & 0xFFFF if self._next >= 0 else 0
        is_new = self._next < 0 or signed_distance(stamp, self._newest_stamp) > 0
        if is_new:
            self._newest_stamp = stamp
        if ahead and 0x10000 - ahead <= FAR and not is_new and (ahead < 0xFFFF or packet == self._last):
            self.late += 1  # a second copy, or too late
            return
        if ahead and ahead <= FAR:
            if not self._held:
                self._held_since_s = self._now()
            self._held[sequence] = packet
            if len(self._held) > MAX_HELD:
                self._go_on()
            return
        if ahead:
            self._release_all()
        self._hand_on(sequence, packet)

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def look(self) -> None:
        """Wait no longer for what has not come in HOLD_S. To be called now and then."""
        if self._held and self._now() - self._held_since_s > HOLD_S:
            self._go_on()

    def _go_on(self) -> None:
        """Leave out what is missing before the first that waits."""
        first = min(self._held, key=lambda sequence: (sequence - self._next) & 0xFFFF)
        self._held_since_s = self._now()
        self._hand_on(first, self._held.pop(first))

    def _release_all(self) -> None:
        while self._held:
            self._go_on()

    def _hand_on(self, sequence: int, packet: bytearray) -> None:
        self._take_next(sequence, packet)
        while (waiting := self._held.pop(self._next, None)) is not None:
            self._take_next(self._next, waiting)

    def _take_next(self, sequence: int, packet: bytearray) -> None:
        self._last = packet
        self._next = (sequence + 1) & 0xFFFF
        self._take(packet)


class UdpPort:
    """One socket, and who may send to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._hosts: tuple[str, ...] = ()
        self._port: int | None = None
        self._may_be_other = True
        self._held: dict[tuple[Any, ...], list[bytearray]] = {}
        self._target: tuple[Any, ...] | None = None
        self.sender: tuple[Any, ...] | None = None
        """Whose packets are taken; None until that is known."""

    def expect(self, camera: tuple[Any, ...], port: int | None, source: str, *, may_be_other: bool) -> None:
        """Take packets of ``camera`` (a socket address) or ``source``, another address or empty. They count at once
        from ``port``, or from any where that is None; from others only if ``may_be_other``, and after HELD_FROM_ONE."""
        self._hosts = (camera[0], source) if source else (camera[0],)
        self._port = port
        self._target = None if port is None else (camera[0], port, *camera[2:])
        self._may_be_other = may_be_other or port is None

    def expect_beside(self, rtp: UdpPort) -> None:
        """Of the port of RTCP: the camera sends RTP from elsewhere than it said, so reports may come from anywhere."""
        if self.sender is None and rtp.sender is not None and rtp.sender[1] != rtp._port:
            self._port, self._may_be_other = None, True
            self._target = (rtp.sender[0], min(rtp.sender[1] + 1, 65_535), *rtp.sender[2:])

    def send(self, data: bytes) -> None:
        """To where the camera listens, as far as that is known; lost where nobody does."""
        if self._target is not None:
            with contextlib.suppress(OSError):
                self.sock.sendto(data, self._target)

    def receive(self) -> list[bytearray] | None:
        """The next packet that waits, with those that were held before it; none if it is a stranger's. None when
        nothing waits."""
        data = bytearray(PACKET_BYTES)
        try:
            count, sender = self.sock.recvfrom_into(data)
        except OSError:
            return None  # nothing, or a port that the camera does not listen on (ICMP): a report found nobody
        del data[count:]
        if self.sender is not None:
            return [data] if sender == self.sender else []  # one that came before the socket was connected
        if sender[0] not in self._hosts:
            return []
        return self._judge(data, sender)

    def _judge(self, data: bytearray, sender: tuple[Any, ...]) -> list[bytearray]:
        """What comes of the camera's address, or of its source's."""
        if self._port in (None, sender[1]):
            self._settle(sender)
            return [data]
        if not self._may_be_other or (sender not in self._held and len(self._held) >= MAX_SENDERS):
            return []
        held = self._held.setdefault(sender, [])
        held.append(data)
        if len(held) < HELD_FROM_ONE:
            return []
        self._settle(sender)
        return held

    def _settle(self, sender: tuple[Any, ...]) -> None:
        self._held = {}
        with contextlib.suppress(OSError, OverflowError):
            self.sock.connect(sender)
            self.sender = self._target = sender

    def reopen(self) -> None:
        """Nothing comes any more: the one who sent may do so from another port by now. Raises CameraError."""
        if self.sender is not None:
            own = self.sock.getsockname()
            self.sock.close()
            self._port, self._may_be_other, self.sender = self.sender[1], True, None
            try:
                self.sock = _bound(self.sock.family, own)
            except OSError as error:  # somebody has our port by now
                raise sentences.ended() from error


class UdpStream:
    """The ports of one stream: an even one for RTP, the next for RTCP (RFC 3550 11)."""

    def __init__(self, family: int, own_address: tuple[Any, ...]) -> None:
        """Raises CameraError when there are no two ports side by side."""
        rtp, rtcp = _bind_pair(family, own_address)
        self.rtp, self.rtcp = UdpPort(rtp), UdpPort(rtcp)
        port = rtp.getsockname()[1]
        self.asked = f"RTP/AVP;unicast;client_port={port}-{port + 1}"

    def expect(self, camera: tuple[Any, ...], ports: tuple[int, int] | None, source: str) -> None:
        """Of whom packets are to be taken; ``ports`` are those that the camera named."""
        rtp, rtcp = ports or (None, None)
        self.rtp.expect(camera, rtp, source, may_be_other=True)
        self.rtcp.expect(camera, rtcp, source, may_be_other=False)

    def punch(self) -> None:
        """Open the way through a firewall that lets in only what was asked for."""
        self.rtp.send(_HOLE_PUNCH)
        self.rtcp.send(bytes((0x80, 201, 0, 1, 0, 0, 0, 0)))

    def close(self) -> None:
        self.rtp.sock.close()
        self.rtcp.sock.close()


@dataclass(slots=True)
class _Taken:
    """A stream and who takes it. ``heard_s``: when a packet of its came last (monotonic)."""

    stream: UdpStream
    order: InOrder
    take_rtcp: Take
    stats: ReceiverStats
    heard_s: float


class UdpStreams:
    """All streams of a connection that come over UDP. One thread."""

    def __init__(self, peer: Peer) -> None:
        self._family, self._camera, self._own = peer
        self._poll = select.poll()
        self._streams: list[_Taken] = []
        self._by_fd: dict[int, tuple[_Taken, UdpPort]] = {}
        self._wire_fd = -1
        self._began_s = 0.0
        self._has_come = False

    def open(self) -> UdpStream:
        """Raises CameraError."""
        return UdpStream(self._family, self._own)

    def add(
        self,
        stream: UdpStream,
        ports: tuple[int, int] | None,
        take_rtp: Take,
        take_rtcp: Take,
        stats: ReceiverStats,
        source: str = "",
    ) -> None:
        """Take what comes for ``stream``, whose sockets are ours from now on. ``source``: another address than the
        camera's that it may come from."""
        stream.expect(self._camera, ports, source)
        order = InOrder(lambda packet: take_rtp(packet, 0, len(packet)))
        taken = _Taken(stream, order, take_rtcp, stats, time.monotonic())
        self._streams.append(taken)
        for port in (stream.rtp, stream.rtcp):
            self._watch(taken, port)

    def _watch(self, taken: _Taken, port: UdpPort) -> None:
        self._by_fd[port.sock.fileno()] = (taken, port)
        self._poll.register(port.sock, select.POLLIN)

    def begin(self) -> None:
        """PLAY is answered."""
        self._began_s = time.monotonic()
        for taken in self._streams:
            taken.stream.punch()

    def is_silent(self) -> bool:
        """Whether nothing came for so long that UDP must be given up."""
        return not self._has_come and time.monotonic() - self._began_s > SILENT_S

    def wait_and_take(self, wire_fd: int) -> tuple[int, bool]:
        """Wait up to WAKE_S for packets and hand them on: the bytes that came, and whether something waits on TCP.

        Raises CameraError."""
        if self._wire_fd < 0:
            self._wire_fd = wire_fd
            self._poll.register(wire_fd, select.POLLIN)
        ready = self._poll.poll(HOLD_S * 200 if self._is_holding() else WAKE_S * 1000)
        count, has_answer = 0, False
        for fd, _ in ready:
            if fd == wire_fd:
                has_answer = True
            else:
                count += self._drain(fd)
        now_s = time.monotonic()
        for taken in self._streams:
            taken.order.look()
            if now_s - taken.heard_s > REOPEN_S:
                taken.heard_s = now_s
                self._reopen(taken)
        return count, has_answer

    def _reopen(self, taken: _Taken) -> None:
        for port in (taken.stream.rtp, taken.stream.rtcp):
            if port.sender is not None:
                fd = port.sock.fileno()
                self._poll.unregister(fd)
                del self._by_fd[fd]
                port.reopen()
                self._watch(taken, port)

    def send_reports(self, own_ssrc: int) -> None:
        for taken in self._streams:
            taken.stream.rtcp.send(taken.stats.report(own_ssrc))

    def close(self) -> None:
        for taken in self._streams:
            taken.stream.close()

    def _is_holding(self) -> bool:
        return any(taken.order.is_holding for taken in self._streams)

    def _drain(self, fd: int) -> int:
        """All that waits at one socket, up to MAX_BATCH: the other sockets, and the stop, have their turn too. How many
        bytes came of the camera."""
        taken, port = self._by_fd[fd]
        is_rtp, count = port is taken.stream.rtp, 0
        for _ in range(MAX_BATCH):
            packets = port.receive()
            if packets is None:
                break
            for packet in packets:
                if not 8 <= len(packet) < PACKET_BYTES or packet[0] & 0xC0 != 0x80:
                    continue
                count += len(packet)
                if not is_rtp:
                    taken.take_rtcp(packet, 0, len(packet))
                elif len(packet) > 12:
                    self._has_come = True
                    taken.order.add(packet)
        if count and is_rtp:
            taken.heard_s = time.monotonic()
            taken.stream.rtcp.expect_beside(port)
        return count


def usable_source(told: Transport, resolve: Resolve) -> str:
    """The address that the camera names as the source of its packets, if one may be there; else nothing."""
    try:
        ipaddress.ip_address(told.source)
        return str(resolve(told.source, told.server_ports[0] if told.server_ports else 0)[0].sockaddr[0])
    except (ValueError, CameraError):  # none, a name, or an address that the gate refuses
        return ""


def _bind_pair(family: int, own_address: tuple[Any, ...]) -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        rtp = _bound(family, (own_address[0], 0, *own_address[2:]))
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                return rtp, _bound(family, (own_address[0], port + 1, *own_address[2:]))
        rtp.close()
    raise CameraError("No two UDP ports side by side are free.", kind=ErrorKind.TRANSIENT, code="V-CAM-01")


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
