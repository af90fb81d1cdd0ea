"""``vigilar pets``: who they are, and where each was seen last."""

from __future__ import annotations

import click

from vigilar.base.errors import ExitCode
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.cli.user import open_store
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.store import pets as rows
from vigilar.web.pet_words import STATE_WORDS, STATES, dump_not_seen

_COMMANDS = {"list": ("vigilar.cli.pets:list_command", "All pets, and where each was seen last.")}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def pets() -> None:
    """Cats and dogs of the house."""


@click.command("list")
@with_places
@with_json
def list_command(places: Places, as_json: bool) -> int:
    """All pets, and where each was seen last."""
    config = load_config(places)
    cameras = {camera.id: camera for camera in config.cameras}
    with open_store(places) as store:
        found = [(pet, rows.newest_sighting(store, pet.id)) for pet in rows.list_pets(store)]
    told = []
    for pet, seen in found:
        camera = cameras.get(seen.camera_id) if seen is not None else None
        state = STATES.get((camera.place or "") if camera is not None else "", "unknown")
        told.append(
            {
                "id": pet.id,
                "name": pet.name,
                "kind": pet.kind,
                "indoor_only": pet.indoor_only,
                "not_seen_for": dump_not_seen(pet.not_seen_ms),
                "state": state,
                "last_seen": seen and {"ts": seen.ts_ms, "camera": seen.camera_id, "event": seen.event_id},
            }
        )
    if as_json:
        print_json({"pets": told})
    elif told:
        zone = house_zone(config)
        print_table(
            (
                str(pet.id),
                pet.name,
                pet.kind,
                house_time(seen.ts_ms, zone) if seen else "not seen yet",
                (cameras[seen.camera_id].name if seen.camera_id in cameras else seen.camera_id) if seen else "",
                STATE_WORDS[str(one["state"])].lower(),
            )
            for (pet, seen), one in zip(found, told, strict=True)
        )
    else:
        tell("No pet has a name yet: say who it is on the page of any cat or dog event.")
    return ExitCode.OK
