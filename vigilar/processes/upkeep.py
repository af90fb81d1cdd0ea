"""The upkeep process: keeps the recordings within what the settings allow, and their rows in the database. One thread
and the control line.

It comes after all others: lower priority on the processor, the lowest on the disk.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing
from typing import Any

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.not_recording import NotRecording
from vigilar.base.priority import step_back
from vigilar.base.reserve import Reserve
from vigilar.base.tally import Tally
from vigilar.bus.messages import UpkeepFact
from vigilar.bus.topics import Topics
from vigilar.config.jobs import UpkeepJob
from vigilar.processes.older_keys import OlderKeys
from vigilar.processes.refill import Refill
from vigilar.processes.settings import settings_handler
from vigilar.store import inbound
from vigilar.store.holdings import DAY_MS
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import SqliteStore, open_database
from vigilar.upkeep.keeper import Keeper, KeeperSettings
from vigilar.upkeep.old_rows import OldRows

logger = logging.getLogger(__name__)

TURN_S = 0.5
"""Between looks at the free space: a disk that is filled at 200 MB a second is 100 MB fuller by then, and what the
recorders leave free, which is less, only stops them until the next look."""

RETRY_S = 1.0

CHECK_EVERY_NS = 3600 * 10**9
"""Between two looks at each page of the database; the first is the start's own."""


def run_upkeep(job: UpkeepJob, control: ControlChild) -> None:
    """Keep the rules of ``job`` until ``control.stop_requested``. Main thread. Raises StoreError when the database
    cannot be opened."""
    # Not the idle class: on a disk that another program fills without a pause it would never get a turn, and making
    # space is what such a disk needs.
    step_back(is_idle=False)
    with closing(Reserve(job.data_dir).help(lambda: open_database(job.database_url))) as store:
        UpkeepProcess(job, control, store, SystemClock()).run()


class UpkeepProcess:
    """``run`` belongs to the main thread; settings and the state of the house come on the thread ``control``."""

    def __init__(self, job: UpkeepJob, control: ControlChild, store: Database, clock: Clock) -> None:
        self._job = job
        self._control = control
        self._store = store
        self._clock = clock
        self._is_full_told = False
        self._check_due_ns = clock.mono_ns() + CHECK_EVERY_NS
        self._trouble = Tally(logger, "recordings are not looked after", every_s=60.0)
        self._keeper = Keeper(
            KeeperSettings(job.data_dir, job.node_id),
            job.rules,
            store,
            clock,
            self._report,
            control.stop_requested,
            self._beat,
        )
        self._refill = Refill(job.data_dir, job.secrets_dir, job.node_id, store, clock, self._goes_on)
        self._older_keys = OlderKeys(job.data_dir, job.secrets_dir, job.node_id, store, clock)
        self._old_rows = OldRows(store, job.node_id, clock)

    def run(self) -> None:
        """Look, until the stop."""
        on_settings = settings_handler(self._job, lambda new: self._keeper.use(new.rules))
        self._control.listen(on_settings=on_settings, on_status=self._hear)
        wait_s = 0.0
        while not self._control.stop_requested.wait(wait_s):
            self._beat()
            wait_s = TURN_S
            try:
                if self._is_filled():
                    self._keeper.turn(is_full_told=self._is_full_told)
                self._old_rows.turn()
                self._older_keys.turn()
                self._check_database()
            except VigilarError as error:
                self._trouble.add(error)
                wait_s = RETRY_S

    def _is_filled(self) -> bool:
        """Whether each file has its row, as far as can be had: a full disk, on which none can be stored, or a file that
        cannot be read, must not keep for ever what is to be deleted from a disk that is full."""
        try:
            return self._refill.turn()
        except VigilarError as error:
            if error.kind is not ErrorKind.FULL and not self._is_full_told:
                raise
            self._trouble.add(error)
            return True

    def _hear(self, status: dict[str, Any]) -> None:
        """Whether a recorder finds the disk full: it may know more than the file system tells, as under a quota."""
        told = [one["status"].get("not_recording") for one in status["processes"].values() if one.get("status")]
        self._is_full_told = NotRecording.DISK_FULL.value in told

    def _check_database(self) -> None:
        """A page that is damaged and that nobody reads is found before the next power cut."""
        now_ns = self._clock.mono_ns()
        if isinstance(self._store, SqliteStore) and now_ns >= self._check_due_ns:
            self._check_due_ns = now_ns + CHECK_EVERY_NS
            self._store.check()

    def _goes_on(self) -> bool:
        self._beat()
        return not self._control.stop_requested.is_set()

    def _beat(self) -> None:
        self._control.heartbeat(
            {
                "deleted_files": self._keeper.deleted_count,
                "deleted_bytes": self._keeper.deleted_bytes,
                "problem": " ".join(filter(None, (self._keeper.problem, self._refill.problem))),
                "database": self._refill.sentence,
            }
        )

    def _report(self, kind: str, what: str, detail: dict[str, Any]) -> None:
        """Once a day for as long as it lasts: its id is made of what it is about, and what is known changes nothing."""
        now_ms = self._clock.utc_ns() // 1_000_000
        about = f"{self._job.node_id} {kind} {what} {now_ms // DAY_MS}"
        fact = UpkeepFact(hashlib.sha256(about.encode()).hexdigest()[:32], now_ms, kind, detail)
        Reserve(self._job.data_dir).help(
            lambda: inbound.put(self._store, self._job.node_id, fact.id, Topics.UPKEEP_FACT, fact.dump(), now_ms)
        )
