"""``vigilar events``: list and watch, straight from the database, with or without a running service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

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
from vigilar.store.events import EventFilter, StoredEvent, list_events

LOOK_EVERY_S = 1.0
PAGE = 500
"""Events read at a time; the store gives no more at once."""

_COMMANDS = {
    "list": ("vigilar.cli.events:list_command", "What happened, newest last."),
    "watch": ("vigilar.cli.events:watch", "Print events as they happen, until Ctrl-C."),
    "set-aside": ("vigilar.cli.set_aside:set_aside", "What could not be handled, and why."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def events() -> None:
    """List what happened, or watch it happen."""


@click.command("list")
@click.option("--since", help='Only after: "yesterday 18:00", "-2h", "14:30", ISO.')
@click.option("--until", help="Only before.")
@click.option("--camera", help="Only of this camera, by its id.")
@click.option("--type", "type_", type=click.Choice(list(EVENT_TYPES)), help="Only of this type.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@with_places
@with_json
def list_command(
    places: Places,
    since: str | None,
    until: str | None,
    camera: str | None,
    type_: str | None,
    limit: int,
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
    store = _open_store(config, places)
    try:
        found = list(_newest(store, wanted, limit))[::-1]
    finally:
        store.close()
    if as_json:
        print_json({"events": [event_json(event) for event in found]})
    elif found:
        print_table(_row(event, zone) for event in found)
    else:
        tell("No events.")
    return ExitCode.OK


@click.command()
@click.option("--camera", help="Only of this camera, by its id.")
@click.option("--type", "type_", type=click.Choice(list(EVENT_TYPES)), help="Only of this type.")
@with_places
@with_json
def watch(places: Places, camera: str | None, type_: str | None, as_json: bool) -> int:
    """Print events as they happen, until Ctrl-C. With --json one object a line, also for changes of an event."""
    config = load_config(places)
    zone, wanted = house_zone(config), EventFilter(camera=camera, type=type_)
    store = _open_store(config, places)
    try:
        for change in changes(store, Stop()):
            if not _matches(change.event, wanted) or not (change.is_new or as_json):
                continue
            if as_json:
                print_json({"event": event_json(change.event), "is_update": not change.is_new}, is_line=True)
            else:
                print("  ".join(map(one_line, _row(change.event, zone))), flush=True)
    finally:
        store.close()
    return ExitCode.OK


def _open_store(config: Config, places: Places) -> Store:
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
    }


def _newest(store: Store, wanted: EventFilter, limit: int) -> Iterator[StoredEvent]:
    cursor: str | None = None
    while limit > 0:
        page = EventFilter(
            camera=wanted.camera,
            type=wanted.type,
            from_ms=wanted.from_ms,
            to_ms=wanted.to_ms,
            cursor=cursor,
            limit=min(limit, PAGE),
        )
        found, cursor = list_events(store, page)
        yield from found
        limit -= len(found)
        if cursor is None:
            return


def _matches(event: StoredEvent, wanted: EventFilter) -> bool:
    return wanted.camera in (None, event.source_id) and wanted.type in (None, event.type)


def _row(event: StoredEvent, zone: tzinfo) -> tuple[str, ...]:
    title = str(event.payload.get("title") or event.type)
    lasted = f"{(event.end_ms - event.ts_ms) / 1000:.0f} s" if event.end_ms is not None else ""
    return (house_time(event.ts_ms, zone), event.severity, title, lasted)
