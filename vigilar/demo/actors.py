"""Who comes by in the demo house: people, a car, a cat, a bird. Each is a function that draws on a BGR picture.

Positions are pixels of the 1280x720 picture; ``size`` is the height of the figure in pixels; ``phase`` is the step
cycle in radians. All drawing is anti-aliased with four bits of sub-pixel precision, so slow figures glide.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_SHIFT = 4
_ONE = 1 << _SHIFT


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * _ONE), round(y * _ONE)


def _limb(picture: Picture, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour) -> None:
    thickness = max(1, round(width))
    cv2.line(picture, _fixed(*start), _fixed(*end), colour, thickness, cv2.LINE_AA, _SHIFT)


def _oval(picture: Picture, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
    axes = (max(1, round(rx * _ONE)), max(1, round(ry * _ONE)))
    cv2.ellipse(picture, _fixed(x, y), axes, angle, 0, 360, colour, -1, cv2.LINE_AA, _SHIFT)


def _shape(picture: Picture, points: list[tuple[float, float]], colour: Colour) -> None:
    fixed = np.array([_fixed(x, y) for x, y in points], np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _SHIFT)


def shadow(picture: Picture, x: float, y: float, rx: float, ry: float) -> None:
    """Darken an oval patch of the ground by a third."""
    x0, x1 = max(0, int(x - rx)), min(picture.shape[1], int(x + rx) + 1)
    y0, y1 = max(0, int(y - ry)), min(picture.shape[0], int(y + ry) + 1)
    if x0 >= x1 or y0 >= y1:
        return
    patch = picture[y0:y1, x0:x1]
    mask = np.zeros(patch.shape[:2], np.uint8)
    _oval(mask, x - x0, y - y0, rx - 1, ry - 1, (85, 0, 0))
    dark = patch.astype(np.uint16) * (255 - mask.astype(np.uint16))[..., None] // 255
    patch[:] = dark.astype(np.uint8)


def person(picture: Picture, x: float, y: float, size: float, phase: float, coat: Colour, faces: int) -> None:
    """Somebody walking; ``x``, ``y`` is the ground between the feet, ``faces`` is 1 to the right and -1 to the left."""
    shadow(picture, x, y, size * 0.26, size * 0.05)
    hip, neck = (x, y - size * 0.48), (x + faces * size * 0.03, y - size * 0.82)
    trousers: Colour = (72, 58, 50)
    skin: Colour = (150, 178, 214)
    for side in (1.0, -1.0):
        swing = math.sin(phase) * side
        knee = (hip[0] + swing * size * 0.11, hip[1] + size * 0.24)
        lift = max(0.0, math.cos(phase) * side) * size * 0.05
        foot = (hip[0] + swing * size * 0.19, y - lift)
        shade: Colour = trousers if side > 0 else (58, 46, 40)
        _limb(picture, hip, knee, size * 0.095, shade)
        _limb(picture, knee, foot, size * 0.08, shade)
        _limb(picture, foot, (foot[0] + faces * size * 0.06, foot[1]), size * 0.05, (30, 28, 28))
    far = (neck[0] - math.sin(phase) * size * 0.13, neck[1] + size * 0.3)
    _limb(picture, (neck[0], neck[1] + size * 0.05), far, size * 0.07, (coat[0] // 2, coat[1] // 2, coat[2] // 2))
    torso = [
        (neck[0] - size * 0.1, neck[1] + size * 0.02),
        (neck[0] + size * 0.1, neck[1] + size * 0.02),
        (hip[0] + size * 0.085, hip[1] + size * 0.05),
        (hip[0] - size * 0.085, hip[1] + size * 0.05),
    ]
    _shape(picture, torso, coat)
    near = (neck[0] + math.sin(phase) * size * 0.13, neck[1] + size * 0.31)
    _limb(picture, (neck[0], neck[1] + size * 0.05), near, size * 0.075, coat)
    _oval(picture, near[0], near[1] + size * 0.02, size * 0.03, size * 0.03, skin)
    _limb(picture, neck, (neck[0], neck[1] - size * 0.03), size * 0.06, skin)
    _oval(picture, neck[0] + faces * size * 0.01, neck[1] - size * 0.09, size * 0.06, size * 0.078, skin)
    _oval(picture, neck[0] - faces * size * 0.012, neck[1] - size * 0.125, size * 0.062, size * 0.05, (40, 52, 70))


def car(picture: Picture, x: float, y: float, length: float, faces: int, paint: Colour) -> None:
    """A car on wheels; ``x``, ``y`` is the ground under its middle, ``length`` is pixels from bumper to bumper."""
    u = length / 100.0

    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + faces * dx * u, y - dy * u

    shadow(picture, x, y + 2 * u, 54 * u, 6 * u)
    body = [(-50, 10), (-50, 24), (-44, 29), (-28, 31), (48, 26), (51, 20), (51, 9)]
    cabin = [(-34, 30), (-22, 44), (10, 44), (27, 29)]
    _shape(picture, [at(*p) for p in body], paint)
    _shape(picture, [at(*p) for p in cabin], paint)
    glass: Colour = (96, 82, 66)
    _shape(picture, [at(*p) for p in [(-29, 31), (-20, 42), (-7, 42), (-7, 31)]], glass)
    _shape(picture, [at(*p) for p in [(-4, 31), (-4, 42), (9, 42), (22, 31)]], glass)
    for dx in (-30, 31):
        _oval(picture, *at(dx, 9), 9 * u, 9 * u, (24, 24, 26))
        _oval(picture, *at(dx, 9), 4.6 * u, 4.6 * u, (150, 150, 152))
    _oval(picture, *at(49, 21), 2.4 * u, 2.6 * u, (205, 240, 250))
    _oval(picture, *at(-49, 22), 1.8 * u, 2.8 * u, (40, 40, 190))
    _limb(picture, at(-48, 16), at(49, 15), u, (paint[0] // 2, paint[1] // 2, paint[2] // 2))


def cat(picture: Picture, x: float, y: float, size: float, phase: float, faces: int, fur: Colour) -> None:
    """A cat on four feet; ``x``, ``y`` is the ground under its middle."""
    shadow(picture, x, y, size * 0.75, size * 0.09)
    for index, dx in enumerate((-0.42, -0.3, 0.3, 0.42)):
        swing = math.sin(phase + index * 1.7) * 0.14
        hip = (x + faces * dx * size, y - size * 0.42)
        foot = (hip[0] + faces * swing * size, y - max(0.0, math.cos(phase + index * 1.7)) * size * 0.05)
        _limb(picture, hip, foot, size * 0.11, (fur[0] * 3 // 4, fur[1] * 3 // 4, fur[2] * 3 // 4))
    _oval(picture, x, y - size * 0.5, size * 0.55, size * 0.21, fur)
    wave = math.sin(phase * 0.5) * 0.1
    base = (x - faces * size * 0.5, y - size * 0.55)
    middle = (base[0] - faces * size * 0.25, base[1] - size * (0.2 + wave))
    _limb(picture, base, middle, size * 0.09, fur)
    _limb(picture, middle, (middle[0] + faces * size * 0.05, middle[1] - size * 0.24), size * 0.08, fur)
    head = (x + faces * size * 0.6, y - size * 0.66)
    _oval(picture, *head, size * 0.19, size * 0.17, fur)
    for dx in (-0.12, 0.1):
        ear = [(dx - 0.06, -0.1), (dx, -0.27), (dx + 0.07, -0.1)]
        _shape(picture, [(head[0] + a * size, head[1] + b * size) for a, b in ear], fur)
    _oval(picture, head[0] + faces * size * 0.08, head[1] - size * 0.02, size * 0.025, size * 0.03, (90, 220, 210))


def bird(picture: Picture, x: float, y: float, size: float, wing: float, faces: int) -> None:
    """A bird; ``wing`` from -1 (down) over 0 (folded) to 1 (up); ``x``, ``y`` is where its feet are."""
    back, breast = (112, 118, 96), (70, 120, 214)
    middle = (x, y - size * 0.42)
    _shape(
        picture,
        [
            (middle[0] - faces * size * 0.4, middle[1] - size * 0.05),
            (middle[0] - faces * size * 0.95, middle[1] + size * 0.18),
            (middle[0] - faces * size * 0.35, middle[1] + size * 0.2),
        ],
        (84, 88, 72),
    )
    _oval(picture, *middle, size * 0.5, size * 0.32, back, -18.0 * faces)
    _oval(picture, middle[0] + faces * size * 0.16, middle[1] + size * 0.06, size * 0.3, size * 0.25, breast)
    head = (middle[0] + faces * size * 0.42, middle[1] - size * 0.3)
    _oval(picture, *head, size * 0.21, size * 0.2, back)
    _oval(picture, head[0] + faces * size * 0.07, head[1] + size * 0.06, size * 0.14, size * 0.12, breast)
    beak = [(0.17, -0.03), (0.36, 0.03), (0.17, 0.07)]
    _shape(picture, [(head[0] + faces * a * size, head[1] + b * size) for a, b in beak], (40, 60, 70))
    _oval(picture, head[0] + faces * size * 0.08, head[1] - size * 0.03, size * 0.035, size * 0.035, (15, 15, 15))
    for dx in (-0.06, 0.1):
        _limb(picture, (x + dx * size, y - size * 0.14), (x + dx * size, y), size * 0.04, (50, 60, 80))
    if wing:
        tip = (middle[0] - faces * size * 0.25, middle[1] - wing * size * 0.85)
        root = [(middle[0] - size * 0.25, middle[1]), tip, (middle[0] + size * 0.25, middle[1] - size * 0.05)]
        _shape(picture, root, (98, 104, 86))
    else:
        _oval(picture, middle[0] - faces * size * 0.1, middle[1], size * 0.36, size * 0.17, (92, 98, 80), -24.0 * faces)
