"""The steps of the schema lead to the tables the program uses, and every column says its unit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.postgres import PostgresServer
from tests.ready_store import database_url, lay_database, open_ready_store
from vigilar.store.connect import make_engine
from vigilar.store.engine import Store
from vigilar.store.migrate import alembic_config, upgrade
from vigilar.store.revisions import REVISIONS
from vigilar.store.schema import metadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


def test_known_revisions_are_all_steps() -> None:
    steps = ScriptDirectory.from_config(alembic_config())
    assert tuple(step.revision for step in reversed(list(steps.walk_revisions()))) == REVISIONS


def test_steps_lead_to_program_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_steps_make_same_sql_as_tables(tmp_path: Path) -> None:
    """Alembic does not compare checks, STRICT and partial indexes: SQLite's own text does."""
    lay_database(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "vigilar.db").touch()
    engine = make_engine(make_url(database_url(other)))
    metadata.create_all(engine)
    engine.dispose()
    assert _schema_sql(tmp_path) == _schema_sql(other)


def _schema_sql(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: re.sub(r'TABLE "(\w+)"', r"TABLE \1", re.sub(r"\s+", " ", sql))
        for name, sql in rows
        if name not in ("alembic_version", "sqlite_sequence")
    }


@pytest.mark.postgresql
def test_steps_lead_to_program_tables_on_postgresql(postgres: PostgresServer) -> None:
    engine = make_engine(make_url(postgres.bare_database()))
    upgrade(engine.url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    # Its half of the partial indexes is in the steps alone; see the schema.
    assert found == []


def test_every_column_is_explained() -> None:
    silent = [str(column) for table in metadata.tables.values() for column in table.columns if not column.comment]
    assert silent == []


def test_tables_are_valid_postgresql() -> None:
    for table in metadata.tables.values():
        sql = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        assert (
            "BIGSERIAL" in sql
            or "id" not in table.primary_key.columns
            or table.name in ("cameras", "sensors", "arm_state")
        )
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("events", "(9,'u',9,'motion','LOUD','a',1,NULL,NULL,'{}','',1,9,0,'',NULL,'[]',NULL)"),
        ("events", "(9,'u',9,'motion','INFO','a',5,4,NULL,'{}','',1,9,0,'',NULL,'[]',NULL)"),
        ("events", "(9,'u',9,'motion','INFO','a',-1,NULL,NULL,'{}','',1,9,0,'',NULL,'[]',NULL)"),
        ("events", "(9,'u',9,'motion','INFO','a','soon',NULL,NULL,'{}','',1,9,0,'',NULL,'[]',NULL)"),
        ("users", "(9,'a','a','hash','king',1,0)"),
        ("sessions", "(x'00',1,1,1,1,'','','',0,0)"),
        ("cameras", "('a',x'00','A',1,NULL,1,1,NULL,NULL,'',1,NULL)"),
    ],
)
def test_schema_refuses_wrong_row(tmp_path: Path, table: str, values: str) -> None:
    lay_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "vigilar.db")) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"INSERT INTO {table} VALUES {values}")  # noqa: S608 -- literals of this file
