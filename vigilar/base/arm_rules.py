"""What each arm mode counts and when the house arms by itself: plain values that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

Mode = Literal["disarmed", "home", "night", "away"]
Trigger = Literal["person", "motion"]
OnlyIf = Literal["always", "nobody-home", "somebody-home"]
ByBus = Literal["no", "arm", "arm-and-disarm"]

MODES: tuple[Mode, ...] = get_args(Mode)
ARMED_MODES: tuple[Mode, ...] = MODES[1:]

MODE_NAMES: Mapping[str, str] = {"disarmed": "Disarmed", "home": "Home", "night": "Night", "away": "Away"}

MAX_DELAY_S = 600
"""The longest time to leave or to enter. A moment in the row that lies further ahead was made by a clock that has been
set back since, and has come."""

ALL = "all"
"""In place of ids: all there are, also those that come later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRules:
    """What one armed mode counts.

    ``cameras`` are ids (those in force, resolved from the settings), ``trigger`` what must be seen there: a person, or
    any motion. ``sensors`` are ids, or ``("all",)``; ``motion_sensors``: whether those that feel people move count,
    which live inside. ``leave_s`` and ``enter_s`` are seconds to leave, and to disarm after coming in.
    """

    mode: Mode
    cameras: tuple[str, ...] = ()
    trigger: Trigger = "person"
    sensors: tuple[str, ...] = (ALL,)
    motion_sensors: bool = False
    leave_s: int = 0
    enter_s: int = 30

    def counts_sensor(self, sensor_id: str) -> bool:
        return self.sensors == (ALL,) or sensor_id in self.sensors

    def covers(self, other: ModeRules) -> bool:
        """Whether all that counts in ``other`` counts here too: changing from that to this guards no less."""
        return (
            set(other.cameras) <= set(self.cameras)
            and (self.trigger == "motion" or other.trigger == "person" or not other.cameras)
            and (self.sensors == (ALL,) or (other.sensors != (ALL,) and set(other.sensors) <= set(self.sensors)))
            and (self.motion_sensors or not other.motion_sensors)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A span of the house's clock in which the house is armed. ``from_min`` and ``to_min`` are minutes of the day; a
    span that ends before it begins goes over midnight. ``days`` are those on which it begins, 0 Monday to 6 Sunday."""

    mode: Mode
    from_min: int
    to_min: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    only_if: OnlyIf = "always"
    enabled: bool = True

    @property
    def key(self) -> str:
        """Names the row while it stays the same."""
        return f"{self.mode} {self.from_min}-{self.to_min} {''.join(map(str, self.days))} {self.only_if}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRules:
    """All of it. ``alarm_s``: how long an alarm sounds. ``by_bus``: what a message on the bus may ask for."""

    modes: tuple[ModeRules, ...] = (
        ModeRules(mode="home"),
        ModeRules(mode="night"),
        ModeRules(mode="away", trigger="motion", motion_sensors=True, leave_s=60),
    )
    schedules: tuple[ScheduleRow, ...] = ()
    alarm_s: int = 180
    by_bus: ByBus = "arm"
    suggest: bool = True
    time_zone: str = "UTC"

    def of(self, mode: str) -> ModeRules | None:
        """The rules of a mode; None when disarmed."""
        return next((one for one in self.modes if one.mode == mode), None)

    def weakens(self, before: str, after: str) -> bool:
        """Whether something counts in ``before`` that does not in ``after``: then a PIN is asked for."""
        old, new = self.of(before), self.of(after)
        return old is not None and (new is None or not new.covers(old))

    def dump(self) -> dict[str, Any]:
        """As it travels to a running process."""
        return asdict(self)

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From ``dump``, also after a way as JSON."""
        modes = tuple(
            ModeRules(**{**one, "cameras": tuple(one["cameras"]), "sensors": tuple(one["sensors"])})
            for one in plain["modes"]
        )
        schedules = tuple(ScheduleRow(**{**one, "days": tuple(one["days"])}) for one in plain["schedules"])
        return cls(**{**plain, "modes": modes, "schedules": schedules})
