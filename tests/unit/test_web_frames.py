"""Frames of WebSockets against the bytes of RFC 6455."""

from __future__ import annotations

import struct

import pytest

from vigilar.web.frames import (
    CLOSE,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    BadFrame,
    FrameReader,
    Incoming,
    accept_key,
    close_frame,
    frame,
    handshake,
    pong_frame,
)

MASK = bytes.fromhex("37fa213d")
HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
"""A masked "Hello" (RFC 6455, 5.7)."""


def sent(kind: int, payload: bytes, *, first: int = 0x80, masked: int = 0x80) -> bytes:
    """A frame as a browser sends it."""
    size = len(payload)
    head = (
        struct.pack(">BB", first | kind, masked | size) if size < 126 else struct.pack(">BBH", first | kind, 254, size)
    )
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def test_key_is_answered_as_in_the_specification() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in handshake("dGhlIHNhbXBsZSBub25jZQ==")


@pytest.mark.parametrize(
    "key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==\r\nX: y", "AAAA", "ä" * 24]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        accept_key(key)


def test_messages_are_whole_frames() -> None:
    assert frame("Hello") == b"\x81\x05Hello"
    assert frame(b"\0" * 125)[:2] == b"\x82\x7d"
    assert frame(b"\0" * 126)[:4] == b"\x82\x7e\x00\x7e"
    assert frame(b"\0" * 65535)[:4] == b"\x82\x7e\xff\xff"
    assert frame(b"\0" * 65536)[:10] == b"\x82\x7f\0\0\0\0\0\1\0\0"
    assert close_frame(1008) == b"\x88\x02\x03\xf0"
    assert pong_frame(b"Hello") == b"\x8a\x05Hello"


def test_frames_are_read_from_any_pieces() -> None:
    whole = HELLO + sent(PING, b"") + sent(TEXT, b"x" * 300) + sent(CLOSE, b"\x03\xe8")
    expected = [Incoming(TEXT, b"Hello"), Incoming(PING, b""), Incoming(TEXT, b"x" * 300), Incoming(CLOSE, b"\x03\xe8")]
    assert FrameReader().read(whole) == expected
    reader = FrameReader()
    assert [one for at in range(len(whole)) for one in reader.read(whole[at : at + 1])] == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (sent(TEXT, b"x" * 1025), TOO_BIG),
        (struct.pack(">BBQ", 0x81, 255, 1 << 62), TOO_BIG),
        (sent(TEXT, b"x", masked=0), PROTOCOL_ERROR),
        (sent(TEXT, b"x", first=0xC0), PROTOCOL_ERROR),  # an extension that was not agreed on
        (sent(PING, b"x" * 126), PROTOCOL_ERROR),
        (sent(PING, b"x", first=0), PROTOCOL_ERROR),
    ],
    ids=["too_long", "huge", "unmasked", "compressed", "long_ping", "ping_in_parts"],
)
def test_what_no_browser_sends_ends_it(data: bytes, code: int) -> None:
    with pytest.raises(BadFrame) as refused:
        FrameReader().read(data)
    assert refused.value.code == code
