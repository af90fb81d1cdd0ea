"""A camera that notes when it sends the last packet of each frame: ``python -m benchmarks.marker_camera CLIP``.

Prints its port on a line, serves CLIP at ``/live`` in real time until its standard input ends, then prints one JSON
list of ``[connection, frame of the clip, CLOCK_MONOTONIC ns]``. A process of its own, outside of every measured group.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from asyncio import StreamWriter
from pathlib import Path
from typing import Any

from tests.fakes.rtsp_camera import FakeCamera, Fault, Mount, Piece, Play

MARKER = 0x80
"""The bit of an RTP packet's second byte that ends a frame (RFC 6184, 5.1)."""

NOTES: list[tuple[int, int, int]] = []
_CONNECTIONS = itertools.count()


class MarkerPlay(Play):
    """Takes notes while it sends."""

    def __init__(self, mount: Mount, writer: StreamWriter, channels: dict[int, int]) -> None:
        super().__init__(mount, writer, channels)
        self._connection = next(_CONNECTIONS)
        self._frames = {piece.ticks: n for n, piece in enumerate(p for p in mount.clip.pieces if p.raw[1] & MARKER)}

    def _send(self, piece: Piece, loop_s: float, leap_s: float) -> None:
        if piece.raw[1] & MARKER:  # before it is written: nobody may have it earlier than it was sent
            NOTES.append((self._connection, self._frames[piece.ticks], time.monotonic_ns()))
        super()._send(piece, loop_s, leap_s)


class MarkerCamera(FakeCamera):
    """A FakeCamera that takes notes."""

    player: Any = MarkerPlay


def main() -> int:
    with MarkerCamera({"live": (Path(sys.argv[1]), Fault())}) as camera:
        sys.stdout.write(f"{camera.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    json.dump(NOTES, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
