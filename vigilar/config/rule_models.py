"""Rules in the configuration file: who is told of what, when it is quiet, and what each member hears less of."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from vigilar.base.arm_rules import ARMED_MODES, MODES, Mode
from vigilar.base.notify_kinds import WHEN
from vigilar.base.notify_rules import Level, Whereabouts
from vigilar.config.guard_models import Clock, Days
from vigilar.config.table import Table
from vigilar.config.values import ID_PATTERN, Name, Seconds, as_tuple, between_s, refuse, takes

MAX_COOL_DOWN_S = 86_400.0
MAX_RULES = 100
PLACES = ("all", "outside", "inside", "doors")

_LEAST = ("background", "notable", "alert", "critical")
_ID = re.compile(ID_PATTERN)
_TOPIC = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
_MEANT = {
    "owner": "owners",
    "adult": "adults",
    "child": "children",
    "kids": "children",
    "guest": "guests",
    **dict.fromkeys(("all", "everybody", "anyone", "household", "family"), "everyone"),
}
_WHEN_MEANT = {
    "people": "person",
    "human": "person",
    "car": "vehicle",
    "leak": "water",
    "fire": "smoke",
    "door": "opened",
    "offline": "camera-down",
    "camera down": "camera-down",
    "camera_offline": "camera-down",
    "pin": "wrong-pin",
}


def near(value: str, known: tuple[str, ...], meant: dict[str, str] | None = None) -> str:
    """The end of a sentence about a word that is not known: the nearest that is, or all."""
    guess = (meant or {}).get(value.lower()) or next(
        iter(difflib.get_close_matches(value.lower(), [one.lower() for one in known], n=1, cutoff=0.6)), ""
    )
    found = next((one for one in known if one.lower() == guess), "")
    if found:
        return f'is unknown; did you mean "{found}"?'
    return f"is unknown; there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none'}"


def _texts(value: object, what: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise refuse(f"must be {what}, or a list of them")


def _parse_when(value: object) -> tuple[str, ...]:
    found = _texts(value, 'a word such as "person"')
    for one in found:
        if one not in WHEN:
            raise refuse(f'names "{one[:30]}", which {near(one, tuple(WHEN), _WHEN_MEANT)}')
    return found


def _parse_people(value: object) -> tuple[str, ...]:
    found = tuple(one.strip() for one in _texts(value, 'names or "owners"'))
    for one in found:
        if meant := _MEANT.get(one.casefold()):
            raise refuse(f'names "{one}"; did you mean "{meant}"?')
        if not one or len(one) > 64 or not one.isprintable():
            raise refuse("must hold names that can be read")
    return found


def _parse_modes(value: object) -> tuple[Mode, ...]:
    if value == "any":
        return ()
    if value == "armed":
        return ARMED_MODES
    found = _texts(value, '"any", "armed" or a mode such as "away"')
    for one in found:
        if one not in MODES:
            raise refuse(f'names "{one[:30]}", which {near(one, MODES)}')
    return tuple(mode for mode in MODES if mode in found)


def _dump_modes(modes: tuple[Mode, ...]) -> str | list[str]:
    return "any" if not modes else "armed" if modes == ARMED_MODES else list(modes)


def _parse_cameras(value: object) -> object:
    if isinstance(value, str) and value in PLACES:
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) and _ID.fullmatch(one) for one in value):
        return tuple(value)
    raise refuse('must be "all", "outside", "inside", "doors" or a list of camera ids')


def _check_scene(value: str) -> str:
    if not value or (_TOPIC.fullmatch(value) and len(value) <= 100 and value.split("/")[0] != "vigilar"):
        return value
    raise refuse('must be a topic of letters, digits, ".", "_", "-" and "/", other than vigilar/...')


def _listed(parse: Callable[[object], object]) -> tuple[Any, ...]:
    schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return BeforeValidator(parse), WithJsonSchema(schema)


WhenWords = Annotated[tuple[str, ...], *_listed(_parse_when), PlainSerializer(list)]
People = Annotated[tuple[str, ...], *_listed(_parse_people), PlainSerializer(list)]
Modes = Annotated[tuple[Mode, ...], *_listed(_parse_modes), PlainSerializer(_dump_modes)]
Cameras = Annotated[Literal["all", "outside", "inside", "doors"] | tuple[str, ...], *_listed(_parse_cameras)]
Words = Annotated[tuple[Name, ...], BeforeValidator(as_tuple)]
Least = Literal["background", "notable", "alert", "critical"]
Scene = Annotated[str, AfterValidator(_check_scene)]

_MODES_TAKE = '"any", "armed", or a list such as ["away", "night"]'
_PEOPLE_TAKE = 'list of names, "everyone", "owners", "adults", "children", "guests"'
_DAYS_TAKE = '"every day", "weekdays", "weekend", or a list such as ["mon", "fri"]'
_CLOCK_TAKE = 'time of day, "22:00"'


class RuleTable(Table):
    """A rule: when all that is given holds, it tells and does the rest. As long as the file has no rule, the house has
    those that `vigilar config show` prints; the first of your own takes the place of all of them."""

    name: Name = Field(description="What it is called; no two are called the same.", json_schema_extra=takes("text"))
    when: WhenWords = Field(
        default=(),
        description="What must happen, any of them; empty: anything. " + ", ".join(f"`{one}`" for one in WHEN) + ".",
        json_schema_extra=takes("word or list of words"),
    )
    least: Least = Field(
        default="background",
        description="How bad it must be at least.",
        json_schema_extra=takes('"background", "notable", "alert" or "critical"'),
    )
    lasts_s: Annotated[Seconds, AfterValidator(between_s(0, 86_400))] = Field(
        default=0.0,
        alias="lasts",
        description="How long it must have gone on.",
        json_schema_extra=takes('time, "0s" to "24h"'),
    )
    cameras: Cameras = Field(
        default="all",
        description="At which cameras. `outside` are those without `indoor = true`; `doors` those with `door = true`.",
        json_schema_extra=takes('"all", "outside", "inside", "doors" or a list of camera ids'),
    )
    zones: Words = Field(
        default=(), description="In which zones, by name; empty: anywhere.", json_schema_extra=takes("list of names")
    )
    sensors: Words = Field(
        default=(), description="At which sensors, by id; empty: all.", json_schema_extra=takes("list of sensor ids")
    )
    modes: Modes = Field(default=(), description="In which arm modes.", json_schema_extra=takes(_MODES_TAKE))
    home: Literal["any", "nobody", "somebody"] = Field(
        default="any",
        description="Whether anybody must be at home, by the phones of the house.",
        json_schema_extra=takes('"any", "nobody" or "somebody"'),
    )
    at_home: People = Field(
        default=(), description="Who must be at home, by their phones.", json_schema_extra=takes("list of names")
    )
    not_at_home: People = Field(
        default=(), description="Who must be out, by their phones.", json_schema_extra=takes("list of names")
    )
    from_min: Clock | None = Field(
        default=None,
        alias="from",
        description="From when on, by the clock of the house. Without it all day.",
        json_schema_extra=takes(_CLOCK_TAKE),
    )
    to_min: Clock | None = Field(
        default=None,
        alias="to",
        description="Until when. One that ends before it begins goes over midnight.",
        json_schema_extra=takes(_CLOCK_TAKE),
    )
    days: Days = Field(
        default=(0, 1, 2, 3, 4, 5, 6),
        description="The days on which that span begins.",
        json_schema_extra=takes(_DAYS_TAKE),
    )
    again_after_s: Annotated[Seconds, AfterValidator(between_s(0, MAX_COOL_DOWN_S))] = Field(
        default=0.0,
        alias="again_after",
        description="For so long it does nothing more for the same camera or sensor.",
        json_schema_extra=takes('time, "0s" to "24h"'),
    )
    tell: People = Field(default=(), description="Who is told.", json_schema_extra=takes(_PEOPLE_TAKE))
    level: Level = Field(
        default="ordinary",
        description="`ordinary`: quiet hours, snooze and the daily limit count. `loud`: only snooze does. `critical`: "
        "it comes through all.",
        json_schema_extra=takes('"ordinary", "loud" or "critical"'),
    )
    keep: bool = Field(
        default=False, description="Whether its footage is kept for ever.", json_schema_extra=takes("true or false")
    )
    record_s: Annotated[Seconds, AfterValidator(between_s(0, 600))] = Field(
        default=0.0,
        alias="record",
        description="How long its camera records, whatever moves.",
        json_schema_extra=takes('time, "0s" to "10m"'),
    )
    siren: bool = Field(
        default=False, description="Whether the siren sounds.", json_schema_extra=takes("true or false")
    )
    light: bool = Field(
        default=False, description="Whether the light goes on.", json_schema_extra=takes("true or false")
    )
    webhook: bool = Field(
        default=False,
        description="Whether the addresses of `[[notify.webhook]]` are called.",
        json_schema_extra=takes("true or false"),
    )
    scene: Scene = Field(
        default="", description="A topic of the bus to which one message goes.", json_schema_extra=takes("topic")
    )
    enabled: bool = Field(default=True, description="`false` sets it aside.", json_schema_extra=takes("true or false"))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.from_min is None) != (self.to_min is None):
            missing = "to" if self.to_min is None else "from"
            raise refuse("is needed too: a span has a begin and an end", key=missing)
        if self.from_min is not None and self.from_min == self.to_min:
            raise refuse("must not be the time at which it begins", key="to")
        does = self.keep or self.record_s or self.siren or self.light or self.webhook or self.scene
        if not self.tell and not does:
            raise refuse("is missing: the rule tells nobody and does nothing", key="tell")
        return self


class QuietTable(Table):
    """Quiet hours: in them nothing ordinary is told. Loud and critical ones come all the same."""

    from_min: Clock = Field(
        default=22 * 60, alias="from", description="When they begin.", json_schema_extra=takes(_CLOCK_TAKE)
    )
    to_min: Clock = Field(
        default=7 * 60,
        alias="to",
        description="When they end; before their begin: over midnight.",
        json_schema_extra=takes(_CLOCK_TAKE),
    )
    days: Days = Field(
        default=(0, 1, 2, 3, 4, 5, 6),
        description="The days on which they begin.",
        json_schema_extra=takes(_DAYS_TAKE),
    )
    whom: People = Field(
        default=("everyone",), alias="for", description="For whom.", json_schema_extra=takes(_PEOPLE_TAKE)
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.from_min == self.to_min:
            raise refuse("must not be the time at which they begin", key="to")
        return self


class ProfileTable(Table):
    """What somebody hears less of, always or while the member or the house is in some state."""

    whom: People = Field(
        default=("everyone",), alias="for", description="Whom it is about.", json_schema_extra=takes(_PEOPLE_TAKE)
    )
    place: Whereabouts = Field(
        default="any",
        description="Only while the member is at home, or away, by the phone.",
        json_schema_extra=takes('"any", "home" or "away"'),
    )
    modes: Modes = Field(default=(), description="Only in these arm modes.", json_schema_extra=takes(_MODES_TAKE))
    least: Level = Field(
        default="ordinary",
        description="What still comes: `loud` leaves out what is ordinary, `critical` what is loud too.",
        json_schema_extra=takes('"ordinary", "loud" or "critical"'),
    )
    per_day: Annotated[int, AfterValidator(lambda value: _check_per_day(value))] | None = Field(
        default=None,
        alias="ordinary_per_day",
        description="Ordinary ones a day. Without it as in `[notify]`.",
        json_schema_extra=takes("0 to 1000"),
    )


def _check_per_day(value: int) -> int:
    if 0 <= value <= 1000:
        return value
    raise refuse("must be 0 to 1000")


def check_rule_count(value: tuple[RuleTable, ...]) -> tuple[RuleTable, ...]:
    """A house has few rules: more are a mistake of a program."""
    if len(value) > MAX_RULES:
        raise refuse(f"has more than {MAX_RULES} rules")
    return value


PerDay = Annotated[int, AfterValidator(_check_per_day)]
