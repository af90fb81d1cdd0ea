"""Who may come in: members, one's own account, keys for programs, the first login from elsewhere, who did what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.recording_kit import Clip, make_clip
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.setup_code import find_setup_code, make_setup_code
from vigilar.store.pairings import use_pairing
from vigilar.store.passkeys import add_passkey
from vigilar.store.pins import find_pin
from vigilar.store.users import find_user, list_users
from vigilar.web.auth import COOKIE, SECURE_COOKIE
from vigilar.web.blueprints import pairing
from vigilar.web.open_streams import OpenStream
from vigilar.web.parts import TRIES
from vigilar.web.rights import NOT_FOR_PROGRAMS, Right
from vigilar.web.try_limits import TryLimits

PAGE = {"Accept": "text/html"}
ELSEWHERE, SECURE = "http://192.168.1.20:49735", "https://192.168.1.20:49735"
"""The box as another machine of the network calls it."""


class Far(FlaskClient):
    """A browser on another machine."""

    base, address = ELSEWHERE, "192.168.1.30"

    def open(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("base_url", self.base)
        kwargs.setdefault("environ_overrides", {"REMOTE_ADDR": self.address})
        return super().open(*args, **kwargs)


def far(house: House, base: str = ELSEWHERE, address: str = "192.168.1.30", *, use_cookies: bool = True) -> Far:
    client = Far(house.app, house.app.response_class, use_cookies=use_cookies)
    client.base, client.address = base, address
    return client


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


def from_elsewhere(house: House, name: str = NAME, *, secure: bool = False) -> FlaskClient:
    """The signed-in browser of another machine."""
    client = far(house, SECURE if secure else ELSEWHERE)
    response = client.post("/api/v1/login", json={"name": name, "password": PASSWORD})
    assert response.status_code == 200, response.text
    return client


def entries(house: House, client: FlaskClient, group: str = "") -> list[str]:
    return [one["sentence"] for one in client.get(f"/api/v1/audit?group={group}").get_json()["entries"]]


class TestSignInLimits:
    @pytest.fixture
    def clock(self, house: House) -> SimulatedClock:
        clock = SimulatedClock()
        house.parts.tries = TryLimits(TRIES, lambda: clock.mono_ns() / 1e9)
        return clock

    def try_once(self, house: House, password: str, address: str = "192.168.1.66", name: str = NAME) -> Any:
        body = {"name": name, "password": password}
        return far(house, address=address).post("/api/v1/login", json=body)

    def test_sixty_at_once_are_ten_that_are_checked(
        self, house: House, owner: FlaskClient, clock: SimulatedClock
    ) -> None:
        assert owner
        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(lambda _: self.try_once(house, "wrong one").status_code, range(60)))
        assert sorted(answers) == [401] * 10 + [429] * 50

    def test_right_password_is_taken_after_retry_after(
        self, house: House, owner: FlaskClient, clock: SimulatedClock
    ) -> None:
        assert owner
        for _ in range(60):
            last = self.try_once(house, "wrong one")
        assert last.status_code == 429
        wait_s = int(last.headers["Retry-After"])
        assert self.try_once(house, PASSWORD).status_code == 429
        clock.advance(wait_s)
        assert self.try_once(house, PASSWORD).status_code == 200

    def test_one_ipv6_network_is_one_address(self, house: House, owner: FlaskClient, clock: SimulatedClock) -> None:
        assert owner
        answers = [
            self.try_once(house, "wrong", f"2001:db8::{one:x}", name=f"nobody {one}").status_code for one in range(11)
        ]
        assert answers == [401] * 10 + [429]
        assert self.try_once(house, PASSWORD, "2001:db8:0:1::1").status_code == 200

    def test_account_tried_from_everywhere_stays_open_to_its_home(
        self, house: House, owner: FlaskClient, clock: SimulatedClock
    ) -> None:
        assert owner
        assert self.try_once(house, PASSWORD, "192.168.1.5").status_code == 200
        answers = [self.try_once(house, "wrong", f"192.168.1.{one}").status_code for one in range(100, 120)]
        assert answers == [401] * 10 + [429] * 10
        assert self.try_once(house, PASSWORD, "192.168.1.200").status_code == 429
        assert self.try_once(house, PASSWORD, "192.168.1.5").status_code == 200


class TestFirstRunFromElsewhere:
    WISH = {"name": NAME, "password": PASSWORD}  # noqa: RUF012 -- read only

    def ask(self, house: House, **more: str) -> Any:
        return far(house).post("/api/v1/setup", json=self.WISH | more)

    def test_house_is_not_the_first_comers(self, house: House) -> None:
        answer = self.ask(house)
        assert (answer.status_code, answer.get_json()["type"]) == (403, "setup.code")
        assert (self.ask(house, code="aaaa-aaaa").get_json()["type"]) == "setup.code_wrong"
        assert list_users(house.store) == []

    def test_code_of_the_console_opens(self, house: House) -> None:
        code = make_setup_code(house.folder / "secrets")
        assert self.ask(house, code=f" {code.upper()} ").status_code == 201
        assert find_setup_code(house.folder / "secrets") == "", "and goes with it"
        assert (house.folder / "secrets").stat().st_mode & 0o077 == 0

    def test_code_cannot_be_guessed(self, house: House) -> None:
        answers = [self.ask(house, code=f"bbbb-bbb{char}").status_code for char in "bcdefghjkmnp"]
        assert answers == [403] * 10 + [429] * 2

    def test_form_asks_for_the_code_from_elsewhere_only(self, house: House) -> None:
        assert 'name="code"' not in house.app.test_client().get("/setup").text
        client = far(house)
        assert 'name="code"' in client.get("/setup").text
        page = client.post("/setup", data=self.WISH)
        assert (page.status_code, "Type the code that the box shows." in page.text) == (403, True)

    def test_proxy_on_the_box_is_not_the_box(self, house: House) -> None:
        for headers in ({"X-Forwarded-For": "192.168.1.30"}, {"Via": "1.1 proxy"}, {"Host": "box.example"}):
            answer = house.app.test_client().post("/api/v1/setup", json=self.WISH, headers=headers)
            assert answer.get_json()["type"] == "setup.code", headers


class TestTransport:
    def test_plain_http_from_elsewhere_looks_and_changes_nothing(self, house: House, owner: FlaskClient) -> None:
        assert owner
        client = from_elsewhere(house)
        for path in ("/live", "/events", "/system", "/settings", "/settings/account", "/settings/audit"):
            assert client.get(path, headers=PAGE).status_code == 200, path
        for method, path in (
            ("POST", "/api/v1/cameras"),
            ("DELETE", "/api/v1/cameras/shed"),
            ("POST", "/api/v1/exports"),
            ("GET", "/exports"),
            ("POST", "/api/v1/storage/word"),
            ("GET", "/api/v1/members"),
            ("POST", "/api/v1/tokens"),
            ("POST", "/api/v1/me/password"),
            ("PATCH", "/api/v1/members/1"),
        ):
            answer = client.open(path, method=method, json={})
            assert (answer.status_code, answer.get_json()["type"]) == (403, "transport.insecure"), (method, path)

    def test_refusal_names_the_address_to_go_to(self, house: House, owner: FlaskClient) -> None:
        assert owner
        client = from_elsewhere(house)
        assert "install haproxy" in client.get("/exports", headers={}).get_json()["detail"]
        house.parts.cfg = replace(house.parts.cfg, has_door=True)
        answer = client.get("/exports?camera=shed").get_json()
        assert answer["location"] == "https://192.168.1.20:49735/exports?camera=shed"
        assert 'href="https://192.168.1.20:49735/exports"' in client.get("/exports", headers=PAGE).text

    def test_closed_plain_http_shows_the_way_to_trust_alone(self, house: House, owner: FlaskClient) -> None:
        client, secret = from_elsewhere(house), from_elsewhere(house, secure=True)
        house.parts.cfg = replace(house.parts.cfg, has_door=True, https_only=True)
        for path in (
            "/live",
            "/events",
            "/login",
            "/setup",
            "/s/whatever",
            "/no/such/page",
            "/events/stream",
            "/sw.js",
        ):
            answer = client.get(path, headers=PAGE)
            assert answer.status_code == 403, path
            assert f'href="https://192.168.1.20:49735{path}"' in answer.text
            assert 'href="/trust"' in answer.text
        answer = client.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        assert (answer.status_code, answer.get_json()["type"]) == (403, "transport.insecure")
        style = re.findall(r'href="(/static/[^"]*css)"', client.get("/trust", headers=PAGE).text)[-1]
        for path in ("/trust", "/trust/check", style):
            assert client.get(path, headers=PAGE).status_code == 200, path
        house.parts.cfg = replace(house.parts.cfg, has_door=False)  # it says what came by TLS; here the address does
        assert secret.get("/live", headers=PAGE).status_code == 200
        assert owner.get("/live", headers=PAGE).status_code == 200  # at the box itself

    @pytest.mark.parametrize("https_only", [True, False])
    def test_browsers_are_told_to_come_back_by_https(self, house: House, owner: FlaskClient, https_only: bool) -> None:
        assert owner
        house.parts.cfg = replace(house.parts.cfg, https_only=https_only)
        told = {
            base: [
                far(house, base).get(path).headers.get("Strict-Transport-Security")
                for path in ("/login", "/trust", "/api/v1/me", "/no/such/page", "/static/css/events.css")
            ]
            for base in (SECURE, ELSEWHERE)
        }
        here = house.client().get("/login", base_url="https://localhost:49735")
        assert "Strict-Transport-Security" not in here.headers  # it holds for all ports of a name
        assert told == {SECURE: ["max-age=31536000" if https_only else None] * 5, ELSEWHERE: [None] * 5}

    def test_stream_that_was_let_in_just_before_ends(self, house: House, owner: FlaskClient) -> None:
        """Plain HTTP is closed between the check of the request and the entry of its answer."""
        assert owner
        client = from_elsewhere(house)
        add = house.parts.streams.add

        def close_and_add(stream: OpenStream) -> None:
            house.parts.use_settings(replace(house.parts.cfg, https_only=True))
            add(stream)

        house.parts.streams.add = close_and_add  # type: ignore[method-assign]
        with client.get("/events/stream", headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status_code == 200
            for _ in answer.response:  # else it goes on till the test's time is over
                pass

    def test_https_may_all(self, house: House, owner: FlaskClient) -> None:
        assert owner
        client = from_elsewhere(house, secure=True)
        assert client.get("/exports", headers=PAGE).status_code == 200
        assert client.get("/api/v1/members").status_code == 200

    def test_token_seen_on_the_network_opens_nothing_more(self, house: House, owner: FlaskClient) -> None:
        """A sniffed cookie under the other name, and a secret one sent in the clear."""
        assert owner
        plain, secret = from_elsewhere(house), from_elsewhere(house, secure=True)
        seen, kept = plain.get_cookie(COOKIE, "192.168.1.20"), secret.get_cookie(SECURE_COOKIE, "192.168.1.20")
        assert seen is not None
        assert kept is not None
        assert kept.secure
        for name, value, where in (
            (SECURE_COOKIE, seen.value, SECURE),
            (COOKIE, seen.value, SECURE),
            (COOKIE, kept.value, ELSEWHERE),
            (SECURE_COOKIE, kept.value, ELSEWHERE),
        ):
            thief = far(house, where, "192.168.1.66", use_cookies=False)
            answer = thief.get("/api/v1/me", headers={"Cookie": f"{name}={value}"})
            assert answer.status_code == 401, (name, where)

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"},
            {"X-Vigilar-Tls": "1", "X-Vigilar-Client": "127.0.0.1"},
            {"Forwarded": "for=127.0.0.1;proto=https"},
            {"X-Real-IP": "127.0.0.1"},
        ],
    )
    def test_headers_of_a_stranger_prove_nothing(
        self, house: House, owner: FlaskClient, headers: dict[str, str]
    ) -> None:
        assert owner
        client = from_elsewhere(house)
        assert client.get("/api/v1/members", headers=headers).status_code == 403

    def test_own_proxy_is_believed(self, house: House, owner: FlaskClient) -> None:
        assert owner
        house.parts.cfg = replace(house.parts.cfg, proxies=("192.168.1.5",))
        client = far(house, "http://box.example", "192.168.1.5")
        client.environ_base |= {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 10.0.0.9", "HTTP_X_FORWARDED_PROTO": "https"}
        assert client.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}).status_code == 200
        assert client.get("/api/v1/members").status_code == 200
        assert client.get("/api/v1/sessions").get_json()["sessions"][0]["address"] == "10.0.0.9"

    def test_unknown_proxy_is_told_what_to_write(self, house: House, owner: FlaskClient) -> None:
        assert owner
        client = from_elsewhere(house)
        answer = client.get("/api/v1/members", headers={"X-Forwarded-Proto": "https"}).get_json()
        assert '[web] proxies = ["192.168.1.30"]' in answer["detail"]


class TestMembers:
    def test_member_is_made_changed_and_removed(self, house: House, owner: FlaskClient) -> None:
        house.member("guest")  # lays the cameras' rows
        wish = {"name": "Kim", "role": "child", "password": PASSWORD, "cameras": ["garden"]}
        answer = owner.post("/api/v1/members", json=wish)
        assert answer.status_code == 201
        made = answer.get_json()
        assert made | {"created_ts": 0} == {
            "id": made["id"], "name": "Kim", "role": "child", "cameras": ["garden"], "created_ts": 0,
        }  # fmt: skip
        kim = from_elsewhere(house, "kim")
        assert [one["id"] for one in kim.get("/api/v1/cameras").get_json()["cameras"]] == ["garden"]
        path = f"/api/v1/members/{made['id']}"
        changed = owner.patch(path, json={"name": "Kimberly", "role": "adult", "cameras": None}).get_json()
        assert (changed["name"], changed["role"], changed["cameras"]) == ("Kimberly", "adult", None)
        assert kim.get("/api/v1/system").status_code == 200
        assert owner.delete(path).status_code == 204
        assert kim.get("/api/v1/me").status_code == 401
        assert owner.delete(path).status_code == 404

    def test_last_owner_stays(self, house: House, owner: FlaskClient) -> None:
        me = list_users(house.store)[0].id
        for answer in (
            owner.delete(f"/api/v1/members/{me}"),
            owner.patch(f"/api/v1/members/{me}", json={"role": "adult"}),
        ):
            assert (answer.status_code, answer.get_json()["type"]) == (409, "user.last_owner")
        assert f"{NAME.title()} is the only owner" in owner.post(f"/settings/members/{me}/remove").text

    @pytest.mark.parametrize(
        ("wish", "status", "code"),
        [
            ({"name": "Kim", "role": "king", "password": PASSWORD}, 422, "user.role"),
            ({"name": "SAM", "role": "adult", "password": PASSWORD}, 409, "user.exists"),
            ({"name": "Kim", "role": "adult", "password": "short"}, 422, "user.password"),
            ({"name": "Kim", "role": "adult", "password": PASSWORD, "cameras": ["nope"]}, 422, "camera.unknown"),
            ({"name": "Kim", "role": "owner", "password": PASSWORD, "cameras": []}, 422, "user.owner_limit"),
            ({"name": "Kim", "role": "adult", "password": PASSWORD, "cameras": [1]}, 422, "body.type"),
            ({"name": "Kim", "role": "adult", "password": PASSWORD, "cameras": "garden"}, 422, "body.type"),
            ({"name": "Kim", "role": "adult"}, 422, "body.missing"),
            ({"name": "Kim", "role": "adult", "password": PASSWORD, "id": 7}, 422, "body.unknown"),
        ],
    )
    def test_bad_wish_is_named(self, owner: FlaskClient, wish: dict[str, Any], status: int, code: str) -> None:
        answer = owner.post("/api/v1/members", json=wish)
        assert (answer.status_code, answer.get_json()["type"]) == (status, code)

    def test_new_password_signs_out_everywhere(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("adult", name="kim")
        found = find_user(house.store, "kim")
        assert found is not None
        assert owner.patch(f"/api/v1/members/{found.id}", json={"password": "another long one"}).status_code == 200
        assert kim.get("/api/v1/me").status_code == 401

    def test_forms_do_the_same(self, house: House, owner: FlaskClient) -> None:
        house.member("guest")
        data = {"name": "Kim", "role": "child", "password": PASSWORD, "sees": "some", "cameras": ["garden", "shed"]}
        assert owner.post("/settings/members", data=data).status_code == 303
        kim = find_user(house.store, "kim")
        assert kim is not None
        assert kim.cameras == frozenset({"garden", "shed"})
        assert "2 of 4 cameras" in owner.get("/settings/members").text
        path = f"/settings/members/{kim.id}"
        assert owner.post(path, data={"name": "Kim", "role": "owner", "sees": "some"}).status_code == 303
        kim = find_user(house.store, "kim")
        assert kim is not None
        assert (kim.role, kim.cameras) == ("owner", None)
        assert owner.post(f"{path}/remove").status_code == 303
        assert find_user(house.store, "kim") is None
        bad = owner.post("/settings/members", data={**data, "password": "short"})
        assert (bad.status_code, "at least 8 characters" in bad.text, 'value="Kim"' in bad.text) == (422, True, True)
        assert re.findall(r'value="([^"]*)" checked', bad.text) == ["child", "some", "garden", "shed"]

    def test_refused_change_of_a_member_stands_as_typed(self, house: House, owner: FlaskClient) -> None:
        house.member("adult", name="Kim")
        kim = find_user(house.store, "Kim")
        assert kim is not None
        data = {"name": "Kimberly", "role": "guest", "sees": "some", "cameras": ["shed"], "password": "short"}
        bad = owner.post(f"/settings/members/{kim.id}", data=data)
        assert (bad.status_code, 'value="Kimberly"' in bad.text, 'value="short"' in bad.text) == (422, True, False)
        assert re.findall(r'value="([^"]*)" checked', bad.text) == ["guest", "some", "shed"]


class TestOwnAccount:
    def test_new_password_ends_all_other_logins(self, house: House, owner: FlaskClient) -> None:
        phone = from_elsewhere(house)
        wrong = owner.post("/api/v1/me/password", json={"old": "wrong", "new": "another long one"})
        assert (wrong.status_code, wrong.get_json()["type"]) == (403, "password.wrong")
        short = owner.post("/api/v1/me/password", json={"old": PASSWORD, "new": "short"})
        assert (short.status_code, short.get_json()["field"]) == (422, "new")
        done = owner.post("/api/v1/me/password", json={"old": PASSWORD, "new": "another long one"})
        assert done.status_code == 204
        assert phone.get("/api/v1/me").status_code == 401
        assert owner.get("/api/v1/me").status_code == 200
        login = {"name": NAME, "password": "another long one"}
        assert house.client(signed_in=False).post("/api/v1/login", json=login).status_code == 200

    def test_devices_are_listed_and_signed_out(self, house: House, owner: FlaskClient) -> None:
        phone = from_elsewhere(house)
        found = owner.get("/api/v1/sessions").get_json()["sessions"]
        assert {one["address"]: (one["is_this"], one["is_secure"]) for one in found} == {
            "127.0.0.1": (True, True),
            "192.168.1.30": (False, False),
        }
        other = next(one["id"] for one in found if not one["is_this"])
        assert owner.delete(f"/api/v1/sessions/{other}").status_code == 204
        assert phone.get("/api/v1/me").status_code == 401
        assert owner.delete(f"/api/v1/sessions/{other}").status_code == 404
        mine = next(one["id"] for one in found if one["is_this"])
        assert owner.post(f"/settings/account/sessions/{mine}/end").headers["Location"] == "/login"
        assert owner.get("/api/v1/me").status_code == 401

    def test_nobody_ends_the_logins_of_others(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("adult", name="kim")
        mine = owner.get("/api/v1/sessions").get_json()["sessions"][0]["id"]
        assert kim.delete(f"/api/v1/sessions/{mine}").status_code == 404
        assert owner.get("/api/v1/me").status_code == 200


class TestPairing:
    def code(self, client: FlaskClient, device: str = "Kim's phone") -> str:
        answer = client.post("/api/v1/pairings", json={"device": device})
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["code"])

    def test_phone_signs_in_once_under_its_name(self, house: House, owner: FlaskClient) -> None:
        made = owner.post("/api/v1/pairings", json={"device": "Kim's phone"}).get_json()
        assert made["url"].endswith(f"/pair#{made['code']}")
        assert owner.get(f"/api/v1/pairings/{made['id']}").get_json() == {"used_ts": None}
        phone = far(house, SECURE)
        answer = phone.post("/api/v1/pair", json={"code": made["code"]})
        assert (answer.status_code, answer.get_json()["device"]) == (200, "Kim's phone")
        mine = phone.get("/api/v1/sessions").get_json()["sessions"]
        assert [one["device"] for one in mine if one["is_this"]] == ["Kim's phone"]
        assert owner.get(f"/api/v1/pairings/{made['id']}").get_json()["used_ts"] is not None
        again = far(house, SECURE).post("/api/v1/pair", json={"code": made["code"]})
        assert (again.status_code, again.get_json()["type"]) == (403, "pairing.code")

    def test_guest_is_invited_by_a_code_and_needs_no_password(self, house: House, owner: FlaskClient) -> None:
        form = {"name": "Guest", "role": "guest", "password": "", "sees": "all"}
        answer = owner.post("/settings/members", data=form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/members/2#phone")
        shown = owner.post("/settings/members/2/phones", data={"device": "Guest's phone"}, headers=PAGE)
        assert (shown.status_code, "It signs in as Guest, once" in shown.text) == (201, True)
        made = owner.post("/api/v1/members/2/pairings", json={"device": "Guest's phone"}).get_json()
        phone = far(house, SECURE)
        assert phone.post("/api/v1/pair", json={"code": made["code"]}).get_json()["role"] == "guest"
        assert owner.get(f"/api/v1/pairings/{made['id']}").get_json()["used_ts"] is not None
        assert phone.get(f"/api/v1/pairings/{made['id']}").status_code == 200
        assert house.member("adult", name="kim").get(f"/api/v1/pairings/{made['id']}").status_code == 404
        assert owner.post("/api/v1/members/9/pairings", json={"device": "x"}).status_code == 404

    @pytest.mark.parametrize("by_owner", [True, False])
    def test_new_password_ends_codes_that_wait(self, house: House, owner: FlaskClient, by_owner: bool) -> None:
        """Else whoever is to be shut out makes one, and is in again for three months."""
        kim = house.member("adult", name="kim")
        code = self.code(kim)
        if by_owner:
            answer = owner.patch("/api/v1/members/2", json={"password": "lamp river tuesday"})
        else:
            answer = kim.post("/api/v1/me/password", json={"old": PASSWORD, "new": "lamp river tuesday"})
        assert answer.status_code in (200, 204)
        again = far(house, SECURE).post("/api/v1/pair", json={"code": code})
        assert (again.status_code, again.get_json()["type"]) == (403, "pairing.code")

    def test_paired_phone_tells_where_it_is_once_a_minute(self, house: House, owner: FlaskClient) -> None:
        """And nobody else does: a browser that signed in by a password may be anything, and stand anywhere."""
        told: list[tuple[int, str, str]] = []
        house.parts.tell_phone = lambda *fact: told.append(fact)
        phone = far(house, SECURE)
        assert phone.post("/api/v1/pair", json={"code": self.code(owner)}).status_code == 200
        phone.get("/api/v1/me")
        assert told == []
        house.parts.use_settings(replace(house.parts.cfg, looks_for_phones=True))
        for client in (phone, phone, owner, from_elsewhere(house)):
            assert client.get("/api/v1/me").status_code == 200
        assert told == [(1, "Kim's phone", "192.168.1.30")]

    def test_code_ends_after_ten_minutes(self, house: House, owner: FlaskClient) -> None:
        clock = SimulatedClock()
        house.parts.clock = clock
        owner.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        early, late = self.code(owner), self.code(owner)
        clock.advance(599)
        assert far(house, SECURE).post("/api/v1/pair", json={"code": early}).status_code == 200
        clock.advance(1)
        assert far(house, SECURE).post("/api/v1/pair", json={"code": late}).status_code == 403

    def test_phone_that_nobody_used_for_ninety_days_is_out(self, house: House, owner: FlaskClient) -> None:
        """Its member is told before when that will be; a use puts it off."""
        clock = SimulatedClock()  # Monday 2 February 2026
        house.parts.clock = clock
        owner.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        phone = far(house, SECURE)
        assert phone.post("/api/v1/pair", json={"code": self.code(owner)}).status_code == 200
        assert "ends on Sunday 3 May if it is not used until then" in owner.get("/settings/account").text
        clock.advance(20 * 86_400)
        assert phone.get("/api/v1/me").status_code == 200
        [mine] = [one for one in phone.get("/api/v1/sessions").get_json()["sessions"] if one["is_this"]]
        assert mine["ends_ts"] == house.now_ms() + 90 * 86_400_000
        clock.advance(90 * 86_400 - 1)
        assert phone.get("/api/v1/me").status_code == 200
        clock.advance(90 * 86_400)
        assert phone.get("/api/v1/me").status_code == 401
        owner.post("/api/v1/login", json={"name": NAME, "password": PASSWORD})
        assert "Kim" not in owner.get("/settings/account").text

    def test_full_disk_keeps_no_phone_out(
        self, house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = self.code(owner)
        house.parts.reserve.keep()
        answers = iter([StoreError("full", kind=ErrorKind.FULL)])

        def spend(*args: Any) -> Any:
            for error in answers:
                raise error
            return use_pairing(*args)

        monkeypatch.setattr(pairing, "use_pairing", spend)
        assert far(house, SECURE).post("/api/v1/pair", json={"code": code}).status_code == 200

    def test_two_at_once_are_one(self, house: House, owner: FlaskClient) -> None:
        code = self.code(owner)

        def spend(_: int) -> int:
            status: int = far(house, SECURE).post("/api/v1/pair", json={"code": code}).status_code
            return status

        with ThreadPoolExecutor(5) as pool:
            assert sorted(pool.map(spend, range(5))) == [200, 403, 403, 403, 403]

    def test_code_is_not_taken_in_the_clear(self, house: House, owner: FlaskClient) -> None:
        code = self.code(owner)
        answer = far(house).post("/api/v1/pair", json={"code": code})
        assert (answer.status_code, answer.get_json()["type"]) == (403, "transport.insecure")
        assert far(house, SECURE).post("/api/v1/pair", json={"code": code}).status_code == 200

    def test_code_is_stored_nowhere_and_cannot_be_guessed(self, house: House, owner: FlaskClient) -> None:
        code = self.code(owner)
        house.parts.store.close()
        assert all(code.encode() not in path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
        phone = far(house, SECURE)
        answers = [phone.post("/api/v1/pair", json={"code": f"{number:022d}"}).status_code for number in range(11)]
        assert answers == [403] * 10 + [429]

    def test_code_of_a_removed_member_opens_nothing(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("adult", name="kim")
        code = self.code(kim)
        found = find_user(house.store, "kim")
        assert found is not None
        owner.delete(f"/api/v1/members/{found.id}")
        assert far(house, SECURE).post("/api/v1/pair", json={"code": code}).status_code == 403

    def test_form_works_without_script(self, house: House, owner: FlaskClient) -> None:
        page = owner.post("/settings/account/phones", data={"device": "Tablet"})
        assert (page.status_code, "Waiting for Tablet" in page.text) == (201, True)
        code = self.code(owner)
        answer = far(house, SECURE).post("/pair", data={"code": code})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/live")
        wrong = far(house, SECURE).post("/pair", data={"code": code})
        assert (wrong.status_code, "opens nothing" in wrong.text) == (403, True)

    def test_others_do_not_learn_of_it(self, house: House, owner: FlaskClient) -> None:
        made = owner.post("/api/v1/pairings", json={"device": "Phone"}).get_json()
        kim = house.member("adult", name="kim")
        for name in (made["id"], "zz", "", "00" * 32):
            assert kim.get(f"/api/v1/pairings/{name}").status_code == 404


class TestPasskeys:
    def test_they_are_for_names_and_not_for_addresses(self, house: House, owner: FlaskClient) -> None:
        assert owner.post("/api/v1/me/passkeys/options", json={}).status_code == 200
        phone = from_elsewhere(house, secure=True)
        answer = phone.post("/api/v1/me/passkeys/options", json={})
        assert (answer.status_code, answer.get_json()["type"]) == (409, "passkey.address")
        assert "https://vigilar.local:49735" in answer.get_json()["detail"]

    def test_they_are_not_for_plain_http(self, house: House, owner: FlaskClient) -> None:
        assert owner
        stranger = far(house, "http://vigilar.local:49735")
        for path in ("/api/v1/passkey/options", "/api/v1/passkey/login"):
            body = {"challenge": "x", "credential": {"a": 1}} if path.endswith("login") else {}
            assert stranger.post(path, json=body).get_json()["type"] == "transport.insecure", path

    @pytest.mark.parametrize("credential", [{"a": 1}, {"rawId": 5}, {"rawId": "AAAA"}, {"rawId": "\u00e9!"}])
    def test_nonsense_opens_nothing(self, house: House, owner: FlaskClient, credential: dict[str, Any]) -> None:
        assert owner
        stranger = far(house, "https://vigilar.local:49735")
        challenge = stranger.post("/api/v1/passkey/options", json={}).get_json()["challenge"]
        body = {"challenge": challenge, "credential": credential}
        answers = [stranger.post("/api/v1/passkey/login", json=body) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]

    @pytest.mark.parametrize("challenge", ["", "nope", "x" * 5000])
    def test_challenge_is_ours_and_used_once(self, owner: FlaskClient, challenge: str) -> None:
        body = {"challenge": challenge, "name": "Thumb", "credential": {"a": 1}}
        assert owner.post("/api/v1/me/passkeys", json=body).status_code in (409, 422)
        ours = owner.post("/api/v1/me/passkeys/options", json={}).get_json()["challenge"]
        body["challenge"] = ours
        assert owner.post("/api/v1/me/passkeys", json=body).get_json()["type"] == "passkey.wrong"
        assert owner.post("/api/v1/me/passkeys", json=body).get_json()["type"] == "passkey.over"

    def test_wrong_one_disarms_nothing_and_none_is_made_while_armed(self, house: House, owner: FlaskClient) -> None:
        """Nor does one that signs what was meant for signing in, or a program's."""
        assert owner.post("/api/v1/arm/passkey", json={}).get_json()["type"] == "passkey.none"
        me = list_users(house.store)[0].id
        keys = {"public_key": b"k", "sign_count": 0, "rp_id": "localhost", "name": "x", "now_ms": 1}
        add_passkey(house.store, me, credential_id=b"c", **keys)  # type: ignore[arg-type]  # as they are
        assert owner.post("/api/v1/arm", json={"mode": "home", "override": True}).status_code == 200
        offered = owner.post("/api/v1/arm/passkey", json={}).get_json()
        assert [one["id"] for one in offered["options"]["allowCredentials"]] == ["Yw"]
        signing_in = owner.post("/api/v1/passkey/options", json={}).get_json()
        credential = {"rawId": "Yw", "id": "Yw", "type": "public-key", "response": {}}
        for challenge in (offered["challenge"], signing_in["challenge"], "nope"):
            given = {"challenge": challenge, "credential": credential}
            answer = owner.post("/api/v1/arm", json={"mode": "disarmed", "passkey": given})
            assert (answer.status_code, answer.get_json()["type"]) == (403, "passkey.wrong")
        for wrong in ({}, {"challenge": 1, "credential": credential}, {"challenge": "x", "credential": "y"}):
            assert owner.post("/api/v1/arm", json={"mode": "disarmed", "passkey": wrong}).status_code == 422
        assert owner.get("/api/v1/arm").get_json()["mode"] == "home"
        assert owner.post("/api/v1/me/passkeys/options", json={}).get_json()["type"] == "passkey.armed"
        token = owner.post("/api/v1/tokens", json={"name": "a", "rights": ["disarm", "arm"]}).get_json()["token"]
        program = {"Authorization": f"Bearer {token}"}
        assert owner.post("/api/v1/arm/passkey", json={}, headers=program).get_json()["type"] == "pin.program"

    def test_nobody_removes_those_of_others(self, house: House, owner: FlaskClient) -> None:
        me = list_users(house.store)[0].id
        passkey_id = add_passkey(
            house.store,
            me,
            credential_id=b"c",
            public_key=b"k",
            sign_count=0,
            rp_id="vigilar.local",
            name="x",
            now_ms=1,
        )
        kim = house.member("adult", name="kim")
        assert kim.delete(f"/api/v1/me/passkeys/{passkey_id}").status_code == 404
        assert kim.get("/api/v1/me/passkeys").get_json() == {"passkeys": []}
        assert owner.delete(f"/api/v1/me/passkeys/{passkey_id}").status_code == 204


class TestKeysForPrograms:
    def make(self, client: FlaskClient, *rights: str, name: str = "script") -> str:
        answer = client.post("/api/v1/tokens", json={"name": name, "rights": list(rights)})
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["token"])

    def program(self, house: House, token: str, where: str = SECURE) -> FlaskClient:
        client = far(house, where, use_cookies=False)
        client.environ_base |= {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        return client

    def test_key_may_what_it_was_given_and_no_more(self, house: House, owner: FlaskClient) -> None:
        program = self.program(house, self.make(owner, "see_events", "change_cameras"))
        assert program.get("/api/v1/events").status_code == 200
        assert program.delete("/api/v1/cameras/nope").status_code == 404
        assert program.get("/api/v1/system").status_code == 403
        assert program.post("/api/v1/me/password", json={}).status_code == 403
        assert program.get("/api/v1/me").get_json()["rights"] == ["see_events", "change_cameras"]

    def test_key_gives_itself_no_pin(self, house: House, owner: FlaskClient) -> None:
        program = self.program(house, self.make(owner, "arm", "disarm"))
        for answer in (
            program.put("/api/v1/members/me/pin", json={"pin": "490276"}),
            program.delete("/api/v1/members/me/pin"),
        ):
            assert (answer.status_code, answer.get_json()["type"]) == (403, "pin.program")
        assert program.post("/arm/pin", data={"pin": "490276", "again": "490276"}).status_code == 403
        assert find_pin(house.store, 1) is None

    def test_key_in_the_clear_only_looks(self, house: House, owner: FlaskClient) -> None:
        program = self.program(house, self.make(owner, "see_events", "change_cameras"), ELSEWHERE)
        assert program.get("/api/v1/events").status_code == 200
        assert program.delete("/api/v1/cameras/shed").get_json()["type"] == "transport.insecure"

    def test_key_is_stored_nowhere_and_never_shown_again(self, house: House, owner: FlaskClient) -> None:
        token = self.make(owner, "see_events")
        house.parts.store.close()
        assert all(token.encode() not in path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
        assert token not in owner.get("/settings/keys").text
        assert token not in owner.get("/api/v1/tokens").text

    def test_key_taken_back_opens_nothing(self, house: House, owner: FlaskClient) -> None:
        program = self.program(house, self.make(owner, "see_events"))
        assert program.get("/api/v1/events").status_code == 200
        found = owner.get("/api/v1/tokens").get_json()["tokens"][0]
        assert owner.delete(f"/api/v1/tokens/{found['id']}").status_code == 204
        assert program.get("/api/v1/events").status_code == 401

    def test_key_loses_what_its_maker_loses(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("adult", name="kim")
        program = self.program(house, self.make(kim, "see_system", "see_events"))
        assert program.get("/api/v1/system").status_code == 200
        found = find_user(house.store, "kim")
        assert found is not None
        owner.patch(f"/api/v1/members/{found.id}", json={"role": "guest"})
        assert program.get("/api/v1/system").status_code == 403
        assert program.get("/api/v1/events").status_code == 200
        owner.delete(f"/api/v1/members/{found.id}")
        assert program.get("/api/v1/events").status_code == 401

    @pytest.mark.parametrize("right", [*(right.name.lower() for right in NOT_FOR_PROGRAMS), "constructor", "", "owner"])
    def test_some_rights_are_not_for_programs(self, owner: FlaskClient, right: str) -> None:
        answer = owner.post("/api/v1/tokens", json={"name": "script", "rights": [right]})
        assert (answer.status_code, answer.get_json()["type"]) == (422, "token.rights")

    def test_nobody_gives_what_he_has_not(self, house: House) -> None:
        kim = house.member("adult", name="kim")
        answer = kim.post("/api/v1/tokens", json={"name": "script", "rights": ["change_cameras"]})
        assert answer.status_code == 422
        assert kim.get("/api/v1/tokens").get_json() == {"tokens": []}

    @pytest.mark.parametrize("token", ["", "constructor", "__proto__", "vigilar_", "vigilar_" + "0" * 64, "\xff" * 72])
    def test_what_is_no_key_opens_nothing(self, house: House, owner: FlaskClient, token: str) -> None:
        assert owner
        assert self.program(house, token).get("/api/v1/me").status_code == 401

    def test_cookie_is_no_key_and_a_key_no_cookie(self, house: House, owner: FlaskClient) -> None:
        cookie = owner.get_cookie(COOKIE)
        assert cookie is not None
        assert self.program(house, cookie.value).get("/api/v1/me").status_code == 401
        token = self.make(owner, "see_events")
        client = house.app.test_client(use_cookies=False)
        assert client.get("/api/v1/me", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401

    def test_form_shows_the_key_once(self, house: House, owner: FlaskClient) -> None:
        page = owner.post("/settings/keys", data={"name": "Home", "rights": ["see_events"]})
        assert page.status_code == 201
        token = page.text.partition('id="token">')[2].partition("<")[0]
        assert self.program(house, token).get("/api/v1/events").status_code == 200
        assert "may see events" in owner.get("/settings/keys").text


class TestWhoDidWhat:
    def test_sign_ins_looks_exports_and_changes_are_written_down(
        self, house: House, owner: FlaskClient, clip: Clip
    ) -> None:
        house.record("garden", clip.video, clip.run())
        start_ms = clip.run().utc_ns // 1_000_000
        house.client(signed_in=False).post("/api/v1/login", json={"name": NAME, "password": "wrong one"})
        for _ in range(3):
            owner.get(f"/footage/garden/timeline?from={start_ms}&to={start_ms + 1000}")
        owner.post("/api/v1/exports", json={"camera": "garden", "from": start_ms, "to": start_ms + 1000})
        owner.delete("/api/v1/cameras/nope")
        kim = house.member("adult", name="kim")
        found = entries(house, kim)
        assert found == [
            "kim signed in.",
            f"{NAME} signed in.",
            f"{NAME} made or fetched an export.",
            f"{NAME} looked at recordings of Garden.",
            f"{NAME} was refused: wrong name or password.",
            f"{NAME} made the first login of the house.",
        ]
        assert entries(house, kim, "recordings") == [f"{NAME} looked at recordings of Garden."]
        assert entries(house, kim, "exports") == [f"{NAME} made or fetched an export."]
        page = kim.get("/settings/audit", headers=PAGE).text
        assert "looked at recordings of Garden." in page
        assert "from 127.0.0.1" in page

    @pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "000000001000", "000000001" + 5000 * "0"])
    def test_bad_limit_is_named(self, owner: FlaskClient, limit: str) -> None:
        answer = owner.get(f"/api/v1/audit?limit={limit}")
        assert (answer.status_code, answer.get_json()["type"]) == (422, "query.limit")

    def test_what_was_refused_is_written_down_once_in_a_while(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("guest", name="kim")
        for _ in range(3):
            assert kim.delete("/api/v1/cameras/garden").status_code == 403
            foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
            assert owner.post("/api/v1/arm", json={"mode": "away"}, headers=foreign).status_code == 403
            assert owner.get("/api/v1/me", headers={"Host": "evil.example"}).status_code == 421
        assert kim.get("/api/v1/audit").status_code == 403
        told = entries(house, owner, "sign-ins")
        assert told[:4] == [
            "kim was refused: the account may not do that: see who did what.",
            "Somebody was refused: asked by a name that is not the house's.",
            "Somebody was refused: another page asked in this browser's name.",
            "kim was refused: the account may not do that: change cameras.",
        ]
        assert len([one for one in told if "was refused" in one]) == 4
        assert entries(house, owner, "changes") == []

    def test_name_that_was_typed_wrongly_is_not_written_down(self, house: House, owner: FlaskClient) -> None:
        house.client(signed_in=False).post("/api/v1/login", json={"name": PASSWORD, "password": NAME})
        assert PASSWORD not in owner.get("/api/v1/audit").text
        assert entries(house, owner)[0] == "Somebody was refused: wrong name or password: for a name that is not known."

    def test_programs_are_named(self, house: House, owner: FlaskClient) -> None:
        answer = owner.post("/api/v1/tokens", json={"name": "lights", "rights": ["see_system", "change_events"]})
        event = house.event()
        headers = {"Authorization": f"Bearer {answer.get_json()['token']}"}
        client = house.app.test_client(use_cookies=False)
        assert client.post(f"/events/{event.id}/keep", data={"kept": "1"}, headers=headers).status_code == 303
        said = f"{NAME}'s key “lights” changed what is kept or said of an event, event {event.id}."
        assert entries(house, owner)[0] == said

    def test_limited_member_reads_of_itself_only(self, house: House, owner: FlaskClient) -> None:
        owner.delete("/api/v1/cameras/nope")
        kim = house.member("adult", ["garden"], name="kim")
        assert entries(house, kim) == ["kim signed in."]

    @pytest.mark.parametrize("query", ["group=nope", "cursor=-1", "cursor=1e9", "limit=0", "limit=501", "limit=x"])
    def test_bad_question_is_refused(self, owner: FlaskClient, query: str) -> None:
        assert owner.get(f"/api/v1/audit?{query}").status_code == 422

    def test_list_pages_by_cursor(self, house: House, owner: FlaskClient) -> None:
        for number in range(4):
            owner.post("/api/v1/members", json={"name": f"m{number}", "role": "guest", "password": PASSWORD})
        first = owner.get("/api/v1/audit?limit=3").get_json()
        rest = owner.get(f"/api/v1/audit?limit=3&cursor={first['next']}").get_json()
        assert [one["action"] for one in first["entries"] + rest["entries"]] == ["member_added"] * 4 + ["setup"]
        assert rest["next"] is None

    def test_removed_member_stays_in_the_list(self, house: House, owner: FlaskClient) -> None:
        kim = house.member("adult", name="kim")
        found = find_user(house.store, "kim")
        assert found is not None
        kim.post("/api/v1/logout")
        owner.delete(f"/api/v1/members/{found.id}")
        assert entries(house, owner)[:3] == [
            f"{NAME} removed a member, member 2: kim.",
            "kim signed out.",
            "kim signed in.",
        ]

    def test_every_right_has_words(self) -> None:
        from vigilar.web.deeds import _done

        assert all(_done(right.name.lower()) for right in Right)
