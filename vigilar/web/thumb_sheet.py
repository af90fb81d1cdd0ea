"""Small stored pictures side by side in one JPEG: one request for a strip of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from vigilar.live.sheet import Tile, join_tiles, parse_tile
from vigilar.playback.storyboard import StoredPicture


@dataclass(frozen=True, slots=True)
class ThumbSheet:
    """Pictures row by row in the order of ``taken_ms`` (UTC ms), each in a cell of ``width`` by ``height`` pixels whose
    uppermost 9/16 of the width are picture."""

    data: bytes
    columns: int
    width: int
    height: int
    taken_ms: tuple[int, ...]

    def layout(self) -> str:
        """JSON on one line."""
        layout = {
            "columns": self.columns,
            "tile": [self.width, self.height],
            "picture": [self.width, self.width * 9 // 16],
            "taken": self.taken_ms,
        }
        return json.dumps(layout, separators=(",", ":"))


def join_pictures(pictures: Sequence[StoredPicture]) -> ThumbSheet | None:
    """The sheet of ``pictures``, without decoding them; None when none fits. Those of another make than the first
    (stored by another version) are left out. Pure; any thread."""
    tiles: list[tuple[int, Tile]] = []
    for picture in pictures:
        with suppress(ValueError):
            tile = parse_tile(picture.jpeg)
            if not tiles or tile.head == tiles[0][1].head:
                tiles.append((picture.taken_ms, tile))
    if not tiles:
        return None
    columns = math.ceil(math.sqrt(len(tiles)))
    first = tiles[0][1]
    data = join_tiles([tile for _, tile in tiles], columns)
    return ThumbSheet(data, columns, first.width, first.height, tuple(ms for ms, _ in tiles))
