"""Live pictures for browsers: one HLS view a camera and stream, made when asked for and ended by itself.

Frames come from the camera processes over their Unix sockets (``live.feed``), only while somebody watches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.clock import Clock, SystemClock
from vigilar.live.feed import FeedClient
from vigilar.live.hls import LiveHls

STILL_FRESH_NS = 900_000_000
"""A still this young is shared: eight tiles and two phones cost a camera one picture a second at most."""

MAX_MJPEG_VIEWERS = 12
"""Each holds a thread of the server and has its pictures encoded; beyond it the page falls back to stills."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and when it was taken (UTC ns)."""

    utc_ns: int
    data: bytes
