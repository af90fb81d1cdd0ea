"""An MJPEG camera over HTTP as an iterator of raw packets, for ``capture.worker``."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator

from vigilar.base.errors import CameraError
from vigilar.capture.http.answer import (
    MAX_HEAD_BYTES,
    Answer,
    dump_request,
    not_a_stream,
    not_http,
    parse_answer,
    refused,
    target_of,
)
from vigilar.capture.http.pictures import Chunks, Garbled, PictureFinder
from vigilar.capture.pictures import CLOCK, MakePictureCoder
from vigilar.capture.rate_cap import RateCap
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address, BadAddress, parse_address
from vigilar.capture.rtsp.auth import InTheClear, Login
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.login_note import LoginNotes
from vigilar.capture.rtsp.messages import BadMessage, head_end
from vigilar.capture.rtsp.wire import connect
from vigilar.media.packets import RawPacket, StreamInfo

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0
SLOW_OPEN_TIMEOUT_S = 30.0
"""For all of the opening, the logins included; the second once the camera was too slow."""

READ_BYTES = 64 * 1024
MAX_TRIES = 4
"""Connections to open a stream: without a login, with one, with the other reading or algorithm, with a fresh nonce."""

_STREAMS = ("multipart/", "image/jpeg", "image/jpg", "video/x-motion-jpeg", "video/x-mjpeg", "application/octet-stream")


class HttpSource:
    """An open camera. One thread opens, reads and closes it.

    ``streams`` is its picture, converted to H.264. A picture's time is that of its arrival: the stamps that some
    cameras put between them count from moments that nobody knows. Iterating gives packets until the stop or
    CameraError, and None each time the reader is about to wait.
    """

    def __init__(
        self, url: str, wait: Callable[[float], bool], make_coder: MakePictureCoder, intake: Intake | None = None
    ) -> None:
        """``wait(seconds)`` waits and tells whether to stop. Raises CameraError, after OPEN_TIMEOUT_S at the latest, or
        SLOW_OPEN_TIMEOUT_S for a camera that was slow before."""
        try:
            self._address = parse_address(url)
        except BadAddress as error:
            raise sentences.unreadable_address() from error
        self._wait = wait
        intake = intake or Intake()
        self._memory = intake.memory
        self._resolve = intake.gate.opening()
        self._notes = LoginNotes(intake.pins_dir, intake.may_pin)
        self._coder = make_coder()
        self.streams: list[StreamInfo] = [self._coder.info]
        self._finder = PictureFinder()
        self._began_s = self._heard_s = time.monotonic()
        self._cap = RateCap(intake.limit_bps, self._began_s)
        limit_s = SLOW_OPEN_TIMEOUT_S if self._memory.is_slow else OPEN_TIMEOUT_S
        self._deadline_s = self._began_s + limit_s
        self._sock: socket.socket | None = None
        self._rest = b""  # of the body, that came with the head
        try:
            answer = self._open()
            self._chunks = Chunks() if answer.is_chunked else None
        except BaseException:
            self.close()
            raise

    odd_stamps = 0
    """None: they are the box's own."""

    @property
    def quiet_s(self) -> float:
        """Seconds since anything came."""
        return time.monotonic() - self._heard_s

    def hurry(self, is_watched: bool) -> None:
        """Nothing: each picture is handed on when it is there, as its time is that of its arrival."""

    def __iter__(self) -> Iterator[RawPacket | None]:
        rest, self._rest = self._rest, b""
        yield from self._take(rest)
        while True:
            yield None
            data = self._receive()
            if self._wait(0.0):
                return
            if data:
                self._heard_s = time.monotonic()
                self._cap.add(len(data), self._heard_s)
                yield from self._take(data)

    def close(self) -> None:
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.close()
            self._sock = None

    def _take(self, data: bytes) -> Iterator[RawPacket]:
        ticks = int((self._heard_s - self._began_s) * CLOCK)
        try:
            pieces = [data] if self._chunks is None else self._chunks.add(data)
            for piece in pieces:
                for number, picture in enumerate(self._finder.add(piece)):
                    yield from self._coder.encode(picture, ticks + number)
        except Garbled as error:
            raise sentences.garbled() from error

    def _receive(self) -> bytes:
        """What has come, waiting a fifth of a second at most. Raises CameraError when the camera has ended it."""
        assert self._sock is not None  # noqa: S101 -- open until ``close``
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            raise sentences.ended() from error
        if not data:
            raise sentences.ended()
        return data

    # Opening

    def _open(self) -> Answer:
        """The head of the stream's answer, with its login if one is wanted. Raises CameraError.

        As with RTSP a wrong password is sent once, but for a second way to read it or to protect it.
        """
        address, memory = self._address, self._memory.login
        login = Login(address.user, address.password, other_password=address.other_password, memory=memory)
        may_retry = True
        for _ in range(MAX_TRIES):
            given = login.answer("GET", target_of(address))
            answer = self._ask(address, given)
            if answer.status == 401 and address.user:
                is_stale = self._challenge(login, answer)
                if given is None:
                    continue
                if may_retry and is_stale:
                    may_retry = False
                    continue
                memory.refused += 1
                if login.try_otherwise():
                    continue
            if answer.status != 200:
                raise refused(answer.status)
            if given is not None:
                login.note_success()
                self._notes.remember(address, memory)
            self._check(answer)
            return answer
        raise sentences.login_refused()

    def _check(self, answer: Answer) -> None:
        """Raises CameraError for what is no stream. Some cameras name no type, or that of one picture: the boundary
        tells."""
        is_single = answer.content.startswith("image/") and "boundary" not in answer.find("content-type").lower()
        has_length = answer.find("content-length").isdigit() and not answer.is_chunked
        is_other = bool(answer.content) and not answer.content.startswith(_STREAMS)
        if is_other or (is_single and has_length):
            raise not_a_stream(answer)

    def _ask(self, address: Address, given: str | None) -> Answer:
        """One request on a connection of its own: cameras end theirs after a refusal. Raises CameraError."""
        self.close()
        self._sock = connect(address.host, address.port, self._deadline_s, lambda: self._wait(0.0), self._resolve)
        fields = [("Authorization", given)] if given else []
        try:
            self._sock.sendall(dump_request(address, fields))
        except OSError as error:
            raise sentences.ended() from error
        data = bytearray()
        while (end := head_end(data, 0, min(len(data), MAX_HEAD_BYTES))) < 0:
            if data and not b"HTTP/".startswith(bytes(data[:5])) and not bytes(data[:3]) == b"ICY" and len(data) > 4:
                raise not_http()
            if len(data) > MAX_HEAD_BYTES:
                raise not_http()
            try:
                data += self._receive()
            except CameraError as error:
                raise (not_http() if not data else error) from error
            if self._wait(0.0):
                raise sentences.stopped()
            if time.monotonic() > self._deadline_s:
                self._memory.is_slow = not data
                raise sentences.slow(time.monotonic() - self._began_s)
        try:
            answer = parse_answer(bytes(data[:end]))
        except BadMessage as error:
            raise not_http() from error
        self._rest = bytes(data[end:])
        return answer

    def _challenge(self, login: Login, answer: Answer) -> bool:
        self._notes.recall(self._address, self._memory.login)
        try:
            return login.challenge(answer.fields.get("www-authenticate", []))
        except BadMessage as error:
            raise sentences.login_refused() from error
        except InTheClear as error:
            raise sentences.login_in_the_clear() from error
