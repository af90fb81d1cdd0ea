"""Requests while database or drive do not answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.conftest import wait_until
from tests.fair_watch import FairWatch
from vigilar.base.errors import ConfigError
from vigilar.base.folder_look import AWAY, HANGING
from vigilar.store import events as event_rows
from vigilar.store.events import StoredEvent
from vigilar.store.sessions import find_session
from vigilar.web.camera_book import CameraBook, CameraWish
from vigilar.web.drive_gate import FROM_FILES, FROM_MEMORY, MAX_HELD, MAX_UNDER_WAY, _Gate
from vigilar.web.logins import hash_token
from vigilar.web.patience import WORKERS, DoesNotAnswerError, Patience


class Stuck:
    """Work that does not return before ``go``."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = 0

    def __call__(self) -> str:
        self.began += 1
        self.go.wait()
        return "late"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    it = Stuck()
    yield it
    it.go.set()


def test_answer_and_error_come_through() -> None:
    door = Patience("x", 5.0)
    assert door.ask(lambda: 1) == 1
    with pytest.raises(KeyError):
        door.ask(lambda: {"a": 1}["b"])


def test_nobody_waits_behind_one_that_is_stuck(stuck: Stuck) -> None:
    door = Patience("x", 0.05)
    with pytest.raises(DoesNotAnswerError):
        door.ask(stuck)
    assert door.is_stuck
    watch = FairWatch()
    for _ in range(1000):
        with pytest.raises(DoesNotAnswerError):
            door.ask(stuck)
    assert watch.elapsed_s() < 1.0
    assert stuck.began == 1
    stuck.go.set()
    wait_until(lambda: not door.is_stuck, 5.0)
    assert door.ask(lambda: 2) == 2


def test_slow_answer_shuts_nobody_out(stuck: Stuck) -> None:
    """A machine that is busy, not a drive that hangs: one gave up, the others get their answers."""
    door = Patience("x", 0.05, shut_after_s=60.0)
    with pytest.raises(DoesNotAnswerError):
        door.ask(stuck)
    assert (door.is_late, door.is_stuck) == (True, False)
    assert door.ask(lambda: 1, within_s=60.0) == 1


def test_storm_loses_few_threads(stuck: Stuck) -> None:
    door = Patience("x", 0.2)

    def ask(_number: int) -> str:
        try:
            return door.ask(stuck)
        except DoesNotAnswerError:
            return "no"

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(ask, range(200))) == {"no"}
    assert stuck.began <= WORKERS


def test_many_ask_at_once_and_all_are_answered() -> None:
    door = Patience("x", 10.0)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda number: door.ask(lambda: number), range(2000))) == list(range(2000))
    assert not door.is_stuck


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, is_patient=False) as house:
        yield house


def hang(house: House, monkeypatch: pytest.MonkeyPatch, stuck: Stuck) -> None:
    """From now on no connection to the database is given out, as when the drive does not answer."""
    monkeypatch.setattr(house.parts.store.engine, "connect", stuck)
    monkeypatch.setattr(house.parts.store.engine, "begin", stuck)
    monkeypatch.setattr(house.parts.store, "_plain", lambda *_: stuck())


def tell(house: House, state: str) -> None:
    sentence = HANGING if state == "hanging" else ""
    house.parts.board.set_folder({"state": state, "sentence": sentence, "next_step": ""}, house.parts.now_ms())


MEMORY_PATHS = (
    "/live",
    "/watch/front-door",
    "/system",
    "/api/v1/system",
    "/api/v1/cameras",
    "/cameras/add",
    "/healthz",
)
ROW_PATHS = (
    "/cameras/x/last.jpg",
    "/events",
    "/api/v1/events",
    "/events/1",
    "/events/1/clip.mp4",
    "/footage/x/timeline?from=0&to=1",
)


class TestHangingDatabase:
    def test_who_is_signed_in_sees_what_is_in_memory(
        self, house: House, monkeypatch: pytest.MonkeyPatch, stuck: Stuck
    ) -> None:
        owner = house.client()
        assert owner.get("/api/v1/system").status_code == 200
        hang(house, monkeypatch, stuck)
        tell(house, "hanging")
        for path in MEMORY_PATHS:
            watch = FairWatch()
            assert owner.get(path).status_code == 200, path
            assert watch.elapsed_s() < 2.5, path
        for path in ROW_PATHS:
            watch = FairWatch()
            response = owner.get(path)
            assert (response.status_code, HANGING in response.get_json()["detail"]) == (503, True), path
            assert watch.elapsed_s() < 0.5, path
        assert owner.get("/api/v1/system").get_json()["problems"][0] == HANGING
        assert stuck.began <= WORKERS

    def test_nobody_gets_in_who_was_not_in(self, house: House, monkeypatch: pytest.MonkeyPatch, stuck: Stuck) -> None:
        owner, other = house.client(), house.client(signed_in=False)
        gone = house.client()
        assert owner.get("/api/v1/system").status_code == gone.get("/api/v1/system").status_code == 200
        token = gone.get_cookie("vigilar_session")
        assert gone.post("/api/v1/logout").status_code == 204
        assert token is not None
        gone.set_cookie("vigilar_session", token.value)
        other.set_cookie("vigilar_session", "0" * 64)
        hang(house, monkeypatch, stuck)
        tell(house, "hanging")
        assert owner.get("/api/v1/system").status_code == 200
        assert gone.get("/api/v1/system").status_code == 401, "that it is signed out needs no database"
        assert other.get("/api/v1/system").status_code == 503
        login = {"name": NAME, "password": PASSWORD}
        assert other.post("/api/v1/login", json=login).status_code == 503
        assert other.post("/api/v1/setup", json=login).status_code == 503

    def test_all_is_as_before_when_it_answers(
        self, house: House, monkeypatch: pytest.MonkeyPatch, stuck: Stuck
    ) -> None:
        owner = house.client()
        assert owner.get("/api/v1/events").status_code == 200
        with monkeypatch.context() as patch:
            hang(house, patch, stuck)
            assert owner.get("/api/v1/events").status_code == 503
        stuck.go.set()
        wait_until(lambda: not house.parts.rows.is_stuck, 5.0)
        assert owner.get("/api/v1/events").status_code == 200


def test_more_at_once_than_there_are_places_wait_for_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the pictures of a long list, asked for over HTTP/2; still more, of a drive that may hang, are refused."""
    house.parts.rows = Patience("database", 60.0)
    go, inside = threading.Event(), threading.Semaphore(0)

    def list_none(*_: object) -> tuple[list[StoredEvent], None]:
        inside.release()
        go.wait()
        return [], None

    monkeypatch.setattr(event_rows, "list_events", list_none)
    cookie = house.client().get_cookie("vigilar_session")
    assert cookie is not None

    def ask(_: int = 0) -> int:
        client = house.client(signed_in=False)
        client.set_cookie("vigilar_session", cookie.value)
        return client.get("/api/v1/events").status_code

    hooks = [getattr(one, "__self__", None) for one in house.app.before_request_funcs[None]]
    [gate] = [one for one in hooks if isinstance(one, _Gate)]
    try:
        with ThreadPoolExecutor(MAX_HELD) as pool:
            answers = pool.map(ask, range(MAX_HELD))
            wait_until(lambda: gate._held._value == 0, 60)
            for _ in range(MAX_UNDER_WAY):
                assert inside.acquire(timeout=60)
            assert not inside.acquire(blocking=False)
            assert ask() == 503
            go.set()
            assert list(answers) == [200] * MAX_HELD
    finally:
        go.set()
    assert ask() == 200


def test_writer_that_waits_keeps_no_sign_in_and_no_reader(house: House) -> None:
    house.client()  # there is an owner
    house.parts.login_writes = Patience("database", 0.1)
    with closing(sqlite3.connect(house.folder / "vigilar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        phone = house.client(signed_in=False)
        assert phone.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}).status_code == 200
        assert house.parts.login_writes.is_stuck, "the row waits for the other writer"
        assert phone.get("/api/v1/events").status_code == 200, "which reading does not"
        other.execute("ROLLBACK")
    wait_until(lambda: not house.parts.login_writes.is_stuck, 5.0)
    cookie = phone.get_cookie("vigilar_session")
    assert cookie is not None
    assert find_session(house.parts.store, hash_token(cookie.value), house.parts.now_ms()) is not None, "written late"


def test_database_elsewhere_goes_on_while_the_drive_hangs(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner = house.client()
    monkeypatch.setattr(house.parts, "cfg", replace(house.parts.cfg, data_dir=tmp_path / "drive"))
    tell(house, "hanging")
    assert owner.get("/api/v1/events").status_code == 200
    assert owner.get("/footage/x/timeline?from=0&to=1").status_code == 503


def test_no_settings_are_written_where_the_drive_was_a_moment_ago(house: House, tmp_path: Path) -> None:
    bare = tmp_path / "mount point"
    bare.mkdir()
    cfg = replace(house.parts.cfg, data_dir=bare, config_file=bare / "vigilar.toml", secrets_dir=bare / "secrets")
    book = CameraBook(replace(cfg, node_id="0" * 32))
    wish = CameraWish(name="Hall", address="rtsp://192.0.2.7/hall", user="sam", password="geheim")
    for change in (partial(book.add, wish), partial(book.change, "hall", {"name": "x"}), partial(book.remove, "hall")):
        with pytest.raises(ConfigError, match=AWAY):
            change()
    assert list(bare.iterdir()) == []


def test_every_name_in_the_gate_is_of_a_view(house: House) -> None:
    endpoints = {str(rule.endpoint) for rule in house.app.url_map.iter_rules()}
    for name in (*FROM_MEMORY, *FROM_FILES):
        assert any(endpoint.startswith(name) for endpoint in endpoints), name
