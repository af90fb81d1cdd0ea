"""Which animals a person may name in one tap, and what they are to a garden. The detector knows no species: it says
"bird" or "animal", and all beyond that is somebody's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from vigilar.base.visit_kinds import MOTION

if TYPE_CHECKING:
    from vigilar.store.wildlife import OwnSpecies

PREDATOR, NUISANCE, PASSIVE = "predator", "nuisance", "passive"
TIERS: dict[str, str] = {PREDATOR: "Predator", NUISANCE: "Nuisance", PASSIVE: "Harmless"}
"""What an animal is to a house with a garden, hens or bins, and the words for it."""

WILD_KINDS = ("animal", "bird")
"""Kinds of visits that are wild animals whoever they are. A cat or a dog is one only where a person said so."""

NAMEABLE = frozenset({*WILD_KINDS, "cat", "dog", MOTION})
"""Kinds of visits in which a person may name an animal. A person or a vehicle is never made one by a tap."""

NONE = "none"
"""Somebody said that there was no animal."""


@dataclass(frozen=True, slots=True)
class Species:
    """``key`` is what is stored; ``kind`` the kind of a visit that it makes; ``tier`` is empty where nobody knows.
    ``is_own``: the household added it."""

    key: str
    name: str
    kind: str
    tier: str
    is_own: bool = False


def _rows(kind: str, tier: str, *names: str) -> list[Species]:
    return [Species(name.lower().replace(" ", "-").replace("'", ""), name, kind, tier) for name in names]


COMMON: tuple[Species, ...] = (
    *_rows("animal", PASSIVE, "Hedgehog", "Deer", "Squirrel", "Rabbit", "Hare", "Bat"),
    *_rows("animal", PREDATOR, "Fox", "Marten", "Weasel", "Coyote", "Bobcat", "Wolf", "Bear"),
    *_rows("animal", NUISANCE, "Badger", "Raccoon", "Wild boar", "Rat", "Mouse", "Skunk", "Opossum"),
    *_rows("cat", NUISANCE, "Neighbour's cat", "Stray cat"),
    *_rows("dog", NUISANCE, "Neighbour's dog", "Stray dog"),
    *_rows("bird", PASSIVE, "Blackbird", "Robin", "Tit", "Sparrow", "Jay", "Woodpecker", "Duck", "Pheasant", "Crow"),
    *_rows("bird", NUISANCE, "Magpie", "Pigeon", "Gull", "Heron", "Goose"),
    *_rows("bird", PREDATOR, "Hawk", "Owl", "Kite"),
)

FIRST = ("fox", "hedgehog", "deer", "badger", "marten", "raccoon", "squirrel", "rabbit")
FIRST_BIRDS = ("blackbird", "tit", "sparrow", "pigeon", "magpie", "crow", "owl", "hawk")
"""What most gardens see: these stand before all others."""

OF_A_KIND: dict[str, Species] = {
    "animal": Species("animal", "Animal", "animal", ""),
    "bird": Species("bird", "Bird", "bird", ""),
}
"""A visit of which nobody said more than its kind."""

CORRECTIONS: dict[str, Species] = {
    **OF_A_KIND,
    "cat": Species("cat", "Cat of ours", "cat", ""),
    "dog": Species("dog", "Dog of ours", "dog", ""),
    NONE: Species(NONE, "No animal", MOTION, ""),
}
"""What a person may say of the kind alone."""

MOST_OWN = 200
MAX_NAME_CHARS = 40


class KnownSpecies:
    """The common species and the household's own, by key. Immutable."""

    def __init__(self, own: Iterable[Species] = ()) -> None:
        self.all: tuple[Species, ...] = (*own, *COMMON)
        self._known: Mapping[str, Species] = {one.key: one for one in self.all}

    @classmethod
    def of_house(cls, own: Iterable[OwnSpecies]) -> Self:
        """With those that the household added, as their rows say."""
        return cls(Species(one.key, one.name, one.kind, one.tier, True) for one in own)

    def find(self, key: str) -> Species | None:
        """A species, none of the words for a kind alone."""
        return self._known.get(key)

    def find_word(self, key: str) -> Species | None:
        """Anything that a person may say of a visit."""
        return self._known.get(key) or CORRECTIONS.get(key)

    def by_name(self, name: str) -> Species | None:
        folded = name.casefold()
        return next((one for one in self.all if one.name.casefold() == folded), None)

    def of_visit(self, kind: str, said: str) -> Species | None:
        """What a visit of this kind was, of which a person said ``said`` (empty for nothing); None: no wild animal."""
        return self._known.get(said) or OF_A_KIND.get(kind)

    def offered(self, kind: str) -> tuple[tuple[Species, ...], tuple[Species, ...]]:
        """What is offered for a visit of this kind: first the household's own and what is common, then all the rest."""
        if kind == "bird":
            first = [one for one in self.all if one.kind == "bird" and (one.is_own or one.key in FIRST_BIRDS)]
        elif kind in ("cat", "dog"):
            first = [one for one in self.all if one.kind == kind]
        else:
            first = [one for one in self.all if one.kind != "bird" and (one.is_own or one.key in FIRST)]
        first.sort(key=lambda one: (not one.is_own, one.name))
        rest = sorted((one for one in self.all if one not in first), key=lambda one: one.name)
        return tuple(first), tuple(rest)
