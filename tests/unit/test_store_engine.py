"""Opening, refusing, mapping errors, and two writers that do not lose each other's work."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from tests.postgres import PostgresServer
from tests.ready_store import database_url, lay_database, open_ready_store
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import errors, files, inbound, outbox, sqlite
from vigilar.store.engine import Store

NODE = "box"
NOW = 1_770_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


def test_migrate_makes_private_file(tmp_path: Path) -> None:
    Store.open(database_url(tmp_path), migrate=True).close()
    assert stat.S_IMODE((tmp_path / "vigilar.db").stat().st_mode) == 0o600


def test_migrate_works_below_odd_folder(tmp_path: Path) -> None:
    odd = tmp_path / "100% ?sure#"
    odd.mkdir()
    url = URL.create("sqlite", database=str(odd / "vigilar.db"))
    Store.open(url.render_as_string(), migrate=True).close()
    assert (odd / "vigilar.db").is_file()


def test_migrate_again_changes_nothing(tmp_path: Path) -> None:
    url = lay_database(tmp_path)
    before = (tmp_path / "vigilar.db").read_bytes()
    Store.open(url, migrate=True).close()
    assert (tmp_path / "vigilar.db").read_bytes() == before


def test_pragmas_are_set_on_each_connection(store: Store) -> None:
    with store.engine.connect() as first, store.engine.connect() as second:
        for connection in (first, second):
            assert [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size")
            ] == ["wal", 2, 1, 5000, -512]


def test_absent_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database at"):
        Store.open(database_url(tmp_path))
    assert not (tmp_path / "vigilar.db").exists()


def test_empty_file_is_older_schema(tmp_path: Path) -> None:
    (tmp_path / "vigilar.db").touch()
    with pytest.raises(StoreError, match="older form than this program needs") as caught:
        Store.open(database_url(tmp_path))
    assert "vigilar start" in caught.value.next_step


@pytest.mark.parametrize("migrate", [False, True])
def test_newer_schema_is_refused_and_untouched(tmp_path: Path, migrate: bool) -> None:
    url = lay_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "vigilar.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreError, match="written by a newer Vigilar"):
        Store.open(url, migrate=migrate)


@pytest.mark.parametrize("migrate", [False, True])
def test_foreign_file_is_corrupt(tmp_path: Path, migrate: bool) -> None:
    (tmp_path / "vigilar.db").write_bytes(b"this is a letter, not a database\n" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        Store.open(database_url(tmp_path), migrate=migrate)
    assert caught.value.kind is ErrorKind.CORRUPT


def test_damaged_page_is_found_at_start(tmp_path: Path) -> None:
    url = lay_database(tmp_path)
    with closing(open_ready_store(tmp_path)) as store:
        for number in range(100):
            inbound.put(store, NODE, f"id-{number}", "t", b"x" * 200, NOW)
    data = bytearray((tmp_path / "vigilar.db").read_bytes())
    data[-4096 : -4096 + 512] = b"\xff" * 512
    (tmp_path / "vigilar.db").write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store.open(url, migrate=True)
    assert caught.value.kind is ErrorKind.CORRUPT


def test_bad_address_shows_no_password() -> None:
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql//user:geheim@host")
    assert "geheim" not in str(caught.value) + caught.value.next_step


def test_memory_database_is_refused() -> None:
    with pytest.raises(StoreError, match="must be a file"):
        Store.open("sqlite://")


def test_failing_block_leaves_nothing(store: Store) -> None:
    with contextlib.suppress(RuntimeError), store.sql_write("test") as run:
        run("INSERT INTO outbox (node_id, uid, topic, payload, created_ms) VALUES ('box', 'a', 't', '{}', 1)")
        raise RuntimeError
    assert outbox.counts(store, NODE) == (0, 0)


def test_constraint_is_bug(store: Store) -> None:
    new = files.NewFile(camera_id="nobody", content="video", number=1, path="x", start_ms=1)
    with pytest.raises(StoreError) as caught:
        files.add_file(store, new)
    assert caught.value.kind is ErrorKind.BUG


def test_locked_database_is_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    with (
        closing(open_ready_store(tmp_path)) as store,
        closing(sqlite3.connect(tmp_path / "vigilar.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="cannot store a message: the database is busy") as caught:
            inbound.put(store, NODE, "a", "t", b"{}", NOW)
        assert caught.value.kind is ErrorKind.TRANSIENT
        assert outbox.counts(store, NODE) == (0, 0)  # readers do not wait
        other.execute("ROLLBACK")
        assert inbound.put(store, NODE, "a", "t", b"{}", NOW)


def test_full_disk_is_full_and_passes(store: Store) -> None:
    """SQLite's own limit of pages answers with SQLITE_FULL, as a full disk does."""
    with store.engine.connect() as first, store.engine.connect() as second:
        for connection in (first, second):
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk of the database is full") as caught:
        inbound.put(store, NODE, "big", "t", b"x" * 100_000, NOW)
    assert caught.value.kind is ErrorKind.FULL
    with store.engine.connect() as first, store.engine.connect() as second:
        for connection in (first, second):
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert inbound.put(store, NODE, "big", "t", b"x" * 100_000, NOW)


def test_read_only_file_is_denied(store: Store) -> None:
    with store.engine.connect() as first, store.engine.connect() as second:
        for connection in (first, second):
            connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="read-only") as caught:
        inbound.put(store, NODE, "a", "t", b"{}", NOW)
    assert caught.value.kind is ErrorKind.DENIED


def test_more_readers_than_connections_wait(store: Store) -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(outbox.counts(store, NODE)[0])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 16


def test_committed_row_survives_kill(tmp_path: Path) -> None:
    url = lay_database(tmp_path)
    program = (
        "import os, sys\n"
        "from vigilar.store.engine import Store\n"
        "from vigilar.store import errors, inbound\n"
        "inbound.put(Store.open(sys.argv[1]), 'box', 'a', 't', b'{}', 1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, url], check=False)
    with closing(Store.open(url)) as store:
        assert outbox.counts(store, NODE) == (1, 0)


def test_opening_keeps_alembic_and_orm_out(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from vigilar.store import errors, cameras, engine, events, files, outbox, sessions, users\n"
        "engine.Store.open(sys.argv[1]).close()\n"
        "print([name for name in ('alembic', 'sqlalchemy.orm', 'mako') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, lay_database(tmp_path)], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_transaction_text_is_immediate(store: Store) -> None:
    seen: list[str] = []
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(seen.append)
    with store.write("test") as connection:
        connection.execute(text("SELECT 1"))
    assert seen[0] == "BEGIN IMMEDIATE"
    assert seen[-1] == "COMMIT"


@pytest.mark.parametrize(
    ("told", "fault", "is_read_only", "kind", "code"),
    [
        (sqlite3.SQLITE_CORRUPT, "", False, ErrorKind.CORRUPT, "V-DB-CORRUPT"),
        (sqlite3.SQLITE_CORRUPT, "Input/output error", False, ErrorKind.TRANSIENT, "V-DB-DEVICE"),
        (sqlite3.SQLITE_NOTADB, "", False, ErrorKind.CORRUPT, "V-DB-CORRUPT"),
        (sqlite3.SQLITE_CANTOPEN, "Input/output error", False, ErrorKind.TRANSIENT, "V-DB-DEVICE"),
        (sqlite3.SQLITE_CANTOPEN, "", False, ErrorKind.DENIED, "V-DB-DENIED"),
        (sqlite3.SQLITE_IOERR_READ, "", False, ErrorKind.TRANSIENT, "V-DB-DEVICE"),
        (sqlite3.SQLITE_IOERR_WRITE, "", True, ErrorKind.DENIED, "V-DB-READONLY"),
        (sqlite3.SQLITE_READONLY, "", False, ErrorKind.DENIED, "V-DB-READONLY"),
        (sqlite3.SQLITE_FULL, "Input/output error", False, ErrorKind.FULL, "V-DB-FULL"),
    ],
)
def test_device_is_asked_before_the_database_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    told: int,
    fault: str,
    is_read_only: bool,
    kind: ErrorKind,
    code: str,
) -> None:
    """SQLite answers "malformed" and "unable to open" for a device that is gone (seen with ext4 after a shut-down)."""
    monkeypatch.setattr(errors, "device_fault", lambda _file: fault)
    monkeypatch.setattr(errors, "refuses_writing", lambda _file: is_read_only)
    error = sqlite3.DatabaseError("what SQLite says")
    error.sqlite_errorcode = told
    with pytest.raises(StoreError) as caught, errors.sqlite_errors("read events", tmp_path / "vigilar.db"):
        raise error
    assert (caught.value.kind, caught.value.code) == (kind, code)


def test_connections_into_a_failed_device_are_let_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = store.engine.pool
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    with pytest.raises(StoreError, match="reports an error") as caught, store.read("read events"):
        raise error
    assert "Check the cable" in caught.value.next_step
    assert store.engine.pool is not pool
    assert outbox.counts(store, NODE) == (0, 0), "and new ones are made"


def test_database_that_is_gone_is_not_made_anew_and_empty(tmp_path: Path) -> None:
    """As when its drive was pulled: a second house must not begin under the mount point."""
    (tmp_path / "drive").mkdir()
    with closing(open_ready_store(tmp_path / "drive")) as store:
        assert outbox.counts(store, NODE) == (0, 0)
        store.close()
        (tmp_path / "drive").rename(tmp_path / "elsewhere")
        (tmp_path / "drive").mkdir()
        with pytest.raises(StoreError, match="the database cannot be opened"):
            outbox.counts(store, NODE)
        assert list((tmp_path / "drive").iterdir()) == []


@pytest.mark.postgresql
def test_writers_on_postgresql_take_turns(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on SQLite: who reads and then writes loses nobody's work, and who waits too long is told to try again."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 200)
    url = postgres.ready_database()
    with closing(Store.open(url)) as north, closing(Store.open(url)) as south:
        with north.write("test"):
            with pytest.raises(StoreError) as caught:
                inbound.put(south, NODE, "a", "t", b"{}", NOW)
            assert caught.value.kind is ErrorKind.TRANSIENT
            assert outbox.counts(south, NODE) == (0, 0)  # readers do not wait
        assert inbound.put(south, NODE, "a", "t", b"{}", NOW)


@pytest.mark.postgresql
def test_reader_on_postgresql_sees_one_state(postgres: PostgresServer) -> None:
    with closing(Store.open(postgres.ready_database())) as store, store.sql_read("test") as run:
        before = run("SELECT count(*) FROM outbox")
        inbound.put(store, NODE, "a", "t", b"{}", NOW)
        assert run("SELECT count(*) FROM outbox") == before


@pytest.mark.postgresql
def test_absent_server_is_told_as_trouble(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match="the database does not answer") as caught:
        Store.open(postgres.ready_database().replace("vigilar-pg-", "gone-"))
    assert caught.value.kind is ErrorKind.TRANSIENT
