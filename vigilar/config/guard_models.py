"""The part of the configuration that guards the house: arming, sensors, presence."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from vigilar.base.arm_rules import MAX_DELAY_S, ByBus, OnlyIf, Trigger
from vigilar.config.table import Table
from vigilar.config.values import (
    ID_PATTERN,
    Host,
    Keep,
    Login,
    Name,
    Seconds,
    as_tuple,
    between_s,
    check_port,
    refuse,
    takes,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_WORDS = {"every day": DAYS, "weekdays": DAYS[:5], "weekend": DAYS[5:]}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_ID = re.compile(ID_PATTERN)
_TOPIC = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)


def parse_clock(value: object) -> int:
    """Minutes of the day of a text such as ``"22:30"``."""
    if isinstance(value, str) and (parts := _CLOCK.fullmatch(value.strip())):
        return int(parts[1]) * 60 + int(parts[2])
    raise refuse('must be a time of day in quotes, such as "22:30"')


def dump_clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_days(value: object) -> tuple[int, ...]:
    """Numbers of days, 0 Monday, of ``"every day"``, ``"weekdays"``, ``"weekend"`` or a list such as ``["mon"]``."""
    if isinstance(value, str) and value in _DAY_WORDS:
        value = list(_DAY_WORDS[value])
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) and one in DAYS for one in value):
        return tuple(sorted({DAYS.index(one) for one in value}))
    raise refuse('must be "every day", "weekdays", "weekend", or a list such as ["mon", "fri"]')


def dump_days(days: tuple[int, ...]) -> str | list[str]:
    names = tuple(DAYS[one] for one in days)
    return next((word for word, known in _DAY_WORDS.items() if known == names), list(names))


def _parse_choice(words: tuple[str, ...]) -> object:
    shown = ", ".join(f'"{word}"' for word in words)

    def parse(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, (list, tuple)) and all(isinstance(one, str) and _ID.fullmatch(one) for one in value):
            return tuple(value)
        raise refuse(f"must be {shown}, or a list of ids")

    return BeforeValidator(parse)


def _check_topic(value: str) -> str:
    if _TOPIC.fullmatch(value) and value.split("/")[0] not in ("vigilar", "homeassistant"):
        return value
    raise refuse('must be a topic of letters, digits, ".", "_", "-" and "/", other than vigilar/...')


def split_listen(value: str) -> tuple[str, int]:
    """Address and port of ``"0.0.0.0:1884"`` or ``"[::]:1884"``. Raises ValueError."""
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(value)
    return str(ipaddress.ip_address(host)), int(port)


def check_listen(value: str) -> str:
    try:
        if value:
            split_listen(value)
    except ValueError:
        raise refuse('must be an address of this machine and a port, such as "0.0.0.0:1884"') from None
    return value


def _check_per_cent(value: int) -> int:
    if 1 <= value <= 99:
        return value
    raise refuse("must be 1 to 99 per cent")


def _check_line(value: int) -> int:
    if 0 <= value <= 1023:
        return value
    raise refuse("must be the number of a line, 0 to 1023")


_Delay = Annotated[Seconds, AfterValidator(between_s(0, MAX_DELAY_S))]
_CHOICE_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
CameraChoice = Annotated[
    Literal["all", "outside", "none"] | tuple[str, ...],
    _parse_choice(("all", "outside", "none")),
    WithJsonSchema(_CHOICE_SCHEMA),
]
SensorChoice = Annotated[
    Literal["all", "none"] | tuple[str, ...], _parse_choice(("all", "none")), WithJsonSchema(_CHOICE_SCHEMA)
]
Clock = Annotated[
    int,
    BeforeValidator(parse_clock),
    PlainSerializer(dump_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"}),
]
Days = Annotated[
    tuple[int, ...], BeforeValidator(parse_days), PlainSerializer(dump_days), WithJsonSchema(_CHOICE_SCHEMA)
]
_DELAY = 'time, "0s" to "10m"'


class ArmMode(Table):
    """What counts while the house is armed in this way. What is left out is as the mode is meant: `home` counts doors
    and windows, `night` also people outside, `away` everything."""

    cameras: CameraChoice | None = Field(
        default=None,
        description='Which cameras count. `outside` are those without `indoor = true`. Without it: home "none", night '
        '"outside", away "all".',
        json_schema_extra=takes('"all", "outside", "none" or a list of camera ids'),
    )
    trigger: Trigger | None = Field(
        default=None,
        description='What must be seen there. `person` needs a model that knows people. Without it: "person", '
        'away "motion".',
        json_schema_extra=takes('"person" or "motion"'),
    )
    sensors: SensorChoice | None = Field(
        default=None,
        description='Which sensors count. Without it "all".',
        json_schema_extra=takes('"all", "none" or a list of sensor ids'),
    )
    motion_sensors: bool | None = Field(
        default=None,
        description="Whether sensors that feel people move count; they are inside. Without it only when away.",
        json_schema_extra=takes("true or false"),
    )
    leave_delay_s: _Delay | None = Field(
        default=None,
        alias="leave_delay",
        description="Time to leave. Without it: as in `[arm]` when away, none at home and at night.",
        json_schema_extra=takes(_DELAY),
    )
    enter_delay_s: _Delay | None = Field(
        default=None,
        alias="enter_delay",
        description="Time to disarm after coming in. Without it as in `[arm]`.",
        json_schema_extra=takes(_DELAY),
    )


class Schedule(Table):
    """A span in which the house is armed by itself. One that ends before it begins goes over midnight."""

    mode: Literal["home", "night", "away"] = Field(
        default="night", description="How it is armed.", json_schema_extra=takes('"home", "night" or "away"')
    )
    from_min: Clock = Field(
        default=22 * 60 + 30,
        alias="from",
        description="When it begins, by the clock of the house.",
        json_schema_extra=takes('time of day, "22:30"'),
    )
    to_min: Clock = Field(
        default=6 * 60 + 30,
        alias="to",
        description="When it ends: the house is disarmed, unless somebody set another mode meanwhile or there is an "
        "alarm.",
        json_schema_extra=takes('time of day, "06:30"'),
    )
    days: Days = Field(
        default=(0, 1, 2, 3, 4, 5, 6),
        description="The days on which it begins.",
        json_schema_extra=takes('"every day", "weekdays", "weekend", or a list such as ["mon", "fri"]'),
    )
    only_if: OnlyIf = Field(
        default="always",
        description="Whether it waits, within its span, for what the phones of the house say.",
        json_schema_extra=takes('"always", "nobody-home" or "somebody-home"'),
    )
    enabled: bool = Field(default=True, description="`false` sets it aside.", json_schema_extra=takes("true or false"))

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.from_min == self.to_min:
            raise refuse("must not be the time at which it begins", key="to")
        return self


class Arm(Table):
    """Arming the house. Arming never stops recording, disarming never stops looking: what changes is what makes an
    alarm. PINs are not in this file: `vigilar pin set`, or the page."""

    leave_delay_s: _Delay = Field(
        default=60.0, alias="leave_delay", description="Time to leave.", json_schema_extra=takes(_DELAY)
    )
    enter_delay_s: _Delay = Field(
        default=30.0,
        alias="enter_delay",
        description="Time to disarm after coming in.",
        json_schema_extra=takes(_DELAY),
    )
    alarm_lasts_s: Annotated[Seconds, AfterValidator(between_s(5, 3600))] = Field(
        default=180.0,
        alias="alarm_lasts",
        description="How long an alarm sounds when nobody disarms. Mind the law where you live.",
        json_schema_extra=takes('time, "5s" to "1h"'),
    )
    bus: ByBus = Field(
        default="arm",
        description="What a message on `vigilar/system/arm_request` may ask for: nothing, only arming, or disarming "
        "too, for which no PIN is asked then.",
        json_schema_extra=takes('"no", "arm" or "arm-and-disarm"'),
    )
    suggest: bool = Field(
        default=True,
        description="Whether arming is suggested when everyone's phone has left.",
        json_schema_extra=takes("true or false"),
    )
    home: ArmMode = Field(
        default=ArmMode(), description="Somebody is at home and awake.", json_schema_extra=takes("`[arm.home]`")
    )
    night: ArmMode = Field(
        default=ArmMode(), description="Everybody is in bed.", json_schema_extra=takes("`[arm.night]`")
    )
    away: ArmMode = Field(default=ArmMode(), description="Nobody is at home.", json_schema_extra=takes("`[arm.away]`"))
    schedule: Annotated[tuple[Schedule, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Spans in which it arms by itself.", json_schema_extra=takes("`[[arm.schedule]]`")
    )


class Gpio(Table):
    """A contact or a motion sensor on a pin of this machine."""

    name: Name = Field(default="Contact", description="What it is called.", json_schema_extra=takes("text"))
    chip: Annotated[str, Field(pattern=r"^/dev/gpiochip\d{1,3}$")] = Field(
        default="/dev/gpiochip0", description="The chip.", json_schema_extra=takes('"/dev/gpiochip0"')
    )
    line: Annotated[int, AfterValidator(_check_line)] = Field(
        default=0, description="The line on the chip.", json_schema_extra=takes("0 to 1023")
    )
    kind: Literal["contact", "motion", "tamper", "glass", "leak", "smoke"] = Field(
        default="contact",
        description="What it tells.",
        json_schema_extra=takes('"contact", "motion", "tamper", "glass", "leak" or "smoke"'),
    )
    active: Literal["high", "low"] = Field(
        default="high",
        description="The level that means open, moving, or trouble. A reed contact between the line and ground, closed "
        "while the door is, is `high` when it opens.",
        json_schema_extra=takes('"high" or "low"'),
    )
    pull: Literal["up", "down", "none"] = Field(
        default="up",
        description="The resistor of the machine that holds the line while nothing does.",
        json_schema_extra=takes('"up", "down" or "none"'),
    )


class Sensors(Table):
    """Contacts, motion sensors and the like. Zigbee2MQTT speaks to a port of our broker that is only for it, or to a
    broker of yours that we listen to."""

    listen: Annotated[str, AfterValidator(check_listen)] = Field(
        default="",
        description="Where Zigbee2MQTT reaches our broker. `vigilar sensors login` shows user and password: with "
        "them one can publish below `zigbee2mqtt` and nowhere else. Empty: nowhere.",
        json_schema_extra=takes('address and port, such as "0.0.0.0:1884", or empty'),
    )
    tls: bool = Field(
        default=False,
        description="Whether it reaches that port by TLS only, with the certificate that the pages show. Without it "
        "its password crosses the network in the clear: right on this machine, and between two machines for who trusts "
        "everything in the network. `vigilar sensors login` shows what to write into its settings.",
        json_schema_extra=takes("true or false"),
    )
    zigbee2mqtt: Annotated[str, AfterValidator(_check_topic)] = Field(
        default="zigbee2mqtt",
        description='The base topic of Zigbee2MQTT. With `[bus] broker = "external"` it is heard there as soon as this '
        "stands in the file.",
        json_schema_extra=takes("topic"),
    )
    host: Host | None = Field(
        default=None,
        description="The broker of yours to which Zigbee2MQTT speaks. Without it ours.",
        json_schema_extra=takes("host name or IP address"),
    )
    port: Annotated[int, AfterValidator(check_port(1))] = Field(
        default=1883, description="The port of that broker.", json_schema_extra=takes("1 to 65535")
    )
    login: Login | None = Field(
        default=None,
        description="The secret with user and password for that broker.",
        json_schema_extra=takes('"secret:NAME"'),
    )
    silent_after: Keep = Field(
        default=25 * 3_600_000,
        description="A sensor that was not heard for this long is told of. Most say something every hour, some once a "
        "day.",
        json_schema_extra=takes('days or hours, such as "25h"'),
    )
    low_battery: Annotated[int, AfterValidator(_check_per_cent)] = Field(
        default=15, description="Per cent below which a battery is told of.", json_schema_extra=takes("1 to 99")
    )
    gpio: Annotated[tuple[Gpio, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Sensors on pins of this machine.", json_schema_extra=takes("`[[sensors.gpio]]`")
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.host is not None and self.listen:
            raise refuse("is for our own broker; with a host of yours leave it out", key="listen")
        if self.login is not None and self.host is None:
            raise refuse("is for a broker of yours; there is none in host", key="login")
        seen: set[tuple[str, int]] = set()
        for one in self.gpio:
            if (one.chip, one.line) in seen:
                raise refuse(f"has line {one.line} of {one.chip} twice", key="gpio")
            seen.add((one.chip, one.line))
        return self


class Presence(Table):
    """Who is at home, by the phones on the network. It suggests arming and never disarms."""

    enabled: bool = Field(
        default=False,
        description="Whether phones are looked for at all. Which are whose is chosen on the page.",
        json_schema_extra=takes("true or false"),
    )
    away_after_s: Annotated[Seconds, AfterValidator(between_s(60, 7200))] = Field(
        default=600.0,
        alias="away_after",
        description="A phone that does not answer for this long has left. Phones sleep: below 5 minutes it errs.",
        json_schema_extra=takes('time, "1m" to "2h"'),
    )
