"""A visit as a camera process has it recognised: real sockets, threads, rows and files; drawn pictures of patches."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import wait_until
from tests.detector_server import serving
from tests.fair_watch import FairWatch
from tests.object_kit import BLUE, GREEN, RED
from tests.recording_kit import Bench, bench
from vigilar.base.clock import SimulatedClock, SystemClock
from vigilar.base.stop import Stop
from vigilar.base.track_path import unpack_path
from vigilar.detect.motion import MotionReading, MotionSettings, MovingArea
from vigilar.detect.objects.detection import Box, Detection, ObjectKind
from vigilar.detect.objects.tracks import Track
from vigilar.detect.pictures import MotionEnded, MotionStarted
from vigilar.detect.zones import NO_ZONES, Role, Zone, ZoneMap
from vigilar.media.decode import Decoder
from vigilar.processes import motion as motion_module
from vigilar.processes import objects as objects_module
from vigilar.processes.facts import FactSender
from vigilar.processes.motion import MotionTeller
from vigilar.processes.objects import ObjectWatcher
from vigilar.record.storyboards import StoryboardWriter

CELL = 40
"""Pixels of a patch in a picture of 160 x 160, which is what the detector is shown whole: a cell of its network."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Patch:
    """A picture with one patch, a cell large; ``colour`` None: empty."""

    colour: Colour | None
    column: int
    utc_ns: int
    mono_ns: int

    @property
    def pixels(self) -> NDArray[np.uint8]:
        picture = np.zeros((160, 160, 3), np.uint8)
        if self.colour is not None:
            picture[CELL : 2 * CELL, self.column * CELL : (self.column + 1) * CELL] = self.colour
        return picture

    @property
    def luma(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self.pixels.max(axis=2))

    @property
    def shown(self) -> tuple[int, int]:
        return 160, 160

    def crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> NDArray[np.uint8]:
        left, top, right, bottom = (round(side * 160) for side in part)
        return np.asarray(cv2.resize(self.pixels[top:bottom, left:right], most), dtype=np.uint8)

    def to_jpeg(self, max_width: int = 1280) -> bytes:
        return f"jpeg of {self.column}".encode()

    def to_tile(self, width: int) -> bytes:
        return self.to_jpeg(width)


class Bus:
    """Only remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self.said.append((topic.removeprefix("vigilar/camera/front/"), json.loads(payload)))

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [message for said, message in list(self.said) if said == topic]


@dataclass(slots=True)
class Camera:
    """What a camera process wires for one camera, with the pictures handed in by the test."""

    bus: Bus
    teller: MotionTeller
    watcher: ObjectWatcher
    clock: SystemClock = field(default_factory=SystemClock)

    def picture(self, colour: Colour | None, column: int) -> Patch:
        return Patch(colour, column, self.clock.utc_ns(), self.clock.mono_ns())

    def start(self, colour: Colour | None = RED) -> None:
        picture = self.picture(colour, 0)
        self.teller.motion_started(MotionStarted(picture.utc_ns, picture.mono_ns, 0.05, picture, picture.mono_ns))

    def show(
        self, colour: Colour | None, column: int, *, is_moving: bool = True, moving: MovingArea | None = None
    ) -> None:
        """One look of the analysis; comes back when the detector has seen it, unless the visit is over. What moves is
        the patch, or ``moving``."""
        before = self.watcher.counters.looks
        picture = self.picture(colour, column)
        area = moving or MovingArea(column / 4, 0.25, (column + 1) / 4, 0.5)
        reading = MotionReading(0.05, areas=(area,), counting=area) if is_moving else MotionReading(0.0)
        self.teller._note_picture(picture, reading)
        wait_until(lambda: self.watcher.counters.looks > before or not self.teller.is_moving, 10)

    def end(self) -> None:
        picture = self.picture(None, 0)
        self.teller.motion_ended(MotionEnded(picture.utc_ns, picture.mono_ns, 1000, 0.05))


@contextmanager
def camera_in(b: Bench, zones: ZoneMap = NO_ZONES) -> Iterator[Camera]:
    bus, clock = Bus(), SystemClock()
    facts = FactSender("front", "box", b.store, bus, clock)
    watcher = ObjectWatcher("front", b.data_dir, facts, bus, b.recorder, b.file_store, clock, Decoder, None)
    storyboards = StoryboardWriter(b.file_store, clock)
    settings = MotionSettings(0.5, zones)
    teller = MotionTeller(facts, b.recorder, b.file_store, clock, lambda: 1, settings, storyboards, watcher)
    stop, facts_stop = Stop(), Stop()
    threads = [
        threading.Thread(target=watcher.run, args=(stop,)),
        threading.Thread(target=facts.run, args=(facts_stop,)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Camera(bus, teller, watcher)
    finally:
        teller.end()
        stop.set()
        watcher.wake()
        threads[0].join()
        facts_stop.set()
        facts.wake()
        threads[1].join()


@pytest.fixture
def b(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The network of colours knows its grid only: it is always shown the whole picture."""
    monkeypatch.setattr(objects_module, "choose_region", lambda *_: Box(0.0, 0.0, 1.0, 1.0))
    with bench(tmp_path, is_real_time=True) as made:
        yield made


def test_visit_is_named_while_it_goes_on_and_its_way_is_told(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b) as camera:
        camera.start()
        for column in (0, 1, 2, 3):
            camera.show(RED, column)
        wait_until(lambda: camera.bus.of("visit"), 5)
        assert not camera.bus.of("motion/end"), "told while it goes on"
        seen = camera.bus.of("object")
        assert {one["kind"] for message in seen for one in message["objects"]} >= {"person"}
        assert seen[-1]["objects"][0]["box"] == [0.75, 0.25, 1.0, 0.5]
        camera.end()
        wait_until(lambda: is_over(camera, None), 15)
    (start,), (end,) = camera.bus.of("motion/start"), camera.bus.of("motion/end")
    visits, (track,) = camera.bus.of("visit"), camera.bus.of("track")
    assert {one["motion_id"] for one in (*visits, end, track, *seen)} == {start["id"]}
    assert visits[-1]["kind"] == track["kind"] == "person"
    assert visits[-1]["label_score"] > 0.9
    path = unpack_path(base64.b64decode(track["path"]), track["start_ts"])
    # From one end to the other at once is too far for a thing of that size; from then on it is one.
    assert [round(one.left, 2) for one in path][-3:] == [0.25, 0.5, 0.75]
    assert [one["still_id"] for one in visits if one["still_id"]], "with a better still"


def test_look_counts_when_all_that_comes_of_it_is_told(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for one, as these tests do, must not come before its boxes and its word on whether somebody stays."""
    counted: list[int] = []
    with serving(b.data_dir), camera_in(b) as camera:
        publish = camera.bus.publish

        def note(topic: str, payload: bytes, qos: int = 1) -> None:
            counted.append(camera.watcher.counters.looks)
            publish(topic, payload, qos)

        monkeypatch.setattr(camera.watcher, "_bus", SimpleNamespace(publish=note))
        camera.start()
        for column in (0, 1, 2):
            camera.show(RED, column)
        camera.end()
        assert camera.teller.is_moving, "somebody is still there"
    assert counted == [0, 1, 2]


def test_who_stands_still_and_goes_on_is_one_visit(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b) as camera:
        camera.start()
        for column in (0, 1, 2):
            camera.show(RED, column)
        camera.end()
        camera.show(RED, 2, is_moving=False)
        assert camera.teller.is_moving, "held open: somebody is still there"
        camera.start()
        camera.show(RED, 3)
        camera.end()
        for _ in range(2):
            camera.show(RED, 3, is_moving=False)
        assert len(camera.bus.of("motion/start")) == 1
        assert camera.bus.of("motion/end") == []
        wait_until(lambda: is_over(camera, None), 15)
        wait_until(lambda: camera.bus.of("motion/end"), 5)
    assert len(camera.bus.of("motion/start")) == len(camera.bus.of("motion/end")) == len(camera.bus.of("track")) == 1
    assert camera.bus.of("motion/end")[0]["duration_ms"] >= 2000


def is_over(camera: Camera, colour: Colour | None) -> bool:
    """Whether the visit is, after one more look at a patch of ``colour`` that stands still, or at nothing."""
    camera.show(colour, 2, is_moving=False)
    return not camera.teller.is_moving


def test_who_stays_for_good_is_over_after_a_minute(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion_module, "MAX_HOLD_MS", 800)
    with serving(b.data_dir), camera_in(b) as camera:
        camera.start()
        for column in (0, 1, 2):
            camera.show(RED, column)
        camera.end()
        wait_until(lambda: is_over(camera, RED), 15)
        wait_until(lambda: camera.bus.of("motion/end"), 5)


def test_parked_car_makes_no_name_and_no_box(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b) as camera:
        camera.start()
        for _ in range(4):
            camera.show(BLUE, 3, moving=MovingArea(0.0, 0.9, 0.1, 1.0))
        camera.end()
    assert {one["kind"] for one in camera.bus.of("visit")} <= {"motion"}
    assert [one["kind"] for one in camera.bus.of("track")] == ["motion"], "where something moved"
    assert camera.bus.of("object")[-1]["objects"] == []


def test_what_only_has_the_shape_of_an_animal_is_told_as_one(b: Bench) -> None:
    """Of people it has seen three, before; the network knows nothing of what comes now."""
    person = Track(1, [(0, Box(0.4, 0.2, 0.5, 0.6))])
    for number in range(4):
        person.go_on(Detection(ObjectKind.PERSON, 0.9, person.box), 500 * number, 1.0)
    with serving(b.data_dir), camera_in(b) as camera:
        for _ in range(3):
            camera.watcher._people.learn([person], 1.0)
        camera.start(None)
        wait_until(lambda: has_passed(camera), 30)
        assert not camera.bus.of("motion/end"), "told while it goes on"
        camera.end()
    assert {one["kind"] for one in camera.bus.of("visit")} <= {"motion", "animal"}
    assert camera.bus.of("visit")[-1]["kind"] == "animal"
    assert camera.bus.of("visit")[-1]["label_score"] == 0.5
    assert [(one["kind"], one["score"]) for one in camera.bus.of("track")] == [("animal", 0.5)]


def has_passed(camera: Camera) -> bool:
    """Whether an animal was told of, after one more step of something long and low."""
    step = camera.watcher.counters.looks
    left, length = 0.1 + 0.05 * (step % 12), 0.2 + 0.03 * (step % 2)
    camera.show(None, 0, moving=MovingArea(left, 0.49, left + length, 0.6))
    return "animal" in {one["kind"] for one in camera.bus.of("visit")}


def test_without_detector_motion_is_what_it_was(b: Bench) -> None:
    with camera_in(b) as camera:
        camera.start()
        took_s = []
        for column in (0, 1, 2):
            picture = camera.picture(GREEN, column)
            area = MovingArea(column / 4, 0.25, (column + 1) / 4, 0.5)
            watch = FairWatch()
            camera.teller._note_picture(picture, MotionReading(0.05, areas=(area,), counting=area))
            took_s.append(watch.elapsed_s())
            time.sleep(0.45)  # another look of the way
        camera.end()
        wait_until(lambda: camera.bus.of("motion/end"), 5)
    assert min(took_s) < 0.2, "the analysis never waits; the machine may"
    assert camera.bus.of("visit") == []
    (track,) = camera.bus.of("track")
    assert (track["kind"], track["score"]) == ("motion", 0.0)
    assert len(unpack_path(base64.b64decode(track["path"]), track["start_ts"])) == 3


def test_detector_that_comes_later_still_names_the_visit(b: Bench) -> None:
    with camera_in(b) as camera:
        camera.start()
        camera.teller._note_picture(
            camera.picture(RED, 0), MotionReading(0.05, areas=(MovingArea(0, 0.25, 0.25, 0.5),))
        )
        wait_until(lambda: camera.watcher.counters.unanswered == 1, 5)
        with serving(b.data_dir):
            wait_until(lambda: offered(camera, 1), 15)
            for column in (2, 3):
                camera.show(RED, column)
            wait_until(lambda: camera.bus.of("visit"), 5)
    assert camera.bus.of("visit")[-1]["kind"] == "person"


ALL = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
NO_CATS = ZoneMap((Zone("z", "lawn", Role.IGNORE, ALL, frozenset({"cat"})),))
"""A household that wants to hear of everything but cats."""


def test_visit_of_an_ignored_kind_is_told_to_nobody(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b, NO_CATS) as camera:
        camera.start(GREEN)
        for column in (0, 1, 2, 3):
            camera.show(GREEN, column)
        camera.end()
        wait_until(lambda: is_over(camera, None), 15)
        wait_until(lambda: camera.watcher.counters.unwanted == 1, 5)
    assert {topic for topic, _ in camera.bus.said} == {"object"}, "boxes for who watches, and nothing else"


def test_person_who_comes_after_an_ignored_cat_is_told_from_the_beginning(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b, NO_CATS) as camera:
        began_ms = camera.clock.utc_ns() // 1_000_000
        camera.start(GREEN)
        begun_ms = camera.clock.utc_ns() // 1_000_000
        for column in (0, 1, 2):
            camera.show(GREEN, column)
        assert camera.bus.of("motion/start") == []
        for column in (0, 1, 2, 3):
            camera.show(RED, column)
        wait_until(lambda: camera.bus.of("visit"), 5)
        camera.end()
    (start,) = camera.bus.of("motion/start")
    assert began_ms <= start["ts"] <= begun_ms
    assert [topic for topic, _ in camera.bus.said if topic != "object"][:2] == ["motion/start", "visit"]
    assert {one["kind"] for one in camera.bus.of("visit")} == {"person"}
    assert len(camera.bus.of("motion/end")) == 1


def test_unknown_motion_is_told_a_little_later_where_kinds_are_ignored(
    b: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_module, "NAME_WAIT_S", 3.0)
    with serving(b.data_dir), camera_in(b, NO_CATS) as camera:
        camera.start()
        area = MovingArea(0.0, 0.25, 0.25, 0.5)
        camera.show(None, 0, moving=area)
        assert camera.bus.of("motion/start") == []
        wait_until(lambda: camera.bus.of("motion/start"), 5)
        camera.end()


def test_motion_is_told_at_once_where_no_detector_could_tell_its_kind(b: Bench) -> None:
    with camera_in(b, NO_CATS) as camera:
        camera.start()
        area = MovingArea(0.0, 0.25, 0.25, 0.5)
        camera.teller._note_picture(camera.picture(RED, 0), MotionReading(0.05, areas=(area,), counting=area))
        watch = FairWatch()
        wait_until(lambda: camera.bus.of("motion/start"), 2)
        assert watch.elapsed_s() < objects_module.NAME_WAIT_S / 2


def test_motion_is_told_when_the_detector_goes_after_an_ignored_cat(b: Bench) -> None:
    with camera_in(b, NO_CATS) as camera:
        with serving(b.data_dir):
            camera.start(GREEN)
            for column in (0, 1, 2, 3):
                camera.show(GREEN, column)
            assert camera.bus.of("motion/start") == []
        wait_until(lambda: offered(camera, 0) and camera.bus.of("motion/start"), 10)


def test_motion_waits_no_longer_for_its_name_when_a_look_begins_late(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "NAME_WAIT_S", 3.0)
    with serving(b.data_dir) as server, camera_in(b, NO_CATS) as camera:
        watch = FairWatch()
        camera.start()
        camera.show(None, 0, moving=MovingArea(0.0, 0.25, 0.25, 0.5))
        server.model = None  # nobody gets a turn from now on
        time.sleep(2.0)  # nothing to look at meanwhile
        offered(camera, 0)
        wait_until(lambda: camera.bus.of("motion/start"), 4.5)
        assert watch.elapsed_s() < 4.5


def test_wait_for_a_name_counts_from_the_motion_not_from_who_hears_of_it(b: Bench) -> None:
    bus, clock = Bus(), SimulatedClock()
    facts = FactSender("front", "box", b.store, bus, clock)
    watcher = ObjectWatcher("front", b.data_dir, facts, bus, b.recorder, b.file_store, clock, Decoder, None)
    motion_id = facts.motion_started(clock.utc_ns(), 1, 0.05, None, is_held=True)
    watcher.begin(motion_id, is_held=True)
    clock.advance(objects_module.NAME_WAIT_S)  # a look at the visit before took so long
    watcher.run_once(Stop())
    facts.send_waiting()
    assert [one["id"] for one in bus.of("motion/start")] == [motion_id]


def test_motion_does_not_wait_for_the_look_at_the_visit_before(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "NAME_WAIT_S", 1.0)
    monkeypatch.setattr(objects_module, "RETRY_S", 0.1)
    with serving(b.data_dir) as server, camera_in(b, NO_CATS) as camera:
        server.model = None  # nobody gets a turn
        camera.start()
        offered(camera, 0)
        wait_until(lambda: len(camera.bus.of("motion/start")) == 1, 5)
        offered(camera, 1)
        wait_until(lambda: server.cameras == 1 and len(server.queue) == 1, 5)  # it waits, for PATIENCE_S
        camera.end()
        camera.start()
        watch = FairWatch()
        wait_until(lambda: len(camera.bus.of("motion/start")) == 2, 6)
        assert watch.elapsed_s() < 6


class OddPatch(Patch):
    """A picture that cannot be cut."""

    def crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> NDArray[np.uint8]:
        raise ValueError("an odd picture")


def test_odd_picture_costs_its_look_and_not_the_names_after_it(b: Bench) -> None:
    with serving(b.data_dir), camera_in(b) as camera:
        camera.start()
        odd = OddPatch(RED, 0, camera.clock.utc_ns(), camera.clock.mono_ns())
        camera.teller._note_picture(odd, MotionReading(0.05, areas=(MovingArea(0, 0.25, 0.25, 0.5),)))
        wait_until(lambda: camera.watcher.counters.failures == 1, 5)
        wait_until(lambda: offered(camera, 1), 15)
        for column in (2, 3):
            camera.show(RED, column)
        wait_until(lambda: camera.bus.of("visit"), 5)
    assert camera.bus.of("visit")[-1]["kind"] == "person"


def offered(camera: Camera, column: int) -> bool:
    area = MovingArea(column / 4, 0.25, (column + 1) / 4, 0.5)
    camera.teller._note_picture(camera.picture(RED, column), MotionReading(0.05, areas=(area,), counting=area))
    return camera.watcher.counters.looks > 0
