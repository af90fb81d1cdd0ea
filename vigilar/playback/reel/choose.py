"""Which moments a reel shows, and how long each. Pure: rows of events in, pieces of recordings out, always the same.

Each event has a score of its own; one of a camera, kind or hour that has been taken already counts less each time, so
that no windy tree fills a reel. Pieces begin with the action and are of even length: short first, and longer only while
the reel is not as long as asked.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

from vigilar.base.visit_kinds import MOTION
from vigilar.playback.event_span import clip_span
from vigilar.store.events import StoredEvent

FADE_MS = 480
"""How long one piece turns into the next: 12 pictures."""

PIECE_MS = 6_000
"""As long as a piece is to be, where there is enough to choose from: to see who it is and where they go."""

SHORTEST_MS = 1_500
"""Shorter pieces are a flicker: of too many visits some are left out. Three fades, so that each is seen by itself."""

SEVERITY = {"INFO": 0.0, "WARNING": 1.0, "ALERT": 3.0, "CRITICAL": 4.0}
KIND = {"person": 3.0, "dog": 2.0, "cat": 2.0, "bird": 2.0, "animal": 2.0, "vehicle": 1.5, MOTION: 0.5}
KEPT = 4.0
"""What an event is worth by its severity, its kind, and because somebody keeps it. Beside that up to 1 for how sure the
kind is, and up to 1 for how long it lasts, most of it within the first half minute."""

SAME_CAMERA, SAME_KIND, SAME_HOUR = 0.35, 0.25, 0.6
"""By how much an event is worth less for each one that was taken of the same."""

MOST_MOMENTS = 5000
"""So many of the best are looked at: a year has a hundred thousand, and a reel a hundred."""

HOUR_MS = 3_600_000

Spans = Sequence[tuple[int, int]]
"""[from, to) in UTC ms, in order, none inside of another."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event and its footage: [from_ms, to_ms), UTC ms, all of it recorded."""

    event_id: int
    camera_id: str
    ts_ms: int
    kind: str
    score: float
    from_ms: int
    to_ms: int
    still_id: int | None = None

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms


@dataclass(frozen=True, slots=True)
class Piece:
    """What is shown of a moment: its first ``length_ms``."""

    moment: Moment
    length_ms: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The pieces in time order. ``left_out``: visits for which there was no time; ``unrecorded`` those of which nothing
    is recorded, or not any more, as from and to in UTC ms with the camera's id."""

    pieces: tuple[Piece, ...]
    left_out: int = 0
    unrecorded: tuple[tuple[str, int, int], ...] = ()

    @property
    def length_ms(self) -> int:
        return film_ms([one.length_ms for one in self.pieces])


def film_ms(lengths_ms: Sequence[int]) -> int:
    """How long pieces are behind one another, each turning into the next."""
    return sum(lengths_ms) - FADE_MS * max(0, len(lengths_ms) - 1)


def choose(
    events: Iterable[StoredEvent],
    recorded: Mapping[str, Spans],
    *,
    length_ms: int,
    now_ms: int,
    people_only: bool = False,
    kinds: Iterable[str] | None = None,
    without: Iterable[int] = (),
) -> Choice:
    """The pieces of a reel of ``length_ms``. ``recorded`` is what is recorded of each camera, ``people_only``: of each
    visit of a person one, all alike; ``kinds`` None: all; ``without``: ids of events that are not to be in it."""
    dropped, wanted = frozenset(without), None if kinds is None else frozenset(kinds)
    moments: list[Moment] = []
    unrecorded: list[tuple[str, int, int]] = []
    for event in events:
        kind = event.kind or MOTION
        if event.type != "motion" or event.id in dropped or (wanted is not None and kind not in wanted):
            continue
        if people_only and kind != "person":
            continue
        found = moment_of(event, recorded.get(event.source_id, ()), now_ms)
        if found is not None:
            moments.append(found)
        else:
            unrecorded.append((event.source_id, *clip_span(event, now_ms)))
    moments = _apart(nsmallest(MOST_MOMENTS, moments, key=_rank))
    if people_only:
        # Each fade is shown twice, once in each piece.
        most = max(1, (length_ms - FADE_MS) // (SHORTEST_MS - FADE_MS))
        taken = _take(moments, most, None)
    else:
        taken = _take(moments, len(moments), length_ms)
    pieces = _fit(sorted(taken, key=lambda one: (one.from_ms, one.event_id)), length_ms)
    return Choice(pieces, len(moments) - len(taken), tuple(sorted(unrecorded, key=lambda one: one[1:])))


def moment_of(event: StoredEvent, spans: Spans, now_ms: int) -> Moment | None:
    """The footage of an event: the first of it that is recorded in one piece; None for less than ``SHORTEST_MS``."""
    from_ms, to_ms = clip_span(event, now_ms)
    for begin, end in spans[max(0, bisect_right(spans, (from_ms,)) - 1) :]:
        if begin >= to_ms:
            break
        start, stop = max(from_ms, begin), min(to_ms, end)
        if stop - start >= SHORTEST_MS:
            kind = event.kind or MOTION
            return Moment(event.id, event.source_id, event.ts_ms, kind, score_of(event), start, stop, event.still_id)
    return None


def score_of(event: StoredEvent) -> float:
    """How much it is worth to be seen."""
    seconds = max(0, (event.end_ms or event.ts_ms) - event.ts_ms) / 1000
    score = SEVERITY.get(event.severity, 0.0) + KIND.get(event.kind or MOTION, 1.0) + (KEPT if event.kept else 0.0)
    return score + (event.label_score or 0.0) + min(1.0, math.log2(1 + seconds) / 5)


def _apart(moments: Sequence[Moment]) -> list[Moment]:
    """The best first, each without the footage that one of the same camera shows which is worth more: of a person with
    a dog the recording is one. What is left of it is the longer side, or nothing."""
    found: list[Moment] = []
    shown: dict[str, list[tuple[int, int]]] = {}
    for one in moments:
        known = shown.setdefault(one.camera_id, [])
        from_ms, to_ms = one.from_ms, one.to_ms
        for begin, end in known[max(0, bisect_right(known, (from_ms,)) - 1) :]:
            if begin >= to_ms:
                break
            if from_ms < end:
                from_ms, to_ms = (from_ms, begin) if begin - from_ms >= to_ms - end else (end, to_ms)
        if to_ms - from_ms >= SHORTEST_MS:
            insort(known, (from_ms, to_ms))
            found.append(replace(one, from_ms=from_ms, to_ms=to_ms))
    return found


def _take(moments: Sequence[Moment], most: int, length_ms: int | None) -> list[Moment]:
    """The best ``most`` of ``moments``, which come in the order of what each is worth by itself: one after the other,
    until they fill ``length_ms`` with pieces of ``PIECE_MS``."""
    room = length_ms
    taken: list[Moment] = []
    cameras: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    # Of one camera, kind and hour all count less alike, so the first of them is the best of them.
    left: dict[tuple[str, str, int], deque[Moment]] = {}
    for one in moments:
        left.setdefault((one.camera_id, one.kind, _hour(one)), deque()).append(one)

    def worth(group: tuple[str, str, int]) -> tuple[float, int, int]:
        one, (camera_id, kind, hour) = left[group][0], group
        same = SAME_CAMERA * cameras[camera_id] + SAME_KIND * kinds[kind] + SAME_HOUR * hours[hour]
        return (one.score / (1 + same), -one.ts_ms, -one.event_id)

    while left and len(taken) < most and (room is None or room > 0):
        group = max(left, key=worth)
        best = left[group].popleft()
        if not left[group]:
            del left[group]
        taken.append(best)
        cameras[best.camera_id] += 1
        kinds[best.kind] += 1
        hours[_hour(best)] += 1
        if room is not None:
            room -= min(best.length_ms, PIECE_MS) - (FADE_MS if len(taken) > 1 else 0)
    return taken


def _rank(one: Moment) -> tuple[float, int, int]:
    return -one.score, one.ts_ms, one.event_id


def _hour(one: Moment) -> int:
    return one.ts_ms // HOUR_MS


def _fit(moments: Sequence[Moment], length_ms: int) -> tuple[Piece, ...]:
    """Pieces as long as one another, or as long as they can be, that make ``length_ms`` together."""
    if not moments:
        return ()
    room = length_ms + FADE_MS * (len(moments) - 1)
    lengths = [0] * len(moments)
    for done, number in enumerate(sorted(range(len(moments)), key=lambda i: (moments[i].length_ms, i))):
        lengths[number] = min(moments[number].length_ms, room // (len(moments) - done))
        room -= lengths[number]
    return tuple(map(Piece, moments, lengths))
