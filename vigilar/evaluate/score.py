"""What was found, held against what is to be seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.evaluate.ours import BEFORE_S, Found, Motion
from vigilar.evaluate.truth import ClipTruth, Visit

WARM_UP_S = 3.0
"""Nobody is judged in the first seconds of all: a background must be learned first."""
LATE_S = 1.0
"""A visit counts as found if it was known this long after its end at the latest."""
_FRAME_S = 0.1
"""Labels are good to a frame of a slow camera."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one clip. ``delays_s``: from the start of a visit until it was known, 0 when motion was going on already.
    ``start_errors_s``: the start that was told minus the labelled one. ``whole_before`` of ``recorded`` visits have all
    of their pre-roll."""

    found: int
    visits: int
    false_starts: int
    quiet_s: float
    delays_s: tuple[float, ...]
    start_errors_s: tuple[float, ...]
    whole_before: int
    recorded: int

    @property
    def recall(self) -> float | None:
        return self.found / self.visits if self.visits else None


def score(found: Found, truth: ClipTruth, rounds: int, length_s: float) -> Score:
    """A visit is found when a motion overlaps it. A start is false when it lies in a quiet span and its motion touches
    no visit, within the tolerance of the labels."""
    visits = [visit for visit in _visits(truth, rounds, length_s) if visit.end_s > WARM_UP_S]
    hits, delays, errors = [], [], []
    for visit in visits:
        over = [motion for motion in found.motions if _is_of(motion, visit, truth.tolerance_s)]
        if not over:
            continue
        hits.append(visit)
        if visit.start_s > WARM_UP_S:
            delays.append(max(0.0, over[0].known_s - visit.start_s))
            errors.append(over[0].start_s - visit.start_s)
    quiet = [(n * length_s + a, n * length_s + b) for n in range(rounds) for a, b in truth.quiet]
    false = [one for one in found.motions if _is_false(one, visits, quiet, truth.tolerance_s)]
    kept = found.kept
    return Score(
        found=len(hits),
        visits=len(visits),
        false_starts=len(false),
        quiet_s=sum(b - a for a, b in quiet),
        delays_s=tuple(delays),
        start_errors_s=tuple(errors),
        whole_before=sum(_has_all_before(visit, kept, truth.tolerance_s) for visit in hits) if kept is not None else 0,
        recorded=len(hits) if kept is not None else 0,
    )


def _visits(truth: ClipTruth, rounds: int, length_s: float) -> list[Visit]:
    return [
        Visit(n * length_s + one.start_s, n * length_s + one.end_s, one.what, one.kinds)
        for n in range(rounds)
        for one in truth.visits
    ]


def _is_of(motion: Motion, visit: Visit, tolerance_s: float) -> bool:
    touches = motion.start_s <= visit.end_s + tolerance_s and motion.end_s >= visit.start_s - tolerance_s
    return touches and motion.known_s <= visit.end_s + LATE_S


def _is_false(motion: Motion, visits: list[Visit], quiet: list[tuple[float, float]], tolerance_s: float) -> bool:
    if motion.known_s <= WARM_UP_S or not any(a <= motion.start_s <= b for a, b in quiet):
        return False
    return not any(
        motion.start_s <= one.end_s + tolerance_s and motion.end_s >= one.start_s - tolerance_s for one in visits
    )


def _has_all_before(visit: Visit, kept: list[tuple[float, float]], tolerance_s: float) -> bool:
    """Whether the recording goes without a hole from the pre-roll before the visit on; a clip may begin later."""
    from_s = max(0.0, visit.start_s - BEFORE_S) + tolerance_s + _FRAME_S
    return any(a <= from_s and b >= visit.start_s for a, b in kept)
