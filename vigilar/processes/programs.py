"""The programs beside our own processes: the message broker, and the door before the pages.

Part of the supervisor, and like it small in memory. A program has no line to us: that it answers is asked of its port.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from vigilar.base.child import Child, ChildState, Launched
from vigilar.base.clock import Clock
from vigilar.base.launch import launch_program
from vigilar.base.ports import LOOPBACK, is_port_free
from vigilar.bus.broker import check_port, is_accepted, is_answering
from vigilar.config.jobs import DoorPlan, HouseJobs
from vigilar.config.places import Places
from vigilar.processes.kinds import ProcessKind, kind_of, load_function

logger = logging.getLogger(__name__)

UP_S = 5.0
LOOK_EVERY_S = 10.0
MISSES = 3
"""So many looks without an answer of a second each, and a program hangs."""

DOOR_LOOK = "vigilar.door.haproxy:is_answering"
DOOR_TELL = "vigilar.door.haproxy:tell_https_only"

OWN_SOCKETS = ("admin.sock", "plain.sock", "tls.sock")
"""What the door binds in its folder (``door/haproxy.py``); that of the web server is not among them."""

PORT_WAIT_S = 3.0
"""A port may still be held by a process of a supervisor that was just killed."""


class Loop(Protocol):
    """What the supervisor does for its programs."""

    def launch(self, child: Child) -> None:
        """Start the child and watch it."""

    def turn(self, timeout_s: float | None = None) -> None:
        """One turn of the loop."""

    def wait_for(self, children: list[Child], within_s: float) -> None:
        """Turn until these have ended."""

    @property
    def is_stopping(self) -> bool:
        """Whether a signal said so."""


class Programs:
    """Runs broker and door as the plan says. Main thread of the supervisor."""

    def __init__(
        self, places: Places, kinds: tuple[ProcessKind, ...], clock: Clock, children: dict[str, Child], loop: Loop
    ) -> None:
        self._places = places
        self._kinds = kinds
        self._clock = clock
        self._children = children
        self._loop = loop
        self._look_due_s = 0.0
        self._misses: dict[str, int] = {}

    def apply_broker(self, before: HouseJobs | None, plan: HouseJobs) -> None:
        """Have our broker run as planned, and wait until it answers: the others need it at once. Raises BusError."""
        if before is not None and _listens(before) == _listens(plan):
            self._renew_accounts(before, plan)
            return
        port = own_port(plan)
        start = None
        if port:
            if before is None or own_port(before) != port:  # else our own broker has it
                self.wait_for_port(LOOPBACK, port)
                check_port(port)
            start = partial(is_answering, port, 1.0)
        self._replace("broker", self._places.broker_dir, start)

    def apply_door(self, before: HouseJobs | None, plan: HouseJobs) -> None:
        """Have the door stand as planned: on the port of the pages, or nowhere. One that only needs to know whether
        plain HTTP is closed is told so, and its connections stay."""
        old, new = before.door if before else None, plan.door
        if before is not None and old == new:
            return
        if old and new and replace(old, https_only=new.https_only) == new:
            tell = load_function(DOOR_TELL)
            if tell(self._places.door_dir, https_only=new.https_only, timeout_s=1.0):
                return
        self._replace("door", self._places.door_dir, partial(_is_open, plan.door) if plan.door else None)

    def look(self, plan: HouseJobs | None, *, is_excused: bool) -> None:
        """Now and then ask each program for a sign of life, and kill one that hangs."""
        now = time.monotonic()
        if now < self._look_due_s:
            return
        self._look_due_s = now + LOOK_EVERY_S
        port = own_port(plan) if plan else None
        if port:
            self._look_at("broker", partial(is_answering, port, 1.0), is_excused=is_excused)
        if plan and plan.door:
            is_alive = load_function(DOOR_LOOK)
            self._look_at("door", partial(is_alive, self._places.door_dir, 1.0), is_excused=is_excused)

    def _look_at(self, name: str, is_alive: Callable[[], bool], *, is_excused: bool) -> None:
        child = self._children.get(name)
        if child is None or child.state is not ChildState.RUNNING or is_excused or is_alive():
            self._misses[name] = 0
            return
        self._misses[name] = self._misses.get(name, 0) + 1
        if self._misses[name] >= MISSES:
            logger.warning("%s gave no answer %d times and is killed", name, self._misses[name])
            self._misses[name] = 0
            child.kill()

    def wait_for_port(self, host: str, port: int) -> None:
        """Give whoever still holds the port PORT_WAIT_S; that it is free then is for the caller to check."""
        deadline = time.monotonic() + PORT_WAIT_S
        with contextlib.suppress(OSError):
            while not is_port_free(host, port) and time.monotonic() < deadline and not self._loop.is_stopping:
                self._loop.turn(0.1)

    def _replace(self, name: str, folder: Path, is_up: Callable[[], bool] | None) -> None:
        """Let go the program there is, and start it anew; not if ``is_up`` is None. Waits until it is up."""
        if is_up is None and name not in self._children:
            return
        kind = kind_of(name, self._kinds)
        command = load_function(kind.entry)(folder) if is_up else None
        if child := self._children.pop(name, None):
            child.stop(kind.stop.within_s)
            self._loop.wait_for([child], kind.stop.within_s + 1.0)
        if command is None or is_up is None:
            return
        child = self._children[name] = Child(name, partial(_launch, command, folder), self._clock, title=kind.title)
        deadline = time.monotonic() + UP_S
        self._loop.launch(child)
        while not is_up() and time.monotonic() < deadline and not self._loop.is_stopping:
            self._loop.turn(0.02)

    def _renew_accounts(self, before: HouseJobs, plan: HouseJobs) -> None:
        """Have our broker take the accounts of the plan, before a process comes with a new one. Its connections stay:
        mosquitto(8), SIGHUP."""
        port, broker = own_port(plan), self._children.get("broker")
        newcomers = _logins(plan) - _logins(before)
        if port is None or broker is None or broker.launched is None or _logins(plan) == _logins(before):
            return
        broker.launched.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + UP_S
        while newcomers and time.monotonic() < deadline and not self._loop.is_stopping:
            newcomers = {login for login in newcomers if not is_accepted(port, *login, 1.0)}
            if newcomers:
                self._loop.turn(0.02)


def _launch(command: list[str], folder: Path) -> Launched:
    """Sockets that the last one left behind go first: HAProxy keeps them by a hard link, which not every file system of
    a data folder knows, and would not start."""
    for left in OWN_SOCKETS:
        with contextlib.suppress(OSError):
            (folder / left).unlink()
    return launch_program(command, folder)


def own_port(plan: HouseJobs) -> int | None:
    """The port of our own broker; None when the owner runs one."""
    return plan.broker.port if plan.broker.is_own else None


def _listens(plan: HouseJobs) -> tuple[int | None, object, object]:
    """Where our broker is to be heard, by our processes and from the network."""
    return own_port(plan), plan.broker.sensors, plan.broker.home_assistant


def _is_open(door: DoorPlan) -> bool:
    """Whether somebody listens where the door should stand; nobody else does, or it could not have begun."""
    try:
        return not is_port_free(door.listen, door.port)
    except OSError:
        return False


def _logins(plan: HouseJobs) -> set[tuple[str, str]]:
    """User and password of each process that enters the bus."""
    jobs = (planned.job for planned in plan.processes.values())
    return {(job.bus_user, job.bus_password) for job in jobs if job.bus_user}
