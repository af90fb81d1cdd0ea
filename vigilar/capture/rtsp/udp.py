"""RTP and RTCP over UDP, on request: ports, packets put in order, and who may send them.

Only the camera's address and the ports that it named reach us: the sockets are connected to them, so the kernel drops
everything else. A packet that comes early waits for those before it, for a moment; what then is missing is lost, and
the track counts it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from vigilar.base.errors import CameraError, ErrorKind
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


class UdpStream:
    """The ports of one stream: an even one for RTP, the next for RTCP (RFC 3550 11)."""

    def __init__(self, family: int, own_address: tuple[Any, ...]) -> None:
        """Raises CameraError when there are no two ports side by side."""
        self.rtp, self.rtcp = _bind_pair(family, own_address)
        port = self.rtp.getsockname()[1]
        self.asked = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        self._camera: tuple[Any, ...] = ()
        self._has_port = False

    def connect(self, camera: tuple[Any, ...], ports: tuple[int, int] | None) -> None:
        """Take packets from there alone; without ``ports``, from the first port of that address that sends."""
        self._camera = camera
        if ports is not None:
            self.rtp.connect((camera[0], ports[0], *camera[2:]))
            self.rtcp.connect((camera[0], ports[1], *camera[2:]))
            self._has_port = True

    def punch(self) -> None:
        """Open the way through a firewall that lets in only what was asked for."""
        for sock, data in ((self.rtp, _HOLE_PUNCH), (self.rtcp, bytes((0x80, 201, 0, 1, 0, 0, 0, 0)))):
            with contextlib.suppress(OSError):
                sock.send(data)

    def receive(self, sock: socket.socket) -> bytearray | None:
        """The next packet of the camera that waits, None for none."""
        data = bytearray(PACKET_BYTES)
        try:
            if self._has_port:
                count = sock.recv_into(data)
            else:
                count, sender = sock.recvfrom_into(data)
                if sender[0] != self._camera[0]:
                    return bytearray()
                self._learn(sock, sender[1])
        except BlockingIOError:
            return None
        except OSError:
            return None  # a port that the camera does not listen on (ICMP): a report found nobody
        del data[count:]
        return data

    def _learn(self, sock: socket.socket, port: int) -> None:
        rtp_port = port if sock is self.rtp else port - 1
        with contextlib.suppress(OSError, OverflowError):
            self.connect(self._camera, (rtp_port, rtp_port + 1))

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class UdpStreams:
    """All streams of a connection that come over UDP. One thread."""

    def __init__(self, peer: Peer) -> None:
        self._family, self._camera, self._own = peer
        self._poll = select.poll()
        self._streams: list[tuple[UdpStream, InOrder, Take, ReceiverStats]] = []
        self._by_fd: dict[int, tuple[UdpStream, InOrder, Take, bool]] = {}
        self._wire_fd = -1
        self._began_s = 0.0
        self._has_come = False

    def open(self) -> UdpStream:
        """Raises CameraError."""
        return UdpStream(self._family, self._own)

    def add(
        self, stream: UdpStream, ports: tuple[int, int] | None, take_rtp: Take, take_rtcp: Take, stats: ReceiverStats
    ) -> None:
        """Take what comes for ``stream``, whose sockets are ours from now on."""
        stream.connect(self._camera, ports)
        order = InOrder(lambda packet: take_rtp(packet, 0, len(packet)))
        self._streams.append((stream, order, take_rtcp, stats))
        for sock, is_rtp in ((stream.rtp, True), (stream.rtcp, False)):
            self._by_fd[sock.fileno()] = (stream, order, take_rtcp, is_rtp)
            self._poll.register(sock, select.POLLIN)

    def begin(self) -> None:
        """PLAY is answered."""
        self._began_s = time.monotonic()
        for stream, *_ in self._streams:
            stream.punch()

    def is_silent(self) -> bool:
        """Whether nothing came for so long that UDP must be given up."""
        return not self._has_come and time.monotonic() - self._began_s > SILENT_S

    def wait_and_take(self, wire_fd: int) -> tuple[int, bool]:
        """Wait up to WAKE_S for packets and hand them on: the bytes that came, and whether something waits on TCP."""
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
        for _, order, *_ in self._streams:
            order.look()
        return count, has_answer

    def send_reports(self, own_ssrc: int) -> None:
        for stream, _, _, stats in self._streams:
            with contextlib.suppress(OSError):
                stream.rtcp.send(stats.report(own_ssrc))

    def close(self) -> None:
        for stream, *_ in self._streams:
            stream.close()

    def _is_holding(self) -> bool:
        return any(order.is_holding for _, order, *_ in self._streams)

    def _drain(self, fd: int) -> int:
        """All that waits at one socket, up to MAX_BATCH: the other sockets, and the stop, have their turn too. How many
        bytes came of the camera."""
        stream, order, take_rtcp, is_rtp = self._by_fd[fd]
        sock = stream.rtp if is_rtp else stream.rtcp
        count = 0
        for _ in range(MAX_BATCH):
            packet = stream.receive(sock)
            if packet is None:
                break
            if not 8 <= len(packet) < PACKET_BYTES or packet[0] & 0xC0 != 0x80:
                continue
            count += len(packet)
            if not is_rtp:
                take_rtcp(packet, 0, len(packet))
            elif len(packet) > 12:
                self._has_come = True
                order.add(packet)
        return count


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
