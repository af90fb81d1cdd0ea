"""``vigilar home-assistant``: what to type into Home Assistant, and its password."""

from __future__ import annotations

from typing import Any

import click

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.bus.accounts import HOME_ASSISTANT_USER, find_home_assistant_hash, make_home_assistant_password
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table
from vigilar.cli.service import ask_reload, lan_address
from vigilar.config.home_cut import home_assistant_listener
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places

_COMMANDS = {
    "show": ("vigilar.cli.home_assistant:show", "What to type into Home Assistant, and what it sees."),
    "password": ("vigilar.cli.home_assistant:password", "Make its password anew, and print it this once."),
}

SWITCH_ON = "Switch it on: vigilar config set home_assistant.enabled true"


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def home_assistant() -> None:
    """What Home Assistant sees of this house, and how it gets there."""


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """What to type into Home Assistant, and what it sees. No password: the box has none."""
    config = load_config(places)
    facts = _facts(config, places)
    if as_json:
        print_json(facts)
        return ExitCode.OK
    rows = [(key.replace("_", " "), _words(value)) for key, value in facts.items()]
    print_table(rows)
    if not config.home_assistant.enabled:
        print(SWITCH_ON)
    elif facts["user"] and not facts["has_password"]:
        print("Make its password: vigilar home-assistant password")
    return ExitCode.OK


@click.command()
@with_places
def password(places: Places) -> int:
    """Make the password anew and print it, this once: the box keeps no more than its hash. The one before ends."""
    config = load_config(places)
    if home_assistant_listener(config) is None:
        raise VigilarError(
            "Home Assistant speaks to a broker of yours, which has its own passwords.",
            exit_code=ExitCode.NOT_FOUND,
        )
    with disk_errors("store the password", places.secrets_dir):
        made = make_home_assistant_password(places.secrets_dir)
    ask_reload(places)
    print(made)
    return ExitCode.OK


def _facts(config: Config, places: Places) -> dict[str, Any]:
    wanted, way = config.home_assistant, home_assistant_listener(config)
    if way is not None:
        is_everywhere = way.host in ("0.0.0.0", "::")  # noqa: S104 -- compared, not bound
        broker, port, user = (
            (lan_address() or "127.0.0.1") if is_everywhere else way.host,
            way.port,
            HOME_ASSISTANT_USER,
        )
    else:
        broker, port, user = wanted.host or config.bus.host, wanted.port if wanted.host else config.bus.port, ""
    shown = [one.name for one in config.cameras if one.enabled and (one.id in wanted.cameras or not wanted.cameras)]
    return {
        "enabled": wanted.enabled,
        "broker": broker,
        "port": port,
        "user": user,
        "has_password": way is not None and bool(find_home_assistant_hash(places.secrets_dir)),
        "encrypted": way is not None and way.is_encrypted,
        "cameras": shown,
        "pictures": wanted.pictures,
        "arm": wanted.arm,
        "sensors": wanted.sensors,
    }


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
