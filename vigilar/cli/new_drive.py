"""``vigilar new-drive``."""

from __future__ import annotations

import sys

import click

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.house_file import HouseFile
from vigilar.cli.options import with_places
from vigilar.cli.output import tell
from vigilar.cli.service import find_supervisor
from vigilar.config.places import Places


@click.command("new-drive")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_places
def new_drive(places: Places, yes: bool) -> int:
    """Take the drive that is at the data folder now as this house's own, in place of the one that was there.

    If it holds a house's data, that house goes on. If it is empty, a new house begins on it, with a new key, no
    recordings and no logins: whoever opens its page first chooses the owner's login. The old drive keeps all it has.
    Vigilar, if it waits for the drive, goes on within a second; otherwise this counts from its next start on.
    """
    house = HouseFile(places.house_file)
    memory = house.load()
    if not memory.folder_id:
        raise VigilarError(
            f"no drive is remembered for {places.data_dir}",
            next_step=f"It is looked for in {house.path}. Run the command as the user of the service, or with sudo.",
            exit_code=ExitCode.NOT_FOUND,
        )
    if not memory.sentence and find_supervisor(places):
        raise VigilarError(
            f"the drive that is remembered for {places.data_dir} is there, and Vigilar runs on it",
            next_step="Stop Vigilar, put in the new drive, and run this again.",
            kind=ErrorKind.TRANSIENT,
            exit_code=ExitCode.BUSY,
        )
    if not yes and sys.stdin.isatty():
        click.confirm(f"Forget the drive that was at {places.data_dir}, and take what is there now?", abort=True)
    house.change(folder_id="", file_system=None)
    if HouseFile(places.house_file).load().folder_id:
        raise VigilarError(
            f"{house.path} could not be changed",
            kind=ErrorKind.DENIED,
            next_step="Run the command as the user of the service, or with sudo.",
            exit_code=ExitCode.DENIED,
        )
    tell(f"Vigilar takes what is at {places.data_dir} now.")
    return ExitCode.OK
