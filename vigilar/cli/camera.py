"""``vigilar camera``: list, show, login, remove. Adding and testing have modules of their own."""

from __future__ import annotations

import sys
from typing import IO

import click
import tomlkit

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.logins import read_login
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table, tell
from vigilar.cli.service import ask_reload
from vigilar.config.addresses import is_network
from vigilar.config.cut import secret_name, used_secrets
from vigilar.config.edit import change_camera, no_such_camera, remove_camera
from vigilar.config.load import load_config
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.config.reference import effective
from vigilar.config.secrets import SecretStore
from vigilar.processes.folder_check import require_folder

_COMMANDS = {
    "add": ("vigilar.cli.camera_add:add", "Try a camera and add it."),
    "list": ("vigilar.cli.camera:list_command", "All cameras with their addresses."),
    "show": ("vigilar.cli.camera:show", "The settings of one camera."),
    "test": ("vigilar.cli.camera_try:test", "Try a camera step by step."),
    "login": ("vigilar.cli.camera:login", "Store user and password of a camera again."),
    "trust": ("vigilar.cli.camera_trust:trust", "Take a camera's new certificate."),
    "remove": ("vigilar.cli.camera:remove", "Take a camera out; its recordings stay."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def camera() -> None:
    """Add, list, test and remove cameras."""


@click.command("list")
@with_places
@with_json
def list_command(places: Places, as_json: bool) -> int:
    """All cameras with their addresses. Logins are shown by name only."""
    config = load_config(places)
    if as_json:
        print_json({"cameras": effective(config).get("camera", [])})
    elif config.cameras:
        print_table(_row(one, config) for one in config.cameras)
    else:
        tell("No cameras yet. Add one with: vigilar camera add rtsp://...")
    return ExitCode.OK


@click.command()
@click.argument("camera_id", metavar="ID")
@with_places
@with_json
def show(camera_id: str, places: Places, as_json: bool) -> int:
    """The settings of one camera, also those it takes over from the house."""
    config = load_config(places)
    get_camera(config, camera_id)
    shown = next(one for one in effective(config)["camera"] if one["id"] == camera_id)
    if as_json:
        print_json({"camera": shown})
    else:
        print(tomlkit.dumps(shown), end="")
    return ExitCode.OK


@click.command()
@click.argument("camera_id", metavar="ID")
@click.option("--user", help="The user name at the camera.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@with_places
def login(camera_id: str, user: str | None, password_file: IO[str] | None, places: Places) -> int:
    """Store user and password of a camera again. The password is asked for, or read from a file."""
    require_folder(places)
    config = load_config(places)
    found = get_camera(config, camera_id)
    if not is_network(found.address):
        raise VigilarError(f'The camera "{camera_id}" needs no login.', exit_code=ExitCode.USAGE)
    given = read_login(user, password_file)
    if given is None:
        raise VigilarError(
            "No user name was given.",
            next_step="Give it with --user, the password is asked for.",
            exit_code=ExitCode.USAGE,
        )
    secrets = SecretStore(places.secrets_dir)
    if found.login:
        secrets.put_login(secret_name(found.login), given.user, given.password)
    else:
        name = secrets.add_login(found.id, given.user, given.password, used_secrets(config))
        change_camera(places, camera_id, {"login": f"secret:{name}"})
    print(f'The login of "{found.name}" is stored.')
    tell_taken(places)
    return ExitCode.OK


@click.command()
@click.argument("camera_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_places
def remove(camera_id: str, yes: bool, places: Places) -> int:
    """Take a camera out of the settings and forget its login. Its recordings and events stay."""
    require_folder(places)
    found = get_camera(load_config(places), camera_id)
    if not yes and sys.stdin.isatty():
        click.confirm(f'Stop recording "{found.name}" and forget its login?', abort=True, err=True)
    removed = remove_camera(places, camera_id)
    if removed.login and secret_name(removed.login) not in used_secrets(load_config(places)):
        SecretStore(places.secrets_dir).delete(secret_name(removed.login))
    print(f'"{removed.name}" is removed; its recordings stay.')
    tell_taken(places)
    return ExitCode.OK


def get_camera(config: Config, camera_id: str) -> Camera:
    """The camera of that id. Raises ConfigError (NOT_FOUND) with the ids there are."""
    if found := config.find_camera(camera_id):
        return found
    raise no_such_camera(camera_id, config)


def tell_taken(places: Places) -> None:
    """After a change: make a running service take it, and say whether there is one."""
    if ask_reload(places):
        tell("The running service takes it over now.")
    else:
        tell("Vigilar is not running; the change counts from its next start on.")


def _row(one: Camera, config: Config) -> tuple[str, ...]:
    state = config.mode_of(one) if one.enabled else "set aside"
    format_ = "MJPEG, converted to H.264 here" if one.address.startswith("http:") else ""
    return (one.id, one.name, one.address, "login" if one.login else "", state, format_)
