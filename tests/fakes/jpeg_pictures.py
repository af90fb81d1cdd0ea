"""JPEG pictures made on the spot, and taken apart into RTP payloads by RFC 2435: not by the code under test."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

RESTART_EVERY = 20
"""Blocks between two restart markers, where a picture has them."""


def make_picture(width: int, height: int, shift: int = 0) -> NDArray[np.uint8]:
    """A still room with a bright box at ``shift``, in BGR."""
    room = np.random.default_rng(3).integers(60, 90, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    picture = np.kron(room, np.ones((8, 8, 1), np.uint8))[:height, :width].copy()
    if shift:
        picture[height // 4 : height * 3 // 4, shift : shift + width // 6] = 230
    return picture


def to_jpeg(
    picture: NDArray[np.uint8], quality: int = 80, *, is_422: bool = False, has_restarts: bool = False
) -> bytes:
    """Baseline JPEG with the usual Huffman codes."""
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422 if is_422 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    if has_restarts:
        options += [cv2.IMWRITE_JPEG_RST_INTERVAL, RESTART_EVERY]
    done, data = cv2.imencode(".jpg", picture, options)
    assert done
    return bytes(data)


def read_jpeg(data: bytes) -> Any:
    """The picture as libjpeg reads it, BGR."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment before the scan's data; last the scan, with these data, without the end."""
    at = 2
    while True:
        kind, size = jpeg[at + 1], struct.unpack_from(">H", jpeg, at + 2)[0]
        if kind == 0xDA:
            yield kind, jpeg[at + 2 + size : -2]
            return
        yield kind, jpeg[at + 4 : at + 2 + size]
        at += 2 + size


@dataclass(frozen=True, slots=True)
class Packing:
    """How a camera sends its pictures: ``quality`` is the Q of the header, 255 with tables in each picture."""

    quality: int = 255
    is_422: bool = False
    has_restarts: bool = False
    piece_bytes: int = 1200
    has_tables: bool = True


def payloads(jpeg: bytes, packing: Packing) -> list[bytes]:
    """The payloads of one picture (RFC 2435 3.1)."""
    parts = dict(segments(jpeg))
    tables = b"".join(body[1:65] + body[66:] for kind, body in segments(jpeg) if kind == 0xDB)
    height, width = struct.unpack_from(">HH", parts[0xC0], 1)
    kind = (0 if packing.is_422 else 1) + (64 if packing.has_restarts else 0)
    data, out, at = parts[0xDA], [], 0
    while at < len(data):
        head = struct.pack(">I", at) + bytes((kind, packing.quality, width // 8 & 0xFF, height // 8 & 0xFF))
        if packing.has_restarts:
            head += struct.pack(">HH", RESTART_EVERY, 0xFFFF)
        if at == 0 and packing.quality >= 128:
            given = tables if packing.has_tables else b""
            head += struct.pack(">BBH", 0, 0, len(given)) + given
        piece = data[at : at + packing.piece_bytes]
        out.append(head + piece)
        at += len(piece)
    return out


def with_tables(parts: list[bytes], precision: int, *, is_wide: bool) -> list[bytes]:
    """The same, its tables of one or two bytes a number, under any bits that tell which."""
    first = parts[0]
    tables = first[12 : 12 + 128]
    given = b"".join(bytes((0, one)) for one in tables) if is_wide else tables
    return [first[:8] + struct.pack(">BBH", 0, precision, len(given)) + given + first[12 + 128 :], *parts[1:]]


def with_extension(packet: bytes, body: bytes, profile: int = 0xFFD8) -> bytes:
    """The packet with ``body`` in a header extension."""
    body += b"\0" * (-len(body) % 4)
    head = bytes((packet[0] | 0x10,)) + packet[1:12]
    return head + struct.pack(">HH", profile, len(body) // 4) + body + packet[12:]


def with_segments(packet: bytes, jpeg: bytes) -> bytes:
    """The packet with size and tables of ``jpeg`` in the header extension of ONVIF (Streaming 5.1.3)."""
    return with_extension(
        packet,
        b"".join(
            bytes((0xFF, kind)) + struct.pack(">H", len(found) + 2) + found
            for kind, found in segments(jpeg)
            if kind in (0xDB, 0xC0)
        ),
    )


def whole_payloads(jpeg: bytes, head: tuple[int, ...]) -> list[bytes]:
    """The whole file in pieces, each with its place and ``head``: type, Q, width, height."""
    return [struct.pack(">I", at) + bytes(head) + jpeg[at : at + 700] for at in range(0, len(jpeg), 700)]
