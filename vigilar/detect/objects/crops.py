"""Which part of a picture is looked at, and which of its pictures people should see. Pure.

A network has an input of fixed size. A person 40 pixels high in a picture of 1280 is 13 of them once all of it is made
416 wide, and is not found; cut out with some room around, 40 stay 40 or more.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vigilar.detect.objects.detection import Box, Detection

ROOM = 0.6
"""Around what moves so much of its size is looked at as well: motion finds legs, the network wants the whole."""

LEAST_SHARES = (0.55, 1.5)
"""In turns a part is at least this share of the network's input, in pixels: near, and from further off. A soft picture
made larger tells a network less than a small one with its surroundings (measured on eight clips: neither way is best on
all, and on one each the other finds nothing)."""

WHOLE = 0.75
"""A part of more than this, in both directions, is all of the picture."""

SMALL_PX = 90
"""What moves is lower than this in the picture at hand: a larger picture, if there is one, shows more of it."""

STILL_AREA = 0.08
"""A thing of this part of the picture is as large as need be on a still."""

CUT_OFF = 0.004
"""A box this near to the picture's edge goes on beyond it: half a leg."""


def choose_region(moving: Sequence[Box], shown: tuple[int, int], network: tuple[int, int], turn: int) -> Box:
    """The part to look at, in 0..1: around one cluster of ``moving`` (the next one at each ``turn``); all without any.

    ``shown``: the picture's size in square pixels. ``network``: the size of the network's input.
    """
    least = LEAST_SHARES[turn % len(LEAST_SHARES)]
    clusters = _clusters([_with_room(one, shown, network, least) for one in moving])
    if not clusters:
        return Box(0.0, 0.0, 1.0, 1.0)
    region = clusters[turn // len(LEAST_SHARES) % len(clusters)]
    if region.width > WHOLE and region.height > WHOLE:
        return Box(0.0, 0.0, 1.0, 1.0)
    return region


def _with_room(box: Box, shown: tuple[int, int], network: tuple[int, int], least: float) -> Box:
    """A part around ``box`` in the shape of the network's input, moved into the picture."""
    width, height = box.width * shown[0] * (1 + 2 * ROOM), box.height * shown[1] * (1 + 2 * ROOM)
    scale = max(width / network[0], height / network[1], least)
    part = min(1.0, network[0] * scale / shown[0]), min(1.0, network[1] * scale / shown[1])
    left = min(max((box.left + box.right) / 2 - part[0] / 2, 0.0), 1.0 - part[0])
    top = min(max((box.top + box.bottom) / 2 - part[1] / 2, 0.0), 1.0 - part[1])
    return Box(left, top, left + part[0], top + part[1])


def _clusters(parts: list[Box]) -> list[Box]:
    """Parts that overlap by much become one; from left to right, so that turns are taken in the same order."""
    found: list[Box] = []
    for part in sorted(parts, key=lambda one: -one.area):
        near = next((one for one in found if one.shared(part) > 0.4 * part.area), None)
        if near is None:
            found.append(part)
        else:
            found[found.index(near)] = Box(
                min(near.left, part.left),
                min(near.top, part.top),
                max(near.right, part.right),
                max(near.bottom, part.bottom),
            )
    return sorted(found, key=lambda one: one.left)


def is_small(moving: Sequence[Box], height_px: int) -> bool:
    """Whether what moves is too low to be recognised well in a picture of ``height_px``."""
    return bool(moving) and max(one.height for one in moving) * height_px < SMALL_PX


def still_worth(found: Detection, part: NDArray[np.uint8], in_part: Box) -> float:
    """How good a still of ``found`` its picture is, 0..1: larger, sharper, surer, and not cut off by the edge.

    ``part`` is the picture that was looked at (BGR), ``in_part`` where it is on it.
    """
    size = min(1.0, found.box.area / STILL_AREA) ** 0.5
    edges = (found.box.left, found.box.top, 1.0 - found.box.right)  # the lower edge cuts off feet, which matters less
    whole = 0.5 if min(edges) < CUT_OFF else 1.0
    return float(found.score * size * whole * (0.5 + 0.5 * _sharpness(part, in_part)))


def _sharpness(part: NDArray[np.uint8], box: Box) -> float:
    """0..1: the variance of the Laplacian, against what a soft picture has (Pech-Pacheco et al. 2000)."""
    height, width = part.shape[:2]
    rows = slice(int(box.top * height), max(int(box.bottom * height), int(box.top * height) + 2))
    columns = slice(int(box.left * width), max(int(box.right * width), int(box.left * width) + 2))
    cut = part[rows, columns]
    if min(cut.shape[:2]) < 3:
        return 0.0
    variance = float(cv2.Laplacian(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())
    return variance / (variance + 150.0)
