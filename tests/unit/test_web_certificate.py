"""The owner's own certificate by page and API: looked at first, used, taken back, and never shown with its key."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from vigilar.door.authority import issue_leaf, load_or_create_authority
from vigilar.door.certificates import CertificateState, utc_now

PAGE = {"Accept": "text/html"}
PATH = "/settings/certificate"
BEGIN = b"-----BEGIN CERTIFICATE-----"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "house").mkdir()
    with open_house(tmp_path / "house") as house:
        house.parts.cfg.config_file.write_text('# mine\n[web]\nnames = ["old.example"] # stays\n', encoding="utf-8")
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


@pytest.fixture
def own(tmp_path: Path) -> tuple[bytes, bytes]:
    """Certificate with its chain, and key."""
    return made(tmp_path / "other")


def made(folder: Path) -> tuple[bytes, bytes]:
    authority = load_or_create_authority(folder, ("cams.example",), utc_now())
    key, _, rest = issue_leaf(authority, ("cams.example",), (), utc_now()).partition(BEGIN)
    return BEGIN + rest, key


def settings(house: House) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(house.parts.cfg.config_file.read_text(encoding="utf-8"))["web"]
    return found


def upload(client: FlaskClient, certificate: bytes, key: bytes) -> Any:
    data = {
        "way": "upload",
        "certificate": (io.BytesIO(certificate), "fullchain.pem"),
        "key": (io.BytesIO(key), "privkey.pem"),
    }
    return client.post(PATH, data=data, headers=PAGE)


def test_uploaded_files_are_used_and_taken_back(house: House, owner: FlaskClient, own: tuple[bytes, bytes]) -> None:
    before = house.parts.cfg.config_file.read_text(encoding="utf-8")
    assert upload(owner, *own).status_code == 303
    web = settings(house)
    assert web["names"] == ["old.example", "cams.example"]
    assert (Path(web["certificate"]).read_bytes(), Path(web["key"]).read_bytes()) == own
    for path in (web["certificate"], web["key"]):
        assert Path(path).is_relative_to(house.parts.cfg.secrets_dir)
        assert Path(path).stat().st_mode & 0o077 == 0
    assert house.parts.cfg.config_file.read_text(encoding="utf-8").startswith("# mine\n")
    shown = owner.get(PATH, headers=PAGE).text
    assert "Undo: the certificate" in shown
    answer = owner.post("/settings/undo", data={"back": PATH})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}?saved=undone#top")
    assert house.parts.cfg.config_file.read_text(encoding="utf-8") == before


def test_second_of_two_keeps_the_files_of_the_first(
    house: House, owner: FlaskClient, own: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """Taking it back finds them."""
    upload(owner, *own)
    first = settings(house)
    assert upload(owner, *made(tmp_path / "third")).status_code == 303
    assert owner.post("/api/v1/settings/undo", json={}).get_json() == {"undone": "the certificate"}
    assert settings(house) == first
    assert (Path(first["certificate"]).read_bytes(), Path(first["key"]).read_bytes()) == own


@pytest.mark.parametrize("swap", ["key", "certificate", "both"])
def test_files_that_do_not_fit_change_nothing(
    house: House, owner: FlaskClient, own: tuple[bytes, bytes], tmp_path: Path, swap: str
) -> None:
    certificate, key = own
    other_certificate, other_key = made(tmp_path / "third")
    wanted = {"key": (certificate, other_key), "certificate": (other_certificate, key), "both": (key, certificate)}
    before = settings(house)
    answer = upload(owner, *wanted[swap])
    assert answer.status_code == 422
    says = "were the two files mixed up?" if swap == "both" else "The key does not belong to this certificate"
    assert says in answer.text
    assert settings(house) == before
    assert not (house.parts.cfg.secrets_dir / "certificates" / "own").exists()


def test_paths_are_checked_and_used(house: House, owner: FlaskClient, own: tuple[bytes, bytes], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("fullchain.pem", "privkey.pem")]
    form = {"way": "paths", "certificate": str(files[0]), "key": str(files[1])}
    missing = owner.post(PATH, data=form, headers=PAGE)
    assert (missing.status_code, f"The certificate {files[0]} cannot be read" in missing.text) == (422, True)
    relative = owner.post(PATH, data={**form, "key": "privkey.pem"}, headers=PAGE)
    assert "The path of the key begins with a slash" in relative.text
    for file, content in zip(files, own, strict=True):
        file.write_bytes(content)
    assert owner.post(PATH, data=form).status_code == 303
    assert (settings(house)["certificate"], settings(house)["key"]) == (str(files[0]), str(files[1]))
    assert owner.post(PATH, data={"way": "house"}).status_code == 303
    assert settings(house).keys() == {"names"}


def test_file_that_was_not_chosen_is_asked_for(owner: FlaskClient, own: tuple[bytes, bytes]) -> None:
    answer = upload(owner, own[0], b"")
    assert (answer.status_code, "Choose the file with the key." in answer.text) == (422, True)


def test_program_of_the_owner_does_the_same(house: House, owner: FlaskClient, own: tuple[bytes, bytes]) -> None:
    body = {"certificate": own[0].decode(), "key": own[1].decode()}
    answer = owner.put("/api/v1/certificate", json=body)
    assert (answer.status_code, answer.get_json()["names"]) == (200, ["cams.example"])
    told = owner.get("/api/v1/certificate")
    assert told.get_json()["files"]["certificate"] == settings(house)["certificate"]
    assert b"PRIVATE KEY" not in told.data
    wrong = owner.put("/api/v1/certificate", json={**body, "key": "x"})
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "key")
    no_text = owner.put("/api/v1/certificate", json={**body, "certificate": "\ud800"})
    assert (no_text.status_code, no_text.get_json()["field"]) == (422, "certificate")
    assert owner.delete("/api/v1/certificate").status_code == 204
    assert "certificate" not in settings(house)


def test_it_may_be_changed_while_armed_and_only_by_an_owner(
    house: House, owner: FlaskClient, own: tuple[bytes, bytes]
) -> None:
    """It guards nothing, and one that ends must be mended also while everybody is away."""
    assert owner.post("/api/v1/arm", json={"mode": "home", "override": True}).status_code == 200
    assert upload(owner, *own).status_code == 303
    assert upload(house.member("adult"), *own).status_code == 403


LOOK = "Other machines of the network may sign in without HTTPS and look"
INSTALL = "sudo apt-get install haproxy"
WORDS = {
    (True, False): {LOOK, "When all your devices trust the house", "Come by HTTPS to change this."},
    (True, True): {"Other machines see nothing without HTTPS but the page", "Let them look again"},
    (False, False): {LOOK, "without it other machines may look and change nothing.", INSTALL, "This can be ended when"},
    (False, True): {
        "Other machines see nothing without HTTPS.",
        "without it other machines see nothing.",
        INSTALL,
        "Let them look again",
    },
}
"""What the page says, by whether there is a door and whether plain HTTP is closed."""


@pytest.mark.parametrize(("has_door", "https_only"), WORDS)
def test_words_fit_what_other_machines_see(house: House, owner: FlaskClient, has_door: bool, https_only: bool) -> None:
    file = house.parts.cfg.config_file
    file.write_text(f"[web]\nhttps_only = {str(https_only).lower()}\n", encoding="utf-8")
    house.parts.use_settings(replace(house.parts.cfg, has_door=has_door, https_only=https_only))
    if has_door:
        house.parts.certificate = lambda: CertificateState("ok", "The house's own.")
    for path in (PATH, "/trust"):
        text = owner.get(path, headers=PAGE).text
        assert (INSTALL in text) is not has_door, path
    text = re.sub(r"<[^>]+>", "", owner.get(PATH, headers=PAGE).text)
    assert {one for words in WORDS.values() for one in words if one in text} == WORDS[has_door, https_only]


def test_plain_http_is_closed_from_a_device_that_came_by_https(house: House, owner: FlaskClient) -> None:
    """From the box itself nobody knows whether another machine can come in by HTTPS."""
    answer = owner.post(PATH, data={"way": "close"}, headers=PAGE)
    assert (answer.status_code, "https_only" in settings(house)) == (409, False)
    assert "Show pages over HTTPS only" not in owner.get(PATH, headers=PAGE).text
    secure = {"base_url": "https://192.168.1.20:49735", "environ_overrides": {"REMOTE_ADDR": "192.168.1.30"}}
    far = house.client(signed_in=False)
    assert far.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}, **secure).status_code == 200
    assert "Show pages over HTTPS only" in far.get(PATH, headers=PAGE, **secure).text
    assert far.post(PATH, data={"way": "close"}, headers=PAGE, **secure).status_code == 303
    assert settings(house)["https_only"] is True
    assert "Let them look again" in far.get(PATH, headers=PAGE, **secure).text
    assert far.post(PATH, data={"way": "open"}, headers=PAGE, **secure).status_code == 303
    assert settings(house)["https_only"] is False
    written = [one["sentence"] for one in owner.get("/api/v1/audit").get_json()["entries"]]
    assert [sum(words in one for one in written) for words in ("seen without HTTPS", "HTTPS again")] == [2, 1]
