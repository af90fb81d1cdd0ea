"""``vigilar camera trust``: take what a camera shows now as its own: its certificate, and how it asks for the login."""

from __future__ import annotations

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.capture.rtsp.address import Address, parse_address
from vigilar.capture.rtsp.login_note import forget_login_note
from vigilar.capture.rtsp.tls import forget_pin
from vigilar.cli.camera import get_camera, tell_taken
from vigilar.cli.options import with_places
from vigilar.config.addresses import is_network
from vigilar.config.load import load_config
from vigilar.config.places import Places


@click.command()
@click.argument("camera_id", metavar="ID")
@with_places
def trust(camera_id: str, places: Places) -> int:
    """Forget what is noted of a camera: its certificate, and that it takes its login protected.

    What it shows next is taken as its own. For a camera that was reset or updated. If you did not do that, find out
    first what answers at its address.
    """
    found = get_camera(load_config(places), camera_id)
    addresses = [parse_address(one) for one in (found.address, found.small) if one and is_network(one)]
    if not addresses:
        raise VigilarError(f'The camera "{camera_id}" is not in the network.', exit_code=ExitCode.USAGE)
    has_pin = sum(forget_pin(places.secrets_dir, address) for address in addresses if address.is_tls) > 0
    has_note = sum(_forget_note(places, address) for address in addresses) > 0
    if has_pin:
        print(f'The certificate of "{found.name}" is forgotten; the next one it shows is noted.')
    if has_note:
        print(f'That "{found.name}" takes its login protected is forgotten; how it asks next is taken.')
    if has_pin or has_note:
        tell_taken(places)
    else:
        print(f'Nothing of "{found.name}" was noted.')
    return ExitCode.OK


def _forget_note(places: Places, address: Address) -> bool:
    try:
        return forget_login_note(places.secrets_dir, address)
    except OSError as error:
        sentence = f"What is noted of the camera's login cannot be removed: {error.strerror}."
        raise VigilarError(sentence, next_step="Run it as the user of the service, or with sudo.") from error
