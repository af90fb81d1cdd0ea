"""The clips of the demo house: what happens when, and making them on first start.

Invariant: a clip under its final name is whole. It is written under a temporary name and renamed, so a start that was
cut short makes it again. ``CLIPS_VERSION`` is part of the name: a new drawing gives new files.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vigilar.base.atomic import make_private_folder
from vigilar.demo import actors, places
from vigilar.demo.actors import Picture
from vigilar.media.encode import ClipWriter

CLIPS_VERSION = 1
FRAME_RATE = 10
SUB_WIDTH, SUB_HEIGHT = 640, 360
KEYFRAME_EVERY = 20
"""Pictures from keyframe to keyframe: two seconds, what cameras are usually set to."""

Act = Callable[[Picture, float], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """A place and what happens in it: ``act`` draws everybody who is there at ``t`` seconds of ``length_s``."""

    name: str
    place: Callable[[np.random.Generator], Picture]
    act: Act
    length_s: int
    has_sound: bool = False


@dataclass(frozen=True, slots=True)
class DemoClip:
    """The two streams of a made-up camera."""

    main: Path
    sub: Path


def _along(t: float, start_s: float, end_s: float, start: float, end: float) -> float | None:
    """A position on the way from ``start`` to ``end``, or None outside of the time."""
    if not start_s <= t < end_s:
        return None
    return start + (end - start) * (t - start_s) / (end_s - start_s)


def _street(picture: Picture, t: float) -> None:
    if (x := _along(t, 12.0, 16.0, -220.0, 1500.0)) is not None:
        actors.car(picture, x, 540, 330, 1, (58, 44, 150))
    if (x := _along(t, 23.0, 34.0, 1340.0, -60.0)) is not None:
        actors.person(picture, x, 690, 250, t * 6.2, (120, 84, 46), -1)


def _garden(picture: Picture, t: float) -> None:
    if (x := _along(t, 8.0, 19.0, -110.0, 1400.0)) is not None:
        actors.cat(picture, x, 560, 120, t * 9.0, 1, (64, 74, 86))
    if (y := _along(t, 27.0, 34.0, 386.0, 760.0)) is not None:
        actors.person(picture, 770 - (y - 386) * 0.06, y, (y - 290) * 0.95, t * 6.0, (70, 110, 60), 1)


def _hall(picture: Picture, t: float) -> None:
    if (y := _along(t, 16.0, 24.0, 440.0, 900.0)) is not None:
        actors.person(picture, 640 + math.sin(t) * 8, y, (y - 240) * 1.25, t * 5.6, (140, 60, 60), 1)
    if (x := _along(t, 31.0, 36.0, 380.0, 1180.0)) is not None:
        actors.cat(picture, x, 655, 92, t * 10.0, 1, (120, 150, 190))


def _feeder(picture: Picture, t: float) -> None:
    if (x := _along(t, 10.0, 11.5, 1330.0, 690.0)) is not None:
        y = 150 + (690 - x) / -640 * -300
        actors.bird(picture, x, 452 - (452 - y) * max(0.0, (x - 690) / 640), 110, math.sin(t * 26), -1)
    if 11.5 <= t < 19.0:
        hop = abs(math.sin(t * 3.0)) ** 6 * 14
        actors.bird(picture, 690 - math.floor((t - 11.5) / 1.5) * 24, 454 - hop, 110, 0.0, -1)
    if (x := _along(t, 19.0, 20.5, 594.0, -140.0)) is not None:
        actors.bird(picture, x, 454 - (594 - x) * 0.45, 110, math.sin(t * 26), -1)


SCENES = (
    Scene("street", places.street, _street, 40, has_sound=True),
    Scene("garden", places.garden, _garden, 42),
    Scene("hall", places.hall, _hall, 44),
    Scene("feeder", places.feeder, _feeder, 34),
)


def ensure_clips(folder: Path, names: Collection[str] | None = None) -> dict[str, DemoClip]:
    """The clips of the scenes of these names, or of all, by name; made now if they are not there yet (all about ten
    seconds on two cores). A name of no scene is left out."""
    make_private_folder(folder)
    wanted = [scene for scene in SCENES if names is None or scene.name in names]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="demo-scene") as pool:
        clips = pool.map(lambda scene: ensure_clip(scene, folder), wanted)
        return {scene.name: clip for scene, clip in zip(wanted, clips, strict=True)}


def ensure_clip(scene: Scene, folder: Path) -> DemoClip:
    """The clip of one scene; made now if it is not there yet. ``folder`` exists."""
    clip = DemoClip(
        folder / f"{scene.name}-{CLIPS_VERSION}-main.mp4",
        folder / f"{scene.name}-{CLIPS_VERSION}-sub.mp4",
    )
    if not (clip.main.exists() and clip.sub.exists()):
        _make(scene, clip)
    return clip


def _make(scene: Scene, clip: DemoClip) -> None:
    rng = np.random.default_rng(len(scene.name))
    still = scene.place(rng)
    noise = [rng.integers(0, 3, still.shape, np.uint8) for _ in range(4)]
    temporary = DemoClip(clip.main.with_suffix(".new"), clip.sub.with_suffix(".new"))
    with (
        ClipWriter(temporary.main, places.WIDTH, places.HEIGHT, FRAME_RATE, KEYFRAME_EVERY, scene.has_sound) as main,
        ClipWriter(temporary.sub, SUB_WIDTH, SUB_HEIGHT, FRAME_RATE, KEYFRAME_EVERY) as sub,
    ):
        for index in range(scene.length_s * FRAME_RATE):
            picture = still.copy()
            scene.act(picture, index / FRAME_RATE)
            cv2.add(picture, noise[index % len(noise)], dst=picture)
            main.write(picture)
            sub.write(cv2.resize(picture, (SUB_WIDTH, SUB_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8))
    os.replace(temporary.main, clip.main)
    os.replace(temporary.sub, clip.sub)
