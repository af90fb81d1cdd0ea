"""One browser that watches one stream over a WebSocket. It never makes anybody wait: its socket takes what it takes."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vigilar.live.wire import RunHeader
from vigilar.web.frames import (
    CLOSE,
    NORMAL,
    PING,
    BadFrame,
    FrameReader,
    close_frame,
    frame,
    pong_frame,
)
from vigilar.web.live_words import skipped_text, start_text, time_text

TIME_EVERY_S = 1.0
"""The page is told so often which moment of the video is which of the clock."""

PATIENCE_S = 1.5
"""A picture that has waited so long for this browser is too late: all that waits goes, and the browser continues at the
next keyframe. So what waits is bounded, and it is the same bytes that wait for all."""

STALL_S = 10.0
"""A browser that takes nothing for so long is cut off."""

LINGER_S = 2.0
"""After our close frame the browser's own is waited for, so that no reset eats what was sent last."""

AT_ONCE_BYTES = 64 * 1024
"""Of pictures that wait, as far as they are less, so many go out with one call; of a larger one it alone."""

MOST_PONGS = 4
"""Waiting at a time; no page of ours asks for any."""


@dataclass(frozen=True, slots=True)
class Start:
    """A run begins; ``init`` is its init segment as a frame."""

    header: RunHeader
    init: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment, as a frame that all viewers are sent. ``at_s``: its moment in the video; ``is_picture``: a picture
    with a length, not sound."""

    frame: bytes
    starts_with_keyframe: bool
    is_picture: bool
    at_s: float
    utc_ms: int


@dataclass(frozen=True, slots=True)
class Note:
    """A frame that is sent as it is."""

    frame: bytes


class LiveViewer:
    """The end of the wire. All on the thread of the fan (``web.live_fan``), except for the constructor.

    Methods that send raise OSError when the browser is gone.
    """

    def __init__(self, sock: socket.socket, now_ms: Callable[[], int], on_over: Callable[[], None]) -> None:
        """``on_over`` is called once, on the fan's thread, when the socket is closed."""
        sock.setblocking(False)
        self.sock = sock
        self.on_over = on_over
        self.is_ending = False
        """Its close frame is sent, or waits to be."""
        self.is_waited_for = False
        """The fan hears when the socket takes more."""
        self.untold = 0
        """Packets that were left out and of which the browser is not told yet."""
        self._now_ms = now_ms
        self._queue: deque[tuple[Start | Piece | Note, float]] = deque()
        self._out: list[memoryview] = []
        self._reader = FrameReader()
        self._wants_keyframe = False
        self._has_begun = False
        self._told_s = float("-inf")
        self._moved_s = 0.0
        self._linger_from_s: float | None = None

    @property
    def waits(self) -> bool:
        """Something is to be sent that the socket did not take yet."""
        return bool(self._out or self._queue)

    def begin(self, start: Start, pieces: Sequence[Piece], now_s: float) -> None:
        """What it begins with: the run, and the newest group of pictures if there is one."""
        self.put(start, now_s)
        for piece in pieces:
            self.put(piece, now_s)
        self._wants_keyframe = not pieces

    def put(self, item: Start | Piece | Note, now_s: float) -> None:
        """Queue it, unless it cannot be shown after what is lost. ``flush`` sends."""
        if self.is_ending:
            return
        if isinstance(item, Start):
            self._wants_keyframe = False
        elif isinstance(item, Piece) and self._is_useless(item, now_s):
            self.untold += self._has_begun
            return
        if not self.waits:
            self._moved_s = now_s
        self._has_begun = self._has_begun or isinstance(item, Piece)
        self._queue.append((item, now_s))

    def _is_useless(self, piece: Piece, now_s: float) -> bool:
        oldest_s = next((since_s for item, since_s in self._queue if isinstance(item, Piece)), now_s)
        if now_s - oldest_s > PATIENCE_S:
            self._skip()
        if piece.starts_with_keyframe:
            self._wants_keyframe = False
        return self._wants_keyframe

    def _skip(self) -> None:
        """Leave out all pictures that wait; the newest run's start stays."""
        self.untold += sum(isinstance(item, Piece) for item, _ in self._queue)
        starts = [one for one in self._queue if isinstance(one[0], Start)]
        notes = [one for one in self._queue if isinstance(one[0], Note)]
        self._queue = deque(starts[-1:] + notes)
        self._wants_keyframe = True

    def flush(self, now_s: float) -> None:
        """Send what the socket takes. Raises OSError."""
        while self.waits:
            if not self._out:
                self._out = self._next_bytes(now_s)
            try:
                sent = self.sock.sendmsg(self._out)
            except BlockingIOError:
                return
            self._out = _behind(self._out, sent)
            self._moved_s = now_s
        if self.is_ending and self._linger_from_s is None:
            self._linger_from_s = now_s
            self.sock.shutdown(socket.SHUT_WR)

    def _next_bytes(self, now_s: float) -> list[memoryview]:
        """Of the first items, with the texts that go before them: they are of the moment at which they are sent."""
        out, size = list[memoryview](), 0
        while self._queue and size < AT_ONCE_BYTES:
            for piece in self._bytes_of(self._queue.popleft()[0], now_s):
                out.append(memoryview(piece))
                size += len(piece)
        return out

    def _bytes_of(self, item: Start | Piece | Note, now_s: float) -> list[bytes]:
        if isinstance(item, Note):
            return [item.frame]
        if isinstance(item, Start):
            self._told_s = float("-inf")
            return [frame(start_text(item.header, self._now_ms())), item.init]
        out = []
        if self.untold and item.starts_with_keyframe:
            out.append(frame(skipped_text(self.untold)))
            self.untold = 0
        if item.is_picture and now_s - self._told_s >= TIME_EVERY_S:
            self._told_s = now_s
            out.append(frame(time_text(item.at_s, item.utc_ms, self._now_ms())))
        out.append(item.frame)
        return out

    def finish(self, code: int, now_s: float, *, is_at_once: bool = False) -> None:
        """Close it when what waits is sent; ``is_at_once``: what waits is left out. Harmless twice."""
        if self.is_ending:
            return
        if is_at_once:
            self._queue.clear()
        self.put(Note(close_frame(code)), now_s)
        self.is_ending = True

    def hear(self, now_s: float) -> bool:
        """Read what the browser says; False when it has closed its end. Raises OSError."""
        try:
            data = self.sock.recv(4096)
        except BlockingIOError:
            return True
        if not data:
            return False
        if self.is_ending:
            return True
        try:
            for incoming in self._reader.read(data):
                if incoming.kind == CLOSE:
                    self.finish(NORMAL, now_s, is_at_once=True)
                elif incoming.kind == PING and sum(isinstance(one, Note) for one, _ in self._queue) < MOST_PONGS:
                    self.put(Note(pong_frame(incoming.payload)), now_s)
        except BadFrame as bad:
            self.finish(bad.code, now_s, is_at_once=True)
        return True

    def is_too_late(self, now_s: float) -> bool:
        """Whether its time is up: it takes nothing, or does not close its end."""
        if self._linger_from_s is not None:
            return now_s - self._linger_from_s > LINGER_S
        return self.waits and now_s - self._moved_s > STALL_S

    def close(self) -> None:
        self.sock.close()
        self.on_over()


def _behind(pieces: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of ``pieces`` when so many bytes of them are sent."""
    for number, piece in enumerate(pieces):
        if sent < len(piece):
            return [piece[sent:], *pieces[number + 1 :]]
        sent -= len(piece)
    return []
