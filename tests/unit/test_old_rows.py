"""Rows go by their age, but by no clock that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from vigilar.base.clock import SimulatedClock
from vigilar.store.audit import Deed, add_deeds, list_deeds
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.health import Rate, add_pictures, put_off
from vigilar.store.old_rows import delete_old
from vigilar.store.pairings import add_pairing
from vigilar.store.presence import list_devices, note_devices, set_owner
from vigilar.store.sensors import Word, ensure_sensor, note_word
from vigilar.store.sessions import add_session
from vigilar.store.users import create_owner
from vigilar.upkeep.old_rows import OldRows

HOUR_S, DAY_S, DAY_MS = 3600, 86_400, 86_400_000
NOW = 1_770_000_000_000
YEARS_S = 730 * DAY_S


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(utc_ns=NOW * 1_000_000)


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


def _ms(clock: SimulatedClock) -> int:
    return clock.utc_ns() // 1_000_000


def _do(store: Store, clock: SimulatedClock, subject: str) -> None:
    add_deeds(store, "box", [Deed(ts_ms=_ms(clock), action="login", subject=subject)])


def _subjects(store: Store) -> list[str]:
    return [row.deed.subject for row in list_deeds(store, limit=10)]


def _column(store: Store, query: str) -> list[Any]:
    with store.sql_read("look") as run:
        return [row[0] for row in run(query)]


def test_clock_two_years_ahead_takes_nothing_from_the_audit(store: Store, clock: SimulatedClock) -> None:
    old = OldRows(store, "box", clock)
    _do(store, clock, "before")
    for _ in range(30):
        clock.advance(HOUR_S)
        old.turn()
    clock.step_utc(YEARS_S)
    _do(store, clock, "wrong")
    for _ in range(19):
        old.turn()
        clock.advance(HOUR_S)
    clock.step_utc(-YEARS_S)
    for _ in range(30):
        clock.advance(HOUR_S)
        old.turn()
    _do(store, clock, "after")
    assert _subjects(store) == ["after", "wrong", "before"]


def test_old_deeds_go_within_an_hour_once_the_clock_is_proven(store: Store, clock: SimulatedClock) -> None:
    _do(store, clock, "old")
    clock.advance(400 * DAY_S - 20 * HOUR_S)
    _do(store, clock, "new")
    old = OldRows(store, "box", clock)
    clock.advance(20 * HOUR_S)
    old.turn()
    assert _subjects(store) == ["new", "old"]
    clock.advance(HOUR_S - 1)
    old.turn()
    assert _subjects(store) == ["new", "old"]
    clock.advance(1)
    old.turn()
    assert _subjects(store) == ["new"]


def test_logins_go_when_they_end_and_codes_a_day_later(store: Store) -> None:
    anna = create_owner(store, "Anna", "hash", NOW)
    for letter, ends_ms in ((b"a", NOW), (b"b", NOW + 1)):
        add_session(store, letter * 32, anna.id, now_ms=NOW - DAY_MS, expires_ms=ends_ms)
        add_pairing(
            store, letter * 32, anna.id, "Phone",
            now_ms=NOW - DAY_MS, expires_ms=ends_ms - DAY_MS, made_by_hash=letter * 32,
        )  # fmt: skip
    delete_old(store, NOW)
    assert [bytes(one) for one in _column(store, "SELECT token_hash FROM sessions")] == [b"b" * 32]
    assert [bytes(one) for one in _column(store, "SELECT code_hash FROM pairings")] == [b"b" * 32]


def test_readings_go_after_thirty_days(store: Store) -> None:
    sensor = ensure_sensor(store, "box", "zigbee/1", "Bath", NOW)
    for at_ms in (NOW, NOW + 1):
        note_word(
            store, sensor.id, Word({"temperature": float(at_ms - NOW)}), {"temperature": float(at_ms - NOW)}, at_ms, ()
        )
    delete_old(store, NOW + 1 + 30 * DAY_MS)
    assert _column(store, "SELECT ts_ms FROM sensor_readings") == [NOW + 1]


def test_devices_that_are_nobodys_go_after_a_week(store: Store) -> None:
    sam = create_owner(store, "Sam", "x", NOW)
    note_devices(store, {"aa:aa:aa:aa:aa:aa": "192.0.2.1", "bb:bb:bb:bb:bb:bb": "192.0.2.2"}, NOW)
    assert set_owner(store, "bb:bb:bb:bb:bb:bb", sam.id, "phone")
    note_devices(store, {"cc:cc:cc:cc:cc:cc": "192.0.2.3"}, NOW + 1)
    delete_old(store, NOW + 1 + 7 * DAY_MS)
    assert {one.mac for one in list_devices(store)} == {"bb:bb:bb:bb:bb:bb", "cc:cc:cc:cc:cc:cc"}


def test_rates_go_after_eight_days_and_what_was_put_off_when_it_is_due(store: Store) -> None:
    ensure_camera(store, "shed", "Shed", NOW)
    for at_ms in (NOW - 8 * DAY_MS - 1, NOW - 8 * DAY_MS):
        add_pictures(store, {"shed": Rate(at_ms, 10, 1000)})
    put_off(store, "camera:shed", NOW, None, NOW - DAY_MS)
    put_off(store, "clock", NOW + 1, None, NOW - DAY_MS)
    delete_old(store, NOW)
    assert _column(store, "SELECT hour_ms FROM picture_rates") == [NOW - 8 * DAY_MS]
    assert _column(store, "SELECT problem FROM problem_snoozes") == ["clock"]
