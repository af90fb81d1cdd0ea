"""A database that cannot be used: what can be read of it is in the new one, the rest is said, and a copy is kept."""

from __future__ import annotations

import errno
import json
import random
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import database_url, open_ready_store
from vigilar.base.database_note import Rescue, find_note
from vigilar.base.folder_id import make_folder_id
from vigilar.config.cut import database_url as database_url_of
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.processes.rescue import ARMING_LOST, DAMAGED, EMPTY, GONE, NOT_OURS, STAND_IN, HouseDatabase
from vigilar.store import sqlite
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.rescue import KEPT_AT_MOST, KEPT_FOLDER
from vigilar.store.users import create_member, create_owner, list_users
from vigilar.vge.keys import KeyRing

PAGE = 4096
TABLE_LEAF = 0x0D
"""The first byte of such a page. Source: sqlite.org/fileformat2.html, 1.6."""
EVENTS = 400


class Damaged:
    """A house of one box whose database had a life, closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "vigilar.db"
        self.node_id = make_folder_id(folder)
        self.ring = KeyRing.load_or_create(folder / "secrets")
        with closing(open_ready_store(folder)) as store:
            ensure_camera(store, "front", "Front door", 1, self.node_id)
            create_owner(store, "Sam", "$argon2id$sam", 1)
            create_member(store, "Kim", "$argon2id$kim", "adult", None, 2)
            for number in range(EVENTS):
                new = NewEvent(
                    uid=f"u{number}", type="motion", severity="INFO", source_id="front", ts_ms=1000 + number,
                    payload={"title": "Motion", "more": "x" * (number % 7 * 900)},
                )  # fmt: skip
                insert_event(store, new, now_ms=1)
        self.open().close()

    def database(self) -> HouseDatabase:
        return HouseDatabase(database_url(self.folder), self.folder, self.node_id, self.ring)

    def open(self) -> Store:
        return self.database().open()

    def root(self, name: str) -> int:
        with closing(sqlite3.connect(self.file)) as connection:
            row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            return int(row[0])

    def zero(self, page: int) -> None:
        with self.file.open("r+b") as file:
            file.seek((page - 1) * PAGE)
            file.write(bytes(PAGE))

    def rescue(self) -> Rescue:
        note = find_note(self.folder)
        assert note is not None
        assert note.rescue is not None
        return note.rescue

    def kept(self) -> list[Path]:
        return sorted((self.folder / KEPT_FOLDER).glob("*"))


@pytest.fixture
def house(tmp_path: Path) -> Damaged:
    return Damaged(tmp_path)


def events(store: Store) -> list[tuple[Any, ...]]:
    with store.sql_read("read events") as run:
        return run("SELECT id, uid, change, ts_ms, payload FROM events ORDER BY id")


def told(store: Store) -> list[dict[str, Any]]:
    with store.sql_read("read messages") as run:
        return [json.loads(payload) for (payload,) in run("SELECT payload FROM outbox ORDER BY seq")]


def test_sound_database_is_left_alone(house: Damaged) -> None:
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS
        assert told(store) == []
    assert house.kept() == []


def incidents(store: Store) -> list[tuple[Any, ...]]:
    with store.sql_read("read incidents") as run:
        return run("SELECT id, title, event_count, parts FROM incidents ORDER BY id")


def test_damaged_incidents_are_made_anew_from_their_events(house: Damaged) -> None:
    with closing(Store.open(database_url(house.folder))) as store:
        before = incidents(store)
    assert len(before) == EVENTS
    house.zero(house.root("incidents"))
    with closing(house.open()) as store:
        assert incidents(store) == before
        new = NewEvent(uid="new", type="motion", severity="INFO", source_id="front", ts_ms=9, payload={"title": "M"})
        stored = insert_event(store, new, now_ms=1)
        assert stored is not None
        assert stored.incident_id is not None
        assert stored.incident_id > EVENTS, "no id is given twice"


@pytest.mark.parametrize("page_of", ["events_by_time", "events_by_kind", "files_by_time"])
def test_damaged_index_loses_nothing(house: Damaged, page_of: str) -> None:
    with closing(Store.open(database_url(house.folder))) as store:
        before = events(store)
    house.zero(house.root(page_of))
    original = house.file.read_bytes()
    with closing(house.open()) as store:
        assert events(store) == before
        assert [user.name for user in list_users(store)] == ["Sam", "Kim"]
        (fact,) = told(store)
        assert fact["kind"] == "database_replaced"
    rescued = house.rescue()
    assert (rescued.happened, rescued.lost, rescued.has_no_owner) == (DAMAGED, (), False)
    (kept,) = house.kept()
    assert (kept / "vigilar.db").read_bytes() == original
    assert str(kept) in fact["detail"]["reason"]
    with closing(house.open()) as store:
        assert len(told(store)) == 1, "a second start tells nothing more"
    assert house.kept() == [kept]


def test_damaged_page_of_events_costs_its_events_alone(house: Damaged) -> None:
    with closing(Store.open(database_url(house.folder))) as store:
        before = events(store)
    data = house.file.read_bytes()
    pages = [number for number in range(2, len(data) // PAGE) if data[(number - 1) * PAGE] == TABLE_LEAF]
    page = next(number for number in pages if b"u200" in data[(number - 1) * PAGE : number * PAGE])
    house.zero(page)
    with closing(house.open()) as store:
        after = events(store)
        assert set(after) < set(before), "none is made up, some are lost"
        assert len(before) - len(after) < 30
        assert {number for number, *_ in incidents(store)} == {number for number, *_ in after}
        new = NewEvent(uid="new", type="motion", severity="INFO", source_id="front", ts_ms=9, payload={"title": "M"})
        stored = insert_event(store, new, now_ms=1)
    assert stored is not None
    assert stored.id > before[-1][0]
    assert stored.change > before[-1][2]
    assert house.rescue().lost == (f"{len(before) - len(after)} of {EVENTS} events",)


def test_damaged_letter_on_a_loose_page_costs_that_page(house: Damaged) -> None:
    with closing(sqlite3.connect(house.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    content = bytearray(house.file.read_bytes())
    pages = range(0, len(content), PAGE)
    leaf = next(at for at in pages if content[at] == TABLE_LEAF and b'"Motion"' in content[at : at + PAGE])
    content[content.index(b'"Motion"', leaf) + 1] = 0xFF
    house.file.write_bytes(content)
    house.zero(house.root("events"))
    with closing(house.open()) as store:
        assert EVENTS - 50 < len(events(store)) < EVENTS


def test_first_page_gone_loses_nothing(house: Damaged) -> None:
    with closing(Store.open(database_url(house.folder))) as store:
        before = events(store)
    house.zero(1)
    with closing(house.open()) as store:
        assert events(store) == before
        assert [user.name for user in list_users(store)] == ["Sam", "Kim"]
    assert house.rescue().lost == ()


def test_lost_members_leave_no_way_in_for_the_first_comer(house: Damaged) -> None:
    house.zero(house.root("users"))
    with closing(house.open()) as store:
        assert list_users(store) == []
        assert len(events(store)) == EVENTS
    rescued = house.rescue()
    assert rescued.has_no_owner
    assert rescued.lost == ("all members",)


def test_lost_arming_is_said(house: Damaged) -> None:
    house.zero(house.root("arm_state"))
    house.zero(house.root("arm_pins"))
    house.open().close()
    assert house.rescue().lost == ("all PINs", ARMING_LOST)


@pytest.mark.parametrize(
    ("harm", "happened"),
    [
        (lambda file: file.unlink(), GONE),
        (lambda file: file.write_bytes(b""), EMPTY),
        (lambda file: file.write_bytes(b"this is no database\n" * 1000), DAMAGED),
        (lambda file: file.write_bytes(random.Random(7).randbytes(40_000)), DAMAGED),
    ],
    ids=["gone", "empty", "text", "noise"],
)
def test_nothing_readable_is_a_new_database_without_an_owner(
    house: Damaged, harm: Callable[[Path], object], happened: str
) -> None:
    harm(house.file)
    with closing(house.open()) as store:
        assert events(store) == []
    assert (house.rescue().happened, house.rescue().has_no_owner) == (happened, True)


def test_new_house_is_the_first_comers(tmp_path: Path) -> None:
    ring, node_id = KeyRing.load_or_create(tmp_path / "secrets"), make_folder_id(tmp_path)
    HouseDatabase(database_url(tmp_path), tmp_path, node_id, ring).open().close()
    note = find_note(tmp_path)
    assert note is not None
    assert note.rescue is None


def test_torn_log_keeps_what_was_committed_before(house: Damaged) -> None:
    page = house.root("events_by_time")
    with closing(sqlite.connect(house.file)) as connection:
        sqlite.set_pragmas(connection)
        for number in range(3):
            connection.execute("INSERT INTO counters (name, value) VALUES (?, 1)", (f"c{number}",))
        log = Path(f"{house.file}-wal").read_bytes()
        copy = house.file.read_bytes()
    house.file.write_bytes(copy)
    Path(f"{house.file}-wal").write_bytes(log[:-100])
    house.zero(page)
    with closing(house.open()) as store, store.sql_read("read") as run:
        names = {name for (name,) in run("SELECT name FROM counters")}
    assert {"c0", "c1"} <= names


def test_copies_are_bounded(house: Damaged) -> None:
    for number in range(KEPT_AT_MOST + 2):
        house.zero(house.root("events_by_time"))
        with closing(house.open()) as store:
            assert len(events(store)) == EVENTS, number
    assert len(house.kept()) == KEPT_AT_MOST


@pytest.fixture
def locked(house: Damaged) -> Iterator[Callable[[], None]]:
    """The file can neither be written nor moved, by nobody; call what this gives to end it."""
    done = subprocess.run(["chattr", "+i", str(house.file)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file can be made immutable here: {done.stderr.strip()}")

    def unlock() -> None:
        subprocess.run(["chattr", "-i", str(house.file)], check=True)

    yield unlock
    subprocess.run(["chattr", "-i", str(house.file)], capture_output=True, check=False)


def test_read_only_database_is_stood_in_for_until_it_is_writable(house: Damaged, locked: Callable[[], None]) -> None:
    with closing(Store.open(database_url(house.folder))) as reader:
        before = events(reader)
    with closing(house.open()) as store:
        assert events(store) == before
        assert [user.name for user in list_users(store)] == ["Sam", "Kim"]
        new = NewEvent(uid="new", type="motion", severity="INFO", source_id="front", ts_ms=9, payload={"title": "M"})
        assert insert_event(store, new, now_ms=1) is not None
    assert (house.rescue().happened, house.rescue().lost) == (NOT_OURS, ())
    assert str(house.file) in house.rescue().sentence
    config = Config.model_validate({})
    places = Places(house.folder / "vigilar.toml", house.folder, house.folder / "secrets")
    assert database_url_of(config, places).endswith(STAND_IN), "which every process and command opens"
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS + 1, "a start goes on with it"
    locked()
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS + 1
    assert database_url_of(config, places) == database_url(house.folder)
    assert not (house.folder / STAND_IN).exists()
    assert len(house.kept()) == 1


@pytest.mark.parametrize("left", [".ready", ""], ids=["ready", "gone"])
def test_stand_in_comes_home_after_a_death_in_between(house: Damaged, locked: Callable[[], None], left: str) -> None:
    with closing(house.open()) as store:
        new = NewEvent(uid="new", type="motion", severity="INFO", source_id="front", ts_ms=9, payload={"title": "M"})
        insert_event(store, new, now_ms=1)
    locked()
    if left:
        Path(f"{house.file}{left}").write_bytes((house.folder / STAND_IN).read_bytes())
    (house.folder / KEPT_FOLDER).mkdir(exist_ok=True)
    house.file.rename(house.folder / KEPT_FOLDER / house.file.name)
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS + 1
    assert house.file.exists()
    assert not (house.folder / STAND_IN).exists()
    assert not Path(f"{house.file}.ready").exists()


def test_stand_in_comes_home_to_another_disk(house: Damaged, locked: Callable[[], None]) -> None:
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS
    locked()
    with pytest.MonkeyPatch.context() as patch:
        plain = Path.rename

        def rename(path: Path, target: Path) -> Path:
            if path.name == STAND_IN:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return plain(path, target)

        patch.setattr(Path, "rename", rename)
        house.open().close()
    with closing(house.open()) as store:
        assert len(events(store)) == EVENTS
    assert not (house.folder / STAND_IN).exists()
