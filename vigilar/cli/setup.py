"""``vigilar setup``: what the first run needs of the console."""

from __future__ import annotations

import click

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode
from vigilar.base.setup_code import make_setup_code
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, tell
from vigilar.cli.user import open_store
from vigilar.config.places import Places
from vigilar.store.first_user import has_users

_COMMANDS = {"code": ("vigilar.cli.setup:code", "Show what the first login asks for from another machine.")}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def setup() -> None:
    """The first run of a house."""


@click.command()
@with_places
@with_json
def code(places: Places, as_json: bool) -> int:
    """Show the code that the first login asks for from another machine. On this machine none is asked for."""
    with open_store(places) as store:
        has_owner = has_users(store)
    shown = None
    if not has_owner:
        with disk_errors("make the code for the first login", places.secrets_dir):
            shown = make_setup_code(places.secrets_dir)
    if as_json:
        print_json({"code": shown, "has_owner": has_owner})
    elif shown:
        print(shown)
    else:
        tell("This house has an owner already. A forgotten password is replaced with: vigilar user password NAME")
    return ExitCode.OK
