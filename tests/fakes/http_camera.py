"""An MJPEG camera over HTTP that does what real ones do wrong, on a thread for each client. As a program:

python -m tests.fakes.http_camera PORT
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fakes.jpeg_pictures import make_picture, to_jpeg
from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Manner:
    """How the camera sends. ``part`` stands before each picture, with ``{size}``; ``lines`` ends lines of the head.

    ``login`` is ``basic``, ``digest``, or both, then ``digest then basic`` on later connections. Seconds count from
    the first picture: after ``stall_s`` nothing more comes, after ``drop_s`` it hangs up, after ``garbage_s`` noise.
    ``damage_every``: each so manieth picture is damaged. ``pause_s`` lies between head and pictures.
    """

    head: str = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"
    part: str = "--b\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"
    tail: bytes = b"\r\n"
    is_chunked: bool = False
    login: str = ""
    user: str = "admin"
    password: str = "secret"
    pause_s: float = 0.0
    stall_s: float | None = None
    drop_s: float | None = None
    garbage_s: float | None = None
    damage_every: int = 0
    head_bytes_each_s: float = 0.0
    rate: float = 10.0
    size: tuple[int, int] = (320, 176)
    quiet_pictures: int = 0
    picture_count: int = 40


@dataclass
class HttpCamera:
    """``requests`` are the heads that came, ``pictures`` how many were sent to all, ``sent_ns`` when (UTC)."""

    manner: Manner = field(default_factory=Manner)
    port: int = 0

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._server.settimeout(0.2)
        self.port = self._server.getsockname()[1]
        self.requests: list[str] = []
        self.refused_logins = 0
        self.pictures = 0
        self.sent_ns: list[int] = []
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._clients: list[socket.socket] = []
        width, height = self.manner.size
        still = to_jpeg(make_picture(width, height))
        moving = [
            to_jpeg(make_picture(width, height, 1 + number * (width - width // 6) // self.manner.picture_count))
            for number in range(self.manner.picture_count)
        ]
        self._loop = [still] * self.manner.quiet_pictures + moving
        self._nonces = itertools.count(1)

    def url(self, login: str = "", path: str = "/video.mjpg") -> str:
        return f"http://{login + '@' if login else ''}127.0.0.1:{self.port}{path}"

    def __enter__(self) -> HttpCamera:
        self._threads.append(threading.Thread(target=self._serve, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for client in self._clients:
            with contextlib.suppress(OSError):  # who has gone already
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60.0)
        self._server.close()

    def _serve(self) -> None:
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._server.accept()
                self._clients.append(client)
                thread = threading.Thread(target=self._talk, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(60.0)
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(4096)
                if not more:
                    return
                head += more
            self.requests.append(head.decode())
            refusal = self._refusal(head.decode())
            if refusal:
                client.sendall(refusal.encode())
                return
            self._send_head(client)
            self._is_over.wait(self.manner.pause_s)
            self._send_pictures(client)

    def _send_head(self, client: socket.socket) -> None:
        head = self.manner.head.encode()
        if not self.manner.head_bytes_each_s:
            client.sendall(head)
            return
        for at in range(len(head)):
            client.sendall(head[at : at + 1])
            if self._is_over.wait(self.manner.head_bytes_each_s):
                return

    def _refusal(self, head: str) -> str:
        """The answer to a request without the right login; empty when it may see the pictures."""
        given = re.search(r"^Authorization: (.*?)\r?$", head, re.MULTILINE)
        scheme = self.manner.login
        if scheme == "digest then basic":
            scheme = "digest" if len(self.requests) <= 2 else "basic"
        if not scheme or (given and self._is_right(scheme, given[1])):
            return ""
        self.refused_logins += given is not None
        asked = 'Basic realm="cam"'
        if scheme == "digest":
            asked = f'Digest realm="cam", qop="auth", nonce="n{next(self._nonces)}", algorithm=MD5'
        return f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {asked}\r\nContent-Length: 0\r\n\r\n"

    def _is_right(self, scheme: str, given: str) -> bool:
        user, password = self.manner.user, self.manner.password
        if scheme == "basic":
            return given == "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        words = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        middle = ":".join(words.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        request = f"GET:{words.get('uri', '')}"
        return words.get("response") == md5(f"{md5(f'{user}:cam:{password}')}:{middle}:{md5(request)}")

    def _send_pictures(self, client: socket.socket) -> None:
        manner, began_s = self.manner, time.monotonic()
        for number, jpeg in enumerate(itertools.cycle(self._loop)):
            since_s = time.monotonic() - began_s
            if manner.drop_s is not None and since_s > manner.drop_s:
                return
            if manner.stall_s is not None and since_s > manner.stall_s:
                self._is_over.wait(60.0)
                return
            if manner.garbage_s is not None and since_s > manner.garbage_s:
                client.sendall(b"\x55" * 8192)
                continue
            self.sent_ns.append(time.time_ns())
            self._send(client, self._with_part(number, jpeg))
            self.pictures += 1
            if self._is_over.wait(max(0.0, began_s + (number + 1) / manner.rate - time.monotonic())):
                return

    def _with_part(self, number: int, jpeg: bytes) -> bytes:
        if self.manner.damage_every and number % self.manner.damage_every == self.manner.damage_every - 1:
            middle = len(jpeg) // 2
            jpeg = jpeg[:300] + bytes(300) + jpeg[middle : middle + 60] if number % 2 else jpeg[:40] + jpeg[400:]
        return self.manner.part.format(size=len(jpeg)).encode() + jpeg + self.manner.tail

    def _send(self, client: socket.socket, data: bytes) -> None:
        client.sendall(b"%X\r\n%s\r\n" % (len(data), data) if self.manner.is_chunked else data)


@contextlib.contextmanager
def http_camera(manner: Manner | None = None, port: int = 0) -> Iterator[HttpCamera]:
    """A camera that runs until the block ends."""
    with HttpCamera(manner or Manner(), port or free_port()) as camera:
        yield camera


if __name__ == "__main__":
    with http_camera(Manner(quiet_pictures=110), int(sys.argv[1])) as running:
        sys.stdout.write(f"{running.url()}\n")
        sys.stdout.flush()
        threading.Event().wait()
