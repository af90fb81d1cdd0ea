"""``vigilar camera add``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import IO

import click

from vigilar.base.errors import ConfigError, ExitCode, VigilarError
from vigilar.base.ids import slug
from vigilar.capture.probe import Nobody
from vigilar.cli.camera import tell_taken
from vigilar.cli.camera_try import WRONG_LOGIN, Printer, Wish, check_address, failed, print_verdict, try_camera
from vigilar.cli.logins import read_login
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, tell
from vigilar.config.addresses import bare_host, is_network
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
@click.option("--allow-public", is_flag=True, help="The address may lie outside of the home network.")
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
    allow_public: bool,
    no_test: bool,
    places: Places,
    as_json: bool,
) -> int:
    """Try the camera at ADDRESS and add it: rtsp://host/path or http://host/path without password, file:/path or
    demo:street.

    A bare host such as 192.168.1.21 is enough: the usual paths of the usual makes are tried.

    The password is asked for, or read with --password-file; it goes into the secrets, never into the settings file.
    """
    require_folder(places)
    config = load_config(places)
    bare, user_in_it = check_address(address)
    user = user or user_in_it
    small = check_address(small)[0] if small else None
    if no_test and "://" not in address and bare_host(bare):
        raise VigilarError(
            "Without trying the camera its streams cannot be found.",
            next_step="Give the whole address, rtsp://host/path, or leave --no-test out.",
            exit_code=ExitCode.USAGE,
        )
    name = name or _ask_name(config)
    new = NewCamera(
        name=name, id=camera_id, address=bare, small=small, record=record, allow_public=allow_public or None
    )
    _check_free(new, config)
    given = read_login(user, password_file) if is_network(bare) and _wants_login(bare, user, password_file) else None
    if not no_test:
        new, given = _test(new, given, places, tells=not as_json)
    added = _store(places, new, given)
    shown = next(one for one in effective(added)["camera"] if one["id"] == _id_of(new))
    if as_json:
        print_json({"camera": shown})
    else:
        print(f'"{name}" is added as {shown["id"]}.')
    tell_taken(places)
    return ExitCode.OK


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


def _test(
    new: NewCamera, given: LoginSecret | None, places: Places, *, tells: bool
) -> tuple[NewCamera, LoginSecret | None]:
    """Try all streams: the camera with the streams that were found, and the login that works.

    Raises CameraError when it cannot be used.

    ``tells`` the steps and what came of them on standard output, which otherwise holds nothing but JSON.
    """
    listener = Printer() if tells else Nobody()
    wish = Wish(new.address, new.small or "", given, bool(new.allow_public))
    report = try_camera(wish, places, listener)
    if given is None and report["code"] == WRONG_LOGIN and sys.stdin.isatty():
        tell("The camera wants a login.")
        given = read_login(None, None)
        report = try_camera(replace(wish, login=given), places, listener)
    if not report["ok"]:
        raise failed(report, "It was not added; --no-test adds it anyway.")
    if tells:
        print_verdict(report)
    return replace(new, address=report["address"] or new.address, small=new.small or report["small"] or None), given


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
