"""``vigilar events``: list, show and watch, straight from the database, with or without a running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click

from vigilar.base.amounts import length_text
from vigilar.base.errors import ExitCode
from vigilar.base.stop import Stop
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, print_table, tell
from vigilar.cli.times import house_zone, parse_when
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.events.subjects import EVENT_TYPES
from vigilar.processes.folder_check import require_folder
from vigilar.store.change_reader import PassingPlace
from vigilar.store.consumers import Change
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, count_events, list_events, newest_change
from vigilar.store.incident_reading import (
    Member,
    changed_incidents,
    count_incidents,
    list_incidents,
    members_of,
)
from vigilar.store.incidents import StoredIncident

LOOK_EVERY_S = 1.0
PAGE = 500
"""Events read at a time; the store gives no more at once."""

KNOWN_INCIDENTS = 1000
"""Incidents whose line is remembered while watching: more than grow at a time."""

_Row = TypeVar("_Row", StoredEvent, StoredIncident)

_COMMANDS = {
    "list": ("vigilar.cli.events:list_command", "What happened, newest last."),
    "show": ("vigilar.cli.event_show:show", "One event, or one incident, with all that belongs to it."),
    "watch": ("vigilar.cli.events:watch", "Print events as they happen, until Ctrl-C."),
    "set-aside": ("vigilar.cli.set_aside:set_aside", "What could not be handled, and why."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def events() -> None:
    """List what happened, or watch it happen."""


@click.command("list")
@click.option("--since", help='Only after: "yesterday 18:00", "-2h", "14:30", ISO.')
@click.option("--until", "--before", help="Only before.")
@click.option("--camera", help="Only of this camera, by its id.")
@click.option("--type", "type_", type=click.Choice(list(EVENT_TYPES)), help="Only of this type.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@click.option("--incidents", "as_incidents", is_flag=True, help="Incidents in place of events: one line a visit.")
@with_places
@with_json
def list_command(
    places: Places,
    since: str | None,
    until: str | None,
    camera: str | None,
    type_: str | None,
    limit: int,
    as_incidents: bool,
    as_json: bool,
) -> int:
    """What happened: the newest events that match, newest last."""
    config = load_config(places)
    zone = house_zone(config)
    now = datetime.now(UTC).astimezone(zone)
    wanted = EventFilter(
        camera=camera,
        type=type_,
        from_ms=parse_when(since, now) if since else None,
        to_ms=parse_when(until, now) if until else None,
    )
    with closing(open_store(config, places)) as store:
        if as_incidents:
            _list_incidents(store, wanted, limit, zone, as_json=as_json)
        else:
            _list_events(store, wanted, limit, zone, as_json=as_json)
    return ExitCode.OK


def _list_events(store: Store, wanted: EventFilter, limit: int, zone: tzinfo, *, as_json: bool) -> None:
    found = list(_newest(list_events, store, wanted, limit))[::-1]
    total = count_events(store, wanted)
    if as_json:
        print_json({"events": [event_json(event) for event in found], "total": total})
    elif found:
        print_table(event_row(event, zone) for event in found)
        oldest_ms = found[0].ts_ms
        is_whole = count_events(store, replace(wanted, to_ms=oldest_ms)) == total - len(found)
        _tell_more(len(found), total, oldest_ms if is_whole else oldest_ms + 1, zone)
    else:
        tell("No events.")


def _list_incidents(store: Store, wanted: EventFilter, limit: int, zone: tzinfo, *, as_json: bool) -> None:
    found = list(_newest(list_incidents, store, wanted, limit))[::-1]
    total = count_incidents(store, wanted)
    if as_json:
        members = members_of(store, [incident.id for incident in found], EventFilter())
        shown = [incident_json(incident, members[incident.id]) for incident in found]
        print_json({"incidents": shown, "total": total})
    elif found:
        print_table(incident_row(incident, zone) for incident in found)
        _tell_more(len(found), total, found[0].start_ms, zone)
    else:
        tell("No incidents.")


def _tell_more(shown: int, total: int, before_ms: int, zone: tzinfo) -> None:
    """That there is more than was asked for must not be found out by counting. The time is exact, and says of which
    hour it is in the night of a clock change."""
    if shown < total:
        before = datetime.fromtimestamp(before_ms / 1000, zone).isoformat(timespec="milliseconds")
        tell(f"{shown} of {total} shown; --limit or --before {before} for more.")


@click.command()
@click.option("--camera", help="Only of this camera, by its id.")
@click.option("--type", "type_", type=click.Choice(list(EVENT_TYPES)), help="Only of this type.")
@click.option("--incidents", "as_incidents", is_flag=True, help="Incidents in place of events, as they grow.")
@with_places
@with_json
def watch(places: Places, camera: str | None, type_: str | None, as_incidents: bool, as_json: bool) -> int:
    """Print events as they happen, until Ctrl-C. With --json one object a line, also for changes of an event. Incidents
    are printed when they begin and when their line changes."""
    config = load_config(places)
    zone, wanted = house_zone(config), EventFilter(camera=camera, type=type_)
    with closing(open_store(config, places)) as store:
        if as_incidents:
            _watch_incidents(store, wanted, zone, as_json=as_json)
        else:
            _watch_events(store, wanted, zone, as_json=as_json)
    return ExitCode.OK


def _watch_events(store: Store, wanted: EventFilter, zone: tzinfo, *, as_json: bool) -> None:
    for change in changes(store, Stop()):
        if not _matches(change.event, wanted) or not (change.is_new or as_json):
            continue
        if as_json:
            print_json({"event": event_json(change.event), "is_update": not change.is_new}, is_line=True)
        else:
            print("  ".join(map(one_line, event_row(change.event, zone))), flush=True)


def _watch_incidents(store: Store, wanted: EventFilter, zone: tzinfo, *, as_json: bool) -> None:
    printed: dict[int, tuple[str, str]] = {}
    for incident in incident_changes(store, Stop()):
        if not any(_is_wanted(part.source_id, part.type, wanted) for part in incident.parts):
            continue
        if as_json:
            members = members_of(store, [incident.id], EventFilter())[incident.id]
            print_json({"incident": incident_json(incident, members)}, is_line=True)
        elif incident.into_id is None and printed.get(incident.id) != (incident.title, incident.severity):
            print("  ".join(map(one_line, incident_row(incident, zone))), flush=True)
            printed[incident.id] = (incident.title, incident.severity)
            if len(printed) > KNOWN_INCIDENTS:
                del printed[min(printed)]


def open_store(config: Config, places: Places) -> Store:
    """The database. Raises StoreError (NOT_RUNNING) when Vigilar was never started, VigilarError (V-DRIVE) when it lies
    on the house's drive and that is not there."""
    if not config.storage.database_url:
        require_folder(places)
    return Store.open(database_url(config, places))


def changes(store: Store, stop: Stop) -> Iterator[Change]:
    """Every insert and change from now on until ``stop``."""
    place = PassingPlace(store)
    while not stop.wait(LOOK_EVERY_S):
        while batch := place.next_batch(PAGE):
            for change in batch:
                yield change
                place.take(change)


def incident_changes(store: Store, stop: Stop) -> Iterator[StoredIncident]:
    """Every incident that changes from now on, as it is by then, until ``stop``."""
    told = newest_change(store)
    while not stop.wait(LOOK_EVERY_S):
        newest = newest_change(store)
        while changed := changed_incidents(store, told, newest, PAGE):
            # One change may have changed two incidents: a full page may end between them.
            last = changed[-1].change if len(changed) == PAGE else newest + 1
            yield from (one for one in changed if one.change < last)
            told = last - 1


def event_json(event: StoredEvent) -> dict[str, Any]:
    """The event as programs see it; times are UTC milliseconds. The keys are those of ``/api/v1/events``."""
    return {
        "id": str(event.id),
        "change": event.change,
        "type": event.type,
        "severity": event.severity,
        "source_id": event.source_id,
        "ts": event.ts_ms,
        "end_ts": event.end_ms,
        "payload": event.payload,
        "kept": event.kept,
        "kind": event.kind,
        "zones": list(event.zones),
        "incident_id": event.incident_id,
    }


def incident_json(incident: StoredIncident, members: Sequence[Member]) -> dict[str, Any]:
    """The incident as programs see it; times are UTC milliseconds. The keys are those of ``/api/v1/incidents``."""
    return {
        "id": incident.id,
        "ts": incident.start_ms,
        "end_ts": incident.end_ms,
        "title": incident.title,
        "severity": incident.severity,
        "cameras": list(incident.cameras),
        "kinds": list(incident.kinds),
        "events": [one.event_id for one in members],
        "change": incident.change,
        "is_gone": incident.into_id is not None,
        "into": incident.into_id,
    }


def _newest(
    read: Callable[[Store, EventFilter], tuple[list[_Row], str | None]], store: Store, wanted: EventFilter, limit: int
) -> Iterator[_Row]:
    cursor: str | None = None
    while limit > 0:
        found, cursor = read(store, replace(wanted, cursor=cursor, limit=min(limit, PAGE)))
        yield from found
        limit -= len(found)
        if cursor is None:
            return


def _matches(event: StoredEvent, wanted: EventFilter) -> bool:
    return _is_wanted(event.source_id, event.type, wanted)


def _is_wanted(source_id: str, type_: str, wanted: EventFilter) -> bool:
    return wanted.camera in (None, source_id) and wanted.type in (None, type_)


def event_row(event: StoredEvent, zone: tzinfo) -> tuple[str, ...]:
    """Time, severity, title, length."""
    title = str(event.payload.get("title") or event.type)
    lasted = f"{(event.end_ms - event.ts_ms) / 1000:.0f} s" if event.end_ms is not None else ""
    return (house_time(event.ts_ms, zone), event.severity, title, lasted)


def incident_row(incident: StoredIncident, zone: tzinfo) -> tuple[str, ...]:
    """Begin, severity, title, and how long it is so far."""
    lasted = incident.end_ms - incident.start_ms
    return (
        house_time(incident.start_ms, zone),
        incident.severity,
        incident.title,
        length_text(lasted) if lasted else "",
    )
