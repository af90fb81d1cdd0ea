"""``vigilar notify login``: stores what ntfy, a mail server or a webhook is entered with."""

from __future__ import annotations

from typing import IO

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.logins import read_login
from vigilar.cli.options import with_places
from vigilar.cli.output import tell
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore


@click.command()
@click.argument("name")
@click.option("--user", help="The user; of an access token, and of a webhook's secret, leave it empty: --user ''.")
@click.option("--password-file", type=click.File(encoding="utf-8"), help='The password; "-" is standard input.')
@with_places
def login(name: str, user: str | None, password_file: IO[str] | None, places: Places) -> int:
    """Store a login as the secret NAME, which the settings then name: login = "secret:NAME"."""
    given = read_login(user, password_file)
    if given is None:
        raise VigilarError("There is no login to store.", exit_code=ExitCode.USAGE)
    SecretStore(places.secrets_dir).put_login(name, given.user, given.password)
    tell(f'Stored. In the settings: login = "secret:{name}", then: vigilar reload')
    return ExitCode.OK
