"""How the supervisor gets its plan: a short-lived process reads the configuration and readies the database.

Reading them here would cost the supervisor pydantic and SQLAlchemy for the rest of its life.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext

from vigilar.base.child import Launched
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.launch import launch_task
from vigilar.config.jobs import HouseJobs
from vigilar.config.places import Places
from vigilar.processes.kinds import KINDS, ProcessKind

logger = logging.getLogger(__name__)

MEND_EVERY_S = 20.0
"""Between two looks at a database that a process calls damaged; one takes a second or so."""


@dataclass(frozen=True, slots=True)
class PlanTask:
    """What the process that makes a plan is told. ``bus_port`` is the port of our broker if it already runs.

    ``is_start`` while no other process runs, so that the database may be brought to a newer schema. ``kinds`` are
    those that are planned. ``mends``: a process met a damaged database, which is to be made anew.
    """

    places: Places
    bus_port: int | None
    is_start: bool
    kinds: tuple[ProcessKind, ...] = KINDS
    mends: bool = False


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Why there is no plan: an error, taken apart so that it survives the way between processes."""

    message: str
    next_step: str = ""
    exit_code: int = int(ExitCode.FAILED)

    def error(self) -> VigilarError:
        return VigilarError(self.message, next_step=self.next_step, exit_code=ExitCode(self.exit_code))


AnswerPlan = Callable[[PlanTask, Connection], None]
"""Runs in the process that makes a plan, and sends a HouseJobs or a NoPlan."""


class Planner:
    """Asks for plans, one at a time, without making the supervisor wait. One thread.

    ``plan`` and ``no_plan`` are the newest answer, cleared by who takes it.
    """

    def __init__(
        self,
        context: SpawnContext,
        target: AnswerPlan,
        selector: selectors.BaseSelector,
    ) -> None:
        self.plan: HouseJobs | None = None
        self.no_plan: NoPlan | None = None
        self._context = context
        self._target = target
        self._selector = selector
        self._launched: Launched | None = None
        self._answer: Connection | None = None
        self._next: PlanTask | None = None
        self._mend_due_s = float("-inf")

    def ask(self, task: PlanTask) -> None:
        """Begin; while one is being made, the newest question waits for its turn, and keeps the wish of the one before
        it to see to the database. That is looked at once in MEND_EVERY_S: who met damage asks again."""
        if task.mends:
            if time.monotonic() < self._mend_due_s:
                return
            self._mend_due_s = time.monotonic() + MEND_EVERY_S
        if self._launched:
            mends = task.mends or (self._next is not None and self._next.mends)
            self._next = replace(task, mends=mends)
        else:
            self._begin(task)

    def _begin(self, task: PlanTask) -> None:
        try:
            self._launched, self._answer = launch_task(self._context, self._target, task)
        except OSError as error:
            self.no_plan = NoPlan(f"no process could be started to read the configuration: {error}")
            return
        self._selector.register(self._answer, selectors.EVENT_READ, self._on_answer)

    def let_go(self) -> list[Launched]:
        """Ask for nothing more. Gives the process that is under way, if any: it is for the caller to end."""
        if self._answer:
            self._selector.unregister(self._answer)
            self._answer.close()
        left = [self._launched] if self._launched else []
        self._launched = self._answer = self._next = None
        return left

    def _on_answer(self) -> None:
        if self._answer is None:
            return
        try:
            result = self._answer.recv()
        except (EOFError, OSError):  # it was killed, the second in the middle of its answer
            result = NoPlan("the configuration could not be read; the lines above say why")
        self._end()
        if isinstance(result, HouseJobs):
            self.plan, self.no_plan = result, None
        else:
            self.no_plan = result
        if self._next:
            task, self._next = self._next, None
            self._begin(task)

    def _end(self) -> None:
        if self._answer:
            self._selector.unregister(self._answer)
            self._answer.close()
        if self._launched:
            self._launched.reap()
            self._launched.close()
        self._answer = self._launched = None
