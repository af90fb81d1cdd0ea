"""What anybody and what an owner gets from the pages and the API, through Flask's own client."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.probe_kit import said
from tests.recording_kit import Clip, make_clip
from vigilar.base.keep_rules import KeepRules
from vigilar.base.page_headers import CSP
from vigilar.base.setup_code import make_setup_code
from vigilar.config.secrets import SecretStore
from vigilar.store.files import get_file
from vigilar.store.holdings import find_word
from vigilar.web.health import STARTING_MS
from vigilar.web.openapi import openapi_document
from vigilar.web.probe import ProbeWish, Tell
from vigilar.web.security import is_known_host

PAGE = {"Accept": "text/html"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


@pytest.fixture
def stranger(owner: FlaskClient, house: House) -> FlaskClient:
    """Somebody without a session, in a house that has an owner."""
    assert owner
    return house.client(signed_in=False)


def code_of(response: Any) -> str:
    assert response.mimetype == "application/problem+json"
    facts = response.get_json()
    assert {"type", "title", "status", "detail"} <= set(facts)
    return str(facts["type"])


class TestFirstRun:
    def test_every_page_leads_to_setup(self, house: House) -> None:
        client = house.client(signed_in=False)
        for path in ("/", "/live", "/events", "/system", "/login", "/events/1", "/nothing"):
            assert client.get(path, headers=PAGE).headers["Location"].endswith("/setup"), path

    def test_api_says_what_is_needed(self, house: House) -> None:
        response = house.client(signed_in=False).get("/api/v1/events")
        assert (response.status_code, code_of(response)) == (401, "setup.needed")

    def test_form_without_script_makes_owner(self, house: House) -> None:
        client = house.client(signed_in=False)
        assert client.get("/setup").status_code == 200
        response = client.post("/setup", data={"name": NAME, "password": PASSWORD})
        assert (response.status_code, response.headers["Location"]) == (303, "/setup/sheet")
        assert client.get("/live", headers=PAGE).status_code == 200

    @pytest.mark.parametrize(("scheme", "following"), [("http", "/trust"), ("https", "/setup/sheet")])
    def test_owner_made_from_another_machine_is_led_to_a_page_that_opens(
        self, house: House, scheme: str, following: str
    ) -> None:
        client = house.client(signed_in=False)
        where: Any = {
            "base_url": f"{scheme}://192.168.1.20:49735",
            "environ_overrides": {"REMOTE_ADDR": "192.168.1.30"},
        }
        wanted = {"name": NAME, "password": PASSWORD, "code": make_setup_code(house.folder / "secrets")}
        led = client.post("/setup", data=wanted, **where)
        assert (led.status_code, led.headers["Location"]) == (303, following)
        assert client.get(following, headers=PAGE, **where).status_code == 200

    def test_second_owner_is_refused(self, stranger: FlaskClient) -> None:
        response = stranger.post("/api/v1/setup", json={"name": "eve", "password": "long enough"})
        assert (response.status_code, code_of(response)) == (409, "setup.done")
        assert stranger.get("/setup", headers=PAGE).headers["Location"] == "/login"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"name": "sam", "password": "short"}, "user.password"),
            ({"name": "sam", "password": "x" * 300}, "user.password"),
            ({"name": "   ", "password": PASSWORD}, "user.name"),
            ({"name": "x" * 65, "password": PASSWORD}, "user.name"),
            ({"name": "a\u202eb", "password": PASSWORD}, "user.name_chars"),
            ({"name": "\u3164", "password": PASSWORD}, "user.name_chars"),
            ({"name": "sam\u2800", "password": PASSWORD}, "user.name_chars"),
            ({"name": "sam"}, "body.missing"),
            ({"name": "sam", "password": 12345678}, "body.type"),
            ({"name": "sam", "password": PASSWORD, "role": "owner"}, "body.unknown"),
        ],
    )
    def test_bad_login_is_named(self, house: House, body: dict[str, Any], code: str) -> None:
        response = house.client(signed_in=False).post("/api/v1/setup", json=body)
        assert (response.status_code, code_of(response)) == (422, code)


class TestSessions:
    def test_nothing_without_a_session(self, house: House, stranger: FlaskClient) -> None:
        """Every route but the few that must be open; a new one is private by itself."""
        open_rules = {"/healthz", "/setup", "/login", "/api/v1/setup", "/api/v1/login", "/static/<version>/<path:name>"}
        open_rules |= {"/pair", "/api/v1/pair", "/api/v1/passkey/options", "/api/v1/passkey/login"}
        open_rules |= {"/manifest.webmanifest", "/offline"}  # the same for everybody: test_phone_app
        open_rules |= {"/sw.js", "/trust", "/trust/check", "/trust/vigilar.cer", "/trust/vigilar.mobileconfig"}
        open_rules |= {"/api/v1/push/shown"}  # a receipt has a token of its own: test_web_push
        open_rules |= {"/verify", "/s/<token>", "/s/<token>/<int:number>"}  # the token is the key: test_web_exports
        for rule in house.app.url_map.iter_rules():
            if rule.rule in open_rules:
                continue
            path = rule.rule.replace("<int:", "<")
            while "<" in path:
                path = path[: path.index("<")] + "1" + path[path.index(">") + 1 :]
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                assert stranger.open(path, method=method).status_code == 401, (method, path)

    def test_pages_lead_to_login_and_back(self, stranger: FlaskClient) -> None:
        where = stranger.get("/events?camera=garden", headers=PAGE).headers["Location"]
        assert where == "/login?next=/events?camera%3Dgarden"
        response = stranger.post("/login", data={"name": "SAM", "password": PASSWORD, "next": "/events?camera=garden"})
        assert (response.status_code, response.headers["Location"]) == (303, "/events?camera=garden")

    @pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "events", "/a\nb"])
    def test_return_path_stays_on_this_box(self, stranger: FlaskClient, path: str) -> None:
        response = stranger.post("/login", data={"name": NAME, "password": PASSWORD, "next": path})
        assert response.headers["Location"] == "/live"

    @pytest.mark.parametrize(("name", "password"), [(NAME, "wrong"), ("nobody", PASSWORD), ("nobody", "x" * 5000)])
    def test_wrong_login_tells_nothing(self, stranger: FlaskClient, name: str, password: str) -> None:
        response = stranger.post("/api/v1/login", json={"name": name, "password": password})
        assert (response.status_code, code_of(response)) == (401, "login.wrong")
        assert "Set-Cookie" not in response.headers

    def test_cookie_is_hard_to_steal(self, stranger: FlaskClient) -> None:
        response = stranger.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert len(cookie.split("=", 1)[1].split(";")[0]) == 64

    def test_login_changes_the_token_and_ends_the_old(self, house: House, stranger: FlaskClient) -> None:
        body = {"name": NAME, "password": PASSWORD}
        first = stranger.post("/api/v1/login", json=body).headers["Set-Cookie"].split(";")[0]
        second = stranger.post("/api/v1/login", json=body).headers["Set-Cookie"].split(";")[0]
        assert first != second
        other = house.app.test_client(use_cookies=False)
        assert other.get("/api/v1/events", headers={"Cookie": first}).status_code == 401
        assert other.get("/api/v1/events", headers={"Cookie": second}).status_code == 200

    def test_logout_ends_the_session_everywhere(self, house: House, stranger: FlaskClient) -> None:
        response = stranger.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        cookie = {"Cookie": response.headers["Set-Cookie"].split(";")[0]}
        other = house.app.test_client(use_cookies=False)
        assert other.get("/api/v1/events", headers=cookie).status_code == 200
        assert stranger.post("/api/v1/logout").status_code == 204
        assert other.get("/api/v1/events", headers=cookie).status_code == 401

    @pytest.mark.parametrize("value", ["uid=admin", "0" * 64, "z" * 63, "x" * 10_000, "%00"])
    def test_forged_cookie_is_refused_and_cleared(self, house: House, stranger: FlaskClient, value: str) -> None:
        assert stranger
        client = house.app.test_client(use_cookies=False)
        response = client.get("/api/v1/events", headers={"Cookie": f"vigilar_session={value}"})
        assert (response.status_code, code_of(response)) == (401, "session.invalid")
        assert "Max-Age=0" in response.headers["Set-Cookie"]

    def test_eleventh_wrong_login_has_to_wait(self, stranger: FlaskClient) -> None:
        body = {"name": NAME, "password": "wrong password"}
        codes = [stranger.post("/api/v1/login", json=body).status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        response = stranger.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        assert (response.status_code, code_of(response)) == (429, "login.wait")
        assert 50 <= int(response.headers["Retry-After"]) <= 60

    def test_right_logins_are_not_counted(self, stranger: FlaskClient) -> None:
        body = {"name": NAME, "password": PASSWORD}
        assert {stranger.post("/api/v1/login", json=body).status_code for _ in range(12)} == {200}


class TestRequests:
    @pytest.mark.parametrize(
        ("host", "is_ours"),
        [
            ("localhost:49735", True),
            ("127.0.0.1", True),
            ("192.168.1.20:49735", True),
            ("[::1]:49735", True),
            ("vigilar.local", True),
            ("box.example:80", True),
            ("evil.example:49735", False),
            ("127.0.0.1.evil.example", False),
            ("", False),
            ("a b", False),
            ("[::1", False),
            ("user@evil.example", False),
        ],
    )
    def test_host_names(self, host: str, is_ours: bool) -> None:
        assert is_known_host(host, {"localhost", "box.example"}) is is_ours

    def test_foreign_host_gets_a_clear_page(self, owner: FlaskClient) -> None:
        response = owner.get("/events", headers={"Host": "evil.example:49735", **PAGE})
        assert response.status_code == 421
        assert b"Lindenweg" not in response.data
        assert "add it to the configuration file: [web] names = [&#34;evil.example&#34;]." in response.text
        style = re.search(rb'href="(/static/[^"]+vigilar.css)"', response.data)
        assert style is not None
        assert owner.get(style[1].decode(), headers={"Host": "evil.example"}).status_code == 200
        assert b"does not answer to that name" in response.data
        assert b"Sign out" not in response.data

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://[::1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://localhost:1"},
        ],
    )
    def test_foreign_origin_changes_nothing(self, owner: FlaskClient, headers: dict[str, str]) -> None:
        response = owner.post("/api/v1/logout", headers=headers)
        assert (response.status_code, code_of(response)) == (403, "request.origin")
        assert owner.get("/api/v1/events").status_code == 200

    @pytest.mark.parametrize(("origin", "status"), [("http", 403), ("https", 204)])
    def test_page_anybody_could_have_written_changes_nothing_securely(
        self, owner: FlaskClient, house: House, origin: str, status: int
    ) -> None:
        """One port speaks both: of the same name and port, but not encrypted, it is another site."""
        secure = house.app.test_client()
        base = "https://localhost"
        secure.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}, base_url=base)
        response = secure.post("/api/v1/logout", headers={"Origin": f"{origin}://localhost"}, base_url=base)
        assert response.status_code == status

    def test_own_origin_is_fine(self, owner: FlaskClient) -> None:
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert owner.post("/api/v1/logout", headers=headers).status_code == 204

    @pytest.mark.parametrize("host", ["box.example", "192.0.2.5:49735"])
    def test_proxy_on_a_port_of_its_own_is_no_other_site(self, stranger: FlaskClient, host: str) -> None:
        """A proxy drops the port of the Host, or puts the address of the box there."""
        headers = {"Host": host, "Origin": "https://box.example:8443", "Sec-Fetch-Site": "same-origin"}
        response = stranger.post("/login", data={"name": NAME, "password": PASSWORD}, headers=headers)
        assert (response.status_code, response.headers["Location"]) == (303, "/live")

    def test_refused_origin_says_what_came_and_what_to_write(self, stranger: FlaskClient) -> None:
        headers = {"Host": "box.example", "Origin": "https://box.example:8443"}
        response = stranger.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}, headers=headers)
        assert (response.status_code, code_of(response)) == (403, "request.origin")
        sentence = response.get_json()["detail"]
        assert "came from a page of https://box.example:8443, but reached Vigilar as box.example." in sentence
        assert "proxy_set_header Host $http_host;" in sentence

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_word_of_the_browser_stands_above_the_origin(self, owner: FlaskClient, site: str) -> None:
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": site}
        assert owner.post("/api/v1/logout", headers=headers).status_code == 403

    def test_folded_host_is_refused_with_a_page(self, stranger: FlaskClient) -> None:
        response = stranger.get("/login", headers={"Host": "box.example, box.example", **PAGE})
        assert (response.status_code, b"does not answer to that name" in response.data) == (421, True)

    @pytest.mark.parametrize(
        ("path", "status"),
        [("/healthz", 200), ("/live", 200), ("/nothing", 404), ("/api/v1/nothing", 404), ("/events/9", 404)],
    )
    def test_policy_is_on_every_answer(self, owner: FlaskClient, path: str, status: int) -> None:
        response = owner.get(path, headers=PAGE)
        assert response.status_code == status
        assert response.headers["Content-Security-Policy"] == CSP
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"

    def test_policy_allows_self_only(self) -> None:
        sources = {word for rule in CSP.split(";") for word in rule.split()[1:]}
        assert sources == {"'none'", "'self'", "data:", "blob:"}

    def test_wrong_method_names_the_right_ones(self, owner: FlaskClient) -> None:
        response = owner.get("/api/v1/login")
        assert response.status_code == 405
        assert "POST" in response.headers["Allow"]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"{", "body.json"),
            (b'{"name": "\xff"}', "body.json"),
            (b'{"name": "a", "name": "b", "password": "c"}', "body.json"),
            (b'{"name": NaN}', "body.json"),
            (b"[]", "body.json"),
            (b'{"a":' * 30_000, "body.json"),
        ],
    )
    def test_bad_json_is_400(self, stranger: FlaskClient, data: bytes, code: str) -> None:
        response = stranger.post("/api/v1/login", data=data, content_type="application/json")
        assert (response.status_code, code_of(response)) == (400, code)

    def test_form_is_no_json(self, stranger: FlaskClient) -> None:
        response = stranger.post("/api/v1/login", data={"name": NAME, "password": PASSWORD})
        assert (response.status_code, code_of(response)) == (415, "body.type")

    @pytest.mark.parametrize("path", ["/api/v1/login", "/login"])
    def test_huge_body_is_413(self, stranger: FlaskClient, path: str) -> None:
        response = stranger.post(path, data=io.BytesIO(b"x" * (1024 * 1024 + 1)), content_type="application/json")
        assert response.status_code == 413

    def test_bug_shows_no_traceback(
        self, house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise RuntimeError("a secret detail")

        monkeypatch.setattr(house.parts.cameras, "all", fail, raising=True)
        response = owner.get("/api/v1/cameras")
        assert (response.status_code, code_of(response)) == (500, "server.bug")
        assert b"secret detail" not in response.data
        assert "secret detail" in caplog.text

    def test_no_page_asks_another_host(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door")
        house.event()
        for path in ("/live", "/events", "/events/1", "/watch/shed", "/system", "/cameras/add", "/nope"):
            page = owner.get(path, headers=PAGE).get_data(as_text=True)
            for word in ("http://", "https://", "<style", "style=", "onclick", "javascript:"):
                said = page.replace("http://www.w3.org/2000/svg", "").replace("or http:// for an MJPEG stream", "")
                assert word not in said, (path, word)
            assert not re.search('<script(?! type="module" src=| src=)', page), path

    def test_static_files_are_packed_and_kept(self, owner: FlaskClient) -> None:
        page = owner.get("/login", headers=PAGE).get_data(as_text=True)
        path = next(
            part.split('"')[0] for part in page.split('href="') if part.startswith("/static/") and "css" in part
        )
        response = owner.get(path, headers={"Accept-Encoding": "gzip"})
        assert response.headers["Content-Encoding"] == "gzip"
        assert "immutable" in response.headers["Cache-Control"]
        assert owner.get(path).headers.get("Content-Encoding") is None
        assert owner.get("/static/old/css/vigilar.css").headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize("name", ["../__init__.py", "..%2f__init__.py", "css", "built"])
    def test_static_serves_nothing_else(self, owner: FlaskClient, name: str) -> None:
        assert owner.get(f"/static/x/{name}").status_code == 404


class TestApiDocument:
    def test_document_and_routes_agree(self, house: House) -> None:
        described = {
            (path, method)
            for path, item in openapi_document()["paths"].items()
            for method in item
            if method != "parameters"
        }
        routes = {
            (rule.rule.replace("<int:", "<").replace("<", "{").replace(">", "}"), method.lower())
            for rule in house.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
        }
        assert described <= routes
        assert {one for one in routes if one[0].startswith("/api/")} <= described

    def test_document_is_served(self, owner: FlaskClient) -> None:
        assert owner.get("/api/v1/openapi.json").get_json()["openapi"].startswith("3.")


class TestEventsApi:
    def test_list_pages_by_cursor(self, house: House, owner: FlaskClient) -> None:
        for index in range(5):
            house.event(ts_ms=1_770_000_000_000 + index)
        first = owner.get("/api/v1/events?limit=3").get_json()
        assert [event["id"] for event in first["events"]] == [5, 4, 3]
        second = owner.get(f"/api/v1/events?limit=3&cursor={first['next']}").get_json()
        assert ([event["id"] for event in second["events"]], second["next"]) == ([2, 1], None)

    def test_filters_narrow(self, house: House, owner: FlaskClient) -> None:
        house.event(camera_id="garden", title="Motion, Garden")
        house.event("disk_full", severity="CRITICAL", title="Disk full")
        for query, ids in (
            ("camera=garden", [1]),
            ("type=disk_full", [2]),
            ("severity=CRITICAL", [2]),
            ("q=garden", [1]),
            ("camera=nobody", []),
        ):
            found = owner.get(f"/api/v1/events?{query}").get_json()
            assert [event["id"] for event in found["events"]] == ids, query

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=-1", "query.limit"),
            ("limit=0", "query.limit"),
            ("limit=501", "query.limit"),
            ("limit=1000000000", "query.limit"),
            ("limit=ten", "query.limit"),
            ("sort=if(sleep(6))", "query.sort"),
            ("severity=LOUD", "query.severity"),
            ("from=yesterday", "time.form"),
            ("from=2026-11-23T21:00:00", "time.form"),
            ("to=99999999999999999999", "time.form"),
            ("cursor=abc", "V-DB-CURSOR"),
        ],
    )
    def test_bad_query_is_422(self, owner: FlaskClient, query: str, code: str) -> None:
        response = owner.get(f"/api/v1/events?{query}")
        assert (response.status_code, code_of(response)) == (422, code)

    @pytest.mark.parametrize(
        "event_id", ["99", "-1", "0", "1e9", "9223372036854775808", "constructor", "__proto__", "%00", "1" * 400]
    )
    def test_unknown_event_is_404(self, owner: FlaskClient, event_id: str) -> None:
        response = owner.get(f"/api/v1/events/{event_id}")
        assert (response.status_code, code_of(response)) == (404, "event.unknown")

    def test_title_is_text_not_markup(self, house: House, owner: FlaskClient) -> None:
        house.event(title="<script>alert(1)</script>", reason="<b>x</b>")
        for path in ("/events", "/events/1", "/events/1/card"):
            page = owner.get(path, headers=PAGE).get_data(as_text=True)
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page

    def test_list_is_broken_by_house_day(self, house: House, owner: FlaskClient) -> None:
        house.event(ts_ms=1_769_986_740_000)  # 1 February 2026 23:59 in Berlin
        house.event(ts_ms=1_769_986_860_000)  # 00:01 of the day after
        page = owner.get("/events", headers=PAGE).get_data(as_text=True)
        assert page.index('data-day="2026-02-02"') < page.index('data-day="2026-02-01"')

    def test_camera_down_is_a_divider(self, house: House, owner: FlaskClient) -> None:
        house.event("camera_offline", "shed", severity="WARNING", length_ms=None, title="No picture from Shed")
        assert '<article class="divider' in owner.get("/events", headers=PAGE).get_data(as_text=True)

    def test_event_without_footage_says_so(self, house: House, owner: FlaskClient) -> None:
        house.event()
        assert b"There is no recording of this moment" in owner.get("/events/1", headers=PAGE).data
        assert owner.get("/events/1/clip.mp4").status_code == 404
        assert owner.get("/events/1/still.jpg").status_code == 404

    def test_still_is_served_from_its_seal(self, house: House, owner: FlaskClient) -> None:
        house.event(still_id=house.still("front-door", b"\xff\xd8 a picture"))
        response = owner.get("/events/1/still.jpg")
        assert (response.data, response.mimetype) == (b"\xff\xd8 a picture", "image/jpeg")


class TestKeepingEvents:
    def test_kept_is_of_the_house_and_seen_of_one_member(self, house: House, owner: FlaskClient) -> None:
        house.event()
        kim = house.member("adult")
        assert owner.get("/api/v1/events/1").get_json()["kept"] is False
        answer = owner.patch("/api/v1/events/1", json={"kept": True, "seen": True})
        assert answer.status_code == 200
        assert (answer.get_json()["kept"], answer.get_json()["seen"]) == (True, True)
        [theirs] = kim.get("/api/v1/events").get_json()["events"]
        assert (theirs["kept"], theirs["seen"], theirs["change"]) == (True, False, 2)
        assert owner.patch("/api/v1/events/1", json={"seen": False}).get_json()["seen"] is False
        assert owner.get("/api/v1/events/1").get_json()["kept"] is True

    def test_child_sees_and_does_not_keep(self, house: House, owner: FlaskClient) -> None:
        assert owner
        house.event()
        ben = house.member("child")
        assert ben.patch("/api/v1/events/1", json={"seen": True}).status_code == 200
        refused = ben.patch("/api/v1/events/1", json={"kept": True})
        assert (refused.status_code, code_of(refused)) == (403, "right.missing")
        assert ben.post("/events/1/keep", data={"kept": "1"}).status_code == 403
        assert b"Its recording goes" not in ben.get("/events/1", headers=PAGE).data

    @pytest.mark.parametrize("body", [{"kept": 1}, {"keep": True}, {"kept": None}, []])
    def test_bad_wish_is_refused(self, house: House, owner: FlaskClient, body: Any) -> None:
        house.event()
        assert owner.patch("/api/v1/events/1", json=body).status_code in (400, 422)

    def test_button_works_without_script(self, house: House, owner: FlaskClient) -> None:
        house.event()
        assert b'value="1"' in owner.get("/events/1", headers=PAGE).data
        assert owner.post("/events/1/keep", data={"kept": "1"}).headers["Location"] == "/events/1"
        page = owner.get("/events/1", headers=PAGE).get_data(as_text=True)
        assert "Kept: its recording is never deleted." in page
        owner.post("/events/1/keep", data={"kept": "0"})
        assert owner.get("/api/v1/events/1").get_json()["kept"] is False
        assert owner.patch("/api/v1/events/99", json={"kept": True}).status_code == 404


class TestStorage:
    def test_page_and_api_say_the_same(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        file_id = house.record("front-door", list(islice(clip.endless(), 40)), clip.run())
        row = get_file(house.store, file_id)
        assert row is not None
        found = owner.get("/api/v1/storage").get_json()
        assert found["used_bytes"] == row.size_bytes
        [camera] = found["cameras"]
        assert (camera["id"], camera["bytes"], camera["oldest_ts"]) == ("front-door", row.size_bytes, row.start_ms)
        assert found["volume"]["is_expected"] is True
        assert found["deleted"] == found["waiting"] == []
        page = owner.get("/system/storage", headers=PAGE).get_data(as_text=True)
        assert found["forecast"]["sentence"] in page
        assert "Nothing was deleted in the last 90 days." in page
        assert "Waiting for your word" not in page

    def test_first_recording_counts_while_it_grows(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        file_id = house.record("front-door", list(islice(clip.endless(), 40)), clip.run(), is_closed=False)
        row = get_file(house.store, file_id)
        assert row is not None
        [camera] = owner.get("/api/v1/storage").get_json()["cameras"]
        assert camera["oldest_ts"] == row.start_ms

    def test_owner_gives_the_word_for_what_waits(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        assert code_of(owner.post("/api/v1/storage/word")) == "retention.nothing_waits"
        file_id = house.record("front-door", list(islice(clip.endless(), 40)), clip.run())
        house.parts.use_settings(replace(house.parts.cfg, rules=KeepRules(quota_bytes=1)))
        [waiting] = owner.get("/api/v1/storage").get_json()["waiting"]
        assert waiting["why"] == "quota"
        assert waiting["sentence"] in owner.get("/system/storage", headers=PAGE).get_data(as_text=True)
        kim = house.member("adult")
        assert b"Delete these recordings" not in kim.get("/system/storage", headers=PAGE).data
        assert kim.post("/api/v1/storage/word").status_code == 403
        assert owner.post("/api/v1/storage/word").status_code == 202
        row = get_file(house.store, file_id)
        assert row is not None
        assert find_word(house.store, house.node_id) >= row.size_bytes
        assert owner.post("/system/storage/word").headers["Location"] == "/system/storage"

    def test_hidden_camera_is_left_out(self, house: House, owner: FlaskClient, clip: Clip) -> None:
        assert owner
        house.record("shed", list(islice(clip.endless(), 40)), clip.run())
        client = house.member("adult", {"garden"})
        assert client.get("/api/v1/storage").get_json()["cameras"] == []
        assert "shed" not in client.get("/system/storage", headers=PAGE).get_data(as_text=True).lower()


class TestSettingsOfTheRunningProcess:
    def test_house_name_zone_and_host_names_count_from_the_next_request_on(
        self, house: House, owner: FlaskClient
    ) -> None:
        strange = {"Host": "mill.example"}
        assert owner.get("/healthz", headers=strange).status_code == 421
        cfg = replace(house.parts.cfg, house_name="Old mill", time_zone="Asia/Tokyo", names=("mill.example",))
        house.parts.use_settings(cfg)
        assert owner.get("/healthz", headers=strange).status_code == 200
        page = owner.get("/live", headers=PAGE).get_data(as_text=True)
        assert "Old mill" in page
        assert 'data-zone="Asia/Tokyo"' in page
        assert house.parts.house_midnight_ms() % 86_400_000 == 15 * 3_600_000, "Tokyo is nine hours ahead"


class TestCamerasApi:
    def test_added_camera_is_in_the_file_without_login(self, house: House, owner: FlaskClient) -> None:
        asked: list[bool] = []
        house.parts.ask_reload = lambda: asked.append(True)
        body = {
            "name": "Back yard",
            "address": "rtsp://admin:p%40ss@192.168.1.30/one",
            "small": "rtsp://192.168.1.30/two",
        }
        response = owner.post("/api/v1/cameras", json=body)
        assert (response.status_code, response.get_json()["id"]) == (201, "back-yard")
        text = (house.folder / "vigilar.toml").read_text()
        assert 'address = "rtsp://192.168.1.30/one"' in text
        assert "p@ss" not in text
        assert "p%40ss" not in text
        assert json.loads((house.folder / "secrets/back-yard.json").read_text()) == {
            "user": "admin",
            "password": "p@ss",
        }
        assert asked == [True]
        shown = owner.get("/api/v1/cameras/back-yard").get_data(as_text=True)
        assert '"has_login":true' in shown.replace(" ", "")
        assert "p@ss" not in shown

    def test_camera_named_like_a_secret_cannot_overwrite_it(self, house: House, owner: FlaskClient) -> None:
        secrets = SecretStore(house.folder / "secrets")
        secrets.put_login("database", "vigilar", "of the database")
        body = {"name": "Database", "address": "rtsp://a.local/", "user": "u", "password": "p"}
        assert owner.post("/api/v1/cameras", json=body).status_code == 201
        assert secrets.get("database") == {"user": "vigilar", "password": "of the database"}
        assert secrets.get("database-2") == {"user": "u", "password": "p"}
        assert owner.delete("/api/v1/cameras/database").status_code == 204
        assert secrets.names() == ["database"]

    @pytest.mark.parametrize(
        ("address", "stored", "user"),
        [
            (
                "rtsp://192.0.2.8:554/user=admin_password=s3cret_channel=1_stream=0.sdp?real_stream",
                "rtsp://192.0.2.8:554/user={user}_password={password}_channel=1_stream=0.sdp?real_stream",
                "admin",
            ),
            (
                "rtsp://192.0.2.8/live=1,1&username=admin&password=s3cret",
                "rtsp://192.0.2.8/live=1,1&username={user}&password={password}",
                "admin",
            ),
            ("rtsp://192.0.2.8/s?token=s3cret", "rtsp://192.0.2.8/s?token={password}", ""),
        ],
    )
    def test_login_in_the_path_is_kept_as_a_secret(
        self,
        house: House,
        owner: FlaskClient,
        address: str,
        stored: str,
        user: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        response = owner.post("/api/v1/cameras", json={"name": "Yard", "address": address})
        assert response.status_code == 201
        text = (house.folder / "vigilar.toml").read_text()
        assert f'address = "{stored}"' in text
        secret = json.loads((house.folder / "secrets/yard.json").read_text())
        assert secret == {"user": user, "password": "s3cret"}
        shown = [owner.get(path).get_data(as_text=True) for path in ("/api/v1/cameras", "/api/v1/cameras/yard")]
        assert stored in shown[1]
        assert not any("s3cret" in one for one in (text, caplog.text, response.get_data(as_text=True), *shown))

    def test_same_address_twice_is_409(self, owner: FlaskClient) -> None:
        body = {"name": "Porch", "address": "demo:street"}
        assert owner.post("/api/v1/cameras", json=body).status_code == 201
        response = owner.post("/api/v1/cameras", json={**body, "name": "Other"})
        assert (response.status_code, code_of(response)) == (409, "camera.exists")

    def test_same_name_gets_its_own_id(self, owner: FlaskClient) -> None:
        first = owner.post("/api/v1/cameras", json={"name": "Porch", "address": "demo:street"}).get_json()
        second = owner.post("/api/v1/cameras", json={"name": "Porch", "address": "demo:hall"}).get_json()
        assert (first["id"], second["id"]) == ("porch", "porch-2")

    @pytest.mark.parametrize(
        ("address", "code"),
        [
            ("https://192.168.1.2/", "camera.scheme"),
            ("file:/etc/passwd", "camera.scheme"),
            ("concat:a|b", "camera.scheme"),
            ("-y", "camera.scheme"),
            ("rtsp://192.168.1.2/a b", "camera.url_form"),
            ("rtsp://192.168.1.2:70000/", "camera.url_form"),
            ("rtsp:///x", "camera.url_form"),
            ("demo:moon", "camera.url_form"),
        ],
    )
    def test_bad_address_is_422(self, owner: FlaskClient, address: str, code: str) -> None:
        for path in ("/api/v1/cameras", "/api/v1/cameras/test"):
            body = {"address": address} | ({"name": "X"} if path.endswith("cameras") else {})
            response = owner.post(path, json=body)
            assert (response.status_code, code_of(response)) == (422, code)

    @pytest.mark.parametrize("name", ["x" * 65, "a\u202eb", "a\x00b", "  "])
    def test_bad_name_is_422(self, owner: FlaskClient, name: str) -> None:
        response = owner.post("/api/v1/cameras", json={"name": name, "address": "demo:street"})
        assert response.status_code == 422
        assert code_of(response).startswith("camera.name")

    @pytest.mark.parametrize("name", ["'; DROP TABLE", "$(id)", "../../x", "<script>", "-y", "Türe 🚪"])
    def test_odd_names_are_only_names(self, owner: FlaskClient, name: str) -> None:
        response = owner.post("/api/v1/cameras", json={"name": name, "address": "demo:street"})
        assert (response.status_code, response.get_json()["name"]) == (201, name)
        assert owner.get("/live", headers=PAGE).status_code == 200

    def test_removed_camera_is_gone(self, house: House, owner: FlaskClient) -> None:
        owner.post(
            "/api/v1/cameras", json={"name": "P", "address": "rtsp://a.local/", "user": "u", "password": "secret"}
        )
        assert owner.delete("/api/v1/cameras/p").status_code == 204
        assert owner.get("/api/v1/cameras/p").status_code == 404
        assert not (house.folder / "secrets/p.json").exists()

    def test_changed_camera_keeps_its_id(self, owner: FlaskClient) -> None:
        owner.post("/api/v1/cameras", json={"name": "Porch", "address": "demo:street"})
        response = owner.patch("/api/v1/cameras/porch", json={"name": "Veranda", "enabled": False, "record": "motion"})
        facts = response.get_json()
        assert (facts["id"], facts["name"], facts["enabled"], facts["record"]) == ("porch", "Veranda", False, "motion")

    def test_probe_gets_login_apart_from_address(self, house: House, owner: FlaskClient) -> None:
        seen: list[Any] = []

        def probe(wish: ProbeWish, _tell: Tell) -> dict[str, Any]:
            seen.append((wish.address, wish.user, wish.password))
            return said("Fine.")

        house.parts.probe = probe
        response = owner.post("/api/v1/cameras/test", json={"address": "rtsp://u:p@10.0.0.2/x"})
        assert seen == [("rtsp://10.0.0.2/x", "u", "p")]
        assert response.get_json()["ok"] is True

    def test_file_changed_by_hand_is_taken(self, house: House, owner: FlaskClient) -> None:
        (house.folder / "vigilar.toml").write_text('[[camera]]\nname = "Attic"\naddress = "demo:hall"\n')
        assert [camera["id"] for camera in owner.get("/api/v1/cameras").get_json()["cameras"]] == ["attic"]

    def test_broken_file_leaves_the_last_list(self, house: House, owner: FlaskClient) -> None:
        (house.folder / "vigilar.toml").write_text("nonsense")
        assert len(owner.get("/api/v1/cameras").get_json()["cameras"]) == 4


class TestSystem:
    def test_silence_is_never_green(self, house: House, owner: FlaskClient) -> None:
        facts = owner.get("/api/v1/system").get_json()
        assert facts["processes"] is None
        assert facts["bus_connected"] is False
        assert "All well" not in facts["sentence"]
        assert {camera["state"] for camera in facts["cameras"]} == {"starting"}
        assert facts["mark"]["state"] == "bad"
        later = house.now_ms() + STARTING_MS
        assert house.parts.board.camera("shed", later)["state"] == "unknown", "one that starts for so long does not"

    def test_all_well(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door", "garden", "drive", "shed")
        facts = owner.get("/api/v1/system").get_json()
        disk_words = [one for one in facts["problems"] if "disk" in one]
        assert facts["problems"] == disk_words
        assert disk_words or facts["sentence"] == "All well. 4 cameras recording."

    def test_down_camera_is_named_with_reason(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door", "garden", "drive", "shed")
        house.health("shed", "no-picture", reason="Nothing answers at 10.0.0.9.", last_frame_ts=house.now_ms() - 42_000)
        page = owner.get("/system", headers=PAGE).get_data(as_text=True)
        assert "Shed: no picture." in page
        assert "No picture for 00:42." in page
        assert "Nothing answers at 10.0.0.9." in page

    def test_healthz_needs_no_login(self, house: House) -> None:
        response = house.client(signed_in=False).get("/healthz")
        assert (response.status_code, response.data) == (200, b"ok\n")

    def test_live_without_camera_process_is_503(self, owner: FlaskClient) -> None:
        for path in ("/cameras/shed/snapshot.jpg", "/live/shed/index.m3u8", "/live/shed/mjpeg"):
            assert owner.get(path).status_code == 503, path

    def test_sheet_without_any_picture_is_503(self, owner: FlaskClient) -> None:
        response = owner.get("/live/contact-sheet.jpg")
        assert (response.status_code, response.get_json()["detail"]) == (503, "No camera has a picture yet.")

    @pytest.mark.parametrize("width", ["0", "-1", "100000", "abc", "1921"])
    def test_bad_still_width_is_422(self, owner: FlaskClient, width: str) -> None:
        assert owner.get(f"/cameras/shed/snapshot.jpg?width={width}").status_code == 422
