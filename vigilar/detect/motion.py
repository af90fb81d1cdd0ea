"""What moves in a picture: MOG2 on a small grey picture, with the light explained away.

MOG2 learns by media time, not by picture: two pictures a second and thirty lead to the same background, and somebody
who stands still is forgotten after the same half minute. OpenCV runs on the caller's thread alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vigilar.detect.lighting import Blob, Grey, not_light, opened
from vigilar.detect.zone_sight import ZoneSight
from vigilar.detect.zones import NO_ZONES, ZoneMap

cv2.setNumThreads(1)  # the camera process has its own threads; more cost memory and gain nothing at this size

BACKGROUND_TAU_S = 300.0
"""Time constant of the background. A new thing becomes background at a weight of 0.1 (MOG2's own), after 0.105 of it:
a person who stands still, or a parked car, after 31 s."""
YOUNG_FACTOR = 4.0
"""A background of age t learns with a time constant of 4 t, so that a start with somebody in view heals soon."""
YOUNGEST_TAU_S = 1.0
LIGHT_TAU_S = 1.0
"""After a change of light in which nothing moves: learn it soon, so that it need not be explained at each look."""
BLIND_TAU_S = 0.3
"""After a change of the whole picture: the new one is the background after two looks at two a second."""
SETTLE_S = 1.0
"""How long the two last after the last such look."""
MAX_BLIND_S = 8.0
"""A picture that goes on changing as a whole for longer is no lamp and no infrared filter: it is reported."""
WARM_UP_S = 2.0
"""After a start pictures are learned and not judged."""
MAX_LOOK_GAP_S = 10.0
"""A longer gap between looks (camera gone) counts as this long: a picture must not be forgotten in one step."""
RENEW_S = 4.0
"""Age at which the picture of the background, for comparing light, is taken anew."""
LEARN_S = 3.9
"""A scene in which nothing changes is shown to MOG2 this often: at each second keyframe of a stream at rest, whose
keyframes usually lie 2 s apart."""
LEAST_VARIANCE = 4.0
"""MOG2's own: a background pixel varies by two grey levels at least."""
UNCHANGED_SHARE = 0.7
"""A pixel is unchanged within this share of the least distance at which MOG2 calls it foreground."""
SCENE_CHANGE_FRAC = 0.8
"""More foreground than this, that light does not explain, is another picture and not a thing in it."""
SPREAD_CELLS, SPREAD_CELL_FRAC, SPREAD_FRAC = 10, 0.25, 0.3
"""The same for more than 0.3 of the picture if it is all over it: a quarter of each of ten of its sixteen parts. A lamp
or an infrared filter changes less where it is dark and where it is far; a thing so large stands before the lens, and
moves on a second later."""
LIGHT_FRAC = 0.15
"""More foreground than this of which light explains most is a change of light..."""
LIGHT_SHARE = 0.25
"""...when less than this share of the foreground is left."""
QUIET_SHARE = 0.25
"""Foreground below this share of the least blob is not looked at closer."""
MAX_BOXES = 8


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """``sensitivity`` 0..1: 0 sees what fills a hundredth of the picture, 0.5 a four-hundredth, 1 a 1,600th. ``zones``:
    where it matters."""

    sensitivity: float = 0.5
    zones: ZoneMap = NO_ZONES

    @property
    def least_area_frac(self) -> float:
        """The least blob that is motion, as a part of the picture."""
        return 0.01 * math.pow(16.0, -self.sensitivity)

    @property
    def variance_threshold(self) -> float:
        """MOG2's squared distance in standard deviations: 32, 16, 8 at sensitivity 0, 0.5, 1."""
        return 32.0 * math.pow(4.0, -self.sensitivity)

    @property
    def light_tolerance(self) -> float:
        """Grey levels from the background, gain taken out, that still are background: 17, 12, 8.5."""
        return 12.0 * math.pow(2.0, 0.5 - self.sensitivity)


@dataclass(frozen=True, slots=True)
class MovingArea:
    """A moving thing, in 0..1 of width and height."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class MotionReading:
    """One look at one picture.

    ``area_frac`` is the largest moving blob that counts (``zones``) as a part of the picture, 0 while learning;
    ``stir_frac`` the largest that is worth a closer look, as it may come to count. ``is_learning``: warming up
    or settling after a change of the whole picture, nothing is judged. ``is_lighting_change``: much changed, and light
    explains most of it. ``is_other_scene``: nearly all changed and light does not explain it: an infrared filter, a
    knock against the camera. ``areas``: the moving blobs that are not ignored, largest first. ``zone_names``: zones and
    lines of what counts; ``counting`` is where the largest of that is.
    """

    area_frac: float
    stir_frac: float = 0.0
    is_learning: bool = False
    is_lighting_change: bool = False
    is_other_scene: bool = False
    areas: tuple[MovingArea, ...] = ()
    zone_names: tuple[str, ...] = ()
    counting: MovingArea | None = None


class MotionDetector:
    """Looks at the pictures of one camera, in order. One thread.

    A picture of another size starts the background anew.
    """

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._reset((0, 0))

    def _reset(self, shape: tuple[int, int]) -> None:
        self._mog = cv2.createBackgroundSubtractorMOG2(
            history=500, varThreshold=self._settings.variance_threshold, detectShadows=False
        )
        self._shape = shape
        self._sight = ZoneSight(self._settings.zones, shape)
        self._background: Grey = np.zeros(shape, np.uint8)
        self._background_age_s = 0.0
        self._age_s = 0.0
        self._looked_mono_ns: int | None = None
        self._learned_mono_ns: int | None = None
        self._light_left_s = 0.0
        self._blind_left_s = 0.0
        self._blind_s = 0.0

    @property
    def settings(self) -> MotionSettings:
        return self._settings

    @settings.setter
    def settings(self, settings: MotionSettings) -> None:
        """Takes effect with the next look; the background stays, unless other areas are black now."""
        before, self._settings = self._settings, settings
        self._mog.setVarThreshold(settings.variance_threshold)
        if settings.zones.private != before.zones.private:
            self._reset(self._shape)
        elif settings.zones != before.zones:
            self._sight = ZoneSight(settings.zones, self._shape)

    @property
    def is_warm(self) -> bool:
        return self._age_s >= WARM_UP_S

    def look(self, small: Grey, mono_ns: int) -> MotionReading:
        """Judge the newest picture, made by ``shrink``, and learn from it. ``mono_ns``: when it was taken."""
        if small.shape != self._shape:
            self._reset((small.shape[0], small.shape[1]))
        small = self._sight.blacken(small)
        since_look_s, since_learned_s = _span_s(self._looked_mono_ns, mono_ns), _span_s(self._learned_mono_ns, mono_ns)
        self._looked_mono_ns = mono_ns
        is_unchanged = self._is_unchanged(small)
        if is_unchanged and since_learned_s < LEARN_S:
            return MotionReading(0.0)
        # What is new in the picture was not there while nothing changed, so that time is not its.
        elapsed_s = since_learned_s if is_unchanged else since_look_s
        self._learned_mono_ns = mono_ns
        was_warm = self.is_warm
        self._age_s += since_learned_s
        if self.is_warm and not was_warm:
            self._take_background()
        found = self._foreground(small, self._rate(elapsed_s))
        if not self.is_warm:
            return MotionReading(0.0, is_learning=True)
        reading = self._judge(self._reading(found, small, mono_ns, is_newest=True), elapsed_s)
        self._renew_background(since_learned_s)
        return reading

    def look_back(self, small: Grey, mono_ns: int) -> MotionReading:
        """Judge a picture older than the last look, without learning: the background has moved on."""
        if small.shape != self._shape or not self.is_warm:
            return MotionReading(0.0, is_learning=True)
        small = self._sight.blacken(small)
        return self._reading(self._foreground(small, 0.0), small, mono_ns, is_newest=False)

    def settle(self) -> bool:
        """The picture has changed as a whole: learn the new one before it is judged. False when that goes on for too
        long to be a lamp."""
        if self._blind_s >= MAX_BLIND_S:
            return False
        self._blind_left_s = SETTLE_S
        self._age_s = WARM_UP_S  # the background is as young as after a start: who was learned with it heals soon
        return True

    def _is_unchanged(self, small: Grey) -> bool:
        """Whether the picture is so much the background's that MOG2 need not be asked: a tenth of its cost."""
        if not self.is_warm or self._light_left_s > 0.0 or self._blind_left_s > 0.0:
            return False
        level = UNCHANGED_SHARE * math.sqrt(self._settings.variance_threshold * LEAST_VARIANCE)
        _, far = cv2.threshold(cv2.absdiff(small, self._background), level, 255, cv2.THRESH_BINARY)
        far_px = cv2.countNonZero(self._sight.hide(opened(np.asarray(far, dtype=np.uint8))))
        return far_px < QUIET_SHARE * self._settings.least_area_frac * small.size

    def _rate(self, elapsed_s: float) -> float:
        """MOG2's learning rate for a picture ``elapsed_s`` after the one before."""
        if self._age_s == 0.0:
            return 1.0
        tau_s = min(BACKGROUND_TAU_S, max(YOUNGEST_TAU_S, YOUNG_FACTOR * self._age_s))
        if self._light_left_s > 0.0:
            tau_s = min(tau_s, LIGHT_TAU_S)
        if self._blind_left_s > 0.0:
            tau_s = BLIND_TAU_S
        return 1.0 - math.exp(-elapsed_s / tau_s)

    def _foreground(self, small: Grey, rate: float) -> Grey:
        return self._sight.hide(opened(np.asarray(self._mog.apply(small, learningRate=rate), dtype=np.uint8)))

    def _renew_background(self, elapsed_s: float) -> None:
        # Half as dear as MOG2 itself, so not with each look; but the old light must not be compared with for long.
        self._background_age_s += elapsed_s
        is_settling = self._light_left_s > 0.0 or self._blind_left_s > 0.0
        if is_settling or self._background_age_s >= RENEW_S:
            self._take_background()

    def _take_background(self) -> None:
        self._background = np.asarray(self._mog.getBackgroundImage(), dtype=np.uint8)
        self._background_age_s = 0.0

    def _judge(self, reading: MotionReading, elapsed_s: float) -> MotionReading:
        """Pass ``reading`` on, or hold it back while the picture settles after a change of all of it."""
        self._light_left_s = max(0.0, self._light_left_s - elapsed_s)
        self._blind_left_s = max(0.0, self._blind_left_s - elapsed_s)
        if reading.is_lighting_change:
            # Somebody in the new light must not be learned with it.
            is_empty = max(reading.area_frac, reading.stir_frac) < self._settings.least_area_frac
            self._light_left_s = SETTLE_S if is_empty else 0.0
        if reading.is_other_scene:
            self.settle()
        if self._blind_left_s == 0.0:
            if not reading.is_other_scene:
                self._blind_s = 0.0
            return reading
        self._blind_s += elapsed_s
        return replace(reading, area_frac=0.0, stir_frac=0.0, is_learning=True, areas=(), zone_names=(), counting=None)

    def _reading(self, found: Grey, small: Grey, mono_ns: int, *, is_newest: bool) -> MotionReading:
        least_px = self._settings.least_area_frac * found.size
        found_px = cv2.countNonZero(found)
        if found_px < QUIET_SHARE * least_px:
            return MotionReading(0.0)
        blobs = not_light(found, small, self._background, self._settings.light_tolerance)
        is_light = sum(blob.area_px for blob in blobs) < LIGHT_SHARE * found_px
        standing = self._sight.standing(blobs)
        judged = self._sight.judge(standing, mono_ns, is_newest=is_newest)
        counting = judged.counting
        return MotionReading(
            counting.area_px / found.size if counting else 0.0,
            stir_frac=judged.stirring_px / found.size,
            is_lighting_change=is_light and found_px > LIGHT_FRAC * found.size,
            is_other_scene=not is_light and (found_px > SCENE_CHANGE_FRAC * found.size or _is_spread(found, found_px)),
            areas=_areas(standing, least_px / 2, found.shape[1], found.shape[0]),
            zone_names=judged.names,
            counting=_area(counting, found.shape[1], found.shape[0]) if counting else None,
        )


def _is_spread(found: Grey, found_px: int) -> bool:
    """Whether the foreground is all over the picture."""
    if found_px < SPREAD_FRAC * found.size:
        return False
    cells = cv2.resize(found, (4, 4), interpolation=cv2.INTER_AREA)
    return int(np.count_nonzero(cells >= 255 * SPREAD_CELL_FRAC)) >= SPREAD_CELLS


def _span_s(since_mono_ns: int | None, mono_ns: int) -> float:
    """Media time between two looks, 0 to MAX_LOOK_GAP_S."""
    if since_mono_ns is None:
        return 0.0
    return min(max((mono_ns - since_mono_ns) / 1e9, 0.0), MAX_LOOK_GAP_S)


def _areas(blobs: list[Blob], least_px: float, width: int, height: int) -> tuple[MovingArea, ...]:
    """Where the blobs of at least ``least_px`` are, in a picture of ``width`` x ``height``."""
    return tuple(_area(blob, width, height) for blob in blobs[:MAX_BOXES] if blob.area_px >= least_px)


def _area(blob: Blob, width: int, height: int) -> MovingArea:
    return MovingArea(blob.x / width, blob.y / height, (blob.x + blob.width) / width, (blob.y + blob.height) / height)
