"""How a backup stands, in a word and a sentence: the same on pages, in the API and on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from vigilar.base.amounts import keep_text

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
    """``state``: ok, warn, bad or unknown. ``short`` is its share of a sentence about the whole house, while it is
    well; ``cost`` what it costs that it is not."""

    state: str
    sentence: str
    short: str = ""
    cost: str = ""


def judge_backup(facts: BackupFacts, now_ms: int, zone: tzinfo) -> BackupPart:
    """The worst of it first. Never ok for what is not known. Times are shown in ``zone``."""
    if not facts.is_wanted:
        return BackupPart("unknown", NOT_SET_UP)
    words = [_how_far(facts, now_ms, zone)]
    if facts.problem:
        words.insert(0, f"{facts.problem}.")
    if facts.is_silent:
        words.insert(0, SILENT)
    if not facts.has_sheet:
        words.append(NO_SHEET)
    if facts.drilled_ms is not None:
        words.append(f"Proved by restore: {day_words(facts.drilled_ms, now_ms, zone)}.")
    state = _state(facts, now_ms)
    if state == "ok":
        return BackupPart(state, " ".join(words), short=f"Backup {_behind(facts, now_ms)}.")
    return BackupPart(state, " ".join(words), cost=_cost(facts, now_ms, zone))


def _state(facts: BackupFacts, now_ms: int) -> str:
    if facts.is_late(now_ms):
        return "bad"
    if facts.problem:
        return "warn"
    if facts.is_silent or facts.all_up_to_ms is None:
        return "unknown"
    return "ok" if facts.has_sheet else "warn"


def _cost(facts: BackupFacts, now_ms: int, zone: tzinfo) -> str:
    up_to_ms = facts.all_up_to_ms
    if up_to_ms is None:
        return "All recordings are on this box alone."
    if facts.problem or facts.is_late(now_ms):
        return f"What was recorded after {time_words(up_to_ms, now_ms, zone)} is on this box alone."
    return ""


def _how_far(facts: BackupFacts, now_ms: int, zone: tzinfo) -> str:
    up_to_ms = facts.all_up_to_ms
    if up_to_ms is None:
        return f"Nothing is known to be in {facts.where} yet."
    owed = f"; {_files(facts.owed_count)} still to be copied" if facts.owed_count else ""
    return f"All up to {time_words(up_to_ms, now_ms, zone)} is in {facts.where} ({_behind(facts, now_ms)}{owed})."


def _behind(facts: BackupFacts, now_ms: int) -> str:
    behind_ms = now_ms - (facts.all_up_to_ms or now_ms)
    return "up to date" if behind_ms < 60_000 else f"{keep_text(behind_ms)} behind"


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def time_words(ms: int, now_ms: int, zone: tzinfo) -> str:
    """``14:00``, ``yesterday 14:00`` or ``1 March 14:00``."""
    at = datetime.fromtimestamp(ms / 1000, zone)
    day = day_words(ms, now_ms, zone)
    return f"{at:%H:%M}" if day == "today" else f"{day} {at:%H:%M}"


def day_words(ms: int, now_ms: int, zone: tzinfo) -> str:
    """``today``, ``yesterday``, ``1 March`` or ``1 March 2025``."""
    at, now = datetime.fromtimestamp(ms / 1000, zone), datetime.fromtimestamp(now_ms / 1000, zone)
    if at.date() == now.date():
        return "today"
    if at.date() == now.date() - timedelta(days=1):
        return "yesterday"
    return f"{at.day} {at:%B}" if at.year == now.year else f"{at.day} {at:%B} {at.year}"
