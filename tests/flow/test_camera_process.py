"""A camera's whole process: a real clip as its camera, a real broker, a real database, and `kill -9`."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import select
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.ready_store import database_url, lay_database
from tests.recording_kit import FOREVER_MS, probe_times
from vigilar.base.child import Launched
from vigilar.base.control import ControlChild, SupervisorEnd, control_pair
from vigilar.base.errors import RecordingError, VigilarError
from vigilar.base.launch import launch_process
from vigilar.base.stop import Stop
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import MotionStart
from vigilar.config.jobs import CameraJob, live_settings
from vigilar.live.client import FeedClient
from vigilar.live.wire import Request
from vigilar.media.encode import ClipWriter
from vigilar.media.packets import StreamRole
from vigilar.processes.camera import CameraProcess
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.kinds import KINDS, kind_of
from vigilar.store import outbox
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.files import FileRow, find_files, get_file
from vigilar.vge.format import CloseReason, RecordType
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.reader import VgeReader
from vigilar.vge.verify import verify_file

QUIET_S, MOVING_S, RATE = 11, 4, 10
SEAM_S = 0.15
"""More than the 0.1 s of a picture: where the clip begins again, its sound is a little longer than its pictures."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still room for 11 s, then a bright box that crosses it for 4 s."""
    return make_room(tmp_path_factory.mktemp("clips") / "room.mp4", MOVING_S)


def make_room(path: Path, moving_s: int) -> Path:
    """The box comes back as often as it has time for."""
    room = np.random.default_rng(3).integers(60, 90, (180, 320, 3), np.uint8)
    with ClipWriter(path, 320, 180, RATE, RATE, has_sound=True) as writer:
        for index in range((QUIET_S + moving_s) * RATE):
            picture = room.copy()
            if index >= QUIET_S * RATE:
                at = (index - QUIET_S * RATE) * 6 % (MOVING_S * RATE * 6)
                picture[50:150, at : at + 50] = 230
            writer.write(picture)
    return path


class Camera:
    """A camera's process in a house of its own, and what it said on the bus."""

    def __init__(self, folder: Path, clip: Path, broker: RunningBroker) -> None:
        (folder / "run").mkdir()
        self.store = Store.open(lay_database(folder))
        self.keys = KeyRing.load_or_create(folder / "secrets")
        self.job = CameraJob(
            camera_id="front",
            name="Front door",
            main_url=f"file:{clip}",
            data_dir=folder,
            secrets_dir=folder / "secrets",
            run_dir=folder / "run",
            database_url=database_url(folder),
            bus_host="127.0.0.1",
            bus_port=broker.port,
            bus_user="camera-front",
            bus_password=broker.passwords["camera-front"],
        )
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.heard_at: dict[str, float] = {}
        self.bus = MessageBus(BusLink("127.0.0.1", broker.port, "events", broker.passwords["events"]), "listener")
        self.bus.subscribe("vigilar/camera/#", self._hear)
        self.bus.start()
        self.processes: list[Launched] = []

    def _hear(self, topic: str, payload: bytes) -> None:
        self.heard_at.setdefault(topic, time.time())
        self.heard.append((topic.removeprefix("vigilar/camera/front/"), json.loads(payload)))

    def start_of(self) -> ProcessStart:
        return ProcessStart("camera/front", kind_of("camera", KINDS), self.job)

    def start(self) -> Launched:
        self.processes.append(launch_process(multiprocessing.get_context("spawn"), enter, self.start_of()))
        return self.processes[-1]

    def rows(self) -> list[FileRow]:
        return find_files(self.store, "front", "video", 0, FOREVER_MS)

    def said(self, topic: str) -> list[dict[str, Any]]:
        return [message for heard, message in self.heard if heard == topic]

    def recorded_ms(self) -> int:
        """How far the newest file reaches, its growing end included."""
        rows = self.rows()
        if not rows:
            return 0
        with VgeReader.open(self.job.data_dir / rows[-1].path, self.keys) as reader:
            last = reader.entries[-1] if reader.entries else None
            return last.utc_ns // 1_000_000 + last.duration_ms if last else 0

    def frames(self, row: FileRow) -> list[float]:
        with VgeReader.open(self.job.data_dir / row.path, self.keys) as reader:
            data = b"".join(reader.read_range(0, reader.plaintext_bytes))
        return [at for at, _, _ in probe_times(data, self.job.data_dir)]

    def stop(self) -> float:
        """Stop the newest process in order; the seconds it took in which it had not to wait for others."""
        process = self.processes.pop()
        assert process.line is not None
        watch = FairWatch()
        process.line.send_stop()
        try:
            assert self._exit_code(process) == 0
        finally:
            process.close()
        return watch.elapsed_s()

    def kill(self) -> None:
        """`kill -9` of the newest process."""
        process = self.processes.pop()
        os.kill(process.pid, signal.SIGKILL)
        self._exit_code(process)
        process.close()

    @staticmethod
    def _exit_code(process: Launched) -> int:
        """Reaping waits a second at most for an end that has come; that it comes is waited for here."""
        ended, _, _ = select.select([process.exit_fd], [], [], PATIENCE_S)
        assert ended, f"still runs after {PATIENCE_S} s"
        return process.reap()

    def close(self) -> None:
        while self.processes:
            self.kill()
        self.bus.stop(1.0)
        self.store.close()


@pytest.fixture
def camera(tmp_path: Path, clip: Path, broker: RunningBroker) -> Iterator[Camera]:
    folder = tmp_path / "data"
    folder.mkdir()
    made = Camera(folder, clip, broker)
    yield made
    made.close()


@pytest.mark.quiet
def test_motion_is_recorded_told_and_shown(camera: Camera) -> None:
    camera.start()
    wait_until(lambda: camera.said("motion/start"), 60.0)
    start = MotionStart.parse(json.dumps(camera.said("motion/start")[0]).encode())
    late_s = camera.heard_at["vigilar/camera/front/motion/start"] - start.ts / 1000
    assert late_s < 1.5, "from the first moving frame to the bus"
    assert start.still_id is not None
    still = get_file(camera.store, start.still_id)
    assert still is not None
    with VgeReader.open(camera.job.data_dir / still.path, camera.keys) as reader:
        assert b"".join(reader.read_range(0, reader.plaintext_bytes)).startswith(b"\xff\xd8")
    assert start.id in [row.uid for row in outbox.pending(camera.store, "", ["vigilar/camera/"], now_ms=1 << 50)]
    wait_until(lambda: camera.said("motion/end"), 15.0)
    assert camera.said("motion/end")[0]["motion_id"] == start.id
    health = camera.said("health")[-1]
    assert (health["state"], health["width"], health["audio_codec"]) == ("live", 320, "aac")
    assert health["is_recording"]
    assert camera.said("heartbeat")[-1]["camera_id"] == "front"
    assert camera.stop() < 2.0
    assert_storyboard_shows(camera, start.ts)
    (row,) = camera.rows()
    assert (row.state, row.reason, row.has_audio) == ("closed", "stop", True)
    assert row.start_ms < start.ts - 5000
    assert verify_file(camera.job.data_dir / row.path, camera.keys).close_reason is CloseReason.STOP
    frames = camera.frames(row)
    assert max(after - before for before, after in pairwise(frames)) < SEAM_S


def assert_storyboard_shows(camera: Camera, motion_ms: int) -> None:
    """A picture each ten seconds while nothing moved, one each second of the motion; sealed and closed by the stop."""
    (row,) = find_files(camera.store, "front", "storyboard", 0, FOREVER_MS)
    assert (row.state, row.reason) == ("closed", "stop")
    with VgeReader.open(camera.job.data_dir / row.path, camera.keys) as reader:
        taken = [one.utc_ns // 1_000_000 for one in reader.entries if one.type is RecordType.MEDIA]
        assert all(reader.read(one).startswith(b"\xff\xd8") for one in reader.entries[: len(taken)])
    still = [ms for ms in taken if ms < motion_ms - 100]
    assert 1 <= len(still) <= 3
    moving = [ms for ms in taken if motion_ms - 100 <= ms < motion_ms + MOVING_S * 1000]
    assert MOVING_S - 1 <= len(moving) <= MOVING_S + 2


@pytest.mark.long
def test_process_holds_no_key_but_the_newest(camera: Camera) -> None:
    """Its memory is searched for the keys, as whoever had taken it over would."""
    secrets = camera.job.secrets_dir
    for _ in range(2):
        add_epoch(secrets)
    first, second, third = KeyRing.load(secrets).epochs
    camera.job = replace(camera.job, segment_s=2.0)
    process = camera.start()
    camera.keys = KeyRing([third])
    wait_until(lambda: camera.recorded_ms() > 0, 20.0)
    assert _is_in_memory(process.pid, third), "else the search would find nothing at all"
    assert not [old.epoch for old in (first, second) if _is_in_memory(process.pid, old)]
    assert not [path for path in _opened_by(process.pid) if path.startswith(str(secrets))]

    add_epoch(secrets)  # a rotation reaches the process that runs
    camera.keys = KeyRing(KeyRing.load(secrets).epochs[-1:])

    def newest_opens() -> bool:
        try:
            return camera.recorded_ms() > 0
        except RecordingError:
            return False

    wait_until(newest_opens, 20.0)
    assert not [old.epoch for old in (first, second) if _is_in_memory(process.pid, old)]
    camera.stop()


def _opened_by(pid: int) -> list[str]:
    """What the process has open; it opens and closes files while this looks."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(fd))
    return found


def _is_in_memory(pid: int, key: EpochKey) -> bool:
    """Whether the key is in what the process may write to, as its 32 bytes or as the digits of its file."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii", errors="replace").splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            where, rights = line.split()[:2]
            if not rights.startswith("rw") or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in where.split("-"))
            memory.seek(begin)
            try:
                data = memory.read(end - begin)
            except OSError:  # a mapping of a file that has become shorter
                continue
            if key.key in data or key.key.hex().encode() in data:
                return True
    return False


def test_motion_mode_keeps_five_seconds_before(camera: Camera) -> None:
    camera.job = replace(camera.job, recording_mode="motion", after_s=1.0)
    camera.start()
    wait_until(lambda: camera.said("motion/end"), 80.0)
    start = MotionStart.parse(json.dumps(camera.said("motion/start")[0]).encode())
    end_ms = camera.said("motion/end")[0]["ts"]
    wait_until(lambda: camera.recorded_ms() >= end_ms + 1000, 10.0)
    assert camera.stop() < 2.0
    row = camera.rows()[0]
    assert start.ts - 6100 <= row.start_ms <= start.ts - 5000, "five seconds, and at most one group more"
    frames = camera.frames(row)
    assert max(after - before for before, after in pairwise(frames)) < SEAM_S


def test_settings_change_while_it_records(camera: Camera, tmp_path: Path) -> None:
    long = make_room(tmp_path / "long.mp4", 40)  # what moves still moves when a busy test comes to switch it off
    camera.job = replace(camera.job, detect=False, main_url=f"file:{long}")
    process = camera.start()
    line = process.line
    assert line is not None
    live = kind_of("camera", KINDS).live
    wait_until(lambda: camera.recorded_ms() > 0, 20.0)
    line.send_settings(live_settings(replace(camera.job, detect=True, sensitivity=0.9), live), 1)
    wait_until(lambda: camera.said("motion/start"), 40.0)
    assert camera.said("motion/end") == []
    line.send_settings(live_settings(replace(camera.job, detect=False, sound=False), live), 2)
    watch = FairWatch()
    wait_until(lambda: camera.said("motion/end"), 2.0)
    assert watch.elapsed_s() < 2.0, "not when the box has crossed the room"
    wait_until(lambda: len(camera.rows()) == 2, 5.0)
    wait_until(lambda: {"settings": 2} in [{"settings": m.get("settings")} for m in line.receive() or []], 5.0)
    assert camera.stop() < 2.0
    first, second = camera.rows()
    assert (first.has_audio, second.has_audio) == (True, False)
    assert (first.state, second.state) == ("closed", "closed")
    assert first.end_ms is not None
    assert abs(second.start_ms - first.end_ms) < SEAM_S * 1000, "no gap between them"
    assert len(camera.said("motion/start")) == 1


@pytest.mark.quiet
def test_kill_loses_less_than_a_second_and_the_next_process_repairs(camera: Camera) -> None:
    camera.start()
    wait_until(lambda: camera.recorded_ms() > 0, 60.0)
    time.sleep(3.3)
    killed_ms = time.time() * 1000
    camera.kill()
    (row,) = camera.rows()
    assert row.state == "open"
    lost_ms = killed_ms - camera.recorded_ms()
    assert lost_ms < 1000
    camera.start()
    wait_until(lambda: any(fact["kind"] == "recording_recovered" for fact in camera.said("fact")), 20.0)
    assert camera.rows()[0].state == "recovered"
    wait_until(lambda: len(camera.rows()) == 2, 20.0)
    assert camera.stop() < 2.0
    assert [row.state for row in camera.rows()] == ["recovered", "closed"]


def _missing_ms(camera: Camera) -> list[float]:
    """What lies between the end of each file with pictures and the beginning of the next, by their own records."""
    spans = []
    for row in camera.rows():
        with VgeReader.open(camera.job.data_dir / row.path, camera.keys) as reader:
            media = [entry for entry in reader.entries if entry.type is RecordType.MEDIA]
            if media:  # killed right after a file was begun, it holds none
                spans.append((media[0].utc_ns / 1e6, media[-1].utc_ns / 1e6 + media[-1].duration_ms))
    return [after[0] - before[1] for before, after in pairwise(spans)]


def _told(camera: Camera, kind: str) -> list[dict[str, Any]]:
    rows = outbox.pending(camera.store, "", ["vigilar/camera/"], now_ms=1 << 50)
    facts = [json.loads(row.payload) for row in rows if row.topic.endswith("/fact")]
    return [fact["detail"] for fact in facts if fact["kind"] == kind]


def test_what_ten_kills_in_a_row_cost_is_told(camera: Camera) -> None:
    for turn in range(10):
        before_ms = camera.recorded_ms()
        camera.start()
        if turn % 4 != 3:  # each fourth dies before it has recorded anything
            wait_until(lambda before_ms=before_ms: camera.recorded_ms() > before_ms, 20.0)
            time.sleep(1.2)
        camera.kill()
        time.sleep(max(1.0, 0.4 * turn))  # the supervisor waits longer each time; a gap below a second is not told
    camera.start()
    before_ms = camera.recorded_ms()
    wait_until(lambda: camera.recorded_ms() > before_ms, 20.0)
    wait_until(lambda: [row.state for row in camera.rows()].count("open") == 1, 20.0)
    assert camera.stop() < 2.0
    missing = [gap for gap in _missing_ms(camera) if gap > 1000]
    told = _told(camera, "footage_lost")
    assert len(missing) >= 6
    assert [detail["lost_ms"] for detail in told] == pytest.approx(missing, abs=1000)
    assert {detail["reason"] for detail in told} == {"the camera's process was not running"}


def test_ordered_stop_leaves_no_gap_to_tell(camera: Camera) -> None:
    for _ in range(2):
        before_ms = camera.recorded_ms()
        camera.start()
        wait_until(lambda before_ms=before_ms: camera.recorded_ms() > before_ms, 20.0)
        assert camera.stop() < 2.0
        time.sleep(1.5)
    assert max(_missing_ms(camera)) > 1000
    assert not _told(camera, "footage_lost")


def test_camera_starts_and_stops_in_time_while_the_database_is_locked(camera: Camera) -> None:
    camera.job = replace(camera.job, camera_uuid=ensure_camera(camera.store, "front", "Front door", 1).uuid)
    footage = camera.job.data_dir / "footage" / "front"
    with closing(sqlite3.connect(camera.job.data_dir / "vigilar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        camera.start()
        wait_until(lambda: [path for path in footage.glob("*/*.vge") if path.stat().st_size > 1000], 20.0)
        time.sleep(2.0)
        assert not camera.rows()
        stopped_s = camera.stop()
        assert stopped_s < 3.5
        other.execute("ROLLBACK")
    (path,) = footage.glob("*/*.vge")
    assert verify_file(path, camera.keys).close_reason is CloseReason.STOP
    camera.start()
    wait_until(lambda: [row.state for row in camera.rows()] == ["closed", "open"], 20.0)
    assert camera.stop() < 2.0
    adopted, after = camera.rows()
    assert (adopted.path, after.number) == (str(path.relative_to(camera.job.data_dir)), adopted.number + 1)
    assert not _told(camera, "footage_lost")


def test_live_view_is_fed_while_recording(camera: Camera) -> None:
    camera.start()
    wait_until(lambda: camera.recorded_ms() > 0, 60.0)
    client = FeedClient(camera.job.run_dir, "front", Request("still", max_width=320))
    answers = list(client.answers())
    assert len(answers) == 1
    assert camera.stop() < 2.0


@pytest.mark.long
@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "fault", "note"),
    [
        ({"transport": "udp"}, Fault(bad_sound=500), "refused by the camera"),
        ({"sound": False}, Fault(), "switched off in the settings"),
        ({}, Fault(), ""),
    ],
    ids=["refused", "not wanted", "there"],
)
def test_page_is_told_why_there_is_no_sound(
    camera: Camera, clip: Path, settings: dict[str, Any], fault: Fault, note: str
) -> None:
    with FakeCamera({"main": (clip, fault)}) as source:
        camera.job = replace(camera.job, main_url=source.url("main"), **settings)
        camera.start()
        wait_until(lambda: any(said["state"] == "live" for said in camera.said("health")), 60.0)
        health = next(said for said in camera.said("health") if said["state"] == "live")
        camera.stop()
    assert (health["sound_note"], health["audio_codec"]) == (note, "" if note else "aac")
    assert ("UDP" in source.transports) == ("transport" in settings)
    assert source.requests.count("SETUP") == (1 if "sound" in settings else 2)


def test_camera_that_is_not_there_is_said_and_does_not_hang(camera: Camera, tmp_path: Path) -> None:
    camera.job = replace(camera.job, main_url=f"file:{tmp_path / 'nowhere.mp4'}")
    process = camera.start()
    wait_until(lambda: [h for h in camera.said("health") if h["state"] == "failed"], 60.0)
    wait_until(lambda: [f for f in camera.said("fact") if f["kind"] == "camera_offline"], 20.0)
    line, beats = process.line, list[Any]()
    assert line is not None

    def hear_beats() -> bool:
        beats.extend(message for message in line.receive() or [] if "beat" in message)
        return len(beats) >= 12

    wait_until(hear_beats, 15.0)  # a camera that is away is no hang
    assert camera.stop() < 2.0


@pytest.fixture
def line() -> Iterator[tuple[SupervisorEnd, ControlChild]]:
    """A line to a supervisor, for a camera's parts in this process. Nobody listens on our side: no signals, no exit."""
    end, theirs = control_pair()
    with closing(end), theirs:
        yield end, ControlChild(theirs)


def test_hanging_thread_ends_the_heartbeats(camera: Camera, line: tuple[SupervisorEnd, ControlChild]) -> None:
    end, control = line
    process = CameraProcess(camera.job, control, camera.store)
    process._recorder.run = _hang  # type: ignore[method-assign]
    process._recorder.alive_mono_ns -= 31_000_000_000
    thread = threading.Thread(target=process.run)
    thread.start()
    time.sleep(2.5)
    assert not end.receive()
    control.stop_requested.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def _hang(stop: Stop) -> None:
    stop.wait()


def test_small_stream_that_is_away_is_one_line_of_the_log(
    camera: Camera, line: tuple[SupervisorEnd, ControlChild], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera.job = replace(camera.job, sub_url=f"file:{tmp_path / 'nowhere.mp4'}")
    control = line[1]
    process = CameraProcess(camera.job, control, camera.store)
    worker = process._captures[StreamRole.SUB]
    thread = threading.Thread(target=process.run)
    thread.start()

    def is_tried_often() -> bool:
        worker.retry_now()
        return worker._failures >= 6

    wait_until(is_tried_often, 20.0)
    control.stop_requested.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    said = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len([one for one in said if "stream" in one]) == 1, said


def test_dead_thread_ends_the_process(camera: Camera, line: tuple[SupervisorEnd, ControlChild]) -> None:
    process = CameraProcess(camera.job, line[1], camera.store)
    process._captures[StreamRole.MAIN].run = lambda: None  # type: ignore[method-assign]
    with pytest.raises(VigilarError, match="capture-main of this camera ended by itself"):
        process.run()
