"""The rules of one supervised process, without processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from vigilar.base.child import RENEWAL, Child, ChildState, Launched, describe_exit
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import SupervisorEnd, control_pair
from vigilar.base.retry import Backoff


class Stage:
    """One child, its clock, and what its processes were told."""

    def __init__(self, *, has_line: bool = True) -> None:
        self.clock = SimulatedClock()
        self.signals: list[int] = []
        self.exit_code = 1
        self.has_line = has_line
        self.theirs: socket.socket | None = None
        self.child = Child("camera/front", self.launch, self.clock, Backoff(rand=lambda: 0.0))

    def launch(self) -> Launched:
        line: SupervisorEnd | None = None
        if self.has_line:
            if self.theirs:
                self.theirs.close()
            line, self.theirs = control_pair()
            self.theirs.setblocking(False)
        return Launched(os.getpid(), os.open("/dev/null", os.O_RDONLY), lambda: self.exit_code, line)

    def told(self) -> list[dict[str, Any]]:
        """What the newest process was told and has not read yet."""
        assert self.theirs
        messages = []
        with contextlib.suppress(BlockingIOError):
            while data := self.theirs.recv(10_000):
                messages.append(json.loads(data))
        return messages

    def run_and_fail(self, ran_s: float = 0.0) -> float:
        """Launch when due; fail ``ran_s`` after the first heartbeat, or without one. Gives the pause after it."""
        assert self.child.is_due()
        self.child.launch()
        if ran_s:
            self.child.beat({})
        self.clock.advance(ran_s)
        failure = self.child.ended()
        assert failure
        self.clock.advance(failure.wait_s)
        return failure.wait_s


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage()
    monkeypatch.setattr(Launched, "send_signal", lambda _self, number: made.signals.append(number))
    yield made
    if made.child.launched:
        made.child.launched.close()
    if made.theirs:
        made.theirs.close()


def test_pauses_grow_to_thirty_seconds(stage: Stage) -> None:
    assert [stage.run_and_fail() for _ in range(9)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_steady_run_starts_the_pauses_again(stage: Stage) -> None:
    pauses = [stage.run_and_fail(), stage.run_and_fail(), stage.run_and_fail(59.9)]
    assert pauses == [0.0, 1.0, 2.0]
    assert stage.run_and_fail(60.0) == 0.0
    assert stage.run_and_fail() == 1.0


def test_fifth_failure_is_last_news(stage: Stage) -> None:
    told = []
    for _ in range(7):
        stage.child.launch()
        failure = stage.child.ended()
        assert failure
        told.append((failure.is_news, failure.is_failing))
        stage.clock.advance(40)
    assert told == [(True, False)] * 4 + [(True, True)] + [(False, True)] * 2


def test_process_that_renews_itself_has_not_failed(stage: Stage) -> None:
    stage.child.launch()
    stage.child.beat({})
    stage.clock.advance(1.0)
    stage.exit_code = RENEWAL
    assert stage.child.ended() is None
    assert stage.child.is_due()
    assert (stage.child.restarts, stage.child.summary()["is_failing"]) == (0, False)


def test_renewal_before_anything_was_done_is_a_failure(stage: Stage) -> None:
    """Else one that always ends so would be started again and again, and nobody told."""
    stage.exit_code = RENEWAL
    for _ in range(5):
        stage.run_and_fail()
    assert stage.child.summary()["is_failing"]


def test_impossible_launch_counts_as_failure(stage: Stage) -> None:
    assert stage.child.failed_to_launch("no memory").wait_s == 0.0
    assert stage.child.failed_to_launch("no memory").wait_s == 1.0
    assert not stage.child.is_due()
    assert stage.child.summary()["last_exit"] == "no memory"


@pytest.mark.parametrize(("beats", "limit_s"), [(False, 30.0), (True, 15.0)])
def test_silent_process_is_killed_once(stage: Stage, beats: bool, limit_s: float) -> None:
    stage.child.launch()
    if beats:
        assert stage.child.beat({})
    stage.clock.advance(limit_s - 0.01)
    assert stage.child.kill_if_hung() is None
    stage.clock.advance(0.01)
    assert stage.child.kill_if_hung() == f"gave no sign of life for {limit_s:.0f} s"
    assert stage.child.kill_if_hung() is None
    assert stage.signals == [signal.SIGKILL]
    stage.child.ended()
    assert stage.child.summary()["last_exit"] == "stopped answering and was ended"


def test_start_that_takes_too_long_has_twice_the_time_then(stage: Stage) -> None:
    """And a long one that was killed is no steady run."""
    pauses, limits = [], []
    for _ in range(5):
        stage.child.launch()
        began_s = stage.clock.mono_ns() / 1e9
        while stage.child.kill_if_hung() is None:
            stage.clock.advance(1)
        limits.append(stage.clock.mono_ns() / 1e9 - began_s)
        failure = stage.child.ended()
        assert failure
        pauses.append(failure.wait_s)
    assert limits == [30, 60, 120, 240, 240]
    assert pauses == [0.0, 1.0, 2.0, 4.0, 8.0]
    stage.child.launch()
    stage.clock.advance(239)
    assert stage.child.kill_if_hung() is None
    stage.child.beat({})
    stage.child.ended()
    stage.child.launch()
    stage.clock.advance(30)
    assert stage.child.kill_if_hung() == "gave no sign of life for 30 s"


def test_heartbeats_keep_process_alive(stage: Stage) -> None:
    stage.child.launch()
    for _ in range(10):
        stage.child.beat({"fps": 15})
        stage.clock.advance(14.9)
        assert stage.child.kill_if_hung() is None
    assert stage.child.summary()["status"] == {"fps": 15}


def test_time_in_which_the_machine_stood_does_not_count(stage: Stage) -> None:
    stage.child.launch()
    stage.child.beat({})
    stage.clock.advance(10)
    stage.clock.advance(20)  # of which its supervisor saw nothing
    stage.child.excuse(20)
    assert stage.child.kill_if_hung() is None
    stage.clock.advance(5)
    assert stage.child.kill_if_hung() == "gave no sign of life for 15 s"


def test_foreign_program_needs_no_heartbeat() -> None:
    made = Stage(has_line=False)
    made.child.launch()
    assert made.child.state is ChildState.RUNNING
    made.clock.advance(1000)
    assert made.child.kill_if_hung() is None
    made.child.ended()


def test_stop_is_asked_for_then_forced(stage: Stage) -> None:
    stage.child.launch()
    stage.child.stop(4.0)
    assert stage.signals == [signal.SIGTERM]
    stage.clock.advance(3.9)
    assert stage.child.kill_if_hung() is None
    stage.clock.advance(0.1)
    assert stage.child.kill_if_hung() == "did not stop within 4.0 s"
    assert stage.signals == [signal.SIGTERM, signal.SIGKILL]
    assert stage.child.ended() is None
    assert stage.child.state is ChildState.STOPPED
    assert not stage.child.is_due()


def test_stop_while_waiting_needs_no_process(stage: Stage) -> None:
    stage.run_and_fail()
    stage.child.stop(4.0)
    assert stage.child.state is ChildState.STOPPED


def test_replaced_process_stops_then_starts(stage: Stage) -> None:
    stage.child.launch()
    stage.child.replace(stage.launch, 4.0)
    assert not stage.child.is_due()
    assert stage.child.ended() is None
    assert stage.child.is_due()
    assert stage.child.summary()["restarts"] == 1


def test_new_settings_end_the_pause(stage: Stage) -> None:
    for _ in range(3):
        stage.child.launch()
        stage.child.ended()
    assert not stage.child.is_due()
    stage.child.replace(stage.launch, 4.0)
    assert stage.child.is_due()


def test_settings_are_sent_until_a_heartbeat_names_them(stage: Stage) -> None:
    stage.child.launch()
    stage.child.change(stage.launch, {"name": "Gate"})
    stage.child.send_settings()
    stage.child.change(stage.launch, {"name": "Shed"})
    assert [(one["settings"]["name"], one["version"]) for one in stage.told()] == [
        ("Gate", 1),
        ("Gate", 1),
        ("Shed", 2),
    ]
    stage.child.beat({}, 1)
    stage.child.send_settings()
    assert len(stage.told()) == 1, "it has older ones"
    stage.child.beat({}, 2)
    stage.child.send_settings()
    assert stage.told() == []
    assert stage.child.summary()["restarts"] == 0


def test_new_process_has_the_settings_from_its_start(stage: Stage) -> None:
    stage.child.launch()
    stage.child.ended()
    stage.child.change(stage.launch, {"name": "Gate"})
    stage.child.launch()
    stage.child.send_settings()
    assert stage.told() == []


def test_facts_tell_when_the_next_try_is(stage: Stage) -> None:
    stage.child.launch()
    stage.child.ended()
    stage.child.launch()
    stage.child.ended()
    facts: dict[str, Any] = stage.child.summary()
    assert facts["state"] == "waiting"
    assert facts["next_try_ts"] == stage.clock.utc_ns() // 1_000_000 + 1000
    assert facts["pid"] is None


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "ended with exit code 0"), (-9, "was ended by signal 9 (SIGKILL)"), (-60, "was ended by signal 60")],
)
def test_exit_is_described(code: int, text: str) -> None:
    assert describe_exit(code) == text
