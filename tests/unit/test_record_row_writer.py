"""The rows' own thread: prompt, in order for each file, and left to the next start when the database takes nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.ready_store import lay_database
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.stop import Stop
from vigilar.record.chain import BLOCK, FileChain
from vigilar.record.row_writer import Ending, RowWriter
from vigilar.store import files, sqlite
from vigilar.store.cameras import ensure_camera
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.vge.writer import Checkpoint, Closed

CLOSED = Closed(link=b"l" * 32, record_count=9, plaintext_bytes=800, size_bytes=1000, merkle_root=b"m" * 32)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    with closing(open_database(lay_database(tmp_path))) as store:
        ensure_camera(store, "front", "Front door", 1)
        yield store


@pytest.fixture
def rows(store: Database) -> RowWriter:
    chains: dict[files.Content, FileChain] = {"video": FileChain(files.get_chain_end(store, "front", "video"), int)}
    return RowWriter(store, "front", chains, SystemClock())


def _new(number: int) -> files.NewFile:
    return files.NewFile(camera_id="front", content="video", number=number, path=f"{number}.vge", start_ms=5)


def _row(store: Database, number: int) -> files.FileRow:
    return next(row for row in files.find_files(store, "front", "video", 0, 1 << 45) if row.number == number)


def test_thread_sets_numbers_aside_and_writes_what_comes(store: Database, rows: RowWriter) -> None:
    stop = Stop()
    thread = threading.Thread(target=rows.run, args=(stop,))
    thread.start()
    wait_until(lambda: files.get_chain_end(store, "front", "video").next_number == 1 + BLOCK, 10.0)
    entry = rows.begin(_new(1))
    wait_until(lambda: entry.row_id is not None, 4.0)
    entry.checkpoint(Checkpoint(3, b"t" * 32, 700, 600), 6000)
    wait_until(lambda: _row(store, 1).checkpoint_offset == 700, 4.0)
    entry.close(Ending("closed", "rollover", 7000, CLOSED))
    stop.set()
    rows.wake()
    thread.join(10.0)
    assert not thread.is_alive()
    assert (_row(store, 1).state, _row(store, 1).link, rows.waiting) == ("closed", CLOSED.link, 0)


def test_what_waited_is_written_in_order(store: Database, rows: RowWriter, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "vigilar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first, second = rows.begin(_new(1)), rows.begin(_new(2))
        first.checkpoint(Checkpoint(3, b"t" * 32, 700, 600), 6000)
        first.close(Ending("closed", "rollover", 7000, CLOSED))
        second.checkpoint(Checkpoint(1, b"a" * 32, 100, 90), 7500)
        second.checkpoint(Checkpoint(2, b"b" * 32, 200, 180), 8000)
        assert not rows.write_waiting()
        assert rows.waiting == 2
        other.execute("ROLLBACK")
    assert rows.write_waiting()
    assert rows.waiting == 0
    assert (_row(store, 1).state, _row(store, 1).end_ms) == ("closed", 7000)
    assert (_row(store, 2).state, _row(store, 2).end_ms, _row(store, 2).checkpoint_record) == ("open", 8000, 2)
    assert files.get_chain_end(store, "front", "video").link == CLOSED.link


def test_stop_leaves_to_the_next_start_what_the_database_refuses(
    store: Database, rows: RowWriter, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "vigilar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rows.begin(_new(1))
        stop = Stop()
        stop.set()
        rows.run(stop)
        assert rows.waiting == 1


def test_row_that_is_wanted_now_is_written_by_who_wants_it(store: Database, rows: RowWriter, tmp_path: Path) -> None:
    entry = rows.begin(_new(4))
    with closing(sqlite3.connect(tmp_path / "vigilar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            entry.write()
        assert caught.value.kind is ErrorKind.TRANSIENT
        other.execute("ROLLBACK")
    assert entry.write() == _row(store, 4).id == entry.write()
    assert rows.waiting == 0


def test_row_that_can_never_be_is_said_to_who_wants_it(store: Database, rows: RowWriter) -> None:
    files.add_file(store, replace(_new(4), number=5))  # another file's row has the place
    with pytest.raises(StoreError) as caught:
        rows.begin(_new(4)).write()
    assert caught.value.kind is ErrorKind.BUG
    assert rows.waiting == 0
