"""Drawn animals, each with a coat of its own, as cameras show them: by any light, before any ground, soft and noisy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vigilar.demo import actors
from vigilar.pets.look import look_of, room_around
from vigilar.pets.match import Look

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Coat:
    """Colours are BGR. ``stripes`` 0..1: how much darker they are; ``patch``: the colour of large patches."""

    fur: Colour
    stripes: float = 0.0
    patch: Colour | None = None


COATS = {
    "orange": Coat((52, 118, 190), 0.25),
    "black": Coat((26, 24, 24)),
    "white": Coat((214, 220, 224)),
    "grey tabby": Coat((92, 100, 106), 0.4),
    "another grey tabby": Coat((84, 96, 106), 0.35),
    "black and white": Coat((28, 26, 26), 0.0, (214, 216, 218)),
    "brown": Coat((44, 68, 96)),
    "cream": Coat((148, 186, 214)),
    "tortoiseshell": Coat((34, 38, 44), 0.0, (48, 104, 168)),
}
GROUNDS: dict[str, Colour] = {
    "grass": (52, 96, 72),
    "stone": (128, 132, 134),
    "wood": (70, 110, 148),
    "dark": (46, 48, 50),
}


def draw(
    coat: Coat, rng: np.random.Generator, ground: str = "grass", *, infrared: bool = False, size: float = 90.0
) -> tuple[Picture, tuple[float, float, float, float]]:
    """A picture of 320 x 240 with the animal on it, and its box as a network gives it, in 0..1."""
    plain = _ground(GROUNDS[ground], rng)
    animal = plain.copy()
    x, y = float(rng.uniform(130, 190)), float(rng.uniform(150, 190))
    faces = int(rng.choice((-1, 1)))
    actors.cat(animal, x, y, size, float(rng.uniform(0, 6.3)), faces, coat.fur)
    is_animal = (np.abs(animal.astype(int) - plain).sum(axis=2) > 12).astype(np.float64)
    shown = _coat(animal, is_animal, coat, x, y, size, rng)
    box = (x - 0.85 * size, y - 0.95 * size, x + 0.85 * size, y + 0.03 * size)
    jitter = rng.uniform(-0.07, 0.07, 4) * size
    sides = np.clip((np.array(box) + jitter) / (320, 240, 320, 240), 0, 1)
    return _camera(shown, rng, infrared), cast("tuple[float, float, float, float]", tuple(map(float, sides)))


def look(coat: Coat, rng: np.random.Generator, ground: str = "grass", *, infrared: bool = False) -> Look:
    """The numbers of a picture that is drawn by chance."""
    picture, box = draw(coat, rng, ground, infrared=infrared, size=float(rng.uniform(45, 110)))
    found = look_at(picture, box)
    assert found is not None
    return found


def look_at(picture: Picture, box: tuple[float, float, float, float]) -> Look | None:
    """As a camera process takes them of a picture."""
    part, inner = room_around(box)
    height, width = picture.shape[:2]
    left, top, right, bottom = (round(side * of) for side, of in zip(part, (width, height) * 2, strict=True))
    cut = picture[top:bottom, left:right]
    scale = min(96 / cut.shape[1], 96 / cut.shape[0])
    small = cv2.resize(cut, (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))), interpolation=3)
    size = min((box[2] - box[0]) * width, (box[3] - box[1]) * height)
    return look_of(small.astype(np.uint8), inner, round(size))


def _ground(colour: Colour, rng: np.random.Generator) -> Picture:
    coarse = cv2.resize(rng.normal(0, 10, (12, 16, 1)).astype(np.float32), (320, 240))[..., None]
    fine = rng.normal(0, 6, (240, 320, 1))
    return np.clip(np.array(colour) + coarse + fine, 0, 255).astype(np.uint8)


def _coat(
    animal: Picture, mask: NDArray[np.float64], coat: Coat, x: float, y: float, size: float, rng: np.random.Generator
) -> Picture:
    found = animal.astype(np.float64)
    rows, columns = np.mgrid[0:240, 0:320].astype(np.float64)
    is_body = mask * (rows < y - 0.08 * size)
    if coat.stripes:
        wave = 0.5 + 0.5 * np.sin((columns - x) / size * 26 + rng.uniform(0, 6) + 1.5 * np.sin(rows / size * 9))
        found *= (1 - coat.stripes * wave * is_body)[..., None]
    if coat.patch is not None:
        waves = np.sin((columns - x) / size * 5 + 1.0) + np.sin((rows - y) / size * 8 + 0.5)
        is_patch = is_body * (waves > 0.35)
        found = found * (1 - is_patch[..., None]) + np.array(coat.patch) * is_patch[..., None]
    found += rng.normal(0, 5, found.shape) * mask[..., None]
    return np.clip(found, 0, 255).astype(np.uint8)


def _camera(picture: Picture, rng: np.random.Generator, infrared: bool) -> Picture:
    """Light, its colour, a shadow, softness, noise, and JPEG."""
    found = picture.astype(np.float64)
    if infrared:
        found = np.repeat((found @ (0.2, 0.4, 0.4))[..., None], 3, axis=2)
        rows, columns = np.mgrid[0:240, 0:320]
        found *= (1.25 - np.hypot(rows - 120, columns - 160) / 320)[..., None]
    else:
        warm = float(rng.normal(0, 0.04))
        found *= np.array((1 - warm, 1.0, 1 + warm))
        slope = np.linspace(1 - rng.uniform(0, 0.25), 1.0, 320)
        found *= (slope if rng.random() < 0.5 else slope[::-1])[None, :, None]
    found = 255 * np.clip(found * math.exp(rng.normal(0, 0.16)) / 255, 0, 1)
    soft = cv2.GaussianBlur(found, (0, 0), float(rng.uniform(0.5, 1.4)))
    noise = rng.normal(0, rng.uniform(1, 5), soft.shape if not infrared else (*soft.shape[:2], 1))
    done, packed = cv2.imencode(".jpg", np.clip(soft + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert unpacked is not None
    if infrared:
        unpacked = cv2.cvtColor(cv2.cvtColor(unpacked, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cast(Picture, unpacked)


def jpeg_of(picture: Picture) -> bytes:
    done, packed = cv2.imencode(".jpg", picture)
    assert done
    return bytes(packed.tobytes())
