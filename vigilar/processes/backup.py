"""The backup process: does at its time what ``backup_work`` can do, and says how it stands.

Two threads and the control line. What asks the target works on the thread ``backup``: a network drive that hangs would
keep the process from giving a sign of life, and killing it would help nothing. The main thread beats, decides what is
next, and notices when the target does not answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from itertools import takewhile

from vigilar.backup.target import target_error
from vigilar.base.backup_state import BackupFacts, judge_backup
from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.day_spans import house_day, moment_ms
from vigilar.base.errors import VigilarError
from vigilar.base.lock import FileLock
from vigilar.base.priority import step_back
from vigilar.base.reserve import Reserve
from vigilar.base.sftp_address import target_words
from vigilar.base.systemd import log_place
from vigilar.base.tally import Tally
from vigilar.base.zone import load_zone
from vigilar.config.jobs import BackupJob
from vigilar.processes.backup_work import DAY_MS, LOCK_FILE, BackupRuns, Outcome
from vigilar.processes.settings import settings_handler
from vigilar.store.backups import StateRow, ask, list_asked, list_runs, take_asked
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.vge.places import has_sheet

logger = logging.getLogger(__name__)

TURN_S = 1.0

LOOK_EVERY_MS = 60_000
"""Between two looks whether the target is there: a NAS that was taken is told within this."""

RETRY_MS = 30_000
MOST_RETRY_MS = 15 * 60_000
"""Between two tries while the target is away, doubled from the first up to the second."""

TOLD_KILLS = 3
"""So many deaths in the middle of a copy, one after the other, are no power cuts: people are told."""

MOST_KILLS = 20
"""Runs that are looked at for that."""

STUCK_S = 90.0
"""Without a word from the target while it is asked, it hangs: beyond ``sftp.ANSWER_S``, which a server has."""

STOP_WAIT_S = 2.0
"""For the thread that works: a block and its sync."""

DRILL_AGAIN_MS = 86_400_000
"""After a drill that did not work."""


def run_backup(job: BackupJob, control: ControlChild) -> None:
    """Keep the copies of ``job`` until ``control.stop_requested``. Main thread. Raises StoreError when the database
    cannot be opened."""
    step_back(is_idle=True)
    lock = FileLock(job.data_dir / LOCK_FILE)
    while not lock.acquire():  # a command works
        control.heartbeat({})
        if control.stop_requested.wait(TURN_S):
            return
    with lock, closing(Reserve(job.data_dir).help(lambda: open_database(job.database_url))) as store:
        BackupProcess(job, control, store, SystemClock()).run()


class BackupProcess:
    """``run`` belongs to the main thread; settings come on the thread ``control``."""

    def __init__(self, job: BackupJob, control: ControlChild, store: Database, clock: Clock) -> None:
        self._job = job
        self._control = control
        self._store = store
        self._clock = clock
        self._runs = BackupRuns(job, store, clock, control.stop_requested)
        self._trouble = Tally(logger, "the backup is not looked after", every_s=60.0)
        self._thread: threading.Thread | None = None
        self._outcome: Outcome | None = None
        self._is_stuck = False
        self._state = StateRow()
        self._looked_ms = self._failed_ms = 0
        self._retry_ms = RETRY_MS
        self._late_day = 0
        self._goes_on_ms: int | None = None

    def run(self) -> None:
        """Work at its time, until the stop."""
        self._control.listen(on_settings=settings_handler(self._job, self._use))
        self._go_on()
        while not self._control.stop_requested.is_set():
            try:
                self._state = self._runs.state()
                self._turn()
            except VigilarError as error:
                self._trouble.add(error)
            self._beat()
            self._control.stop_requested.wait(TURN_S)
        if self._thread is not None:
            # Not for ever: what hangs in the kernel is left, and the process ends with it.
            self._thread.join(STOP_WAIT_S)
        self._runs.close()

    def _go_on(self) -> None:
        """A copy that a stop, a power cut or a kill ended goes on now, not at the next night's time. One that was
        killed each time it was tried goes on later and later: what kills it may be the copying itself."""
        try:
            copies = [one for one in list_runs(self._store, self._job.node_id, MOST_KILLS) if one.work == "copy"]
            if not copies or copies[0].state not in ("running", "stopped"):
                return
            kills = len(list(takewhile(lambda one: one.was_killed, copies)))
            if kills < 2:
                ask(self._store, self._job.node_id, "copy", self._now_ms())
                return
            self._goes_on_ms = self._now_ms() + min(RETRY_MS << (kills - 2), MOST_RETRY_MS)
            if kills >= TOLD_KILLS:
                self._runs.fail(_died(kills))
        except VigilarError as error:
            self._trouble.add(error)

    def _use(self, job: BackupJob) -> None:
        self._job = job
        self._runs.use(job)

    def _turn(self) -> None:
        if self._thread is not None:
            if self._thread.is_alive():
                self._notice_stuck()
                return
            self._thread.join()
            self._thread = None
            self._take_outcome()
        self._tell_late()
        do = self._next_work(self._now_ms())
        if do is not None:
            self._begin(do)

    def _next_work(self, now_ms: int) -> Callable[[], Outcome] | None:
        """What is to be done now, if anything."""
        asked = list_asked(self._store, self._job.node_id)
        if asked:
            take_asked(self._store, self._job.node_id, asked[0])
            return partial(self._runs.do, asked[0])
        if self._goes_on_ms is not None:
            if now_ms < self._goes_on_ms:
                return None
            self._goes_on_ms = None
            return self._runs.copy
        if self._state.problem:
            return self._runs.copy if now_ms >= self._failed_ms + self._retry_ms else None
        if is_copy_due(self._job, self._state, now_ms):
            return self._runs.copy
        if is_drill_due(self._job, self._state, now_ms):
            return self._runs.drill
        if now_ms - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = now_ms
            return self._runs.look
        return None

    def _begin(self, do: Callable[[], Outcome]) -> None:
        self._outcome = None
        self._runs.progress.moved_s = time.monotonic()

        def work() -> None:
            try:
                self._outcome = do()
            except VigilarError as error:
                self._trouble.add(error)
            except Exception:  # the top of a thread: it is counted, and the next run tries again
                logger.exception("a run of the backup ended by an error of ours")

        # Not waited for at the end of the process, which a drive that hangs would keep for ever.
        self._thread = threading.Thread(target=work, name="backup", daemon=True)
        self._thread.start()

    def _take_outcome(self) -> None:
        self._is_stuck = False
        outcome = self._outcome
        now_ms = self._now_ms()
        if outcome is None or outcome.state == "failed":
            self._retry_ms = min(self._retry_ms * 2, MOST_RETRY_MS) if self._failed_ms else RETRY_MS
            self._failed_ms = now_ms
        elif outcome.state == "done":
            self._failed_ms, self._retry_ms = 0, RETRY_MS
        self._looked_ms = now_ms
        self._state = self._runs.state()

    def _notice_stuck(self) -> None:
        if self._is_stuck or time.monotonic() - self._runs.progress.moved_s < STUCK_S:
            return
        self._is_stuck = True
        words = f"{target_words(self._job.target)} does not answer any more"
        step = "Look whether the NAS is on and connected. What is owed is made good as soon as it answers."
        self._runs.fail(target_error("stuck", words, step))

    def _tell_late(self) -> None:
        state, now_ms = self._state, self._now_ms()
        facts = facts_of(state, late_after_ms=self._job.late_after_ms)
        if not facts.is_late(now_ms) or now_ms // DAY_MS == self._late_day:
            return
        behind_h = (now_ms - (facts.all_up_to_ms or facts.since_ms or now_ms)) // 3_600_000
        reason = f"What was recorded in the last {behind_h} hours is on this box alone."
        detail = {"reason": f"{reason} {state.sentence}.".replace(" .", ""), "next_step": state.next_step}
        self._runs.report("backup_late", "late", detail)
        self._late_day = now_ms // DAY_MS  # once a day is all that the report makes of it

    def _beat(self) -> None:
        state = self._state
        sheet = has_sheet(self._job.secrets_dir)
        facts = replace(facts_of(state, late_after_ms=self._job.late_after_ms), has_sheet=sheet)
        part = judge_backup(facts, self._now_ms(), load_zone(self._job.time_zone))
        told = {**asdict(part), "since_ms": state.since_ms, "next_step": state.next_step}
        self._control.heartbeat({"part": told, "progress": self._runs.progress.plain()})

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _died(kills: int) -> VigilarError:
    return target_error(
        "died",
        f"The backup ended in the middle of a copy {kills} times, one after the other, and could not say why",
        f"Look at the log of those times: {log_place()}. It goes on by itself, every 15 minutes at last.",
    )


def facts_of(state: StateRow, *, late_after_ms: int) -> BackupFacts:
    return BackupFacts(
        is_wanted=True,
        where=target_words(state.target),
        up_to_ms=state.up_to_ms,
        house_ms=state.house_ms,
        owed_count=state.owed_count,
        drilled_ms=state.drilled_ms,
        problem=state.sentence,
        next_step=state.next_step,
        since_ms=state.since_ms,
        late_after_ms=late_after_ms,
    )


def is_copy_due(job: BackupJob, state: StateRow, now_ms: int) -> bool:
    """By the clock: at first, each ``every``, or once after each day's time. Also when the target is another one, or
    the clock was set back."""
    tried_ms = state.tried_ms
    if tried_ms is None or state.target != job.target or state.up_to_ms is None or tried_ms > now_ms:
        return True
    if job.every_s:
        return now_ms - tried_ms >= job.every_s * 1000
    return tried_ms < last_time_ms(job.at_min, job.time_zone, now_ms)


def last_time_ms(at_min: int, time_zone: str, now_ms: int) -> int:
    """When the clock of the house last showed that time for the first time of its day, UTC ms."""
    zone = load_zone(time_zone)
    today = house_day(now_ms, zone)
    at_ms = moment_ms(today, at_min, zone)
    return at_ms if at_ms <= now_ms else moment_ms(today - timedelta(days=1), at_min, zone)


def is_drill_due(job: BackupJob, state: StateRow, now_ms: int) -> bool:
    """At first, and each ``drill``; a day after one that did not work."""
    if state.house_ms is None:
        return False
    tried_ms, drilled_ms = state.drill_tried_ms, state.drilled_ms
    if tried_ms is None or tried_ms > now_ms:
        return True
    if drilled_ms is None or drilled_ms < tried_ms:
        return now_ms - tried_ms >= DRILL_AGAIN_MS
    return now_ms - drilled_ms >= job.drill_ms
