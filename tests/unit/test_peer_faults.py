"""Faults that others have had to mend (CVEs of recorders, cameras and their libraries), each as a test of ours.

Numbered as in the project's notes. Those of cameras and their streams are tested where they live (``ELSEWHERE``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.conftest import ROOT
from tests.unit.test_web_rights import asked, walk
from vigilar.base.folder_id import make_folder_id
from vigilar.config.places import Places
from vigilar.playback.export.names import ascii_name, bundle_name, movie_name
from vigilar.processes.upgrade import prepare_start
from vigilar.store.cameras import ensure_camera
from vigilar.store.users import list_users
from vigilar.web.rights import Open, Right, declaration_of

PAGE = {"Accept": "text/html"}
HOSTILE = ("<script>alert(1)</script>", "'; DROP TABLE users; --", "$(id)", "-y", "{{7*7}}", "%s%n", "../../x")


ELSEWHERE = {
    "r21": ("tests/flow/test_mjpeg_cameras.py", "test_what_is_no_stream_is_named"),
    "r22": ("tests/flow/test_capture_rtsp.py", "test_endless_redirect_is_not_followed"),
    "r23": ("tests/unit/test_rtsp_source.py", "test_endless_garbage_ends_the_connection"),
}


def test_each_class_has_a_test() -> None:
    here = set(re.findall(r"^def test_(r\d\d)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    assert here | ELSEWHERE.keys() == {f"r{number:02d}" for number in range(1, 25)}
    for path, name in ELSEWHERE.values():
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def test_r01_no_loader_makes_objects_of_text() -> None:
    """Frigate, CVE-2023-45672: settings were read by a loader that runs what it reads."""
    makes = re.compile(r"\b(yaml|pickle\.loads?|marshal|jsonpickle|dill)\b|\beval\(|\bexec\(")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "vigilar").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if makes.search(line.partition("#")[0]) and '"' not in line
    ]
    assert found == []


@pytest.mark.parametrize("scheme", ["exec", "ffmpeg", "pipe", "concat", "data", "subfile", "http", "EXEC", " exec"])
def test_r02_no_scheme_starts_a_program(owner: FlaskClient, scheme: str) -> None:
    """Frigate, CVE-2026-25643, and go2rtc, CVE-2024-29192: an address that was a command."""
    for path in ("/api/v1/cameras", "/api/v1/cameras/test"):
        body = {"address": f"{scheme}:touch /tmp/x"} | ({"name": "a"} if path.endswith("cameras") else {})
        assert owner.post(path, json=body).status_code == 422, path


@pytest.mark.parametrize("address", [["exec:x"], {"path": "exec:x"}, {"ffmpeg": "x"}, None, 7, True])
def test_r02b_no_other_type_starts_a_program(owner: FlaskClient, address: Any) -> None:
    """Frigate, the fix of that: it missed the form as an object."""
    assert owner.post("/api/v1/cameras", json={"name": "a", "address": address}).status_code == 422


def test_r03_what_belongs_to_a_hidden_camera_is_not_found(house: House) -> None:
    """Frigate, CVE-2026-33470, and ZoneMinder, CVE-2026-54258: pictures by id, without asking whose."""
    event = house.event(camera_id="shed", still_id=house.still("shed", b"jpeg"))
    kim = house.member("adult", ["garden"])
    for path in ("still.jpg", "clip.mp4", "index.m3u8", "card"):
        assert kim.get(f"/events/{event.id}/{path}").status_code == 404, path
    for path in ("/cameras/shed/snapshot.jpg", "/cameras/shed/last.jpg", "/live/shed/mjpeg", "/footage/shed/timeline"):
        assert kim.get(path + "?from=1&to=2").status_code == 404, path


def test_r04_streams_and_sockets_have_rights_of_their_own(house: House) -> None:
    """Frigate, CVE-2026-75607: a viewer could do over the socket what the pages refused."""
    found = {rule.rule: rule for rule in house.app.url_map.iter_rules()}
    for path, right in (
        ("/events/stream", Right.SEE_EVENTS),
        ("/live/<camera_id>/mjpeg", Right.SEE_LIVE),
        ("/live/<camera_id>/ws", Right.SEE_LIVE),
    ):
        assert declaration_of(house.app.view_functions[found[path].endpoint]) is right
    assert [rule for rule in found.values() if rule.websocket] == [found["/live/<camera_id>/ws"]]


def test_r05_passwords_of_cameras_are_told_to_nobody(owner: FlaskClient, house: House) -> None:
    """Frigate, CVE-2026-75608: a helper's page showed them."""
    body = {"name": "Porch", "address": "rtsp://admin:hunter2secret@192.168.1.9/s", "record": "always"}
    owner.post("/api/v1/cameras", json=body)
    for rule, method, declared in walk(house.app):
        if method == "GET" and declared is not Open.PUBLIC and "stream" not in rule.rule:
            response = owner.get(asked(rule, "porch"), headers=PAGE)
            assert b"hunter2secret" not in response.data, rule.rule


def test_r06_no_other_site_changes_anything(house: House, owner: FlaskClient) -> None:
    """go2rtc, CVE-2024-29192: settings could be sent by any page that was visited."""
    for rule, method, _ in walk(house.app):
        if method != "GET":
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                response = owner.open(asked(rule), method=method, headers=headers)
                assert (response.status_code, response.get_json()["type"]) == (403, "request.origin"), rule.rule


@pytest.mark.parametrize("wrong", [{"$gt": ""}, [], ["sam"], 0, True, None, 1.5])
def test_r07_another_type_is_no_login(owner: FlaskClient, house: House, wrong: Any) -> None:
    """ZoneMinder, CVE-2023-26035: an object where an id was meant."""
    assert owner
    stranger = house.client(signed_in=False)
    for body in ({"name": wrong, "password": PASSWORD}, {"name": NAME, "password": wrong}):
        assert stranger.post("/api/v1/login", json=body).status_code == 422


def test_r08_view_that_says_nothing_answers_nobody(house: House) -> None:
    """motionEye, CVE-2026-55863, and Hikvision, CVE-2017-7921: one handler lacked the question."""
    house.app.add_url_rule("/new", "new", lambda: "secret")
    assert house.client().get("/new").status_code == 500
    assert house.client(signed_in=False).get("/new").status_code == 500


@pytest.mark.parametrize("value", ["if(sleep(6))", "1 OR 1=1", "ts; DROP TABLE users", "' UNION SELECT 1 --"])
def test_r09_columns_and_filters_are_values(owner: FlaskClient, value: str) -> None:
    """ZoneMinder, CVE-2024-43360 and -51482, CVE-2023-26034: SQL in sort, tag and attribute."""
    for name in ("sort", "order", "type", "severity", "camera", "q", "cursor", "limit"):
        response = owner.get("/api/v1/events", query_string={name: value})
        assert response.status_code in (200, 422), name
        assert not (response.get_json() or {}).get("events"), name


def test_r10_hostile_names_do_no_harm_later(owner: FlaskClient, house: House) -> None:
    """ZoneMinder, CVE-2026-27470: a stored name became SQL in another query."""
    for number, name in enumerate(HOSTILE):
        ensure_camera(house.store, f"c{number}", name, 1)
        made = owner.post("/api/v1/members", json={"name": name, "role": "guest", "password": PASSWORD})
        assert made.status_code == 201
        assert owner.post("/api/v1/tokens", json={"name": name, "rights": ["see_events"]}).status_code == 201
        house.event(camera_id=f"c{number}", title=name)
        assert owner.get("/api/v1/events", query_string={"q": name, "camera": name}).status_code in (200, 422)
    assert len(list_users(house.store)) == 1 + len(HOSTILE)


@pytest.mark.parametrize("name", [*HOSTILE, "-rf", "a\nb", "`id`", "$IFS", "..", "a;b|c&d", "\x00", "con/../x"])
def test_r11_no_name_reaches_a_shell(name: str) -> None:
    """ZoneMinder, CVE-2026-102608, motionEye, CVE-2025-47782, and Hikvision, CVE-2021-36260: a name was part of a
    command. Here no command has a shell, and a name is only ever that of a file to save."""
    for made in (movie_name(name, 1, UTC), bundle_name(name, 1, UTC)):
        assert re.match(r"[^-./\\]", made), made
        assert not re.search(r"[\x00-\x1f/\\<>:|]", made), made
    shells = re.compile(r"shell\s*=\s*True|os\.(system|popen|exec)|getoutput|pty\.spawn")
    found = [str(path) for path in (ROOT / "vigilar").rglob("*.py") if shells.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_r12_names_are_text_on_every_page(owner: FlaskClient) -> None:
    """ZoneMinder, CVE-2016-10203: a name was markup."""
    for name in HOSTILE:
        owner.post("/api/v1/members", json={"name": name, "role": "guest", "password": PASSWORD})
        owner.post("/api/v1/tokens", json={"name": name, "rights": ["see_events"]})
        owner.post("/api/v1/pairings", json={"device": name})
        phone = owner.post("/settings/account/phones", data={"device": name})
        assert "<script>alert" not in phone.text
    for path in ("/settings/members", "/settings/members/2", "/settings/keys", "/settings/audit", "/settings/account"):
        page = owner.get(path, headers=PAGE)
        assert page.status_code == 200
        assert "<script>alert" not in page.text, path
        assert "49" not in page.text.partition("{{7*7}}")[0][-3:], path


def test_r13_no_setting_is_a_pattern_of_file_names() -> None:
    """motionEye, CVE-2025-60787: a pattern for file names went into a command. Here none is asked for."""
    keys = re.findall(r"^\| `([a-z_0-9]+)` \|", (ROOT / "docs/ref/configuration.md").read_text(encoding="utf-8"), re.M)
    assert len(keys) > 100
    assert [key for key in keys if re.search(r"pattern|format|template|filename|command|script|exec", key)] == []


@pytest.mark.parametrize("name", [*HOSTILE, 'a"; x=1', "a\r\nSet-Cookie: x=1", "\x00", "Tür"])
def test_plain_name_of_a_download_ends_no_header(name: str) -> None:
    plain = ascii_name(name)
    assert plain.isascii()
    assert plain.isprintable()
    assert '"' not in plain


@pytest.mark.parametrize("path", ["..%2f..%2fvigilar.toml", "%2fetc%2fpasswd", "..\\..\\x", "%00", "%c0%ae%c0%ae/x"])
def test_r14_no_path_leaves_its_folder(owner: FlaskClient, path: str) -> None:
    """motionEye, CVE-2026-55488: an absolute path dropped the folder before it."""
    for place in ("/static/1/", "/exports/1/files/", "/footage/garden/", "/cameras/", "/live/", "/s/"):
        assert owner.get(place + path, follow_redirects=True).status_code in (404, 405), place


def test_r15_what_is_secret_is_readable_by_the_service_alone(tmp_path: Path) -> None:
    """motionEye, CVE-2026-32315: the file with the password was everybody's to read."""
    places = Places(tmp_path / "vigilar.toml", tmp_path / "data", tmp_path / "secrets", may_lack_config=True)
    places.data_dir.mkdir(mode=0o700)
    make_folder_id(places.data_dir)
    prepare_start(places)
    found = list(places.secrets_dir.rglob("*"))
    assert {path.name for path in found} >= {"setup-code", "intermediate.key", "serving.pem"}
    assert [str(path) for path in (*found, places.secrets_dir) if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("query", [f"user={NAME}&password={PASSWORD}", "token=x", "auth=1", "_signature=0", "uid=1"])
def test_r16_no_address_signs_in(owner: FlaskClient, house: House, query: str) -> None:
    """motionEye, CVE-2026-46488: an address with a signature, to be used again by whoever saw it."""
    assert owner
    stranger = house.client(signed_in=False)
    for path in ("/api/v1/events", "/live/contact-sheet.jpg", "/events/stream"):
        assert stranger.get(f"{path}?{query}").status_code == 401


def test_r17_before_the_first_login_nothing_is_told(house: House) -> None:
    """motionEye, CVE-2022-25568: settings were open while no password was set."""
    stranger = house.client(signed_in=False)
    for rule, method, _ in walk(house.app):
        response = stranger.open(asked(rule), method=method)
        assert (response.status_code, response.get_json()["type"]) == (401, "setup.needed"), rule.rule
    for path in ("/setup", "/trust", "/login"):
        page = stranger.get(path, headers=PAGE)
        assert not any(word in page.text for word in ("Garden", "Front door", "192.168.1.24")), path


def test_r18_key_is_compared_as_a_value(owner: FlaskClient, house: House) -> None:
    """Shinobi, CVE-2021-27228: the name of a property was a valid key."""
    token = owner.post("/api/v1/tokens", json={"name": "a", "rights": ["see_events"]}).get_json()["token"]
    client = house.app.test_client(use_cookies=False)
    assert client.get("/api/v1/events", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    for wrong in ("constructor", "__proto__", "toString", token[:-1], f"{token}0", token.upper(), token[8:], "*", "%"):
        response = client.get("/api/v1/events", headers={"Authorization": f"Bearer {wrong}"})
        assert response.status_code == 401, wrong


@pytest.mark.parametrize(
    "headers",
    [
        {"Remote-User": NAME},
        {"X-Remote-User": NAME},
        {"X-Forwarded-User": NAME},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Vigilar-Client": "127.0.0.1", "X-Vigilar-Tls": "1"},
        {"Authorization": "Basic c2FtOmNvcnJlY3QgaG9yc2U="},
    ],
)
def test_r19_nothing_a_client_claims_is_proof(owner: FlaskClient, house: House, headers: dict[str, str]) -> None:
    """Dahua, CVE-2021-33044: the client said what sort of client it was, and was believed."""
    assert owner
    stranger = house.client(signed_in=False)
    assert stranger.get("/api/v1/me", headers=headers).status_code == 401
    body = {"name": NAME, "password": PASSWORD, "role": "owner"}
    assert stranger.post("/api/v1/login", json=body, headers=headers).status_code == 422


def test_r20_session_is_random_and_the_servers(owner: FlaskClient, house: House) -> None:
    """TBK, CVE-2018-9995: the cookie ``uid=admin`` was enough."""
    assert owner
    client = house.app.test_client(use_cookies=False)
    tokens = set()
    for _ in range(20):
        answer = client.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        tokens.add(answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0])
    assert len(tokens) == 20
    assert all(re.fullmatch(r"[0-9a-f]{64}", token) for token in tokens)
    for cookie in ("uid=admin", f"vigilar_session={NAME}", "vigilar_session=1", "session=eyJpZCI6MX0"):
        assert client.get("/api/v1/me", headers={"Cookie": cookie}).status_code == 401


def test_r24_no_cache_mixes_members(owner: FlaskClient, house: House) -> None:
    """Flask, CVE-2023-30861 and CVE-2026-27205: a cache in between gave one member's page to another."""
    for rule, method, _ in walk(house.app):
        if method == "GET" and "stream" not in rule.rule:
            response = owner.get(asked(rule, "garden"), headers=PAGE)
            kept = response.headers.get("Cache-Control", "")
            assert "no-store" in kept or "private" in kept, rule.rule
    worker = owner.get("/sw.js").text
    kept_by_worker = json.loads(worker[worker.index("{") : worker.index(";\n")])
    for path in (*kept_by_worker["shell"], kept_by_worker["offline"]):
        answer = house.client(signed_in=False).get(path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"].startswith("public"), (
            "our own worker keeps what is public, and only that"
        )
