"""``vigilar camera add``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import IO, Any

import click

from vigilar.base.errors import ConfigError, ExitCode, VigilarError
from vigilar.base.ids import slug
from vigilar.cli.camera import tell_taken
from vigilar.cli.camera_try import WRONG_LOGIN, failed, print_report, print_verdict, try_camera
from vigilar.cli.logins import read_login
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, tell
from vigilar.config.addresses import address_problem, is_network, split_login
from vigilar.config.cut import used_secrets
from vigilar.config.edit import NewCamera, add_camera
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.reference import effective
from vigilar.config.secrets import LoginSecret, SecretStore
from vigilar.processes.folder_check import require_folder


@click.command()
@click.argument("address")
@click.option("--name", help="What the camera is called.")
@click.option("--id", "camera_id", help="Its short name; made of the name if left out.")
@click.option("--small", help="The address of its small stream.")
@click.option("--user", help="The user name at the camera; the password is asked for.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@click.option("--record", type=click.Choice(["always", "motion", "keyframes-when-idle"]), help="What is recorded.")
@click.option("--no-test", is_flag=True, help="Add it without trying it first.")
@with_places
@with_json
def add(
    address: str,
    name: str | None,
    camera_id: str | None,
    small: str | None,
    user: str | None,
    password_file: IO[str] | None,
    record: str | None,
    no_test: bool,
    places: Places,
    as_json: bool,
) -> int:
    """Try the camera at ADDRESS and add it: rtsp://host/path or http://host/path without password, file:/path or
    demo:street.

    The password is asked for, or read with --password-file; it goes into the secrets, never into the settings file.
    """
    require_folder(places)
    config = load_config(places)
    bare, user = _without_login(address, user)
    name = name or _ask_name(config)
    new = NewCamera(name=name, id=camera_id, address=bare, small=small, record=record)
    _check_free(new, config)
    given = read_login(user, password_file) if is_network(bare) and _wants_login(bare, user, password_file) else None
    if not no_test:
        given = _test(new, given, places, tells=not as_json)
    added = _store(places, new, given)
    shown = next(one for one in effective(added)["camera"] if one["id"] == _id_of(new))
    if as_json:
        print_json({"camera": shown})
    else:
        print(f'"{name}" is added as {shown["id"]}.')
    tell_taken(places)
    return ExitCode.OK


def _without_login(address: str, user: str | None) -> tuple[str, str | None]:
    """The bare address and the user. Raises VigilarError (USAGE) for a password in it, or a bad address."""
    split = split_login(address)
    if split.password is not None:
        raise VigilarError(
            "The address holds a password; whoever lists this machine's processes can read it now.",
            next_step="Leave it out: it is asked for. Better change it at the camera, too.",
            exit_code=ExitCode.USAGE,
        )
    if problem := address_problem(split.address):
        raise VigilarError(f"The address {problem}.", exit_code=ExitCode.USAGE)
    return split.address, user or split.user


def _ask_name(config: Config) -> str:
    taken = {camera.id for camera in config.cameras}
    free = next(name for number in range(1, len(taken) + 2) if slug(name := f"Camera {number}") not in taken)
    if not sys.stdin.isatty():
        return free
    answer: str = click.prompt("Name of the camera", default=free, err=True)
    return answer


def _id_of(new: NewCamera) -> str:
    return new.id or slug(new.name)


def _check_free(new: NewCamera, config: Config) -> None:
    if other := config.find_camera(_id_of(new)):
        raise VigilarError(
            f'There is already a camera "{other.name}" with the id {other.id}.',
            next_step="Choose another --name, or give an --id of its own.",
            exit_code=ExitCode.USAGE,
        )


def _wants_login(address: str, user: str | None, password_file: IO[str] | None) -> bool:
    """Whether a login is known to be needed. Otherwise the camera is tried without one first."""
    return user is not None or password_file is not None or "{password}" in address


def _test(new: NewCamera, given: LoginSecret | None, places: Places, *, tells: bool) -> LoginSecret | None:
    """Try all streams; the login that works. Raises CameraError when the camera cannot be used.

    ``tells`` the steps and what came of them on standard output, which otherwise holds nothing but JSON.
    """
    report = try_camera(new.address, given, places)
    if given is None and report["code"] == WRONG_LOGIN and sys.stdin.isatty():
        tell("The camera wants a login.")
        given = read_login(None, None)
        report = try_camera(new.address, given, places)
    if report["ok"] and new.small:
        _tell_report(report, tells)
        report = try_camera(new.small, given, places)
    _tell_report(report, tells)
    if not report["ok"]:
        raise failed(report, "It was not added; --no-test adds it anyway.")
    return given


def _tell_report(report: dict[str, Any], tells: bool) -> None:
    if tells:
        print_report(report)
        if report["ok"]:
            print_verdict(report)


def _store(places: Places, new: NewCamera, given: LoginSecret | None) -> Config:
    """The login first, under a name that nobody else uses, then the settings; both or nothing."""
    if given is None:
        return add_camera(places, new)
    secrets = SecretStore(places.secrets_dir)
    name = secrets.add_login(_id_of(new), given.user, given.password, used_secrets(load_config(places)))
    try:
        return add_camera(places, replace(new, login=f"secret:{name}"))
    except ConfigError:
        secrets.delete(name)
        raise
