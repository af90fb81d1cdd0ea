"""Showing again who one is, before what lets somebody in for good, guards less, or gives pictures away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.browser.house import PASSWORD, House, open_house
from vigilar.base.clock import SimulatedClock
from vigilar.store import jobs as job_rows
from vigilar.store import sensors as rows
from vigilar.store.exports import ExportParams
from vigilar.store.tokens import add_token
from vigilar.web.auth import TOKEN_PREFIX
from vigilar.web.logins import hash_token
from vigilar.web.rights import Right

GARDEN = '[[camera]]\nname = "Garden"\naddress = "demo:street"\n'
TREE = '[[camera.zone]]\nid = "tree"\nname = "Tree"\nkind = "ignore"\npoints = [[0, 0], [0.5, 0], [0.5, 0.5]]\n'
KEY = TOKEN_PREFIX + "ab" * 32


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def left_open(house: House) -> FlaskClient:
    """A page that was left open, an hour after somebody signed in."""
    client = house.client()
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    return client


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/pairings", {"device": "Mine"}),
        ("POST", "/api/v1/members/2/pairings", {"device": "Mine"}),
        ("POST", "/api/v1/me/passkeys/options", {}),
        ("POST", "/api/v1/me/passkeys", {"challenge": "x", "name": "Mine", "credential": {}}),
        ("PUT", "/api/v1/members/me/pin", {"pin": "482913"}),
        ("PUT", "/api/v1/members/2/pin", {"pin": "482913"}),
        ("DELETE", "/api/v1/members/me/pin", None),
        ("POST", "/api/v1/tokens", {"name": "Mine", "rights": ["see_live"]}),
        ("POST", "/api/v1/members", {"name": "me too", "role": "owner", "password": "a long word 17"}),
        ("PATCH", "/api/v1/members/2", {"password": "a long word 17"}),
        ("PATCH", "/api/v1/members/2", {"role": "owner"}),
    ],
)
def test_open_page_lets_nobody_in_for_good(
    house: House, method: str, path: str, body: dict[str, object] | None
) -> None:
    house.member("adult")
    client = house.client()
    before = rows_of(house)
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    answer = client.open(path, method=method, json=body)
    assert (answer.status_code, answer.get_json()["type"]) == (403, "account.prove")
    assert answer.get_json()["location"].startswith("/settings/account/prove?next=%2F")
    assert rows_of(house) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/v1/settings/guard", {"set": {"arm.away.sensors": "none"}}),
        ("POST", "/api/v1/settings/undo", {}),
        ("PUT", "/api/v1/rules", {"ordinary_per_day": 1}),
        ("DELETE", "/api/v1/certificate", None),
        ("DELETE", "/api/v1/sensors/front-door-contact", None),
        ("PUT", "/api/v1/presence/devices/02:00:00:00:00:01", {"member": None, "name": ""}),
        ("DELETE", "/api/v1/members/2", None),
        ("PATCH", "/api/v1/members/2", {"role": "guest"}),
        ("PATCH", "/api/v1/cameras/garden", {"enabled": False}),
        ("PATCH", "/api/v1/cameras/garden", {"record": "motion"}),
        ("DELETE", "/api/v1/cameras/garden", None),
        ("PUT", "/api/v1/cameras/garden/zones", {"zones": [], "lines": []}),
        ("POST", "/api/v1/exports/1/shares", {"days": 7}),
        ("POST", "/api/v1/storage/word", None),
        ("DELETE", "/api/v1/members/2/sessions", None),
    ],
)
def test_open_page_makes_the_house_guard_no_less(
    house: House, method: str, path: str, body: dict[str, object] | None
) -> None:
    house.member("adult")
    client = house.client()
    add_sensor(house)
    add_export(house)
    file = house.parts.cfg.config_file
    file.write_text(GARDEN, encoding="utf-8")
    assert client.patch("/api/v1/settings/guard", json={"set": {"arm.suggest": False}}).status_code == 200
    before = file.read_bytes(), rows_of(house, *GUARDING)
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    answer = client.open(path, method=method, json=body)
    assert (answer.status_code, answer.get_json()["type"]) == (403, "account.prove")
    assert (file.read_bytes(), rows_of(house, *GUARDING)) == before
    assert client.post("/api/v1/me/prove", json={"password": PASSWORD}).status_code == 204
    assert client.open(path, method=method, json=body).get_json(silent=True) != answer.get_json()


def test_page_says_before_it_is_filled_in(house: House, left_open: FlaskClient) -> None:
    house.parts.cfg.config_file.write_text(GARDEN, encoding="utf-8")
    pages = ("/settings/arming", "/settings/sensors", "/settings/certificate", "/settings/notifications")
    for path in (*pages, "/cameras/garden/zones"):
        link = f'href="/settings/account/prove?next={quote(path, safe="")}"'
        assert left_open.get(path).text.count(link) == 1
    assert left_open.post("/api/v1/me/prove", json={"password": PASSWORD}).status_code == 204
    assert "/settings/account/prove" not in left_open.get("/settings/arming").text


def test_refused_change_of_settings_leads_to_the_proof(house: House, left_open: FlaskClient) -> None:
    page = {"Accept": "text/html"}
    add_sensor(house)
    add_export(house)
    house.parts.cfg.config_file.write_text(GARDEN + TREE, encoding="utf-8")
    for path, form, back in (
        ("/cameras/garden/zones/tree/remove", {}, "/cameras/garden/zones"),
        ("/settings/certificate", {"way": "house"}, "/settings/certificate"),
        ("/exports/1/share", {"days": "7"}, "/exports/1"),
        ("/settings/undo", {"back": "/settings/certificate"}, "/settings/certificate"),
    ):
        refused = left_open.post(path, data=form, headers=page)
        assert refused.status_code == 403
        assert f'href="/settings/account/prove?next={quote(back, safe="")}"' in refused.text
        assert "Go on securely" not in refused.text


FORMS = [
    ("/cameras/garden/login", {"user": "nobody-else", "password": "x"}, 'value="nobody-else"'),
    ("/settings/arming", {"section": "house", "leave_delay": "17"}, 'value="17"'),
    ("/sensors/front-door-contact", {"name": "Not this one", "room": "", "remove": "1"}, 'value="Not this one"'),
    ("/settings/members", {"name": "Zoe", "role": "guest", "password": "a long word 17"}, 'value="Zoe"'),
    ("/settings/members/2/phones", {"device": "Pad of Zoe"}, 'value="Pad of Zoe"'),
    ("/settings/account/phones", {"device": "Pad of mine"}, 'value="Pad of mine"'),
    ("/settings/keys", {"name": "a script", "rights": "see_live"}, 'value="see_live" checked'),
]


@pytest.mark.parametrize(("path", "form", "kept"), FORMS)
def test_form_that_was_refused_asks_who_it_is_and_keeps_what_was_typed(
    house: House, left_open: FlaskClient, path: str, form: dict[str, str], kept: str
) -> None:
    page = {"Accept": "text/html"}
    house.member("adult")
    add_sensor(house)
    file = house.parts.cfg.config_file
    file.write_text(GARDEN.replace("demo:street", "rtsp://192.168.1.9/main"), encoding="utf-8")
    before = file.read_bytes(), rows_of(house, *GUARDING)
    refused = left_open.post(path, data=form, headers=page)
    assert refused.status_code == 403
    assert kept in refused.text
    assert refused.text.count('name="own_password"') == 1
    assert 'name="own_pin"' not in refused.text, "there is none to show"
    wrong = left_open.post(path, data={**form, "own_password": "not it"}, headers=page)
    assert wrong.status_code == 403
    assert "That is not your password." in wrong.text
    assert wrong.text.count('name="own_password"') == 1
    assert "not it" not in wrong.text
    assert (file.read_bytes(), rows_of(house, *GUARDING)) == before
    done = left_open.post(path, data={**form, "own_password": PASSWORD}, headers=page)
    assert done.status_code in (201, 303), done.text


def test_form_takes_the_pin_as_well(house: House) -> None:
    client = house.client()
    house.parts.cfg.config_file.write_text(GARDEN, encoding="utf-8")
    assert client.put("/api/v1/members/me/pin", json={"pin": "482913"}).status_code == 204
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    form, page = {"section": "house", "leave_delay": "17"}, {"Accept": "text/html"}
    assert 'name="own_pin"' in client.post("/settings/arming", data=form, headers=page).text
    short = client.post("/settings/arming", data={**form, "own_pin": "48"}, headers=page)
    assert (short.status_code, "A PIN has 6 to 12 digits" in short.text) == (422, True)
    wrong = client.post("/settings/arming", data={**form, "own_pin": "700431"}, headers=page)
    assert (wrong.status_code, 'name="own_pin"' in wrong.text) == (403, True)
    right = client.post("/settings/arming", data={**form, "own_pin": "482913"}, headers=page)
    assert (right.status_code, "saved=1" in right.headers["Location"]) == (303, True)
    assert client.get("/api/v1/settings/guard").get_json()["arm"]["leave_delay"] == "17s"


def test_key_for_programs_is_asked_for_nothing(house: House) -> None:
    """Whoever gave it the right to make links showed who it is, and it could not answer."""
    house.client()
    add_export(house)
    add_token(house.store, hash_token(KEY), 1, "script", ["export"], 1)
    program = house.app.test_client(use_cookies=False)
    made = program.post("/api/v1/exports/1/shares", json={"days": 7}, headers={"Authorization": f"Bearer {KEY}"})
    assert made.status_code == 201


def test_open_page_signs_itself_out_and_no_other(house: House, left_open: FlaskClient) -> None:
    house.client()
    listed = left_open.get("/api/v1/sessions").get_json()["sessions"]
    this, other = (next(one["id"] for one in listed if one["is_this"] is is_this) for is_this in (True, False))
    assert left_open.delete(f"/api/v1/sessions/{other}").get_json()["type"] == "account.prove"
    assert len(left_open.get("/api/v1/sessions").get_json()["sessions"]) == len(listed)
    assert left_open.delete(f"/api/v1/sessions/{this}").status_code == 204


def test_sensor_is_not_removed_while_armed(house: House) -> None:
    client = house.client()
    add_sensor(house)
    assert client.post("/api/v1/arm", json={"mode": "night", "override": True}).status_code == 200
    assert client.delete("/api/v1/sensors/front-door-contact").get_json()["type"] == "arm.armed"
    assert rows.find_sensor(house.store, "front-door-contact") is not None


def test_password_opens_ten_minutes_for_this_login(house: House, left_open: FlaskClient) -> None:
    other = house.app.test_client()
    assert left_open.post("/api/v1/me/prove", json={"password": "no"}).get_json()["type"] == "password.wrong"
    assert left_open.post("/api/v1/pairings", json={"device": "x"}).status_code == 403
    assert left_open.post("/api/v1/me/prove", json={"password": PASSWORD}).status_code == 204
    assert left_open.post("/api/v1/pairings", json={"device": "x"}).status_code == 201
    assert other.post("/api/v1/me/prove", json={"password": PASSWORD}).status_code == 401
    assert isinstance(house.parts.clock, SimulatedClock)
    house.parts.clock.advance(601)
    assert left_open.post("/api/v1/pairings", json={"device": "x"}).status_code == 403


def test_pin_does_as_well_and_is_counted(house: House) -> None:
    client = house.client()
    assert client.put("/api/v1/members/me/pin", json={"pin": "482913"}).status_code == 204
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    for left in (2, 1, 0):
        wrong = client.post("/api/v1/me/prove", json={"pin": "700431"}).get_json()
        assert (wrong["type"], wrong["tries_left"]) == ("pin.wrong", left)
    assert client.post("/api/v1/me/prove", json={"pin": "482913"}).status_code == 429
    house.parts.clock.advance(91)
    assert client.post("/api/v1/me/prove", json={"pin": "482913"}).status_code == 204
    assert client.post("/api/v1/pairings", json={"device": "x"}).status_code == 201


def test_old_pin_changes_the_pin(house: House) -> None:
    client = house.client()
    assert client.put("/api/v1/members/me/pin", json={"pin": "482913"}).status_code == 204
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    wish = {"pin": "913482", "old_pin": "700431"}
    assert client.put("/api/v1/members/me/pin", json=wish).get_json()["type"] == "pin.wrong"
    assert client.put("/api/v1/members/me/pin", json={**wish, "old_pin": "482913"}).status_code == 204


def test_wrong_passwords_are_counted_and_written_down(house: House, left_open: FlaskClient) -> None:
    codes = [left_open.post("/api/v1/me/prove", json={"password": "no"}).status_code for _ in range(11)]
    assert codes == [403] * 10 + [429]
    assert house.parts.audit.flush(20.0)
    told = [one["action"] for one in left_open.get("/api/v1/audit").get_json()["entries"]]
    assert told[:11] == ["sign_in_blocked", *["password_refused"] * 10]


def test_nothing_given_proves_nothing(left_open: FlaskClient) -> None:
    for body in ({}, {"password": ""}, {"pin": ""}):
        assert left_open.post("/api/v1/me/prove", json=body).get_json()["type"] == "account.prove"
    assert left_open.post("/api/v1/pairings", json={"device": "x"}).status_code == 403


def test_program_proves_nothing(house: House) -> None:
    house.client()
    add_token(house.store, hash_token(KEY), 1, "script", [right.name.lower() for right in Right], 1)
    program = house.app.test_client(use_cookies=False)
    answer = program.post("/api/v1/me/prove", json={"password": PASSWORD}, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "right.missing")


def test_pages_lead_there_and_back_without_script(house: House, left_open: FlaskClient) -> None:
    page = {"Accept": "text/html"}
    assert 'href="/settings/account/prove?next=%2Farm%2Fpin"' in left_open.get("/arm/pin", headers=page).text
    asked = left_open.get("/settings/account/prove?next=%2Farm%2Fpin", headers=page).text
    assert 'name="next" value="/arm/pin"' in asked
    assert "Or your PIN" not in asked
    form = {"password": PASSWORD, "next": "/arm/pin"}
    assert left_open.post("/settings/account/prove", data=form).headers["Location"] == "/arm/pin"
    assert left_open.post("/settings/account/phones", data={"device": "x"}, headers=page).status_code == 201
    away = left_open.post("/settings/account/prove", data={**form, "next": "//evil.example"})
    assert away.headers["Location"] == "/settings/account"


def test_login_of_a_moment_ago_is_asked_for_nothing(house: House) -> None:
    client = house.client()
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 590_000_000_000)
    assert client.post("/api/v1/pairings", json={"device": "x"}).status_code == 201


class TestCodesEndWithTheirLogin:
    """A code for a phone that nobody used yet, made in a browser whose login then ends."""

    def code(self, client: FlaskClient, path: str = "/api/v1/pairings") -> str:
        return str(client.post(path, json={"device": "Phone"}).get_json()["code"])

    def opens(self, house: House, code: str) -> bool:
        return house.app.test_client().post("/api/v1/pair", json={"code": code}).status_code == 200

    def test_ended_from_the_list(self, house: House) -> None:
        here, there = house.client(), house.client()
        mine, others, used = self.code(here), self.code(there), self.code(there)
        assert self.opens(house, used)
        that = next(one for one in there.get("/api/v1/sessions").get_json()["sessions"] if one["is_this"])
        assert here.delete(f"/api/v1/sessions/{that['id']}").status_code == 204
        assert not self.opens(house, others)
        assert self.opens(house, mine)
        name = hash_token(used).hex()
        assert here.get(f"/api/v1/pairings/{name}").get_json()["used_ts"] is not None

    def test_signed_out(self, house: House) -> None:
        client = house.client()
        code = self.code(client)
        client.post("/api/v1/logout", json={})
        assert not self.opens(house, code)

    @pytest.mark.parametrize("how", ["removed", "signed out everywhere", "adult", "password"])
    def test_for_somebody_else_by_an_owner_who_goes(self, house: House, how: str) -> None:
        house.member("child", name="kim")
        house.member("owner", name="pat")
        first, pat = house.client(), house.app.test_client()
        pat.post("/api/v1/login", json={"name": "pat", "password": PASSWORD})
        ids = {one["name"]: one["id"] for one in first.get("/api/v1/members").get_json()["members"]}
        code = self.code(pat, f"/api/v1/members/{ids['kim']}/pairings")
        kept = self.code(first, f"/api/v1/members/{ids['kim']}/pairings")
        of_pat = f"/api/v1/members/{ids['pat']}"
        if how == "removed":
            first.delete(of_pat)
        elif how == "signed out everywhere":
            first.delete(f"{of_pat}/sessions")
        else:
            first.patch(of_pat, json={"role": how} if how == "adult" else {"password": "a long word 17"})
        assert not self.opens(house, code)
        assert self.opens(house, kept)


GUARDING = ("users", "sensors", "shares")


def add_sensor(house: House) -> None:
    made = rows.ensure_sensor(house.store, house.node_id, "zigbee2mqtt/front", "Front door contact", house.now_ms())
    assert made.id == "front-door-contact"


def add_export(house: House) -> None:
    """One that is done, as far as links to it ask."""
    now_ms, node_id = house.now_ms(), house.node_id
    params = ExportParams(camera_id="front-door", from_ms=now_ms - 9000, to_ms=now_ms - 1000, proof=False)
    job_rows.add_job(house.store, node_id=node_id, kind="export", params=params.dump(), made_by=1, now_ms=now_ms)
    job_rows.take_job(house.store, node_id=node_id, worker="w", kinds=["export"], now_ms=now_ms, lease_ms=9999)
    assert job_rows.finish_job(house.store, 1, "w", {"files": []}, now_ms)


def rows_of(house: House, *tables: str) -> list[tuple[object, ...]]:
    """All that lets somebody in."""
    wanted = tables or ("users", "pairings", "passkeys", "tokens", "arm_pins")
    with house.store.read("look") as connection:
        return [tuple(row) for one in wanted for row in connection.execute(text(f"SELECT * FROM {one}"))]  # noqa: S608
