"""Which pet it is: how often a name that is given is right, and how often one is given.

Drawn cats (``tests/pet_kit.py``) on 48 pictures each: by any light, before four grounds, soft and noisy. Each picture
is left out in turn and named by the confirmed ones of the household: one or eight of each pet, chosen by chance among
the others. ``denied``: of the stranger too eight pictures were answered, with "not ours". With the test bed
(``VIGILAR_TESTBED``) its photographed cats and dogs are shown as well, each in 24 lights and cuts: every one once as
the household's, all others as strangers.

``python -m benchmarks.pets``: 0 when no kind of house has more wrong names than one in fifty, as it should.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np

from tests.pet_kit import COATS, GROUNDS, Picture, look, look_at
from vigilar.pets.match import Answered, Look, find_pet

PICTURES = 48
WANTED = 0.98
"""Of the names that are given so many must be right."""

Looks = dict[str, list[Look]]


def main() -> int:
    cv2.setNumThreads(1)
    print(f"{'house':<58}{'pictures':>9}{'right names':>13}{'named':>8}{'stranger named':>16}")
    drawn = {name: _drawn(number, infrared=False) for number, name in enumerate(COATS)}
    infrared = {name: _drawn(number, infrared=True) for number, name in enumerate(COATS)}
    alike = ("grey tabby", "another grey tabby")
    tries: list[tuple[str, Looks, tuple[str, ...], tuple[str, ...]]] = [
        ("two unlike cats", drawn, ("orange", "black and white"), ()),
        ("two alike cats", drawn, alike, ()),
        ("one cat, strangers of all coats", drawn, ("orange",), tuple(name for name in COATS if name != "orange")),
        ("one cat, a stranger of nearly its coat", drawn, alike[:1], alike[1:]),
        (
            "three cats, strangers",
            drawn,
            ("orange", "black", "grey tabby"),
            ("white", "cream", "brown", "tortoiseshell"),
        ),
        ("two unlike cats, infrared", infrared, ("white", "black"), ()),
        ("one cat, strangers, infrared", infrared, ("grey tabby",), ("white", "black", "brown", "cream")),
    ]
    photos = _photos()
    for found in photos.values():
        for name in found:
            others = tuple(one for one in found if one != name)
            tries.append((f"photographed {name}, {len(others)} strangers", found, (name,), others))
    good = True
    for words, looks, own, others in tries:
        for count in (1, 8):
            good &= _tell(f"{words}, {count} confirmed", looks, own, others, count)
        if len(others) == 1:
            good &= _tell(f"{words}, 8 and 8 denied", looks, own, others, 8, denied=8)
    return 0 if good else 1


def _tell(words: str, looks: Looks, own: tuple[str, ...], others: tuple[str, ...], count: int, denied: int = 0) -> bool:
    rng = np.random.default_rng(7)
    right = wrong = shown = strange = strange_named = 0
    for name in (*own, *others):
        for at, one in enumerate(looks[name]):
            answered = [
                Answered(number, True, looks[pet][index])
                for number, pet in enumerate(own)
                for index in _choose(rng, len(looks[pet]), count, at if pet == name else -1)
            ]
            answered += [
                Answered(None, False, looks[stranger][index])
                for stranger in others
                for index in _choose(rng, len(looks[stranger]), denied, at if stranger == name else -1)
            ]
            match = find_pet(one, answered)
            named = own[match.pet_id] if match else ""
            if name in own:
                shown += 1
                right += named == name
                wrong += bool(named) and named != name
            else:
                strange += 1
                strange_named += bool(named)
    given = right + wrong + strange_named
    precision = right / given if given else 1.0
    stranger = f"{strange_named / strange:.1%}" if strange else "-"
    print(f"{words:<58}{shown + strange:>9}{precision:>13.1%}{(right + wrong) / shown:>8.1%}{stranger:>16}")
    return precision >= WANTED


def _choose(rng: np.random.Generator, many: int, count: int, but: int) -> list[int]:
    return [int(index) for index in rng.permutation(many) if index != but][:count]


def _drawn(number: int, *, infrared: bool) -> list[Look]:
    rng = np.random.default_rng((number, infrared))
    coat = list(COATS.values())[number]
    return [look(coat, rng, list(GROUNDS)[at % len(GROUNDS)], infrared=infrared) for at in range(PICTURES)]


PHOTOS: dict[str, tuple[tuple[str, float, float, float, float], ...]] = {
    "cats": (
        ("cat_rug", 0.1, 0.1, 0.72, 1.0),
        ("cat_close", 0.0, 0.0, 1.0, 0.95),
        ("porch_cat_day", 0.0, 0.2, 0.32, 0.87),
        ("cat_laptop", 0.28, 0.2, 0.66, 0.72),
    ),
    "dogs": (
        ("dog_surf", 0.16, 0.12, 0.93, 0.8),
        ("dogs_lawn", 0.67, 0.38, 0.97, 0.84),
        ("home_dog_2", 0.4, 0.26, 0.78, 0.72),
        ("dog_beach", 0.22, 0.32, 0.8, 1.0),
        ("dog_bike_car", 0.16, 0.38, 0.4, 0.94),
    ),
}
"""Boxes by eye: file without its ending, left, top, right, bottom in 0..1."""


def _photos() -> dict[str, Looks]:
    """The pets of the test bed, where there is one."""
    bed = os.environ.get("VIGILAR_TESTBED")
    if not bed:
        print("photographs: without VIGILAR_TESTBED none are shown", file=sys.stderr)
        return {}
    found: dict[str, Looks] = {kind: {} for kind in PHOTOS}
    for kind, boxes in PHOTOS.items():
        for name, *box in boxes:
            picture = cv2.imread(str(Path(bed) / "images" / f"{name}.jpg"))
            if picture is not None:
                found[kind][name] = _lights(picture.astype(np.uint8), (box[0], box[1], box[2], box[3]))
    return found


def _lights(picture: Picture, box: tuple[float, float, float, float]) -> list[Look]:
    """One photograph by 24 lights: brighter, darker, warmer, softer, mirrored, smaller, with another box each."""
    rng = np.random.default_rng(3)
    looks = []
    for _ in range(24):
        gain, warm = float(np.exp(rng.normal(0, 0.16))), float(rng.normal(0, 0.04))
        lit = np.clip(picture * gain * np.array((1 - warm, 1.0, 1 + warm)), 0, 255)
        soft = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.5, 1.6))) + rng.normal(0, 3, lit.shape)
        shown = np.clip(soft, 0, 255).astype(np.uint8)
        wide, high = box[2] - box[0], box[3] - box[1]
        shift = rng.uniform(-0.07, 0.07, 4) * (wide, high, wide, high)
        sides = np.clip(np.array(box) + shift, 0, 1)
        one = look_at(shown, (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])))
        if one is not None:
            looks.append(one)
    return looks


if __name__ == "__main__":
    sys.exit(main())
