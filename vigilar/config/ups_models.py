"""The part of the configuration about the UPS."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from vigilar.config.table import Table
from vigilar.config.values import Login, Seconds, between_s, refuse, takes

_NAME = re.compile(r"([A-Za-z0-9_.-]{1,64})@([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?", re.ASCII)
_PER_CENT = re.compile(r"(\d{1,3}) ?%", re.ASCII)

NUT_PORT = 3493


def split_name(value: str) -> tuple[str, str, int]:
    """UPS, host and port of ``"ups@127.0.0.1"`` or ``"ups@[::1]:3493"``."""
    parts = _NAME.fullmatch(value)
    if parts is None or (parts[3] and not 0 < int(parts[3]) < 65536):
        raise refuse('must be UPS@HOST as NUT writes it, such as "ups@127.0.0.1"')
    return parts[1], parts[2].strip("[]"), int(parts[3] or NUT_PORT)


def _check_name(value: str) -> str:
    split_name(value)
    return value


def parse_per_cent(value: object) -> int:
    """The number of a text such as ``"50%"``."""
    if isinstance(value, str) and (parts := _PER_CENT.fullmatch(value.strip())) and int(parts[1]) <= 100:
        return int(parts[1])
    raise refuse('must be per cent in quotes, such as "50%"')


PerCent = Annotated[
    int,
    BeforeValidator(parse_per_cent),
    PlainSerializer(lambda value: f"{value}%"),
    WithJsonSchema({"type": "string", "pattern": f"^{_PER_CENT.pattern}$"}),
]


class Ups(Table):
    """A UPS, watched through NUT. NUT itself decides when this machine is shut down (`upsmon`); Vigilar tells of power
    cuts, does less to make the battery last, and closes its files before it is empty."""

    name: Annotated[str, AfterValidator(_check_name)] | None = Field(
        default=None,
        description="Which UPS, as `upsc` is told. Without it there is none.",
        json_schema_extra=takes('UPS@HOST or UPS@HOST:PORT, such as "ups@127.0.0.1"'),
    )
    user: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="The user of `upsd.users`, where NUT lets nobody read without; `vigilar ups login` asks for the "
        "password.",
        json_schema_extra=takes("text"),
    )
    password: Login | None = Field(
        default=None,
        description="The name of the secret with that user's password.",
        json_schema_extra=takes('"secret:NAME"'),
    )
    shed_below: PerCent = Field(
        default=50,
        description="With less in the battery recognition of people, vehicles and animals stops too; motion and "
        "recording go on. Exports and backups wait as soon as mains are gone.",
        json_schema_extra=takes('per cent, such as "50%"'),
    )
    shed_runtime_s: Annotated[Seconds, AfterValidator(between_s(0, 86_400))] = Field(
        default=600.0,
        alias="shed_runtime",
        description="The same, when the UPS says that it lasts no longer than this.",
        json_schema_extra=takes('time, such as "10m"'),
    )
    stop_below: PerCent = Field(
        default=10,
        description="With no more in the battery, or when the UPS calls it low, all files are closed and Vigilar "
        "stops. It begins again when mains are back.",
        json_schema_extra=takes('per cent, such as "10%"'),
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise refuse("is needed too: one is nothing without the other", key="password" if self.user else "user")
        if self.stop_below >= self.shed_below:
            raise refuse("must be less than shed_below: what costs most goes first", key="stop_below")
        return self

    @property
    def address(self) -> tuple[str, str, int] | None:
        """UPS, host and port; None without a UPS."""
        return None if self.name is None else split_name(self.name)
