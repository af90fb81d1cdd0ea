"""Trains the tiny network of the demo house on the drawn scenes, and writes it with its manifest.

    nice python -m tools.train_drawn_network              # about half an hour on one core; the same seed, the same file
    nice python -m tools.train_drawn_network --steps 200  # to see whether it works

It knows the figures of ``vigilar.demo.actors`` and nothing else, and says so in its manifest. Numpy only.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.small_network import STRIDE, Array, SmallNetwork
from vigilar.demo import actors, places
from vigilar.detect.objects.catalogue import BUNDLED, DRAWN_NAME
from vigilar.detect.objects.detection import ObjectKind
from vigilar.detect.objects.manifest import Calibration, ModelManifest

SIDE = 128
CELLS = SIDE // STRIDE
KINDS = (ObjectKind.PERSON, ObjectKind.VEHICLE, ObjectKind.CAT, ObjectKind.BIRD)
BATCH, STEPS, RATE = 24, 4500, 2e-3
SEED = 20261128
WIDTH, HEIGHT = 640, 360
"""The small streams of the demo cameras: half as large as the scenes are drawn, and a quarter of the work."""

Picture = NDArray[np.uint8]
Draw = Callable[[Picture], None]
Figure = tuple[float, float, float, float, int]
"""Left, top, right, bottom in pixels, and the place in KINDS."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--folder", type=Path, default=BUNDLED)
    asked = parser.parse_args()
    network = SmallNetwork(len(KINDS), SEED)
    samples = Samples(np.random.default_rng(SEED))
    began = time.monotonic()
    losses: list[float] = []
    for step in range(asked.steps):
        pictures, wanted = samples.batch(BATCH)
        losses.append(learn(network, pictures, wanted, rate_at(step, asked.steps)))
        if step % 100 == 99:
            print(f"{step + 1} loss {np.mean(losses[-100:]):.4f} {time.monotonic() - began:.0f} s", flush=True)
    write(network, asked.folder)


def rate_at(step: int, steps: int) -> float:
    """Up for a while, then down to nothing by a cosine."""
    warm = min(1.0, (step + 1) / 100)
    return RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def learn(network: SmallNetwork, pictures: Array, wanted: Array, rate: float) -> float:
    """One step; the loss before it. ``wanted``: of each cell 1 for a figure (0 none, -1 either), box, class."""
    found, kept = network.forward(pictures)
    has, box, kind = wanted[..., 0], wanted[..., 1:5], wanted[..., 5:]
    slope = np.zeros_like(found)
    counts = has >= 0
    sure = _sigmoid(found[..., 4])
    slope[..., 4] = np.where(counts, sure - has, 0) * np.where(has > 0, 3.0, 1.0)
    is_there = (has > 0)[..., None]
    off = np.clip(found[..., :4] - box, -1, 1)
    slope[..., :4] = np.where(is_there, 2.0 * off, 0)
    slope[..., 5:] = np.where(is_there, _sigmoid(found[..., 5:]) - kind, 0)
    number = max(1.0, float((has > 0).sum()))
    loss = -np.log(np.clip(np.where(has > 0, sure, 1 - sure), 1e-6, 1))[counts].sum() / number
    loss += float((off**2 * is_there).sum()) / number
    network.step(network.backward(kept, slope / np.float32(number)), rate)
    return float(loss)


class Samples:
    """Drawn pictures with what is on them, without end."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        makers = (places.street, places.garden, places.hall, places.feeder)
        whole = [make(np.random.default_rng(7)) for make in makers]
        self._places = [
            np.asarray(cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8) for one in whole
        ]

    def batch(self, number: int) -> tuple[Array, Array]:
        made = [self._one() for _ in range(number)]
        return np.stack([picture for picture, _ in made]), np.stack([wanted for _, wanted in made])

    def _one(self) -> tuple[Array, Array]:
        rng = self._rng
        picture = self._places[rng.integers(len(self._places))].copy()
        figures: list[Figure] = []
        for _ in range(rng.choice([0, 1, 2, 3], p=[0.12, 0.6, 0.2, 0.08])):
            kind = int(rng.choice(len(KINDS), p=[0.35, 0.2, 0.25, 0.2]))
            draw = self._figure(kind)
            mask = np.zeros_like(picture)
            draw(mask)
            box = _bounds(mask)
            if box is None or any(_share(box, other) > 0.35 for other in figures):
                continue
            draw(picture)
            figures.append((*box, kind))
        left, top, width, height = self._region(figures)
        crop = picture[top : top + height, left : left + width]
        scale = SIDE / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR)
        small = self._worn(np.asarray(small, dtype=np.uint8))
        whole = np.full((SIDE, SIDE, 3), 114, np.float32)
        whole[: size[1], : size[0]] = small
        return whole, _wanted(figures, left, top, scale, size)

    def _figure(self, kind: int) -> Draw:
        rng = self._rng
        faces = int(rng.choice([-1, 1]))
        phase = float(rng.uniform(0, 6.3))
        x, y = float(rng.uniform(0, WIDTH)), float(rng.uniform(100, HEIGHT + 30))
        colour = (int(rng.integers(25, 200)), int(rng.integers(25, 200)), int(rng.integers(25, 200)))
        if KINDS[kind] is ObjectKind.PERSON:
            size = float(np.exp(rng.uniform(np.log(35), np.log(360))))
            low = y + (size * 0.5 if size > 200 else 0)
            return lambda picture: actors.person(picture, x, low, size, phase, colour, faces)
        if KINDS[kind] is ObjectKind.VEHICLE:
            length = float(rng.uniform(60, 210))
            return lambda picture: actors.car(picture, x, y, length, faces, colour)
        if KINDS[kind] is ObjectKind.CAT:
            size = float(rng.uniform(28, 85))
            return lambda picture: actors.cat(picture, x, y, size, phase, faces, colour)
        size = float(rng.uniform(30, 85))
        wing = 0.0 if rng.random() < 0.5 else float(rng.uniform(-1, 1))
        return lambda picture: actors.bird(picture, x, y, size, wing, faces)

    def _region(self, figures: list[Figure]) -> tuple[int, int, int, int]:
        """What the camera process would hand over: all of the picture, or what is around a figure, or anything."""
        rng = self._rng
        if rng.random() < 0.2:
            return 0, 0, WIDTH, HEIGHT
        if figures and rng.random() < 0.9:
            x0, y0, x1, y1, _ = figures[int(rng.integers(len(figures)))]
        else:
            x0, y0 = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
            x1, y1 = x0 + 20, y0 + 20
        side = float(np.clip(max(x1 - x0, y1 - y0) * rng.uniform(1.15, 3.0), 80, HEIGHT))
        width = min(WIDTH, side * rng.uniform(1.0, 1.5))
        left = (x0 + x1) / 2 - width / 2 + rng.uniform(-0.25, 0.25) * width
        top = (y0 + y1) / 2 - side / 2 + rng.uniform(-0.25, 0.25) * side
        left, top = float(np.clip(left, 0, WIDTH - width)), float(np.clip(top, 0, HEIGHT - side))
        return int(left), int(top), int(width), int(side)

    def _worn(self, picture: Picture) -> Picture:
        """As after encoding: softer, noisier, a little lighter or darker."""
        rng = self._rng
        if rng.random() < 0.4:
            picture = np.asarray(cv2.GaussianBlur(picture, (3, 3), rng.uniform(0.3, 0.9)), dtype=np.uint8)
        values = picture.astype(np.float32) * rng.uniform(0.85, 1.15) + rng.uniform(-12, 12)
        if rng.random() < 0.15:
            values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
        values += rng.normal(0, rng.uniform(0, 4), picture.shape)
        return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _bounds(mask: Picture) -> tuple[float, float, float, float] | None:
    """The box of what was drawn on black, if some of it is in the picture: a shadow on black is black."""
    left, top, width, height = cv2.boundingRect(cv2.cvtColor(mask, cv2.COLOR_BGR2GRAY))
    return (left, top, left + width, top + height) if min(width, height) >= 6 else None


def _share(box: tuple[float, float, float, float], other: Figure) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    area = min((box[2] - box[0]) * (box[3] - box[1]), (other[2] - other[0]) * (other[3] - other[1]))
    return max(0.0, width) * max(0.0, height) / area


def _wanted(figures: list[Figure], left: int, top: int, scale: float, size: tuple[int, int]) -> Array:
    wanted = np.zeros((CELLS, CELLS, 5 + len(KINDS)), np.float32)
    for x0, y0, x1, y1, kind in figures:
        full = (x1 - x0) * (y1 - y0) * scale * scale
        a, b = np.clip((x0 - left) * scale, 0, size[0]), np.clip((y0 - top) * scale, 0, size[1])
        c, d = np.clip((x1 - left) * scale, 0, size[0]), np.clip((y1 - top) * scale, 0, size[1])
        if c - a < 2 or d - b < 2:
            continue
        is_clear = (c - a) * (d - b) > 0.3 * full and max(c - a, d - b) >= 8
        _place(wanted, a, b, c, d, kind, is_clear=bool(is_clear))
    return wanted


def _place(wanted: Array, a: float, b: float, c: float, d: float, kind: int, *, is_clear: bool) -> None:
    """Put a box into the cell of its middle and those beside it that are near; into none for sure if it is unclear."""
    x, y = (a + c) / 2 / STRIDE, (b + d) / 2 / STRIDE
    column, row = min(int(x), CELLS - 1), min(int(y), CELLS - 1)
    near = {(row, column)}
    near |= {(row, column + (1 if x - column > 0.5 else -1)), (row + (1 if y - row > 0.5 else -1), column)}
    for r, q in near:
        if not (0 <= r < CELLS and 0 <= q < CELLS):
            continue
        cell = wanted[r, q]
        if not is_clear:
            if cell[0] == 0:
                cell[0] = -1
        elif cell[0] <= 0 or (r, q) == (row, column):
            cell[:] = 0
            cell[0] = 1
            cell[1:5] = x - q, y - r, np.log((c - a) / STRIDE), np.log((d - b) / STRIDE)
            cell[5 + kind] = 1


def write(network: SmallNetwork, folder: Path) -> None:
    """The network and its manifest."""
    raw = network.as_onnx(SIDE, SIDE, f"vigilar {DRAWN_NAME}")
    manifest = ModelManifest(
        name=DRAWN_NAME,
        title="The demo house's own: knows the drawn figures and nothing else",
        licence="GPL-3.0-only",
        file=f"{DRAWN_NAME}.onnx",
        size_bytes=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        source="",
        width=SIDE,
        height=SIDE,
        kinds=dict(enumerate(KINDS)),
        strides=(STRIDE,),
        calibration=Calibration(),
        overlap=0.25,  # it sometimes finds the legs as well
        made_for="the drawn scenes of the demo house; it recognises nothing in real pictures",
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / manifest.file).write_bytes(raw)
    (folder / f"{DRAWN_NAME}.json").write_text(manifest.dump(), encoding="utf-8")
    print(f"{folder / manifest.file}: {len(raw)} bytes, SHA-256 {manifest.sha256}")


def _sigmoid(values: Array) -> Array:
    found: Array = (1.0 / (1.0 + np.exp(-np.clip(values, -30, 30)))).astype(np.float32)
    return found


if __name__ == "__main__":
    main()
