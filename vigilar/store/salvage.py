"""What can be read of a damaged database goes into a new one: table by table, row by row.

Nothing is made up: a row is as it was stored, or it is not there. Members and logins are taken from their tables alone;
rows on pages that no tree leads to any more are taken where they can do no harm, as such a page may be an old one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from vigilar.base.database_note import DatabaseNote, TablePlace
from vigilar.store.pages import PageFile, Row, Value

_BATCH = 500

_FROM_LOOSE_PAGES = ("events", "tracks", "deletions", "checkpoints")
"""Tables from which nothing is removed in daily life. Rows of recordings come back from their files instead."""

_MASTER = TablePlace(1, ("type", "name", "tbl_name", "rootpage", "sql"))
SEQUENCES = "sqlite_sequence"
SPARE_IDS = 1_000_000
"""Ids and change numbers that may have been given beyond the newest one that can still be read are not given again:
browsers, and processes that go on, know rows by them."""


@dataclass(slots=True)
class Salvaged:
    """``rows``: how many each table has now. ``torn``: tables of which pages could not be read. ``last_ids``: the
    highest id that each table has ever given, where it is known."""

    revision: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    torn: set[str] = field(default_factory=set)
    last_ids: dict[str, int] = field(default_factory=dict)


class Source:
    """A damaged database, open for reading. Raises OSError when its file cannot be opened."""

    def __init__(self, path: Path, note: DatabaseNote | None) -> None:
        self.pages = PageFile(path)
        self.torn: set[str] = set()
        """Tables that were read with pages missing, or of which it is not known where they begin."""
        self._seen: set[int] = set()
        self.tables = self._tables() or dict(note.tables if note else {})
        self.revision = next((str(one.get("version_num", "")) for one in self.rows("alembic_version")), "")
        if not self.revision and note is not None:
            self.revision = note.revision

    def close(self) -> None:
        self.pages.close()

    def rows(self, table: str) -> Iterator[dict[str, Value]]:
        """What can be read of a table; nothing when it is not known where it begins."""
        place, before = self.tables.get(table), len(self.pages.bad_pages)
        if place is None:
            self.torn.add(table)
            return
        for row in self.pages.rows(place.root, self._seen):
            yield _named(row, place)
        if len(self.pages.bad_pages) > before:
            self.torn.add(table)

    def loose_rows(self) -> Iterator[tuple[str, dict[str, Value]]]:
        """Rows on pages that no table leads to, as each table whose they may be."""
        passed = self._seen | self.pages.free_pages()
        candidates = {name: place for name, place in self.tables.items() if name in _FROM_LOOSE_PAGES}
        for number in range(1, self.pages.page_count + 1):
            if number in passed:
                continue
            for row in self.pages.leaf_rows(number):
                for name, place in candidates.items():
                    if len(row.values) == len(place.columns):
                        yield name, _named(row, place)

    def _tables(self) -> dict[str, TablePlace]:
        """As the first page says."""
        found = {}
        with closing(sqlite3.connect(":memory:")) as scratch:
            for row in self.pages.rows(_MASTER.root, self._seen):
                one = _named(row, _MASTER)
                name, root, sql = one.get("name"), one.get("rootpage"), one.get("sql")
                if one.get("type") == "table" and isinstance(root, int) and isinstance(sql, str):
                    with suppress(sqlite3.Error):
                        found[str(name)] = _place(scratch, str(name), root, sql)
        return found


def read_tables(connection: sqlite3.Connection) -> dict[str, TablePlace]:
    """Where the tables of a sound database begin, for the note. Raises sqlite3.Error."""
    rows = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: TablePlace(root, *_columns(connection, name)) for name, root in rows}


def salvage(source: Source, target: sqlite3.Connection) -> Salvaged:
    """Copy all rows that can be read into ``target``, which has the same tables, empty, foreign keys off, inside one
    transaction of the caller. Raises sqlite3.Error when ``target`` cannot be written."""
    done = Salvaged(revision=source.revision)
    for row in source.rows(SEQUENCES):
        if isinstance(row.get("seq"), int):
            done.last_ids[str(row.get("name"))] = int(row["seq"] or 0)
    for table in read_tables(target):
        if table not in (SEQUENCES, "alembic_version"):
            _insert_all(target, table, source.rows(table))
    done.torn |= source.torn
    if not source.torn.isdisjoint(_FROM_LOOSE_PAGES):
        for table, row in source.loose_rows():
            _insert_all(target, table, [row])
    for table in read_tables(target):
        done.rows[table] = int(target.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
    _keep_ids(target, done)
    return done


def _insert_all(target: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Value]]) -> None:
    columns, _ = _columns(target, table)
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        # Rows that were stored before a column was added are shorter: they get its default.
        for names in {tuple(name for name in columns if name in row) for row in batch} - {()}:
            alike = [row for row in batch if tuple(name for name in columns if name in row) == names]
            _insert(target, table, names, [[row[name] for name in names] for row in alike])


def _insert(target: sqlite3.Connection, table: str, names: tuple[str, ...], values: list[list[Value]]) -> None:
    marks = ", ".join("?" * len(names))
    sql = f'INSERT OR IGNORE INTO "{table}" ({", ".join(names)}) VALUES ({marks})'
    target.execute("SAVEPOINT batch")
    try:
        target.executemany(sql, values)
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError):
        target.execute("ROLLBACK TO batch")
        for one in values:
            with suppress(sqlite3.IntegrityError, sqlite3.DataError, OverflowError):
                target.execute(sql, one)
    target.execute("RELEASE batch")


def _keep_ids(target: sqlite3.Connection, done: Salvaged) -> None:
    """No id is given twice, and no change number."""
    for table, last in done.last_ids.items():
        if table in done.rows:
            _raise_sequence(target, table, last)
    for table in done.torn:
        if SEQUENCES in done.torn or table not in done.last_ids:
            with suppress(sqlite3.OperationalError):  # a table without an id of its own
                newest = target.execute(f'SELECT max(id) FROM "{table}"').fetchone()[0] or 0
                _raise_sequence(target, table, newest + SPARE_IDS)
    highest = max(
        target.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0]
        for table, column in (("counters", "value"), ("events", "change"), ("consumers", "change"))
    )
    spare = SPARE_IDS if done.torn & {"counters", "events"} else 0
    target.execute(
        "INSERT INTO counters (name, value) VALUES ('event_change', ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (highest + spare,),
    )


def _raise_sequence(target: sqlite3.Connection, table: str, least: int) -> None:
    changed = target.execute(f"UPDATE {SEQUENCES} SET seq = max(seq, ?) WHERE name = ?", (least, table))
    if changed.rowcount == 0:
        target.execute(f"INSERT INTO {SEQUENCES} (name, seq) VALUES (?, ?)", (table, least))


def _named(row: Row, place: TablePlace) -> dict[str, Value]:
    named = dict(zip(place.columns, row.values, strict=False))
    if place.rowid_column in named:
        named[place.rowid_column] = row.rowid
    return named


def _place(scratch: sqlite3.Connection, name: str, root: int, sql: str) -> TablePlace:
    if name == SEQUENCES:
        return TablePlace(root, ("name", "seq"))
    scratch.execute(sql)
    return TablePlace(root, *_columns(scratch, name))


def _columns(connection: sqlite3.Connection, table: str) -> tuple[tuple[str, ...], str]:
    """The columns in their order, and which is the row id. Source: sqlite.org/lang_createtable.html, rowid."""
    rows = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    keys = [row for row in rows if row[5]]
    is_alias = len(keys) == 1 and keys[0][2].upper() == "INTEGER"
    return tuple(row[1] for row in rows), keys[0][1] if is_alias else ""
