"""Bytes of records as an answer sends them: in small pieces."""

from __future__ import annotations

from collections.abc import Iterator

PIECE_BYTES = 64 * 1024
"""What is copied at once: a record of 4 MiB is proved and decrypted in its own memory, and never there twice."""


def in_pieces(data: memoryview) -> Iterator[bytes]:
    """``data`` as copies of at most ``PIECE_BYTES``."""
    for start in range(0, len(data), PIECE_BYTES):
        yield bytes(data[start : start + PIECE_BYTES])
