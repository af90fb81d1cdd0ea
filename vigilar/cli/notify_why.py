"""``vigilar notify why``: why an event was told to whom, or not, straight from the database."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, tell
from vigilar.cli.times import house_zone
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.notify_cut import notify_rules
from vigilar.config.places import Places
from vigilar.processes.folder_check import require_folder
from vigilar.rules.decision import TOLD, Step
from vigilar.rules.why import Why, read_why
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent, get_event

MARKS = {True: "yes", False: "no "}


@click.command()
@click.argument("event_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@with_places
@with_json
def why(places: Places, event_id: int, as_json: bool) -> int:
    """Why the event ID was told to whom, or not. Its number is in its address, and in vigilar events list --json."""
    config = load_config(places)
    if not config.storage.database_url:
        require_folder(places)
    store = Store.open(database_url(config, places))
    try:
        event = get_event(store, event_id)
        if event is None:
            raise VigilarError(
                f"There is no event {event_id}.",
                next_step="The newest: vigilar events list --json",
                exit_code=ExitCode.NOT_FOUND,
            )
        found = read_why(store, notify_rules(config), event, time.time_ns() // 1_000_000)
    finally:
        store.close()
    if as_json:
        print_json(_as_json(event, found))
        return ExitCode.OK
    title = str(event.payload.get("title") or event.type)
    print(f"{house_time(event.ts_ms, house_zone(config))}  {one_line(title)}")
    _print_steps("", found.steps)
    for person, steps in found.members:
        _print_steps(person.name, steps)
    for push in found.pushes:
        print(f"  {one_line(push.sentence)}")
    if not found.members:
        tell("There is no member yet: vigilar user add")
    return ExitCode.OK


def _print_steps(name: str, steps: tuple[Step, ...]) -> None:
    if name:
        print(f"{one_line(name)}:")
    for step in steps:
        print(f"  {MARKS[step.passed]}  {one_line(step.sentence)}")


def _as_json(event: StoredEvent, found: Why) -> dict[str, Any]:
    """The keys are those of ``/api/v1/events/<id>/why``, with the traces of all members."""
    return {
        "id": event.id,
        "decided": found.is_stored,
        "steps": [asdict(one) for one in found.steps],
        "members": [
            {
                "id": person.id,
                "member": person.name,
                "told": steps[-1].step == TOLD,
                "sentence": steps[-1].sentence,
                "steps": [asdict(one) for one in steps],
            }
            for person, steps in found.members
        ],
        "pushes": [
            {
                "member": one.member,
                "device": one.device,
                "state": one.state,
                "sent_ts": one.sent_ms,
                "shown_ts": one.shown_ms,
                "sentence": one.sentence,
            }
            for one in found.pushes
        ],
    }
