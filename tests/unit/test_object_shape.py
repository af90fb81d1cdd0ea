"""What is called an animal by its size and shape: each of the reasons against it is enough by itself. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.shape import PeopleSeen, Shape
from vigilar.detect.objects.tracks import Track
from vigilar.detect.objects.vote import Label

RATIO = 16 / 9


def person(foot: float, height: float, x: float = 0.5, width: float = 0.0) -> Track:
    """Somebody who is known, and was seen four times at that place."""
    half = (width or height / 3 / RATIO) / 2
    track = Track(1, [(0, Box(x - half, foot - height, x + half, foot))])
    for number in range(4):
        track.go_on(Detection(ObjectKind.PERSON, 0.9, track.box), 500 * number, 1.0)
    return track


def people(visits: int = 4) -> PeopleSeen:
    """People of half the picture's height where its row 0.8 is, of a sixth at 0.4, and so on in between."""
    seen = PeopleSeen()
    for _ in range(visits):
        seen.learn([person(row / 10, (row - 2) / 12) for row in (4, 5, 6, 7, 8)], RATIO)
    return seen


@dataclass(frozen=True, slots=True)
class Way:
    """A fox that trots from the left to the right, along row 0.8; in heights of the picture."""

    height: float = 0.14
    length: float = 0.28
    foot: float = 0.8
    rise: float = 0.0
    gait: float = 0.15
    speed: float = 0.4
    looks: int = 14
    every_ms: int = 200
    sway: bool = False
    others: float = 0.0

    def shape(self, found: tuple[Detection, ...] = ()) -> Shape:
        shape = Shape()
        for number in range(self.looks):
            on = self.speed * number * self.every_ms / 1000
            if self.sway:
                on = 0.2 * math.sin(2.5 * number)
            half = self.length * (1 + self.gait * math.sin(1.7 * number)) / 2
            foot = self.foot - self.rise * number / self.looks
            x = 0.35 + on
            box = Box((x - half) / RATIO, foot - self.height, (x + half) / RATIO, foot)
            other = Box(0.9, 0.1, 0.9 + self.others, 0.1 + self.others) if self.others else None
            shape.add(self.every_ms * number, [box, other] if other else [box], found, RATIO)
        return shape


FOX = Way()


def test_fox_is_an_animal_and_no_more_than_that() -> None:
    assert FOX.shape().label(people()) == Label(ObjectKind.ANIMAL, 0.5)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(FOX, height=0.38, length=0.6, speed=0.3), id="a deer's height is none, it may be a car"),
        pytest.param(replace(FOX, height=0.28, length=0.9, speed=0.2), id="longer than a person is high"),
        pytest.param(replace(FOX, length=0.1), id="higher than long: a child, or legs"),
        pytest.param(replace(FOX, height=0.07, length=0.3), id="flat on the ground: a shadow"),
        pytest.param(replace(FOX, gait=0.0), id="keeps its outline: a ball, a robot that mows"),
        pytest.param(replace(FOX, gait=0.03), id="changes by no more than its box trembles: a bag"),
        pytest.param(replace(FOX, speed=0.05), id="stays where it is"),
        pytest.param(replace(FOX, speed=2.2, every_ms=20, looks=90), id="faster than a dog"),
        pytest.param(replace(FOX, sway=True), id="to and fro: a bush"),
        pytest.param(replace(FOX, rise=0.4), id="as large far away as near: it flies before the lens"),
        pytest.param(replace(FOX, foot=0.25), id="where nobody ever walked"),
        pytest.param(replace(FOX, looks=5, every_ms=400), id="the network had few chances"),
        pytest.param(replace(FOX, every_ms=100), id="over in a moment"),
        pytest.param(replace(FOX, others=0.3), id="something else moves too"),
        pytest.param(replace(FOX, height=0.02, length=0.04), id="too small to have a shape"),
    ],
)
def test_what_may_be_something_else_has_no_name(other: Way) -> None:
    assert other.shape().label(people()) is None


@pytest.mark.parametrize("kind", [ObjectKind.PERSON, ObjectKind.VEHICLE])
def test_what_the_network_half_takes_for_somebody_is_no_animal(kind: ObjectKind) -> None:
    unsure = Detection(kind, 0.35, Box(0.2, 0.6, 0.4, 0.9))
    assert FOX.shape((unsure,)).label(people()) is None


def test_parked_car_beside_it_does_not_matter() -> None:
    parked = Detection(ObjectKind.VEHICLE, 0.9, Box(0.8, 0.2, 0.99, 0.4))
    assert FOX.shape((parked,)).label(people()) is not None


def test_two_visits_of_people_teach_nothing_yet() -> None:
    assert people(2).height_at(0.8) is None
    assert people(3).height_at(0.8) == pytest.approx(0.5)
    assert people(3).height_at(0.25) is None


@pytest.mark.parametrize(
    "of_visit",
    [
        pytest.param(person(0.995, 0.5), id="the feet are not in the picture"),
        pytest.param(person(0.8, 0.2, width=0.3), id="sits or lies"),
    ],
)
def test_who_is_not_seen_upright_and_whole_teaches_nothing(of_visit: Track) -> None:
    seen = PeopleSeen()
    for _ in range(5):
        seen.learn([of_visit], RATIO)
    assert seen.height_at(of_visit.box.bottom) is None


def test_camera_that_was_turned_learns_anew() -> None:
    seen = people(40)
    for _ in range(60):
        seen.learn([person(0.8, 0.3), person(0.5, 0.2)], RATIO)
    assert seen.height_at(0.8) == pytest.approx(0.3)
