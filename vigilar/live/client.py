"""The viewer's end of the packet feed. Knows no libav: the web process, which uses it, never loads one."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from vigilar.live import wire
from vigilar.live.address import socket_address
from vigilar.live.wire import Answer, Request

_READ_BYTES = 1 << 18


class FeedClient:
    """Asks one camera process for one thing. ``answers`` ends when the camera process does."""

    def __init__(self, run_dir: Path, camera_id: str, request: Request, timeout_s: float = 15.0) -> None:
        """Raises OSError when the camera process is not there."""
        self._is_reading = False
        self._held = bytearray()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.settimeout(timeout_s)
            with socket_address(run_dir, camera_id) as path:
                self._sock.connect(path)
            self._sock.sendall(request.dump())
        except BaseException:
            self._sock.close()
            raise

    def answers(self) -> Iterator[Answer]:
        """Each answer as it comes. Raises OSError when the camera process hangs longer than the time-out
        or sends what is no answer."""
        self._is_reading = True
        with self._sock, self._sock.makefile("rb", buffering=1 << 16) as stream:
            while True:
                head = stream.read(wire.HEAD.size)
                if len(head) < wire.HEAD.size:
                    return
                size, kind = wire.HEAD.unpack(head)
                if size > wire.MAX_PAYLOAD_BYTES:
                    raise OSError("the feed sends nonsense")
                payload = stream.read(size)
                if len(payload) < size:
                    return
                yield _parse(kind, payload)

    def fileno(self) -> int:
        """Of the socket, for who waits for several."""
        return self._sock.fileno()

    def ready(self) -> tuple[list[Answer], bool]:
        """What has come by now, without waiting, and whether that is the end: instead of ``answers``, for who waits for
        several. Raises OSError when what came is no answer."""
        self._sock.setblocking(False)
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return [], False
        self._held += data
        found: list[Answer] = []
        at = 0
        while len(self._held) - at >= wire.HEAD.size:
            size, kind = wire.HEAD.unpack_from(self._held, at)
            if size > wire.MAX_PAYLOAD_BYTES:
                raise OSError("the feed sends nonsense")
            end = at + wire.HEAD.size + size
            if len(self._held) < end:
                break
            found.append(_parse(kind, bytes(memoryview(self._held)[at + wire.HEAD.size : end])))
            at = end
        del self._held[:at]
        return found, not data

    def answer(self, timeout_s: float) -> Answer | None:
        """The only answer to a question for one picture; None when there is none. Raises OSError."""
        self._sock.settimeout(timeout_s)
        with contextlib.closing(self.answers()) as answers:  # type: ignore[type-var]  # a generator, can close
            return next(answers, None)

    def close(self) -> None:
        """From any thread: ends ``answers``, whose reader closes the socket."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if not self._is_reading:
            self._sock.close()


def _parse(kind: int, payload: bytes) -> Answer:
    """Raises OSError."""
    try:
        return wire.parse_answer(kind, payload)
    except (ValueError, LookupError, TypeError, struct.error) as error:
        raise OSError("the feed sends nonsense") from error
