"""``vigilar start``. This process becomes the supervisor, so nothing heavy may be imported here."""

from __future__ import annotations

import click

from vigilar.cli.options import with_places
from vigilar.config.places import Places
from vigilar.main import run_supervisor


@click.command()
@with_places
def start(places: Places) -> int:
    """Run Vigilar until Ctrl-C or SIGTERM. Everything it does goes to standard error, line by line."""
    return run_supervisor(places)
