"""Does jobs: takes one, runs what its kind names, tells how far it is, and stops within a second when asked to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import StoreError, VigilarError
from vigilar.base.ids import new_id
from vigilar.base.redact import redact
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import JobChanged
from vigilar.bus.topics import Topics
from vigilar.config.jobs import WorkJob
from vigilar.playback.library import Library
from vigilar.processes.job_kinds import KINDS
from vigilar.processes.kinds import load_function
from vigilar.store import jobs as job_rows
from vigilar.store.engine import Store
from vigilar.store.jobs import Hold, JobRow
from vigilar.vge.keys import KeyRing

logger = logging.getLogger(__name__)

LEASE_MS = 15_000
"""A worker that has said nothing for this long is taken for dead; it renews its lease each second."""

LOOK_EVERY_S = 0.2
"""Between looks whether the job is to be cancelled: it stops well within a second of the click."""

TELL_EVERY_S = 1.0
ESTIMATE_AFTER_S = 1.0
"""Before this, a guess at the time left would be a guess at the disk's first answer."""

STOP_S = 0.5
"""For the broker to take the last words; the rows have them already."""

_BUG = "Something went wrong here. It was written to the log."


class JobEnded(Exception):
    """The job is not to go on: cancelled, lost to another worker, or the process stops."""

    def __init__(self, hold: Hold | None) -> None:
        self.hold = hold
        super().__init__("the job is not to go on")


@dataclass(frozen=True, slots=True)
class JobTools:
    """What a kind of job works with."""

    job: WorkJob
    store: Store
    library: Library
    ring: Callable[[], KeyRing]
    clock: Clock


Tell = Callable[[JobChanged], None]


def work_off(current: Callable[[], WorkJob], control: ControlChild) -> None:
    """Do all jobs that wait, then return. ``current`` gives the settings as they are at a job's beginning. The
    process's main thread; raises StoreError when the database does not answer."""
    job = current()
    bus = MessageBus(BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password), f"jobs-{new_id()[:8]}")
    bus.start()
    try:
        with closing(Store.open(job.database_url)) as store:
            worker = JobWorker(store, control, lambda message: _publish(bus, message), SystemClock())
            while not control.stop_requested.is_set() and worker.do_next(current()):
                pass
    finally:
        bus.stop(STOP_S)


def _publish(bus: MessageBus, message: JobChanged) -> None:
    bus.publish(Topics.SYSTEM_JOB, message.dump(), qos=1)


class JobWorker:
    """One at a time. The main thread."""

    def __init__(self, store: Store, control: ControlChild, tell: Tell, clock: Clock) -> None:
        self._store = store
        self._control = control
        self._tell = tell
        self._clock = clock
        self._id = new_id()

    def do_next(self, job: WorkJob) -> bool:
        """Take the oldest job and do it; False when there is none."""
        row = job_rows.take_job(
            self._store, node_id=job.node_id, worker=self._id, kinds=KINDS, now_ms=self._now_ms(), lease_ms=LEASE_MS
        )
        if row is None:
            return False
        logger.info("job %d (%s) begins, try %d", row.id, row.kind, row.tries)
        self._say(row)
        try:
            self._do(row, job)
        except JobEnded as ended:
            self._end(row, ended.hold)
        except StoreError:
            raise  # the lease runs out, and the job is taken up again when the database answers
        except VigilarError as error:
            logger.warning("job %d failed: %s", row.id, error)
            self._fail(row, _sentence(error))
        except Exception:
            logger.exception("job %d failed", row.id)
            self._fail(row, _BUG)
        self._say_as_stored(row.id)
        return True

    def _do(self, row: JobRow, job: WorkJob) -> None:
        def ring() -> KeyRing:
            return KeyRing.load(job.secrets_dir)

        tools = JobTools(job, self._store, Library(self._store, job.data_dir, ring), ring, self._clock)
        result = load_function(KINDS[row.kind].make)(row, tools, _Progress(self, row).note)
        if not job_rows.finish_job(self._store, row.id, self._id, result, self._now_ms()):
            raise JobEnded(job_rows.look_at_job(self._store, row.id, self._id))
        logger.info("job %d is done", row.id)

    def _end(self, row: JobRow, hold: Hold | None) -> None:
        if hold is Hold.CANCEL:
            job_rows.end_cancelled(self._store, row.id, self._id, self._now_ms())
            logger.info("job %d was cancelled", row.id)
        elif hold is None:
            job_rows.release_job(self._store, row.id, self._id, self._now_ms())
            logger.info("job %d is left for the next start", row.id)

    def _fail(self, row: JobRow, sentence: str) -> None:
        job_rows.fail_job(self._store, row.id, self._id, sentence, self._now_ms())

    def check(self, row: JobRow) -> None:
        """Raises JobEnded when the job is not to go on."""
        if self._control.stop_requested.is_set():
            raise JobEnded(None)
        hold = job_rows.look_at_job(self._store, row.id, self._id)
        if hold is not Hold.HELD:
            raise JobEnded(hold)

    def beat(self) -> None:
        self._control.heartbeat({})

    def mono_s(self) -> float:
        return self._clock.mono_ns() / 1e9

    def renew(self, row: JobRow, step: str, percent: int, seconds_left: int | None) -> None:
        job_rows.renew_job(
            self._store,
            row.id,
            self._id,
            now_ms=self._now_ms(),
            lease_ms=LEASE_MS,
            step=step,
            percent=percent,
            seconds_left=seconds_left,
        )
        self._say(row, step, percent, seconds_left)

    def _say_as_stored(self, job_id: int) -> None:
        row = job_rows.get_job(self._store, job_id)
        if row is not None:
            self._say(row, row.step, row.percent, row.seconds_left)

    def _say(self, row: JobRow, step: str = "", percent: int = 0, seconds_left: int | None = None) -> None:
        first, *others = row.camera_ids or ("",)
        self._tell(
            JobChanged(
                *(new_id(), self._now_ms(), row.id, row.kind, row.state, step, percent, seconds_left, first, others)
            )
        )

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


class _Progress:
    """How far one job is. ``note`` is called for each record, so it does nothing most of the time."""

    def __init__(self, worker: JobWorker, row: JobRow) -> None:
        self._worker = worker
        self._row = row
        self._began_s = worker.mono_s()
        self._look_s = self._began_s
        self._tell_s = self._began_s
        self._step = ""
        self._percent = 0

    def note(self, step: str, part: float) -> None:
        """``part`` of the whole, 0 to 1, is done. Raises JobEnded."""
        now_s = self._worker.mono_s()
        is_new_step = step != self._step
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_EVERY_S
            self._worker.beat()
            self._worker.check(self._row)
        if not is_new_step and now_s < self._tell_s:
            return
        self._step, self._tell_s = step, now_s + TELL_EVERY_S
        self._percent = max(self._percent, min(99, int(part * 100)))
        spent_s = now_s - self._began_s
        left = None if spent_s < ESTIMATE_AFTER_S or part <= 0 else round(spent_s * (1 - part) / part)
        self._worker.renew(self._row, step, self._percent, left)


def _sentence(error: VigilarError) -> str:
    text = redact(str(error))
    end = "" if text.endswith((".", "!", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{end} {redact(error.next_step)}".strip()
