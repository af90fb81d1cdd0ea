"""Bringing a database to the newest schema. The only module that imports Alembic; used by one short-lived process.

Invariant: the database is at one of ``revisions.REVISIONS``, never between two. All steps run in one transaction that
holds the write lock; a crash in the middle leaves the old schema, and the next start does it again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store.connect import WRITES, find_revision, make_engine
from vigilar.store.engine_errors import store_errors
from vigilar.store.errors import NEXT_STEPS
from vigilar.store.revisions import refuse_newer

UPGRADES = Path(__file__).parent / "upgrades"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without a file: where the steps are, and the connection to run them on."""
    config = Config()
    config.set_main_option("script_location", str(UPGRADES).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(url: URL, target: str = "head") -> None:
    """Run the steps that are missing, up to ``target``, and prove that the result is sound. Raises StoreError."""
    # Foreign keys are off: rebuilding a table on SQLite drops the old one, which would cascade.
    engine = make_engine(url, foreign_keys=False, pool_size=1)
    try:
        with store_errors("bring the database up to date"), engine.connect() as connection:
            connection.execution_options(**{WRITES: True})
            with connection.begin():
                refuse_newer(find_revision(connection))
                command.upgrade(alembic_config(connection), target)
                if engine.dialect.name == "sqlite":
                    _check_sqlite(connection)
    except CommandError as error:
        raise StoreError("the steps of the database are not complete", kind=ErrorKind.BUG) from error
    finally:
        engine.dispose()


def _check_sqlite(connection: Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found == "ok":
        orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if orphan is None:
            return
        found = f"a row of {orphan[0]} points nowhere"
    raise StoreError(
        f"the database is damaged: {found}",
        kind=ErrorKind.CORRUPT,
        next_step=NEXT_STEPS[ErrorKind.CORRUPT],
        code="V-DB-CORRUPT",
    )
