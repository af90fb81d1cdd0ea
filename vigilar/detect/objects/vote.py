"""What a track is: the votes of its pictures, and how sure the outcome is. Pure.

Each detection votes for its kind with its score. First it is decided between person, vehicle and animal, by the sum of
the votes; of an animal then its name, which must have most of the animal's votes: else it is "an animal". How sure the
outcome is grows with the scores of its best pictures and with their number, and shrinks with what was voted against it.
What stays below ``LEAST_TOLD`` is not told: "something moved" is never a wrong name.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from vigilar.detect.objects.detection import ANIMALS, ObjectKind

LEAST_TOLD = 0.5
"""Of what is told with 0.5 about every second is right; with fewer, silence is better."""

LEAST_MEAN = {1: 0.8, 2: 0.65}
OTHERS_MEAN = 0.55
"""The mean of the best pictures must be so high, by their number: a network that looks at the same leaves again and
again will take them for somebody once or twice, and be about half sure."""

BEST = 4
"""The best pictures of a track speak for it: from afar and half hidden nobody is recognised."""

SAME_SPECIES = 0.6
"""Of the votes for animals the name of one needs this share."""

WEAK_ANIMAL = 0.9
"""Sum of weak votes for animals from which "an animal" is told, if nothing else has half as many."""

ORDER = (
    ObjectKind.PERSON,
    ObjectKind.VEHICLE,
    ObjectKind.DOG,
    ObjectKind.CAT,
    ObjectKind.BIRD,
    ObjectKind.ANIMAL,
)
"""What a visit is called if several came: what matters most first."""


@dataclass(frozen=True, slots=True)
class Label:
    """``score``, 0..1: how sure it is."""

    kind: ObjectKind
    score: float


class LabelVote:
    """The votes for one track."""

    def __init__(self) -> None:
        self.looks = 0
        self._sums: defaultdict[ObjectKind, float] = defaultdict(float)
        self._best: defaultdict[ObjectKind, list[float]] = defaultdict(list)

    def add(self, kind: ObjectKind, score: float) -> None:
        self.looks += 1
        self._sums[kind] += score
        best = self._best[kind]
        best.append(score)
        best.sort(reverse=True)
        del best[BEST:]

    def label(self) -> Label | None:
        """What it is; None when that is not sure enough to be told."""
        whole = sum(self._sums.values())
        groups: defaultdict[str, float] = defaultdict(float)
        for kind, votes in self._sums.items():
            groups[group_of(kind)] += votes
        if not groups:
            return None
        group = max(groups, key=lambda name: groups[name])
        members = [kind for kind in self._sums if group_of(kind) == group]
        share = groups[group] / whole
        best = sorted((score for kind in members for score in self._best[kind]), reverse=True)[:BEST]
        score = share * _sureness(best)
        leader = max(members, key=lambda kind: self._sums[kind])
        is_named = self._sums[leader] >= SAME_SPECIES * groups[group]
        kind = leader if is_named else ObjectKind.ANIMAL
        is_sure = sum(best) / len(best) >= LEAST_MEAN.get(len(best), OTHERS_MEAN)
        if score >= LEAST_TOLD and is_sure:
            return Label(kind, score)
        is_weak_animal = group == "animal" and groups[group] >= WEAK_ANIMAL and share >= 2 / 3
        return Label(ObjectKind.ANIMAL, max(score, LEAST_TOLD)) if is_weak_animal else None


def group_of(kind: ObjectKind) -> str:
    """``person``, ``vehicle`` or ``animal``: kinds of one group are mistaken for each other, not those of two."""
    return "animal" if kind in ANIMALS else kind.value


def most_important(labels: list[Label]) -> Label | None:
    """What a visit is called by the labels of its tracks."""
    return min(labels, key=lambda label: (ORDER.index(label.kind), -label.score), default=None)


def _sureness(best: list[float]) -> float:
    """Of the best scores, highest first: their mean, and half of what is left to certainty for each that agrees.

    Pictures of one track are far from independent, so not as much as the rule for independent witnesses gives.
    """
    mean = sum(best) / len(best)
    return 1.0 - (1.0 - mean) * 0.75 ** (len(best) - 1)
