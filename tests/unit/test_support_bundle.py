"""The file for support: secrets planted everywhere, none of them in it."""

from __future__ import annotations

import base64
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.ready_store import lay_database
from vigilar.base.folder_id import make_folder_id
from vigilar.cli.program import run
from vigilar.cli.support_bundle import make_bundle
from vigilar.config.places import Places, find_places
from vigilar.health.scrub import REMOVED, Scrubber
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.users import create_owner
from vigilar.vge.key_store import prepare_keys

CANARIES = (
    "canary-password-1", "canary-user-2", "canary-in-path-3", "canary-bus-4", "canary-log-5", "canary-event-6",
    "canary-hash-7", "canary-member-8", "canary-title-9",
)  # fmt: skip


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A house with a secret wherever one may be."""
    monkeypatch.setenv("VIGILAR_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "data"
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    make_folder_id(folder)
    lay_database(folder)
    prepare_keys(folder / "secrets")
    login = {"user": "canary-user-2", "password": "canary-password-1"}
    (folder / "secrets" / "shed.json").write_text(json.dumps(login))
    (folder / "secrets" / "shed.json").chmod(0o600)
    (folder / "broker").mkdir()
    (folder / "broker" / "accounts").write_text("web:canary-bus-4\ncanary-bus-4\n")
    camera = "rtsp://10.9.8.7:554/user=x&password=canary-in-path-3/stream"
    (folder / "vigilar.toml").write_text(
        '[house]\nname = "Maple"\n[[camera]]\nname = "Shed"\n'
        f'address = "{camera.replace("user=x&password=canary-in-path-3/", "")}"\nlogin = "secret:shed"\n'
    )
    store = Store.open(f"sqlite:///{folder}/vigilar.db")
    create_owner(store, "canary-member-8", "$argon2id$canary-hash-7", 1)
    ensure_camera(store, "shed", "Shed", 1)
    told = {"reason": f"Refused at {camera} for canary-password-1", "title": "canary-title-9", "key": "canary-event-6"}
    new = NewEvent(uid="1", type="camera_offline", severity="INFO", source_id="shed", ts_ms=5, payload=told)
    assert insert_event(store, new, now_ms=5)
    store.close()
    journal = tmp_path / "bin" / "journalctl"
    journal.parent.mkdir()
    journal.write_text(
        f"#!/bin/sh\necho 'started'\necho 'open {camera}'\necho 'login=canary-log-5 token: canary-log-5'\n"
        "echo 'said canary-password-1 by canary-user-2'\n"
    )
    journal.chmod(0o755)
    monkeypatch.setenv("PATH", f"{journal.parent}:{os.environ['PATH']}")
    return find_places(data_dir=folder, environ={})


def inside(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        return {name: made.read(name).decode() for name in made.namelist()}


def test_no_secret_and_no_key_is_in_it(places: Places) -> None:
    texts = inside(make_bundle(places))
    whole = "\n".join(texts.values())
    assert [one for one in CANARIES if one in whole] == []
    for path in places.secrets_dir.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for spelling in (data.hex(), base64.b64encode(data).decode()):
                assert spelling not in whole, path
            for row in data.decode("utf-8", "ignore").splitlines():
                assert len(row) < 16 or row.startswith("-----") or row not in whole, path


def test_it_lists_what_is_inside_and_what_helps_is_there(places: Places) -> None:
    texts = inside(make_bundle(places))
    for name in texts:
        assert name == "README.txt" or name in texts["README.txt"]
    assert "10.9.8.7" in texts["settings.json"]
    assert json.loads(texts["settings.json"])["camera"][0]["login"] == REMOVED
    assert json.loads(texts["status.json"]) is not None
    assert "started" in texts["log.txt"]
    assert {one["id"] for one in json.loads(texts["doctor.json"])} >= {"service", "database", "camera:shed"}
    assert json.loads(texts["rows.json"])["users"] == 1
    [event] = json.loads(texts["events.json"])
    assert (event["type"], event["source"]) == ("camera_offline", "shed")
    assert event["reason"].startswith("Refused at rtsp://10.9.8.7:554")


def test_pictures_and_recordings_stay_at_home(places: Places) -> None:
    footage = places.data_dir / "footage" / "shed" / "day"
    footage.mkdir(parents=True)
    (footage / "000001.vge").write_bytes(b"a sealed picture " * 1000)
    data = make_bundle(places)
    assert "a sealed picture" not in "".join(inside(data).values())
    assert all(name.endswith((".txt", ".json")) for name in inside(data))


def test_broken_settings_stop_nothing(places: Places) -> None:
    places.config_file.write_text("nonsense")
    texts = inside(make_bundle(places))
    assert texts["settings.json"].startswith("Could not be read")
    assert "Vigilar" in texts["versions.txt"]


def test_command_writes_a_new_file_only(places: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "support.zip"
    folder = str(places.data_dir)
    assert run(["support-bundle", str(target), "--data-dir", folder]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "README.txt"
    assert zipfile.is_zipfile(target)
    assert run(["support-bundle", str(target), "--data-dir", folder]) == 14
    assert run(["support-bundle", "--data-dir", folder]) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("open rtsp://a:b@10.0.0.7:554/live?x=1", "open rtsp://10.0.0.7:554/…"),
        ("https://hooks.example/abc/def", "https://hooks.example/…"),
        ("http://u:p/w@cam/", "http://cam/…"),
        ("rtsp://[fe80::1]:554", "rtsp://[fe80::1]:554"),
        ("sftp://nas", "sftp://nas"),
        ("password=abc def", "password=*** def"),
        ("it said topsecret once", f"it said {REMOVED} once"),
    ],
)
def test_addresses_lose_all_but_kind_and_host(text: str, shown: str) -> None:
    assert Scrubber(["topsecret", "abc"]).text(text) == shown


def test_values_of_secret_like_names_go_whole() -> None:
    plain = Scrubber([]).plain({"ntfy": {"topic": "x", "server": "https://ntfy.example/x"}, "api_token": "t", "n": 5})
    assert plain == {"ntfy": {"topic": REMOVED, "server": "https://ntfy.example/…"}, "api_token": REMOVED, "n": 5}


@pytest.mark.parametrize(
    "written", ['p\u00e4ss w/"rd', "p%C3%A4ss%20w%2F%22rd", "p%C3%A4ss+w%2F%22rd", 'p\\u00e4ss w/\\"rd']
)
def test_secret_goes_however_it_is_written(written: str) -> None:
    scrubber = Scrubber(['p\u00e4ss w/"rd'])
    assert scrubber.text(f"refused: {written}.") == f"refused: {REMOVED}."
