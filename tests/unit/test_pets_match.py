"""Which pet it is, by drawn animals: named when clear, a cat when not, never across day and infrared."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pet_kit import COATS, draw, look, look_at
from vigilar.pets.match import LOOK_BYTES, Answered, BadLook, Look, find_pet

MILO, LUNA = 1, 2


def looks(name: str, count: int, *, seed: int = 0, infrared: bool = False) -> list[Look]:
    rng = np.random.default_rng((seed, *name.encode()))
    return [look(COATS[name], rng, infrared=infrared) for _ in range(count)]


def confirmed(pet: int, found: list[Look]) -> list[Answered]:
    return [Answered(pet, True, one) for one in found]


def test_confirmed_pet_is_found_again_and_the_other_is_not_it() -> None:
    answered = [*confirmed(MILO, looks("orange", 8)), *confirmed(LUNA, looks("black", 8))]
    new = {name: [find_pet(one, answered) for one in looks(name, 10, seed=1)] for name in ("orange", "black")}
    assert {one.pet_id for one in new["orange"] if one} == {MILO}
    assert {one.pet_id for one in new["black"] if one} == {LUNA}
    assert sum(one is not None for one in new["orange"] + new["black"]) >= 8


def test_strangers_get_no_name() -> None:
    answered = confirmed(MILO, looks("orange", 8))
    strangers = [one for name in ("black", "white", "grey tabby") for one in looks(name, 6)]
    assert [find_pet(one, answered) for one in strangers] == [None] * len(strangers)


def test_nothing_confirmed_names_nobody() -> None:
    one = looks("orange", 1)[0]
    assert find_pet(one, []) is None
    assert find_pet(one, [Answered(MILO, False, one), Answered(None, False, one)]) is None


def test_two_that_look_alike_get_no_name() -> None:
    answered = [*confirmed(MILO, looks("grey tabby", 8)), *confirmed(LUNA, looks("another grey tabby", 8))]
    named = [find_pet(one, answered) for one in looks("grey tabby", 10, seed=1)]
    assert sum(one is not None for one in named) <= 1


def test_denied_picture_speaks_against_a_name() -> None:
    own, new = looks("orange", 1)[0], looks("orange", 1)[0]
    assert find_pet(new, confirmed(MILO, [own])) is not None, "it is the same picture"
    assert find_pet(new, [*confirmed(MILO, [own]), Answered(MILO, False, new)]) is None
    assert find_pet(new, [*confirmed(MILO, [own]), Answered(None, False, new)]) is None
    assert find_pet(new, [*confirmed(MILO, [own]), Answered(LUNA, False, new)]) is not None, "it denies another"


def test_infrared_is_compared_with_infrared_alone() -> None:
    by_night = looks("black", 2, infrared=True)
    assert all(one.is_infrared for one in by_night)
    assert not any(one.is_infrared for one in looks("black", 2))
    assert find_pet(by_night[0], confirmed(MILO, looks("black", 8))) is None
    assert find_pet(by_night[0], confirmed(MILO, by_night[:1])) is not None


def test_small_animal_has_no_look() -> None:
    picture, box = draw(COATS["orange"], np.random.default_rng(1), size=20)
    assert look_at(picture, box) is None


def test_background_counts_little() -> None:
    rng = np.random.default_rng(5)
    ours = [Answered(MILO, True, look(COATS["white"], rng, "wood")) for _ in range(3)]
    ours += [Answered(LUNA, True, look(COATS["black"], rng, "stone")) for _ in range(3)]
    match = [find_pet(look(COATS["black"], rng, "wood"), ours) for _ in range(8)]
    assert MILO not in {one.pet_id for one in match if one}


def test_look_is_read_as_it_was_written() -> None:
    one = looks("orange", 1)[0]
    assert Look.parse(one.dump()) == one
    for raw in (b"", bytes(LOOK_BYTES), one.dump()[:-1], b"\x02" + one.dump()[1:]):
        with pytest.raises(BadLook):
            Look.parse(raw)


def test_pet_that_is_known_by_night_alone_keeps_the_other_unsure_by_day() -> None:
    own = looks("orange", 1)
    assert find_pet(own[0], confirmed(MILO, own)) is not None
    by_night = confirmed(LUNA, looks("black", 4, infrared=True))
    assert find_pet(own[0], [*confirmed(MILO, own), *by_night]) is None
