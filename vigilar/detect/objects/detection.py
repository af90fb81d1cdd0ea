"""What a model finds: a box, a kind, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ObjectKind(StrEnum):
    """What people are told of. ``ANIMAL`` is one that is no cat, dog or bird, or of which that is not known."""

    PERSON = "person"
    VEHICLE = "vehicle"
    CAT = "cat"
    DOG = "dog"
    BIRD = "bird"
    ANIMAL = "animal"


ANIMALS = frozenset({ObjectKind.CAT, ObjectKind.DOG, ObjectKind.BIRD, ObjectKind.ANIMAL})


@dataclass(frozen=True, slots=True)
class Box:
    """Fractions of the picture, 0..1, with ``left < right`` and ``top < bottom``."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def foot(self) -> tuple[float, float]:
        """Where it stands: the middle of the lower edge."""
        return (self.left + self.right) / 2, self.bottom

    def within(self, outer: Box) -> Box:
        """This box, given in fractions of ``outer``, in fractions of what ``outer`` is part of."""
        return Box(
            outer.left + self.left * outer.width,
            outer.top + self.top * outer.height,
            outer.left + self.right * outer.width,
            outer.top + self.bottom * outer.height,
        )

    def shared(self, other: Box) -> float:
        """The area both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        both = self.shared(other)
        whole = self.area + other.area - both
        return both / whole if whole > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one picture. ``score``, 0..1, is calibrated: of those with 0.8 about four of five are right.

    ``is_likeness``: the network took it for something that looks like ``kind`` from above. By itself that says nothing.
    """

    kind: ObjectKind
    score: float
    box: Box
    is_likeness: bool = False
