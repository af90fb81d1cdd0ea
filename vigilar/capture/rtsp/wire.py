"""The TCP connection of a camera: RTP frames and RTSP answers out of one byte stream (RFC 2326 10.12).

Linux does the waiting. A blocking ``recv`` with SO_RCVTIMEO returns what is there when that time is over, and with
SO_RCVLOWAT the thread is not woken before so many bytes wait: an unwatched camera costs five wake-ups a second whatever
its bit rate, for at most WAKE_S of delay. With the mark at 1 each packet wakes the thread.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from vigilar.base.errors import CameraError
from vigilar.capture.address_gate import STRICT, Resolve
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.lengths import Lengths
from vigilar.capture.rtsp.messages import MAX_HEAD_BYTES, BadMessage, Response, body_bytes, head_end, parse_head

WAKE_S = 0.2
SEND_S = 1.0
RECEIVE_BUFFER = 1 << 20
LOW_WATER = 128 * 1024
"""Bytes; 5 Mb/s for WAKE_S. Above that the thread is woken more often, before the kernel's buffer is full. At most this
much is read at once: what a buffer was ever filled to stays in memory."""

FRAME_BYTES = 4 + 0xFFFF
BUFFER_BYTES = LOW_WATER + 128 * 1024
"""Ours. What is not whole yet, a frame or an answer of 80 KiB at most, always fits beside what LOW_WATER brings."""

MAX_GARBAGE_BYTES = 64 * 1024
"""Passed over between two access units before the connection is given up."""

MAX_STRAY_BYTES = 4096
"""Before the first answer: the rest of a packet, say. Whoever sends more speaks no RTSP."""

MAX_LEFTOVER_BYTES = 16 * 1024 * 1024
"""Of well-formed packets that nobody has asked for: 4 Mb/s for half a minute, until their session times out."""

MAX_LEFTOVER_SSRCS = 16
MAX_ANSWERS = 32
_OTHER_PROTOCOLS = (b"HTTP/", b"SSH-", b"\x15\x03", b"\x16\x03", b"<")
_WEB = (b"HTTP/", b"<")
_DOLLAR = 0x24

Take = Callable[[bytearray, int, int], None]
"""An RTP or RTCP packet, ``data[begin:end]``; the bytes are only good until ``keep`` is called."""


Peer = tuple[int, tuple[Any, ...], tuple[Any, ...]]
"""Address family, the camera's socket address, ours."""


class Wire:
    """One connection. ``channels`` says who takes the frames of which channel; one thread, but for ``hurry``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._data)
        self._have = 0
        self._garbage = 0
        self._sent_mark = 1
        self.channels: list[Take | None] = [None] * 256
        self._lengths = Lengths(self.channels)
        self._ended_bytes = 0  # of the frame that ended where what has come does: the next byte tells if it is whole
        self.answers: list[Response] = []
        self.runs: dict[int, Callable[[bytearray, int, int], int]] = {}
        """By channel, who takes more frames at once, as ``VideoTrack.run_on``."""
        self.keep: Callable[[], None] = lambda: None
        """Called when the buffer is about to change."""
        self.is_playing = False
        """From PLAY on."""
        self.leftover_bytes = 0
        """Of whole packets on channels that nobody takes: of an earlier session, or of streams not asked for."""
        self.leftover_ssrcs: set[bytes] = set()
        """Of such packets before PLAY: they cannot be of this session."""
        self.has_answered = self.is_web = False
        """Whether there was an RTSP answer: from then on strays are passed over."""
        self.takes_short_body = False
        """A description that is not as long as it was told to be is taken as it is: nothing more comes of it."""
        self.on_stray: Take | None = None
        """Hears of packets on channels that nobody takes, from PLAY on."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._sock.close()

    def hurry(self, is_watched: bool) -> None:
        """Whether to be woken for each packet. Any thread; holds from the next time the reader waits."""
        mark = 1 if is_watched else LOW_WATER
        if mark != self._sent_mark:
            self._sent_mark = mark
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)

    def send(self, data: bytes) -> None:
        """Raises CameraError."""
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise sentences.ended() from error

    @property
    def peer(self) -> Peer:
        return self._sock.family, self._sock.getpeername(), self._sock.getsockname()

    def fileno(self) -> int:
        return self._sock.fileno()

    def send_last(self, data: bytes) -> None:
        """What nobody waits for; lost if it does not fit."""
        with contextlib.suppress(OSError):
            self._sock.send(data, socket.MSG_DONTWAIT)

    def fill(self) -> int:
        """Wait up to WAKE_S for bytes; how many came, 0 for none. Raises CameraError when the camera has ended it."""
        try:
            count = self._sock.recv_into(self._view[self._have : self._have + LOW_WATER])
        except BlockingIOError:
            return 0
        except InterruptedError:
            return 0
        except OSError as error:
            raise sentences.ended() from error
        if not count:
            raise sentences.ended()
        self._have += count
        return count

    def forgive(self) -> None:
        """The stream makes sense (again)."""
        self._garbage = 0

    def take(self) -> None:
        """Hand on all that is whole. Raises CameraError for too much garbage, BadMessage for an answer that is none."""
        data, have, channels, position, runs = self._data, self._have, self.channels, 0, self.runs
        lengths, ssrcs = self._lengths, self._lengths.ssrcs
        if self._ended_bytes and have:
            if data[0] == _DOLLAR:
                lengths.largest = max(lengths.largest, self._ended_bytes)
            self._ended_bytes = 0
        while have - position >= 4:
            if data[position] != _DOLLAR:
                step = self._take_other(position, have)
                if not step:
                    break
                position += step
                continue
            size, channel = data[position + 2] << 8 | data[position + 3], data[position + 1]
            end, take = position + 4 + size, channels[channel]
            if end >= have or data[end] != _DOLLAR:
                end = self._find_end(position, end, have)
                if not end:
                    break
            elif size > lengths.largest or (channel not in ssrcs and take is not None):
                lengths.note(data, position, size)
            if take is not None:
                take(data, position + 4, end)
            else:
                self._leave(position, end)
            position = runs[channel](data, end, have) if channel in runs else end
        self.keep()
        if position:
            rest = have - position
            if rest:
                data[:rest] = data[position:have]
            self._have = rest

    def _find_end(self, position: int, end: int, have: int) -> int:
        """Where the frame at ``position`` ends, which by its length does at ``end``, no frame behind it; 0 when more
        must come to tell."""
        if end == have:
            self._ended_bytes = end - position - 4
            return end
        if not self.is_playing:
            return end if end < have else 0
        is_ours = self.channels[self._data[position + 1]] is not None
        if end > have and is_ours and end - position - 4 <= self._lengths.largest:
            return 0
        return self._lengths.find_end(self._data, position, end, have, is_ours=is_ours)

    def _leave(self, position: int, end: int) -> None:
        """A frame on a channel that nobody takes. One that looks like RTP or RTCP is no garbage."""
        data = self._data
        if end - position < 12 or data[position + 4] & 0xC0 != 0x80:
            self._pass_over(end - position)
            return
        self.leftover_bytes += end - position
        if self.leftover_bytes > MAX_LEFTOVER_BYTES and not self.is_playing:
            raise sentences.leftovers()
        is_rtcp = 192 <= data[position + 5] <= 223
        if self.is_playing and self.on_stray is not None and not is_rtcp:
            self.on_stray(data, position + 4, end)
        if not self.is_playing and len(self.leftover_ssrcs) < MAX_LEFTOVER_SSRCS and not is_rtcp:
            self.leftover_ssrcs.add(bytes(data[position + 12 : position + 16]))

    def _take_other(self, position: int, have: int) -> int:
        """Bytes of the answer or the garbage at ``position``; 0 when more must come to tell."""
        data = self._data
        if data[position] in b"\r\n\0":  # between two messages: a body longer than it was told to be, a sign of life
            end = position + 1
            while end < have and data[end] in b"\r\n\0":
                end += 1
            self._pass_over(end - position)
            return end - position
        if b"RTSP/".startswith(bytes(data[position : min(have, position + 5)]).upper()):
            end = head_end(data, position, min(have, position + MAX_HEAD_BYTES))
            if end >= 0:
                return self._take_answer(position, end, have)
            if have - position < MAX_HEAD_BYTES:
                return 0
            if not self.has_answered:
                raise BadMessage("that is no RTSP")
        if not self.has_answered and self._is_other(position, have):
            raise BadMessage("that is no RTSP")
        following = self._find_frame(position + 1, have)
        self._pass_over(following - position)
        if not self.has_answered and self._garbage > MAX_STRAY_BYTES:
            raise BadMessage("that is no RTSP")
        return following - position

    def _is_other(self, position: int, have: int) -> bool:
        """Whether what is no answer begins another protocol: known ones, and any line of text."""
        begin = bytes(self._data[position : min(have, position + 8)])
        self.is_web = begin.startswith(_WEB)
        is_text = len(begin) == 8 and begin.isascii() and begin.decode().isprintable()
        return begin.startswith(_OTHER_PROTOCOLS) or (is_text and b"RTSP/" not in self._data[position:have].upper())

    def _take_answer(self, position: int, end: int, have: int) -> int:
        try:
            answer = parse_head(bytes(self._data[position:end]))
            size = body_bytes(answer)
        except BadMessage:
            if not self.has_answered:
                raise
            self._pass_over(end - position)
            return end - position
        if end + size > have:
            if not self.takes_short_body or self._data.find(b"m=", end, have) < 0:
                return 0
            size = have - end
        self.has_answered = True
        self._lengths.answer_mark = bytes(self._data[position : position + 5])
        if len(self.answers) >= MAX_ANSWERS:
            raise sentences.garbled()
        self.answers.append(Response(answer.status, answer.fields, bytes(self._data[end : end + size])))
        return end + size - position

    def _find_frame(self, begin: int, have: int) -> int:
        """Where a frame of ours or an answer seems to begin, else ``have``."""
        data, channels = self._data, self.channels
        answer = data.find(self._lengths.answer_mark, begin, have)
        limit = answer if answer >= 0 else have
        at = data.find(b"$", begin, limit)
        while at >= 0:
            if at + 5 > have:
                return at
            size = data[at + 2] << 8 | data[at + 3]
            if (
                (channels[data[at + 1]] is not None or not self.is_playing)
                and size >= 8
                and data[at + 4] & 0xC0 == 0x80
            ):
                return at
            at = data.find(b"$", at + 1, limit)
        return limit

    def _pass_over(self, count: int) -> None:
        self._garbage += count
        if self._garbage > MAX_GARBAGE_BYTES:
            raise sentences.garbled()


def connect(
    host: str, port: int, deadline_s: float, is_stopped: Callable[[], bool], resolve: Resolve = STRICT.resolve
) -> socket.socket:
    """A connection with our waiting times set. ``deadline_s`` is monotonic; ``resolve`` tells where it may go (see
    ``capture.address_gate``). Raises CameraError."""
    found = resolve(host, port)
    why = "no connection"
    for number, place in enumerate(found):
        until_s = time.monotonic() + (deadline_s - time.monotonic()) / (len(found) - number)
        try:
            sock = socket.socket(place.family, socket.SOCK_STREAM)
        except OSError:
            continue
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            _connect_by(sock, place.sockaddr, until_s, is_stopped)
            sock.setblocking(True)
            for option, wait_s in ((socket.SO_RCVTIMEO, WAKE_S), (socket.SO_SNDTIMEO, SEND_S)):
                sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", int(wait_s), int(wait_s % 1 * 1_000_000)))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ConnectionRefusedError:
            why = "it refuses the connection"
        except TimeoutError:
            why = "no answer in time"
        except OSError:
            pass
        except CameraError:
            sock.close()
            raise
        else:
            return sock
        sock.close()
    raise sentences.unreachable(why, is_by_name=all(place.sockaddr[0] != host for place in found))


def _connect_by(sock: socket.socket, address: object, until_s: float, is_stopped: Callable[[], bool]) -> None:
    """Raises OSError, and CameraError when stopped."""
    sock.setblocking(False)
    code = sock.connect_ex(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, "")  # no way at all (ENETUNREACH, EINVAL): such a socket is never ready, and has no error
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    while not poll.poll(WAKE_S * 1000):
        if is_stopped():
            raise sentences.stopped()
        if time.monotonic() > until_s:
            raise TimeoutError
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "")  # becomes ConnectionRefusedError or what fits the code
