"""What HAProxy itself answers, by the real one: in our words, and where plain HTTP is closed with what keeps a browser
from coming back by it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.ports import free_port
from vigilar.base.page_headers import STRICT
from vigilar.door import haproxy
from vigilar.door.authority import issue_leaf, load_or_create_authority
from vigilar.door.certificates import utc_now
from vigilar.door.haproxy import DoorSettings, door_command, is_answering, tell_https_only, write_door
from vigilar.door.places import WEB_SOCKET

ASK = b"GET /live HTTP/1.1\r\nHost: %s\r\n\r\n"
HALF = b"POST /api/v1/login HTTP/1.1\r\nHost: %s\r\nContent-Length: 900\r\n\r\n{"
NAME = "vigilar.local"

MANY = 20
"""So many requests of one address in five seconds this door takes."""


def proxied(address: str) -> bytes:
    """As the first half of the door tells the second who asks (HAProxy's PROXY protocol, version 2)."""
    ends = socket.inet_aton(address), socket.inet_aton("192.168.1.20"), 50000, 49735
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, *ends)


@dataclass(slots=True)
class Door:
    """A running HAProxy, and what would be the web process."""

    folder: Path
    web: list[socket.socket] = field(default_factory=list)

    def ask(self, sent: bytes, address: str = "192.168.1.30", *, tls: str = NAME) -> tuple[int, Message, str]:
        """Status, headers and words of what somebody in the network gets, who asks for the name ``tls`` by TLS, or
        without."""
        head, _, body = self.answer(sent, address, tls=tls).partition(b"\r\n\r\n")
        first, _, headers = head.partition(b"\r\n")
        return int(first.split()[1]), message_from_bytes(headers), body.decode()

    def answer(self, sent: bytes, address: str = "192.168.1.30", *, tls: str = NAME) -> bytes:
        """All that comes until the door hangs up."""
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(PATIENCE_S)
        with self._inside() as folder:
            raw.connect(f"{folder}/{'tls' if tls else 'plain'}.sock")
        raw.sendall(proxied(address))
        context = ssl._create_unverified_context()  # noqa: S323
        with closing(context.wrap_socket(raw, server_hostname=tls) if tls else raw) as line:
            answer = b""
            with suppress(OSError):  # it hangs up on what it does not take
                line.sendall(sent % (tls or NAME).encode())
                while piece := line.recv(65536):
                    answer += piece
        return answer

    def hang_up_on_all(self) -> None:
        """Have a web process that takes each request and goes away with it."""
        listener = socket.socket(socket.AF_UNIX)
        with self._inside() as folder:
            listener.bind(f"{folder}/{WEB_SOCKET}")
        listener.listen(64)
        self.web.append(listener)

        def serve() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with one:
                    one.recv(65536)

        threading.Thread(target=serve, daemon=True).start()

    @contextmanager
    def _inside(self) -> Iterator[str]:
        """A short path of its folder: one of a Unix socket may have 107 bytes."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], Door]]:
    monkeypatch.setattr(haproxy, "REQUESTS_IN_5_S", MANY)
    folder, certificate = tmp_path / "door", tmp_path / "serving.pem"
    authority = load_or_create_authority(tmp_path / "authority", (), utc_now())
    certificate.write_bytes(issue_leaf(authority, ("vigilar.local",), (), utc_now()))
    settings = DoorSettings(listen="127.0.0.1", port=free_port(), proxies=(), certificate=certificate)
    door = Door(folder)
    with ExitStack() as stack:

        def start(https_only: bool) -> Door:
            write_door(folder, replace(settings, https_only=https_only))
            running = subprocess.Popen(door_command(folder), cwd=folder, stderr=subprocess.DEVNULL)
            stack.callback(running.wait)
            stack.callback(running.terminate)
            wait_until(lambda: is_answering(folder, 5.0), 60.0)
            return door

        yield start
        for one in door.web:
            one.shutdown(socket.SHUT_RDWR)
            one.close()


def are_words_of_ours(headers: Message, body: str) -> bool:
    """A dark page of two sentences, what and what next, that asks for nothing from anywhere and names no parts."""
    told = re.fullmatch(r"(<[^>]+>)*Vigilar</title><h1>[A-Z][^<>]+\.</h1><p>[A-Z][^<>]+\.</p>\n", body)
    is_dark = '<meta name="color-scheme" content="dark">' in body
    alone = not re.search(r"https?:|//|src=|href=|HAProxy", body)
    return (
        told is not None and is_dark and alone and headers["Content-Security-Policy"].startswith("default-src 'none'")
    )


def refusals(door: Door, address: str, *, tls: str) -> dict[int, str | None]:
    """What each says of HTTPS, by status: of a web process that goes away, of a body that does not end, and of too many
    requests."""
    found: dict[int, str | None] = {}
    for sent in (HALF, *[ASK] * (MANY + 1)):
        status, headers, body = door.ask(sent, address, tls=tls)
        assert are_words_of_ours(headers, body), (status, body)
        found[status] = headers[STRICT[0]]
    return found


@pytest.mark.long
def test_refusals_say_that_https_is_the_only_way_while_it_is(start: Callable[[bool], Door]) -> None:
    """Thrown while HAProxy runs. Over plain HTTP nobody would believe it, and ``localhost`` is other programs' name."""
    door = start(False)
    door.hang_up_on_all()
    statuses = {408, 429, 502}
    told = []
    for turn, https_only in enumerate((False, True, False)):
        if turn:
            assert tell_https_only(door.folder, https_only=https_only, timeout_s=5.0)
        ways = NAME, "", "localhost"
        with ThreadPoolExecutor(len(ways)) as pool:
            asked = [pool.submit(refusals, door, f"10.0.{turn}.{at}", tls=tls) for at, tls in enumerate(ways)]
            told.append([one.result() for one in asked])
    silent = dict.fromkeys(statuses)
    assert told[0] == told[2] == [silent] * 3
    assert told[1] == [dict.fromkeys(statuses, "max-age=31536000"), silent, silent]


@pytest.mark.parametrize("https_only", [True, False])
def test_door_knows_it_from_its_start(start: Callable[[bool], Door], https_only: bool) -> None:
    door = start(https_only)
    status, headers, body = door.ask(ASK)
    assert are_words_of_ours(headers, body)
    assert (status, headers[STRICT[0]]) == (503, "max-age=31536000" if https_only else None)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x01 this is %s no request\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: %s\r\nCookie: a=" + 33_000 * b"x" + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: %s\r\nnever-ending: ", b"408"),
    ],
    ids=["no request", "too long", "no end"],
)
def test_what_is_no_request_gets_no_answer_by_tls(start: Callable[[bool], Door], sent: bytes, status: bytes) -> None:
    """HAProxy's own is by no rule, and could not say that HTTPS is the only way."""
    door = start(True)
    assert door.answer(sent) == b""
    assert door.answer(sent, tls="").startswith(b"HTTP/1.1 " + status)


def test_door_that_is_not_there_is_told_nothing(tmp_path: Path) -> None:
    assert not tell_https_only(tmp_path, https_only=True, timeout_s=1.0)
