"""The detector's own process, on a thread: a model that fails heals without anybody's help."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.object_kit import RED, patches, write_network
from vigilar.base.errors import ErrorKind
from vigilar.base.models_folder import FOLDER
from vigilar.base.stop import Stop
from vigilar.config.jobs import DetectorJob
from vigilar.detect.objects import server as server_module
from vigilar.detect.objects.client import DetectorClient
from vigilar.detect.objects.engine import Engine, Numbers
from vigilar.detect.objects.manifest import ModelError, ModelManifest
from vigilar.detect.objects.model import ObjectModel
from vigilar.detect.objects.model_folder import ModelFolder
from vigilar.health.detector_words import detector_line
from vigilar.processes import detector as detector_module
from vigilar.processes.detector import DetectorProcess


class _Line:
    """What of the supervisor's line the process needs."""

    def __init__(self) -> None:
        self.stop_requested = Stop()
        self.beats: list[dict[str, Any]] = []

    def listen(self, **_handlers: object) -> None:
        """Nothing is ever said."""

    def heartbeat(self, status: dict[str, Any]) -> None:
        self.beats.append(status)


class _BadAtWhite:
    """A network that breaks on a white picture, as a runtime does that meets what it cannot take."""

    def __init__(self, file: Path) -> None:
        self._engine = Engine(file)
        self.provider = self._engine.provider

    def run(self, numbers: Numbers) -> Numbers:
        if numbers.min() == 255.0:
            raise ModelError("the model colours cannot be used", kind=ErrorKind.CORRUPT)
        return self._engine.run(numbers)


def _open(file: Path, manifest: ModelManifest, _threads: int = 1) -> ObjectModel:
    return ObjectModel(manifest, _BadAtWhite(file))


@contextmanager
def _running(job: DetectorJob) -> Iterator[_Line]:
    line = _Line()
    thread = threading.Thread(target=DetectorProcess(job, line).run, name="detector")  # type: ignore[arg-type]
    thread.start()
    try:
        yield line
    finally:
        line.stop_requested.set()
        thread.join()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DetectorJob:
    monkeypatch.setattr(detector_module, "AGAIN_S", 1.2)
    monkeypatch.setattr(detector_module, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(server_module, "PICTURE_S", PATIENCE_S)  # a busy camera may miss its turn, as it may at home
    return DetectorJob(
        data_dir=tmp_path,
        secrets_dir=tmp_path / "secrets",
        run_dir=tmp_path,
        database_url="",
        bus_host="127.0.0.1",
        bus_port=1,
        bus_user="",
        bus_password="",
        budget_cores=1.0,
    )


def test_model_that_fails_at_a_look_is_loaded_anew(job: DetectorJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "open_model", _open)
    ModelFolder(job.data_dir / FOLDER).install_file(*write_network(job.data_dir / "given"))
    white = np.full((64, 64, 3), 255, np.uint8)
    with _running(job) as line, closing(DetectorClient(job.run_dir)) as camera:
        wait_until(lambda: bool(line.beats) and line.beats[-1]["model"] == "colours", 10)
        before = len(line.beats)
        assert camera.ask(lambda *_: white, Stop(), PATIENCE_S) is None

        def without_model() -> list[dict[str, Any]]:
            return [beat for beat in line.beats[before:] if beat["model"] == ""]

        wait_until(without_model, 10)
        said = detector_line({"detector": {"state": "running", "status": without_model()[0]}}, is_wanted=True)
        assert (said.state, said.sentence) == (
            "warn",
            "The model colours cannot be used. It is loaded anew in 1 s. Motion is found, and not named.",
        )
        answer = camera.ask(lambda *_: patches((RED, 0, 0)), Stop(), PATIENCE_S)
        assert answer is not None, "it is loaded anew, and the camera that waits has its turn"
        assert len(answer.found) == 1
        wait_until(lambda: line.beats[-1]["problem"] == "", 10)


def test_damaged_file_that_is_mended_in_place_is_used(job: DetectorJob) -> None:
    folder = ModelFolder(job.data_dir / FOLDER)
    installed = folder.install_file(*write_network(job.data_dir / "given"))
    whole = installed.file.read_bytes()
    installed.file.write_bytes(whole[:-1])
    with _running(job) as line:
        wait_until(lambda: bool(line.beats) and "is not the model colours" in line.beats[-1]["problem"], 10)
        installed.file.write_bytes(whole)
        wait_until(lambda: line.beats[-1]["model"] == "colours", 10)


def test_model_whose_manifest_could_not_be_read_is_found_later(job: DetectorJob) -> None:
    installed = ModelFolder(job.data_dir / FOLDER).install_file(*write_network(job.data_dir / "given"))
    away = installed.file.rename(installed.file.with_suffix(".away"))
    with _running(job) as line:
        wait_until(lambda: bool(line.beats) and line.beats[-1]["problem"] == "No model is installed.", 10)
        away.rename(installed.file)
        wait_until(lambda: line.beats[-1]["model"] == "colours", 10)


def test_file_that_stays_damaged_is_tried_less_and_less_often(job: DetectorJob) -> None:
    installed = ModelFolder(job.data_dir / FOLDER).install_file(*write_network(job.data_dir / "given"))
    installed.file.write_bytes(installed.file.read_bytes()[:-1])
    with _running(job) as line:
        wait_until(lambda: any("loaded anew in 1 s" in beat["problem"] for beat in line.beats), 10)
        wait_until(lambda: any("loaded anew in 2 s" in beat["problem"] for beat in line.beats), 10)
