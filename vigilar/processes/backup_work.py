"""Runs of the backup with their rows and events: what the process does when it is time, and a command when it is asked.

One at a time on a box: whoever works holds ``LOCK_FILE`` in the data folder.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.backup.copier import StoppedError
from vigilar.backup.folder import FolderTarget
from vigilar.backup.house_copy import HouseFiles
from vigilar.backup.keeper import BackupKeeper
from vigilar.backup.proving import Prover
from vigilar.backup.target import Target
from vigilar.backup.work import Bench, Progress, Rules
from vigilar.base.amounts import count_text, size_text
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.even_clock import EvenClock
from vigilar.base.folder_id import find_folder_id
from vigilar.base.reserve import Reserve
from vigilar.base.sftp_address import find_sftp_address
from vigilar.base.stop import Stop
from vigilar.bus.messages import BackupFact
from vigilar.bus.topics import Topics
from vigilar.config.jobs import BackupJob
from vigilar.store import inbound
from vigilar.store.backups import (
    BackupWork,
    RunState,
    StateRow,
    Wanted,
    ask,
    begin_run,
    change_state,
    end_run,
    find_state,
)
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

LOCK_FILE = "backup.lock"
DAY_MS = 86_400_000
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run; ``error`` is None when all is done or it was stopped."""

    state: RunState
    sentence: str
    error: VigilarError | None = None


class BackupRuns:
    """The runs of one box. ``use`` from any thread, all else from one at a time."""

    def __init__(self, job: BackupJob, store: Database, clock: Clock, stop: Stop) -> None:
        self._job = job
        self._store = store
        self._clock = clock
        self.progress = Progress()
        database = Path(job.database_url.removeprefix(_SQLITE)) if job.database_url.startswith(_SQLITE) else None
        files = HouseFiles(job.data_dir, job.secrets_dir, job.config_file, database)
        even = EvenClock(clock)
        self._bench = Bench(files, job.node_id, job.target, store, clock, even, stop, self.progress, self.report)
        self._target = make_target(job)

    def use(self, job: BackupJob) -> None:
        """Other rules from the next run on."""
        self._job = job

    def close(self) -> None:
        self._target.close()

    def state(self) -> StateRow:
        return find_state(self._store, self._job.node_id) or StateRow()

    def look(self) -> Outcome:
        """Whether the target is there, ours, and can be written to. A trouble is noted and told."""
        return self._guarded(self._look)

    def copy(self, *, with_house: bool = False) -> Outcome:
        """Copy what is owed; what kept it before is over then, and told so."""
        change_state(self._store, self._job.node_id, tried_ms=self._bench.now_ms())
        before = self.state()
        outcome = self._run("copy", lambda: self._copy(with_house))
        if outcome.error is not None and outcome.error.code != _AWAY:
            self.fail(outcome.error)  # of this box too: a full disk, a key that cannot be read
        if outcome.state == "done" and before.problem:
            self._well_again(before)
        return outcome

    def check(self, *, is_deep: bool) -> Outcome:
        """Look at each copy; what is not right is copied again by the next run, which is asked for."""
        outcome = self._run("deep" if is_deep else "check", lambda: self._check(is_deep))
        if outcome.error is not None and outcome.error.code == "backup.copies":
            self._copy_again()
        return outcome

    def do(self, work: BackupWork) -> Outcome:
        """What a person asked for."""
        if work == "copy":
            return self.copy(with_house=True)
        return self.drill() if work == "drill" else self.check(is_deep=work == "deep")

    def drill(self) -> Outcome:
        """Prove that restoring works."""
        change_state(self._store, self._job.node_id, drill_tried_ms=self._bench.now_ms())
        outcome = self._run("drill", self._drill)
        if outcome.state == "done":
            self.report("backup_proved", "drill", {"reason": outcome.sentence, "target": self._target.words})
        elif outcome.error is not None and outcome.error.code == "backup.not_proved":
            self.report("backup_not_proved", "drill", self._detail(outcome.error))
            self._copy_again()
        return outcome

    def report(self, kind: str, about: str, detail: dict[str, Any]) -> None:
        """Once a day for what it is ``about``: its id is made of that, and what is known changes nothing."""
        now_ms = self._bench.now_ms()
        named = f"{self._job.node_id} {kind} {about} {now_ms // DAY_MS}"
        fact = BackupFact(hashlib.sha256(named.encode()).hexdigest()[:32], now_ms, kind, detail)
        Reserve(self._job.data_dir).help(
            lambda: inbound.put(self._store, self._job.node_id, fact.id, Topics.BACKUP_FACT, fact.dump(), now_ms)
        )

    def fail(self, error: VigilarError) -> None:
        """Note what keeps the backup from going on, and tell it at once, the first time."""
        before = self.state()
        if before.problem == error.code and before.sentence == str(error):
            return
        since_ms = before.since_ms if before.problem else self._bench.now_ms()
        change_state(
            self._store,
            self._job.node_id,
            problem=error.code or "backup.failed",
            sentence=str(error),
            next_step=error.next_step,
            since_ms=since_ms,
        )
        logger.warning("the backup cannot be made: %s", error)
        self.report("backup_failed", error.code, self._detail(error))

    def _well_again(self, before: StateRow) -> None:
        change_state(self._store, self._job.node_id, problem="", sentence="", next_step="", since_ms=None)
        logger.info("the backup has caught up")
        words = f"{self._target.words} is there again, and all that was owed has been copied."
        self.report("backup_caught_up", str(before.since_ms), {"reason": words, "was": before.sentence})

    def _copy_again(self) -> None:
        """What was gone or changed should not wait for the night."""
        ask(self._store, self._job.node_id, "copy", self._bench.now_ms())

    def _detail(self, error: VigilarError) -> dict[str, Any]:
        detail = {"reason": f"{error}.", "code": error.code, "target": self._target.words}
        return {**detail, "next_step": error.next_step} if error.next_step else detail

    def _look(self) -> str:
        self._keeper().enter()
        self._target.free_bytes()
        return ""

    def _keeper(self) -> BackupKeeper:
        return BackupKeeper(self._bench, self._target, rules_of(self._job))

    def _copy(self, with_house: bool) -> str:
        keeper = self._keeper()
        count, size = keeper.copy(with_house=with_house)
        words = f"{count_text(count, 'file')} copied, {size_text(size)}." if count else "Nothing was owed."
        seen = Prover(self._bench, self._target, self.state().target_id).look_again()
        if seen.wrong:
            self._copy_again()
            return f"{words} {seen.sentence}"
        return words

    def _check(self, is_deep: bool) -> str:
        mark = self._keeper().enter()
        checked = Prover(self._bench, self._target, mark.id).check(is_deep=is_deep)
        if checked.wrong:
            raise VigilarError(
                checked.sentence.removesuffix("."),
                kind=ErrorKind.CORRUPT,
                code="backup.copies",
                next_step="What is still on this box is copied again by the next run.",
                exit_code=ExitCode.NOT_EXACT,
            )
        return checked.sentence

    def _drill(self) -> str:
        mark = self._keeper().enter()
        count, size = Prover(self._bench, self._target, mark.id).drill()
        return (
            f"{count_text(count, 'file')} of {size_text(size)} brought back and compared, bit by bit: all are the same."
        )

    def _run(self, work: BackupWork, do: Callable[[], str]) -> Outcome:
        """One run with its row."""
        run_id = begin_run(self._store, self._job.node_id, self.state().target_id, work, self._bench.now_ms())
        self.progress.begin(work)
        try:
            outcome = self._guarded(do)
        finally:
            self.progress.end()
        end_run(
            self._store,
            run_id,
            outcome.state,
            self._bench.now_ms(),
            file_count=self.progress.done_count,
            size_bytes=self.progress.done_bytes,
            sentence=outcome.sentence,
        )
        return outcome

    def _guarded(self, do: Callable[[], str]) -> Outcome:
        try:
            self._check_own_folder()
            return Outcome("done", do())
        except StoppedError:
            return Outcome("stopped", "It was interrupted; the next run goes on where it was.")
        except VigilarError as error:
            if error.code.startswith("backup.") and error.code not in _NOT_OF_TARGET:
                self.fail(error)
            return Outcome("failed", f"{error}.", error)

    def _check_own_folder(self) -> None:
        """While the drive of the recordings is away, nothing is owed and nothing is known."""
        try:
            found = find_folder_id(self._job.data_dir)
        except OSError as error:
            raise VigilarError(f"{self._job.data_dir} cannot be read: {error.strerror}", code=_AWAY) from error
        if found != self._job.node_id:
            raise VigilarError("The drive with the recordings is not there", kind=ErrorKind.TRANSIENT, code=_AWAY)


_AWAY = "backup.drive_away"
"""The drive of the recordings is not there: that is told by others, and nothing is owed meanwhile."""

_NOT_OF_TARGET = frozenset({"backup.copies", "backup.not_proved", "backup.locked", "backup.empty", _AWAY})
"""Codes that say nothing of whether copying can go on."""


def make_target(job: BackupJob) -> Target:
    """Where a job's backup goes to."""
    address = find_sftp_address(job.target)
    if address is None:
        # Nor on the disk of the system: a mount point without its drive is a folder there.
        return FolderTarget(Path(job.target), [job.data_dir, Path("/")], outside_of=job.data_dir)
    from vigilar.backup.sftp import SftpLogin, SftpTarget  # only here: paramiko takes 20 MB, and a folder needs none

    return SftpTarget(address, SftpLogin(job.host_key, job.password, job.key))


def rules_of(job: BackupJob) -> Rules:
    wanted = Wanted(job.only_events, job.keep_ms or None, job.before_ms, job.after_ms)
    return Rules(wanted, job.limit_bps or None)
