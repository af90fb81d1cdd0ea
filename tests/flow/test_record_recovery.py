"""What a crash leaves behind is repaired at the next start; what `kill -9` costs is measured."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import database_url
from tests.recording_kit import START_MONO_NS, START_UTC_NS, Bench, Clip, bench, make_clip, probe_times
from vigilar.base.clock import SystemClock, boot_id
from vigilar.base.stop import Stop
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.record.file_store import FileInfo, FileStore, FileStoreSettings
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.recovery import Recovery
from vigilar.record.ring import PacketRing
from vigilar.record.stills import begin_still
from vigilar.store.cameras import get_camera
from vigilar.store.engine import Store
from vigilar.store.files import find_files, list_open_files
from vigilar.vge.keys import KeyRing
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

STILL = FileInfo(
    start_utc_ns=START_UTC_NS, start_mono_ns=START_MONO_NS, timescale=1000, codec="jpeg", width=1, height=1
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), seconds=4, fps=10, gop=10)


@pytest.fixture
def crashed(clip: Clip, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose process died in the middle of a file: nothing of the recorder is alive any more."""
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        b.feed(list(islice(clip.endless(), 120)))
        segment = b.recorder._segment
        assert segment is not None
        assert segment._file is not None
        segment._file.writer.abandon()
        yield b


def _recovery(b: Bench, facts: list[tuple[str, int, dict[str, Any]]]) -> Recovery:
    """That of a new process: a new file_store, which knows no number as its own."""
    file_store = FileStore(b.file_store.settings, b.store, b.keys, b.clock)
    return Recovery(file_store, b.store, lambda *fact: facts.append(fact))


def test_open_file_is_closed_and_told(crashed: Bench) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    path = crashed.path(crashed.rows()[0])
    with path.open("ab") as file:
        file.write(bytes(range(100)))  # a torn tail
    recovery = _recovery(crashed, facts)
    assert recovery.run_once()
    (row,) = crashed.rows()
    assert row.state == "recovered"
    assert verify_file(path, crashed.keys).verdict is Verdict.CLOSED
    ((kind, _, detail),) = facts
    assert kind == "recording_recovered"
    assert detail["cut_bytes"] == 100
    assert row.end_ms is not None
    assert 11_000 < row.end_ms - row.start_ms <= 12_000
    assert recovery.run_once(), "a second run finds nothing"
    assert len(facts) == 1


def test_row_of_a_closed_file_is_completed(crashed: Bench) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    _recovery(crashed, facts).run_once()
    with crashed.store.write("test") as connection:
        connection.exec_driver_sql("UPDATE files SET state = 'open', link = NULL, record_count = 0")
    recovery = _recovery(crashed, [])
    assert recovery.run_once()
    (row,) = crashed.rows()
    assert (row.state, recovery.found.completed) == ("closed", 1)
    assert row.link is not None


def test_shortened_file_is_reported_not_closed(crashed: Bench) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    path = crashed.path(crashed.rows()[0])
    os.truncate(path, 2000)
    assert _recovery(crashed, facts).run_once()
    (row,) = crashed.rows()
    assert (row.state, row.reason) == ("damaged", "after a crash: shorter than anchor")
    assert [kind for kind, _, _ in facts] == ["footage_lost"]
    assert path.stat().st_size == 2000


def test_locked_file_waits_for_its_key(crashed: Bench, tmp_path: Path) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    path, own_keys = crashed.path(crashed.rows()[0]), crashed.keys
    before = path.read_bytes()
    crashed.keys = KeyRing.load_or_create(tmp_path / "other secrets")
    locked = _recovery(crashed, facts)
    assert locked.run_once()
    assert (locked.found.locked, crashed.rows()[0].state, facts) == (1, "open", [])
    assert path.read_bytes() == before
    crashed.keys = own_keys
    assert _recovery(crashed, facts).run_once()
    assert crashed.rows()[0].state == "recovered"


def test_missing_file_is_named(crashed: Bench) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    crashed.path(crashed.rows()[0]).unlink()
    assert _recovery(crashed, facts).run_once()
    assert crashed.rows()[0].state == "missing"
    assert [kind for kind, _, _ in facts] == ["footage_lost"]


def test_header_without_row_goes_to_quarantine(crashed: Bench) -> None:
    folder = crashed.path(crashed.rows()[0]).parent
    (folder / "17.vge").write_bytes(b"header")
    (crashed.data_dir / "footage" / "front" / "2020-01-01").mkdir()
    recovery = _recovery(crashed, [])
    assert recovery.run_once()
    assert recovery.found.quarantined == 1
    assert (crashed.data_dir / "quarantine" / f"front-video-{folder.name}-17.vge").read_bytes() == b"header"
    assert crashed.path(crashed.rows()[0]).exists()


def test_own_files_are_left_alone(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = list(islice(clip.endless(), 60))
        b.feed(packets[:30])
        recovery = Recovery(b.file_store, b.store, lambda *_: None)
        assert recovery.run_once()
        assert (recovery.found.recovered, recovery.found.quarantined) == (0, 0)
        b.feed(packets[30:])
        b.recorder.finish()
        assert [row.state for row in b.rows()] == ["closed"]


def test_next_file_of_the_same_day_follows_the_recovered_one(crashed: Bench) -> None:
    _recovery(crashed, []).run_once()
    file_store = FileStore(crashed.file_store.settings, crashed.store, crashed.keys, crashed.clock)
    number, link = file_store.rows.take_number("front", "video")
    assert (number, link) == (2, crashed.rows()[0].link)


def test_still_is_readable_before_it_is_finished(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        still = begin_still(b.file_store, b"jpeg", width=4, height=2, utc_ns=START_UTC_NS, mono_ns=START_MONO_NS)
        (row,) = find_files(b.store, "front", "still", 0, 1 << 45)
        assert (row.id, row.path, row.width) == (still.row_id, "stills/front/2026-02-02/1.vge", 4)
        assert b.plaintext(row) == b"jpeg"
        still.finish()
        (row,) = find_files(b.store, "front", "still", 0, 1 << 45)
        assert row.state == "closed"
        assert verify_file(b.path(row), b.keys).verdict is Verdict.CLOSED
        assert b"jpeg" not in b.path(row).read_bytes()


def _record_until_killed(folder: Path, clip: Clip, newest: Any) -> None:
    """A process of its own: records a clip in real time, and says what the newest frame was."""
    store, keys, clock = Store.open(database_url(folder)), KeyRing.load(folder / "secrets"), SystemClock()
    camera = get_camera(store, "front")
    assert camera is not None
    file_store = FileStore(FileStoreSettings("front", camera.uuid, folder, boot_id()), store, keys, clock)
    ring = PacketRing(5.0)
    recorder = Recorder(RecorderSettings(segment_s=3.0), ring, file_store, clock, lambda *_: None, FragmentMuxer)
    threading.Thread(target=recorder.run, args=(Stop(),), daemon=True).start()
    ring.add(clip.run())
    start = time.monotonic()
    utc_ns, mono_ns = clock.utc_ns() - START_UTC_NS, clock.mono_ns() - START_MONO_NS
    for packet in clip.endless():
        at_s = (packet.mono_ns - START_MONO_NS) / 1e9
        time.sleep(max(0.0, start + at_s - time.monotonic()))
        ring.add(replace(packet, utc_ns=packet.utc_ns + utc_ns, mono_ns=packet.mono_ns + mono_ns))
        newest.value = at_s


@pytest.mark.long
def test_kill_loses_less_than_a_second(clip: Clip, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    lost: list[float] = []
    for _ in range(4):
        folder = tmp_path / f"house-{len(lost)}"
        folder.mkdir()
        with bench(folder) as b:
            newest = context.Value("d", 0.0)
            process = context.Process(target=_record_until_killed, args=(folder, clip, newest))
            process.start()
            time.sleep(random.uniform(2.0, 5.0))
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            seen = newest.value
            assert len(list_open_files(b.store, "front")) <= 1
            assert _recovery(b, []).run_once()
            frames = [at for row in b.rows() for at, _, _ in probe_times(b.plaintext(row), folder)]
            assert frames == pytest.approx([index / 10 for index in range(len(frames))], abs=0.001)
            lost.append(seen - frames[-1])
    assert max(lost) <= 1.0, lost
