"""``vigilar upgrade``: the copies of the database that were made before its form changed, and going back to one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import click

from vigilar.base.amounts import size_text
from vigilar.base.database_note import DatabaseNote, find_note, save_note
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.lock import FileLock
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.config.cut import own_database_url
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.store import sqlite
from vigilar.store.connect import file_of, parse_url
from vigilar.store.errors import sqlite_errors
from vigilar.store.going_back import put_back
from vigilar.store.revisions import REVISIONS
from vigilar.store.salvage import read_tables
from vigilar.store.upgrade_copy import UpgradeCopy, find_revision, list_copies

_COMMANDS = {
    "show": ("vigilar.cli.upgrade:show", "Which copies there are of the database before it was upgraded."),
    "undo": ("vigilar.cli.upgrade:undo", "Put the database of before back, for an older Vigilar."),
}

_DOING = "go back to the database of before"


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def upgrade() -> None:
    """What an upgrade did to the database, and the way back."""


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """Which copies there are of the database before it was upgraded, oldest first."""
    database = _database(places)
    with disk_errors("look at the copies of the database", database.parent):
        copies, now = list_copies(database), find_revision(database)
    if as_json:
        print_json({"revision": now, "newest": REVISIONS[-1], "copies": [asdict(copy) for copy in copies]})
        return ExitCode.OK
    print(f"The database is at step {now or 'none'} of {REVISIONS[-1]}.")
    zone = house_zone(load_config(places))
    print_table(
        (house_time(one.made_ms, zone), f"step {one.found}", size_text(one.size_bytes), one.name) for one in copies
    )
    return ExitCode.OK


@click.command()
@click.option("--to", "newest", metavar="STEP", help="The newest step that the older Vigilar knows, such as 0006.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_places
def undo(places: Places, newest: str | None, yes: bool) -> int:
    """Put the newest copy of the database back, for an older Vigilar. Stop Vigilar first.

    What happened since the upgrade is not in it; recordings of that time are taken in again from their files by the
    next start. The newer database is not deleted, it is put aside. One that the older Vigilar knows is left as it is.
    """
    database = _database(places)
    with _stopped(places), disk_errors(_DOING, database.parent):
        found = find_revision(database)
        if newest is not None and (found is None or found <= newest):
            tell("The database is one that the older Vigilar knows; nothing was changed.")
            return ExitCode.OK
        fitting = [one for one in list_copies(database) if newest is None or one.found <= newest]
        if not fitting:
            raise VigilarError(
                "there is no copy of the database of before",
                next_step="Start the newer Vigilar again, or restore a backup made with the older one.",
                exit_code=ExitCode.NOT_FOUND,
            )
        copy = fitting[-1]
        _confirm(copy, places, yes=yes)
        put_back(database, copy)
        _note(places, database, copy)
    tell(f"The database is at step {copy.found} again, as it was before the upgrade.")
    return ExitCode.OK


def _database(places: Places) -> Path:
    url = own_database_url(load_config(places), places)
    if not url.startswith("sqlite:"):
        raise VigilarError(
            "the database is on a server, and Vigilar makes no copy of it",
            next_step="Copies of it are made by its own tools, such as pg_dump.",
            exit_code=ExitCode.NOT_FOUND,
        )
    return file_of(parse_url(url))


@contextmanager
def _stopped(places: Places) -> Iterator[None]:
    """Hold the lock of the supervisor, so that none starts meanwhile. Raises VigilarError (BUSY) when one runs."""
    with disk_errors(_DOING, places.data_dir):
        lock = FileLock(places.lock_file)
        is_ours = lock.acquire()
    if not is_ours:
        raise VigilarError(
            f"Vigilar runs on {places.data_dir}",
            next_step="Stop it first: sudo systemctl stop vigilar",
            kind=ErrorKind.TRANSIENT,
            exit_code=ExitCode.BUSY,
        )
    with lock:
        yield


def _confirm(copy: UpgradeCopy, places: Places, *, yes: bool) -> None:
    if yes:
        return
    when = house_time(copy.made_ms, house_zone(load_config(places)))
    if not sys.stdin.isatty():
        raise VigilarError(
            f"this puts the database of {when} in the place of today's",
            next_step="Say --yes if that is what you want.",
            exit_code=ExitCode.REFUSED,
        )
    click.confirm(f"Put the database of {when} in the place of today's?", abort=True)


def _note(places: Places, database: Path, copy: UpgradeCopy) -> None:
    """What the folder remembers of its database is that of the one put back."""
    with sqlite_errors(_DOING, database), closing(sqlite.connect(database)) as raw:
        tables = read_tables(raw)
    note = find_note(places.data_dir) or DatabaseNote()
    save_note(places.data_dir, replace(note, revision=copy.found, tables=tables))
