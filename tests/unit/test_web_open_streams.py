"""The watch over answers without an end: what ends them, what does not, and what it costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.conftest import PATIENCE_S, wait_until
from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.store.engine import Store
from vigilar.store.sessions import add_session, delete_session
from vigilar.store.users import create_member, create_owner, set_role
from vigilar.web import open_streams
from vigilar.web.logins import find_logins
from vigilar.web.open_streams import OpenStream, OpenStreams
from vigilar.web.parts import make_rows_door
from vigilar.web.rights import Member, Right
from vigilar.web.session_cache import SessionCache

NOW = 1_770_000_000_000
LIFETIME_MS = 60_000


class House:
    """A database with two people, each signed in with a token of their letter."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(NOW * 1_000_000)
        self.asked = 0
        self.streams = OpenStreams(partial(find_logins, store, make_rows_door(), SessionCache()), self.clock)
        sam = create_owner(store, "Sam", "hash", NOW)
        self.bert = create_member(store, "Bert", "hash", "adult", None, NOW)
        for letter, member in ((b"s", sam), (b"b", self.bert)):
            add_session(store, letter * 32, member.id, now_ms=NOW, expires_ms=NOW + LIFETIME_MS)

    def open(self, letter: bytes, right: Right = Right.SEE_LIVE, *, is_secure: bool = True) -> threading.Event:
        """Enter a stream that needs ``right``; the event that tells of its end."""
        ended = threading.Event()

        def may_go_on(member: Member) -> bool:
            self.asked += 1
            return member.may(right)

        self.streams.add(OpenStream(letter * 32, may_go_on, ended.set, is_secure=is_secure))
        return ended


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(open_streams, "LOOK_EVERY_S", 0.02)
    with closing(open_ready_store(tmp_path)) as store:
        house = House(store)
        yield house
        house.streams.stop()


@pytest.fixture
def queries(house: House) -> list[str]:
    """Every question the database is asked from now on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    event.listen(house.store.engine, "before_cursor_execute", note)
    return seen


def test_signed_out_stream_ends_and_others_go_on(house: House) -> None:
    sam, bert = house.open(b"s"), house.open(b"b")
    delete_session(house.store, b"b" * 32)
    assert bert.wait(PATIENCE_S)
    assert not sam.is_set()


def test_stream_ends_when_its_session_expires(house: House, queries: list[str]) -> None:
    ended = house.open(b"s")
    house.clock.advance(LIFETIME_MS / 1000 - 0.001)
    looks = len(queries)
    wait_until(lambda: len(queries) > looks + 1, 5.0)
    assert not ended.is_set()
    house.clock.advance(0.001)
    assert ended.wait(PATIENCE_S)


def test_stream_ends_when_its_right_is_lost(house: House) -> None:
    system, live = house.open(b"b", Right.SEE_SYSTEM), house.open(b"b")
    set_role(house.store, house.bert.id, "guest")
    assert system.wait(PATIENCE_S)
    assert not live.is_set()


def test_what_others_can_read_ends_when_plain_http_is_closed(house: House) -> None:
    read_along, private = house.open(b"s", is_secure=False), house.open(b"s")
    house.streams.end_insecure()
    assert read_along.is_set()
    assert not private.is_set()


def test_streams_go_on_while_the_database_hangs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = house.open(b"s")
    wait_until(lambda: house.asked >= 1, 5.0)
    hang, began = threading.Event(), threading.Event()

    def connect() -> None:
        began.set()
        hang.wait()
        raise ValueError("nobody hears this")

    monkeypatch.setattr(house.store.engine, "connect", connect)
    house.clock.advance(LIFETIME_MS / 2000)
    assert began.wait(PATIENCE_S)
    asked = house.asked
    wait_until(lambda: house.asked > asked + 2, 5.0)
    assert not sam.is_set(), "known from the looks before"
    house.clock.advance(LIFETIME_MS / 2000)
    assert sam.wait(PATIENCE_S), "its login has expired, whoever answers"
    hang.set()


def test_forty_streams_are_one_query_a_look(house: House, queries: list[str]) -> None:
    for _ in range(20):
        house.open(b"s")
        house.open(b"b")
    came, asked = len(queries), house.asked  # the streams came one by one, and were looked at meanwhile
    wait_until(lambda: house.asked >= asked + 400, 5.0)
    house.streams.stop()
    assert len(queries) - came <= (house.asked - asked) / 40 + 3


def test_nothing_is_read_while_nothing_is_open(house: House, queries: list[str]) -> None:
    ended = threading.Event()
    stream = OpenStream(b"s" * 32, lambda _: True, ended.set, is_secure=True)
    house.streams.add(stream)
    wait_until(lambda: queries, 5.0)
    house.streams.remove(stream)
    wait_until(lambda: not is_reading(queries), 5.0)
    assert not ended.is_set()


def is_reading(queries: list[str]) -> bool:
    """Whether anything was read within ten times the distance of two looks."""
    before = len(queries)
    return not threading.Event().wait(0.2) and len(queries) > before


def test_change_in_this_process_is_seen_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "LOOK_EVERY_S", 3600.0)
    ended = house.open(b"s")
    delete_session(house.store, b"s" * 32)
    house.streams.look_now()
    assert ended.wait(PATIENCE_S)


def test_unreadable_database_ends_no_stream(
    house: House, queries: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with house.store.write("break the tables") as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO elsewhere")
    ended = house.open(b"s")
    wait_until(lambda: len([one for one in queries if "FROM sessions" in one]) > 3, 5.0)
    assert not ended.is_set()
    assert caplog.text.count("cannot be read, they go on meanwhile") == 1
    with house.store.write("mend the tables") as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO sessions")
    delete_session(house.store, b"s" * 32)
    assert ended.wait(PATIENCE_S)


def test_stopped_watch_takes_no_thread(house: House) -> None:
    house.streams.stop()
    house.open(b"s")
    assert "web-streams" not in {thread.name for thread in threading.enumerate()}
