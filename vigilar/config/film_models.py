"""``[reels]`` and ``[timelapse]`` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from vigilar.config.guard_models import dump_clock, parse_clock
from vigilar.config.table import Table
from vigilar.config.values import Seconds, as_tuple, between_s, takes

OFF = -1
"""Minutes of the day of what is not made by itself."""


def _parse_daily(value: object) -> int:
    return OFF if value in ("off", OFF) else parse_clock(value)


def _dump_daily(minutes: int) -> str:
    return "off" if minutes == OFF else dump_clock(minutes)


Daily = Annotated[
    int,
    BeforeValidator(_parse_daily),
    PlainSerializer(_dump_daily),
    WithJsonSchema({"type": "string", "pattern": "^(off|([01][0-9]|2[0-3]):[0-5][0-9])$"}),
]
Length = Annotated[Seconds, AfterValidator(between_s(10, 600))]
_LENGTH = takes('time, "10s" to "10m"')


class Reels(Table):
    """A film of the best moments of yesterday, every day. Recording never waits for it, and on the battery of a UPS it
    waits for mains itself."""

    daily_min: Daily = Field(
        default=6 * 60 + 30,
        alias="daily",
        description='When that of yesterday is made, by the clock of the house. `"off"`: none by itself.',
        json_schema_extra=takes('time of day, such as "06:30", or "off"'),
    )
    length_s: Length = Field(
        default=60.0, alias="length", description="How long it is, where enough came by.", json_schema_extra=_LENGTH
    )


class Timelapse(Table):
    """A time-lapse of yesterday of each camera, every day."""

    daily_min: Daily = Field(
        default=OFF,
        alias="daily",
        description='When those of yesterday are made, by the clock of the house. `"off"`: none by itself.',
        json_schema_extra=takes('time of day, such as "06:30", or "off"'),
    )
    cameras: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="Ids of the cameras; one that was removed does not count. Empty: of all.",
        json_schema_extra=takes('list of ids of cameras, such as ["garden"]'),
    )
    length_s: Length = Field(default=60.0, alias="length", description="How long each is.", json_schema_extra=_LENGTH)
    smart: bool = Field(
        default=True,
        description="It goes slower where something happened. The length stays.",
        json_schema_extra=takes("true or false"),
    )
