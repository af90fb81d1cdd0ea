"""A clip as a camera's small stream sends it: another size than ``clips.make_clip``, and so other parameter sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vigilar.media.encode import ClipWriter

WIDTH, HEIGHT, RATE = 160, 90, 10


def make_small_clip(path: Path, *, pictures: int = 20) -> Path:
    with ClipWriter(path, WIDTH, HEIGHT, RATE, RATE) as clip:
        for number in range(pictures):
            clip.write(np.full((HEIGHT, WIDTH, 3), number * 8 % 256, np.uint8))
    return path
