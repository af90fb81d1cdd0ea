"""``vigilar events show``: one event, or one incident, with all that belongs to it."""

from __future__ import annotations

from contextlib import closing
from datetime import tzinfo

import click

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.cli.events import event_json, event_row, incident_json, incident_row, open_store
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, print_table
from vigilar.cli.times import house_zone
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, get_event
from vigilar.store.incident_reading import get_incident, members_of
from vigilar.store.incidents import StoredIncident


@click.command()
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--incident", "is_incident", is_flag=True, help="ID is that of an incident.")
@with_places
@with_json
def show(places: Places, number: int, is_incident: bool, as_json: bool) -> int:
    """One event and the incident it belongs to, or with --incident one incident and its events."""
    config = load_config(places)
    zone = house_zone(config)
    with closing(open_store(config, places)) as store:
        event = None if is_incident else _get_event(store, number)
        incident = _find_incident(store, number if event is None else event.incident_id)
        if event is None and incident is None:
            raise _unknown("incident", number)
        members = [] if incident is None else members_of(store, [incident.id], EventFilter())[incident.id]
        belonging = [one for member in members if (one := get_event(store, member.event_id)) is not None]
    if as_json:
        shown = {"event": event_json(event)} if event is not None else {}
        told = incident_json(incident, members) if incident is not None else None
        print_json({**shown, "incident": told, "events": [event_json(one) for one in belonging]})
        return ExitCode.OK
    if event is not None:
        _print_event(event, zone)
    if incident is not None:
        print(f"Incident {incident.id}: " + "  ".join(one_line(text) for text in incident_row(incident, zone) if text))
        print_table((f"  {one.id}", *event_row(one, zone)) for one in belonging)
    return ExitCode.OK


def _print_event(event: StoredEvent, zone: tzinfo) -> None:
    print(f"Event {event.id}: " + "  ".join(one_line(text) for text in event_row(event, zone) if text))
    known = {
        "type": event.type,
        "source": event.source_id,
        "kind": event.kind,
        "where": ", ".join(event.zones),
        "why": str(event.payload.get("reason") or ""),
        "kept": "yes" if event.kept else "",
    }
    print_table((f"  {name}", text) for name, text in known.items() if text)


def _get_event(store: Store, event_id: int) -> StoredEvent:
    event = get_event(store, event_id)
    if event is None:
        raise _unknown("event", event_id)
    return event


def _find_incident(store: Store, incident_id: int | None) -> StoredIncident | None:
    """The incident, or the one that took over its events."""
    found = None if incident_id is None else get_incident(store, incident_id)
    if found is not None and found.into_id is not None:
        return get_incident(store, found.into_id)
    return found


def _unknown(what: str, number: int) -> VigilarError:
    return VigilarError(
        f"there is no {what} {number}",
        kind=ErrorKind.PERMANENT,
        next_step="`vigilar events list --json` shows the ids there are.",
        code="V-EVENT-UNKNOWN",
        exit_code=ExitCode.NOT_FOUND,
    )
