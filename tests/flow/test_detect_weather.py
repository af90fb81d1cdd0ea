"""Rain, snow and insects in infrared light are no motion, and who walks through them is: drawn, as real video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.detect_kit import put_person
from tests.film_kit import film
from vigilar.evaluate.clip import read_clip
from vigilar.evaluate.ours import Found, watch
from vigilar.media.packets import StreamRole

Light = NDArray[np.float32]
WIDTH, HEIGHT = 320, 180
FPS = 10
_RNG = np.random.default_rng(7)
_YARD = np.kron(_RNG.permutation(np.linspace(15, 120, 300)).reshape(15, 20), np.ones((12, 16)))
_NOISE = [_RNG.normal(0, 3, (HEIGHT, WIDTH)) for _ in range(8)]


def rain(at_s: float) -> Light:
    """Fine streaks, others in each picture, and in every fourth a drop so near that it is a band."""
    random, light = np.random.default_rng(round(at_s * 1000)), np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(20):
        x, y, length = int(random.integers(0, WIDTH)), int(random.integers(-20, HEIGHT)), int(random.integers(8, 25))
        cv2.line(light, (x, y), (x + 2, y + length), float(random.integers(30, 90)), 1)
    if random.random() < 0.25:
        x, y = int(random.integers(0, WIDTH)), int(random.integers(0, HEIGHT - 60))
        cv2.line(light, (x, y), (x + 4, y + 60), 80.0, 3)
    return np.asarray(cv2.GaussianBlur(light, (3, 3), 0), dtype=np.float32)


def snow(at_s: float) -> Light:
    """Forty flakes that sink and sway, and three large ones before the lens."""
    random, light = np.random.default_rng(1), np.zeros((HEIGHT, WIDTH), np.float32)
    for number in range(43):
        is_near = number >= 40
        speed, radius = (140.0, 4) if is_near else (60.0, 1)
        x, y, phase = random.random() * WIDTH, random.random() * HEIGHT, random.random() * 6
        y = (y + speed * (0.6 + 0.8 * random.random()) * at_s) % (HEIGHT + 20) - 10
        x = (x + 12 * np.sin(phase + 1.5 * at_s)) % WIDTH
        cv2.circle(light, (round(x), round(y)), radius, 90.0, -1)
    return np.asarray(cv2.GaussianBlur(light, (3, 3), 0), dtype=np.float32)


def moth(at_s: float) -> Light:
    """One that flutters before the lens for three seconds of eight."""
    light, turn = np.zeros((HEIGHT, WIDTH), np.float32), int(at_s // 8)
    since_s = at_s - 8 * turn - 2
    if 0 <= since_s < 3:
        x, y = 160 + 90 * np.sin(7 * since_s + turn), 90 + 50 * np.cos(9 * since_s + 2 * turn)
        cv2.circle(light, (round(x), round(y)), 9, 120.0, -1)
    return np.asarray(cv2.GaussianBlur(light, (9, 9), 0), dtype=np.float32)


def torch(at_s: float) -> Light:
    """Somebody in the dark from second 12 to 18, of whom one sees the lamp and where it shines."""
    if not 12 <= at_s < 18:
        return np.zeros((HEIGHT, WIDTH), np.float32)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = 40 + 40 * (at_s - 12) + 10 * np.sin(5 * at_s), 95 + 15 * np.sin(3 * at_s)
    shine = 1.2 * _YARD * np.exp(-(((xs - x - 25) / 30) ** 2) - ((ys - y - 20) / 18) ** 2)
    return np.asarray(200 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 60) + shine, dtype=np.float32)


def see(folder: Path, falling: Callable[[float], Light], seconds: float, first_s: float = 1e9) -> Found:
    """What is found in the yard in that weather, with a person who walks by for 4 s from ``first_s`` on."""

    def at(at_s: float) -> NDArray[np.uint8]:
        light = _YARD + _NOISE[int(at_s * 100) % 8] + falling(at_s)
        picture = np.clip(light, 0, 255).astype(np.uint8)
        is_there = first_s <= at_s <= first_s + 4
        return put_person(picture, -0.03 + 1.03 * (at_s - first_s) / 4) if is_there else picture

    return watch(read_clip(film(folder / "clip.mp4", at, seconds, FPS, 20)), 1, StreamRole.SUB, 0.5)


@pytest.mark.long
@pytest.mark.parametrize("falling", [rain, snow, moth])
def test_weather_and_insects_are_no_motion(falling: Callable[[float], Light], tmp_path: Path) -> None:
    assert see(tmp_path, falling, 24).motions == []


@pytest.mark.long
@pytest.mark.parametrize("falling", [rain, snow, moth])
def test_somebody_who_walks_through_it_is_found(falling: Callable[[float], Light], tmp_path: Path) -> None:
    (motion,) = see(tmp_path, falling, 22, first_s=14).motions
    assert 13.0 <= motion.start_s <= 15.0
    assert motion.known_s <= 15.5


def test_torch_in_the_dark_is_somebody(tmp_path: Path) -> None:
    (motion,) = see(tmp_path, torch, 20).motions
    assert motion.start_s == pytest.approx(12.0, abs=0.6)
