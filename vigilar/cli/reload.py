"""``vigilar reload``."""

from __future__ import annotations

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.options import with_places
from vigilar.cli.service import ask_reload
from vigilar.config.load import load_config
from vigilar.config.places import Places


@click.command()
@with_places
def reload(places: Places) -> int:
    """Make the running service read its settings again.

    A camera whose address, login or small stream changed is interrupted for a moment; all else goes on.
    Settings that are not valid are not sent: the service would keep its last good ones anyway.
    """
    config = load_config(places)
    if not ask_reload(places):
        raise not_running(places)
    print(f"The service reads its settings again, {len(config.cameras)} cameras.")
    return ExitCode.OK


def not_running(places: Places) -> VigilarError:
    return VigilarError(
        f"No Vigilar runs with {places.data_dir}.",
        next_step="Start it with: vigilar start",
        exit_code=ExitCode.NOT_RUNNING,
    )
