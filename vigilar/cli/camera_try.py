"""``vigilar camera test``, also run by the web page: what a camera sends is parsed in this short-lived process."""

from __future__ import annotations

import dataclasses
import sys
from typing import IO, Any

import click

from vigilar.base.errors import CameraError, ExitCode, VigilarError
from vigilar.capture.probe import probe
from vigilar.cli.camera import get_camera
from vigilar.cli.logins import read_login, read_wish_json
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, tell
from vigilar.config.addresses import address_problem, is_network, split_login, with_login
from vigilar.config.cut import secret_name
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.config.secrets import LoginSecret, SecretStore

WRONG_LOGIN = "V-CAM-03"

_NO_LOGIN_GIVEN = "Give a user name; the password is asked for."
_NEXT_STEPS = {
    "V-CAM-14": "Set the camera to H.264 or H.265.",
    "V-CAM-15": "Name a video file that plays, by its whole path.",
    "V-CAM-16": "Look whether the camera's own page shows a picture, then try again.",
}
"""What to do where the error itself does not say it: no refusal may leave a person without a next step."""


@click.command()
@click.argument("target", metavar="[ID|ADDRESS]", required=False)
@click.option("--address", help="An address, in place of a camera's id.")
@click.option("--user", help="The user name at the camera; the password is asked for.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@click.option("--login-stdin", is_flag=True, help='Read {"user", "password", "address"} from standard input.')
@with_places
@with_json
def test(
    target: str | None,
    address: str | None,
    user: str | None,
    password_file: IO[str] | None,
    login_stdin: bool,
    places: Places,
    as_json: bool,
) -> int:
    """Try a camera step by step: is it there, does it let us in, does it send a picture? One login attempt.

    Ends with 0 if it can be used and 8 if not; the V-CAM code says why.
    """
    given = None
    if login_stdin:
        wished, given = read_wish_json(sys.stdin.read())
        address = address or wished
    if address is None and target and (":" in target):
        target, address = None, target
    if (target is None) == (address is None):
        raise VigilarError("Give the id of a camera, or an address.", exit_code=ExitCode.USAGE)
    if given is None and (user is not None or password_file is not None):
        given = read_login(user, password_file)
    report = _try_address(places, address, given) if address else _try_configured(places, target or "", given)
    if as_json:
        print_json(report)
    else:
        print_report(report)
        if not report["ok"]:
            raise failed(report)
        print_verdict(report)
    return ExitCode.OK if report["ok"] else ExitCode.CAMERA


def try_camera(address: str, given: LoginSecret | None, places: Places) -> dict[str, Any]:
    """Try one stream once: ``{"ok", "code", "sentence", "next_step", "stages": [{"name", "ok", "ms", "detail"}]}``.

    Nothing in it is secret. Blocks, about 30 s at most, 80 s for a slow camera.
    """
    if address.startswith("demo:"):
        sentence = "A made-up camera is always there."
        return {"ok": True, "code": "", "sentence": sentence, "next_step": "", "stages": []}
    url = with_login(address, given.user, given.password) if given and is_network(address) else address
    report = dataclasses.asdict(probe(url, places.secrets_dir))
    if not report["ok"] and given is None and report["code"] == WRONG_LOGIN:
        report["next_step"] = _NO_LOGIN_GIVEN
    elif not report["ok"] and not report["next_step"]:
        report["next_step"] = _NEXT_STEPS.get(report["code"], "")
    return report


def print_report(report: dict[str, Any]) -> None:
    """The steps, for a person."""
    for stage in report["stages"]:
        print(f"  {stage['name']:<14}{one_line(stage['detail'])}")


def print_verdict(report: dict[str, Any]) -> None:
    """How a camera that can be used does, and what is to be known about it (H.265, say)."""
    print(one_line(report["sentence"]))
    if report["next_step"]:
        print(one_line(report["next_step"]))


def failed(report: dict[str, Any], also: str = "") -> CameraError:
    """The report of a camera that cannot be used, as an error (exit code 8)."""
    next_step = "\n".join(filter(None, (report["next_step"], also)))
    return CameraError(report["sentence"], code=report["code"], next_step=next_step)


def _try_address(places: Places, address: str, given: LoginSecret | None) -> dict[str, Any]:
    split = split_login(address)
    if split.password is not None:
        raise VigilarError("The address must not hold a password; it is asked for.", exit_code=ExitCode.USAGE)
    if split.user and given is None:
        given = read_login(split.user, None)
    if problem := address_problem(split.address):
        raise VigilarError(f"The address {problem}.", exit_code=ExitCode.USAGE)
    return try_camera(split.address, given, places)


def _try_configured(places: Places, camera_id: str, given: LoginSecret | None) -> dict[str, Any]:
    """Try the streams of a camera with its stored login, or with ``given``."""
    camera = get_camera(load_config(places), camera_id)
    if given is None and camera.login:
        given = SecretStore(places.secrets_dir).get_login(secret_name(camera.login))
    report = try_camera(camera.address, given, places)
    if report["ok"] and camera.small:
        tell("The main stream is fine; now the small one.")
        report = try_camera(camera.small, given, places)
    return report
