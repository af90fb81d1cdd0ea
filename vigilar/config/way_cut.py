"""Cuts the ways by which people are told out of the configuration, with their secrets: JSON for ``notify.ways``."""

from __future__ import annotations

import json
from typing import Any

from vigilar.base.errors import ConfigError
from vigilar.config.models import Config
from vigilar.config.secrets import LoginSecret, SecretStore

_NOTHING = LoginSecret("", "")


def dump_ways(config: Config, secrets: SecretStore) -> str:
    """Never log or show what this returns. A way whose secret cannot be read says so when it is tried (``wrong``): the
    others, and the phones, are told all the same."""
    notify = config.notify
    ways: dict[str, Any] = {
        "webhooks": [
            {
                "name": one.name,
                "address": one.address,
                "secret": login.password,
                "ca_file": one.ca_file or "",
                "wrong": wrong,
            }
            for one in notify.webhook
            for login, wrong in (_login(secrets, one.secret),)
        ],
        "mqtt": {
            "base": config.sensors.zigbee2mqtt,
            "sirens": list(notify.mqtt.sirens),
            "lights": list(notify.mqtt.lights),
            "on_s": round(notify.mqtt.on_s),
        },
    }
    if notify.ntfy.address is not None:
        login, wrong = _login(secrets, notify.ntfy.login)
        ways["ntfy"] = {
            "address": notify.ntfy.address,
            "topic": notify.ntfy.topic,
            "least": notify.ntfy.least,
            "user": login.user,
            "password": login.password,
            "ca_file": notify.ntfy.ca_file or "",
            "wrong": wrong,
        }
    if notify.email.host is not None:
        (login, wrong), mail = _login(secrets, notify.email.login), notify.email
        ways["email"] = {
            "host": mail.host,
            "port": mail.port,
            "security": mail.security,
            "sender": mail.sender,
            "to": list(mail.to),
            "least": mail.least,
            "user": login.user,
            "password": login.password,
            "ca_file": mail.ca_file or "",
            "wrong": wrong,
        }
    return json.dumps(ways)


def way_lanes(config: Config) -> tuple[str, ...]:
    """The names of what ``notify.ways.Ways.lanes`` has, without any secret."""
    notify = config.notify
    own = [name for name, is_on in (("ntfy", notify.ntfy.address), ("email", notify.email.host)) if is_on is not None]
    return (*own, *(f"webhook:{one.name}" for one in notify.webhook))


def way_logins(config: Config) -> list[str | None]:
    """References to all secrets of the ways."""
    notify = config.notify
    return [notify.ntfy.login, notify.email.login, *(one.secret for one in notify.webhook)]


def _login(secrets: SecretStore, reference: str | None) -> tuple[LoginSecret, str]:
    """The login, and why there is none; empty when all is well."""
    if reference is None:
        return _NOTHING, ""
    name = reference.removeprefix("secret:")
    try:
        return secrets.get_login(name), ""
    except ConfigError as error:
        return _NOTHING, f"{error} On the box: sudo vigilar notify login {name}"
