"""What is not recognised, by its size and shape: "an animal", or nothing. Pure.

No network names the fox in infrared light. But a camera before which people walk knows how high they are in each row of
the picture. What is far lower there than they are, longer than high, and walks a way of its own on the ground, changing
its outline with each step, is no car, no person upright and no insect before the lens. All of that is asked for, and
where no people were seen nothing is said: a wrong name is worse than none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.tracks import Track
from vigilar.detect.objects.vote import LEAST_TOLD, Label, group_of

EDGE = 0.01
"""A box this near to the picture's edge goes on beyond it: nobody knows how large the thing is."""

SURE_PERSON = 0.7
UPRIGHT = 1.3
"""Who is higher than wide by this stands or walks."""
SAMPLES_OF_VISIT = 12
MEMORY = 400
"""Heights kept: of some thirty visits, so that a camera that was turned has learned anew soon."""
ROWS = 0.05
"""People who stood within this part of the picture's height above or below are as far away."""
LEAST_VISITS = 3
LEAST_SAMPLES = 6

LEAST_LOOKS, LEAST_S = 6, 1.5
"""The network had so many chances, over so long, to know it."""
MOST_LOOKS = 100
"""Those of the last half minute or more; an older way says nothing new."""
LEAST_HEIGHT = 0.03
"""Of the picture: what is smaller has no shape (5 rows of what motion is looked for in)."""
CLEAR_SHARE = 0.7
"""In so many of the looks one whole thing moves on ground that is known."""
ONE_THING = 0.6
"""The largest blob has this share of all that moves."""
PERSON_AT_ALL = 0.3
"""A person or vehicle half as sure as must be told, where it moves: then it may be one."""
HEIGHTS = (0.08, 0.6)
"""Of a person there: a cat has 0.15, a fox 0.25, a roe 0.45. A child of a metre has 0.57 and is not longer than high; a
car has 0.8, and is longer than LONGEST."""
LONGEST = 1.2
LENGTHS = (1.1, 3.5)
"""Longer than high by so much. A shadow on the ground, or a beam of light, is longer."""
STEADY_SIZE = 1.6
"""Against those of people there its heights stay the same, but for this factor between their quarters (a blob loses its
legs now and then): what flies or crawls before the lens is as large in each row of the picture."""
LEAST_WAY = 0.8
"""It goes so far, in heights of people..."""
STRAIGHT = 0.4
"""...and this share of its way brings it on: a bush in the wind goes to and fro..."""
SPEEDS = (0.1, 3.0)
"""...at so many of them a second, 0.6 to 19 km/h: what flies is faster."""
GAIT = (0.03, 0.5)
"""By so much (the logarithm) its outline changes from look to look: what rolls or is blown along keeps it, and light
has none."""
TREMBLE = 1.5 / 180
"""A box is exact to a row or two of what motion is looked for in: what changes by less keeps its outline."""


@dataclass(frozen=True, slots=True)
class _Person:
    foot: float
    height: float
    visit: int


class PeopleSeen:
    """How high people are in the rows of one camera's picture. One thread."""

    def __init__(self) -> None:
        self._people: deque[_Person] = deque(maxlen=MEMORY)
        self._visits = 0

    def learn(self, tracks: Sequence[Track], ratio: float) -> None:
        """Take those of a visit that is over who surely are people. ``ratio``: width by height of the picture."""
        self._visits += 1
        for track in tracks:
            label = track.label
            if label is None or label.kind is not ObjectKind.PERSON or label.score < SURE_PERSON:
                continue
            boxes = [box for _, box in track.path if _is_whole(box) and box.height >= UPRIGHT * box.width * ratio]
            step = max(1, math.ceil(len(boxes) / SAMPLES_OF_VISIT))
            self._people.extend(_Person(box.bottom, box.height, self._visits) for box in boxes[::step])

    def height_at(self, foot: float) -> float | None:
        """How high somebody is whose feet are in this row, both in parts of the picture's height; None where too few
        have stood."""
        near = [one for one in self._people if abs(one.foot - foot) <= ROWS]
        if len(near) < LEAST_SAMPLES or len({one.visit for one in near}) < LEAST_VISITS:
            return None
        return median(one.height for one in near)


class Shape:
    """What moves in one visit, as it is seen at each look of the detector. One thread."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, Box | None]] = deque(maxlen=MOST_LOOKS)
        self._ratio = 1.0
        self._may_be_known = False

    def add(self, at_ms: int, moving: Sequence[Box], found: Sequence[Detection], ratio: float) -> None:
        """One look: where something moves, and what the network found; ``ratio``: width by height of the picture."""
        if not moving:
            return
        self._ratio = ratio
        largest = max(moving, key=lambda one: one.area)
        is_one = largest.area >= ONE_THING * sum(one.area for one in moving)
        self._looks.append((at_ms, largest if is_one and _is_whole(largest) else None))
        self._may_be_known = self._may_be_known or any(_may_be(one, largest) for one in found)

    @property
    def path(self) -> list[tuple[int, Box]]:
        """UTC milliseconds and the box of each look that shows one whole thing."""
        return [(at_ms, box) for at_ms, box in self._looks if box is not None]

    def label(self, people: PeopleSeen) -> Label | None:
        """An animal, or None. Nothing that the network recognised may be there."""
        if self._may_be_known or len(self._looks) < LEAST_LOOKS:
            return None
        path = self.path
        measured = [(at_ms, box, high) for at_ms, box in path if (high := people.height_at(box.bottom)) is not None]
        if len(measured) < max(LEAST_LOOKS, CLEAR_SHARE * len(self._looks)):
            return None
        if measured[-1][0] - measured[0][0] < LEAST_S * 1000:
            return None
        is_animal = self._has_size(measured) and self._has_gait(measured) and self._walks(measured)
        return Label(ObjectKind.ANIMAL, LEAST_TOLD) if is_animal else None

    def _has_size(self, measured: Sequence[tuple[int, Box, float]]) -> bool:
        heights = sorted(box.height / high for _, box, high in measured)
        lengths = [box.width * self._ratio / high for _, box, high in measured]
        quarter = len(heights) // 4
        return (
            median(box.height for _, box, _ in measured) >= LEAST_HEIGHT
            and HEIGHTS[0] <= median(heights) <= HEIGHTS[1]
            and median(lengths) <= LONGEST
            and heights[-1 - quarter] <= STEADY_SIZE * heights[quarter]
        )

    def _has_gait(self, measured: Sequence[tuple[int, Box, float]]) -> bool:
        shapes = [box.width * self._ratio / box.height for _, box, _ in measured]
        change = median(abs(math.log(after / before)) for before, after in pairwise(shapes))
        least = max(GAIT[0], TREMBLE / median(box.height for _, box, _ in measured))
        return LENGTHS[0] <= median(shapes) <= LENGTHS[1] and least <= change <= GAIT[1]

    def _walks(self, measured: Sequence[tuple[int, Box, float]]) -> bool:
        steps = [self._step(before, after) for before, after in pairwise(measured)]
        way, seconds = sum(steps), (measured[-1][0] - measured[0][0]) / 1000
        on = self._step(measured[0], measured[-1])
        return on >= LEAST_WAY and on >= STRAIGHT * way and SPEEDS[0] <= way / seconds <= SPEEDS[1]

    def _step(self, before: tuple[int, Box, float], after: tuple[int, Box, float]) -> float:
        """The way of its foot, in heights of people there."""
        (x, y), (to_x, to_y) = before[1].foot, after[1].foot
        return math.hypot((to_x - x) * self._ratio, to_y - y) / ((before[2] + after[2]) / 2)


def _is_whole(box: Box) -> bool:
    return min(box.left, box.top, 1.0 - box.right, 1.0 - box.bottom) > EDGE


def _may_be(found: Detection, moving: Box) -> bool:
    """Whether the network half takes what moves for a person or a vehicle."""
    return (
        found.score >= PERSON_AT_ALL
        and group_of(found.kind) != "animal"
        and found.box.shared(moving) >= 0.3 * min(moving.area, found.box.area)
    )
