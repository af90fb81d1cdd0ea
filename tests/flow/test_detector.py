"""The detector: real ONNX Runtime, real sockets, the real process; a network that knows colours."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.conftest import PATIENCE_S, wait_until
from tests.detector_server import serving
from tests.object_kit import BLUE, GREEN, RED, patches, write_network
from vigilar.base.atomic import write_atomic
from vigilar.base.launch import launch_process
from vigilar.base.models_folder import FOLDER
from vigilar.base.stop import Stop
from vigilar.config.jobs import DetectorJob, live_settings
from vigilar.detect.objects import server as server_module
from vigilar.detect.objects import wire
from vigilar.detect.objects.budget import Budget, IdleMeter
from vigilar.detect.objects.client import DetectorClient
from vigilar.detect.objects.detection import ObjectKind
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.model_folder import ModelFolder
from vigilar.detect.objects.server import DetectorServer
from vigilar.detect.objects.turns import TurnQueue
from vigilar.detect.objects.wire import Answer
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.kinds import KINDS, kind_of


def test_camera_gets_what_its_picture_shows(tmp_path: Path) -> None:
    with serving(tmp_path), closing(DetectorClient(tmp_path)) as camera:
        answer = camera.ask(lambda *_: patches((RED, 0, 0), (GREEN, 3, 3)), Stop(), PATIENCE_S)
    assert answer is not None
    assert answer.model == "colours"
    assert {(one.kind, one.box.left, one.box.top) for one in answer.found} == {
        (ObjectKind.PERSON, 0.0, 0.0),
        (ObjectKind.CAT, 0.75, 0.75),
    }


def test_picture_is_made_when_the_turn_has_come(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def make(width: int, height: int) -> None:
        asked.append((width, height))

    with serving(tmp_path) as server, closing(DetectorClient(tmp_path)) as camera:
        assert camera.ask(make, Stop(), PATIENCE_S) is None
        assert camera.is_connected, "nothing to show is no fault"
        wait_until(lambda: server.counters.empty == 1, 5)
    assert asked == [(64, 64)]


def test_absent_detector_is_no_error(tmp_path: Path) -> None:
    camera = DetectorClient(tmp_path)
    assert camera.ask(lambda *_: patches(), Stop(), PATIENCE_S) is None
    assert not camera.is_connected


def test_camera_that_keeps_its_turn_waiting_loses_its_line_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def slow(_width: int, _height: int) -> NDArray[np.uint8]:
        asked.set()
        release.wait(PATIENCE_S)
        return patches()

    with (
        serving(tmp_path, picture_s=0.5) as server,
        closing(DetectorClient(tmp_path)) as bad,
        closing(DetectorClient(tmp_path)) as good,
    ):
        thread = threading.Thread(target=bad.ask, args=(slow, Stop(), PATIENCE_S))
        thread.start()
        assert asked.wait(PATIENCE_S), "it has its turn"
        monkeypatch.setattr(server_module, "PICTURE_S", PATIENCE_S)  # of lines from now on
        assert good.ask(lambda *_: patches((BLUE, 1, 1)), Stop(), PATIENCE_S) is not None
        release.set()
        thread.join()
        assert server.counters.late == 1
        assert not bad.is_connected


@pytest.mark.parametrize(
    "said",
    [b"X", b"W" * 3, wire.dump_picture_head(5000, 5000), wire.dump_picture_head(64, 64)[:3], bytes(40)],
    ids=["word", "three", "giant", "cut", "zeros"],
)
def test_line_that_keeps_to_no_turns_hurts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    with (
        serving(tmp_path, picture_s=0.5) as server,
        closing(DetectorClient(tmp_path)) as bad,
        closing(DetectorClient(tmp_path)) as good,
    ):
        assert bad.connect()
        assert bad._socket is not None
        wait_until(lambda: server.cameras == 1, 5)
        monkeypatch.setattr(server_module, "PICTURE_S", PATIENCE_S)  # of lines from now on
        bad._socket.sendall(said)
        assert good.ask(lambda *_: patches((RED, 2, 2)), Stop(), PATIENCE_S) is not None
        bad.close()
        wait_until(lambda: server.cameras == 1, 5)


def test_who_waited_longest_is_next() -> None:
    queue: TurnQueue[str] = TurnQueue()
    for who, at in (("a", 0.0), ("b", 1.0), ("a", 5.0), ("c", 2.0)):
        queue.want(who, at)
    assert [queue.next(6.0), queue.next(6.0)] == ["a", "b"]
    queue.want("a", 7.0)
    queue.drop("c")
    assert (queue.next(8.0), queue.next(8.0)) == ("a", None)
    assert queue.take_longest_s(9.0) == 6.0
    assert queue.take_longest_s(9.0) == 0.0


@pytest.mark.parametrize(("cores", "look_s"), [(0.5, 0.02), (0.5, 0.4), (0.05, 0.02), (1.5, 0.3), (0.2, 3.0)])
def test_budget_holds_in_every_ten_seconds(cores: float, look_s: float) -> None:
    budget, now_s = Budget(cores), 0.0
    looks: list[tuple[float, float]] = []
    for number in range(600):
        used_s = look_s * (1.0, 0.8, 1.2)[number % 3]
        now_s += budget.wait_s(now_s) + used_s
        budget.note(now_s, used_s)
        looks.append((now_s, used_s))
    most = max(sum(used for at, used in looks if end - 10.0 < at <= end) for end, _ in looks)
    assert most <= max(cores * 10.0, 1.2 * look_s) + 1e-9
    spent = sum(used for _, used in looks) / now_s
    assert spent >= 0.6 * min(cores, 1.0) or look_s > cores * 10 / 1.3, "it must not do nothing for it either"


def test_budget_is_spread_over_the_ten_seconds() -> None:
    budget, now_s, longest_s = Budget(0.25), 0.0, 0.0
    for _ in range(200):
        wait_s = budget.wait_s(now_s)
        longest_s = max(longest_s, wait_s)
        now_s += wait_s + 0.05
        budget.note(now_s, 0.05)
    assert longest_s < 0.5


def test_quiet_night_is_not_charged_to_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, used = Budget(0.5), itertools.count()
    with closing(DetectorServer(tmp_path, budget)) as server, closing(DetectorClient(tmp_path)) as camera:
        server.model = open_model(*write_network(tmp_path / "given"))
        monkeypatch.setattr(time, "process_time", lambda: next(used) / 1000)  # a thousandth of a second a turn
        for _ in range(1000):
            server.turn(0.0)
        thread = threading.Thread(target=camera.ask, args=(lambda *_: patches((RED, 0, 0)), Stop(), PATIENCE_S))
        thread.start()
        while not server.counters.looks and thread.is_alive():
            server.turn(0.05)
        thread.join()
    assert budget.spent_s(time.monotonic()) <= 0.1, "of the thousandths of a thousand turns"


def test_idle_is_what_others_leave() -> None:
    meter = IdleMeter(4, 100)
    busy_ms = 0
    for second in range(40):
        busy_ms += 300  # three of four processors are busy, one of them with us
        meter.look(f"cpu  {busy_ms} 0 0 {100 * (second + 1)} 0 0 0 0 0 0\n", float(second), float(second))
    assert meter.idle_cores == pytest.approx(2.0, abs=0.05)


class Detector:
    """The real process, with the supervisor's end of its line here."""

    def __init__(self, folder: Path) -> None:
        (folder / "run").mkdir(exist_ok=True)
        self.folder = ModelFolder(folder / FOLDER)
        self.given = folder / "given"
        self.job = DetectorJob(
            data_dir=folder,
            secrets_dir=folder / "secrets",
            run_dir=folder / "run",
            database_url="",
            bus_host="127.0.0.1",
            bus_port=1,
            bus_user="",
            bus_password="",
            budget_cores=0.5,
        )
        start = ProcessStart("detector", kind_of("detector", KINDS), self.job)
        self.launched = launch_process(multiprocessing.get_context("spawn"), enter, start)
        assert self.launched.line is not None
        self.line = self.launched.line
        self.beat: dict[str, Any] = {}

    def install(self, name: str) -> None:
        self.folder.install_file(*write_network(self.given, name))

    def hear(self) -> dict[str, Any]:
        """The newest heartbeat."""
        select.select([self.line], [], [], 1.0)
        for message in self.line.receive() or []:
            self.beat = message.get("beat", self.beat)
        return self.beat

    def ask(self, camera: DetectorClient, *found: tuple[tuple[int, int, int], int, int]) -> Answer | None:
        """One look. On a busy machine a turn may be missed, and is asked for anew, as a camera does."""
        return camera.ask(lambda *_: patches(*found), Stop(), PATIENCE_S)

    def answer(self, camera: DetectorClient, *found: tuple[tuple[int, int, int], int, int]) -> Answer:
        answers: list[Answer | None] = [None]

        def has_come() -> bool:
            answers.append(self.ask(camera, *found))
            return answers[-1] is not None

        wait_until(has_come, 10)
        assert answers[-1] is not None
        return answers[-1]

    def end(self) -> int:
        self.line.send_stop()
        ended, _, _ = select.select([self.launched.exit_fd], [], [], PATIENCE_S)
        assert ended, f"still runs after {PATIENCE_S} s"
        return self.launched.reap()


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[Detector]:
    made = Detector(tmp_path)
    yield made
    made.launched.send_signal(signal.SIGKILL)  # by its descriptor: its number may be another's by now
    made.launched.close()


def test_model_is_changed_while_it_runs(detector: Detector) -> None:
    wait_until(lambda: detector.hear().get("problem") == "No model is installed.", 30)
    detector.install("first")
    with closing(DetectorClient(detector.job.run_dir)) as camera:
        assert detector.answer(camera, (RED, 0, 0)).model == "first"
        detector.install("second")
        wait_until(lambda: detector.hear()["model"] == "second", 10)
        answer = detector.answer(camera, (BLUE, 1, 2))
        assert (answer.model, [one.kind for one in answer.found]) == ("second", [ObjectKind.VEHICLE])
    assert detector.end() == 0


def test_bad_file_leaves_the_old_model_at_work(detector: Detector) -> None:
    detector.install("first")
    wait_until(lambda: detector.hear().get("model") == "first", 30)
    # The manifest comes last, as in an installation: it may be looked for at any moment.
    _, manifest = write_network(detector.given, "second")
    (detector.job.data_dir / FOLDER / "second.onnx").write_bytes(b"cut short")
    write_atomic(detector.job.data_dir / FOLDER / "second.json", manifest.dump().encode())
    wait_until(lambda: "is not the model second" in detector.hear()["problem"], 10)
    with closing(DetectorClient(detector.job.run_dir)) as camera:
        assert detector.answer(camera, (RED, 0, 0)).model == "first"
    assert detector.hear()["model"] == "first"


def test_detector_comes_back_for_cameras_that_wait(detector: Detector, tmp_path: Path) -> None:
    detector.install("first")
    wait_until(lambda: detector.hear().get("model") == "first", 30)
    with closing(DetectorClient(detector.job.run_dir)) as camera:
        assert detector.answer(camera).model == "first"
        os.kill(detector.launched.pid, signal.SIGKILL)
        select.select([detector.launched.exit_fd], [], [], PATIENCE_S)
        detector.launched.reap()
        assert detector.ask(camera) is None, "one look is lost"
        assert detector.ask(camera) is None, "and while nobody is there, no look waits"
        with closing(Detector(tmp_path).launched) as again:
            wait_until(lambda: detector.ask(camera) is not None, 30)
            os.kill(again.pid, signal.SIGKILL)


def test_new_budget_is_used_without_a_restart(detector: Detector) -> None:
    wait_until(lambda: detector.hear().get("budget_cores") == 0.5, 30)
    detector.job = replace(detector.job, budget_cores=0.2)
    settings = live_settings(detector.job, kind_of("detector", KINDS).live)
    detector.line.send_settings(settings, 1)
    wait_until(lambda: detector.hear()["budget_cores"] == 0.2, 10)


@pytest.mark.quiet
def test_process_stays_small_and_within_its_budget(detector: Detector) -> None:
    """Eight cameras that all want every turn; the figure of the processor is the system's own."""
    detector.install("first")
    wait_until(lambda: detector.hear().get("model") == "first", 30)
    process, stop = psutil.Process(detector.launched.pid), Stop()

    def want() -> None:
        with closing(DetectorClient(detector.job.run_dir)) as camera:
            while not stop.is_set():
                camera.ask(lambda *_: patches((RED, 0, 0)), stop, PATIENCE_S)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    before, began = process.cpu_times(), time.monotonic()
    while time.monotonic() - began < 12.0:
        detector.hear()
    after, took_s = process.cpu_times(), time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()
    used = (after.user + after.system - before.user - before.system) / took_s
    memory_mb = process.memory_full_info().pss / 1e6
    assert used <= 0.5 * 1.05
    assert memory_mb <= 150
    assert detector.beat["longest_wait_s"] <= 2.0
    assert detector.beat["looks"] >= 100
