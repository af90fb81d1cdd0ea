"""Rows of long work: one table and one vocabulary, whatever is made.

States: ``waiting`` -> ``running`` -> ``done``, ``failed`` or ``cancelled``. A worker holds a running job by a lease
that it renews while it works. A worker that is killed lets its lease run out, and the job is taken up again from its
beginning; one that has ended its worker ``MAX_TRIES`` times fails, so that it cannot do so for ever. Only the worker
whose random id is in the row may change it. A job belongs to the box that was asked (``node_id``): its recordings are
there.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.engine import Store
from vigilar.store.schema import jobs

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]

OVER = ("done", "failed", "cancelled")
"""States after which nothing comes any more."""

MAX_TRIES = 3
"""A job whose worker ended this often without an end of the job is given up."""

MAX_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job. Times are UTC ms; ``params`` says what to make, ``result`` what was made; ``error`` is a sentence."""

    id: int
    node_id: str
    kind: str
    params: dict[str, Any]
    state: JobState
    step: str
    percent: int
    seconds_left: int | None
    made_by: int | None
    created_ms: int
    updated_ms: int
    tries: int
    is_cancel_asked: bool
    result: dict[str, Any] | None
    error: str | None

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def camera_ids(self) -> tuple[str, ...]:
        """The cameras that it is about: who may not see all of them is told nothing of it. None: the house's, for
        those who see all of that."""
        several = self.params.get("cameras")
        return tuple(map(str, several)) if several else tuple(filter(None, [str(self.params.get("camera_id") or "")]))


class Hold(Enum):
    """What a worker learns when it renews its lease."""

    HELD = auto()
    CANCEL = auto()
    LOST = auto()


_COLUMNS = tuple(jobs.c[name] for name in JobRow.__dataclass_fields__)


def add_job(
    store: Store, *, node_id: str, kind: str, params: dict[str, Any], made_by: int | None, now_ms: int
) -> JobRow:
    """A new job that waits; or the one of the same kind and params that is not over yet: asking twice, as by a double
    click, makes one."""
    text = _dump(params)
    with store.write("store a job") as connection:
        known = connection.execute(
            select(*_COLUMNS)
            .where(jobs.c.node_id == node_id, jobs.c.kind == kind, jobs.c.params == text)
            .where(jobs.c.state.in_(("waiting", "running")), jobs.c.is_cancel_asked == 0)
            .limit(1)
        ).first()
        if known is not None:
            return _job(known)
        return _job(
            connection.execute(
                insert(jobs)
                .values(
                    node_id=node_id,
                    kind=kind,
                    params=text,
                    state="waiting",
                    made_by=made_by,
                    created_ms=now_ms,
                    updated_ms=now_ms,
                )
                .returning(*_COLUMNS)
            ).one()
        )


def get_job(store: Store, job_id: int) -> JobRow | None:
    with store.read("read jobs") as connection:
        row = connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id)).first()
        return None if row is None else _job(row)


def list_jobs(store: Store, node_id: str, *, kinds: Collection[str] = (), most: int = MAX_LISTED) -> list[JobRow]:
    """The newest jobs of a box, of ``kinds`` or else of all, newest first, at most ``most``."""
    query = select(*_COLUMNS).where(jobs.c.node_id == node_id)
    if kinds:
        query = query.where(jobs.c.kind.in_(kinds))
    with store.read("read jobs") as connection:
        rows = connection.execute(query.order_by(jobs.c.id.desc()).limit(most))
        return [_job(row) for row in rows]


def take_job(
    store: Store, *, node_id: str, worker: str, kinds: Collection[str], now_ms: int, lease_ms: int
) -> JobRow | None:
    """The oldest job of the box that waits, or whose lease ran out, now held by ``worker``; None when there is none.

    On the way, jobs whose worker ended too often become ``failed``, and those that were to be cancelled ``cancelled``.
    Writes only when there is something to take.
    """
    is_free = or_(jobs.c.state == "waiting", and_(jobs.c.state == "running", jobs.c.lease_until_ms <= now_ms))
    wanted = select(*_COLUMNS).where(jobs.c.node_id == node_id, jobs.c.kind.in_(kinds), is_free).order_by(jobs.c.id)
    with store.read("look for a job") as connection:
        if connection.execute(wanted.limit(1)).first() is None:
            return None
    with store.write("take a job") as connection:
        for row in connection.execute(wanted).all():
            job = _job(row)
            if job.is_cancel_asked:
                _end(connection, job.id, now_ms, state="cancelled")
            elif job.tries >= MAX_TRIES:
                words = f"This work ended its program {MAX_TRIES} times before it was done, so it was given up."
                _end(connection, job.id, now_ms, state="failed", error=words)
            else:
                return _job(
                    connection.execute(
                        update(jobs)
                        .where(jobs.c.id == job.id)
                        .values(
                            state="running",
                            worker=worker,
                            lease_until_ms=now_ms + lease_ms,
                            tries=job.tries + 1,
                            step="",
                            percent=0,
                            seconds_left=None,
                            updated_ms=now_ms,
                        )
                        .returning(*_COLUMNS)
                    ).one()
                )
        return None


def look_at_job(store: Store, job_id: int, worker: str) -> Hold:
    """Whether the worker is to go on. Reads only, so that it can be asked often."""
    with store.read("look at a job") as connection:
        row = connection.execute(
            select(jobs.c.worker, jobs.c.state, jobs.c.is_cancel_asked).where(jobs.c.id == job_id)
        ).first()
    if row is None or row.worker != worker or row.state != "running":
        return Hold.LOST
    return Hold.CANCEL if row.is_cancel_asked else Hold.HELD


def renew_job(
    store: Store,
    job_id: int,
    worker: str,
    *,
    now_ms: int,
    lease_ms: int,
    step: str,
    percent: int,
    seconds_left: int | None,
) -> None:
    """Hold the job for longer, and say how far it is. A percentage never goes back. Does nothing to a job that the
    worker no longer has."""
    with store.write("store how far a job is") as connection:
        connection.execute(
            update(jobs)
            .where(_held(job_id, worker))
            .values(
                lease_until_ms=now_ms + lease_ms,
                step=step,
                percent=max(0, min(100, percent)),
                seconds_left=seconds_left,
                updated_ms=now_ms,
            )
        )


def release_job(store: Store, job_id: int, worker: str, now_ms: int) -> None:
    """Give a job back, to be begun again: the worker is told to stop, which is no fault of the job."""
    with store.write("give a job back") as connection:
        connection.execute(
            update(jobs)
            .where(_held(job_id, worker))
            .values(
                state="waiting",
                worker=None,
                lease_until_ms=None,
                tries=jobs.c.tries - 1,
                step="",
                percent=0,
                seconds_left=None,
                updated_ms=now_ms,
            )
        )


def finish_job(store: Store, job_id: int, worker: str, result: dict[str, Any], now_ms: int) -> bool:
    """The job is done; False when the worker had lost it, or it was to be cancelled, and then it is not."""
    with store.write("store what a job made") as connection:
        done = connection.execute(
            update(jobs)
            .where(_held(job_id, worker), jobs.c.is_cancel_asked == 0)
            .values(**_over("done"), percent=100, result=_dump(result), updated_ms=now_ms)
            .returning(jobs.c.id)
        )
        return done.first() is not None


def fail_job(store: Store, job_id: int, worker: str, sentence: str, now_ms: int) -> None:
    with store.write("store why a job failed") as connection:
        connection.execute(
            update(jobs).where(_held(job_id, worker)).values(**_over("failed"), error=sentence, updated_ms=now_ms)
        )


def end_cancelled(store: Store, job_id: int, worker: str, now_ms: int) -> None:
    """The worker has stopped because it was asked to."""
    with store.write("store that a job was cancelled") as connection:
        connection.execute(update(jobs).where(_held(job_id, worker)).values(**_over("cancelled"), updated_ms=now_ms))


def cancel_job(store: Store, job_id: int, now_ms: int) -> JobRow:
    """Ask a job to stop: one that waits is cancelled at once, one that runs by its worker. One that is over stays as it
    is. Raises StoreError (NOT_FOUND) for one that is not there."""
    with store.write("cancel a job") as connection:
        row = connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id)).first()
        if row is None:
            raise StoreError(f"there is no job {job_id}", kind=ErrorKind.PERMANENT, exit_code=ExitCode.NOT_FOUND)
        job = _job(row)
        if job.state == "waiting":
            _end(connection, job_id, now_ms, state="cancelled")
        elif job.state == "running":
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(is_cancel_asked=1, updated_ms=now_ms))
        return _job(connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id)).one())


def delete_job(store: Store, job_id: int) -> bool:
    """Forget a job that is over, its links with it; False when it is not there or not over."""
    with store.write("forget a job") as connection:
        gone = connection.execute(delete(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(OVER)).returning(jobs.c.id))
        return gone.first() is not None


def _held(job_id: int, worker: str) -> Any:
    return and_(jobs.c.id == job_id, jobs.c.worker == worker, jobs.c.state == "running")


def _over(state: JobState) -> dict[str, Any]:
    return {"state": state, "worker": None, "lease_until_ms": None, "seconds_left": None, "step": ""}


def _end(connection: Connection, job_id: int, now_ms: int, *, state: JobState, error: str | None = None) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**_over(state), error=error, updated_ms=now_ms))


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _job(row: Row[Any]) -> JobRow:
    values = dict(row._mapping)
    values["params"] = json.loads(values["params"])
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    values["is_cancel_asked"] = bool(values["is_cancel_asked"])
    return JobRow(**values)
