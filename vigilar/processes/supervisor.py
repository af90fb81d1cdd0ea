"""The supervisor's loop: one thread, one selector, and the rules of ``base.child`` for each process.

Like ``vigilar.main`` it must stay small in memory: base, bus and the plain types of config only.
"""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import selectors
import signal
import time
from collections import deque
from functools import partial
from typing import Any

from vigilar.base.child import STOOD_S, Child, ChildState, Failure, Launch, Launched, resident_bytes
from vigilar.base.clock import SystemClock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import BusError, ExitCode, VigilarError
from vigilar.base.launch import launch_process, start_fork_server
from vigilar.base.ports import check_page_port
from vigilar.base.signals import SignalInbox
from vigilar.base.status_socket import StatusServer
from vigilar.base.systemd import ServiceManager
from vigilar.config.jobs import HouseJobs, PlannedProcess, ProcessJob, UpsJob, live_settings
from vigilar.config.places import Places
from vigilar.power.watch import Level
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.folder_guard import FolderGuard
from vigilar.processes.kinds import SUPERVISOR_TITLE, ProcessKind, StopStage, kind_of
from vigilar.processes.planner import AnswerPlan, Planner, PlanTask
from vigilar.processes.programs import Programs, own_port
from vigilar.processes.shedding import UPS, Shedding, is_empty

logger = logging.getLogger(__name__)

STATUS_EVERY_S = 5.0
KILLED_S = 1.0
"""Until killed processes are gone. One that is not waits in the kernel for a drive that hangs."""

MAX_FACTS = 200

MMAP_THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
RECORDING_BYTES = "24576"
LOOKING_BYTES = "131072"
"""libc gives a camera's blocks above this back at once (mallopt(3)); by its own growing rule 1 MB a camera stays. The
small pictures that motion is looked for in must lie below: to map each of them anew costs more than to look at it.
The others, who come from the same fork server, have a rule of their own (``processes.entry``)."""

PRELOADS = tuple(f"vigilar.processes.preload{more}" for more in ("", "_detect", "_objects"))
"""What the fork server loads in a house that records, looks for motion, recognises what moves."""


class Supervisor:
    """Runs the house until a signal says to stop. Main thread only.

    Promises and failure cases: ``docs/architecture/subsystems/supervisor.md``.
    """

    def __init__(
        self,
        places: Places,
        kinds: tuple[ProcessKind, ...],
        answer_plan: AnswerPlan,
        guard: FolderGuard,
        manager: ServiceManager,
        signals: SignalInbox,
    ) -> None:
        self._places = places
        self._kinds = kinds
        self._clock = SystemClock()
        self.has_left_behind = False
        self._guard = guard
        self._manager = manager
        self._signals = signals
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, Child] = {}
        self._facts: deque[ProcessFact] = deque(guard.house.memory.facts)
        self._plan: HouseJobs | None = None
        self._running: dict[str, PlannedProcess] = {}
        self._shedding = Shedding(kinds)
        self._is_out_of_power = False
        self._planner = Planner(multiprocessing.get_context("spawn"), answer_plan, self._selector)
        self._config_error = ""
        self._stops = 0
        self._is_asked_anew = False
        self._is_changed = False
        self._is_ready = False
        self._started_ts = self._clock.utc_ns() // 1_000_000
        self._status_due_s = self._watchdog_due_s = 0.0
        self._programs = Programs(places, kinds, self._clock, self._children, self)

    def run(self) -> int:
        """The exit code after an ordered stop, also one because the data folder is gone (``guard.is_away``).

        Raises VigilarError when the house cannot be started.
        """
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signal)
        server = self._answer_commands()
        try:
            self._start()
            while not self._is_ending:
                self.turn()
                self._take_plan()
            self._stop()
        finally:
            self._kill_all()
            self._selector.close()
            if server:
                server.close()
        return int(ExitCode.OK)

    # Start

    def _start(self) -> None:
        preload = self._guard.house.memory.preload
        if preload in PRELOADS:  # most starts are as the one before: the two load side by side
            self._begin_fork_server(preload)
        self._ask_for_plan()
        while self._planner.plan is None and not self._is_ending:
            self.turn()
            if self._planner.no_plan:
                raise self._planner.no_plan.error()
        self._plan, self._planner.plan = self._planner.plan, None
        if self._is_asked_anew:
            self._ask_for_plan()
        if self._plan is None or not self._wait_for_power(self._plan):
            return
        # Shared by all from here on. A camera that begins to look for motion later loads what it needs by itself.
        self._begin_fork_server(preload_of(self._plan))
        self._programs.wait_for_port(*self._plan.page)
        check_page_port(*self._plan.page)
        self._remember(self._plan)
        began_ms = self._clock.utc_ns() // 1_000_000  # before any camera can tell what ails it
        self._apply(None, self._plan)
        self._config_error = self._plan.config_error
        self._tell_fact("system_started", "system", {}, began_ms)
        logger.info("started with %d processes, page on port %d", len(self._plan.processes), self._plan.page[1])

    def _begin_fork_server(self, preload: str) -> None:
        looks = preload != PRELOADS[0]
        self._forked_from = start_fork_server(preload, {MMAP_THRESHOLD: LOOKING_BYTES if looks else RECORDING_BYTES})

    def _wait_for_power(self, plan: HouseJobs) -> bool:
        """Begin only when the battery is not at its end. False when something says to stop."""
        ups = plan.processes.get(UPS)
        while not self._is_ending and ups and isinstance(ups.job, UpsJob) and is_empty(ups.job):
            if not self._is_ready:
                logger.warning("the battery of the UPS is nearly empty: Vigilar begins when mains are back")
                self._is_ready = True
                self._manager.tell("READY=1")  # we do what can be done
            self._manager.tell("STATUS=The battery is nearly empty: waiting for mains.")
            self.turn(1.0)
        self._is_ready = False
        return not self._is_ending

    def _remember(self, plan: HouseJobs) -> None:
        listen, port = plan.page
        self._guard.house.change(listen=listen, port=port, preload=preload_of(plan))

    @property
    def is_stopping(self) -> bool:
        """Whether a signal said so."""
        return self._stops > 0

    @property
    def _is_ending(self) -> bool:
        """A signal said so, the battery is at its end, or the data folder is gone: then nothing may be made where it
        was."""
        return self._stops > 0 or self._guard.is_away or self._is_out_of_power

    # One turn of the loop

    def turn(self, timeout_s: float | None = None) -> None:
        if timeout_s is None:
            timeout_s = min([1.0, *(child.next_look_s() for child in self._children.values())])
        asked_s = time.monotonic()
        ready = self._selector.select(timeout_s)
        if (late_s := time.monotonic() - asked_s - timeout_s) > STOOD_S:
            self._guard.watch.excuse(late_s)
            for child in self._children.values():
                child.excuse(late_s)
        for key, _ in ready:
            key.data()
        self._look_at_folder()
        for child in list(self._children.values()):
            self._end_if_hung(child)
        for child in list(self._children.values()):  # a launch may take seconds, in which nobody's beats are read
            self._begin_if_due(child)
        now = time.monotonic()
        if self._shedding.is_lost(now):
            self._tell_fact("ups_unwatched", UPS, {})
            self._on_supply()
        self._programs.look(self._plan, is_excused=self._guard.is_hanging)
        if self._is_changed or now >= self._status_due_s:
            if not self._is_changed:
                self._send_facts()  # those that were not taken yet
            self._is_changed = False
            self._status_due_s = now + STATUS_EVERY_S
            self._tell_status()
        if self._manager.watchdog_every_s and now >= self._watchdog_due_s:
            self._watchdog_due_s = now + self._manager.watchdog_every_s
            self._manager.tell("WATCHDOG=1")

    def _look_at_folder(self) -> None:
        """While the drive hangs, who waits for it is no process that hangs: killing would not end it, and its
        successor would wait as well. The facts about it are the guard's; here they only begin their way."""
        if self._guard.look(child.disk_wait_s for child in self._children.values()):
            self._is_changed = True
            known = {fact.id for fact in self._facts}
            self._facts.extend(fact for fact in self._guard.house.memory.facts if fact.id not in known)
            self._send_facts()

    def _end_if_hung(self, child: Child) -> None:
        reason = child.kill_if_hung(is_excused=self._guard.is_hanging)
        if reason:
            logger.warning("%s %s and is killed", child.name, reason)

    def _begin_if_due(self, child: Child) -> None:
        if child.is_due() and not self._is_ending and not self._guard.is_hanging:
            self.launch(child)
        if child.state is ChildState.STOPPED and not child.is_wanted and not self._is_ending:
            self._children.pop(child.name, None)  # who waits for its end may look twice
            self._is_changed = True

    def launch(self, child: Child) -> None:
        try:
            launched = child.launch()
        except (OSError, BusError) as error:
            self._report(child, child.failed_to_launch(f"could not be started: {error}"))
            return
        self._is_changed = True
        logger.info("%s started, process %d", child.name, launched.pid)
        self._selector.register(launched.exit_fd, selectors.EVENT_READ, partial(self._on_exit, child, launched))
        if launched.line:
            self._selector.register(launched.line, selectors.EVENT_READ, partial(self._on_line, child, launched))

    def _on_line(self, child: Child, launched: Launched) -> None:
        if child.launched is not launched or launched.line is None:
            return
        messages = launched.line.receive()
        if messages is None:
            self._forget(launched.line)  # the end of the process itself shows on its exit_fd
            return
        for message in messages:
            self._on_message(child, message)

    def _on_message(self, child: Child, message: dict[str, Any]) -> None:
        if "beat" in message and isinstance(message["beat"], dict):
            if child.beat(message["beat"], message.get("settings")):
                self._is_changed = True
                self._on_first_beat(child)
            if child.name == UPS and self._shedding.hear(message["beat"], time.monotonic()):
                self._on_supply()
        elif "reload" in message:
            logger.info("%s asks to read the configuration again", child.name)
            self._ask_for_plan()
        elif "mend" in message and self._guard.is_here:
            self._ask_for_plan(mends=True)
        elif "done" in message and child.name == "events":
            self._facts = deque(fact for fact in self._facts if fact.id != message["done"])
            self._guard.stored(str(message["done"]))

    def _on_supply(self) -> None:
        """Mains went or came back, or the battery gets low. Nothing is started or let go from within a stop."""
        self._is_changed = True
        level = self._shedding.level
        logger.warning("supply: %s", level.value)
        self._is_out_of_power = self._is_out_of_power or level is Level.CRITICAL
        if self._plan and not self._is_ending:
            self._run_processes(self._shedding.left(self._plan.processes))

    def _on_first_beat(self, child: Child) -> None:
        if child.name == "events":
            self._send_facts()
        if not self._is_ready and all(c.state is not ChildState.STARTING for c in self._children.values()):
            self._is_ready = True
            self._manager.tell("READY=1")

    def _on_exit(self, child: Child, launched: Launched) -> None:
        if child.launched is not launched:
            return
        self._on_line(child, launched)
        self._forget(launched.exit_fd)
        if launched.line:
            self._forget(launched.line)
        self._is_changed = True
        failure = child.ended()
        if failure:
            self._report(child, failure)
        else:
            logger.info("%s stopped", child.name)

    def _report(self, child: Child, failure: Failure) -> None:
        when = f"in {failure.wait_s:.0f} s" if failure.wait_s else "at once"
        logger.warning("%s %s (failure %d in a row), next start %s", child.name, failure.reason, failure.count, when)
        if failure.is_news:
            kind = "process_failing" if failure.is_failing else "process_restarted"
            detail = {"process_title": child.title, "reason": failure.reason, "restarts": child.restarts}
            self._tell_fact(kind, child.name, detail)

    # Plans

    def _ask_for_plan(self, *, mends: bool = False) -> None:
        port = own_port(self._plan) if self._plan else None
        self._planner.ask(PlanTask(self._places, port, self._plan is None, self._kinds, mends=mends))

    def _take_plan(self) -> None:
        """Put a new answer of the planner to work. Only from the outermost loop: applying a plan turns it too."""
        if self._planner.no_plan:
            self._config_error, self._planner.no_plan = self._planner.no_plan.message, None
            self._is_changed = True
            logger.error("the last good configuration stays in use: %s", self._config_error)
        if self._planner.plan and self._plan:
            plan, self._planner.plan = self._planner.plan, None
            try:
                self._apply(self._plan, plan)
            except VigilarError as error:
                self._config_error = str(error)
                logger.error("the last good configuration stays in use: %s", error)
            else:
                self._plan, self._config_error = plan, ""
                self._remember(plan)

    def _apply(self, before: HouseJobs | None, plan: HouseJobs) -> None:
        """Start what is new, let go what is not wanted any more, tell or restart what changed; leave the rest alone.

        The broker comes first, as its are the only errors (BusError), and nothing may be half changed then. A door that
        goes leaves its port to the web server, one that comes takes it from there.
        """
        self._programs.apply_broker(before, plan)
        logging.getLogger().setLevel(plan.log_level)
        for problem in plan.problems:
            logger.error("%s", problem)
        if UPS not in plan.processes:
            self._shedding.forget()
        self._run_processes(self._shedding.left(plan.processes))
        self._programs.apply_door(before, plan)

    def _run_processes(self, new: dict[str, PlannedProcess]) -> None:
        self._is_changed = True
        old, self._running = self._running, new
        for name in old.keys() - new.keys():
            logger.info("%s is not wanted any more", name)
            self._children[name].stop(self._stop_s(name))
        for name, wanted in new.items():
            if name in old:
                self._change(name, old[name].job, wanted.job)
            else:
                self._want(name, wanted)
            self._children[name].title = wanted.title

    def _want(self, name: str, wanted: PlannedProcess) -> None:
        child, launch = self._children.get(name), self._launch_of(name, wanted.job)
        if child:  # it was let go a moment ago and is still stopping
            child.replace(launch, self._stop_s(name))
        else:
            self._children[name] = Child(name, launch, self._clock, title=wanted.title)

    def _change(self, name: str, old: ProcessJob, new: ProcessJob) -> None:
        """What its row names as live is told to the running process; for anything else it begins anew."""
        changed = {field.name for field in dataclasses.fields(new) if _differs(old, new, field.name)}
        live = kind_of(name, self._kinds).live
        if not changed:
            return
        if changed <= live:
            self._children[name].change(self._launch_of(name, new), live_settings(new, live))
        else:
            logger.info("%s begins anew with other settings: %s", name, ", ".join(sorted(changed)))
            self._children[name].replace(self._launch_of(name, new), self._stop_s(name))

    def _launch_of(self, name: str, job: ProcessJob) -> Launch:
        return partial(launch_process, self._forked_from, enter, ProcessStart(name, kind_of(name, self._kinds), job))

    def _stop_s(self, name: str) -> float:
        return kind_of(name, self._kinds).stop.within_s

    # Telling

    def _tell_fact(self, kind: str, source_id: str, detail: dict[str, Any], ts: int | None = None) -> None:
        ts = self._clock.utc_ns() // 1_000_000 if ts is None else ts
        self._facts.append(ProcessFact(os.urandom(16).hex(), ts, kind, source_id, detail))
        if len(self._facts) > MAX_FACTS:
            lost = self._facts.popleft()
            logger.error("%s of %s could not be stored: too many wait", lost.kind, lost.source_id)
        self._send_facts()

    def _send_facts(self) -> None:
        events = self._children.get("events")
        if events and events.launched and events.launched.line:
            for fact in self._facts:
                events.launched.line.send_fact(fact)

    def _status(self) -> dict[str, Any]:
        """How everybody is."""
        now_ts = self._clock.utc_ns() // 1_000_000
        own = {
            "title": SUPERVISOR_TITLE,
            "state": "running",
            "pid": os.getpid(),
            "started_ts": self._started_ts,
            "restarts": 0,
        }
        processes = {"supervisor": {**own, "rss_bytes": resident_bytes(os.getpid())}}
        processes |= {name: child.summary() for name, child in self._children.items()}
        return {
            "ts": now_ts,
            "processes": processes,
            "cameras": [dataclasses.asdict(camera) for camera in self._plan.cameras] if self._plan else [],
            "folder": self._guard.summary(),
            "config_error": self._config_error,
            "problems": list(self._plan.problems) if self._plan else [],
            "supply": self._shedding.level.value,
            "shed": self._shedding.shed(self._plan.processes) if self._plan else [],
        }

    def _tell_status(self) -> None:
        """Everybody hears how everybody is."""
        status = self._status()
        for child in self._children.values():
            if child.launched and child.launched.line:
                child.launched.line.send_status(status)
                child.send_settings()

    def _answer_commands(self) -> StatusServer | None:
        """Without the socket commands know less; that must not keep the house from running."""
        try:
            server = StatusServer(self._places.run_dir, self._status)
        except OSError as error:
            logger.warning("`vigilar status` will know less: its socket cannot be made: %s", error.strerror)
            return None
        self._selector.register(server, selectors.EVENT_READ, server.answer)
        return server

    # Stop

    def _stop(self) -> None:
        """Everything ends in order; what does not within its time is killed. Under 10 s in all."""
        self._manager.tell("STOPPING=1")
        began = time.monotonic()
        self._tell_fact("system_stopped", "system", {"why": "battery"} if self._is_out_of_power else {})
        self._tell_status()  # before they are told to stop: recordings say in their last record that the battery did it
        for stage in StopStage:
            ending = [child for child in self._children.values() if kind_of(child.name, self._kinds).stop is stage]
            for child in ending:
                child.stop(stage.within_s)
            self.wait_for(ending, stage.within_s + 0.3)
        logger.info("stopped in %.1f s", time.monotonic() - began)

    def wait_for(self, children: list[Child], within_s: float) -> None:
        """Turn until these have ended. A second stop signal ends the patience with all of them."""
        deadline = time.monotonic() + within_s
        while any(child.launched for child in children) and time.monotonic() < deadline:
            if self._stops > 1:
                return
            self.turn(0.05)
            for child in children:
                self._end_if_hung(child)
                self._begin_if_due(child)

    def _kill_all(self) -> None:
        """Whatever still runs ends now: nothing, after an ordered stop."""
        left = [child.launched for child in self._children.values() if child.launched]
        left += self._planner.let_go()
        for launched in left:
            launched.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + KILLED_S
        for launched in left:
            if not launched.reap_within(deadline - time.monotonic()):
                logger.error("process %d waits for the drive beyond our reach and is left behind", launched.pid)
                self.has_left_behind = True

    def _forget(self, descriptor: Any) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def _on_signal(self) -> None:
        for number in self._signals.take():
            if number == signal.SIGHUP:
                logger.info("reading the configuration again")
                if self._plan:
                    self._ask_for_plan()
                else:  # the first plan is under way: asked now, the second would be one of a start as well
                    self._is_asked_anew = True
            else:
                self._stops += 1
                logger.info("stopping at once" if self._stops > 1 else "stopping (once more: at once)")


def _differs(old: ProcessJob, new: ProcessJob, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def preload_of(plan: HouseJobs) -> str:
    """The one of PRELOADS that the cameras of ``plan`` share."""
    return PRELOADS[2 if plan.recognises else 1 if plan.looks_for_motion else 0]
