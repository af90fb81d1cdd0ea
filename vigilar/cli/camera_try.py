"""``vigilar camera test``, also run by the web page: what a camera sends is parsed in this short-lived process."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
from functools import partial
from typing import IO, Any

import click

from vigilar.base.errors import CameraError, ConfigError, ExitCode, VigilarError
from vigilar.capture.address_gate import AddressGate
from vigilar.capture.probe import Listener, Nobody, Stage, Target, probe
from vigilar.capture.stream_finder import Login
from vigilar.cli.camera import get_camera
from vigilar.cli.logins import read_login, read_wish_json
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json
from vigilar.config.addresses import address_problem, bare_host, is_network, split_login, with_login, with_scheme
from vigilar.config.cut import own_ports, secret_name
from vigilar.config.load import load_config
from vigilar.config.models import Config
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

DEMO = "A made-up camera is always there."


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """A camera to try. ``address`` and ``small`` hold no login. ``may_find``: of a bare ``rtsp://host`` the streams are
    to be found."""

    address: str
    small: str = ""
    login: LoginSecret | None = None
    allow_public: bool = False
    transport: str = "tcp"
    may_find: bool = True


@click.command()
@click.argument("target", metavar="[ID|ADDRESS]", required=False)
@click.option("--address", help="An address, in place of a camera's id.")
@click.option("--user", help="The user name at the camera; the password is asked for.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password, "-" for standard input.')
@click.option("--login-stdin", is_flag=True, help='Read {"user", "password", "address"} from standard input.')
@click.option("--allow-public", is_flag=True, help="The address may lie outside of the home network.")
@click.option("--progress", is_flag=True, help="With --json: a line for each step as it comes, the picture too.")
@with_places
@with_json
def test(
    target: str | None,
    address: str | None,
    user: str | None,
    password_file: IO[str] | None,
    login_stdin: bool,
    allow_public: bool,
    progress: bool,
    places: Places,
    as_json: bool,
) -> int:
    """Try a camera step by step: is it there, does it let us in, does it send a picture? One login attempt.

    A bare address such as 192.168.1.21 is enough: the usual paths of the usual makes are tried. Ends with 0 if the
    camera can be used and 8 if not; the V-CAM code says why.
    """
    given, small = None, ""
    if login_stdin:
        told = read_wish_json(sys.stdin.read())
        given, small, allow_public = told.login, told.small, allow_public or told.allow_public
        address = address or told.address or None
    if address is None and target and (":" in target or "." in target):
        target, address = None, target
    if (target is None) == (address is None):
        raise VigilarError("Give the id of a camera, or an address.", exit_code=ExitCode.USAGE)
    if given is None and (user is not None or password_file is not None):
        given = read_login(user, password_file)
    if address:
        wish = _of_address(address, small, given, allow_public=allow_public)
    else:
        wish = _of_camera(places, target or "", given, allow_public=allow_public)
    listener = _Lines() if as_json and progress else Nobody() if as_json else Printer()
    report = try_camera(wish, places, listener)
    if as_json:
        _print_report(report, is_line=progress)
    elif not report["ok"]:
        raise failed(report)
    else:
        print_verdict(report)
    return ExitCode.OK if report["ok"] else ExitCode.CAMERA


def try_camera(wish: Wish, places: Places, listener: Listener | None = None) -> dict[str, Any]:
    """Try its streams once: the dump of a ``ProbeReport``. Nothing in it is secret. Blocks, see ``probe``."""
    if wish.address.startswith("demo:"):
        return {"ok": True, "code": "", "sentence": DEMO, "next_step": "", "stages": [], "notes": [], "card": None,
                "address": "", "small": "", "refused_logins": 0}  # fmt: skip
    gate = AddressGate(wish.allow_public, frozenset(own_ports(_config_or_defaults(places))))
    add_login = partial(_with_login, wish.login)
    login = Login(wish.login.user, wish.login.password) if wish.login else Login()
    target = Target(
        add_login(wish.address),
        add_login(wish.small) if wish.small else "",
        bare_host(wish.address) if wish.may_find else None,
        login,
        "udp" if wish.transport == "udp" else "tcp",
    )
    report = probe(target, notes_dir=places.secrets_dir, gate=gate, listener=listener, add_login=add_login).dump()
    if not report["ok"] and wish.login is None and report["code"] == WRONG_LOGIN:
        report["next_step"] = _NO_LOGIN_GIVEN
    elif not report["ok"] and not report["next_step"]:
        report["next_step"] = _NEXT_STEPS.get(report["code"], "")
    return report


class Printer:
    """Tells a person at a terminal, a line for each step as it comes."""

    def doing(self, words: str) -> None:
        """Where somebody looks on, what is waited for; a file gets the steps alone."""
        if sys.stderr.isatty():
            print(f"\r\033[K  {one_line(words)} ...", end="", file=sys.stderr, flush=True)

    def stage(self, stage: Stage) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        print(f"  {stage.name:<14}{one_line(stage.detail)}", flush=True)

    def picture(self, jpeg: bytes) -> None:
        """A terminal shows none."""


class _Lines:
    """A JSON object a line, for the web page."""

    def doing(self, words: str) -> None:
        _print_line({"doing": words})

    def stage(self, stage: Stage) -> None:
        _print_line({"stage": dataclasses.asdict(stage)})

    def picture(self, jpeg: bytes) -> None:
        _print_line({"picture": base64.b64encode(jpeg).decode()})


def print_verdict(report: dict[str, Any]) -> None:
    """How a camera that can be used does, its card, and what is to be known about it (H.265, say)."""
    print(one_line(report["sentence"]))
    for name, words in (report["card"] or {}).get("rows", []):
        print(f"  {name:<14}{one_line(words)}")
    if report["address"]:
        print(f"  {'Address':<14}{one_line(report['address'])}")
    if report["small"]:
        print(f"  {'Small':<14}{one_line(report['small'])}")
    for note in report["notes"]:
        print(one_line(f"{note['sentence']} {note['next_step']}".strip() + f" [{note['code']}]"))


def failed(report: dict[str, Any], also: str = "") -> CameraError:
    """The report of a camera that cannot be used, as an error (exit code 8)."""
    next_step = "\n".join(filter(None, (report["next_step"], also)))
    return CameraError(report["sentence"], code=report["code"], next_step=next_step)


def check_address(text: str) -> tuple[str, str | None]:
    """The address without a login, completed if it is bare, and the user in it.

    Raises VigilarError (USAGE) for a password in it, or what is no address.
    """
    split = split_login(with_scheme(text))
    if split.password is not None:
        raise VigilarError(
            "The address holds a password; whoever lists this machine's processes can read it now.",
            next_step="Leave it out: it is asked for. Better change it at the camera, too.",
            exit_code=ExitCode.USAGE,
        )
    if problem := address_problem(split.address):
        raise VigilarError(f"The address {problem}.", exit_code=ExitCode.USAGE)
    return split.address, split.user


def _of_address(address: str, small: str, given: LoginSecret | None, *, allow_public: bool) -> Wish:
    bare, user = check_address(address)
    if user and given is None:
        given = read_login(user, None)
    return Wish(bare, check_address(small)[0] if small else "", given, allow_public)


def _of_camera(places: Places, camera_id: str, given: LoginSecret | None, *, allow_public: bool) -> Wish:
    """Both streams of a camera with its stored login, or with ``given``."""
    camera = get_camera(load_config(places), camera_id)
    if given is None and camera.login:
        given = SecretStore(places.secrets_dir).get_login(secret_name(camera.login))
    allowed = allow_public or camera.allow_public
    return Wish(camera.address, camera.small or "", given, allowed, camera.transport, may_find=False)


def _with_login(given: LoginSecret | None, address: str) -> str:
    return with_login(address, given.user, given.password) if given and is_network(address) else address


def _config_or_defaults(places: Places) -> Config:
    """A file that is wrong must not keep anybody from trying a camera."""
    try:
        return load_config(places)
    except ConfigError:
        return Config()


def _print_report(report: dict[str, Any], *, is_line: bool) -> None:
    if is_line:
        _print_line({"report": report})
    else:
        print_json(report)


def _print_line(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)
