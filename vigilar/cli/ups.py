"""``vigilar ups``: what the UPS says, and with which login it is asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import IO

import click
import tomlkit

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.status_socket import ask_status
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.logins import read_new_password
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table, tell
from vigilar.cli.service import ask_reload
from vigilar.config.cut import secret_name
from vigilar.config.edit import edit_document, put_value
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.power.nut import UpsAddress, UpsClient
from vigilar.power.reading import read_variables
from vigilar.power.watch import Limits, PowerWatch
from vigilar.power.words import plan_steps, power_line

_COMMANDS = {
    "show": ("vigilar.cli.ups:show", "Mains or battery, for how long, and what happens when."),
    "login": ("vigilar.cli.ups:login", "The login for a NUT server that lets nobody read without."),
}

SECRET = "ups"  # noqa: S105 -- a name


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def ups() -> None:
    """The UPS: mains, battery, and what happens when it gets empty."""


@click.command("show")
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """Ask the UPS now, whether Vigilar runs or not.

    Ends with 0 on mains, 10 on battery, 11 when the battery is nearly empty, 7 when the UPS cannot be asked.
    """
    config = load_config(places)
    address = _address(config, places)
    with UpsClient(address) as client:
        variables = client.read()
    reading, limits = read_variables(variables), _limits(config)
    watch = PowerWatch(limits)
    watch.take(reading, 0.0)
    status = {**asdict(reading), "level": watch.level.value, "trouble": ""}
    line = power_line(status, is_set_up=True)
    steps = plan_steps(limits, status)
    running = ask_status(places.run_dir)
    waiting = list(running.get("shed", [])) if running else []
    if as_json:
        variables = {name: value for name, value in variables.items() if not name.startswith("driver.")}
        told = {"level": watch.level.value, "state": line.state, "sentence": line.sentence, "variables": variables}
        print_json({"ups": str(address), **told, "plan": [asdict(one) for one in steps], "waiting": waiting})
    else:
        tell_line = f"{address}: {line.sentence}"
        print_table([(tell_line,)])
        print_table((f"  {one.when}", one.what) for one in steps)
        if waiting:
            print_table([(f"Waiting for mains: {', '.join(waiting)}",)])
    return {"ok": ExitCode.OK, "warn": ExitCode.WARNINGS}.get(line.state, ExitCode.BROKEN)


@click.command("login")
@click.option("--user", required=True, help="The user of upsd.users.")
@click.option("--password-file", type=click.File("r"), help="A file with the password, - for standard input.")
@with_places
def login(places: Places, user: str, password_file: IO[str] | None) -> int:
    """Store the login with which the UPS is asked, and name it in the settings."""
    password = read_new_password(password_file)
    SecretStore(places.secrets_dir).put_login(SECRET, user, password)

    def change(doc: tomlkit.TOMLDocument, _config: Config) -> None:
        if "ups" not in doc:
            doc["ups"] = tomlkit.table()
        put_value(doc["ups"], "user", user)
        put_value(doc["ups"], "password", f"secret:{SECRET}")

    edit_document(places, change, what="the login of the UPS")
    ask_reload(places)
    tell("The login of the UPS is stored.")
    return ExitCode.OK


def _address(config: Config, places: Places) -> UpsAddress:
    ups = config.ups
    if ups.address is None:
        raise VigilarError(
            "no UPS is set up",
            next_step='Name it in the settings, [ups] name = "ups@127.0.0.1"; NUT knows its name: upsc -l',
            exit_code=ExitCode.NOT_FOUND,
        )
    password = ""
    if ups.password is not None:
        password = SecretStore(places.secrets_dir).get_login(secret_name(ups.password)).password
    name, host, port = ups.address
    return UpsAddress(name, host, port, ups.user or "", password)


def _limits(config: Config) -> Limits:
    return Limits(config.ups.shed_below, round(config.ups.shed_runtime_s), config.ups.stop_below)
