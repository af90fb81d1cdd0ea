"""What is known of the backup, for its page and the API: rows of the database, and what its process says right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vigilar.base.backup_state import BackupFacts, BackupPart, judge_backup
from vigilar.base.sftp_address import target_words
from vigilar.store.backups import MAX_RUNS, RunRow, StateRow, count_copies, find_state, list_runs
from vigilar.vge.places import has_sheet
from vigilar.web.lag_plot import LagPlot, draw_lag
from vigilar.web.parts import Parts

PROCESS = "backup"
SHOWN_RUNS = 20

WORK_WORDS = {"copy": "Copying", "check": "Checking", "deep": "Reading all copies again", "drill": "Proving by restore"}
STATE_WORDS = {"running": "going on", "done": "done", "failed": "failed", "stopped": "interrupted"}


@dataclass(frozen=True, slots=True)
class Progress:
    """Work that goes on."""

    work: str
    done: int
    all: int
    done_bytes: int
    all_bytes: int

    @property
    def percent(self) -> int:
        """Of bytes where they are known, else of files; 99 at most while it goes on."""
        done, whole = (self.done_bytes, self.all_bytes) if self.all_bytes else (self.done, self.all)
        return min(99, 100 * done // whole) if whole else 0


@dataclass(frozen=True, slots=True)
class BackupView:
    """All of ``/system/backup``. ``is_wanted`` is False for a house without a backup."""

    facts: BackupFacts
    part: BackupPart
    state: StateRow
    runs: list[RunRow]
    copy_count: int
    copy_bytes: int
    progress: Progress | None
    lag: LagPlot | None

    @property
    def is_wanted(self) -> bool:
        return self.facts.is_wanted


def read_backup(here: Parts) -> BackupView:
    """Raises StoreError."""
    cfg, now_ms = here.cfg, here.now_ms()
    state = find_state(here.store, cfg.node_id) or StateRow()
    is_known = state.target == cfg.backup_to
    found = (here.board.processes(now_ms) or {}).get(PROCESS, {})
    status = found.get("status") if found.get("state") == "running" else None
    facts = BackupFacts(
        is_wanted=bool(cfg.backup_to),
        where=target_words(cfg.backup_to),
        up_to_ms=state.up_to_ms if is_known else None,
        house_ms=state.house_ms if is_known else None,
        owed_count=state.owed_count,
        drilled_ms=state.drilled_ms if is_known else None,
        problem=state.sentence,
        next_step=state.next_step,
        since_ms=state.since_ms,
        late_after_ms=cfg.backup_late_ms,
        is_silent=status is None,
        has_sheet=has_sheet(cfg.secrets_dir),
    )
    count, size = count_copies(here.store, cfg.node_id, state.target_id) if is_known and state.target_id else (0, 0)
    runs = list_runs(here.store, cfg.node_id, MAX_RUNS)
    return BackupView(
        facts=facts,
        part=judge_backup(facts, now_ms, here.zone),
        state=state,
        runs=runs[:SHOWN_RUNS],
        copy_count=count,
        copy_bytes=size,
        progress=_progress(status),
        lag=draw_lag(runs, now_ms, cfg.backup_late_ms) if is_known else None,
    )


def _progress(status: Any) -> Progress | None:
    told = status.get("progress") if isinstance(status, dict) else None
    if not isinstance(told, dict) or told.get("work") not in WORK_WORDS:
        return None
    numbers = [told.get(name) for name in ("done", "all", "done_bytes", "all_bytes")]
    if not all(isinstance(one, int) for one in numbers):
        return None
    return Progress(str(told["work"]), *(int(one or 0) for one in numbers))


def backup_json(view: BackupView) -> dict[str, Any]:
    facts, progress = view.facts, view.progress
    return {
        "state": view.part.state,
        "sentence": view.part.sentence,
        "next_step": facts.next_step,
        "target": facts.where,
        "up_to_ts": facts.all_up_to_ms,
        "owed_files": view.state.owed_count,
        "owed_bytes": view.state.owed_bytes,
        "files": view.copy_count,
        "bytes": view.copy_bytes,
        "problem": view.state.problem,
        "since_ts": facts.since_ms,
        "drilled_ts": facts.drilled_ms,
        "progress": None if progress is None else {"work": progress.work, "percent": progress.percent},
        "runs": [
            {
                "work": one.work,
                "state": one.state,
                "ts": one.started_ms,
                "end_ts": one.ended_ms,
                "files": one.file_count,
                "bytes": one.size_bytes,
                "sentence": one.sentence,
            }
            for one in view.runs
        ],
    }
