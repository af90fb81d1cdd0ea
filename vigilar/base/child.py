"""One process that is to run: started, watched, started again when it ends, stopped.

A ``Child`` decides, and does nothing by itself: the supervisor's loop tells it what happened (it beat, it ended, time
passed) and asks what is due. Launching is handed in, so the rules are tested without processes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.control import SupervisorEnd
from vigilar.base.retry import Backoff

FIRST_BEAT_S = 30.0
"""From launch to the first heartbeat. Imports of a whole house on a slow box take some seconds; the wait for the lock
of an earlier process takes up to 10 s. Twice as long after each start that took longer, up to MOST_FIRST_BEAT_S: on a
box that is busy with something else, starts that are cut off would never come to their end."""

MOST_FIRST_BEAT_S = 240.0

BEAT_S = 15.0
"""Without a heartbeat for this long a process hangs, and is killed."""

STOOD_S = 1.0
"""Who wakes so much too late got no processor, or its machine stood, and those who were to beat had none either."""

STEADY_S = 60.0
"""A process that ran this long did not fail at its start: the next failure counts as the first."""

HUNG = "stopped answering and was ended"
"""What is told of a process that was killed because it hung."""

FAILING_AFTER = 5
"""So many failures in a row are no longer a restart but a failing process."""

RENEWAL = 64
"""The exit code of a process that did what loads much and begins anew, small. It did not fail; nobody is told."""


class ChildState(Enum):
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Launched:
    """A started process. ``exit_fd`` becomes readable when it ends; ``reap`` then gives its exit code (negative: the
    signal that ended it) and leaves no zombie. ``line`` is None for a foreign program, which sends no heartbeats."""

    pid: int
    exit_fd: int
    reap: Callable[[], int]
    line: SupervisorEnd | None = None

    def send_signal(self, number: int) -> None:
        """By process file descriptor: never hits a later process of the same number."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.exit_fd, number)

    def reap_within(self, within_s: float) -> bool:
        """Reap the process, which was killed. False when it is not gone in time: it waits in the kernel, most likely
        for a drive that hangs, beyond our reach."""
        if not select.select([self.exit_fd], [], [], max(0.0, within_s))[0]:
            return False
        self.reap()
        return True

    def close(self) -> None:
        os.close(self.exit_fd)
        if self.line:
            self.line.close()


Launch = Callable[[], Launched]


@dataclass(frozen=True, slots=True)
class Failure:
    """A process that ended although it was wanted. ``count`` failures in a row; the next start is in ``wait_s``."""

    reason: str
    count: int
    wait_s: float
    is_news: bool
    """False from the one after FAILING_AFTER on, so that a crash loop does not fill the event list."""

    @property
    def is_failing(self) -> bool:
        return self.count >= FAILING_AFTER


class Child:
    """The rules of one process. One thread.

    The first restart comes at once, then after 1, 2, 4 ... 30 s with jitter; a minute of steady running starts the
    series again. ``launched`` is None exactly while no process exists. ``title`` is what people call it.
    """

    def __init__(
        self, name: str, launch: Launch, clock: Clock, backoff: Backoff | None = None, *, title: str = ""
    ) -> None:
        self.name = name
        self.title = title or name
        self.state = ChildState.WAITING
        self.launched: Launched | None = None
        self.restarts = 0
        self.is_wanted = True
        self._launch = launch
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._failures = 0
        self._due_s = self._now_s()
        self._started_ts = 0
        self._running_s = 0.0
        self._first_beat_s = FIRST_BEAT_S
        self._beat_s = 0.0
        self._kill_s = float("inf")
        self._stop_s = 0.0
        self._was_hung = False
        self._last_exit = ""
        self._status: dict[str, Any] = {}
        self._settings: dict[str, Any] | None = None
        self._settings_version = 0

    def launch(self) -> Launched:
        """Start the process. OSError when the machine cannot (no memory, no process left): see ``failed_to_launch``."""
        self.launched = self._launch()
        self.state = ChildState.STARTING if self.launched.line else ChildState.RUNNING
        self._running_s = self._beat_s = self._now_s()
        self._started_ts = self._clock.utc_ns() // 1_000_000
        self._was_hung = False
        self._kill_s = float("inf")
        self._status = {}
        self._settings = None  # the job it was started with has them
        return self.launched

    def failed_to_launch(self, reason: str) -> Failure:
        return self._failed(reason)

    def replace(self, launch: Launch, within_s: float) -> None:
        """Let the process stop, and start it again with ``launch``."""
        self._launch = launch
        self.restarts += 1
        self._failures = 0
        self._backoff.reset()
        if self.launched:
            self.stop(within_s)
        else:
            self.state = ChildState.WAITING
            self._due_s = self._now_s()
        self.is_wanted = True

    def change(self, launch: Launch, settings: dict[str, Any]) -> None:
        """Give the running process new settings; a later start is by ``launch``, which has them already."""
        self._launch = launch
        self._settings_version += 1
        self._settings = settings
        self.send_settings()

    def send_settings(self) -> None:
        """Send the newest settings, unless the process has them: a heartbeat said so, or it was started with them."""
        if self._settings is not None and self.launched and self.launched.line:
            self.launched.line.send_settings(self._settings, self._settings_version)

    def stop(self, within_s: float) -> None:
        """Ask the process to end; ``is_overdue`` is true when it has not after ``within_s``."""
        self.is_wanted = False
        if self.launched is None:
            self.state = ChildState.STOPPED
            return
        if self.state is not ChildState.STOPPING:
            self._stop_s = self._now_s()
            self._kill_s = self._now_s() + within_s
        self.state = ChildState.STOPPING
        if self.launched.line:
            self.launched.line.send_stop()
        self.launched.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process now. It may be stopped by a signal or hang in the kernel; ``ended`` comes when it is gone."""
        if self.launched:
            self.launched.send_signal(signal.SIGKILL)

    def beat(self, status: dict[str, Any], settings_version: object = None) -> bool:
        """Take a heartbeat, with the version of the settings that the process uses. True for the first of a process."""
        self._beat_s = self._now_s()
        if settings_version == self._settings_version:
            self._settings = None
        self._status = status
        if self.state is not ChildState.STARTING:
            return False
        self.state = ChildState.RUNNING
        self._running_s = self._beat_s
        self._first_beat_s = FIRST_BEAT_S
        return True

    def excuse(self, late_s: float) -> None:
        """Who looks after the process woke so much later than it wanted: that time does not count."""
        self._beat_s = min(self._now_s(), self._beat_s + late_s)

    def ended(self) -> Failure | None:
        """The process is gone: reap it. None when that was wanted, by us or (RENEWAL) by itself."""
        if self.launched is None:
            return None
        code = self.launched.reap()
        self.launched.close()
        self.launched = None
        self._status = {}
        self._last_exit = HUNG if self._was_hung else describe_exit(code)
        is_renewal = code == RENEWAL and self.state is ChildState.RUNNING and not self._was_hung
        if self.state is ChildState.STOPPING or is_renewal:
            self.state = ChildState.WAITING if self.is_wanted else ChildState.STOPPED
            self._due_s = self._now_s()
            return None
        return self._failed(self._last_exit)

    def is_due(self) -> bool:
        return self.state is ChildState.WAITING and self._now_s() >= self._due_s

    @property
    def disk_wait_s(self) -> float:
        """For how long it has been waiting for the drive in one write, as it said itself."""
        wait_s = self._status.get("disk_wait_s", 0.0)
        return float(wait_s) if isinstance(wait_s, int | float) else 0.0

    def kill_if_hung(self, *, is_excused: bool = False) -> str | None:
        """Kill a process without heartbeats, or one that was to stop and did not. Gives the reason if so.

        ``is_excused``: it may be waiting for a drive that hangs, and has all the time again once that is over.
        """
        now = self._now_s()
        if self.state is ChildState.STOPPING and now >= self._kill_s:
            self._kill_s = float("inf")  # once is enough: who is in the kernel ends when that returns
            self.kill()
            return f"did not stop within {now - self._stop_s:.1f} s"
        limit_s = {ChildState.STARTING: self._first_beat_s, ChildState.RUNNING: BEAT_S}.get(self.state)
        if limit_s is None or self._was_hung or not (self.launched and self.launched.line):
            return None
        if is_excused:
            self._beat_s = now
            return None
        if now - self._beat_s < limit_s:
            return None
        if self.state is ChildState.STARTING:
            self._first_beat_s = min(2 * self._first_beat_s, MOST_FIRST_BEAT_S)
        self._was_hung = True
        self.kill()
        return f"gave no sign of life for {limit_s:.0f} s"

    def next_look_s(self) -> float:
        """Seconds until this child may need attention although nothing happened."""
        now = self._now_s()
        if self.state is ChildState.WAITING:
            return max(0.0, self._due_s - now)
        if self.state is ChildState.STOPPING:
            return max(0.0, self._kill_s - now)
        return 1.0

    def summary(self) -> dict[str, Any]:
        """What the other processes and the system page may know; see ``docs/architecture/subsystems/supervisor.md``."""
        wait_s = max(0.0, self._due_s - self._now_s())
        is_waiting = self.state is ChildState.WAITING
        return {
            "title": self.title,
            "state": self.state.value,
            "pid": self.launched.pid if self.launched else None,
            "started_ts": self._started_ts if self.launched else None,
            "restarts": self.restarts,
            "is_failing": self._failures >= FAILING_AFTER,
            "last_exit": self._last_exit,
            "next_try_ts": self._clock.utc_ns() // 1_000_000 + int(wait_s * 1000) if is_waiting else None,
            "rss_bytes": resident_bytes(self.launched.pid) if self.launched else 0,
            "status": self._status,
        }

    def _failed(self, reason: str) -> Failure:
        if self.state is ChildState.RUNNING and self._now_s() - self._running_s >= STEADY_S:
            self._failures = 0
            self._backoff.reset()
        self._failures += 1
        self.restarts += 1
        self._last_exit = reason
        wait_s = 0.0 if self._failures == 1 else self._backoff.next_delay_s()
        self._due_s = self._now_s() + wait_s
        self.state = ChildState.WAITING
        return Failure(reason, self._failures, wait_s, is_news=self._failures <= FAILING_AFTER)

    def _now_s(self) -> float:
        return self._clock.mono_ns() / 1e9


def describe_exit(code: int) -> str:
    """One clause about an exit code; negative is a signal."""
    if code == RENEWAL:
        return "began anew to give memory back"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, 0 when it is gone (source: proc(5), ``statm``)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
