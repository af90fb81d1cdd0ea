"""The part of the configuration that says who is told of what, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from vigilar.config.guard_models import Clock
from vigilar.config.notify_ways import Email, Mqtt, Ntfy, Push, Webhook
from vigilar.config.rule_defaults import DEFAULT_QUIET, DEFAULT_RULES
from vigilar.config.rule_models import PerDay, ProfileTable, QuietTable, RuleTable, check_rule_count
from vigilar.config.table import Table
from vigilar.config.values import as_tuple, takes


class Notify(Table):
    """Telling people. Members are named as on the page of members; what no member is called tells nobody, and the page
    of these settings says so."""

    per_day: PerDay = Field(
        default=6,
        alias="ordinary_per_day",
        description="Ordinary pushes that a member gets a day; of what is more there is one summary.",
        json_schema_extra=takes("0 to 1000"),
    )
    summary_min: Clock = Field(
        default=8 * 60,
        alias="summary",
        description="When the summary of the day before comes, by the clock of the house.",
        json_schema_extra=takes('time of day, "08:00"'),
    )
    quiet: Annotated[tuple[QuietTable, ...], BeforeValidator(as_tuple)] = Field(
        default=DEFAULT_QUIET,
        description="Quiet hours. Without any 22:00 to 07:00 for everyone; `quiet = []` for none at all.",
        json_schema_extra=takes("`[[notify.quiet]]`"),
    )
    profile: Annotated[tuple[ProfileTable, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="What somebody hears less of.", json_schema_extra=takes("`[[notify.profile]]`")
    )
    rule: Annotated[tuple[RuleTable, ...], BeforeValidator(as_tuple), AfterValidator(check_rule_count)] = Field(
        default=DEFAULT_RULES,
        description="Who is told of what. Without any those of the house; `rule = []` for none at all.",
        json_schema_extra=takes("`[[notify.rule]]`"),
    )
    lock_screen: Literal["names", "no names"] = Field(
        default="names",
        description="What a locked phone shows: who and where, or only what kind of thing it is and when.",
        json_schema_extra=takes('"names" or "no names"'),
    )
    push: Push = Field(default=Push(), description="Pushes to phones.", json_schema_extra=takes("`[notify.push]`"))
    ntfy: Ntfy = Field(default=Ntfy(), description="A server of ntfy.", json_schema_extra=takes("`[notify.ntfy]`"))
    email: Email = Field(default=Email(), description="E-mail.", json_schema_extra=takes("`[notify.email]`"))
    mqtt: Mqtt = Field(default=Mqtt(), description="Sirens and lights.", json_schema_extra=takes("`[notify.mqtt]`"))
    webhook: Annotated[tuple[Webhook, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Addresses that rules call.", json_schema_extra=takes("`[[notify.webhook]]`")
    )
