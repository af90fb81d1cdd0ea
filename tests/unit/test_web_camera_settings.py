"""The settings of one camera on its page, without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.config.load import parse_config
from vigilar.config.models import Camera
from vigilar.config.secrets import SecretStore

TEXT = """# by hand
[[camera]]
name = "Drive"
address = "rtsp://192.168.1.21/s1"
max_rate = "40 Mbit/s"
"""
FORM = {"name": "Drive", "record": "", "sound": "", "transport": "tcp", "max_rate": "40 Mbit/s", "enabled": "on"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        (house.folder / "vigilar.toml").write_text(TEXT, encoding="utf-8")
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def camera(house: House) -> Camera:
    found = parse_config((house.folder / "vigilar.toml").read_bytes(), "vigilar.toml").find_camera("drive")
    assert found is not None
    return found


def test_form_changes_the_file_and_nothing_else(house: House, owner: FlaskClient) -> None:
    page = owner.get("/cameras/drive/settings").get_data(as_text=True)
    assert '<option value="40 Mbit/s" selected>40 Mbit/s</option>' in page
    assert owner.post("/cameras/drive/settings", data=FORM).status_code == 303
    assert (house.folder / "vigilar.toml").read_text(encoding="utf-8") == TEXT
    changed = {
        **FORM,
        "name": "Yard",
        "record": "motion",
        "sound": "no",
        "max_rate": "100 Mbit/s",
        "allow_public": "on",
    }
    response = owner.post("/cameras/drive/settings", data=changed)
    assert response.headers["Location"] == "/cameras/drive/settings?saved="
    now = camera(house)
    assert (now.name, now.record, now.sound, now.max_rate, now.allow_public) == ("Yard", "motion", False, 10**8, True)
    assert (house.folder / "vigilar.toml").read_text(encoding="utf-8").startswith("# by hand")
    assert owner.post("/cameras/drive/settings", data={**FORM, "max_rate": "25 Mbit/s"}).status_code == 303
    now = camera(house)
    assert (now.record, now.sound, now.max_rate, now.allow_public) == (None, None, 25_000_000, False)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"record": "sometimes"}, {"max_rate": "9 Gbit/s"}, {"transport": "pigeon"}]
)
def test_wrong_field_is_said_and_changes_nothing(house: House, owner: FlaskClient, wrong: dict[str, str]) -> None:
    response = owner.post("/cameras/drive/settings", data={**FORM, **wrong})
    assert response.status_code == 422
    assert 'role="alert"' in response.get_data(as_text=True)
    assert (house.folder / "vigilar.toml").read_text(encoding="utf-8") == TEXT


def test_camera_that_moved_gets_its_new_address(house: House, owner: FlaskClient) -> None:
    moved = {**FORM, "address": "rtsp://192.168.1.77/s1", "small": "rtsp://192.168.1.77/s2"}
    assert owner.post("/cameras/drive/settings", data=moved).status_code == 303
    assert (camera(house).address, camera(house).small) == ("rtsp://192.168.1.77/s1", "rtsp://192.168.1.77/s2")
    assert owner.post("/cameras/drive/settings", data={**moved, "small": ""}).status_code == 303
    assert camera(house).small is None
    for wrong in ("rtsp://admin:hunter2@192.168.1.78/s1", "rtsp://8.8.8.8/x", "192.168.1.78", "file:/etc/passwd", ""):
        response = owner.post("/cameras/drive/settings", data={**moved, "address": wrong})
        assert response.status_code == 422, wrong
        assert "hunter2" not in response.get_data(as_text=True)
    assert camera(house).address == "rtsp://192.168.1.77/s1"


def test_login_is_stored_as_a_secret_and_replaced(house: House, owner: FlaskClient) -> None:
    reloads: list[bool] = []
    house.parts.ask_reload = lambda: reloads.append(True)
    for password in ("hunter2", "hunter3"):
        response = owner.post("/cameras/drive/login", data={"user": "admin", "password": password})
        assert response.status_code == 303
        assert password not in response.headers["Location"]
        assert camera(house).login == "secret:drive"
        assert SecretStore(house.parts.cfg.secrets_dir).get_login("drive").password == password
    assert len(reloads) == 2
    assert "hunter" not in owner.get("/cameras/drive/settings").get_data(as_text=True)
    assert owner.post("/cameras/drive/login", data={"user": ""}).status_code == 422


def test_camera_is_removed_by_who_is_sure(house: House, owner: FlaskClient) -> None:
    assert owner.post("/cameras/drive/remove").status_code == 422
    assert camera(house)
    assert owner.post("/cameras/drive/remove", data={"sure": "on"}).headers["Location"] == "/live"
    assert "Drive" not in (house.folder / "vigilar.toml").read_text(encoding="utf-8")


def test_only_who_may_change_cameras_gets_there(house: House) -> None:
    client = house.member("adult")
    assert client.get("/cameras/drive/settings").status_code == 403
    for path in ("settings", "login", "remove"):
        assert client.post(f"/cameras/drive/{path}", data={**FORM, "sure": "on", "user": "x"}).status_code == 403
    assert house.client().get("/cameras/nobody/settings").status_code == 404
