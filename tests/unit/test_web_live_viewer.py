"""One browser's end of the wire, over a real pair of sockets with small buffers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from vigilar.live.wire import RunHeader
from vigilar.web.frames import NORMAL, frame
from vigilar.web.live_viewer import LINGER_S, PATIENCE_S, STALL_S, LiveViewer, Note, Piece, Start

START = Start(RunHeader("avc1.42c01e", 320, 180, 1, "main", 1000.0), frame(b"init"))
BUFFER = 64 * 1024


def piece(number: int, *, key: bool = False, size: int = 20_000) -> Piece:
    return Piece(frame(number.to_bytes(4, "big") + b"\0" * size), key, True, number / 10, number * 100)


class Browser:
    """The other end. ``read`` takes all that has come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._held = b""
        self.is_over = False

    def read(self) -> list[str | int]:
        """The types of texts, and the numbers of pictures."""
        self.sock.setblocking(False)
        while not self.is_over:
            try:
                data = self.sock.recv(1 << 20)
            except BlockingIOError:
                break
            self._held += data
            self.is_over = not data
        found: list[str | int] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> str | int | None:
        held = self._held
        if len(held) < 2:
            return None
        size, at = held[1], 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(held[2 : 2 + width], "big"), 2 + width
        if len(held) < at + size:
            return None
        body, self._held = held[at : at + size], held[at + size :]
        if held[0] & 15 == 8:
            return "close"
        if held[0] & 15 == 1:
            return str(json.loads(body)["type"])
        return "init" if body == b"init" else int.from_bytes(body[:4], "big")


@pytest.fixture
def ends() -> Iterator[tuple[LiveViewer, Browser, list[str]]]:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    over: list[str] = []
    viewer = LiveViewer(ours, lambda: 42, lambda: over.append("over"))
    with theirs:
        yield viewer, Browser(theirs), over
    ours.close()


def test_viewer_begins_with_the_group_and_is_told_the_time(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, _ = ends
    viewer.begin(START, [piece(0, key=True, size=10), piece(1, size=10)], 5.0)
    viewer.flush(5.0)
    assert browser.read() == ["start", "init", "time", 0, 1]
    viewer.put(piece(2, size=10), 5.9)
    viewer.flush(5.9)
    viewer.put(piece(3, size=10), 6.0)
    viewer.flush(6.0)
    assert browser.read() == [2, "time", 3]
    assert not viewer.waits


def test_viewer_without_a_group_waits_for_a_keyframe(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, _ = ends
    viewer.begin(START, [], 5.0)
    for number, key in ((1, False), (2, True), (3, False)):
        viewer.put(piece(number, key=key, size=10), 5.0)
    viewer.flush(5.0)
    assert browser.read() == ["start", "init", "time", 2, 3], "and what came before is no loss"


def test_who_is_too_slow_goes_on_at_a_keyframe_and_is_told(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    """Twenty pictures of 20 kB into 64 kB: what lies in the buffer cannot be taken back."""
    viewer, browser, _ = ends
    viewer.begin(START, [piece(0, key=True)], 0.0)
    for number in range(1, 20):
        viewer.put(piece(number), number / 10)
        viewer.flush(number / 10)
    assert viewer.waits
    viewer.put(piece(20), 20 / 10 + PATIENCE_S)  # useless without those before it
    viewer.put(piece(21, key=True), 21 / 10 + PATIENCE_S)
    found: list[str | int] = []
    while viewer.waits:
        found += browser.read()
        viewer.flush(4.0)
    found += browser.read()
    last = found.index("skipped") - 1
    numbers = [one for one in found[:last] if isinstance(one, int)]
    assert numbers == list(range(len(numbers))), "nothing is missing before"
    assert len(numbers) < 10
    assert found[last + 1 :] == ["skipped", "time", 21]


def test_run_that_began_meanwhile_is_not_left_out(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, _ = ends
    viewer.begin(START, [piece(0, key=True)], 0.0)
    for number in range(1, 20):
        viewer.put(piece(number), 0.0)
    viewer.flush(0.0)
    viewer.put(START, 0.1)
    viewer.put(piece(20, key=True), 0.1)
    viewer.put(piece(21), 0.1 + PATIENCE_S)
    viewer.put(piece(22, key=True), 0.1 + PATIENCE_S)
    found: list[str | int] = []
    while viewer.waits:
        found += browser.read()
        viewer.flush(2.0)
    found += browser.read()
    assert found[-5:] == ["start", "init", "skipped", "time", 22]


def test_end_waits_for_the_browser_to_close(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, over = ends
    viewer.put(Note(frame('{"type":"problem"}')), 1.0)
    viewer.finish(NORMAL, 1.0)
    viewer.put(piece(1, key=True), 1.0)
    viewer.flush(1.0)
    assert browser.read() == ["problem", "close"]
    assert browser.is_over
    assert viewer.hear(1.0)
    assert not viewer.is_too_late(1.0 + LINGER_S)
    assert viewer.is_too_late(1.1 + LINGER_S)
    browser.sock.close()
    assert not viewer.hear(1.2)
    viewer.close()
    assert over == ["over"]


def test_close_of_the_browser_is_answered_before_what_waits(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, _ = ends
    viewer.begin(START, [piece(number, key=number == 0) for number in range(10)], 0.0)
    viewer.flush(0.0)
    browser.sock.sendall(bytes.fromhex("888200000000") + b"\x03\xe8")
    assert viewer.hear(0.1)
    found: list[str | int] = []
    while not browser.is_over:
        viewer.flush(0.1)
        found += browser.read()
    assert found[-1] == "close"
    assert 9 not in found


def test_who_takes_nothing_is_cut_off(ends: tuple[LiveViewer, Browser, list[str]]) -> None:
    viewer, browser, _ = ends
    assert not viewer.is_too_late(1000.0), "nothing is to be taken"
    viewer.begin(START, [piece(number, key=number == 0) for number in range(10)], 1000.0)
    viewer.flush(1000.0)
    assert not viewer.is_too_late(1000.0 + STALL_S)
    assert viewer.is_too_late(1000.1 + STALL_S)
    browser.read()
    viewer.flush(1000.1 + STALL_S)
    assert not viewer.is_too_late(1000.1 + STALL_S)
