"""Whose picture it is: numbers of one picture against those of pictures that people answered for. Pure, plain Python.

A name is given only when a confirmed picture is near, clearly nearer than any other animal's and than every picture of
which somebody said that it is not this pet. Else it stays "a cat". Pictures by day and by infrared are never compared:
a black cat is bright in infrared. ``python -m benchmarks.pets`` measures what the limits below give.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VALUES = 42
"""Numbers of a look; ``pets.look`` says what each is."""

VERSION = 1
"""A look made in another way is compared with none."""

_HEAD = struct.Struct("<BBBB")
LOOK_BYTES = _HEAD.size + VALUES

NEAR, NEAR_OF_MANY, NEAR_INFRARED = 0.18, 0.15, 0.045
"""No name beyond this distance: the animal is somebody else's, or nobody can tell. Of a pet with MANY pictures one is
always rather near, also to a stranger. By infrared brown and grey are one, so hardly anything is near enough."""

MANY = 4

CLEAR = 0.7
"""The next animal must be so much farther away: nearest / next at most this."""

APART, APART_OF_FEW = 0.32, 0.58
"""Two animals whose pictures are no farther apart than this, in the mean, look alike: neither gets a name by itself. Of
fewer than FEW pairs of pictures the mean says little, so they must be farther apart; of fewer than LEAST it says
by which light they were taken, and no more."""

FEW, LEAST = 9, 4

NEAREST = 3
"""A pet is as far away as the mean of so many of its nearest pictures, or all it has."""

COMPARED = 6
"""Pictures of each of two pets that are compared with one another."""

MOST_PICTURES = 200
"""Compared of one pet at most, the newest: comparing 200 takes 1 ms (best of 20)."""


class BadLook(ValueError):
    """Bytes that are no look."""


@dataclass(frozen=True, slots=True)
class Look:
    """How an animal looks on one picture: ``values`` 0..255 each. ``is_infrared``: the picture has no colours.
    ``size`` is the shorter side of the animal on it in pixels, at most 255."""

    is_infrared: bool
    size: int
    values: bytes

    def dump(self) -> bytes:
        return _HEAD.pack(VERSION, self.is_infrared, min(self.size, 255), 0) + self.values

    @classmethod
    def parse(cls, raw: bytes) -> Look:
        """Raises BadLook for what is none, also for one of another version."""
        if len(raw) != LOOK_BYTES:
            raise BadLook("these are not the numbers of a picture")
        version, is_infrared, size, _ = _HEAD.unpack_from(raw)
        if version != VERSION or is_infrared > 1:
            raise BadLook("these numbers are of another kind")
        return cls(bool(is_infrared), size, raw[_HEAD.size :])


@dataclass(frozen=True, slots=True)
class Answered:
    """A picture that somebody answered for: it is pet ``pet_id``, or it is not (``is_it`` false). ``pet_id`` None: none
    of the household's."""

    pet_id: int | None
    is_it: bool
    look: Look


@dataclass(frozen=True, slots=True)
class Match:
    """``score`` 0..1: how sure it is."""

    pet_id: int
    score: float


def find_pet(look: Look, answered: Iterable[Answered]) -> Match | None:
    """The pet whose picture it is, None when that is not sure."""
    known = list(answered)
    alike = [(distance(look, one.look), one) for one in known if one.look.is_infrared == look.is_infrared]
    pets = {one.pet_id for _, one in alike if one.is_it and one.pet_id is not None}
    if not pets:
        return None
    far = {pet_id: _mean([at for at, one in alike if one.is_it and one.pet_id == pet_id]) for pet_id in pets}
    best = min(far, key=lambda pet_id: far[pet_id])
    # One picture is enough to speak against a name, so of these the nearest counts alone.
    others = [at for at, one in alike if (not one.is_it and one.pet_id in (None, best)) or _is_other(one, best)]
    own = [one.look for _, one in alike if one.is_it and one.pet_id == best]
    # Also one that was confirmed in the other light alone: nobody knows how it looks in this one.
    for pet_id in {one.pet_id for one in known if one.is_it} - {best, None}:
        if _are_alike(own, [one.look for _, one in alike if one.is_it and one.pet_id == pet_id]):
            return None
    denied = [one.look for _, one in alike if not one.is_it and one.pet_id in (None, best)]
    if len(own) * len(denied) >= FEW and _are_alike(own, denied):
        return None
    nearest, limit = far[best], NEAR_OF_MANY if len(own) >= MANY else NEAR
    if look.is_infrared:
        limit = NEAR_INFRARED
    if others:
        limit = min(limit, CLEAR * min(others))
    if nearest > limit or limit <= 0.0:
        return None
    return Match(best, round(1.0 - 0.5 * nearest / limit, 3))


def distance(one: Look, other: Look) -> float:
    """How far apart two looks are, 0 for the same; two that share no colour at all are about 1."""
    return float(sum((a - b) ** 2 for a, b in zip(one.values, other.values, strict=True)) ** 0.5 / (255.0 * 2**0.5))


def _is_other(one: Answered, pet_id: int) -> bool:
    return one.is_it and one.pet_id not in (None, pet_id)


def _are_alike(some: Sequence[Look], others: Sequence[Look]) -> bool:
    """Whether two pets look alike on the pictures compared of them."""
    pairs = [distance(one, other) for one in some[:COMPARED] for other in others[:COMPARED]]
    return len(pairs) < LEAST or sum(pairs) / len(pairs) < (APART_OF_FEW if len(pairs) < FEW else APART)


def _mean(distances: Sequence[float]) -> float:
    near = sorted(distances)[:NEAREST]
    return sum(near) / len(near)
