"""What looks like a car from above only: a name for what goes a way of its own, and for nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.object_kit import BLUE, RED, patches, write_network
from vigilar.detect.objects import wire
from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.manifest import ModelManifest
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.tracks import Tracker
from vigilar.detect.objects.vote import Label
from vigilar.detect.zones import Role, Zone, ZoneMap
from vigilar.processes.object_visit import Visit

PERSON, VEHICLE = ObjectKind.PERSON, ObjectKind.VEHICLE
LOOKS = 8


def slab(x: float, *, score: float = 0.9) -> Detection:
    """A telephone, or the roof of a car, whose middle is ``x``."""
    return Detection(VEHICLE, score, Box(x - 0.1, 0.4, x + 0.1, 0.6), is_likeness=True)


def somebody(x: float) -> Detection:
    return Detection(PERSON, 0.9, Box(x - 0.1, 0.2, x + 0.1, 0.9))


def names(*looks: list[Detection]) -> list[Label | None]:
    """The names of what moved, each thing moving where it is found."""
    tracker = Tracker()
    for number, found in enumerate(looks):
        tracker.add(found, number * 200, [one.box for one in found])
    return [one.label for one in tracker.tracks if one.has_moved]


def test_roof_that_goes_its_way_is_a_vehicle_as_unsure_as_can_be() -> None:
    assert names(*([slab(0.2 + 0.05 * look)] for look in range(LOOKS))) == [Label(VEHICLE, 0.5)]


def test_telephone_that_stays_where_it_lies_is_none() -> None:
    assert names(*([slab(0.5)] for _ in range(LOOKS))) == [None]


def test_telephone_in_somebodys_hand_is_none() -> None:
    found = names(*([somebody(0.2 + 0.05 * look), slab(0.2 + 0.05 * look)] for look in range(LOOKS)))
    assert [one.kind for one in found if one is not None] == [PERSON]
    assert len(found) == 1


def test_telephone_where_somebody_was_found_before_is_none() -> None:
    with_hand = [[somebody(0.2 + 0.05 * look)] for look in range(3)]
    alone = [[slab(0.3 + 0.02 * look)] for look in range(5)]
    assert [one.kind for one in names(*with_hand, *alone) if one is not None] == [PERSON]


def test_few_looks_or_unsure_ones_are_no_name() -> None:
    assert names(*([slab(0.2 + 0.1 * look)] for look in range(3))) == [None]
    assert names(*([slab(0.2 + 0.05 * look, score=0.5)] for look in range(LOOKS))) == [None]


def test_vehicle_that_was_recognised_keeps_its_sureness() -> None:
    known = [replace(slab(0.2 + 0.05 * look), is_likeness=False) for look in range(LOOKS)]
    (alone,) = names(*([one] for one in known))
    (beside,) = names(*([one, slab(0.2 + 0.05 * look)] for look, one in enumerate(known)))
    assert beside == alone
    assert alone is not None
    assert alone.score > 0.9


def test_nobody_is_sent_away_for_a_likeness() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    zones = ZoneMap((Zone("z", "all", Role.IGNORE, everywhere, frozenset({"vehicle"})),))
    for is_likeness in (False, True):
        tracker = Tracker()
        for look in range(LOOKS):
            tracker.add([replace(slab(0.2 + 0.05 * look), is_likeness=is_likeness)], look * 200)
        visit = Visit("m")
        assert visit.label(tracker, zones) is None, "vehicles are ignored"
        assert visit.is_unwanted(tracker, zones) is not is_likeness


def test_model_finds_likenesses_beside_what_it_knows(tmp_path: Path) -> None:
    file, manifest = write_network(tmp_path)
    blue_is_a_phone = replace(manifest, kinds={0: PERSON}, from_above={1: VEHICLE})
    found = open_model(file, blue_is_a_phone).find(patches((RED, 0, 0), (BLUE, 2, 1)))
    assert {(one.kind, one.is_likeness) for one in found} == {(PERSON, False), (VEHICLE, True)}


def test_likeness_comes_over_the_wire() -> None:
    answer = wire.Answer("model", (slab(0.5), somebody(0.3)))
    raw = wire.dump_answer(answer)
    head, rest = raw[: wire.FOUND.size], raw[wire.FOUND.size :]
    assert wire.parse_answer_head(head) == len(rest)
    assert [(one.kind, one.is_likeness) for one in wire.parse_answer(rest).found] == [(VEHICLE, True), (PERSON, False)]


def test_manifest_of_before_knows_no_likeness(tmp_path: Path) -> None:
    _, manifest = write_network(tmp_path)
    old = json.loads(manifest.dump())
    del old["from_above"]
    assert ModelManifest.parse(json.dumps(old)) == manifest
