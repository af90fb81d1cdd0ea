"""How a backup stands, in a word and a sentence: the same on pages, in the API and on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vigilar.base.amounts import keep_text

Clock = Callable[[int], str]
"""UTC ms -> a time as the house reads it, with its day where that is not today."""

NOT_SET_UP = "No backup is set up: who takes this box takes the recordings."
SILENT = "Nothing is known of the backup: its program does not run."
NO_SHEET = "There is no recovery sheet, so these copies open on this box alone."


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """What is known. Times are UTC ms, None for never. ``up_to_ms`` is of recordings, ``house_ms`` of database and
    settings. ``problem`` is a sentence, empty when all is well, and ``next_step`` what to do about it."""

    is_wanted: bool
    where: str = ""
    up_to_ms: int | None = None
    house_ms: int | None = None
    owed_count: int = 0
    drilled_ms: int | None = None
    problem: str = ""
    next_step: str = ""
    since_ms: int | None = None
    late_after_ms: int = 26 * 3_600_000
    is_silent: bool = False
    has_sheet: bool = True

    @property
    def all_up_to_ms(self) -> int | None:
        """Worst of: all that is older lies at the target."""
        if self.up_to_ms is None or self.house_ms is None:
            return None
        return min(self.up_to_ms, self.house_ms)

    def is_late(self, now_ms: int) -> bool:
        """Longer behind than people want to be told; also of a backup that has failed from its beginning."""
        known_ms = self.all_up_to_ms if self.all_up_to_ms is not None else self.since_ms
        return known_ms is not None and now_ms - known_ms > self.late_after_ms


@dataclass(frozen=True, slots=True)
class BackupPart:
    """``state``: ok, warn, bad or unknown."""

    state: str
    sentence: str


def judge_backup(facts: BackupFacts, now_ms: int, clock: Clock) -> BackupPart:
    """The worst of it first. Never ok for what is not known."""
    if not facts.is_wanted:
        return BackupPart("unknown", NOT_SET_UP)
    words = [_how_far(facts, now_ms, clock)]
    if facts.problem:
        words.insert(0, f"{facts.problem}.")
    if facts.is_silent:
        words.insert(0, SILENT)
    if not facts.has_sheet:
        words.append(NO_SHEET)
    if facts.drilled_ms is not None:
        words.append(f"Proved by restore: {clock(facts.drilled_ms)}.")
    return BackupPart(_state(facts, now_ms), " ".join(words))


def _state(facts: BackupFacts, now_ms: int) -> str:
    if facts.is_late(now_ms):
        return "bad"
    if facts.problem:
        return "warn"
    if facts.is_silent or facts.all_up_to_ms is None:
        return "unknown"
    return "ok" if facts.has_sheet else "warn"


def _how_far(facts: BackupFacts, now_ms: int, clock: Clock) -> str:
    up_to_ms = facts.all_up_to_ms
    if up_to_ms is None:
        return f"Nothing is known to be in {facts.where} yet." if facts.where else "Nothing has been copied yet."
    behind = "now" if now_ms - up_to_ms < 60_000 else f"{keep_text(now_ms - up_to_ms)} behind"
    owed = f"; {facts.owed_count} files are still to be copied" if facts.owed_count else ""
    return f"All up to {clock(up_to_ms)} is in {facts.where} ({behind}{owed})."
