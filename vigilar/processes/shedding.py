"""What the supervisor does when the house runs on its battery: less, and in the end an ordered stop.

Like the supervisor it stays small in memory: standard library, base and the plain types only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vigilar.config.jobs import PlannedProcess, UpsJob
from vigilar.power.nut import UpsAddress, UpsClient, UpsError
from vigilar.power.reading import read_variables
from vigilar.power.watch import Level, Limits, PowerWatch
from vigilar.processes.kinds import ProcessKind, kind_of

UPS = "ups"
"""The name of the process that says how the house is supplied."""

ASK_S = 0.5
"""For one look at the UPS before the house starts: the loop of the supervisor waits for it."""

UNWATCHED_AFTER_S = 60.0
"""Without a word of the watch over the UPS for this long nobody knows any more how the house is supplied. A watch that
crashed or hung is long back by then; one that cannot come back must not keep the house from its work for ever."""

_ORDER = (Level.MAINS, Level.UNKNOWN, Level.BATTERY, Level.LOW, Level.CRITICAL)


def ups_address(job: UpsJob) -> UpsAddress:
    return UpsAddress(job.ups_name, job.host, job.port, job.user, job.password)


def power_limits(job: UpsJob) -> Limits:
    return Limits(job.shed_below, round(job.shed_runtime_s), job.stop_below)


def is_empty(job: UpsJob) -> bool:
    """Whether the battery is at its end right now, so that to begin would only mean to stop again. A UPS that cannot be
    asked within ASK_S keeps nobody from recording."""
    try:
        with UpsClient(ups_address(job), ASK_S) as client:
            reading = read_variables(client.read())
    except UpsError:
        return False
    watch = PowerWatch(power_limits(job))
    watch.take(reading, 0.0)
    return watch.level is Level.CRITICAL


class Shedding:
    """How the house is supplied, and which processes it does without for that. Main thread of the supervisor."""

    def __init__(self, kinds: Iterable[ProcessKind]) -> None:
        self._kinds = tuple(kinds)
        self.level = Level.MAINS
        self._heard_mono_s: float | None = None

    def hear(self, beat: Mapping[str, Any], now_mono_s: float) -> bool:
        """Take what the watch over the UPS says with its heartbeat; whether that changed the level."""
        try:
            level = Level(str(beat.get("level")))
        except ValueError:
            return False
        self._heard_mono_s = now_mono_s
        changed, self.level = level is not self.level, level
        return changed

    def is_lost(self, now_mono_s: float) -> bool:
        """Whether nobody has watched the UPS for too long. The level is UNKNOWN then, with which the house does without
        nothing. True once, until the watch is heard again."""
        if self._heard_mono_s is None or now_mono_s - self._heard_mono_s < UNWATCHED_AFTER_S:
            return False
        self._heard_mono_s, self.level = None, Level.UNKNOWN
        return True

    def forget(self) -> None:
        """There is no UPS any more."""
        self.level, self._heard_mono_s = Level.MAINS, None

    def left(self, processes: Mapping[str, PlannedProcess]) -> dict[str, PlannedProcess]:
        """Those that run now."""
        return {name: planned for name, planned in processes.items() if not self._is_shed(name)}

    def shed(self, processes: Mapping[str, PlannedProcess]) -> list[str]:
        """The names of those the house does without."""
        return [name for name in processes if self._is_shed(name)]

    def _is_shed(self, process: str) -> bool:
        shed_at = kind_of(process, self._kinds).shed_at
        return bool(shed_at) and _ORDER.index(self.level) >= _ORDER.index(Level(shed_at))
