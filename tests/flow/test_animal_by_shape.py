"""An animal that the network does not know is named by its size and shape, and nothing else is: drawn, as real video,
before a camera that has seen people walk. The network is one
that knows blue people and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.object_kit import manifest_of
from vigilar.demo import actors, places
from vigilar.demo.actors import Picture
from vigilar.detect.objects.detection import ObjectKind
from vigilar.detect.objects.engine import Numbers
from vigilar.detect.objects.model import ObjectModel
from vigilar.evaluate.clip import read_clip
from vigilar.evaluate.labels import name_motions
from vigilar.media.encode import ClipWriter

FPS = 10
PEOPLE = ((4.0, 9.0), (14.0, 19.0), (24.0, 29.0))
FIRST_S, STAYS_S, EVERY_S = 34.0, 8.0, 13.0
"""Who comes after them, one after the other."""
ROW = 610
"""Where they walk, in pixels of the places' 1280x720; people are 290 high there."""

Act = Callable[[Picture, float, float], None]
"""Draws at a place from left to right, and at so many seconds since it came."""


def cat(picture: Picture, x: float, t: float) -> None:
    actors.cat(picture, x, ROW, 130, t * 9.0, 1, (40, 44, 56))


def car(picture: Picture, x: float, _t: float) -> None:
    actors.car(picture, x, ROW, 520, 1, (60, 60, 80))


def bag(picture: Picture, x: float, _t: float) -> None:
    """As large and long as a cat, and keeps its shape."""
    cv2.ellipse(picture, (round(x), ROW - 40), (75, 40), 0, 0, 360, (210, 210, 215), -1, cv2.LINE_AA)


def spider(picture: Picture, x: float, t: float) -> None:
    """On the lens: soft, bright, and it goes up and down without becoming smaller."""
    y = 450 + 240 * math.sin(1.9 * t)
    light = np.zeros(picture.shape, np.float32)
    cv2.ellipse(light, (round(x), round(y)), (90, 50 + round(12 * math.sin(9 * t))), 0, 0, 360, (130, 130, 130), -1)
    picture[:] = np.clip(picture + cv2.GaussianBlur(light, (0, 0), 9), 0, 255).astype(np.uint8)


def walk(picture: Picture, t: float) -> None:
    for start_s, end_s in PEOPLE:
        if start_s <= t < end_s:
            x = -100 + 1480 * (t - start_s) / (end_s - start_s)
            before = picture.copy()
            actors.person(picture, x, ROW, 290, t * 6.2, (120, 84, 46), 1)
            picture[(picture != before).any(axis=2)] = (230, 30, 30)


def draw(path: Path, acts: Sequence[Act], *, with_people: bool = True) -> Path:
    """The garden: people walk by, if any, then what ``acts`` draw comes, each by itself."""
    still = places.garden(np.random.default_rng(3))
    noise = [np.random.default_rng(seed).integers(0, 3, still.shape, np.uint8) for seed in range(4)]
    with ClipWriter(path, 640, 360, FPS, 2 * FPS) as writer:
        for index in range(round((FIRST_S + EVERY_S * len(acts)) * FPS)):
            picture, t = still.copy(), index / FPS
            if with_people:
                walk(picture, t)
            turn, since_s = divmod(t - FIRST_S, EVERY_S)
            if turn >= 0 and since_s < STAYS_S:
                acts[int(turn)](picture, -200 + 1680 * since_s / STAYS_S, since_s)
            cv2.add(picture, noise[index % len(noise)], dst=picture)
            writer.write(cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA).astype(np.uint8))
    return path


class BluePeople:
    """A network that finds one blue figure, and nothing else."""

    provider = "test"

    def run(self, numbers: Numbers) -> Numbers:
        found = np.zeros((1, MANIFEST.cells, 6), np.float32)
        blue, green, red = numbers[0]
        rows, columns = np.nonzero(blue - np.maximum(green, red) > 90)
        if rows.size > 20:
            width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
            middle = columns.min() + width / 2, rows.min() + height / 2
            found[0, 0] = (*(side / SIDE for side in middle), *np.log((width / SIDE, height / SIDE)), 0.95, 0.95)
        return found


SIDE = 32
MANIFEST = replace(manifest_of(b""), width=416, height=416, strides=(SIDE,), kinds={0: ObjectKind.PERSON})


@pytest.fixture(scope="module")
def network() -> ObjectModel:
    return ObjectModel(MANIFEST, BluePeople())


def names(path: Path, network: ObjectModel) -> tuple[list[str], list[tuple[int, str]]]:
    """What the people were called, and each of what came after them by its turn."""
    named = name_motions(read_clip(path), 0.5, network).named
    after = [(int((one.start_s - FIRST_S) // EVERY_S), one.kind) for one in named if one.end_s > FIRST_S]
    return [one.kind for one in named if one.end_s < FIRST_S], after


@pytest.mark.long
def test_only_what_has_the_size_and_gait_of_an_animal_is_called_one(tmp_path: Path, network: ObjectModel) -> None:
    people, after = names(draw(tmp_path / "clip.mp4", (cat, car, bag, spider)), network)
    assert people == ["person"] * len(PEOPLE)
    assert sorted(set(after)) == [(0, "animal"), (1, ""), (2, ""), (3, "")]


@pytest.mark.long
def test_where_no_people_were_seen_nothing_is_named_by_its_size(tmp_path: Path, network: ObjectModel) -> None:
    assert names(draw(tmp_path / "clip.mp4", (cat,), with_people=False), network) == ([], [(0, "")])
