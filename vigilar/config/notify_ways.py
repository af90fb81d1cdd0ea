"""The part of the configuration that says by which ways people are told, beside the pages."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vigilar.base.house_network import is_in_the_house
from vigilar.config.table import Table
from vigilar.config.values import (
    FilePath,
    Host,
    Login,
    Name,
    Seconds,
    as_tuple,
    between_s,
    check_port,
    refuse,
    takes,
)

_PUSH_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::(\d{1,5}))?", re.ASCII)
_NTFY_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MAIL = re.compile(r"[^\s@<>,;\"\\]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_DEVICE = re.compile(r"[^/+#\x00-\x1f]{1,60}")

_LEAST = '"all", "loud" or "critical"'
_LOGIN = '"secret:NAME"'
_CA = "A file with the certificate of an authority of your own, in PEM."


def _check_push_host(value: str) -> str:
    found = _PUSH_HOST.fullmatch(value)
    if found and (found[1] is None or 1 <= int(found[1]) <= 65535):
        return value
    raise refuse('must be the name of a machine, with a port if it is not 443, such as "push.home.example:8443"')


def _check_web_address(value: str) -> str:
    """``http://`` goes to machines of the house only: outside of it everybody on the way would read it."""
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_whole = False
        parts = urlsplit("")
    if not is_whole or not value.isascii() or not value.isprintable() or " " in value or len(value) > 500:
        raise refuse('must be a whole address, such as "https://hooks.home.example/vigilar"')
    if parts.username is not None or parts.fragment:
        raise refuse('must hold no login; that is a secret: login = "secret:NAME"')
    if parts.scheme == "http" and not _is_house_host(parts.hostname or ""):
        raise refuse('must begin with "https://", unless it is an address of your home network')
    return value


def _is_house_host(host: str) -> bool:
    try:
        return is_in_the_house(ipaddress.ip_address(host))
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))


def _check_topic(value: str) -> str:
    if value and not _NTFY_TOPIC.fullmatch(value):
        raise refuse("must be 1 to 64 letters, digits, _ and -")
    return value


def _check_mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise refuse('must be an e-mail address, such as "sam@home.example"')
    return value


def _check_device(value: str) -> str:
    if not _DEVICE.fullmatch(value):
        raise refuse("must be the name of a device in Zigbee2MQTT, without / + and #")
    return value


WebAddress = Annotated[str, AfterValidator(_check_web_address)]
Mail = Annotated[str, AfterValidator(_check_mail)]
PushHosts = Annotated[tuple[Annotated[str, AfterValidator(_check_push_host)], ...], BeforeValidator(as_tuple)]
Mails = Annotated[tuple[Mail, ...], BeforeValidator(as_tuple)]
Devices = Annotated[tuple[Annotated[str, AfterValidator(_check_device)], ...], BeforeValidator(as_tuple)]


class Push(Table):
    """Pushes to phones, sealed in this house, through the services of Google, Mozilla, Apple and Microsoft."""

    hosts: PushHosts = Field(
        default=(),
        description="Push services beside those four that may be asked, also in your home network.",
        json_schema_extra=takes("list of host names"),
    )
    ca_file: FilePath | None = Field(
        default=None, description=f"For these `hosts`. {_CA}", json_schema_extra=takes("whole path of a file")
    )


class Ntfy(Table):
    """A server of ntfy, which can be in your home network and then needs no internet. Off without `address`."""

    address: WebAddress | None = Field(
        default=None, description="Where it is.", json_schema_extra=takes('address, `"http://192.168.1.5:2586"`')
    )
    topic: Annotated[str, AfterValidator(_check_topic)] = Field(
        default="vigilar",
        description="To which topic it goes. Whoever knows it reads along, unless the server asks for a login.",
        json_schema_extra=takes("letters, digits, _ and -"),
    )
    login: Login | None = Field(
        default=None,
        description="The secret with user and password; of an access token the user is empty.",
        json_schema_extra=takes(_LOGIN),
    )
    least: Literal["all", "loud", "critical"] = Field(
        default="all",
        description="`all` is what anybody is told of, `loud` what comes also in quiet hours.",
        json_schema_extra=takes(_LEAST),
    )
    ca_file: FilePath | None = Field(default=None, description=_CA, json_schema_extra=takes("whole path of a file"))


class Email(Table):
    """E-mail by a server of your own or of your provider. Off without `host`."""

    host: Host | None = Field(default=None, description="The mail server.", json_schema_extra=takes("host name"))
    port: Annotated[int, AfterValidator(check_port(1))] = Field(
        default=587, description="Usually 587 for `starttls`, 465 for `tls`.", json_schema_extra=takes("port")
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the way to the server is encrypted. `none` is for a server in your home network, and not "
        "with a login.",
        json_schema_extra=takes('"starttls", "tls" or "none"'),
    )
    login: Login | None = Field(
        default=None, description="The secret with user and password.", json_schema_extra=takes(_LOGIN)
    )
    sender: Mail | None = Field(
        default=None, description="From whom it comes.", json_schema_extra=takes("e-mail address")
    )
    to: Mails = Field(default=(), description="To whom it goes.", json_schema_extra=takes("list of e-mail addresses"))
    least: Literal["all", "loud", "critical"] = Field(
        default="loud", description="As in `[notify.ntfy]`.", json_schema_extra=takes(_LEAST)
    )
    ca_file: FilePath | None = Field(default=None, description=_CA, json_schema_extra=takes("whole path of a file"))

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.host is None:
            return self
        if self.sender is None:
            raise refuse("must be given with a host", key="sender")
        if not self.to:
            raise refuse("must be given with a host", key="to")
        if self.security == "none" and self.login is not None:
            raise refuse('would go over the network readable: use security = "starttls" or "tls"', key="login")
        return self


class Webhook(Table):
    """An address that is called by rules with `webhook`. What is sent is JSON, signed if there is a secret."""

    name: Name = Field(description="What it is called.", json_schema_extra=takes("text"))
    address: WebAddress = Field(description="What is called, by POST.", json_schema_extra=takes("address"))
    secret: Login | None = Field(
        default=None,
        description="The secret whose password signs what is sent (HMAC-SHA256, header `X-Vigilar-Signature`).",
        json_schema_extra=takes(_LOGIN),
    )
    ca_file: FilePath | None = Field(default=None, description=_CA, json_schema_extra=takes("whole path of a file"))


class Mqtt(Table):
    """Sirens and lights of Zigbee2MQTT: sirens sound with an alarm and with rules with `siren`, lights go on by rules
    with `light`."""

    sirens: Devices = Field(
        default=(),
        description="Their names in Zigbee2MQTT.",
        json_schema_extra=takes("list of names"),
    )
    lights: Devices = Field(
        default=(),
        description="Their names in Zigbee2MQTT.",
        json_schema_extra=takes("list of names"),
    )
    on_s: Annotated[Seconds, AfterValidator(between_s(5, 1800))] = Field(
        default=180.0,
        alias="on_for",
        description="How long they are on. A siren of an alarm sounds as long as the alarm.",
        json_schema_extra=takes('time, `"3m"`'),
    )
