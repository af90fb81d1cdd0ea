"""What a model makes of clips and pictures: what each motion is called, as a camera's process would tell it, and
whether that is right.

The same parts as there: pictures that are looked at during a motion, cut out around what moves, at the same pace; then
tracks, and the vote over each. Only the main stream is asked: what the detector gets of a small one is cut from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from vigilar.base.clock import SimulatedClock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionReading, MotionSettings
from vigilar.detect.objects.crops import choose_region
from vigilar.detect.objects.detection import ANIMALS, Box, ObjectKind
from vigilar.detect.objects.model import ObjectModel
from vigilar.detect.objects.pace import look_gap_s
from vigilar.detect.objects.shape import PeopleSeen, Shape
from vigilar.detect.objects.tracks import Tracker
from vigilar.detect.objects.vote import LEAST_TOLD, most_important
from vigilar.detect.pictures import MotionEnded, MotionStarted, PictureLike
from vigilar.evaluate.clip import BASE_NS, Clip, read_clip, seconds_of
from vigilar.evaluate.infrared import is_grey
from vigilar.evaluate.score import WARM_UP_S
from vigilar.evaluate.truth import ClipTruth, PictureTruth
from vigilar.media.decode import Decoder
from vigilar.media.packets import RunStart, StreamRole


@dataclass(frozen=True, slots=True)
class Named:
    """One motion in seconds of the clip, and what it was called; empty for nothing."""

    start_s: float
    end_s: float
    kind: str


@dataclass(frozen=True, slots=True)
class NamedClip:
    """``is_infrared``: most of its pictures have no colour."""

    named: tuple[Named, ...]
    is_infrared: bool


GREY_EVERY = 10
"""So many looks apart it is seen whether there is colour."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Of what was told ``right`` was right; of what was there ``found`` was told. None of nothing."""

    precision: float | None
    recall: float | None
    told: int
    there: int


class Tally:
    """Counts by kind. One visit that may be called by several names counts for ``animal`` if that is one of them."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self._there: Counter[str] = Counter()
        self._found: Counter[str] = Counter()

    def tell(self, kind: str, *, is_right: bool) -> None:
        self._told[kind] += 1
        self._right[kind] += is_right

    def expect(self, kinds: frozenset[str], told: Iterable[str]) -> None:
        """Something of ``kinds`` was there, and ``told`` was told of it."""
        name = "animal" if "animal" in kinds else min(kinds)
        self._there[name] += 1
        self._found[name] += bool(kinds & set(told))

    def rates(self) -> dict[str, Rate]:
        """By kind, and ``all`` together."""
        kinds = sorted({*self._told, *self._there})
        found = {kind: self._rate([kind]) for kind in kinds}
        return {**found, "all": self._rate(kinds)} if kinds else {}

    def _rate(self, kinds: Sequence[str]) -> Rate:
        told, there = (sum(counter[kind] for kind in kinds) for counter in (self._told, self._there))
        right, found = (sum(counter[kind] for kind in kinds) for counter in (self._right, self._found))
        return Rate(round(right / told, 3) if told else None, round(found / there, 3) if there else None, told, there)


def name_motions(clip: Clip, sensitivity: float, model: ObjectModel) -> NamedClip:
    """Each motion of one round of the clip, named as at its end."""
    return _Namer(model).run(clip, sensitivity)


class _Namer:
    def __init__(self, model: ObjectModel) -> None:
        self._model = model
        self._size = (model.manifest.width, model.manifest.height)
        self._tracker = Tracker()
        self._people, self._shape, self._ratio = PeopleSeen(), Shape(), 1.0
        self._named: list[Named] = []
        self._began_s: float | None = None
        self._looked_s = 0.0
        self._looks = 0
        self._seen = 0
        self._greys: list[bool] = []

    def run(self, clip: Clip, sensitivity: float) -> NamedClip:
        analyser = Analyser(
            *(MotionSettings(sensitivity), Decoder, self._start, self._end, SimulatedClock(), self._look),
            follows_closely=True,
        )
        analyser.start_run(RunStart(StreamRole.MAIN, 1, (clip.info,), BASE_NS, BASE_NS))
        for packet in clip.packets:
            analyser.feed(packet)
        analyser.end()
        return NamedClip(tuple(self._named), 2 * sum(self._greys) > len(self._greys))

    def _start(self, motion: MotionStarted) -> None:
        self._began_s, self._looked_s = seconds_of(motion.mono_ns), -1.0
        self._shape = Shape()
        self._find(motion.picture, ())

    def _end(self, motion: MotionEnded) -> None:
        labels = [one.label for one in self._tracker.tracks if one.has_moved]
        label = most_important([one for one in labels if one is not None]) or self._shape.label(self._people)
        if self._began_s is not None:
            kind = label.kind.value if label is not None else ""
            self._named.append(Named(self._began_s, seconds_of(motion.last_mono_ns), kind))
        self._began_s = None
        self._people.learn(self._tracker.end_moved(), self._ratio)

    def _look(self, picture: PictureLike, reading: MotionReading) -> None:
        if self._seen % GREY_EVERY == 0:
            self._greys.append(is_grey(picture.crop_bgr((0.0, 0.0, 1.0, 1.0), (64, 64))))
        self._seen += 1
        if self._began_s is None:
            return
        at_s = seconds_of(picture.mono_ns)
        if at_s - self._looked_s >= 0.9 * look_gap_s(at_s - self._began_s):
            self._looked_s = at_s
            self._find(picture, tuple(Box(one.left, one.top, one.right, one.bottom) for one in reading.areas))

    def _find(self, picture: PictureLike, moving: tuple[Box, ...]) -> None:
        around = moving or tuple(track.box for track in self._tracker.tracks if track.has_moved)
        region = choose_region(around, picture.shown, self._size, self._looks)
        self._looks += 1
        pixels = picture.crop_bgr((region.left, region.top, region.right, region.bottom), self._size)
        found = [replace(one, box=one.box.within(region)) for one in self._model.find(pixels)]
        at_ms, self._ratio = picture.utc_ns // 1_000_000, picture.shown[0] / picture.shown[1]
        self._tracker.add(found, at_ms, moving, region)
        self._shape.add(at_ms, moving, found, self._ratio)


def judge(named: Sequence[Named], truth: ClipTruth, *tallies: Tally) -> dict[str, Rate]:
    """Count the names of one clip into ``tallies`` too; the rates of this clip alone. "An animal" is no wrong name for
    a cat, a dog or a bird, but finds none."""
    own = Tally()
    visits = [visit for visit in truth.visits if visit.end_s > WARM_UP_S]
    for one in (*tallies, own):
        for motion in named:
            over = [v.kinds for v in truth.visits if _touch(motion, v.start_s, v.end_s, truth.tolerance_s)]
            if motion.kind and all(over):  # of what nobody knows a name for, no name is wrong
                one.tell(motion.kind, is_right=any(_is_right(motion.kind, kinds) for kinds in over))
        for visit in visits:
            if visit.kinds:
                told = [m.kind for m in named if _touch(m, visit.start_s, visit.end_s, truth.tolerance_s)]
                one.expect(visit.kinds, told)
    return own.rates()


def _is_right(kind: str, kinds: frozenset[str]) -> bool:
    return kind in kinds or (kind == ObjectKind.ANIMAL and not kinds.isdisjoint(ANIMALS))


def _touch(motion: Named, start_s: float, end_s: float, tolerance_s: float) -> bool:
    return motion.start_s <= end_s + tolerance_s and motion.end_s >= start_s - tolerance_s


@dataclass(slots=True)
class Tallies:
    """Over all clips, those in colour, and those in infrared light."""

    all: Tally = field(default_factory=Tally)
    day: Tally = field(default_factory=Tally)
    infrared: Tally = field(default_factory=Tally)


def name_clips(
    clips: Iterable[ClipTruth], sensitivity: float, model: ObjectModel, tallies: Tallies
) -> Iterator[tuple[str, dict[str, Rate]]]:
    """The rates of each main stream, as it is done."""
    for truth in clips:
        if truth.role is StreamRole.MAIN:
            found = name_motions(read_clip(truth.path, truth.length_s), sensitivity, model)
            light = tallies.infrared if found.is_infrared else tallies.day
            yield truth.name, judge(found.named, truth, tallies.all, light)


def name_pictures(pictures: Iterable[PictureTruth], model: ObjectModel) -> tuple[dict[str, Rate], int]:
    """The rates over single pictures, each looked at as a whole, and how many empty ones have a find."""
    tally, empty_with_find = Tally(), 0
    for truth in pictures:
        picture = cv2.imdecode(np.frombuffer(truth.path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            continue
        found = model.find(np.asarray(picture, dtype=np.uint8))
        told = {one.kind.value for one in found if one.score >= LEAST_TOLD}
        empty_with_find += bool(told) and not truth.objects
        for kind in sorted(told):
            tally.tell(kind, is_right=any(_is_right(kind, kinds) for kinds in truth.objects))
        for kinds in truth.objects:
            tally.expect(kinds, told)
    return tally.rates(), empty_with_find
