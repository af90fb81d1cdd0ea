"""``vigilar camera trust``: take the certificate that a camera shows now as its new one."""

from __future__ import annotations

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.capture.rtsp.address import parse_address
from vigilar.capture.rtsp.tls import forget_pin
from vigilar.cli.camera import get_camera, tell_taken
from vigilar.cli.options import with_places
from vigilar.config.load import load_config
from vigilar.config.places import Places


@click.command()
@click.argument("camera_id", metavar="ID")
@with_places
def trust(camera_id: str, places: Places) -> int:
    """Forget the certificate noted for a camera; the one that it shows next is taken as its own.

    For a camera that was reset or updated. If you did not do that, find out first what answers at its address.
    """
    found = get_camera(load_config(places), camera_id)
    encrypted = [address for address in (found.address, found.small) if address and address.startswith("rtsps:")]
    if not encrypted:
        raise VigilarError(f'The camera "{camera_id}" has no encrypted address.', exit_code=ExitCode.USAGE)
    forgotten = [forget_pin(places.secrets_dir, parse_address(address)) for address in encrypted]
    if any(forgotten):
        print(f'The certificate of "{found.name}" is forgotten; the next one it shows is noted.')
        tell_taken(places)
    else:
        print(f'No certificate of "{found.name}" was noted.')
    return ExitCode.OK
