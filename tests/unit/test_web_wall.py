"""A screen on the wall: what it may, what it shows of the household's own pictures, and how it is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, House, open_house
from tests.unit.test_web_rights import asked, walk
from vigilar.base.arm_rules import ArmRules, ModeRules
from vigilar.base.clock import SimulatedClock
from vigilar.store import arming, pins
from vigilar.store.users import list_users
from vigilar.web.auth import WALL_PAGES
from vigilar.web.pins import make_pin_row
from vigilar.web.rights import ON_A_WALL, Open, Right
from vigilar.web.wall_pictures import WallPictures

PAGE = {"Accept": "text/html"}
PIN, OTHER_PIN, WRONG = "482913", "573914", "700431"
JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.parts.use_settings(replace(house.parts.cfg, arm=ArmRules(modes=(ModeRules(mode="away", leave_s=0),))))
        house.parts.clock = SimulatedClock(utc_ns=time.time_ns())
        house.client()
        house.well("front-door", "garden", "drive", "shed")
        yield house


@pytest.fixture
def wall(house: House) -> FlaskClient:
    return put_up(house.client())


def put_up(client: FlaskClient, shows: str = "grid") -> FlaskClient:
    answer = client.post("/wall", data={"name": "Hall", "shows": shows}, headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/wall?shows={shows}")
    return client


def give_pin(house: House, name: str, pin: str) -> None:
    user = next(one for one in list_users(house.store) if one.name == name)
    line = arming.Line(action="pin_set", mode="", by=name, how="page", address="")
    pins.set_pin(house.store, user.id, make_pin_row(house.parts.cfg.secrets_dir, pin, None), line, house.now_ms())


def test_it_may_what_is_of_now_and_nothing_else(house: House, wall: FlaskClient) -> None:
    me = wall.get("/api/v1/me").get_json()
    assert set(me["rights"]) == {right.name.lower() for right in ON_A_WALL}
    refused = 0
    for rule, method, declared in walk(house.app):
        if rule.endpoint.endswith("logout") or declared is Open.ANY_SCREEN:
            continue
        if declared in (Right.ARM, Right.DISARM) or (declared in ON_A_WALL and method == "GET"):
            continue
        assert wall.open(asked(rule), method=method).status_code == 403, (method, rule.rule)
        refused += 1
    assert refused > 100


def test_any_other_page_is_the_wall(house: House, wall: FlaskClient) -> None:
    for path in ("/", "/live", "/events", "/settings/account", "/system", "/watch/shed", "/kept"):
        answer = wall.get(path, headers=PAGE)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/wall"), path
    assert wall.get("/wall", headers=PAGE).status_code == wall.get("/arm", headers=PAGE).status_code == 200
    assert set(house.app.view_functions) >= WALL_PAGES


def test_page_has_all_cameras_and_no_way_elsewhere(wall: FlaskClient) -> None:
    page = wall.get("/wall?shows=turns", headers=PAGE).text
    assert page.count('class="tile"') == 4
    assert 'data-shows="turns"' in page
    for away in ('href="/settings', 'data-key="e"', 'href="/system', 'action="/logout"', 'id="layout"'):
        assert away not in page
    assert 'href="/wall/leave"' in page
    assert 'data-shows="grid"' in wall.get("/wall?shows=%3Cb%3E", headers=PAGE).text


def test_it_is_listed_by_its_name_and_ends_from_there(house: House, wall: FlaskClient) -> None:
    owner = house.client()
    (screen,) = [one for one in owner.get("/api/v1/sessions").get_json()["sessions"] if one["is_wall"]]
    assert screen["device"] == "Hall"
    assert "a screen on the wall" in owner.get("/settings/account", headers=PAGE).text
    assert owner.delete(f"/api/v1/sessions/{screen['id']}").status_code == 204
    assert wall.get("/live/contact-sheet.jpg").status_code == 401


def test_pin_of_anybody_in_the_house_disarms_there_and_says_whose(house: House, wall: FlaskClient) -> None:
    house.member("adult", name="Kim")
    give_pin(house, NAME, PIN)
    give_pin(house, "Kim", OTHER_PIN)
    assert wall.post("/api/v1/arm", json={"mode": "away", "override": True}).status_code == 200
    assert wall.post("/api/v1/arm", json={"mode": "disarmed"}).get_json()["type"] == "pin.missing"
    assert wall.post("/api/v1/arm", json={"mode": "disarmed", "pin": WRONG}).get_json()["type"] == "pin.wrong"
    answer = wall.post("/api/v1/arm", json={"mode": "disarmed", "pin": OTHER_PIN})
    assert (answer.status_code, answer.get_json()["mode"], answer.get_json()["by"]) == (200, "disarmed", "Kim")
    # On a person's own page another one's PIN does not count.
    house.client().post("/api/v1/arm", json={"mode": "away", "override": True})
    assert (
        house.client().post("/api/v1/arm", json={"mode": "disarmed", "pin": OTHER_PIN}).get_json()["type"]
        == "pin.wrong"
    )


def test_guests_pin_does_not_disarm_there(house: House, wall: FlaskClient) -> None:
    house.member("guest", name="Pat")
    give_pin(house, "Pat", OTHER_PIN)
    give_pin(house, NAME, PIN)
    wall.post("/api/v1/arm", json={"mode": "away", "override": True})
    assert wall.post("/api/v1/arm", json={"mode": "disarmed", "pin": OTHER_PIN}).get_json()["type"] == "pin.wrong"


def test_leaving_needs_a_pin_and_signs_out(house: House, wall: FlaskClient) -> None:
    assert "Sign in with a name and a password" in wall.get("/wall/leave", headers=PAGE).text
    give_pin(house, NAME, PIN)
    assert "PIN of anybody" in wall.get("/wall/leave", headers=PAGE).text
    wrong = wall.post("/wall/leave", data={"pin": WRONG}, headers=PAGE)
    assert (wrong.status_code, "Wrong PIN" in wrong.text) == (403, True)
    assert wall.post("/wall/leave", data={"pin": "12"}, headers=PAGE).status_code == 422
    left = wall.post("/wall/leave", data={"pin": PIN}, headers=PAGE)
    assert (left.status_code, left.headers["Location"]) == (303, "/login")
    assert wall.get("/api/v1/me").status_code == 401
    said = [str(one) for one in house.client().get("/api/v1/audit").get_json()["entries"]]
    assert any("wall_left" in one for one in said)
    assert any("wall_made" in one for one in said)


def test_it_silences_no_phone(wall: FlaskClient) -> None:
    assert wall.post("/api/v1/alerts/1/ack", json={}).get_json()["type"] == "wall.only_live"
    assert wall.post("/api/v1/alerts/pages", json={"page": "page-12345", "sounds": True}).status_code == 403


@pytest.mark.parametrize(("name", "shows"), [("", "grid"), ("x" * 61, "grid"), ("Hall\x07", "grid"), ("Hall", "film")])
def test_bad_form_is_said_in_the_page(house: House, name: str, shows: str) -> None:
    answer = house.client().post("/wall", data={"name": name, "shows": shows}, headers=PAGE)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_guest_is_told_whom_to_ask(house: House) -> None:
    guest = house.member("guest")
    assert "A guest's account cannot be put on the wall" in guest.get("/wall", headers=PAGE).text
    assert guest.post("/wall", data={"name": "Hall", "shows": "grid"}).status_code == 403


def test_limited_member_makes_a_limited_wall(house: House) -> None:
    wall = put_up(house.member("child", ["shed"]))
    assert wall.get("/wall", headers=PAGE).text.count('class="tile"') == 1
    assert wall.get("/cameras/garden/snapshot.jpg").status_code == 404


class TestPictures:
    def test_they_are_shown_there_alone(self, house: House, tmp_path: Path) -> None:
        folder = tmp_path / "pictures"
        (folder / "2025").mkdir(parents=True)
        (folder / "2025" / "á b.JPG").write_bytes(JPEG)
        (folder / "text.jpg").write_bytes(b"no picture")
        (folder / "notes.txt").write_bytes(JPEG)
        (folder / ".hidden.jpg").write_bytes(JPEG)
        (folder / "out.jpg").symlink_to(tmp_path / "secret.jpg")
        (tmp_path / "secret.jpg").write_bytes(JPEG)
        house.parts.use_settings(replace(house.parts.cfg, wall_pictures=str(folder)))
        assert "Our own pictures" in house.client().get("/wall", headers=PAGE).text
        assert house.client().get("/wall/pictures").status_code == 404
        wall = put_up(house.client(), "pictures")
        names = wall.get("/wall/pictures").get_json()["pictures"]
        assert names == ["/wall/pictures/out.jpg", "/wall/pictures/text.jpg", "/wall/pictures/2025/%C3%A1%20b.JPG"]
        answer = wall.get(names[2])
        assert (answer.data, answer.mimetype) == (JPEG, "image/jpeg")
        for away in (names[0], names[1], "/wall/pictures/../secret.jpg", "/wall/pictures/notes.txt"):
            assert wall.get(away).status_code == 404, away

    def test_folder_that_is_not_there_shows_none(self, tmp_path: Path) -> None:
        pictures = WallPictures()
        assert pictures.names(str(tmp_path / "none"), 0.0) == ()
        assert pictures.read(str(tmp_path / "none"), "a.jpg") is None
        assert pictures.names("", 0.0) == ()

    def test_new_ones_are_seen_after_ten_minutes(self, tmp_path: Path) -> None:
        pictures = WallPictures()
        assert pictures.names(str(tmp_path), 0.0) == ()
        (tmp_path / "a.png").write_bytes(b"")
        assert pictures.names(str(tmp_path), 599.0) == ()
        assert pictures.names(str(tmp_path), 600.0) == ("a.png",)


def test_rights_of_a_wall_are_no_more_than_a_child_has() -> None:
    assert Right.SEE_FOOTAGE not in ON_A_WALL
