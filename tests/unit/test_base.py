"""Clocks, back-off, redaction, atomic files, ids, log lines."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.bell import Bell
from vigilar.base.clock import SimulatedClock, SystemClock, boot_id
from vigilar.base.ids import new_id, slug
from vigilar.base.logs import LineFormatter
from vigilar.base.redact import redact
from vigilar.base.retry import Backoff
from vigilar.base.stop import Stop
from vigilar.base.zone import load_zone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open rtsp://admin:p@ss:w/rd@10.0.0.7:554/live", "open rtsp://***@10.0.0.7:554/live"),
        ("http://u:p@h/x and more", "http://***@h/x and more"),
        ("password=hunter2, next", "password=***, next"),
        ('{"token": "abc def", "a": 1}', '{"token": ***, "a": 1}'),
        ("Authorization: Digest username=x", "Authorization: ***"),
        ("rtsp://10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("rtsp://10.0.0.7/v?u=a&p=b,c gone", "rtsp://10.0.0.7/v?u=a&p=*** gone"),
        ("rtsp://10.0.0.7/s?sid=b&streamkey=c", "rtsp://10.0.0.7/s?sid=***&streamkey=***"),
        ("at 'rtsp://10.0.0.7/s?login=a:b'", "at 'rtsp://10.0.0.7/s?login=a:***'"),
        ("key: a, code=b", "key: a, code=b"),
        ("mail me@home", "mail me@home"),
        (
            'camera.0.password: is unknown; write login = "secret:NAME"',
            'camera.0.password: is unknown; write login = "secret:NAME"',
        ),
        ('secret: "is", password: name, secret:NAME1', "secret: ***, password: ***, secret:***"),
    ],
)
def test_redact_hides_secrets_only(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_backoff_doubles_up_to_cap() -> None:
    backoff = Backoff(1.0, 30.0, rand=lambda: 0.0)
    assert [backoff.next_delay_s() for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_backoff_jitter_takes_at_most_a_third() -> None:
    assert Backoff(3.0, rand=lambda: 1.0).next_delay_s() == pytest.approx(2.0)


def test_backoff_starts_again_after_steady_run() -> None:
    backoff = Backoff(1.0, 30.0, steady_s=60.0, rand=lambda: 0.0)
    for _ in range(5):
        backoff.next_delay_s(ran_s=1.0)
    assert backoff.next_delay_s(ran_s=60.0) == 1.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Front door!", "front-door"),
        ("Köche & Höfe", "koche-hofe"),
        ("  ", "camera"),
        ("猫", "camera"),
        ("a" * 99, "a" * 40),
    ],
)
def test_slug_is_short_ascii(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(100)}) == 100
    assert len(new_id()) == 32


def test_write_atomic_replaces_with_private_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def test_write_atomic_overwrites_leftover_of_a_crash(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_bytes(b"half of something longer")
    write_atomic(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o755)
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_simulated_clock_steps_utc_alone() -> None:
    clock = SimulatedClock(utc_ns=10**18, mono_ns=5)
    clock.step_utc(-3600)
    assert (clock.utc_ns(), clock.mono_ns()) == (10**18 - 3_600_000_000_000, 5)
    clock.advance(2)
    assert clock.mono_ns() == 2_000_000_005


def test_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    first = clock.mono_ns()
    assert clock.mono_ns() >= first
    assert len(boot_id()) == 16


def test_stop_ends_a_wait() -> None:
    stop = Stop()
    assert not stop.wait(0.0)
    stop.set()
    assert stop.wait(10.0)


def test_log_line_has_process_and_no_secret() -> None:
    record = logging.LogRecord("vigilar.capture.worker", logging.INFO, "", 0, "opened %s", ("rtsp://u:p@h/1",), None)
    record.created, record.msecs = 0.25, 250.0
    line = LineFormatter("camera/door").format(record)
    assert line == "1970-01-01T00:00:00.250Z INFO camera/door capture.worker: opened rtsp://***@h/1"


def test_log_line_keeps_one_fact_on_one_line() -> None:
    record = logging.LogRecord("vigilar.x", logging.WARNING, "", 0, "camera says %s", ("a\nb",), None)
    assert "\n" not in LineFormatter("web").format(record)


def test_umask_does_not_widen_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_atomic(tmp_path / "f", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600


def test_unknown_zone_is_utc() -> None:
    assert load_zone("UTC").utcoffset(datetime(2026, 1, 1)) == timedelta(0)
    assert load_zone("Nowhere/Else") is UTC
    assert load_zone("../etc/passwd") is UTC


def test_stop_is_seen_by_all_who_wait_and_stays() -> None:
    stop = Stop()
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(stop.wait(10.0))) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.set()
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert seen == [True] * 4
    assert stop.is_set()
    assert stop.wait(0.0)
    assert stop.wait()


def test_stop_not_set_times_out() -> None:
    assert not Stop().wait(0.0)
    assert not Stop().wait(0.01)


def test_bell_is_kept_once_while_nobody_waits() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(1.0)
    assert not bell.wait(0.01)


def test_bell_wakes_who_waits() -> None:
    bell, woken = Bell(), threading.Event()

    def wait() -> None:
        if bell.wait(PATIENCE_S):
            woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    bell.ring()
    thread.join(PATIENCE_S)
    assert woken.is_set()


def test_many_ringers_at_once_do_no_harm() -> None:
    bell = Bell()

    def ring() -> None:
        for _ in range(500):
            bell.ring()

    threads = [threading.Thread(target=ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bell.wait(1.0)
    assert not bell.wait(0.01)


def test_who_runs_lower_than_upkeep_stays_there() -> None:
    """Back up is refused to all but root: upkeep of a house that was started by nice(1) ended at once, each time."""
    told = (
        "import os\nfrom vigilar.base.priority import step_back\nos.setpriority(os.PRIO_PROCESS, 0, 19)\n"
        "step_back(is_idle=False)\nprint(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 19
