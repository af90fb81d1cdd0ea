"""From readings to what the house is told, and to how much it may still do. Pure.

mains ─▶ battery ─▶ low ─▶ critical          shed nothing / what can wait / what costs most / stop in order
  ▲         │        │
  └─────────┴────────┘  after RESTORED_AFTER_S of mains without a break
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vigilar.power.reading import Reading, Supply

SILENT_AFTER_S = 15.0
"""As upsmon's DEADTIME: a UPS that is restarted, or whose cable is pulled for a moment, answers again before."""

RESTORED_AFTER_S = 10.0
"""Mains that come and go each second are one power cut."""


class Level(Enum):
    """How the house is supplied, from best to worst. Processes read it in the status of the supervisor.

    CRITICAL: the battery will not last; everything is written and closed now.
    """

    MAINS = "mains"
    UNKNOWN = "unknown"
    BATTERY = "battery"
    LOW = "low"
    CRITICAL = "critical"

    @property
    def is_on_battery(self) -> bool:
        return self in (Level.BATTERY, Level.LOW, Level.CRITICAL)


class Told(Enum):
    """What is told once, as it happens. The values are the last part of the topics."""

    POWER_LOSS = "power_loss"
    LOW_BATTERY = "low_battery"
    CRITICAL = "critical"
    RESTORED = "restored"
    SILENT = "silent"
    HEARD = "heard"
    WORN = "worn"


@dataclass(frozen=True, slots=True)
class Limits:
    """Below ``shed_below`` per cent, or ``shed_runtime_s`` left, the battery is low; at ``stop_below`` per cent it is
    critical, as when the UPS says so itself."""

    shed_below: int = 50
    shed_runtime_s: int = 600
    stop_below: int = 10


class PowerWatch:
    """Takes one reading after the other, with the monotonic time of each in seconds. One thread.

    ``level`` is what counts now, ``reading`` the newest good one, ``trouble`` why there is none just now.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.level = Level.UNKNOWN
        self.reading: Reading | None = None
        self.trouble = ""
        self.cuts = 0
        """How often mains went during the present power cut."""
        self._supply = Supply.UNKNOWN
        self._good_mono_s: float | None = None
        self._mains_mono_s: float | None = None
        self._is_silent_told = self._is_worn_told = False

    def take(self, reading: Reading, now_mono_s: float) -> list[Told]:
        """A reading that was had. One whose supply is unknown changes nothing but for what it says of the battery."""
        told: list[Told] = []
        self.reading, self.trouble, self._good_mono_s = reading, "", now_mono_s
        if self._is_silent_told:
            self._is_silent_told = False
            told.append(Told.HEARD)
        if reading.is_worn and not self._is_worn_told:
            told.append(Told.WORN)
        self._is_worn_told = reading.is_worn
        if reading.supply is Supply.BATTERY:
            told += self._on_battery(reading)
        elif reading.supply is Supply.MAINS:
            told += self._on_mains(now_mono_s)
        elif self.level is Level.MAINS:
            self.level = Level.UNKNOWN
        if reading.supply is not Supply.UNKNOWN:
            self._supply = reading.supply
        return told

    def miss(self, trouble: str, now_mono_s: float) -> list[Told]:
        """No reading was had, for ``trouble``, a sentence. A UPS that falls silent on its battery is taken to be at
        its end, as upsmon does; on mains it only is not known any more."""
        self.trouble = trouble
        if self._good_mono_s is None:
            self._good_mono_s = now_mono_s  # its first answer is waited for as long
        if now_mono_s - self._good_mono_s < SILENT_AFTER_S or self._is_silent_told:
            return []
        self._is_silent_told = True
        was_on_battery = self.level.is_on_battery
        if was_on_battery and self._supply is Supply.BATTERY:
            is_news, self.level = self.level is not Level.CRITICAL, Level.CRITICAL
            return [Told.SILENT, Told.CRITICAL] if is_news else [Told.SILENT]
        self.level, self._mains_mono_s = Level.UNKNOWN, None
        return (
            [Told.RESTORED, Told.SILENT] if was_on_battery else [Told.SILENT]
        )  # its last word was that mains are back

    def _on_battery(self, reading: Reading) -> list[Told]:
        told = []
        if not self.level.is_on_battery:
            told.append(Told.POWER_LOSS)
            self.cuts = 0
        if self._supply is not Supply.BATTERY:
            self.cuts += 1
        self._mains_mono_s = None
        level = self._level_of(reading)
        worst = max(level, self.level, key=_BAD.index) if self.level.is_on_battery else level
        for one, what in ((Level.LOW, Told.LOW_BATTERY), (Level.CRITICAL, Told.CRITICAL)):
            if worst is one and self.level is not one:
                told.append(what)
        self.level = worst
        return told

    def _on_mains(self, now_mono_s: float) -> list[Told]:
        if not self.level.is_on_battery:
            was_unknown, self.level = self.level is Level.UNKNOWN, Level.MAINS
            # The first word after a start: a cut that an earlier process told of is over.
            return [Told.RESTORED] if was_unknown and self._supply is not Supply.MAINS else []
        if self._mains_mono_s is None:
            self._mains_mono_s = now_mono_s
        if now_mono_s - self._mains_mono_s < RESTORED_AFTER_S:
            return []
        self._mains_mono_s = None
        self.level = Level.MAINS
        return [Told.RESTORED]

    def _level_of(self, reading: Reading) -> Level:
        charge, runtime_s, limits = reading.charge, reading.runtime_s, self.limits
        if reading.is_low or (charge is not None and charge <= limits.stop_below):
            return Level.CRITICAL
        is_low = charge is not None and charge < limits.shed_below
        if is_low or (runtime_s is not None and runtime_s < limits.shed_runtime_s):
            return Level.LOW
        return Level.BATTERY


_BAD = (Level.MAINS, Level.UNKNOWN, Level.BATTERY, Level.LOW, Level.CRITICAL)
