"""``vigilar events set-aside``."""

from __future__ import annotations

from dataclasses import asdict

import click

from vigilar.base.errors import ExitCode
from vigilar.cli.footage_house import open_house
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.store.set_aside import MESSAGE, forget_set_aside, list_set_aside


@click.command()
@click.option("--forget", is_flag=True, help="Let them go: you have looked.")
@with_places
@with_json
def set_aside(places: Places, forget: bool, as_json: bool) -> int:
    """Messages that could not become events, and events that a part of the house could not handle."""
    with open_house(places) as house:
        found = list_set_aside(house.store, house.node_id)
        if forget:
            forget_set_aside(house.store, house.node_id)
    zone = house_zone(load_config(places))
    if as_json:
        print_json({"set_aside": [asdict(one) for one in found]})
    elif not found:
        tell("Nothing was set aside.")
    else:
        print_table(
            (
                house_time(one.at_ms, zone),
                f"message {one.of}" if one.kind == MESSAGE else f"event {one.id}, not taken by {one.of}",
                one_line(one.reason),
            )
            for one in found
        )
    if forget and found and not as_json:
        tell(f"{len(found)} are forgotten.")
    return ExitCode.OK
