"""``vigilar config``: validate, show, set, schema, undo."""

from __future__ import annotations

import json

import click

from vigilar.base.errors import ConfigError, ExitCode
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, tell
from vigilar.cli.service import ask_reload
from vigilar.cli.stored_logins import missing_logins
from vigilar.config.edit import undo
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.config.reference import dump_effective, effective, json_schema
from vigilar.config.secrets import SecretStore
from vigilar.config.set_key import set_key

_COMMANDS = {
    "validate": ("vigilar.cli.config:validate", "Name everything that is wrong, with line and key."),
    "show": ("vigilar.cli.config:show", "Print the settings in force."),
    "set": ("vigilar.cli.config:set_command", "Change one setting; comments stay."),
    "undo": ("vigilar.cli.config:undo_command", "Take back the newest change."),
    "schema": ("vigilar.cli.config:schema", "Print the JSON Schema of the file, for editors."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def config() -> None:
    """Check and show the settings."""


@click.command()
@with_places
def validate(places: Places) -> int:
    """Name everything that is wrong with the settings: file, line, column, key and why."""
    found = load_config(places)
    missing = missing_logins(found, SecretStore(places.secrets_dir))
    if missing:
        steps = " and ".join(dict.fromkeys(command for _, command in missing))
        raise ConfigError("\n".join(wrong for wrong, _ in missing), next_step=f"Store it again with: {steps}")
    print(f"OK, {len(found.cameras)} camera{'' if len(found.cameras) == 1 else 's'}")
    return ExitCode.OK


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """Print the settings in force, also those that are defaults. Of secrets there are only the names."""
    found = load_config(places)
    if as_json:
        print_json({"config": effective(found)})
    else:
        print(dump_effective(found), end="")
    return ExitCode.OK


@click.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the key out, so that its default holds.")
@with_places
def set_command(places: Places, key: str, value: str | None, unset: bool) -> int:
    """Change one setting, such as recording.mode motion, or camera.front-door.record always.

    VALUE is as in the file; texts need no quotes. Comments and order stay, a wrong value changes nothing, and
    `vigilar config undo` takes it back. A running service uses it at once.
    """
    if (value is None) is not unset:
        raise click.UsageError("Give a value, or --unset.")
    if unset:
        set_key(places, key, None)
    else:
        set_key(places, key, value)
    if ask_reload(places):
        tell("The service reads its settings again.")
    print(f"{key} is back to its default." if unset else f"{key} = {value}")
    return ExitCode.OK


@click.command("undo")
@with_places
def undo_command(places: Places) -> int:
    """Take back the newest change that a page or a command made; a running service reads it at once."""
    what = undo(places)
    if ask_reload(places):
        tell("The service reads its settings again.")
    print(f"Taken back: {what}.")
    return ExitCode.OK


@click.command()
def schema() -> int:
    """Print the JSON Schema of the settings file."""
    print(json.dumps(json_schema(), indent=2))
    return ExitCode.OK
