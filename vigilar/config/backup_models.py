"""``[backup]`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vigilar.base.sftp_address import SCHEME, find_sftp_address
from vigilar.config.guard_models import Clock
from vigilar.config.table import Table
from vigilar.config.values import BitRate, Keep, Login, Seconds, between_s, refuse, takes


def _check_target(value: str) -> str:
    if not value or find_sftp_address(value) is not None:
        return value
    if value.startswith(SCHEME):
        raise refuse("must name user, host and folder behind sftp://, as in sam@nas.local/vigilar, and no password")
    if value.startswith("/") and value.isprintable() and ".." not in value.split("/"):
        return value
    raise refuse("must be the whole path of a folder, from / on, or begin with sftp://")


def _check_host_key(value: str) -> str:
    kind, _, digest = value.partition(" ")
    if not value or (kind.isascii() and kind.isprintable() and digest.startswith("SHA256:") and len(digest) == 50):
        return value
    raise refuse("must be type and fingerprint, as `vigilar backup trust` writes them")


class Backup(Table):
    """A second copy of the recordings elsewhere, sealed as they are here: who has it can look at nothing without the
    recovery sheet. What somebody keeps goes first, then alarms, then the newest. Recording never waits for it."""

    target: Annotated[str, AfterValidator(_check_target)] = Field(
        default="",
        description="Where to: a folder of a mounted network drive or of another disk, or an SFTP server. Empty: no "
        "backup. The folder must be there; it is never made, so that nothing is written where a drive is not mounted.",
        json_schema_extra=takes('absolute path of a folder, or "sftp://user@host/folder"'),
    )
    login: Login | None = Field(
        default=None,
        description="The secret with password or key for an SFTP server. `vigilar backup login` stores it and writes "
        "this line.",
        json_schema_extra=takes('"secret:NAME"'),
    )
    host_key: Annotated[str, AfterValidator(_check_host_key)] = Field(
        default="",
        description="The key of the SFTP server that you confirmed. `vigilar backup trust` shows it and writes this "
        "line; a server that shows another is told nothing.",
        json_schema_extra=takes("type and fingerprint"),
    )
    at_min: Clock = Field(
        default=3 * 60 + 30,
        alias="at",
        description="When copying begins each day, unless `every` is given.",
        json_schema_extra=takes('time of day, such as "03:30"'),
    )
    every_s: Annotated[Seconds, AfterValidator(between_s(60, 86_400))] | None = Field(
        default=None,
        alias="every",
        description='Copy so often in place of once a day: `"15m"` has an alarm in safety within a quarter of an hour.',
        json_schema_extra=takes('time, "1m" to "24h"'),
    )
    what: Literal["events", "all"] = Field(
        default="events",
        description="`events`: recordings and pictures of what people are told of. `all`: every recording.",
        json_schema_extra=takes('"events" or "all"'),
    )
    keep: Keep | None = Field(
        default=None,
        description="Copies older than this are removed there, but for what somebody keeps. Without it they stay.",
        json_schema_extra=takes('days or hours, such as "90d"'),
    )
    limit: BitRate | None = Field(
        default=None,
        description="Send no faster than this. Without it as fast as it goes, behind everything else.",
        json_schema_extra=takes('rate, such as "20 Mbit/s"'),
    )
    late_after: Keep = Field(
        default=26 * 3_600_000,
        description="Owners are alerted when the copies are further behind than this.",
        json_schema_extra=takes('days or hours, such as "26h"'),
    )
    drill: Keep = Field(
        default=30 * 86_400_000,
        description="So often some recordings and the database are brought back for a moment and compared bit by bit.",
        json_schema_extra=takes('days or hours, such as "30d"'),
    )

    @model_validator(mode="after")
    def _fits_target(self) -> Self:
        is_sftp = self.target.startswith(SCHEME)
        for key in ("login", "host_key"):
            if getattr(self, key) and not is_sftp:
                raise refuse('is for an SFTP server; there is none in target = "..."', key=key)
        return self
