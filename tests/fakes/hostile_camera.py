"""Cameras that mean harm: each keeps one thing up for as long as somebody is connected, each connection on a thread."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.rtp import SDP, fragments, interleaved, rtp
from tests.ports import free_port
from vigilar.media.bitstream import nal_spans
from vigilar.media.file_source import FileSource
from vigilar.media.packets import Kind

Keeps = Callable[["Client"], None]
"""What it does to whoever has connected, until OSError or the end."""

FLOOD_BPS = 200_000_000


class Client:
    """One connection of theirs. ``sent`` counts bytes."""

    def __init__(self, camera: HostileCamera, sock: socket.socket) -> None:
        self._camera, self._sock = camera, sock
        self._sock.settimeout(1.0)
        self._data = b""

    def ask(self) -> tuple[str, str]:
        """Method and CSeq of the next request. Raises OSError at the end."""
        while b"\r\n\r\n" not in self._data:
            self.check()
            with contextlib.suppress(TimeoutError):
                more = self._sock.recv(4096)
                if not more:
                    raise ConnectionError
                self._data += more
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        at = max(0, head.rfind(b" RTSP/1.0") - 2000)
        lines = head[at:].decode("latin-1").split("\r\n")
        cseq = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("cseq")), "0")
        return lines[0].split(" ")[0].lstrip("$\0"), cseq

    def say(self, cseq: str, status: int, *lines: str, body: bytes = b"") -> None:
        head = [f"RTSP/1.0 {status} So", f"CSeq: {cseq}", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.check()
            with contextlib.suppress(TimeoutError):
                count = self._sock.send(view)
                self._camera.sent_bytes += count
                view = view[count:]

    def check(self) -> None:
        if self._camera.is_over:
            raise ConnectionError

    def play(self) -> None:
        """The opening, as a good camera answers it."""
        method = ""
        while method != "PLAY":
            method, cseq = self.ask()
            if method == "DESCRIBE":
                self.say(cseq, 200, body=SDP.encode())
            elif method == "SETUP":
                self.say(cseq, 200, "Session: 7;timeout=60", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            else:
                self.say(cseq, 200, "Session: 7;timeout=60")


class HostileCamera:
    """Listens on loopback. ``connections`` counts those who came, ``sent_bytes`` what they were sent."""

    def __init__(self, keeps: Keeps) -> None:
        self._keeps = keeps
        self._server = socket.create_server(("127.0.0.1", free_port()), backlog=32)
        self.port = int(self._server.getsockname()[1])
        self.is_over = False
        self.connections = self.sent_bytes = 0
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="hostile camera")

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/main"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over = True
        self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._server.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self.is_over:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), name="hostile client")
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self._keeps(Client(self, sock))


def redirects(client: Client) -> None:
    """Sends each request on to itself."""
    while True:
        _, cseq = client.ask()
        client.say(cseq, 302, "Location: rtsp://127.0.0.1/main")


def trickles(client: Client) -> None:
    """An answer that never ends, a byte at a time."""
    client.ask()
    client.send(b"RTSP/1.0 200 OK\r\nX-Long: ")
    while True:
        client.send(b"x")
        time.sleep(0.02)


def refuses_for_ever(client: Client) -> None:
    """401 to everything, with a nonce that is always too old: a client that believes it asks without end."""
    while True:
        _, cseq = client.ask()
        client.say(cseq, 401, f'WWW-Authenticate: Digest realm="r", nonce="{random.getrandbits(64):x}", stale=true')


def describes_at_length(client: Client) -> None:
    """A session description of 4 MB."""
    _, cseq = client.ask()
    client.say(cseq, 200, body=SDP.encode() + b"a=tool:" + b"x" * 4_000_000 + b"\r\n")
    while True:
        client.ask()


def sends_garbage(client: Client) -> None:
    """Noise at FLOOD_BPS from PLAY on."""
    client.play()
    noise = random.Random(1).randbytes(1 << 20)
    for _ in paced(len(noise)):
        client.send(noise)


def sends_unasked(client: Client) -> None:
    """Well-formed packets at FLOOD_BPS on a channel that nobody has asked for."""
    client.play()
    block = b"".join(interleaved(rtp(b"x" * 60_000, number, 0), channel=9) for number in range(16))
    for _ in paced(len(block)):
        client.send(block)


def keyframe_units(clip: Path) -> list[bytes]:
    """The NAL units of the first keyframe, its parameter sets first."""
    source = FileSource(f"file:{clip}", lambda _s: False, loops=False)
    raw = next(one for one in source if one is not None and one.kind is Kind.VIDEO and one.is_keyframe)
    data = source.streams[0].setup + raw.data
    source.close()
    return [data[begin:end] for begin, end in nal_spans(data)]


def floods(clip: Path) -> Keeps:
    """Valid keyframes of ``clip``, made large, at FLOOD_BPS."""
    units = keyframe_units(clip)
    # A unit of padding behind the picture (12: filler data) makes it large, and it stays valid.
    units.append(b"\x0c" + b"\xff" * 100_000 + b"\x80")
    payloads = [one for unit in units for one in ([unit] if len(unit) < 60_000 else fragments(unit, 60_000))]
    frame = bytearray()
    heads: list[int] = []
    for number, payload in enumerate(payloads):
        heads.append(len(frame) + 4)
        frame += interleaved(rtp(payload, 0, 0, marker=number == len(payloads) - 1))

    def keep(client: Client) -> None:
        client.play()
        sequence, began_s = 0, time.monotonic()
        for _ in paced(len(frame)):
            stamp = int((time.monotonic() - began_s) * 90_000) & 0xFFFFFFFF
            for at in heads:
                struct.pack_into(">HI", frame, at + 2, sequence & 0xFFFF, stamp)
                sequence += 1
            client.send(bytes(frame))

    return keep


def wraps_stamps(clip: Path) -> Keeps:
    """A picture each 40 ms whose stamps wrap every second, and leap half the range now and then."""
    units = keyframe_units(clip)

    def keep(client: Client) -> None:
        client.play()
        sequence, number = 0, 0
        while True:
            stamp = (0xFFFFFFFF - 90_000 + number % 50 * 3600 + (1 << 31) * (number % 7 == 0)) & 0xFFFFFFFF
            for at, unit in enumerate(units):
                client.send(interleaved(rtp(unit, sequence, stamp, marker=at == len(units) - 1)))
                sequence += 1
            number += 1
            time.sleep(0.04)

    return keep


def paced(size_bytes: int) -> Iterator[None]:
    """Once for each block of that size, so that they come to FLOOD_BPS."""
    began_s, count = time.monotonic(), 0
    while True:
        yield
        count += 1
        time.sleep(max(0.0, began_s + count * size_bytes * 8 / FLOOD_BPS - time.monotonic()))
