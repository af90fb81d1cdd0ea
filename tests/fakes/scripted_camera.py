"""A camera whose every byte the test decides: it answers requests by a table, and sends what it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conftest import PATIENCE_S
from tests.fakes.rtp import SDP
from tests.ports import free_port

Answer = bytes | Callable[["Asked"], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: header names in lower case."""

    method: str
    uri: str
    headers: dict[str, str]


def answer(asked: Asked, status: int = 200, *lines: str, body: str = "") -> bytes:
    head = [f"RTSP/1.0 {status} So", f"CSeq: {asked.headers.get('cseq', '')}", *lines]
    if body:
        head.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


@dataclass
class ScriptedCamera:
    """``special`` replaces the good answer to a method; ``asked`` are all requests so far, ``frames`` what came in
    interleaved frames: channel and packet. ``greeting`` is sent to each that connects."""

    sdp: str = SDP
    session: str = "77;timeout=60"
    greeting: bytes = b""
    special: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", free_port()))
        self._server.settimeout(0.1)
        self._changed = threading.Condition()
        self._is_over = False
        self._clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, name="scripted camera", daemon=True)

    def url(self, login: str = "") -> str:
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self._server.getsockname()[1]}/main"

    def __enter__(self) -> ScriptedCamera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join(60.0)
        for client in self._clients:
            client.close()
        self._server.close()

    @property
    def client(self) -> socket.socket:
        """The newest connection."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._clients, PATIENCE_S), "nobody has connected"
            return self._clients[-1]

    def send(self, data: bytes) -> None:
        """All of it, however slowly the other side reads. Raises OSError when that has hung up."""
        client, view, until_s = self.client, memoryview(data), time.monotonic() + PATIENCE_S
        while view:
            assert time.monotonic() < until_s, f"{len(view)} bytes are not read"
            with contextlib.suppress(TimeoutError):  # the tenth of a second in which the end is looked for
                view = view[client.send(view) :]

    def send_in_vain(self, data: bytes) -> None:
        """As ``send``, for what the other side may hang up at."""
        with contextlib.suppress(OSError):
            self.send(data)

    def wait_asked(self, method: str, count: int = 1, timeout_s: float = PATIENCE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.methods.count(method) >= count, timeout_s), self.methods

    def wait_frames(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.frames) >= count, timeout_s), self.frames

    @property
    def methods(self) -> list[str]:
        return [asked.method for asked in self.asked]

    def _serve(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            client.settimeout(0.1)
            with self._changed:
                self._clients.append(client)
                self._changed.notify_all()
            with contextlib.suppress(OSError):
                client.sendall(self.greeting)
            self._serve_client(client)

    def _serve_client(self, client: socket.socket) -> None:
        data = b""
        while not self._is_over:
            try:
                more = client.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if not more:
                return
            data = self._take_frames(data + more)
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                if not self._answer(client, head.decode()):
                    return
                data = self._take_frames(data)

    def _take_frames(self, data: bytes) -> bytes:
        while data.startswith(b"$") and len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[2:4], "big")):
            with self._changed:
                self.frames.append((data[1], data[4:end]))
                self._changed.notify_all()
            data = data[end:]
        return data

    def _answer(self, client: socket.socket, head: str) -> bool:
        lines = head.split("\r\n")
        method, uri, _ = lines[0].split(" ")
        pairs = (line.partition(":") for line in lines[1:])
        asked = Asked(method, uri, {name.strip().lower(): value.strip() for name, _, value in pairs})
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()
        special = self.special.get(method)
        if special is not None:
            reply = special(asked) if callable(special) else special
        elif method == "DESCRIBE":
            reply = answer(asked, body=self.sdp)
        elif method == "SETUP":
            reply = answer(asked, 200, f"Transport: {asked.headers['transport']}", f"Session: {self.session}")
        else:
            reply = answer(asked)
        try:
            client.settimeout(PATIENCE_S)
            client.sendall(reply)
            client.settimeout(0.1)
        except OSError:
            return False
        return True
