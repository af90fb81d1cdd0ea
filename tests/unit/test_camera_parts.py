"""The parts of a camera's process that have rules of their own: health, facts, the analysis' queue and thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.ready_store import open_ready_store
from tests.recording_kit import START_MONO_NS, bench, plain_packet, plain_packets, plain_run
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import CameraError, ErrorKind, RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.bus.messages import CameraFact, MotionEnd, MotionStart
from vigilar.capture.worker import Connection
from vigilar.detect.motion import MotionSettings
from vigilar.media.decode import Picture
from vigilar.media.packets import Packet, RunStart, StreamRole
from vigilar.processes.analysis import MAX_QUEUE_BYTES, AnalysisQueue, AnalysisWorker
from vigilar.processes.camera_health import Before, CameraReporter, Doing, StreamMeter
from vigilar.processes.facts import MAX_PICTURES, MAX_WAITING, FactSender
from vigilar.processes.motion import MotionTeller, still_size
from vigilar.record.stills import Still
from vigilar.record.storyboards import StoryboardWriter
from vigilar.store import inbound, outbox
from vigilar.store.engine import Store

IDLE = Doing(is_recording=True, not_recording="", is_moving=False, counters={})
OPEN = Connection(StreamRole.MAIN, is_open=True, run=1)


class Board:
    """A health board with its meter, its clock and what it reported."""

    def __init__(self, before: Before | None = None) -> None:
        self.clock = SimulatedClock(mono_ns=START_MONO_NS)
        self.meter = StreamMeter()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.times_s: list[float] = []
        self.board = CameraReporter("front", False, self.meter, self.clock, self._tell, before)

    def _tell(self, kind: str, utc_ns: int, detail: dict[str, Any]) -> None:
        self.told.append((kind, detail))
        self.times_s.append((utc_ns - self.clock.utc_ns() + self.clock.mono_ns() - START_MONO_NS) / 1e9)

    def play(self, seconds: float, from_s: float) -> None:
        self.meter.add(plain_run(1, from_s))
        for packet in plain_packets(seconds, gop_s=2.0, from_s=from_s):
            self.clock.advance(max(0, packet.mono_ns - self.clock.mono_ns()) / 1e9)
            self.meter.add(packet)
            if packet.is_keyframe:
                self.board.look()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.board.look()


def _refused(kind: ErrorKind = ErrorKind.TRANSIENT) -> Connection:
    return Connection(StreamRole.MAIN, False, 1, CameraError("It refuses.", kind=kind, code="V-CAM-01"), 4.0)


def test_camera_without_picture_is_offline_once() -> None:
    house = Board()
    house.board.note_connection(_refused())
    house.wait(10)
    assert not house.told
    house.wait(30)
    assert [kind for kind, _ in house.told] == ["camera_offline"]
    assert house.told[0][1]["reason"] == "It refuses."
    house.board.note_connection(OPEN)
    house.play(4, from_s=(house.clock.mono_ns() - START_MONO_NS) / 1e9)
    assert [kind for kind, _ in house.told] == ["camera_offline", "camera_online"]


def test_outage_is_told_from_its_last_picture_to_its_next() -> None:
    house = Board()
    house.board.note_connection(OPEN)
    house.play(5, from_s=0)
    house.board.note_connection(_refused())
    house.wait(30)
    house.play(2, from_s=40)
    assert [kind for kind, _ in house.told] == ["camera_offline", "camera_online"]
    assert house.times_s == [pytest.approx(4.9), pytest.approx(40)]


def test_new_process_knows_what_the_one_before_saw() -> None:
    house = Board(Before(last_frame_ms=1_770_000_000_000, is_offline=True))
    house.board.note_connection(_refused())
    house.wait(60)
    assert house.told == [], "it is known that this camera is offline"
    assert house.board.health(IDLE).last_frame_ts == 1_770_000_000_000
    house.board.note_connection(OPEN)
    house.play(2, from_s=61)
    assert [kind for kind, _ in house.told] == ["camera_online"]


def test_health_says_what_is_measured() -> None:
    house = Board()
    house.board.note_connection(OPEN)
    house.play(9, from_s=0)
    health = house.board.health(IDLE)
    assert (health.state, health.reason, health.width, health.codec) == ("live", "", 320, "h264")
    assert health.fps == pytest.approx(10.0, abs=0.2)
    assert health.kbps == pytest.approx(8.0, abs=0.2)
    assert health.keyframe_gap_s == 2.0


@pytest.mark.parametrize(
    ("kind", "state"),
    [(ErrorKind.TRANSIENT, "no-picture"), (ErrorKind.DENIED, "failed"), (ErrorKind.PERMANENT, "failed")],
)
def test_state_follows_the_error(kind: ErrorKind, state: str) -> None:
    house = Board()
    assert house.board.health(IDLE).state == "connecting"
    house.board.note_connection(_refused(kind))
    health = house.board.health(IDLE)
    assert (health.state, health.reason, health.code) == (state, "It refuses.", "V-CAM-01")
    assert health.next_try_ts == health.ts + 4000


def test_frozen_camera_is_not_live() -> None:
    house = Board()
    house.board.note_connection(OPEN)
    house.play(3, from_s=0)
    house.wait(4)
    health = house.board.health(IDLE)
    assert (health.state, health.reason) == ("no-picture", "The camera sends no picture.")


def test_health_is_due_at_change_and_every_five_seconds() -> None:
    house = Board()
    assert house.board.due(IDLE) is not None
    house.clock.advance(1)
    assert house.board.due(IDLE) is None
    assert house.board.due(Doing(True, "", True, {})) is not None
    house.clock.advance(4.9)
    assert house.board.due(Doing(True, "", True, {"syncs": 3})) is None
    house.clock.advance(0.1)
    assert house.board.due(Doing(True, "", True, {})) is not None


class Heard:
    """A bus that only remembers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        assert qos == 1
        self.messages.append((topic, payload))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


def _rows(store: Store) -> list[outbox.OutboxRow]:
    return outbox.pending(store, "box", ["vigilar/"], now_ms=1 << 50)


def test_fact_is_a_row_before_it_is_on_the_bus(store: Store) -> None:
    class Checking(Heard):
        def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
            assert [row.topic for row in _rows(store)] == [topic]
            super().publish(topic, payload, qos)

    bus = Checking()
    sender = FactSender("front", "box", store, bus, SimulatedClock())
    sender.report("disk_full", 5_000_000_000, {"file": "x"})
    assert sender.send_waiting()
    ((topic, payload),) = bus.messages
    fact = CameraFact.parse(payload)
    assert topic == "vigilar/camera/front/fact"
    assert (fact.kind, fact.ts, fact.detail) == ("disk_full", 5000, {"file": "x"})
    assert [row.uid for row in _rows(store)] == [fact.id]


def test_facts_wait_in_order_while_the_database_is_busy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real, is_busy = inbound.put, [True]

    def busy(*arguments: Any) -> bool:
        if is_busy[0]:
            raise StoreError("the database is busy", kind=ErrorKind.TRANSIENT)
        return real(*arguments)

    monkeypatch.setattr(inbound, "put", busy)
    bus = Heard()
    sender = FactSender("front", "box", store, bus, SimulatedClock())
    for number in range(MAX_WAITING + 5):
        sender.report("camera_online", number * 1_000_000, {})
    assert not sender.send_waiting()
    assert not bus.messages
    is_busy[0] = False
    assert sender.send_waiting()
    assert [CameraFact.parse(payload).ts for _, payload in bus.messages] == list(range(5, MAX_WAITING + 5))
    assert sender.dropped == 5


def test_motion_goes_without_a_still_that_fails(store: Store) -> None:
    def no_room() -> Still:
        raise RecordingError("no space left", kind=ErrorKind.FULL)

    def no_picture() -> Still:
        raise ValueError("a poisoned picture")

    bus = Heard()
    sender = FactSender("front", "box", store, bus, SimulatedClock())
    for make in (no_room, no_picture):
        motion_id = sender.motion_started(7_000_000, 3, 0.25, make)
        sender.motion_ended(motion_id, 9_000_000, 2, 0.5, ("Porch",))
    assert sender.send_waiting()
    assert len(bus.messages) == 4
    start = MotionStart.parse(bus.messages[0][1])
    end = MotionEnd.parse(bus.messages[1][1])
    assert (start.ts, start.run, start.area_frac, start.still_id) == (7, 3, 0.25, None)
    assert (end.motion_id, end.ts, end.duration_ms, end.peak_area_frac) == (start.id, 9, 2, 0.5)
    assert end.zones == ["Porch"]


class SlowRow:
    """A still whose row the database takes at the second try."""

    def __init__(self, error: ErrorKind) -> None:
        self.tries = 0
        self.finished = 0
        self._error = error

    def store_row(self) -> int:
        self.tries += 1
        if self.tries == 1:
            raise StoreError("the database is busy", kind=self._error)
        return 41

    def finish(self) -> None:
        self.finished += 1


@pytest.mark.parametrize(("error", "still_id"), [(ErrorKind.TRANSIENT, 41), (ErrorKind.BUG, None)])
def test_motion_waits_for_the_row_of_its_still_if_that_may_come(
    store: Store, error: ErrorKind, still_id: int | None
) -> None:
    bus, still = Heard(), SlowRow(error)
    sender = FactSender("front", "box", store, bus, SimulatedClock())
    sender.motion_started(7_000_000, 3, 0.25, lambda: cast(Still, still))
    assert sender.send_waiting() is (still_id is None)
    assert still.finished == 1, "the picture is durable whatever the database does"
    assert sender.send_waiting()
    ((_, payload),) = bus.messages
    assert MotionStart.parse(payload).still_id == still_id


def test_waiting_motions_hold_few_pictures(store: Store) -> None:
    made: list[int] = []

    def make() -> Still:
        made.append(1)
        raise RecordingError("enough")

    sender = FactSender("front", "box", store, Heard(), SimulatedClock())
    for _ in range(20):
        sender.motion_started(1, 1, 0.1, make)
    assert sender.send_waiting()
    assert len(made) == MAX_PICTURES


def test_sender_sends_what_is_left_at_the_stop(store: Store) -> None:
    bus, stop = Heard(), Stop()
    sender = FactSender("front", "box", store, bus, SimulatedClock())
    sender.report("camera_offline", 1, {})
    stop.set()
    sender.run(stop)
    assert len(bus.messages) == 1


def test_full_analysis_queue_goes_on_with_next_keyframe() -> None:
    queue = AnalysisQueue()
    queue.put(plain_run())
    big = MAX_QUEUE_BYTES // 10
    packets = [plain_packet(index / 10, is_keyframe=index % 8 == 0, size=big) for index in range(20)]
    for packet in packets:
        queue.put(packet)
    taken = list(queue.take_all())
    assert isinstance(taken[0], RunStart)
    assert taken[1:] == packets[16:]
    assert queue.dropped == 16
    assert not queue.take_all()


class Looks:
    """An analyser that fails when it is told to."""

    def __init__(self) -> None:
        self.runs: list[RunStart] = []
        self.packets: list[Packet] = []
        self.ends = 0
        self.is_broken = False

    def start_run(self, run: RunStart) -> None:
        self.runs.append(run)

    def feed(self, packet: Packet) -> None:
        if self.is_broken:
            raise ValueError("a poisoned packet")
        self.packets.append(packet)

    def check(self) -> None:
        """Nothing is silent here."""

    def end(self) -> None:
        self.ends += 1


def test_sensitivity_reaches_the_analyser_and_the_one_after_it(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        facts = FactSender("front", "box", b.store, Heard(), b.clock)
        teller = MotionTeller(
            *(facts, b.recorder, b.file_store, b.clock, lambda: 1),
            MotionSettings(0.2),
            StoryboardWriter(b.file_store, b.clock),
        )
        first = teller.make_analyser()
        teller.use(MotionSettings(0.9))
        first.start_run(plain_run())
        first.feed(plain_packet(0.0, is_keyframe=True))
        assert first._detector.settings == MotionSettings(0.9)
        assert teller.make_analyser()._detector.settings == MotionSettings(0.9)


def test_still_has_the_size_in_which_it_is_shown() -> None:
    anamorphic = Picture(0, 0, None, (768, 576))
    assert still_size(anamorphic) == (640, 480)


def test_failed_analysis_begins_anew() -> None:
    made: list[Looks] = []

    def make() -> Looks:
        made.append(Looks())
        return made[-1]

    queue = AnalysisQueue()
    worker = AnalysisWorker(make, queue, SimulatedClock())
    queue.put(plain_run())
    for packet in plain_packets(1):
        queue.put(packet)
    worker.run_once()
    made[0].is_broken = True
    queue.put(plain_packet(1.0, is_keyframe=True))
    queue.put(plain_packet(1.1))
    worker.run_once()
    assert worker.failures == 1
    assert (made[0].ends, len(made[0].packets)) == (1, 10)
    assert made[1].runs == made[0].runs
    assert len(made[1].packets) == 1


def test_stop_ends_the_motion() -> None:
    analyser, stop = Looks(), Stop()
    worker = AnalysisWorker(lambda: analyser, AnalysisQueue(), SimulatedClock())
    stop.set()
    worker.run(stop)
    assert analyser.ends == 1
