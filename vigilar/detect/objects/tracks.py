"""One object over time: detections of one camera in, tracks out. Pure; time comes with the pictures.

The way of ByteTrack (Zhang et al. 2022) in small: sure detections find their track first, unsure ones may only go on
with one. A track foresees where its box is by its own speed; a detection belongs to the track whose foreseen box it
overlaps most, or whose middle is within reach, as a walker is a body's width away after half a second. Ours instead of
a library's, because looks come at uneven times (a budget decides), and because of what stands:

*A thing that stands* (a parked car) is found in each look near it and has never moved. It is kept as standing, for a
day, and makes no visit. It has moved when its box left the place where it was first seen, or when what moves in the
picture covers much of it.

*A likeness* (the roof of a car, which a network takes for a telephone) is what it looks like from above once it has
gone a way of its own in enough looks, where nothing that is known by itself was found: a telephone in somebody's hand
lies before somebody. Like a name by shape it is the least sure there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.vote import LEAST_TOLD, Label, LabelVote, group_of

SURE = 0.4
"""A detection below this begins no track."""

LEAST_OVERLAP = 0.15
REACH = 0.9
"""So many of its own diagonals may the middle of a box be from where it was foreseen, after a second..."""
REACH_AT_ONCE = 0.35
"""...and at once."""

LOST_MS = 4_000
"""A track not seen for this long has left."""

MOVED_SHARE = 0.35
"""Of its own size a box must be away from where it began, to have moved..."""
MOVED_LEAST = 0.012
"""...and at least by this part of the picture: boxes tremble."""
COVERED = 0.3
"""What moves covers this share of a box that moves."""
COVERED_LOOKS = 2

LEAST_LIKENESSES = 4
"""So many looks must agree on what something looks like from above: as many as speak for a name (``vote.BEST``)."""

STANDING_MS = 24 * 3_600_000
MAX_STANDING = 40
UNSEEN_LOOKS = 5
"""A standing thing not found in so many looks at its place has gone unseen."""

MISTAKEN, SAME_PLACE, SAME_TIME_MS = 3, 0.4, 1_500
"""A track so many times as long, with a box that overlaps so much, within this time, is of the same thing."""

MAX_PATH = 900
"""Boxes kept of a track; of a longer one every other goes."""

SMOOTH = 0.5
"""How much the newest speed counts."""


@dataclass(slots=True)
class Track:
    """One object. ``path`` holds UTC milliseconds and boxes, in order. ``number`` is unique in its tracker. ``vote`` is
    on what it was recognised as, ``likeness`` on what only looks so from above. ``has_left``: it went from where it was
    first seen; what moves in its place has moved too."""

    number: int
    path: list[tuple[int, Box]]
    vote: LabelVote = field(default_factory=LabelVote)
    likeness: LabelVote = field(default_factory=LabelVote)
    has_moved: bool = False
    has_left: bool = False
    looks: int = 1
    _speed: tuple[float, float] = (0.0, 0.0)
    _covered: int = 0
    _unseen: int = 0
    _group: str = ""

    @property
    def box(self) -> Box:
        """The newest."""
        return self.path[-1][1]

    @property
    def start_ms(self) -> int:
        return self.path[0][0]

    @property
    def end_ms(self) -> int:
        return self.path[-1][0]

    @property
    def is_person(self) -> bool:
        """Whether it began as one, sure or not."""
        return self._group == ObjectKind.PERSON

    @property
    def label(self) -> Label | None:
        """What it is, by all its pictures; None when that is not sure."""
        return self.vote.label() or self._by_likeness()

    def _by_likeness(self) -> Label | None:
        found = self.likeness.label() if self.has_left and self.likeness.looks >= LEAST_LIKENESSES else None
        return Label(found.kind, LEAST_TOLD) if found is not None else None

    def foresee(self, at_ms: int) -> Box:
        """Where its box should be at ``at_ms``."""
        seconds = min((at_ms - self.end_ms) / 1000, 2.0)
        dx, dy = self._speed[0] * seconds, self._speed[1] * seconds
        box = self.box
        return Box(box.left + dx, box.top + dy, box.right + dx, box.bottom + dy)

    def go_on(self, found: Detection, at_ms: int, covered: float) -> None:
        """Take the next detection; ``covered``: the share of its box that moves."""
        seconds = max(0.04, (at_ms - self.end_ms) / 1000)
        before, after = _middle(self.box), _middle(found.box)
        share = SMOOTH if self.looks > 1 else 1.0
        self._speed = (
            share * (after[0] - before[0]) / seconds + (1.0 - share) * self._speed[0],
            share * (after[1] - before[1]) / seconds + (1.0 - share) * self._speed[1],
        )
        if at_ms < self.end_ms:  # a clock was set back: a path never goes back in time
            self.path = [(at_ms, self.path[0][1])]
        self.path.append((at_ms, found.box))
        if len(self.path) > MAX_PATH:
            self.path = [*self.path[:1], *self.path[1:-1:2], self.path[-1]]
        self.looks += 1
        self._unseen = 0
        self.note(found, covered)

    def note(self, found: Detection, covered: float) -> None:
        """Count a detection's vote, and whether it shows that the thing moves."""
        (self.likeness if found.is_likeness else self.vote).add(found.kind, found.score)
        self._group = self._group or group_of(found.kind)
        self._covered += covered >= COVERED
        self.has_left = self.has_left or self._is_away()
        self.has_moved = self.has_moved or self._covered >= COVERED_LOOKS or self.has_left

    def is_gone(self, at_ms: int) -> bool:
        if self.has_moved:
            return at_ms - self.end_ms > LOST_MS
        return at_ms - self.end_ms > STANDING_MS or self._unseen >= UNSEEN_LOOKS

    def is_part_of(self, other: Track) -> bool:
        """Whether a much longer track was at the same place at nearly the same time."""
        if MISTAKEN * self.looks > other.looks:
            return False
        near = min(other.path, key=lambda one: abs(one[0] - self.end_ms))
        return abs(near[0] - self.end_ms) <= SAME_TIME_MS and near[1].overlap(self.box) >= SAME_PLACE

    def miss(self) -> None:
        """Its place was looked at, and it was not found."""
        self._unseen += 1

    def affinity(self, found: Detection, at_ms: int) -> float:
        """How well a detection goes on with this track; 0 when it cannot."""
        if group_of(found.kind) != self._group:
            return 0.0
        foreseen = self.foresee(at_ms)
        overlap = max(foreseen.overlap(found.box), self.box.overlap(found.box))
        if overlap >= LEAST_OVERLAP:
            return 1.0 + overlap
        if not self.has_moved and self.looks > 5:
            return 0.0  # what stands does not leap
        diagonal = (foreseen.width**2 + foreseen.height**2) ** 0.5
        seconds = min((at_ms - self.end_ms) / 1000, 2.0)
        reach = diagonal * (REACH_AT_ONCE + REACH * seconds)
        distance = _distance(_middle(foreseen), _middle(found.box))
        is_alike = 0.4 < found.box.area / max(self.box.area, 1e-9) < 2.5
        return 1.0 - distance / reach if is_alike and distance < reach else 0.0

    def _is_away(self) -> bool:
        first, now = self.path[0][1], self.box
        size = min(max(first.width, first.height), max(now.width, now.height))
        # The foot and the middle: a box whose upper half was hidden grows without anything having moved.
        away = min(_distance(_middle(first), _middle(now)), _distance(first.foot, now.foot))
        return away > max(MOVED_LEAST, MOVED_SHARE * size)


class Tracker:
    """The tracks of one camera. One thread."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1
        self._newest_ms = 0

    @property
    def tracks(self) -> list[Track]:
        """Those that are there now, standing things too."""
        return list(self._tracks)

    def add(
        self, found: Sequence[Detection], at_ms: int, moving: Sequence[Box] = (), looked_at: Box | None = None
    ) -> list[Track]:
        """Take what was found in the picture of ``at_ms`` (UTC ms), and give the tracks seen in it. A picture older
        than the one before, as of a clock that was set back, counts as of its time, until ``end_moved``.

        ``moving`` is where motion is; ``looked_at`` the part of the picture that was looked at, None for all of it.
        """
        at_ms = self._newest_ms = max(at_ms, self._newest_ms)
        seen: list[Track] = []
        rest = self._without_things_held(found)
        for least, most in ((SURE, 1.01), (0.0, SURE)):
            wanted = [one for one in rest if least <= one.score < most]
            for track, one in self._pairs(wanted, at_ms, seen):
                track.go_on(one, at_ms, _covered(one.box, moving))
                seen.append(track)
                rest.remove(one)
        seen += [self._begin(one, at_ms, moving) for one in rest if one.score >= SURE]
        for track in self._tracks:
            if track not in seen and _is_within(track.box, looked_at):
                track.miss()
        return seen

    def _without_things_held(self, found: Sequence[Detection]) -> list[Detection]:
        """``found`` without likenesses where something known is, or where somebody came."""
        known = [one.box for one in found if not one.is_likeness]
        known += [one.box for one in self._tracks if one.has_moved and one.is_person]
        return [one for one in found if not (one.is_likeness and any(one.box.shared(box) > 0.0 for box in known))]

    def take_ended(self, at_ms: int) -> list[Track]:
        """Those that have left by ``at_ms``; they are forgotten here."""
        gone = [track for track in self._tracks if track.is_gone(at_ms)]
        standing = sorted((one for one in self._tracks if not one.has_moved), key=lambda one: one.end_ms)
        gone += [one for one in standing[:-MAX_STANDING] if one not in gone]
        self._tracks = [track for track in self._tracks if track not in gone]
        return gone

    def end_moved(self) -> list[Track]:
        """End all that moved: the visit is over. What stands stays. A short track that was where a longer one is was a
        mistake about the same thing (legs that come in are a dog for a moment), and is left out."""
        moved = [track for track in self._tracks if track.has_moved]
        self._tracks = [track for track in self._tracks if not track.has_moved]
        self._newest_ms = 0  # or the visits of an hour would have no length, after a clock was set back by one
        return [one for one in moved if not any(one.is_part_of(other) for other in moved if other is not one)]

    def _pairs(self, found: list[Detection], at_ms: int, taken: list[Track]) -> Iterable[tuple[Track, Detection]]:
        offers = [
            (track.affinity(one, at_ms), number, index)
            for number, track in enumerate(self._tracks)
            if track not in taken
            for index, one in enumerate(found)
        ]
        used_tracks: set[int] = set()
        used: set[int] = set()
        for affinity, number, index in sorted(offers, reverse=True):
            if affinity > 0.0 and number not in used_tracks and index not in used:
                used_tracks.add(number)
                used.add(index)
                yield self._tracks[number], found[index]

    def _begin(self, found: Detection, at_ms: int, moving: Sequence[Box]) -> Track:
        track = Track(self._next, [(at_ms, found.box)])
        self._next += 1
        track.note(found, _covered(found.box, moving))
        self._tracks.append(track)
        return track


def _covered(box: Box, moving: Sequence[Box]) -> float:
    """The share of ``box`` in which something moves; areas that overlap count twice, up to all of it."""
    return min(1.0, sum(box.shared(area) for area in moving) / max(box.area, 1e-9))


def _is_within(box: Box, outer: Box | None) -> bool:
    return outer is None or box.shared(outer) > 0.9 * box.area


def _middle(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)
