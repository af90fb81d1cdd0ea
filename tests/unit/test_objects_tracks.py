"""Tracks and their labels: who is one object, what stands, what it is called. Made-up detections, no network."""

from __future__ import annotations

from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.tracks import MAX_STANDING, Track, Tracker
from vigilar.detect.objects.vote import Label, LabelVote, most_important

PERSON, VEHICLE, CAT, DOG, ANIMAL = (
    ObjectKind.PERSON,
    ObjectKind.VEHICLE,
    ObjectKind.CAT,
    ObjectKind.DOG,
    ObjectKind.ANIMAL,
)


def at(x: float, y: float = 0.5, *, kind: ObjectKind = PERSON, score: float = 0.8, width: float = 0.06) -> Detection:
    """A detection of 0.15 height whose middle is ``x``, ``y``."""
    return Detection(kind, score, Box(x - width / 2, y - 0.075, x + width / 2, y + 0.075))


def walk(tracker: Tracker, *looks: list[Detection], every_ms: int = 500, start_ms: int = 0) -> list[list[Track]]:
    return [tracker.add(found, start_ms + index * every_ms) for index, found in enumerate(looks)]


def test_walker_is_one_track_at_two_looks_a_second() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.1 + 0.05 * step)] for step in range(12)))
    assert [(track.looks, track.has_moved) for track in tracker.tracks] == [(12, True)]


def test_two_who_cross_stay_two() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.2 + 0.05 * step, 0.45), at(0.8 - 0.05 * step, 0.55)] for step in range(12)))
    assert sorted(round(track.box.foot[0], 2) for track in tracker.tracks) == [0.25, 0.75]
    assert [track.looks for track in tracker.tracks] == [12, 12]


def test_person_and_car_at_one_place_are_two_tracks() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.5), at(0.5, kind=VEHICLE)] for _ in range(3)))
    assert len(tracker.tracks) == 2


def test_unsure_detection_begins_nothing_but_goes_on() -> None:
    tracker = Tracker()
    walk(tracker, [at(0.1, score=0.3)], [at(0.2)], [at(0.22, score=0.25)])
    assert [track.looks for track in tracker.tracks] == [2]


def test_who_was_gone_for_long_is_another() -> None:
    tracker = Tracker()
    walk(tracker, [at(0.1)], [at(0.15)], [at(0.2)])
    assert len(tracker.take_ended(10_000)) == 1
    tracker.add([at(0.2)], 10_000)
    assert [track.looks for track in tracker.tracks] == [1]


def test_parked_car_stands_and_never_leaves_by_itself() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.5 + 0.001 * (step % 2), kind=VEHICLE, width=0.3)] for step in range(20)))
    assert tracker.take_ended(3_600_000) == []
    tracker.add([at(0.5, kind=VEHICLE, width=0.3)], 3_600_000)
    assert [(track.looks, track.has_moved) for track in tracker.tracks] == [(21, False)]


def test_parked_car_that_drives_off_has_moved() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.3, kind=VEHICLE, width=0.3)] for _ in range(5)))
    walk(tracker, *([at(0.3 + 0.04 * step, kind=VEHICLE, width=0.3)] for step in range(6)), start_ms=60_000)
    assert [track.has_moved for track in tracker.tracks] == [True]


def test_somebody_in_front_of_a_parked_car_does_not_move_it() -> None:
    tracker = Tracker()
    car = at(0.5, kind=VEHICLE, width=0.4)
    for step in range(10):
        who = at(0.35 + 0.03 * step)
        tracker.add([car, who], step * 500, [who.box])
    assert {track.label.kind: track.has_moved for track in tracker.tracks if track.label} == {
        VEHICLE: False,
        PERSON: True,
    }


def test_thing_that_came_to_move_in_place_has_moved() -> None:
    tracker = Tracker()
    for step in range(3):
        tracker.add([at(0.5)], step * 500, [Box(0.47, 0.43, 0.53, 0.57)])
    assert [track.has_moved for track in tracker.tracks] == [True]


def test_standing_thing_that_is_not_found_again_goes() -> None:
    tracker = Tracker()
    tracker.add([at(0.5)], 0)
    for step in range(1, 6):
        tracker.add([], step * 500, looked_at=Box(0.0, 0.0, 0.2, 1.0))
    assert len(tracker.tracks) == 1, "its place was not looked at"
    for step in range(6, 11):
        tracker.add([], step * 500)
    assert len(tracker.take_ended(5_500)) == 1


def test_standing_things_are_bounded() -> None:
    tracker = Tracker()
    for number in range(MAX_STANDING + 5):
        tracker.add([at(0.05 + number % 9 / 10, number // 9 / 5, width=0.01)], 0, looked_at=Box(0.0, 0.0, 0.0, 0.0))
    assert len(tracker.take_ended(100)) == 5


def test_end_of_visit_keeps_what_stands() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.1 + 0.05 * step), at(0.8, kind=VEHICLE)] for step in range(8)))
    assert [track.label.kind for track in tracker.end_moved() if track.label] == [PERSON]
    assert [track.label.kind for track in tracker.tracks if track.label] == [VEHICLE]


def test_short_mistake_about_a_longer_track_is_left_out() -> None:
    tracker = Tracker()
    walk(tracker, *([at(0.17 + 0.02 * step, kind=DOG)] for step in range(2)))
    walk(tracker, *([at(0.2 + 0.05 * step)] for step in range(8)), start_ms=1000)
    for track in tracker.tracks:
        track.has_moved = True
    assert [track.label.kind for track in tracker.end_moved() if track.label] == [PERSON]


def test_long_path_stays_bounded_with_its_ends() -> None:
    tracker = Tracker()
    for step in range(2000):
        tracker.add([at(0.1 + 0.0004 * step)], step * 100)
    path = tracker.tracks[0].path
    assert len(path) <= 900
    assert (path[0][0], path[-1][0]) == (0, 199_900)
    assert path == sorted(path, key=lambda one: one[0])


def vote_of(*votes: tuple[ObjectKind, float]) -> Label | None:
    vote = LabelVote()
    for kind, score in votes:
        vote.add(kind, score)
    return vote.label()


def test_label_is_what_most_pictures_say() -> None:
    label = vote_of((PERSON, 0.8), (PERSON, 0.7), (VEHICLE, 0.4), (PERSON, 0.9))
    assert label is not None
    assert label.kind is PERSON


def test_cat_and_dog_in_turn_are_an_animal() -> None:
    label = vote_of((CAT, 0.7), (DOG, 0.7), (CAT, 0.6), (DOG, 0.7))
    assert label is not None
    assert label.kind is ANIMAL


def test_unsure_track_gets_no_name() -> None:
    assert vote_of() is None
    assert vote_of((PERSON, 0.6)) is None, "one picture must be surer"
    assert vote_of((PERSON, 0.45), (VEHICLE, 0.45)) is None
    assert vote_of(*[(PERSON, 0.45)] * 12) is None, "often half sure is not sure"


def test_faint_animal_is_an_animal_and_no_species() -> None:
    label = vote_of(*[(CAT, 0.25)] * 2, *[(DOG, 0.25)] * 2)
    assert label is not None
    assert label.kind is ANIMAL


def test_visit_is_called_by_what_matters_most() -> None:
    assert most_important([Label(CAT, 0.99), Label(PERSON, 0.6)]) == Label(PERSON, 0.6)
    assert most_important([]) is None


def test_clock_that_was_set_back_counts_from_the_next_visit_on() -> None:
    tracker = Tracker()
    hour_ms = 3_600_000
    walk(tracker, [at(0.8, kind=VEHICLE)], *([at(0.1 + 0.05 * step)] for step in range(6)), start_ms=2 * hour_ms)
    assert len(tracker.end_moved()) == 1
    walk(tracker, *([at(0.1 + 0.05 * step), at(0.8, kind=VEHICLE)] for step in range(6)), start_ms=hour_ms)
    (track,) = tracker.end_moved()
    assert (track.start_ms, track.end_ms) == (hour_ms, hour_ms + 2_500)
    (car,) = tracker.tracks
    assert car.looks == 7, "what stands is the same"
    assert [ms for ms, _ in car.path] == sorted(ms for ms, _ in car.path)
