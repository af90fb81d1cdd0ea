"""Incidents of a database that was damaged: made anew from their events, which say to which one they belong.

Runs on a database that nobody uses yet (``rescue``). What was lost are at most the links from incidents that had lost
their last event to where it went.
"""

from __future__ import annotations

import sqlite3

from vigilar.base import story
from vigilar.store.incidents import HAPPENED, happening_of_row, values_of
from vigilar.store.schema import events

_COLUMNS = ", ".join(column.name for column in (*HAPPENED, events.c.change, events.c.created_ms))


def mend_incidents(connection: sqlite3.Connection) -> int:
    """Make every incident what its events say, in a transaction of its own; how many had to be mended. Raises
    sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    alone = connection.execute("SELECT id FROM events WHERE incident_id IS NULL ORDER BY id").fetchall()
    for (event_id,) in alone:
        made = _store(connection, None, f"id = {event_id}")
        connection.execute("UPDATE events SET incident_id = ? WHERE id = ?", (made, event_id))
    lost = connection.execute(
        "SELECT DISTINCT incident_id FROM events WHERE incident_id NOT IN (SELECT id FROM incidents)"
    ).fetchall()
    torn = connection.execute(
        "SELECT id FROM incidents WHERE event_count <> (SELECT count(*) FROM events WHERE incident_id = incidents.id)"
    ).fetchall()
    for (incident_id,) in [*lost, *torn]:
        connection.execute("DELETE FROM incidents WHERE id = ?", (incident_id,))
        _store(connection, incident_id, f"incident_id = {incident_id}")
    connection.execute("COMMIT")
    return len(alone) + len(lost) + len(torn)


def _store(connection: sqlite3.Connection, incident_id: int | None, which: str) -> int | None:
    """The row of an incident with the events of the condition ``which``, which holds whole numbers alone; its id. There
    is none without events."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM events WHERE {which} ORDER BY ts_ms, id").fetchall()
    if not rows:
        return None
    values = values_of(story.count_all(happening_of_row(row[:-2]) for row in rows)) | {
        "id": incident_id,
        "change": max(row[-2] for row in rows),
        "updated_ms": max(row[-1] for row in rows),
    }
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    return connection.execute(f"INSERT INTO incidents ({names}) VALUES ({marks})", values).lastrowid
