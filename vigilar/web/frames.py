"""WebSocket frames as bytes (RFC 6455), the server's end. Pure.

A server's frames are not masked, so the same bytes can go to everybody: a library that makes them anew for each
connection would cost more than sending them.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80
_RESERVED = 0x70

MAX_INCOMING_BYTES = 1024
"""Nothing is asked of a browser here: a longer frame is none of a page of ours."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, REFUSED, TOO_BIG, TRY_LATER = 1000, 1001, 1002, 1008, 1009, 1013
"""Close codes (7.4.1 and the registry)."""


def accept_key(key: str) -> str:
    """The answer to ``Sec-WebSocket-Key`` (4.2.2). Raises ValueError for what is no key: 16 bytes in base64."""
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError as error:
        raise ValueError("not a key") from error
    if len(raw) != 16:
        raise ValueError("not a key")
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def handshake(key: str) -> bytes:
    """The answer that opens the connection, without any extension: video is compressed already."""
    head = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    return "\r\n".join((*head, f"Sec-WebSocket-Accept: {accept_key(key)}", "", "")).encode()


def frame(data: str | bytes) -> bytes:
    """One whole message: a text or bytes."""
    if isinstance(data, str):
        return _frame(TEXT, data.encode())
    return _frame(BINARY, data)


def close_frame(code: int) -> bytes:
    return _frame(CLOSE, struct.pack(">H", code))


def pong_frame(payload: bytes) -> bytes:
    return _frame(PONG, payload)


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", _FINAL | kind, size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", _FINAL | kind, 126, size)
    else:
        head = struct.pack(">BBQ", _FINAL | kind, 127, size)
    return head + payload


@dataclass(frozen=True, slots=True)
class Incoming:
    """A frame of a browser, unmasked."""

    kind: int
    payload: bytes


class BadFrame(Exception):
    """``code`` is what the connection is closed with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class FrameReader:
    """What a browser sends, piece by piece. One thread."""

    def __init__(self) -> None:
        self._held = bytearray()

    def read(self, data: bytes) -> list[Incoming]:
        """The frames that are whole now. Raises BadFrame for what no browser sends; nothing can be read after it."""
        self._held += data
        found = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> Incoming | None:
        held = self._held
        if len(held) < 2:
            return None
        size = held[1] & 0x7F
        if held[0] & _RESERVED or not held[1] & _MASKED:
            raise BadFrame(PROTOCOL_ERROR)
        if held[0] & 0x08 and (size > 125 or not held[0] & _FINAL):  # control frames are short and whole (5.5)
            raise BadFrame(PROTOCOL_ERROR)
        at = 2
        if size == 127:
            raise BadFrame(TOO_BIG)
        if size == 126:
            if len(held) < 4:
                return None
            (size,) = struct.unpack_from(">H", held, 2)
            at = 4
        if size > MAX_INCOMING_BYTES:
            raise BadFrame(TOO_BIG)
        if len(held) < at + 4 + size:
            return None
        mask, body = held[at : at + 4], held[at + 4 : at + 4 + size]
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))
        kind = held[0] & 0x0F
        del held[: at + 4 + size]
        return Incoming(kind, payload)
