"""``vigilar sensors``: what was heard, and with what Zigbee2MQTT enters."""

from __future__ import annotations

import json

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.bus.accounts import ZIGBEE_USER
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.service import lan_address
from vigilar.cli.times import house_zone
from vigilar.cli.user import open_store
from vigilar.config.guard_cut import sensors_listener
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.door.trust import find_root
from vigilar.store.sensors import list_sensors
from vigilar.web.sensor_words import sensor_json, state_words

CA_FILE = "vigilar-root.pem"

_COMMANDS = {
    "list": ("vigilar.cli.sensors:list_command", "All sensors, and what they told last."),
    "login": ("vigilar.cli.sensors:login", "What to write into the settings of Zigbee2MQTT."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def sensors() -> None:
    """Contacts, motion sensors and the like."""


@click.command("list")
@with_places
@with_json
def list_command(places: Places, as_json: bool) -> int:
    """All sensors, and what they told last."""
    zone = house_zone(load_config(places))
    with open_store(places) as store:
        found = list_sensors(store)
    if as_json:
        print_json({"sensors": [sensor_json(one) for one in found]})
    elif found:
        print_table(
            (
                one.id,
                one.name,
                one.room,
                state_words(one),
                "never" if one.last_ms is None else house_time(one.last_ms, zone),
                "silent" if one.is_silent else "battery low" if one.is_low else "",
            )
            for one in found
        )
    else:
        tell("No sensor has been heard yet.")
    return ExitCode.OK


@click.command()
@with_places
def login(places: Places) -> int:
    """Print the part of Zigbee2MQTT's configuration.yaml that lets it speak to this box. It holds a password."""
    config = load_config(places)
    listener = sensors_listener(config)
    if listener is None:
        raise VigilarError(
            "Our broker does not listen for sensors.",
            next_step='Write listen = "0.0.0.0:1884" into [sensors] of the settings, then: vigilar reload',
            exit_code=ExitCode.NOT_FOUND,
        )
    host = listener.host
    try:
        password = json.loads((places.secrets_dir / "bus-users").read_bytes())[ZIGBEE_USER]
    except (OSError, ValueError, KeyError) as error:
        raise VigilarError(
            "The password is not made yet, or may not be read by this user.",
            next_step="Start Vigilar once, and run this as the user of the service, or with sudo.",
            exit_code=ExitCode.DENIED,
        ) from error
    shown = (lan_address() or "127.0.0.1") if host in ("0.0.0.0", "::") else host  # noqa: S104 -- compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    scheme = "mqtts" if listener.is_encrypted else "mqtt"
    lines = ["mqtt:", f"  base_topic: {listener.topic}", f"  server: {scheme}://{shown}:{listener.port}"]
    lines += [f"  user: {ZIGBEE_USER}", f"  password: {password}"]
    is_ours = listener.is_encrypted and config.web.certificate is None
    root = find_root(places.secrets_dir) if is_ours else None
    if root is not None:
        lines += [f"  ca: {CA_FILE}", f"# Save this as {CA_FILE}, beside the settings of Zigbee2MQTT:", root.pem]
    print("\n".join(lines))
    return ExitCode.OK
