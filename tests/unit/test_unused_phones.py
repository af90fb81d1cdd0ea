"""Paired phones that nobody used for 90 days are signed out for good, and it is written down."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ControlChild
from vigilar.base.stop import Stop
from vigilar.config.jobs import UpkeepJob
from vigilar.processes.refill import Refill
from vigilar.processes.upkeep import UpkeepProcess
from vigilar.store.audit import Deed, add_deeds, list_deeds
from vigilar.store.engine import Store
from vigilar.store.sessions import add_session, list_sessions_of, touch
from vigilar.store.users import UserRow, create_owner
from vigilar.upkeep.old_rows import OldRows
from vigilar.web.deeds import sentence_of

DAY_S, HOUR_S = 86_400, 3600
PHONE, TABLET, BROWSER = b"p" * 32, b"t" * 32, b"b" * 32
EVER_MS = 400 * DAY_S * 1000


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


@pytest.fixture
def anna(store: Store, clock: SimulatedClock) -> UserRow:
    """Signed in on a phone, a tablet, and once by a password."""
    return _signed_in(store, clock)


def _signed_in(store: Store, clock: SimulatedClock) -> UserRow:
    anna = create_owner(store, "Anna", "hash", _ms(clock))
    for token_hash, device in ((PHONE, "Anna's phone"), (TABLET, "Kitchen"), (BROWSER, "")):
        now_ms = _ms(clock)
        add_session(store, token_hash, anna.id, now_ms=now_ms, expires_ms=now_ms + EVER_MS, device=device)
    return anna


def _ms(clock: SimulatedClock) -> int:
    return clock.utc_ns() // 1_000_000


def _is_there(store: Store, anna: UserRow) -> set[bytes]:
    """Logins that would be valid if the clock were right: rows that are there."""
    return {one.token_hash for one in list_sessions_of(store, anna.id, 0)}


def _deeds(store: Store) -> list[str]:
    return [sentence_of(row, {}) for row in list_deeds(store, limit=10)]


def _pass_hours(looker: OldRows, clock: SimulatedClock, hours: int) -> None:
    for _ in range(hours):
        looker.turn()
        clock.advance(HOUR_S)


def test_unused_phone_is_ended_and_written_down(store: Store, clock: SimulatedClock, anna: UserRow) -> None:
    looker = OldRows(store, "box", clock)
    clock.advance(50 * DAY_S)
    touch(store, TABLET, now_ms=_ms(clock), expires_ms=_ms(clock) + EVER_MS)
    clock.advance(40 * DAY_S)
    _pass_hours(looker, clock, 3)
    assert _is_there(store, anna) == {TABLET, BROWSER}
    assert _deeds(store) == ["Anna was signed out of a phone that nobody used for 90 days: Anna's phone."]


def test_phone_of_eighty_nine_days_stays(store: Store, clock: SimulatedClock, anna: UserRow) -> None:
    looker = OldRows(store, "box", clock)
    clock.advance(89 * DAY_S)
    _pass_hours(looker, clock, 20)
    assert _is_there(store, anna) == {PHONE, TABLET, BROWSER}
    assert _deeds(store) == []


def test_clock_ten_years_ahead_signs_nobody_out_for_good(store: Store, clock: SimulatedClock, anna: UserRow) -> None:
    """Neither one that was right for days before, nor one that is wrong from the start, for half a day."""
    looker = OldRows(store, "box", clock)
    _pass_hours(looker, clock, 48)
    clock.step_utc(3650 * DAY_S)
    _pass_hours(looker, clock, 12)
    later = OldRows(store, "box", clock)
    _pass_hours(later, clock, 12)
    clock.step_utc(-3650 * DAY_S)
    for one in (looker, later):
        _pass_hours(one, clock, 48)
    assert _is_there(store, anna) == {PHONE, TABLET, BROWSER}
    assert _deeds(store) == []


class Hours:
    """The line to a supervisor: an hour goes by with each heartbeat, and the 24th is the last."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.stop_requested = Stop()
        self._clock = clock
        self._left = 24

    def listen(self, *, on_settings: object, on_status: object) -> None:
        pass

    def heartbeat(self, _status: object) -> None:
        self._clock.advance(HOUR_S)
        self._left -= 1
        if not self._left:
            self.stop_requested.set()


def test_upkeep_process_looks_for_them_and_for_old_rows(
    tmp_path: Path, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigilar.processes.upkeep.TURN_S", 0.0)
    monkeypatch.setattr("vigilar.processes.upkeep.RETRY_S", 0.0)
    monkeypatch.setattr(Refill, "turn", lambda _self: False)
    with closing(open_ready_store(tmp_path)) as store:
        anna = _signed_in(store, clock)
        clock.advance(91 * DAY_S)
        add_deeds(store, "box", [Deed(ts_ms=_ms(clock) - EVER_MS, action="login")])
        job = UpkeepJob(
            data_dir=tmp_path, secrets_dir=tmp_path, run_dir=tmp_path, database_url="",
            bus_host="", bus_port=0, bus_user="", bus_password="",
        )  # fmt: skip
        UpkeepProcess(job, cast(ControlChild, Hours(clock)), store, clock).run()
        assert _is_there(store, anna) == {BROWSER}
        assert {row.deed.action for row in list_deeds(store, limit=10)} == {"phone_unused"}
