"""The four places of the demo house, drawn once each: street, garden, hall, feeder. BGR, 1280x720.

Drawn in plain shapes with grain and a soft lens, so that a codec and a motion detector meet something like a picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vigilar.demo.actors import Colour, Picture

WIDTH, HEIGHT = 1280, 720


def _gradient(top: Colour, bottom: Colour, height: int) -> Picture:
    steps = np.linspace(0.0, 1.0, height)[:, None]
    rows = np.array(top) * (1 - steps) + np.array(bottom) * steps
    return np.repeat(rows[:, None, :], WIDTH, axis=1).astype(np.uint8)


def _grain(picture: Picture, rng: np.random.Generator, strength: float, scale: int) -> None:
    """Mottle ``picture`` in place by ``strength`` grey levels in blots of about ``scale`` pixels."""
    height, width = picture.shape[:2]
    small = rng.normal(0.0, 1.0, (height // scale + 2, width // scale + 2)).astype(np.float32)
    blots: NDArray[np.float32] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    picture[:] = np.clip(picture.astype(np.float32) + blots[..., None] * strength, 0, 255).astype(np.uint8)


def _poly(picture: Picture, points: list[tuple[int, int]], colour: Colour) -> None:
    cv2.fillPoly(picture, [np.array(points, np.int32)], colour, cv2.LINE_AA)


def _box(picture: Picture, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
    cv2.rectangle(picture, (x0, y0), (x1, y1), colour, -1, cv2.LINE_AA)


def _tree(picture: Picture, rng: np.random.Generator, x: int, ground: int, size: int, leaf: Colour) -> None:
    _poly(picture, [(x - 14, ground), (x + 14, ground), (x + 7, ground - size), (x - 7, ground - size)], (52, 68, 84))
    for _ in range(150):
        dx, dy = rng.normal(0, size * 0.28), rng.normal(0, size * 0.2)
        shade = rng.uniform(0.7, 1.15)
        blob: Colour = (int(leaf[0] * shade), int(leaf[1] * shade), int(leaf[2] * shade))
        centre = (int(x + dx), int(ground - size * 1.15 + dy))
        cv2.circle(picture, centre, int(rng.uniform(10, 26)), blob, -1, cv2.LINE_AA)


def _lens(picture: Picture) -> Picture:
    """A soft lens that darkens towards the corners."""
    soft = cv2.GaussianBlur(picture, (3, 3), 0.8)
    y, x = np.linspace(-1.0, 1.0, HEIGHT)[:, None], np.linspace(-1.0, 1.0, WIDTH)[None, :]
    fall = (1.0 - 0.16 * (x * x + y * y))[..., None]
    shaded: Picture = np.clip(soft * fall, 0, 255).astype(np.uint8)
    return shaded


def street(rng: np.random.Generator) -> Picture:
    """A quiet road, pavement in front, houses behind."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:300] = _gradient((214, 190, 160), (226, 218, 208), 300)
    picture[300:] = (96, 120, 104)
    walls: list[Colour] = [(150, 168, 188), (168, 176, 180), (122, 146, 176), (160, 158, 150)]
    for index, x in enumerate(range(-60, WIDTH, 340)):
        _box(picture, x, 150, x + 300, 390, walls[index % 4])
        _poly(picture, [(x - 16, 152), (x + 316, 152), (x + 262, 84), (x + 40, 84)], (72, 76, 104))
        for wx in (x + 34, x + 206):
            for wy in (186, 284):
                _box(picture, wx - 4, wy - 4, wx + 62, wy + 62, (226, 228, 230))
                _box(picture, wx, wy, wx + 58, wy + 58, (94, 82, 66))
                cv2.line(picture, (wx + 29, wy), (wx + 29, wy + 58), (220, 222, 224), 3)
        _box(picture, x + 126, 290, x + 176, 390, (64, 52, 96))
    _box(picture, 0, 386, WIDTH, 420, (62, 104, 78))
    _grain(picture[380:424], rng, 14, 6)
    _box(picture, 0, 420, WIDTH, 466, (158, 162, 166))
    _box(picture, 0, 466, WIDTH, 474, (190, 192, 194))
    _box(picture, 0, 474, WIDTH, 640, (92, 90, 90))
    for x in range(-40, WIDTH, 180):
        _box(picture, x, 553, x + 96, 560, (206, 210, 212))
    _box(picture, 0, 640, WIDTH, 650, (184, 186, 188))
    _box(picture, 0, 650, WIDTH, HEIGHT, (150, 155, 160))
    for x in range(0, WIDTH, 150):
        cv2.line(picture, (x, 650), (x - 60, HEIGHT), (128, 132, 138), 2, cv2.LINE_AA)
    _grain(picture[474:], rng, 5, 3)
    _tree(picture, rng, 1010, 420, 150, (62, 118, 84))
    _tree(picture, rng, 190, 420, 120, (58, 108, 78))
    return _lens(picture)


def garden(rng: np.random.Generator) -> Picture:
    """A lawn with a fence, a shed and a bed of flowers."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:230] = _gradient((220, 196, 168), (222, 214, 204), 230)
    for x in range(0, WIDTH, 34):
        tone = int(rng.uniform(-10, 10))
        _box(picture, x, 170, x + 31, 330, (92 + tone, 122 + tone, 150 + tone))
    _box(picture, 0, 196, WIDTH, 208, (78, 106, 132))
    _box(picture, 0, 296, WIDTH, 308, (78, 106, 132))
    picture[326:] = _gradient((72, 128, 98), (54, 108, 76), HEIGHT - 326)
    _grain(picture[326:], rng, 9, 3)
    _grain(picture[326:], rng, 8, 40)
    _box(picture, 890, 130, 1190, 372, (88, 104, 124))
    for y in range(140, 372, 22):
        cv2.line(picture, (890, y), (1190, y), (70, 84, 102), 2)
    _poly(picture, [(866, 136), (1214, 136), (1150, 64), (930, 64)], (70, 70, 84))
    _box(picture, 1000, 200, 1078, 372, (62, 74, 92))
    _tree(picture, rng, 300, 380, 210, (58, 122, 82))
    for _ in range(220):
        x, y = int(rng.uniform(0, 560)), int(rng.uniform(640, 716))
        petals: list[Colour] = [(90, 80, 220), (80, 190, 235), (200, 120, 190), (70, 130, 80)]
        cv2.circle(picture, (x, y), int(rng.uniform(4, 10)), petals[int(rng.integers(0, 4))], -1, cv2.LINE_AA)
    _poly(picture, [(640, HEIGHT), (880, HEIGHT), (800, 372), (740, 372)], (150, 164, 174))
    _grain(picture[372:, 620:900], rng, 4, 5)
    return _lens(picture)


def hall(rng: np.random.Generator) -> Picture:
    """A hall with a front door at its end, seen from above the stairs."""
    picture = np.full((HEIGHT, WIDTH, 3), (176, 190, 200), np.uint8)
    _poly(picture, [(0, 0), (WIDTH, 0), (860, 150), (420, 150)], (206, 212, 216))
    _poly(picture, [(0, HEIGHT), (WIDTH, HEIGHT), (860, 430), (420, 430)], (84, 122, 160))
    for step in range(13):
        x = step * WIDTH // 12
        end = 420 + step * 440 // 12
        cv2.line(picture, (x, HEIGHT), (end, 430), (66, 100, 136), 2, cv2.LINE_AA)
    _poly(picture, [(0, 0), (420, 150), (420, 430), (0, HEIGHT)], (160, 176, 188))
    _poly(picture, [(WIDTH, 0), (860, 150), (860, 430), (WIDTH, HEIGHT)], (150, 166, 180))
    _box(picture, 560, 190, 720, 430, (70, 66, 116))
    _box(picture, 586, 214, 694, 290, (214, 214, 200))
    cv2.circle(picture, (702, 326), 6, (120, 190, 214), -1, cv2.LINE_AA)
    _poly(picture, [(400, 690), (880, 690), (760, 470), (520, 470)], (70, 62, 128))
    _poly(picture, [(430, 674), (850, 674), (742, 484), (538, 484)], (92, 84, 156))
    for quad in ([(90, 190), (230, 226), (230, 380), (90, 398)], [(280, 236), (360, 254), (360, 350), (280, 362)]):
        _poly(picture, quad, (60, 74, 90))
        inner = [(int(x + (160 - x) * 0.1), int(y + (300 - y) * 0.12)) for x, y in quad]
        _poly(picture, inner, (150, 170, 150))
    _box(picture, 1010, 330, 1200, 560, (66, 92, 124))
    _box(picture, 1084, 236, 1100, 330, (90, 100, 110))
    _poly(picture, [(1046, 240), (1138, 240), (1118, 180), (1066, 180)], (170, 214, 236))
    _grain(picture, rng, 3, 4)
    return _lens(picture)


def feeder(rng: np.random.Generator) -> Picture:
    """A bird table close up before a blurred hedge."""
    picture = _gradient((120, 150, 120), (66, 104, 80), HEIGHT)
    for _ in range(260):
        shade = rng.uniform(0.6, 1.4)
        blob: Colour = (int(74 * shade), int(122 * shade), int(92 * shade))
        centre = (int(rng.uniform(0, WIDTH)), int(rng.uniform(0, HEIGHT)))
        cv2.circle(picture, centre, int(rng.uniform(24, 80)), blob, -1, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), 16).astype(np.uint8)
    _box(picture, 616, 470, 664, HEIGHT, (70, 96, 122))
    _poly(picture, [(330, 452), (950, 452), (990, 486), (290, 486)], (96, 130, 162))
    _box(picture, 290, 486, 990, 506, (70, 100, 128))
    for x in (360, 900):
        _box(picture, x, 210, x + 20, 454, (74, 104, 132))
    _poly(picture, [(270, 220), (1010, 220), (860, 96), (420, 96)], (64, 78, 104))
    for _ in range(300):
        x, y = int(rng.normal(640, 130)), int(rng.uniform(454, 474))
        cv2.circle(picture, (x, y), 3, (70, 150, 200), -1, cv2.LINE_AA)
    _grain(picture, rng, 3, 2)
    return _lens(picture)
