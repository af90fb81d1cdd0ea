"""The line between supervisor and process."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import PATIENCE_S, wait_until
from vigilar.base import control
from vigilar.base.control import MAX_BATCH, ControlChild, ProcessFact, SupervisorEnd, control_pair

FACT = ProcessFact("f1", 1_770_000_000_000, "process_restarted", "web", {"reason": "ended with exit code 1"})


@pytest.fixture
def pair() -> Iterator[tuple[SupervisorEnd, ControlChild]]:
    supervisor, sock = control_pair()
    yield supervisor, ControlChild(sock)
    supervisor.close()
    sock.close()


@pytest.fixture
def running(
    pair: tuple[SupervisorEnd, ControlChild], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SupervisorEnd, ControlChild]]:
    """A pair whose process listens; the end of its supervisor ends its thread and not the tests."""
    ended = threading.Event()
    monkeypatch.setattr(control, "LAST_RESORT_S", 0.0)
    monkeypatch.setattr(os, "_exit", lambda _code: ended.set())
    pair[1].start(handle_signals=False)
    yield pair
    pair[0].close()
    assert ended.wait(PATIENCE_S)


def messages(supervisor: SupervisorEnd, count: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < deadline:
        found += supervisor.receive() or []
        time.sleep(0.002)
    return found


def test_heartbeat_carries_status(pair: tuple[SupervisorEnd, ControlChild]) -> None:
    pair[1].heartbeat({"fps": 15})
    assert messages(pair[0]) == [{"beat": {"fps": 15}}]


def test_frequent_heartbeats_are_sent_once(pair: tuple[SupervisorEnd, ControlChild]) -> None:
    for _ in range(5):
        pair[1].heartbeat()
    assert pair[0].receive() == [{"beat": {}}]


def test_reload_is_asked_for(pair: tuple[SupervisorEnd, ControlChild]) -> None:
    pair[1].ask_reload()
    assert messages(pair[0]) == [{"reload": 1}]


def test_stop_message_sets_stop(running: tuple[SupervisorEnd, ControlChild]) -> None:
    running[0].send_stop()
    assert running[1].stop_requested.wait(PATIENCE_S)


def test_end_of_supervisor_sets_stop(running: tuple[SupervisorEnd, ControlChild]) -> None:
    running[0].close()
    assert running[1].stop_requested.wait(PATIENCE_S)


def test_sigterm_sets_stop(pair: tuple[SupervisorEnd, ControlChild], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LAST_RESORT_S", 0.0)
    ended = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda _code: ended.set())
    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        pair[1].start()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
        assert not pair[1].stop_requested.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert pair[1].stop_requested.wait(PATIENCE_S)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        pair[0].close()
        assert ended.wait(PATIENCE_S)


def test_what_was_said_before_a_signal_counts_before_it(
    pair: tuple[SupervisorEnd, ControlChild], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a recording that the battery ends says in its last record that somebody stopped the house."""
    monkeypatch.setattr(control, "LAST_RESORT_S", 0.0)
    ended = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda _code: ended.set())
    supervisor, child = pair
    heard: list[tuple[str, bool]] = []
    child.listen(on_status=lambda status: heard.append((status["supply"], child.stop_requested.is_set())))
    for supply in ("battery", "critical"):
        supervisor.send_status({"supply": supply})
    child.request_stop()
    child.start(handle_signals=False)
    assert child.stop_requested.wait(PATIENCE_S)
    assert heard[:2] == [("battery", False), ("critical", False)]
    supervisor.close()
    assert ended.wait(PATIENCE_S)


def test_status_reaches_listener_and_latecomer(running: tuple[SupervisorEnd, ControlChild]) -> None:
    supervisor, child = running
    told: list[dict[str, Any]] = []
    came = threading.Event()

    def take(status: dict[str, Any]) -> None:
        told.append(status)
        came.set()

    supervisor.send_status({"ts": 1})
    while child._last_status is None:
        time.sleep(0.002)
    child.listen(on_status=take)
    assert came.wait(PATIENCE_S)
    came.clear()
    supervisor.send_status({"ts": 2})
    assert came.wait(PATIENCE_S)
    assert told == [{"ts": 1}, {"ts": 2}]


def test_fact_before_listener_is_held(running: tuple[SupervisorEnd, ControlChild]) -> None:
    supervisor, child = running
    supervisor.send_fact(FACT)
    supervisor.send_fact(FACT)
    supervisor.send_stop()
    assert child.stop_requested.wait(PATIENCE_S)
    assert supervisor.receive() == []
    taken: list[ProcessFact] = []
    child.listen(on_fact=taken.append)
    assert messages(supervisor) == [{"done": "f1"}]
    assert taken == [FACT]


def test_failed_fact_is_not_done(running: tuple[SupervisorEnd, ControlChild]) -> None:
    supervisor, child = running
    tries: list[str] = []

    def fail_once(fact: ProcessFact) -> None:
        tries.append(fact.id)
        if len(tries) == 1:
            raise OSError("database is full")

    child.listen(on_fact=fail_once)
    supervisor.send_fact(FACT)
    supervisor.send_fact(FACT)
    assert messages(supervisor) == [{"done": "f1"}]
    assert tries == ["f1", "f1"]


def test_settings_are_taken_once_and_told_in_the_heartbeat(running: tuple[SupervisorEnd, ControlChild]) -> None:
    supervisor, process = running
    taken: list[dict[str, Any]] = []
    supervisor.send_settings({"name": "Gate"}, 3)  # before anybody listens
    process.listen(on_settings=taken.append)
    wait_until(lambda: taken, 2.0)
    supervisor.send_settings({"name": "Gate"}, 3)
    supervisor.send_settings({"name": "Shed"}, 4)
    wait_until(lambda: len(taken) == 2, 2.0)
    assert taken == [{"name": "Gate"}, {"name": "Shed"}]
    wait_until(lambda: process._settings_version == 4, 2.0)
    process.heartbeat()
    assert messages(supervisor) == [{"beat": {}, "settings": 4}]


def test_settings_that_were_not_taken_come_again(running: tuple[SupervisorEnd, ControlChild]) -> None:
    supervisor, process = running
    tries: list[int] = []

    def take(_settings: dict[str, Any]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("not now")

    process.listen(on_settings=take)
    supervisor.send_settings({"name": "Gate"}, 1)
    wait_until(lambda: tries, 2.0)
    process.heartbeat()
    assert messages(supervisor) == [{"beat": {}}]
    supervisor.send_settings({"name": "Gate"}, 1)
    wait_until(lambda: process._settings_version == 1, 2.0)


def test_silent_process_never_blocks_supervisor(pair: tuple[SupervisorEnd, ControlChild]) -> None:
    status = {"ts": 1, "text": "x" * 20_000}
    sent = [pair[0].send_status(status) for _ in range(100)]
    assert sent[0]
    assert not sent[-1]


def test_silent_supervisor_never_blocks_process(pair: tuple[SupervisorEnd, ControlChild]) -> None:
    for _ in range(5_000):
        pair[1].ask_reload()


def test_gone_process_is_none() -> None:
    supervisor, sock = control_pair()
    ControlChild(sock).heartbeat()
    sock.close()
    assert supervisor.receive() == [{"beat": {}}]
    assert supervisor.receive() is None
    assert not supervisor.send_stop()
    supervisor.close()


def test_last_words_of_a_process_that_ended_with_words_unread_are_taken() -> None:
    """The kernel tells of those first (unix(7), ECONNRESET): what it found damaged before it ended must not be lost."""
    supervisor, sock = control_pair()
    supervisor.send_status({"ts": 1})
    ControlChild(sock).ask_mend()
    sock.close()
    assert supervisor.receive() == [{"mend": 1}]
    assert supervisor.receive() is None
    supervisor.close()


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"{", b"[1, 2]", b"3", b"[" * 100_000])
def test_junk_from_process_is_dropped(junk: bytes) -> None:
    supervisor, sock = control_pair()
    sock.send(junk)
    sock.send(b'{"reload":1}')
    assert supervisor.receive() == [{"reload": 1}]
    supervisor.close()
    sock.close()


def test_flood_is_taken_in_batches() -> None:
    supervisor, sock = control_pair()
    sock.setblocking(False)
    for _ in range(MAX_BATCH + 10):
        sock.send(b'{"reload":1}')
    assert len(supervisor.receive() or []) == MAX_BATCH
    assert len(supervisor.receive() or []) == 10
    supervisor.close()
    sock.close()


def test_line_survives_forked_copy() -> None:
    supervisor, sock = control_pair()
    copy = socket.socket(fileno=os.dup(sock.fileno()))
    sock.close()
    assert supervisor.receive() == []
    copy.close()
    assert supervisor.receive() is None
    supervisor.close()
