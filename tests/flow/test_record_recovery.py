"""What a crash leaves behind is repaired at the next start; what `kill -9` costs is measured."""

from __future__ import annotations

import json
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

from tests.conftest import wait_until
from tests.ready_store import database_url
from tests.recording_kit import START_MONO_NS, START_UTC_NS, Bench, Clip, bench, make_clip, probe_times
from vigilar.base.clock import SystemClock, boot_id
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.base.stop import Stop
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.processes.older_keys import OlderKeys
from vigilar.record import repair
from vigilar.record.choice import RecordingMode
from vigilar.record.file_store import FileInfo, FileStore, FileStoreSettings
from vigilar.record.last_recording import find_last_recording
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.recovery import Recovery
from vigilar.record.ring import PacketRing
from vigilar.record.stills import begin_still
from vigilar.store import outbox
from vigilar.store.cameras import get_camera
from vigilar.store.engine import Store
from vigilar.store.files import find_files, list_open_files
from vigilar.store.inventory import UNLINKED
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import KeyRing
from vigilar.vge.recover import Recovered, recover_file
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

DAY_NS = 86_400_000_000_000
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


def test_row_of_a_closed_file_is_completed(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ring.add(clip.run())
        b.feed(list(islice(clip.endless(), 40)))
        b.recorder.finish()
        b.write_rows()
        with b.store.write("test") as connection:
            connection.exec_driver_sql("UPDATE files SET state = 'open', link = NULL, record_count = 0")
        recovery = _recovery(b, [])
        assert recovery.run_once()
        (row,) = b.rows()
        assert (row.state, recovery.found.completed) == ("closed", 1)
        assert row.link is not None


def test_result_that_the_database_refused_is_stored_and_told_later(crashed: Bench) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    _recovery(crashed, []).run_once()
    with crashed.store.write("test") as connection:
        connection.exec_driver_sql("UPDATE files SET state = 'open', link = NULL, record_count = 0")
    assert _recovery(crashed, facts).run_once()
    (row,) = crashed.rows()
    assert row.state == "recovered"
    assert row.link is not None
    assert [kind for kind, _, _ in facts] == ["recording_recovered"]


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


def test_file_under_an_older_key_is_left_to_the_upkeep(crashed: Bench, clip: Clip, tmp_path: Path) -> None:
    """A key was rotated while the file was open, then the camera's process died: the next holds the newest alone."""
    secrets, path = tmp_path / "secrets", crashed.path(crashed.rows()[0])
    add_epoch(secrets)
    crashed.keys = KeyRing.load_newest(secrets)
    facts: list[tuple[str, int, dict[str, Any]]] = []
    own = _recovery(crashed, facts)
    assert own.run_once()
    assert (own.found.locked, crashed.rows()[0].state, facts) == (1, "open", [])

    # What the file itself says of its time is believed, so that no footage is told lost that is there.
    ((_, _, detail),) = _record_after(crashed, clip, RecorderSettings(), after_s=20.0)
    assert detail["lost_ms"] == pytest.approx(8_000, abs=60)

    OlderKeys(tmp_path, secrets, "", crashed.store, crashed.clock).turn()
    assert [row.state for row in crashed.rows()] == ["recovered", "closed"]
    assert verify_file(path, crashed.keys).verdict is Verdict.CLOSED, "it is under the newest key by now"
    (told,) = outbox.pending(crashed.store, "", ["vigilar/camera/"], now_ms=1 << 45)
    assert (told.topic, b"recording_recovered" in told.payload) == ("vigilar/camera/front/fact", True)


def test_upkeep_leaves_files_that_are_being_written(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = list(islice(clip.endless(), 60))
        b.feed(packets[:30])
        b.write_rows()
        add_epoch(tmp_path / "secrets")
        OlderKeys(tmp_path, tmp_path / "secrets", "", b.store, b.clock).turn()
        assert [row.state for row in b.rows()] == ["open"]
        b.feed(packets[30:])
        b.recorder.finish()
        assert [row.state for row in b.rows()] == ["closed"]
        assert verify_file(b.path(b.rows()[0]), b.keys).verdict is Verdict.CLOSED


def test_upkeep_leaves_the_end_that_the_recorder_writes_meanwhile(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is closed under the key of its beginning while its row waits for the database: no crash ended it."""
    with bench(tmp_path, RecorderSettings()) as b:
        b.ring.add(clip.run())
        packets = list(islice(clip.endless(), 60))
        b.feed(packets[:30])
        b.write_rows()
        add_epoch(tmp_path / "secrets")
        b.feed(packets[30:])
        b.recorder.finish()

        def recover_late(*args: Any, **more: Any) -> Recovered:
            done = recover_file(*args, **more)
            b.write_rows()  # the database takes them again
            return done

        monkeypatch.setattr(repair, "recover_file", recover_late)
        OlderKeys(tmp_path, tmp_path / "secrets", "", b.store, b.clock).turn()
        assert [(row.state, row.reason) for row in b.rows()] == [("closed", "stop")]
        assert verify_file(b.path(b.rows()[0]), KeyRing.load_newest(tmp_path / "secrets")).verdict is Verdict.CLOSED


def test_upkeep_does_not_wait_for_a_pipe_in_place_of_a_recording(crashed: Bench, tmp_path: Path) -> None:
    path = crashed.path(crashed.rows()[0])
    path.unlink()
    os.mkfifo(path)
    add_epoch(tmp_path / "secrets")
    OlderKeys(tmp_path, tmp_path / "secrets", "", crashed.store, crashed.clock).turn()
    assert crashed.rows()[0].state == "open", "its camera's process tells"


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


def _die_behind(step: str, b: Bench, clip: Clip) -> None:
    """Do what a process does up to ``step`` (``record/row_writer.py``), and nothing after it."""
    if step == "number":
        b.file_store.chains["video"].take()
        return
    if step == "header":
        b.file_store.begin("video", replace(STILL, codec="avc1.64001f")).writer.abandon()
        return
    b.ring.add(clip.run())
    packets = list(islice(clip.endless(), 60))
    b.feed(packets[:30])
    if "row" in step:
        b.write_rows()
    if step == "row":
        with b.store.write("test") as connection:
            connection.exec_driver_sql("UPDATE files SET checkpoint_record = NULL, checkpoint_tag = NULL")
    b.feed(packets[30:])
    if "close" in step:
        b.recorder.finish()
        return
    segment = b.recorder._segment
    assert segment is not None
    assert segment._file is not None
    segment._file.writer.abandon()


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("number", None),
        ("header", None),
        ("records", "recovered"),
        ("row", "recovered"),
        ("row, checkpoint", "recovered"),
        ("close", "closed"),
        ("row, checkpoint, close", "closed"),
    ],
)
def test_death_behind_each_step_leaves_rows_and_files_that_agree(
    step: str, state: str | None, clip: Clip, tmp_path: Path
) -> None:
    facts: list[tuple[str, int, dict[str, Any]]] = []
    with bench(tmp_path) as b:
        _die_behind(step, b, clip)
        for _ in range(2):  # the second start finds nothing left to do
            assert _recovery(b, facts).run_once()
        rows = find_files(b.store, "front", "video", 0, 1 << 45)
        on_disk = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("footage/front/*/*.vge")}
        assert {row.path for row in rows} == on_disk
        assert [row.state for row in rows] == ([state] if state else [])
        assert [kind for kind, _, _ in facts] == (["recording_recovered"] if state == "recovered" else [])
        next_number = FileStore(b.file_store.settings, b.store, b.keys, b.clock).chains["video"].take()
        assert next_number > 1 or step == "number", "a number that stands in a file is never given again"
        for row in rows:
            assert row.end_ms is not None
            assert 5_900 <= row.end_ms - row.start_ms <= 6_000 or state == "recovered"
            assert (row.codec[:5], row.width, row.height, row.has_audio) == ("avc1.", 160, 96, False)
            assert row.link == verify_file(b.path(row), b.keys).link


def test_orphans_of_a_long_lock_are_adopted_in_their_order(clip: Clip, tmp_path: Path) -> None:
    with bench(tmp_path, RecorderSettings(segment_s=2.0)) as b:
        b.ring.add(clip.run())
        b.feed(list(islice(clip.endless(), 75)))
        segment = b.recorder._segment
        assert segment is not None
        assert segment._file is not None
        segment._file.writer.abandon()
        recovery = _recovery(b, [])
        assert recovery.run_once()
        assert (recovery.found.adopted, recovery.found.completed, recovery.found.recovered) == (4, 3, 1)
        rows = find_files(b.store, "front", "video", 0, 1 << 45)
        assert [(row.number, row.state) for row in rows] == [
            (1, "closed"),
            (2, "closed"),
            (3, "closed"),
            (4, "recovered"),
        ]
        chain = recovery._file_store.chains["video"]
        assert (chain.take(), chain.link) == (5, rows[-1].link)


def test_orphan_behind_one_that_is_not_known_says_so(clip: Clip, tmp_path: Path) -> None:
    """As where a database was put back from before a recording was made and deleted by a rule: nobody took it."""
    with bench(tmp_path, RecorderSettings(segment_s=2.0)) as b:
        b.ring.add(clip.run())
        b.feed(list(islice(clip.endless(), 75)))
        b.recorder.finish()
        b.path(b.rows()[1]).unlink()
        with b.store.write("test") as connection:
            connection.exec_driver_sql("DELETE FROM files")
        assert _recovery(b, []).run_once()
        assert [(row.number, UNLINKED in (row.reason or "")) for row in b.rows()] == [
            (1, False), (3, True), (4, False),
        ]  # fmt: skip


def test_orphans_of_the_newest_days_are_found(tmp_path: Path) -> None:
    """Those of older days are taken in by the upkeep process: ``test_adopt``."""
    with bench(tmp_path) as b:
        for day in range(5):
            utc_ns = START_UTC_NS + day * 86_400_000_000_000
            begin_still(b.file_store, b"jpeg", width=4, height=2, utc_ns=utc_ns, mono_ns=START_MONO_NS).finish()
            if day == 0:
                b.write_rows()
        recovery = _recovery(b, [])
        assert recovery.run_once()
        assert (recovery.found.adopted, recovery.found.completed) == (2, 2)
        assert [row.number for row in find_files(b.store, "front", "still", 0, 1 << 45)] == [1, 4, 5]


@pytest.mark.parametrize("off_ns", [8 * 365 * DAY_NS, -8 * 365 * DAY_NS], ids=["was ahead", "is behind"])
def test_newest_files_are_found_beside_those_of_another_year(tmp_path: Path, off_ns: int) -> None:
    """The clock was years ahead once; or it is behind now, and all files seem to be. The last file has no row, and the
    database was put back from before it gave its number."""
    with bench(tmp_path) as b:
        earlier_ns = off_ns if off_ns > 0 else -5 * DAY_NS
        for utc_ns in (START_UTC_NS + earlier_ns, START_UTC_NS + earlier_ns + DAY_NS):
            begin_still(b.file_store, b"old", width=4, height=2, utc_ns=utc_ns, mono_ns=START_MONO_NS).finish()
        b.write_rows()
        begin_still(b.file_store, b"new", width=4, height=2, utc_ns=START_UTC_NS, mono_ns=START_MONO_NS).finish()
        with b.store.write("test") as connection:
            connection.exec_driver_sql("UPDATE cameras SET next_still_number = 3")
        b.clock.step_utc(min(off_ns, 0) / 1e9)
        last = find_last_recording(b.file_store.home("still"), b.keys, b.clock.utc_ns())
        assert last is not None
        assert last.end_utc_ns == START_UTC_NS
        assert FileStore(b.file_store.settings, b.store, b.keys, b.clock).chains["still"].take() == 4
        recovery = _recovery(b, [])
        assert recovery.run_once()
        assert recovery.found.adopted == 1


def test_orphan_of_another_camera_is_set_aside(crashed: Bench) -> None:
    (row,) = crashed.rows()
    stranger = crashed.path(row).with_name("30.vge")
    stranger.write_bytes(crashed.path(row).read_bytes())  # says in its header that it is number 1
    recovery = _recovery(crashed, [])
    assert recovery.run_once()
    assert (recovery.found.quarantined, recovery.found.adopted, stranger.exists()) == (1, 0, False)
    assert recovery._file_store.chains["video"].take() == 31


def test_orphan_whose_key_is_away_waits_for_it(crashed: Bench, tmp_path: Path) -> None:
    (row,) = crashed.rows()
    with crashed.store.write("test") as connection:
        connection.exec_driver_sql("DELETE FROM files")
    own_keys = crashed.keys
    crashed.keys = KeyRing.load_or_create(tmp_path / "other secrets")
    locked = _recovery(crashed, [])
    assert locked.run_once()
    assert (locked.found.locked, locked.found.quarantined) == (1, 0)
    crashed.keys = own_keys
    assert _recovery(crashed, []).run_once()
    (adopted,) = crashed.rows()
    assert (adopted.path, adopted.state) == (row.path, "recovered")


def test_still_without_a_row_is_adopted(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        still = begin_still(b.file_store, b"jpeg", width=4, height=2, utc_ns=START_UTC_NS, mono_ns=START_MONO_NS)
        still.finish()
        assert _recovery(b, []).run_once()
        (row,) = find_files(b.store, "front", "still", 0, 1 << 45)
        assert (row.state, b.plaintext(row)) == ("closed", b"jpeg")


@pytest.mark.parametrize("mode", list(RecordingMode))
def test_gap_of_a_crash_is_told_with_the_first_picture(mode: RecordingMode, crashed: Bench, clip: Clip) -> None:
    facts = _record_after(crashed, clip, RecorderSettings(mode), after_s=20.0)
    told = [detail for kind, _, detail in facts if kind == "footage_lost"]
    start_ms = START_UTC_NS // 1_000_000
    (detail,) = told
    assert detail["from_ms"] == pytest.approx(start_ms + 11_950, abs=60)
    assert detail["to_ms"] == start_ms + 20_000
    assert detail["reason"] == "the camera's process was not running"
    if mode is RecordingMode.ALWAYS:
        (mark,) = crashed.marks(crashed.rows()[-1])
        assert json.loads(mark) == {"kind": "gap", "detail": detail}


def test_crash_in_a_quiet_time_is_no_gap_in_mode_motion(clip: Clip, tmp_path: Path) -> None:
    settings = RecorderSettings(RecordingMode.MOTION, before_s=1.0, after_s=1.0)
    with bench(tmp_path, settings) as b:
        b.ring.add(clip.run())
        b.feed(list(islice(clip.endless(), 20)))
        b.recorder.motion_started(b.clock.mono_ns())
        b.feed(list(islice(clip.endless(), 20, 40)))
        b.recorder.motion_ended(b.clock.mono_ns())
        b.feed(list(islice(clip.endless(), 40, 400)))
        assert b.recorder._segment is None
        assert [row.state for row in b.rows()] == ["closed"]
        assert not _record_after(b, clip, settings, after_s=60.0)


def test_crash_is_looked_for_when_the_drive_is_back(crashed: Bench, clip: Clip) -> None:
    is_away = [True]

    def check_folder() -> None:
        if is_away[0]:
            is_away[0] = crashed.clock.mono_ns() < START_MONO_NS + 21_000_000_000
            raise RecordingError("the drive is not there", kind=ErrorKind.TRANSIENT, code="V-DRIVE")

    crashed.file_store.settings = replace(crashed.file_store.settings, check_folder=check_folder)
    facts = _record_after(crashed, clip, RecorderSettings(), after_s=20.0)
    ((kind, _, detail),) = facts
    assert (kind, detail["lost_ms"]) == ("footage_lost", pytest.approx(8_000, abs=60)), "what came meanwhile waited"
    assert crashed.rows()[-1].start_ms == START_UTC_NS // 1_000_000 + 20_000


def test_gap_over_another_boot_says_that_the_computer_was_off(crashed: Bench, clip: Clip) -> None:
    crashed.file_store.settings = replace(crashed.file_store.settings, boot_id=bytes(16))
    facts = _record_after(crashed, clip, RecorderSettings(), after_s=20.0)
    assert [detail["reason"] for _, _, detail in facts] == ["the computer was off or restarting"]


def test_ordered_stop_after_a_crash_untold_leaves_it_to_the_next_start(crashed: Bench, clip: Clip) -> None:
    stopped = _new_recorder(crashed, RecorderSettings(), PacketRing(5.0), [])
    stopped.finish()  # before the camera sent a picture
    facts = _record_after(crashed, clip, RecorderSettings(), after_s=30.0)
    assert [detail["lost_ms"] for _, _, detail in facts] == [pytest.approx(18_000, abs=60)]
    assert not _record_after(crashed, clip, RecorderSettings(), after_s=60.0), "this one was stopped in order"


def _new_recorder(
    b: Bench, settings: RecorderSettings, ring: PacketRing, facts: list[tuple[str, int, dict[str, Any]]]
) -> Recorder:
    file_store = FileStore(b.file_store.settings, b.store, b.keys, b.clock)
    return Recorder(settings, ring, file_store, b.clock, lambda *fact: facts.append(fact), FragmentMuxer)


def _record_after(
    b: Bench, clip: Clip, settings: RecorderSettings, after_s: float
) -> list[tuple[str, int, dict[str, Any]]]:
    """What the next process tells, whose first picture comes ``after_s`` behind the start of the first; it is stopped
    in order."""
    facts: list[tuple[str, int, dict[str, Any]]] = []
    ring = PacketRing(5.0)
    b.recorder = _new_recorder(b, settings, ring, facts)
    b.file_store, b.ring = b.recorder._file_store, ring
    b.clock.advance(after_s - (b.clock.mono_ns() - START_MONO_NS) / 1e9)
    ring.add(clip.run(at_s=after_s))
    b.feed(list(islice(clip.endless(at_s=after_s), 30)))
    b.recorder.finish()
    b.write_rows()
    return facts


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
    chain = file_store.chains["video"]
    assert (chain.take(), chain.link) == (2, crashed.rows()[0].link)


def test_still_is_readable_before_it_is_finished(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        still = begin_still(b.file_store, b"jpeg", width=4, height=2, utc_ns=START_UTC_NS, mono_ns=START_MONO_NS)
        row_id = still.store_row()
        (row,) = find_files(b.store, "front", "still", 0, 1 << 45)
        assert (row.id, row.path, row.width) == (row_id, "stills/front/2026-02-02/1.vge", 4)
        assert b.plaintext(row) == b"jpeg"
        still.finish()
        b.write_rows()
        (row,) = find_files(b.store, "front", "still", 0, 1 << 45)
        assert row.state == "closed"
        assert verify_file(b.path(row), b.keys).verdict is Verdict.CLOSED
        assert b"jpeg" not in b.path(row).read_bytes()


def _record_until_killed(folder: Path, clip: Clip, newest: Any, latest: Any) -> None:
    """A process of its own: records a clip in real time, and says what the newest frame was, and how late the machine
    let it have one at the latest."""
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
        newest.value, latest.value = at_s, max(latest.value, time.monotonic() - start - at_s)


@pytest.mark.long
def test_kill_loses_less_than_a_second(clip: Clip, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    lost: list[float] = []
    for _ in range(4):
        folder = tmp_path / f"house-{len(lost)}"
        folder.mkdir()
        with bench(folder) as b:
            newest, latest = context.Value("d", 0.0), context.Value("d", 0.0)
            process = context.Process(target=_record_until_killed, args=(folder, clip, newest, latest))
            process.start()
            wait_until(lambda newest=newest: newest.value > 0.0, 20.0)
            time.sleep(random.uniform(2.0, 5.0))
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            seen = newest.value
            assert len(list_open_files(b.store, "front")) <= 1
            assert _recovery(b, []).run_once()
            frames = [at for row in b.rows() for at, _, _ in probe_times(b.plaintext(row), folder)]
            assert frames == pytest.approx([index / 10 for index in range(len(frames))], abs=0.001)
            lost.append(seen - frames[-1] - latest.value)
    assert max(lost) <= 1.0, lost
