"""``vigilar wildlife``: which animals came by, straight from the database, with or without a running service."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import closing

import click

from vigilar.base.clock import SystemClock
from vigilar.base.errors import ConfigError, ExitCode
from vigilar.cli.events import open_store
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.config.cut import wildlife_rules
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.store import wildlife as rows
from vigilar.store.cameras import list_cameras
from vigilar.store.events import EventFilter
from vigilar.wildlife.journal import Journal, make_journal, span_of_nights, usual_hours
from vigilar.wildlife.species import KnownSpecies
from vigilar.wildlife.watched import HOUR_MS, read_watched

_COMMANDS = {"report": ("vigilar.cli.wildlife:report", "Visits by species, with the hours that were watched.")}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def wildlife() -> None:
    """Which animals came by, and when."""


@click.command()
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="Of so many nights.")
@click.option("--camera", help="Only of this camera, by its id.")
@click.option("--csv", "as_csv", is_flag=True, help="Visits by species and hour as CSV.")
@with_places
@with_json
def report(places: Places, days: int, camera: str | None, as_csv: bool, as_json: bool) -> int:
    """Visits by species, corrected for the hours in which a camera watched."""
    if as_csv and as_json:
        raise click.UsageError("Choose one of --csv and --json.")
    config = load_config(places)
    zone, now_ms = house_zone(config), SystemClock().utc_ns() // 1_000_000
    with closing(open_store(config, places)) as store:
        cameras = [one.id for one in list_cameras(store, with_removed=True)]
        if camera is not None and camera not in cameras:
            raise ConfigError(
                f"there is no camera {camera!r}",
                next_step="`vigilar camera list` names them.",
                exit_code=ExitCode.NOT_FOUND,
            )
        span = span_of_nights(days, now_ms, zone)
        chosen = [camera] if camera is not None else cameras
        journal = make_journal(
            rows.list_sightings(store, EventFilter(camera=camera), span.from_ms, span.to_ms),
            KnownSpecies.of_house(rows.list_own(store)),
            read_watched(store, chosen, span.from_ms, now_ms, wildlife_rules(config)),
            span,
            zone,
        )
    if as_json:
        print_json(_json(journal, days, camera))
    elif as_csv:
        csv.writer(sys.stdout).writerows(_lines(journal))
    elif not journal.rows:
        tell(f"None in {days} days; {journal.watched_h:.0f} h watched.")
    else:
        print_table(
            (
                row.species.name,
                row.species.tier or "",
                f"{row.visits} {'visit' if row.visits == 1 else 'visits'}",
                "" if (rate := journal.per_night(row.visits)) is None else f"{rate:.2g} a night watched",
                f"last {house_time(row.last_ms, zone)}",
                ""
                if (usual := usual_hours(row, journal)) is None
                else f"mostly {usual[0]:02d}:00 to {usual[1]:02d}:00",
            )
            for row in journal.rows
        )
        tell(f"{days} nights, {journal.watched_h:.0f} h watched. House time.")
    return ExitCode.OK


def _json(journal: Journal, days: int, camera: str | None) -> dict[str, object]:
    return {
        "days": days,
        "camera": camera,
        "watched_h": round(journal.watched_h, 2),
        "hours_watched": [round(ms / HOUR_MS, 2) for ms in journal.watched_ms],
        "species": [
            {
                "species": row.species.key,
                "name": row.species.name,
                "tier": row.species.tier or None,
                "visits": row.visits,
                "hours": row.hours,
                "last_ts": row.last_ms,
            }
            for row in journal.rows
        ],
    }


def _lines(journal: Journal) -> Iterator[tuple[object, ...]]:
    yield "species", "name", "tier", "hour", "visits", "hours_watched"
    for row in journal.rows:
        for hour, count in enumerate(row.hours):
            watched_h = round(journal.watched_ms[hour] / HOUR_MS, 2)
            yield row.species.key, row.species.name, row.species.tier, hour, count, watched_h
