"""What the rows of exports say: what was asked for, and which footage they hold.

An export is no copy: its bytes come out of the recordings at each download. So the recordings of one that waits, runs
or is done must stay until it ends. Whoever deletes footage asks ``held_footage`` before it takes a file's row.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from vigilar.store.sql import Run

if TYPE_CHECKING:  # it brings SQLAlchemy, which upkeep and backup do without
    from vigilar.store.jobs import JobRow

EXPORT = "export"
"""The kind of its jobs."""

LIFE_MS = 30 * 24 * 3600 * 1000
"""How long an export can be downloaded and shared. Without an end, exports would keep a disk full for ever; who needs
the file longer has downloaded it by then."""

MAX_RANGE_MS = 25 * 3600 * 1000
"""The longest range of one export: a day, also the one of 25 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParams:
    """The params of an export's job. Times are UTC ms; ``event_id`` when it is the clip of an event."""

    camera_id: str
    from_ms: int
    to_ms: int
    proof: bool
    event_id: int | None = None

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, job: JobRow) -> Self:
        return cls(**job.params)


@dataclass(frozen=True, slots=True)
class HeldRange:
    """Footage of a camera in [from_ms, to_ms), UTC ms, that an export needs."""

    camera_id: str
    from_ms: int
    to_ms: int


def ends_ms(job: JobRow) -> int:
    """UTC ms at which an export's life is over."""
    return job.created_ms + LIFE_MS


def held_footage(run: Run, now_ms: int) -> list[HeldRange]:
    """What the exports of all boxes hold now. Within the transaction of ``run``: with a write lock nobody asks for
    another export until it ends."""
    rows = run(
        "SELECT params FROM jobs WHERE kind = :kind AND state IN ('waiting', 'running', 'done') "
        "AND created_ms > :since_ms",
        kind=EXPORT,
        since_ms=now_ms - LIFE_MS,
    )
    found = [json.loads(row[0]) for row in rows]
    return [HeldRange(one["camera_id"], one["from_ms"], one["to_ms"]) for one in found]
