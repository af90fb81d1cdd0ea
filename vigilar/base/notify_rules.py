"""Who is told of what: rules, quiet hours, profiles and limits as the settings say, as plain values of all processes.

Names of members are as they are written in the settings; ``everyone``, ``owners``, ``adults``, ``children`` and
``guests`` stand for all, and for all in a role. An owner is an adult too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

from vigilar.base.arm_rules import Mode

Level = Literal["ordinary", "loud", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""How somebody is told, from least to most: quiet hours stop what is ordinary, snooze what is loud too."""

Presence = Literal["any", "nobody-home", "somebody-home"]
Whereabouts = Literal["any", "home", "away"]
Place = Literal["", "outside", "inside", "doors"]

GROUPS = ("everyone", "owners", "adults", "children", "guests")

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A span of the house's clock; one that ends before it begins goes over midnight. ``days`` are those on which it
    begins, 0 Monday to 6 Sunday."""

    from_min: int
    to_min: int
    days: tuple[int, ...] = EVERY_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Does:
    """What a rule does beside telling. ``keep``: the footage is kept. ``record_s``: seconds that the camera records,
    also one that records motion only. ``siren`` and ``light``: their command goes over the bus. ``webhook``: the
    addresses of the settings are called. ``scene``: a topic, to which one message goes."""

    keep: bool = False
    record_s: int = 0
    siren: bool = False
    light: bool = False
    webhook: bool = False
    scene: str = ""

    @property
    def is_nothing(self) -> bool:
        return self == Does()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All that is given must hold; what is left out always does.

    ``when``: kinds (``person``) and types (``sensor_leak``) of events, any of them. ``cameras`` are ids (those in
    force), ``place`` what they were chosen by; ``doors`` needs an event at a door. ``sensors`` are ids without
    ``sensor/``, ``zones`` names. ``least``: the severity at least. ``modes``: arm
    modes. ``at_home`` and ``not_at_home``: members whose phones must say so. ``lasts_s``: seconds that it has gone on
    and still does. ``again_after_s``: seconds in which it does nothing more for the same camera or sensor, unless the
    incident is the same. ``tell``: members and groups.
    """

    name: str
    when: tuple[str, ...] = ()
    cameras: tuple[str, ...] | None = None
    place: Place = ""
    zones: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    least: str = "INFO"
    modes: tuple[Mode, ...] = ()
    presence: Presence = "any"
    at_home: tuple[str, ...] = ()
    not_at_home: tuple[str, ...] = ()
    hours: Hours | None = None
    lasts_s: int = 0
    again_after_s: int = 0
    tell: tuple[str, ...] = ()
    level: Level = "ordinary"
    does: Does = field(default_factory=Does)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours in which ``whom`` (members and groups) hear nothing ordinary."""

    hours: Hours
    whom: tuple[str, ...] = ("everyone",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What ``whom`` hear less of. It holds while the member is ``place`` and the house is in one of ``modes`` (empty:
    any). ``least`` is the least level that comes through; ``per_day`` another limit than the house's, None for that."""

    whom: tuple[str, ...]
    place: Whereabouts = "any"
    modes: tuple[Mode, ...] = ()
    least: Level = "ordinary"
    per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRules:
    """All of it. ``per_day``: ordinary pushes a member and day of the house, then one summary at ``summary_min``
    (minutes of the day). ``doors``: ids of cameras at a door; ``door_zones``: (camera, name) of zones at one."""

    rules: tuple[Rule, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    profiles: tuple[Profile, ...] = ()
    per_day: int = 6
    summary_min: int = 8 * 60
    time_zone: str = "UTC"
    camera_names: Mapping[str, str] = field(default_factory=dict)
    doors: tuple[str, ...] = ()
    door_zones: tuple[tuple[str, str], ...] = ()

    def waits_s(self, rule: str) -> int:
        """How long an event must last before the rule of this name holds; 0 for one that does not wait, or is none."""
        return next((one.lasts_s for one in self.rules if one.name == rule), 0)

    def dump(self) -> dict[str, Any]:
        """As it travels to a running process."""
        return asdict(self)

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From ``dump``, also after a way as JSON."""
        return cls(
            **{
                **plain,
                "rules": tuple(_rule(one) for one in plain["rules"]),
                "quiet": tuple(Quiet(hours=_hours(one["hours"]), whom=tuple(one["whom"])) for one in plain["quiet"]),
                "profiles": tuple(Profile(**_tuples(one)) for one in plain["profiles"]),
                "doors": tuple(plain["doors"]),
                "door_zones": tuple((camera, zone) for camera, zone in plain["door_zones"]),
            }
        )


def louder(one: Level, other: Level) -> Level:
    """The louder of two."""
    return max(one, other, key=LEVELS.index)


def _rule(plain: Mapping[str, Any]) -> Rule:
    hours = None if plain["hours"] is None else _hours(plain["hours"])
    return Rule(**{**_tuples(plain), "hours": hours, "does": Does(**plain["does"])})


def _hours(plain: Mapping[str, Any]) -> Hours:
    return Hours(**_tuples(plain))


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
