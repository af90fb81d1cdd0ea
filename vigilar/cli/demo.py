"""``vigilar demo``: settings for a trial, then the supervisor in this process. Nothing heavy is imported here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any, TextIO

import click

import vigilar
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.ports import check_page_port
from vigilar.base.stop import Stop
from vigilar.cli.options import with_places
from vigilar.cli.service import find_supervisor, is_serving, lan_address, local_host, page_address
from vigilar.config.addresses import before_host, split_login, split_streams
from vigilar.config.places import Places, find_places
from vigilar.main import run_supervisor
from vigilar.processes.folder_check import require_folder

PASSWORD_VARIABLE = "VIGILAR_CAMERA_PASSWORD"  # noqa: S105 -- where it is, not what

LOOK_EVERY_S = 0.2
WAIT_S = 180.0
"""On the first start the demo scenes are drawn, which takes some ten seconds on two cores."""


@click.command()
@click.argument("addresses", nargs=-1)
@click.option(
    "--cameras-from",
    type=click.File(encoding="utf-8"),
    help='Read addresses from a file, one camera a line; "-" is standard input. Keeps passwords out of process lists.',
)
@click.option("--port", type=click.IntRange(1, 65535), help="The port of the page.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@with_places
def demo(
    places: Places, addresses: tuple[str, ...], cameras_from: TextIO | None, port: int | None, no_browser: bool
) -> int:
    """Try Vigilar: with a made-up house of four cameras, or with the cameras at ADDRESSES.

    An address is rtsp://user@host/path, file:/path or demo:street; "main,small" names both streams of one camera. The
    password is asked for, or taken from the environment variable VIGILAR_CAMERA_PASSWORD: arguments can be read by
    everybody. Runs until Ctrl-C; everything stays in one folder, which may be deleted afterwards.
    """
    if places == find_places():
        places = find_places(data_dir=default_folder())
    if pid := find_supervisor(places):
        raise VigilarError(
            f"Another Vigilar, process {pid}, already runs with {places.data_dir}.",
            kind=ErrorKind.TRANSIENT,
            next_step="Stop it first, or give this one another folder with --data-dir.",
            exit_code=ExitCode.BUSY,
        )
    require_folder(places, is_trial=True)
    given = [*map(with_password, addresses), *_read_lines(cameras_from)]
    os.environ.pop(PASSWORD_VARIABLE, None)  # no process that is started from here needs it
    settings = _prepare(places, given, port)
    if not isinstance(settings, dict):
        return settings
    check_page_port(settings["listen"], settings["port"])
    announcer = PageAnnouncer(places, settings["listen"], settings["port"], opens_browser=not no_browser)
    announcer.start()
    try:
        return run_supervisor(places)
    finally:
        announcer.stop()


def default_folder() -> Path:
    """Where the trial lives if nobody says: with the other data of this user, not where an installation is."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "vigilar-demo"


def with_password(text: str) -> str:
    """An argument with the password that it needs: of the environment, or as a person types it.

    Raises VigilarError (USAGE) for an argument that holds one, and when nobody can be asked.
    """
    parts = split_streams(text)
    splits = [split_login(part) for part in parts]
    if any(split.password is not None for split in splits):
        raise VigilarError(
            "An address holds a password; whoever lists this machine's processes can read it now.",
            next_step=f"Leave the user alone before the @: it is asked for, or taken from {PASSWORD_VARIABLE}. "
            "Better change it at the camera, too.",
            exit_code=ExitCode.USAGE,
        )
    asking = [split.user is not None or "{password}" in split.address for split in splits]
    if not any(asking):
        return text
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        if not sys.stdin.isatty():
            raise VigilarError(
                "The password of a camera is missing.",
                next_step=f"Put it into the environment variable {PASSWORD_VARIABLE}, or start from a terminal.",
                exit_code=ExitCode.USAGE,
            )
        what = f"Password of {splits[asking.index(True)].user or 'the camera'}"
        password = click.prompt(what, hide_input=True, default="", show_default=False, err=True)
    return ",".join(
        before_host(split.address, split.user or "", password) if wants else split.address
        for split, wants in zip(splits, asking, strict=True)
    )


def _read_lines(source: TextIO | None) -> list[str]:
    try:
        lines = [line.strip() for line in source or ()]
    except UnicodeDecodeError as error:
        raise VigilarError("The list of cameras is not UTF-8 text.", exit_code=ExitCode.USAGE) from error
    return [line for line in lines if line and not line.startswith("#")]


def _prepare(places: Places, given: list[str], port: int | None) -> dict[str, Any] | int:
    """Write the settings by ``demo_house`` in a program of its own; where the page will be, or its exit code.

    So the supervisor that begins afterwards in this process never holds what reading settings costs. The addresses
    go through a pipe, as there may be passwords in them.
    """
    task = {"config_file": str(places.config_file), "data_dir": str(places.data_dir), "given": given, "port": port}
    root = str(Path(vigilar.__file__).resolve().parents[1])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    done = subprocess.run(
        [sys.executable, "-m", "vigilar.cli.demo_house"],
        input=json.dumps({**task, "secrets_dir": str(places.secrets_dir)}).encode(),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        check=False,
    )
    if done.returncode:
        return done.returncode if done.returncode > 0 else ExitCode.FAILED
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class PageAnnouncer:
    """Says where the page is as soon as it answers. One thread of its own beside the supervisor."""

    def __init__(self, places: Places, listen: str, port: int, *, opens_browser: bool) -> None:
        self._places = places
        self._listen = listen
        self._port = port
        self._opens_browser = opens_browser
        self._stop = Stop()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        looks = int(WAIT_S / LOOK_EVERY_S)
        host = local_host(self._listen)
        while looks and not self._stop.wait(LOOK_EVERY_S):
            looks -= 1
            if find_supervisor(self._places) == os.getpid() and is_serving(host, self._port):
                self._announce(page_address(host, self._port))
                return

    def _announce(self, address: str) -> None:
        print(f"\nVigilar is ready: {address}")
        if self._listen in ("0.0.0.0", "::") and (lan := lan_address()):  # noqa: S104 -- compared, not bound
            print(f"From other devices in your network: {page_address(lan, self._port)}")
        print("Stop it with Ctrl-C.\n", flush=True)
        has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if self._opens_browser and has_screen and sys.stdout.isatty():
            webbrowser.open(address)
