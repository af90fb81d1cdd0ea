"""The backup process itself: at its time, on request, with a target that hangs, late, and killed at random moments."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backup_kit import HOUR_S, BackupHouse, backup_house
from tests.backup_sweep import sweep
from tests.conftest import PATIENCE_S, wait_until
from tests.export_kit import control_line
from tests.flow.command_line import vigilar
from tests.sftp_server import run_sftp_server
from tests.system.drives import hanging_drive
from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.lock import FileLock
from vigilar.config.jobs import BackupJob
from vigilar.processes import backup
from vigilar.processes.backup import BackupProcess
from vigilar.processes.backup_work import LOCK_FILE
from vigilar.store.backups import (
    RunRow,
    RunState,
    ask,
    begin_run,
    change_state,
    end_run,
    list_asked,
    list_runs,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[BackupHouse]:
    with backup_house(tmp_path) as house:
        yield house


@contextmanager
def running(house: BackupHouse, job: BackupJob, clock: Clock | None = None) -> Iterator[ControlChild]:
    """The process as a thread of this one, on the real clock, or on ``clock``."""
    with control_line() as control:
        process = BackupProcess(job, control, house.store, clock or SystemClock())
        thread = threading.Thread(target=process.run, name="backup-process")
        thread.start()
        try:
            yield control
        finally:
            control.stop_requested.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def runs(house: BackupHouse) -> list[RunRow]:
    """Newest first."""
    return list_runs(house.store, house.node_id)


def test_first_run_copies_then_proves_by_restore(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    with running(house, house.job(only_events=False), house.clock):
        wait_until(lambda: "backup_proved" in house.told(), 20)
    assert house.is_same(row)
    assert [run.work for run in list_runs(house.store, house.node_id)] == ["drill", "copy"]


def test_deep_check_runs_beside_the_service(house: BackupHouse) -> None:
    row = house.record(ago_s=HOUR_S)
    (house.data_dir / "vigilar.toml").write_text(f'[backup]\ntarget = "{house.nas}"\nwhat = "all"\n', encoding="utf-8")
    with FileLock(house.data_dir / LOCK_FILE) as lock:
        assert lock.acquire()
        with running(house, house.job(only_events=False), house.clock):
            wait_until(lambda: "backup_proved" in house.told(), 20)
            data = bytearray((house.nas / row.path).read_bytes())
            data[1000] ^= 1
            (house.nas / row.path).write_bytes(data)
            found = vigilar(house.data_dir, "backup", "check", "--deep")
            assert (found.code, "1 of 2 copies were gone or changed" in found.err) == (9, True)
            wait_until(lambda: [one.state for one in runs(house) if one.work == "copy"] == ["done"] * 2, 20)
            assert house.is_same(row)
            again = vigilar(house.data_dir, "backup", "check", "--deep")
            assert (again.code, again.out) == (0, "All 2 copies are as they were written.\n")


def test_what_is_asked_is_done_now(house: BackupHouse) -> None:
    with running(house, house.job(only_events=False)):
        wait_until(lambda: "backup_proved" in house.told(), 20)
        row = house.record(ago_s=60)
        ask(house.store, house.node_id, "copy", 1)
        ask(house.store, house.node_id, "check", 2)
        wait_until(lambda: list_runs(house.store, house.node_id)[0].work == "check", 20)
        wait_until(lambda: list_runs(house.store, house.node_id)[0].state == "done", 20)
    assert house.is_same(row)
    assert list_asked(house.store, house.node_id) == []


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_copy_that_was_ended_goes_on_with_the_next_start(house: BackupHouse, state: RunState) -> None:
    house.runs(only_events=False).copy()
    house.runs().drill()
    run_id = begin_run(house.store, house.node_id, "", "copy", 1)
    if state == "stopped":
        end_run(house.store, run_id, state, 2, file_count=0, size_bytes=0, sentence="")
    row = house.record(ago_s=60)
    now_ms = SystemClock().utc_ns() // 1_000_000
    change_state(house.store, house.node_id, tried_ms=now_ms, drill_tried_ms=now_ms, drilled_ms=now_ms)
    with running(house, house.job(only_events=False)):
        wait_until(lambda: (house.nas / row.path).exists(), 20)
    assert house.is_same(row)


def test_copy_that_kills_its_process_is_told_and_tried_later_and_later(house: BackupHouse) -> None:
    house.runs(only_events=False).copy()
    house.runs().drill()
    for _ in range(4):
        begin_run(house.store, house.node_id, "", "copy", house.now_ms)
    row = house.record(ago_s=60)
    with running(house, house.job(only_events=False), house.clock):
        wait_until(lambda: house.runs().state().problem == "backup.died", 20)
        house.clock.advance(119)
        ask(house.store, house.node_id, "drill", house.now_ms)
        wait_until(lambda: [one.state for one in list_runs(house.store, house.node_id, 1)] == ["done"], 20)
        assert not (house.nas / row.path).exists()
        house.clock.advance(1)
        wait_until(lambda: house.runs().state().problem == "", 20)
    assert house.is_same(row)
    assert house.told() == ["backup_proved", "backup_failed", "backup_caught_up"]


def test_target_that_hangs_is_told_and_caught_up(
    house: BackupHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "STUCK_S", 1.0)
    with hanging_drive(tmp_path) as drive:
        row = house.record(ago_s=HOUR_S, size=3_000_000)
        drive.hang()
        with running(house, house.job(only_events=False, target=str(drive.folder))):
            wait_until(lambda: house.told() == ["backup_failed"], 20)
            assert house.runs().state().problem == "backup.stuck"
            drive.answer()
            wait_until(lambda: "backup_caught_up" in house.told(), 20)
        assert (drive.folder / row.path).read_bytes() == (house.data_dir / row.path).read_bytes()
        assert house.runs().state().problem == ""


def test_owners_are_alerted_once_it_is_late(house: BackupHouse) -> None:
    house.record(ago_s=HOUR_S)
    house.runs(only_events=False).copy()
    old_ms = house.now_ms - 30 * HOUR_S * 1000
    change_state(house.store, house.node_id, up_to_ms=old_ms, house_ms=old_ms, target=str(house.nas) + "/gone")
    job = replace(house.job(only_events=False), target=str(house.nas) + "/gone")
    with running(house, job, house.clock):  # by the real one another day may begin, and it is told once a day
        wait_until(lambda: "backup_late" in house.told(), 20)
        wait_until(lambda: "backup_failed" in house.told(), 20)
    assert house.told().count("backup_late") == 1


def test_sftp_server_gets_all_and_gives_it_back(house: BackupHouse, tmp_path: Path) -> None:
    rows = [house.record(ago_s=HOUR_S * n, size=1_500_000) for n in (1, 2)]
    with run_sftp_server(tmp_path / "sshd") as server:
        runs = house.runs(
            only_events=False, target=server.address(house.nas), key=server.key, host_key=server.host_key
        )  # fmt: skip
        assert runs.copy().state == "done"
        assert all(house.is_same(row) for row in rows)
        assert runs.drill().state == "done"
        assert runs.check(is_deep=True).state == "done"
        server.end()
        outcome = runs.look()
        assert outcome.error is not None
        assert outcome.error.code == "backup.unreachable"
        server.start()
        assert runs.copy().state == "done"
        runs.close()
    assert house.told() == ["backup_proved", "backup_failed", "backup_caught_up"]


@pytest.mark.long
def test_killed_at_random_moments_nothing_is_torn_and_all_comes_back(tmp_path: Path) -> None:
    """The short one of ``python -m benchmarks.backup_kills``."""
    found = sweep(tmp_path, 8, 3, files=6)
    assert (found.torn, found.different) == (0, 0)
    assert found.kills == 8
    assert found.ended_first < 8, "at least one was killed while it worked"
