"""The small door refuses, maps errors and takes turns as the engine does, without loading it."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ready_store import database_url, lay_database
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store import files, inbound, outbox, sqlite
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.reach import CAMERA_REACH
from vigilar.store.schema import metadata
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import SqliteStore, open_database

NODE = "box"
NOW = 1_770_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(lay_database(tmp_path))) as store:
        yield store


def test_sqlite_gets_the_small_door(store: Database) -> None:
    assert isinstance(store, SqliteStore)


def test_other_address_gets_the_engine(tmp_path: Path) -> None:
    url = lay_database(tmp_path).replace("sqlite:", "sqlite+pysqlite:")
    with closing(open_database(url)) as store:
        assert isinstance(store, Store)


def test_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database at") as caught:
        open_database(database_url(tmp_path))
    assert caught.value.exit_code is ExitCode.NOT_RUNNING


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "V-DB-NEWER"),
        ("DELETE FROM alembic_version", "V-DB-OLDER"),
        ("DROP TABLE alembic_version", "V-DB-OLDER"),
    ],
)
def test_schema_that_does_not_fit_is_refused(tmp_path: Path, change: str, code: str) -> None:
    url = lay_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "vigilar.db")) as connection, connection:
        connection.execute(change)
    with pytest.raises(StoreError) as caught:
        open_database(url)
    assert caught.value.code == code


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "vigilar.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreError, match="not a database") as caught:
        open_database(database_url(tmp_path))
    assert caught.value.kind is ErrorKind.CORRUPT


def test_durability_is_the_engines(tmp_path: Path) -> None:
    with closing(open_database(lay_database(tmp_path))) as store, store.sql_read("test") as run:
        found = [
            run(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size")
        ]
    assert found == ["wal", 2, 1, 5000, -512]


def test_failing_block_leaves_nothing(store: Database, tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), store.sql_write("test") as run:
        run("INSERT INTO outbox (node_id, uid, topic, payload, created_ms) VALUES ('box', 'a', 't', '{}', 1)")
        raise RuntimeError
    assert inbound.put(store, NODE, "a", "t", b"{}", NOW)
    with closing(Store.open(database_url(tmp_path))) as other:
        assert outbox.counts(other, NODE) == (1, 0)


def test_busy_database_is_transient_and_passes(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    with (
        closing(open_database(database_url(tmp_path))) as hasty,
        closing(sqlite3.connect(tmp_path / "vigilar.db")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="busy") as caught:
            inbound.put(hasty, NODE, "a", "t", b"{}", NOW)
        assert caught.value.kind is ErrorKind.TRANSIENT
        assert files.list_open_files(hasty, "front") == []  # readers do not wait
        other.execute("ROLLBACK")
        assert inbound.put(hasty, NODE, "a", "t", b"{}", NOW)


@pytest.mark.parametrize("door", [open_database, Store.open])
def test_database_exchanged_while_it_is_opened_takes_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: Callable[[str], Database]
) -> None:
    """What goes into a damaged file that was put aside is lost, and a connection into it would go on for ever."""
    url, aside, connect = lay_database(tmp_path), tmp_path / "aside", sqlite.connect

    def connect_late(at: Path) -> sqlite3.Connection:
        connection = connect(at)
        if not aside.exists():
            connection.execute("SELECT * FROM outbox").fetchall()  # opens its log as well
            aside.mkdir()
            for part in ("vigilar.db", "vigilar.db-wal", "vigilar.db-shm"):
                (tmp_path / part).rename(aside / part)
            lay_database(tmp_path)
        return connection

    monkeypatch.setattr(sqlite, "connect", connect_late)
    with closing(door(url)) as store:
        assert inbound.put(store, NODE, "a", "t", b"{}", NOW)
    with closing(connect(tmp_path / "vigilar.db")) as there:
        assert there.execute("SELECT uid FROM outbox").fetchall() == [("a",)]


def test_broken_rule_is_a_bug(store: Database) -> None:
    with pytest.raises(StoreError) as caught:
        files.add_file(store, files.NewFile(camera_id="nobody", content="video", number=1, path="x", start_ms=1))
    assert caught.value.kind is ErrorKind.BUG


def test_small_door_and_engine_see_each_other(store: Database, tmp_path: Path) -> None:
    with closing(Store.open(database_url(tmp_path))) as engine:
        inbound.put(store, NODE, "a", "vigilar/x", b"{}", NOW)
        assert [row.uid for row in outbox.pending(engine, NODE, ["vigilar/"], now_ms=NOW)] == ["a"]
        assert ensure_camera(engine, "front", "Front", NOW) == ensure_camera(store, "front", "Front", NOW + 1)


def test_small_door_loads_no_engine(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from vigilar.store import cameras, files, inbound, sqlite_store\n"
        "store = sqlite_store.open_database(sys.argv[1])\n"
        "cameras.ensure_camera(store, 'front', 'Front', 1)\n"
        "print('sqlalchemy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, lay_database(tmp_path)], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


class TestReach:
    """A camera's process gets a connection that opens its own tables and no others."""

    @pytest.fixture
    def narrow(self, tmp_path: Path) -> Iterator[Database]:
        with closing(open_database(lay_database(tmp_path), CAMERA_REACH)) as store:
            yield store

    def test_all_that_is_not_named_is_refused(self, narrow: Database) -> None:
        named = CAMERA_REACH.read | CAMERA_REACH.write
        others = set(metadata.tables) - named
        assert {"users", "sessions", "tokens", "passkeys", "arm_pins", "phones", "audit"} <= others
        for table in sorted(others):
            for sql in (f"SELECT count(*) FROM {table}", f"INSERT INTO {table} DEFAULT VALUES"):  # noqa: S608
                with pytest.raises(StoreError) as caught, narrow.sql_write("try") as run:
                    run(sql)
                assert caught.value.kind is ErrorKind.BUG, sql

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM files",
            "UPDATE events SET end_ms = 1",
            "SELECT sql FROM sqlite_master",
            "PRAGMA writable_schema = ON",
            "ATTACH DATABASE ':memory:' AS other",
            "CREATE TEMP VIEW v AS SELECT * FROM users",
            "SELECT (SELECT password_hash FROM users) FROM files",
        ],
    )
    def test_way_round_it_is_refused(self, narrow: Database, sql: str) -> None:
        with pytest.raises(StoreError, match=r"not authorized|prohibited"), narrow.sql_read("try") as run:
            run(sql)

    def test_it_holds_for_a_connection_opened_anew(self, narrow: Database) -> None:
        assert isinstance(narrow, SqliteStore)
        narrow._let_go()
        with pytest.raises(StoreError, match="prohibited"), narrow.sql_read("try") as run:
            run("SELECT password_hash FROM users")
        ensure_camera(narrow, "front", "Front door", NOW, NODE)
        assert ensure_camera(narrow, "front", "Street", NOW, NODE).name == "Street"
