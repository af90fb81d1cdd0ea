"""The page of the keys with the real jobs process behind it, and what a locked house plays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.conftest import RunningBroker, wait_until
from tests.flow.test_export_movie import T0, record
from tests.key_kit import cut_power, nothing_left_in_memory
from tests.recording_kit import make_clip
from tests.spawned_process import spawning
from vigilar.playback.library import Library
from vigilar.vge import key_store
from vigilar.vge.keys import KeyRing
from vigilar.vge.places import sealed_files
from vigilar.vge.rewrap import is_moved

PASSPHRASE = "five plain words and one"
ELSEWHERE = {"REMOTE_ADDR": "192.168.1.7"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with nothing_left_in_memory(tmp_path / "secrets"), open_house(tmp_path) as house:
        clip = make_clip(tmp_path, has_sound=True)
        for start in range(0, 12, 4):
            record(house, clip, start, start + 4)
        yield house


def move_of(client: FlaskClient) -> dict[str, Any]:
    """The job that moves recordings, as the API tells it."""
    found: dict[str, Any] = json.loads(client.get("/api/v1/keys").data)["job"]
    return found


def problem_of(answer: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_new_key_takes_all_recordings_over_as_a_job(house: House, broker: RunningBroker) -> None:
    client = house.client()
    assert client.post("/api/v1/keys/rotate", json={"password": "wrong"}).status_code == 403
    secrets = house.folder / "secrets"
    assert [one.epoch for one in KeyRing.load(secrets).epochs] == [1]
    made = client.post("/api/v1/keys/rotate", json={"password": PASSWORD})
    again = client.post("/api/v1/keys/rotate", json={"password": PASSWORD})
    assert (made.status_code, again.json) == (202, made.json)  # a double click makes no second key
    assert [one.epoch for one in KeyRing.load(secrets).epochs] == [1, 2]
    with spawning("tests.flow.jobs_process", str(house.folder), broker, "jobs") as spawn:
        spawn("0", house.node_id)
        wait_until(lambda: move_of(client)["state"] == "done", 20.0)
    job = move_of(client)
    assert (job["title"], job["percent"]) == ("Moving the recordings to the newest key", 100)
    ring = KeyRing.load(secrets)
    assert all(is_moved(path, ring) for path in sealed_files(house.folder))
    page = client.get("/system/keys").text
    assert "3 moved, 0 were there already." in page


def test_locked_house_plays_what_was_recorded_since_and_nothing_else(house: House) -> None:
    client = house.client()
    secrets = house.folder / "secrets"
    key_store.set_passphrase(secrets, PASSPHRASE, None)
    playlist = f"/footage/front-door/clip.mp4?from={T0}&to={T0 + 3000}"
    assert client.get(playlist).status_code == 200
    cut_power(secrets)
    house.ring = key_store.prepare_keys(secrets)
    house.parts.footage = Library(house.store, house.folder, lambda: KeyRing.load(secrets))  # as after a restart
    refused = client.get(playlist)
    assert (refused.status_code, problem_of(refused)["type"]) == (403, "vge.locked")
    assert "locked since the restart" in problem_of(refused)["detail"]
    record(house, make_clip(house.folder, has_sound=True), 20, 24)
    assert client.get(f"/footage/front-door/clip.mp4?from={T0 + 20_500}&to={T0 + 23_000}").status_code == 200
    unlocked = client.post("/api/v1/keys/unlock", json={"password": PASSWORD, "passphrase": PASSPHRASE})
    assert unlocked.status_code == 204
    assert client.get(playlist).status_code == 200
    assert client.get(f"/footage/front-door/clip.mp4?from={T0 + 20_500}&to={T0 + 23_000}").status_code == 200


def test_words_are_never_sent_where_others_read_along(house: House) -> None:
    house.client()
    login = {"name": NAME, "password": PASSWORD}
    far: Any = {"environ_overrides": ELSEWHERE, "base_url": "http://192.168.1.5:49735"}
    client = house.app.test_client()
    assert client.post("/api/v1/login", json=login, **far).status_code == 200
    for method, path in (("GET", "/setup/sheet"), ("POST", "/system/keys/sheet"), ("GET", "/system/keys")):
        refused = client.open(path, method=method, **far)
        assert (refused.status_code, "sheet-words" in refused.text) == (403, False), path
    asked = client.post("/api/v1/keys/unlock", json={"password": PASSWORD}, **far)
    assert (asked.status_code, problem_of(asked)["type"]) == (403, "transport.insecure")
    secure: Any = {"environ_overrides": ELSEWHERE, "base_url": "https://192.168.1.5:49735"}
    client = house.app.test_client()
    assert client.post("/api/v1/login", json=login, **secure).status_code == 200
    shown = client.post("/system/keys/sheet", **secure)
    assert (shown.status_code, "sheet-words" in shown.text) == (200, True)


def test_wrong_words_are_refused_after_ten(house: House) -> None:
    client = house.client()
    answers = [client.post("/api/v1/keys/unlock", json={"password": "wrong"}).status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    assert 0 < int(client.post("/api/v1/keys/rotate", json={"password": PASSWORD}).headers["Retry-After"]) <= 900


def test_thirty_wrong_words_at_once_are_ten_that_are_checked(house: House) -> None:
    clients = [house.client() for _ in range(30)]
    with ThreadPoolExecutor(30) as pool:
        tried = pool.map(lambda one: one.post("/api/v1/keys/unlock", json={"password": "wrong"}).status_code, clients)
        assert sorted(tried) == [403] * 10 + [429] * 20


@pytest.mark.parametrize("role", ["adult", "child", "guest"])
def test_only_the_owner_manages_keys(house: House, role: str) -> None:
    client = house.member(role)  # type: ignore[arg-type]  # one of the roles
    for path in ("/system/keys", "/api/v1/keys", "/setup/sheet", "/system/keys/sheet/check"):
        assert client.get(path).status_code == 403
    for path in ("/system/keys/unlock", "/system/keys/rotate", "/system/keys/sheet", "/api/v1/keys/rotate"):
        assert client.post(path).status_code == 403
