"""Which box owns which rows. A box (node) is a data folder: its id is made at the folder's first start.

Several boxes may share a database. Each touches only its own cameras, files, waiting messages and consumers; events
have no owner, they belong to the house. Pages list what all boxes have.
"""

from __future__ import annotations

from vigilar.store.sql import Database

OWNED_TABLES = ("cameras", "files", "outbox")


def claim_rows(store: Database, node_id: str) -> int:
    """Make rows that belong to no box those of ``node_id``; how many there were.

    They are from before boxes had ids, so they are those of the box that has used this database alone: it must be
    started on the new version before a second box joins. Called at each start; costs 10 ms for 100,000 files.
    """
    with store.sql_read("look for rows of no box") as run:
        tables = [table for table in OWNED_TABLES if run(f"SELECT 1 FROM {table} WHERE node_id = '' LIMIT 1")]
    if not tables:
        return 0
    with store.sql_write("claim rows of no box") as run:
        return sum(
            len(run(f"UPDATE {table} SET node_id = :node_id WHERE node_id = '' RETURNING 1", node_id=node_id))
            for table in tables
        )
