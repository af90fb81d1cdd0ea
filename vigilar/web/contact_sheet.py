"""The newest pictures of all cameras as one JPEG: one request that paints the whole grid."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.live.sheet import Tile, join_tiles, parse_tile
from vigilar.live.wire import Answer, Jpeg, Request

TILE = Request("tile", "sub", 320)
"""Sixteen of them stay below 160 kB (ux.md W-03)."""

FRESH_NS = 1_000_000_000
"""A sheet this young is shared: ten phones cost each camera one picture a second."""

WAIT_S = 0.5
"""A camera that has no answer by then has an empty tile, so that it cannot hold up the others."""


class AskedTile(Protocol):
    """A camera that was asked for a tile; ``live.client.FeedClient``."""

    def answer(self, timeout_s: float) -> Answer | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sheet:
    """Tiles row by row in the order of ``taken_ms``: UTC ms of each camera's picture, None for an empty tile.

    A cell is ``tile_width`` by ``tile_height`` pixels; its uppermost 9/16 of the width are picture.
    """

    data: bytes
    columns: int
    tile_width: int
    tile_height: int
    taken_ms: dict[str, int | None]


class ContactSheets:
    """Makes sheets, one at a time, and keeps the newest of each choice of cameras: members see different ones. Any
    thread."""

    def __init__(self, ask: Callable[[str, Request, float], AskedTile], clock: Clock) -> None:
        """``ask``: camera, what, time-out in seconds; raises OSError when the camera's process is not there."""
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[tuple[str, ...], tuple[int, Sheet]] = {}

    def get(self, camera_ids: Iterable[str]) -> Sheet:
        """Raises CameraError (transient) when no camera has a picture."""
        wanted = tuple(camera_ids)
        with self._lock:
            asked_ns = self._clock.mono_ns()
            self._made = {key: made for key, made in self._made.items() if asked_ns < made[0] + FRESH_NS}
            if wanted not in self._made:
                self._made[wanted] = (asked_ns, self._make(wanted))
            return self._made[wanted][1]

    def _make(self, camera_ids: tuple[str, ...]) -> Sheet:
        found = self._collect(camera_ids)
        first = next((tile for tile, _ in found.values()), None)
        if first is None:
            raise CameraError("No camera has a picture yet.", kind=ErrorKind.TRANSIENT)
        fitting = {key: one for key, one in found.items() if one[0].head == first.head}
        columns = math.ceil(math.sqrt(len(camera_ids)))
        data = join_tiles([fitting[one][0] if one in fitting else None for one in camera_ids], columns)
        taken = {one: fitting[one][1] if one in fitting else None for one in camera_ids}
        return Sheet(data, columns, first.width, first.height, taken)

    def _collect(self, camera_ids: tuple[str, ...]) -> dict[str, tuple[Tile, int]]:
        """The tiles that come in time. All cameras are asked before the first is heard: they work side by side."""
        deadline_ns = self._clock.mono_ns() + int(WAIT_S * 1e9)
        found: dict[str, tuple[Tile, int]] = {}
        with ExitStack() as open_feeds:
            asked: dict[str, AskedTile] = {}
            for one in camera_ids:
                with contextlib.suppress(OSError):
                    asked[one] = self._ask(one, TILE, WAIT_S)
                    open_feeds.callback(asked[one].close)
            for one, feed in asked.items():
                left_s = max(0.001, (deadline_ns - self._clock.mono_ns()) / 1e9)  # what has come already is read
                with contextlib.suppress(OSError, ValueError):
                    answer = feed.answer(left_s)
                    if isinstance(answer, Jpeg):
                        found[one] = parse_tile(answer.data), answer.utc_ns // 1_000_000
        return found
