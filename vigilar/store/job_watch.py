"""Whether there is a job to do, and which are over, in plain SQL: the process that waits for jobs stays small until
there is one."""

from __future__ import annotations

from collections.abc import Collection

from vigilar.store.sql import Database


def is_job_free(store: Database, node_id: str, kinds: Collection[str], now_ms: int) -> bool:
    """Whether a job of that box and of one of ``kinds`` waits, or was left by its worker."""
    names = {f"kind_{number}": kind for number, kind in enumerate(kinds)}
    with store.sql_read("look for a job") as run:
        rows = run(
            f"SELECT id FROM jobs WHERE node_id = :node_id AND kind IN ({', '.join(f':{name}' for name in names)}) "
            "AND (state = 'waiting' OR (state = 'running' AND lease_until_ms <= :now_ms)) LIMIT 1",
            node_id=node_id,
            now_ms=now_ms,
            **names,
        )
    return bool(rows)


def free_jobs(store: Database, node_id: str) -> int:
    """Let every running job of the box be taken up again at once; how many. For a worker that knows that no other one
    lives: each box has one process for jobs, and that holds a lock."""
    with store.sql_read("look for jobs of a worker that is gone") as run:
        if not run("SELECT id FROM jobs WHERE node_id = :node_id AND state = 'running' LIMIT 1", node_id=node_id):
            return 0
    with store.sql_write("free the jobs of a worker that is gone") as run:
        rows = run(
            "UPDATE jobs SET lease_until_ms = 0 WHERE node_id = :node_id AND state = 'running' RETURNING id",
            node_id=node_id,
        )
    return len(rows)


def forget_jobs(store: Database, node_id: str, kind: str, made_until_ms: int) -> list[int]:
    """Forget the box's jobs of the kind that are over and were made until then, their links with them; which."""
    which = (
        "FROM jobs WHERE node_id = :node_id AND kind = :kind AND created_ms <= :made_until_ms "
        "AND state IN ('done', 'failed', 'cancelled')"
    )
    wanted = {"node_id": node_id, "kind": kind, "made_until_ms": made_until_ms}
    with store.sql_read("look for jobs whose time is over") as run:
        if not run(f"SELECT id {which} LIMIT 1", **wanted):
            return []
    with store.sql_write("forget jobs") as run:
        return sorted(int(row[0]) for row in run(f"DELETE {which} RETURNING id", **wanted))


def find_useful(store: Database, job_ids: Collection[int]) -> set[int]:
    """Those of ``job_ids`` that are to be done or are done."""
    if not job_ids:
        return set()
    with store.sql_read("look at jobs") as run:
        rows = run(
            "SELECT id FROM jobs WHERE id BETWEEN :first AND :last AND state NOT IN ('failed', 'cancelled')",
            first=min(job_ids),
            last=max(job_ids),
        )
    return {int(row[0]) for row in rows}.intersection(job_ids)
