"""The part of the configuration that shows the house to Home Assistant."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vigilar.config.guard_models import check_listen
from vigilar.config.table import Table
from vigilar.config.values import CameraId, Host, Login, as_tuple, check_port, refuse, takes

DEFAULT_LISTEN = "0.0.0.0:1885"


class HomeAssistant(Table):
    """Home Assistant shows this house by MQTT discovery: cameras, who comes by, the alarm panel. It may arm the house
    and never disarm it. What to type into it: `vigilar home-assistant show`, or the page."""

    enabled: bool = Field(
        default=False,
        description="Whether anything is published for it. Switched off, all that was is taken away.",
        json_schema_extra=takes("true or false"),
    )
    listen: Annotated[str, AfterValidator(check_listen)] = Field(
        default=DEFAULT_LISTEN,
        description="Where Home Assistant reaches our broker, once its password was made. With that it can read what "
        "is published for it and ask to arm, and nothing else.",
        json_schema_extra=takes("address and port"),
    )
    tls: bool = Field(
        default=False,
        description="Whether it reaches that port by TLS only, with the certificate that the pages show. Without it "
        "its password, all states and pictures cross the network in the clear.",
        json_schema_extra=takes("true or false"),
    )
    host: Host | None = Field(
        default=None,
        description="The broker of yours to which Home Assistant speaks. Without it that of `[bus]`, be it ours or "
        "yours.",
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
    cameras: Annotated[tuple[CameraId, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="The ids of the cameras that are shown. Empty: all.",
        json_schema_extra=takes('list of ids, such as ["front-door"]'),
    )
    pictures: bool = Field(
        default=False,
        description="Whether it gets pictures: one of now when something moves, and that of the last event, with "
        "private areas black. Whoever may look into Home Assistant sees them.",
        json_schema_extra=takes("true or false"),
    )
    arm: bool = Field(
        default=True,
        description="Whether it may arm the house, as far as `[arm] bus` lets messages do so. Disarming it may not.",
        json_schema_extra=takes("true or false"),
    )
    sensors: Literal["own", "all", "none"] = Field(
        default="own",
        description="Which sensors it sees: those on pins of this machine, also those of Zigbee2MQTT, which it mostly "
        "knows already, or none.",
        json_schema_extra=takes('"own", "all" or "none"'),
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.login is not None and self.host is None:
            raise refuse("is for a broker of yours; there is none in host", key="login")
        if not self.listen:
            raise refuse(f"is where our broker is reached; leave it out for {DEFAULT_LISTEN}", key="listen")
        return self
