"""Alembic runs this file to run the steps; the connection, inside its transaction, comes from ``store/migrate.py``."""

from __future__ import annotations

from alembic import context

from vigilar.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes tables by making new ones; its schema changes are part of the transaction.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
