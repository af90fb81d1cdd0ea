"""Logins while the database cannot be asked or written: what goes on, and what never does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from vigilar.store import sqlite
from vigilar.store.household import MemberChange, change_member
from vigilar.store.sessions import SessionRow, find_session
from vigilar.store.users import UserRow, find_user, remove_user, set_cameras, set_role
from vigilar.web.auth import COOKIE
from vigilar.web.logins import find_logins, hash_token
from vigilar.web.passwords import hash_password
from vigilar.web.session_cache import HELD_MS, KNOWN_MS, MAX_LOGINS, SessionCache

NOW = 1_770_000_000_000
SESSION = SessionRow(1, "sam", "owner", NOW, NOW, NOW + 30 * 86_400_000, "")
PAGE = {"Accept": "text/html"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    client = house.client()
    assert client.get("/api/v1/cameras").status_code == 200
    return client


def close_store(house: House) -> None:
    """So that its connections are made anew. First nobody may be about to take one: it would wait for the old ones."""
    assert house.parts.audit.flush(10.0)
    house.parts.store.close()


def spoil(house: House) -> bytes:
    """Make the database unreadable, in its file as for every connection; what stood there."""
    close_store(house)
    file = house.folder / "vigilar.db"
    with closing(sqlite3.connect(file)) as last:
        last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = file.read_bytes()
    file.write_bytes(b"no database" * 1000)
    for name in ("vigilar.db-wal", "vigilar.db-shm"):
        (house.folder / name).unlink(missing_ok=True)
    return good


def test_pages_without_rows_go_on_while_the_database_cannot_be_read(house: House, owner: FlaskClient) -> None:
    stranger = house.client(signed_in=False)
    spoil(house)
    for path in ("/live", "/watch/garden", "/system", "/api/v1/system"):
        assert owner.get(path, headers=PAGE).status_code == 200, path
    assert (
        "How long recordings last is not known: the database does not answer."
        in owner.get("/system", headers=PAGE).text
    )
    assert owner.get("/events", headers=PAGE).status_code == 500
    assert stranger.get("/live", headers=PAGE).status_code == 302, "a stranger gets nothing"
    assert stranger.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}).status_code == 500


def test_signed_out_meanwhile_stays_signed_out(house: House, owner: FlaskClient) -> None:
    cookie = owner.get_cookie(COOKIE)
    assert cookie is not None
    good = spoil(house)
    assert owner.post("/api/v1/logout").status_code == 204
    old = {"Cookie": f"{COOKIE}={cookie.value}"}
    client = house.app.test_client(use_cookies=False)
    assert client.get("/api/v1/cameras", headers=old).status_code == 401
    house.parts.audit.stop()
    house.parts.store.close()
    (house.folder / "vigilar.db").write_bytes(good)
    assert client.get("/api/v1/cameras", headers=old).status_code == 401, "though its row was still there"
    with closing(sqlite3.connect(house.folder / "vigilar.db")) as database:
        left = database.execute("SELECT 1 FROM sessions WHERE token_hash = ?", (hash_token(cookie.value),)).fetchall()
    assert left == [], "and now it is gone"


def test_busy_database_fails_no_page_and_no_sign_in(
    house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    close_store(house)
    with closing(sqlite3.connect(house.folder / "vigilar.db", isolation_level=None)) as other:
        other.execute("UPDATE sessions SET last_seen_ms = last_seen_ms - 600000")
        other.execute("BEGIN IMMEDIATE")
        assert owner.get("/api/v1/events").status_code == 200, "reading needs no write"
        phone = house.client(signed_in=False)
        assert phone.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}).status_code == 200
        assert phone.get("/api/v1/events").status_code == 200, "held in memory"
        other.execute("ROLLBACK")
    assert phone.get("/api/v1/events").status_code == 200
    assert phone.post("/api/v1/logout").status_code == 204
    assert phone.get("/api/v1/events").status_code == 401


class TestHeldLogin:
    """Signed in while the database took nothing: it is asked again as soon as it answers who the member is now."""

    @pytest.fixture
    def phone(self, house: House, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
        house.member("child", name="kim")
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
        close_store(house)
        client = house.client(signed_in=False)
        with closing(sqlite3.connect(house.folder / "vigilar.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert client.post("/api/v1/login", json={"name": "kim", "password": PASSWORD}).status_code == 200
            other.execute("ROLLBACK")
        cookie = client.get_cookie(COOKIE)
        assert cookie is not None
        now_ms = house.parts.now_ms()
        assert find_session(house.store, hash_token(cookie.value), now_ms) is None, "not stored, only held"
        assert client.get("/watch/garden").status_code == 200
        return client

    def kim(self, house: House) -> UserRow:
        found = find_user(house.store, "kim")
        assert found is not None
        return found

    def still_watches(self, house: House, phone: FlaskClient) -> bool:
        """Whether the door of open streams still knows the login."""
        cookie = phone.get_cookie(COOKIE)
        assert cookie is not None
        here, wanted = house.parts, hash_token(cookie.value)
        return wanted in find_logins(here.store, here.rows, here.sessions, [wanted], here.now_ms())

    def test_removed_member_is_out(self, house: House, phone: FlaskClient) -> None:
        remove_user(house.store, self.kim(house).id)
        assert not self.still_watches(house, phone)
        assert phone.get("/watch/garden").status_code == 401

    def test_new_password_signs_out(self, house: House, phone: FlaskClient) -> None:
        change = MemberChange(password_hash=hash_password("another long word 9"))
        change_member(house.store, self.kim(house).id, change)
        assert not self.still_watches(house, phone)
        assert phone.get("/watch/garden").status_code == 401

    def test_signed_out_everywhere_is_out(self, house: House, phone: FlaskClient) -> None:
        assert house.client().delete(f"/api/v1/members/{self.kim(house).id}/sessions").status_code == 204
        assert not self.still_watches(house, phone)
        assert phone.get("/watch/garden").status_code == 401

    def test_new_limit_and_role_count(self, house: House, phone: FlaskClient) -> None:
        set_cameras(house.store, self.kim(house).id, ["shed"])
        assert phone.get("/watch/garden").status_code == 404
        assert phone.get("/api/v1/system").status_code == 403
        set_role(house.store, self.kim(house).id, "adult")
        assert phone.get("/api/v1/system").status_code == 200
        assert self.still_watches(house, phone)

    def test_it_goes_on_while_the_database_cannot_be_asked(self, house: House, phone: FlaskClient) -> None:
        spoil(house)
        assert phone.get("/watch/garden").status_code == 200


class TestCache:
    def test_known_login_counts_for_an_hour_and_within_its_own_life(self) -> None:
        cache = SessionCache()
        cache.remember(b"a", SESSION, NOW)
        assert cache.find_known(b"a", NOW + KNOWN_MS) == SESSION
        assert cache.find_known(b"a", NOW + KNOWN_MS + 1) is None
        cache.remember(b"b", replace(SESSION, expires_ms=NOW + 10), NOW)
        assert cache.find_known(b"b", NOW + 10) is None
        assert cache.find_held(b"a", NOW) is None, "what is only known is never used in place of the database"

    def test_question_that_was_begun_before_another_was_answered_finds_the_login(self) -> None:
        cache = SessionCache()
        asked_ms = NOW
        cache.remember(b"a", SESSION, NOW + 1)  # by another request, while this one waited for the database
        assert cache.find_known(b"a", asked_ms) == SESSION
        assert cache.find_known(b"a", NOW - 3_600_000) is None, "a clock that was set back makes no login longer"

    def test_login_that_the_database_no_longer_has_is_forgotten(self) -> None:
        cache = SessionCache()
        cache.remember(b"a", SESSION, NOW)
        cache.forget(b"a")
        assert cache.find_known(b"a", NOW) is None

    def test_signed_out_everywhere_but_here(self) -> None:
        cache = SessionCache()
        for name in (b"here", b"there"):
            cache.remember(name, SESSION, NOW)
        cache.remember(b"key", replace(SESSION, via="script"), NOW)
        cache.remember(b"other", replace(SESSION, user_id=2), NOW)
        cache.hold(b"held", SESSION, "")
        cache.end_all_of(1, but=b"here")
        left = [name for name in (b"here", b"there", b"key", b"other", b"held") if cache.find_known(name, NOW)]
        assert left == [b"here", b"key", b"other"]

    def test_held_login_lives_for_hours(self) -> None:
        cache = SessionCache()
        cache.hold(b"a", SESSION, "")
        assert cache.find_held(b"a", NOW + HELD_MS - 1) is not None
        assert cache.find_held(b"a", NOW + HELD_MS) is None
        assert cache.find_held(b"a", NOW - 1) is None, "a clock that was set back makes no login longer"

    def test_it_is_bounded(self) -> None:
        cache = SessionCache()
        for number in range(2 * MAX_LOGINS):
            cache.remember(bytes([number]), SESSION, NOW)
            cache.hold(bytes([number]), SESSION, "")
        known = [number for number in range(2 * MAX_LOGINS) if cache.find_held(bytes([number]), NOW)]
        assert known == list(range(MAX_LOGINS, 2 * MAX_LOGINS))
