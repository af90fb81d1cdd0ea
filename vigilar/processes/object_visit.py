"""One visit as it is recognised: its tracks, its name by now, and the picture people should see. Pure but for JPEG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vigilar.base.track_path import PathBox, pack_path
from vigilar.base.visit_kinds import MOTION
from vigilar.detect.objects.detection import ANIMALS, Box, Detection, ObjectKind
from vigilar.detect.objects.shape import PeopleSeen, Shape
from vigilar.detect.objects.tracks import Track, Tracker
from vigilar.detect.objects.vote import Label, most_important
from vigilar.detect.zones import NO_ZONES, Bounds, ZoneMap
from vigilar.processes.motion_path import EndedTrack

GAP_MS = 3_000
"""Who is looked at only now and then, as a budget allows, has not left a zone in between."""

BETTER = 1.15
"""A picture must be so much better to take the place of the still."""

HOLD_MS = 3_000
"""Who came and was seen within this time is still there, moving or not."""
UNNAMED = 0.3
"""What a picture of something unknown is worth, against one of something sure."""

STAYS = frozenset({ObjectKind.PERSON}) | ANIMALS
"""Kinds that stand still for a while and go on. A vehicle that stands is parked."""


@dataclass(frozen=True, slots=True)
class StillPicture:
    """A JPEG that may become the still of a visit, with the times of its picture. ``look``: how the cat or dog on it
    looks (``pets.match``), empty where it shows none."""

    jpeg: bytes
    width: int
    height: int
    utc_ns: int
    mono_ns: int
    look: bytes = b""


UNNAMED_LOOKS = 4
"""Something that moved, has no name and was seen so often is not just a part of what has one."""


class Visit:
    """The motion ``motion_id``. ``is_held``: nobody has heard of it yet. One thread."""

    def __init__(self, motion_id: str, *, is_held: bool = False) -> None:
        self.motion_id = motion_id
        self.is_held = is_held
        self.still: StillPicture | None = None
        self.told: Label | None = None
        self.model = ""
        self.looks = 0
        self.shape = Shape()
        self._worth = 0.0
        self._told_worth = 0.0

    def label(self, tracker: Tracker, zones: ZoneMap = NO_ZONES) -> Label | None:
        """What came, by all its tracks that moved and count in ``zones``; None while that is not sure."""
        moved = [(one, one.label) for one in tracker.tracks if one.has_moved]
        return most_important([label for one, label in moved if label is not None and _counts(one.path, label, zones)])

    def label_by_shape(self, tracker: Tracker, people: PeopleSeen, zones: ZoneMap = NO_ZONES) -> Label | None:
        """What came, by its size and shape, where the network knows nothing of what moved. It names, and sends nobody
        away: what is told of as an animal is told of otherwise too."""
        if any(one.has_moved and one.label is not None for one in tracker.tracks):
            return None
        label = self.shape.label(people)
        return label if label is not None and _counts(self.shape.path, label, zones) else None

    def is_unwanted(self, tracker: Tracker, zones: ZoneMap) -> bool:
        """Whether all that came has a name, and none of it counts in ``zones``: a likeness sends nobody away."""
        moved = [one for one in tracker.tracks if one.has_moved]
        named = [one for one in moved if one.vote.label() is not None]
        others = [one for one in moved if one.vote.label() is None and one.looks >= UNNAMED_LOOKS]
        return bool(named) and self.label(tracker, zones) is None and all(_is_part(one, named) for one in others)

    def offer_still(self, worth: float, make: Callable[[], StillPicture]) -> None:
        """Keep the picture if it is clearly better than the best so far."""
        if worth > BETTER * self._worth:
            self._worth, self.still = worth, make()

    def take_still(self) -> StillPicture | None:
        """The best picture, if it is clearly better than the one taken before."""
        if self.still is None or self._worth <= BETTER * self._told_worth:
            return None
        self._told_worth = self._worth
        return self.still


def is_still_there(tracker: Tracker, at_ms: int) -> bool:
    """Whether somebody who came is there at ``at_ms``, standing perhaps."""
    return any(
        one.has_moved and at_ms - one.end_ms <= HOLD_MS and one.label is not None and one.label.kind in STAYS
        for one in tracker.tracks
    )


def objects_of(tracks: Sequence[Track]) -> list[dict[str, object]]:
    """Tracks that move, as the message ``ObjectSeen`` has them."""
    found: list[dict[str, object]] = []
    for track in tracks:
        if track.has_moved or track.looks == 1:
            label = track.label
            box = track.box
            found.append(
                {
                    "track": track.number,
                    "kind": label.kind.value if label else MOTION,
                    "score": round(label.score, 2) if label else 0.0,
                    "box": [round(side, 4) for side in (box.left, box.top, box.right, box.bottom)],
                }
            )
    return found


def ended(track: Track, zones: ZoneMap = NO_ZONES, otherwise: Label | None = None) -> EndedTrack:
    """A track that is over, ready to be stored; ``otherwise``: what it is if it has no name of its own."""
    label = track.label or otherwise
    boxes = [PathBox(at, box.left, box.top, box.width, box.height) for at, box in track.path]
    kind, score = (label.kind.value, label.score) if label else (MOTION, 0.0)
    names = tuple(zones.judge(kind, _bounds(track.path)).names)
    return EndedTrack(kind, score, track.start_ms, track.end_ms, pack_path(boxes), names)


def _counts(path: Sequence[tuple[int, Box]], label: Label, zones: ZoneMap) -> bool:
    return zones == NO_ZONES or zones.judge(label.kind.value, _bounds(path), GAP_MS).counts


def _is_part(one: Track, named: Sequence[Track]) -> bool:
    return any(one.is_part_of(other) for other in named)


def _bounds(path: Sequence[tuple[int, Box]]) -> Iterator[tuple[int, Bounds]]:
    return ((at, (box.left, box.top, box.right, box.bottom)) for at, box in path)


def best_of(found: Sequence[Detection], tracks: Sequence[Track]) -> Detection | None:
    """The detection of a thing that moves which a still should show: the largest sure one."""
    moving = [track.box for track in tracks if track.has_moved or track.looks == 1]
    shown = [one for one in found if one.box in moving]
    return max(shown, key=lambda one: one.score * one.box.area**0.5, default=None)


def unknown(area: Box) -> Detection:
    """What only moves, as something a still may show."""
    return Detection(ObjectKind.ANIMAL, UNNAMED, area)
