"""The page on which a camera is added, without script, and what is tried for whom."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, wait_until
from tests.probe_kit import said, saying, stage
from vigilar.web.probe import ProbeWish, Tell
from vigilar.web.probes import LOCK_MS

CARD = {"rows": [["Picture", "1920x1080 H.264"], ["Recordings", "21 GB a day if everything is recorded"]]}
WORKS = said(
    "The camera works: 1920x1080 H.264.", card=CARD, address="rtsp://192.168.1.21/s1", small="rtsp://192.168.1.21/s2"
)
REFUSED = said(
    "The camera refuses the login.", ok=False, code="V-CAM-03", next_step="Check capitals.", refused_logins=1
)
FORM = {"address": "192.168.1.21", "user": "admin", "password": "hunter2"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def start(client: FlaskClient, **fields: str) -> str:
    """Press the button; the address of the try."""
    response = client.post("/cameras/add", data={**FORM, **fields})
    assert response.status_code == 303, response.get_data(as_text=True)
    where = response.headers["Location"]
    assert "hunter2" not in where
    assert "192.168" not in where
    return where


def done(client: FlaskClient, where: str) -> str:
    """The page of a try that is over."""
    wait_until(lambda: "Trying…" not in client.get(where).get_data(as_text=True), 5.0)
    text: str = client.get(where).get_data(as_text=True)
    assert "hunter2" not in text
    return text


class Slow:
    """A camera that is tried until it is let go."""

    def __init__(self) -> None:
        self.wishes: list[ProbeWish] = []
        self.may_end = threading.Event()

    def __call__(self, wish: ProbeWish, tell: Tell) -> dict[str, Any]:
        self.wishes.append(wish)
        tell({"stage": stage("reached", "answers")})
        tell({"doing": "Waiting for a whole picture"})
        assert self.may_end.wait(PATIENCE_S)
        return WORKS


def test_camera_is_found_seen_and_added_without_script(house: House, owner: FlaskClient) -> None:
    house.parts.probe = saying(
        WORKS, [stage("reached", "answers at port 554"), stage("found", "both streams found")], b"JPEG"
    )
    where = start(owner)
    page = done(owner, where)
    assert "answers at port 554" in page
    assert "21 GB a day" in page
    assert f"{where}/picture.jpg" in page
    assert owner.get(f"{where}/picture.jpg").data == b"JPEG"
    response = owner.post(where, data={"name": "Back door", "record": "motion"})
    assert (response.status_code, response.headers["Location"]) == (303, "/live#back-door")
    text = (house.folder / "vigilar.toml").read_text()
    assert 'address = "rtsp://192.168.1.21/s1"' in text
    assert 'small = "rtsp://192.168.1.21/s2"' in text
    assert 'record = "motion"' in text
    assert "hunter2" not in text
    assert owner.get(where).status_code == 302, "the try and its password are forgotten"


def test_steps_are_on_the_page_as_they_come(house: House, owner: FlaskClient) -> None:
    house.parts.probe = slow = Slow()
    where = start(owner)
    wait_until(lambda: "Waiting for a whole picture" in owner.get(where).get_data(as_text=True), 5.0)
    page = owner.get(where).get_data(as_text=True)
    assert '<noscript><meta http-equiv="refresh"' in page
    assert re.search(r"<li>.*The camera: answers", page)
    assert 'value="192.168.1.21"' in page, "a reload keeps what was typed"
    assert start(owner) == where, "a second click is the same try"
    slow.may_end.set()
    assert "meta http-equiv" not in done(owner, where)
    assert len(slow.wishes) == 1


def test_camera_that_wants_a_login_says_so(house: House, owner: FlaskClient) -> None:
    house.parts.probe = saying(said("The camera refuses the login.", ok=False, code="V-CAM-03", next_step="--user"))
    page = done(owner, start(owner, user="", password=""))
    assert "The camera wants a login: type its name and password." in page
    assert "--user" not in page
    assert "Try 1 of 5" in page, "nothing was tried"


def test_password_need_not_be_typed_again(house: House, owner: FlaskClient) -> None:
    house.parts.probe = saying(REFUSED)
    where = start(owner)
    assert "V-CAM-03" in done(owner, where)
    house.parts.probe = slow = Slow()
    slow.may_end.set()
    start(owner, password="", before=where.rsplit("/", 1)[1], address="rtsp://192.168.1.21/other")
    wait_until(lambda: bool(slow.wishes), 5.0)
    assert slow.wishes[0].password == "hunter2"
    start(owner, password="", before=where.rsplit("/", 1)[1], user="somebody")
    wait_until(lambda: len(slow.wishes) > 1, 5.0)
    assert slow.wishes[1].password == ""


def test_two_are_tried_at_a_time_in_the_house(house: House, owner: FlaskClient) -> None:
    house.parts.probe = slow = Slow()
    start(owner)
    other = house.member("owner", name="kim")
    start(other, address="192.168.1.22")
    for client in (owner, other):
        response = client.post("/cameras/add", data={**FORM, "address": "192.168.1.23"})
        assert response.status_code == 429
        assert 'value="192.168.1.23"' in response.get_data(as_text=True)
        response = client.post("/api/v1/cameras/test", json={"address": "rtsp://192.168.1.24/x"})
        assert (response.status_code, response.get_json()["type"]) == (429, "camera.busy")
    slow.may_end.set()
    wait_until(lambda: owner.post("/cameras/add", data=FORM).status_code == 303, 5.0)


def test_nobody_sees_another_members_try(house: House, owner: FlaskClient) -> None:
    house.parts.probe = saying(WORKS, picture=b"JPEG")
    where = start(owner)
    done(owner, where)
    other = house.member("owner", name="kim")
    assert other.get(where).status_code == 302
    assert other.get(f"{where}/picture.jpg").status_code == 404
    assert other.post(where, data={"name": "Mine"}).headers["Location"] == "/cameras/add"
    assert not (house.folder / "vigilar.toml").exists() or "Mine" not in (house.folder / "vigilar.toml").read_text()


def test_members_without_the_right_try_nothing(house: House) -> None:
    house.parts.probe = slow = Slow()
    for role in ("adult", "child", "guest"):
        client = house.member(role)
        assert client.post("/cameras/add", data=FORM).status_code == 403
        assert client.post("/api/v1/cameras/test", json={"address": "rtsp://192.168.1.21/x"}).status_code == 403
        assert client.get("/cameras/add/anything").status_code == 403
    assert slow.wishes == []


def test_tries_are_counted_and_end_before_the_camera_locks(
    house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.parts.probe = saying(REFUSED)
    for number in range(1, 6):
        page = done(owner, start(owner, password=f"wrong {number}"))
        assert f"Try {min(5, number + 1)} of 5" in page
    house.parts.probe = slow = Slow()
    slow.may_end.set()
    page = done(owner, start(owner))
    assert "refused 5 logins in a row" in page
    assert "V-CAM-04" in page
    assert slow.wishes == []
    now_ms = house.now_ms()
    monkeypatch.setattr(house.parts.probes, "_now_ms", lambda: now_ms + LOCK_MS + 1)
    assert "The camera works" in done(owner, start(owner, address="rtsp://192.168.1.21/x"))
    assert len(slow.wishes) == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("rtsp://8.8.8.8/x", "camera.host_range"),
        ("rtsp://169.254.169.254/x", "camera.host_range"),
        ("rtsp://[::ffff:8.8.8.8]/x", "camera.host_range"),
        ("rtsp://0.0.0.0/x", "camera.host_range"),
        ("rtsp://239.1.2.3/x", "camera.host_range"),
        ("rtsp://192.168.1.2:22/x", "camera.port"),
        ("rtsp://127.0.0.1:49735/x", "camera.host_self"),
    ],
)
def test_place_that_is_no_cameras_is_refused_at_once(house: House, owner: FlaskClient, address: str, code: str) -> None:
    house.parts.probe = slow = Slow()
    for path, body in (("cameras/test", {}), ("cameras", {"name": "New"})):
        response = owner.post(f"/api/v1/{path}", json={"address": address, **body})
        assert (response.status_code, response.get_json()["type"]) == (422, code)
        assert response.get_json()["field"] == "address"
    assert slow.wishes == []


def test_public_address_is_allowed_by_its_owner(house: House, owner: FlaskClient) -> None:
    house.parts.probe = slow = Slow()
    slow.may_end.set()
    response = owner.post("/cameras/add", data={**FORM, "address": "rtsps://8.8.8.8/x"})
    assert response.status_code == 422
    assert 'name="allow_public"' in response.get_data(as_text=True)
    where = start(owner, address="rtsps://8.8.8.8/x", allow_public="on")
    done(owner, where)
    assert slow.wishes[0].allow_public
    assert owner.post(where, data={"name": "Cabin"}).status_code == 303
    assert "allow_public = true" in (house.folder / "vigilar.toml").read_text()


def test_name_that_leads_outside_is_answered_with_what_to_tick(house: House, owner: FlaskClient) -> None:
    sentence = "That address is not in your home network, and nobody has allowed it for this camera."
    house.parts.probe = saying(said(sentence, ok=False, code="V-CAM-13", next_step="allow_public = true"))
    page = done(owner, start(owner, address="cam.example.org"))
    assert 'tick "This camera really is outside my home network" above' in page
    assert 'name="allow_public"' in page
    assert "allow_public = true" not in page


def test_pasted_login_is_not_repeated(house: House, owner: FlaskClient) -> None:
    response = owner.post("/cameras/add", data={"address": "rtsp://u:hunter2@8.8.8.8/x?token=hunter2"})
    assert response.status_code == 422
    assert "hunter2" not in response.get_data(as_text=True)


def test_camera_of_the_house_is_named(house: House, owner: FlaskClient) -> None:
    (house.folder / "vigilar.toml").write_text('[[camera]]\nname = "Drive"\naddress = "rtsp://192.168.1.21/s1"\n')
    house.parts.probe = saying(WORKS)
    where = start(owner)
    page = done(owner, where)
    assert "You already have this camera as Drive" in page
    assert "Add it" not in page
    assert owner.post(where, data={"name": "Again"}).status_code == 409


def test_address_alone_cannot_be_added_untried(owner: FlaskClient) -> None:
    response = owner.post("/api/v1/cameras", json={"name": "New", "address": "192.168.1.21"})
    assert (response.status_code, response.get_json()["type"]) == (422, "camera.scheme")
