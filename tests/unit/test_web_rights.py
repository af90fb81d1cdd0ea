"""Each view says who may ask it; what a role or a limit takes away is refused, left out, and not found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.browser.house import NAME, PASSWORD, House, open_house
from tests.conftest import ROOT, wait_until
from tests.recording_kit import Clip, make_clip
from vigilar.store.tokens import add_token
from vigilar.store.users import Role, create_member, list_users, set_cameras
from vigilar.web.logins import hash_token
from vigilar.web.rights import LOOKING, RIGHTS, Declaration, Member, Open, Right, declaration_of, needs, public

PAGE = {"Accept": "text/html"}
ROLES: tuple[Role, ...] = ("owner", "adult", "child", "guest")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


def routes(app: Flask) -> dict[tuple[str, str], Declaration | None]:
    """By method and address what the view of each route declares."""
    return {
        (method, rule.rule.replace("<int:", "<").replace("<path:", "<")): declaration_of(
            app.view_functions[rule.endpoint]
        )
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }


def asked(rule: Rule, camera_id: str = "shed") -> str:
    """An address of this rule: of a camera, or with the number 1."""
    path = rule.rule.replace("<camera_id>", camera_id)
    return re.sub(r"<[^>]+>", "1", path)


KEY = "vigilar_" + "5" * 64


def walk(app: Flask) -> Iterator[tuple[Rule, str, Declaration | None]]:
    """Every route that is not public, by method, with what its view declares. Signing out comes last: it would end the
    walk. Sockets are asked over the wire: ``tests/system/test_door.py``."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint.endswith("logout"))
    for rule in rules:
        declared = declaration_of(app.view_functions[rule.endpoint])
        if declared is not Open.PUBLIC and not rule.websocket:
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                yield rule, method, declared


class TestDeclarations:
    def test_every_view_declares_who_may_ask(self, house: House) -> None:
        undeclared = [route for route, declared in routes(house.app).items() if declared is None]
        assert undeclared == []

    def test_view_without_declaration_is_never_served(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        house.app.add_url_rule("/forgotten", "forgotten", lambda: "a secret")
        for client in (house.client(), house.client(signed_in=False)):
            response = client.get("/forgotten", headers=PAGE)
            assert (response.status_code, b"a secret" in response.data) == (500, False)
        assert "the view forgotten does not declare who may ask it" in caplog.text

    def test_two_declarations_are_none(self) -> None:
        assert declaration_of(public(lambda: "")) is Open.PUBLIC
        assert declaration_of(needs(Right.SEE_LIVE)(public(lambda: ""))) is None

    def test_roles_and_routes_are_in_the_documents(self, house: House) -> None:
        text = (ROOT / "docs/ref/http.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (\w[\w ]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]+) \|$", text, re.M)
        written_routes: dict[tuple[str, str], str] = {}
        written_rights: dict[str, set[str]] = {role: set() for role in ROLES}
        for words, *marks, places in rows:
            for methods, path in re.findall(r"`([A-Z/]+) ([^`]+)`", places):
                written_routes |= {(method, path): words for method in methods.split("/")}
            for role, mark in zip(ROLES, marks, strict=True):
                if mark == "yes":
                    written_rights[role].add(words)
        true = {
            route: declared.value if isinstance(declared, Right) else str(declared and declared.name.lower())
            for route, declared in routes(house.app).items()
        }
        assert written_routes == {route: words.replace("_", " ") for route, words in true.items()}
        assert {
            role: {right.value for right in RIGHTS[role]} | {"public", "any screen", "signed in", "own account"}
            for role in ROLES
        } == written_rights


class TestRoles:
    @pytest.mark.parametrize("role", ["adult", "child", "guest"])
    def test_each_route_is_for_who_has_its_right(self, house: House, role: Role) -> None:
        client = house.member(role)
        member = Member(1, "", role)
        for rule in house.app.url_map.iter_rules():
            declared = declaration_of(house.app.view_functions[rule.endpoint])
            if rule.endpoint.endswith("logout") or not isinstance(declared, Right):
                continue
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                response = client.open(asked(rule), method=method, buffered=False)
                is_refused = response.status_code == 403
                assert is_refused is not member.may(declared), (method, rule.rule)
                response.close()

    @pytest.mark.parametrize("right", Right, ids=lambda right: right.name.lower())
    def test_key_with_one_right_has_that_one(self, house: House, right: Right) -> None:
        """Every route, asked by a program; what no key may have is tried as if one had it all the same."""
        house.client()
        owner = list_users(house.store)[0]
        add_token(house.store, hash_token(KEY), owner.id, "script", [right.name.lower()], 1)
        client = house.app.test_client(use_cookies=False)
        for rule, method, declared in sorted(walk(house.app), key=lambda one: "token_id" in one[0].rule):  # its own end
            asks = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
            response = client.open(asked(rule), method=method, headers=asks)
            told = response.get_json(silent=True) if response.status_code == 403 else None
            is_refused = told is not None and told["type"] == "right.missing"
            may = declared in (Open.ANY_SCREEN, Open.SIGNED_IN) or declared is right
            assert is_refused is not may, (method, rule.rule)
            response.close()

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("role", ROLES)
    def test_each_route_from_another_machine(self, house: House, role: Role, scheme: str) -> None:
        """Over plain HTTP only what looks is answered; over HTTPS the same as at the box."""
        name = NAME if role == "owner" else f"the {role}"
        house.client() if role == "owner" else house.member(role)
        client, base = house.app.test_client(), f"{scheme}://192.168.1.20:49735"
        where: Any = {"base_url": base, "environ_overrides": {"REMOTE_ADDR": "192.168.1.30"}}
        assert client.post("/api/v1/login", json={"name": name, "password": PASSWORD}, **where).status_code == 200
        member = Member(1, "", role)
        for rule, method, declared in walk(house.app):
            response = client.open(asked(rule), method=method, **where)
            refused = (response.get_json(silent=True) or {}).get("type", "") if response.status_code == 403 else ""
            if isinstance(declared, Right) and not member.may(declared):
                assert refused == "right.missing", (method, rule.rule)
            elif scheme == "http" and declared not in {*LOOKING, Open.ANY_SCREEN, Open.SIGNED_IN}:
                assert refused == "transport.insecure", (method, rule.rule)
            else:
                assert refused not in ("right.missing", "transport.insecure"), (method, rule.rule)
            response.close()

    def test_stranger_gets_nothing_and_a_wrong_key_no_more(self, house: House) -> None:
        house.client()
        for headers in ({}, {"Authorization": f"Bearer {KEY}"}, {"Cookie": f"vigilar_session={'0' * 64}"}):
            client = house.app.test_client(use_cookies=False)
            for rule, method, _ in walk(house.app):
                assert client.open(asked(rule), method=method, headers=headers).status_code == 401, (method, rule.rule)

    def test_refusal_is_one_plain_sentence(self, house: House) -> None:
        adult = house.member("adult")
        response = adult.delete("/api/v1/cameras/shed")
        assert response.mimetype == "application/problem+json"
        facts = response.get_json()
        sentence = f"Your account may not change cameras. Ask {NAME}."
        assert (facts["status"], facts["type"], facts["detail"]) == (403, "right.missing", sentence)
        page = adult.get("/cameras/add", headers=PAGE)
        assert (page.status_code, f"<h1>{sentence}</h1>" in page.get_data(as_text=True)) == (403, True)

    def test_every_owner_is_named(self, house: House) -> None:
        guest = house.member("guest")
        create_member(house.store, "Anna", "hash", "owner", None, 1)
        assert guest.get("/api/v1/system").get_json()["detail"].endswith(f"Ask {NAME} or Anna.")

    @pytest.mark.parametrize(
        ("role", "shown"),
        [("owner", "system health add"), ("adult", "system health"), ("child", ""), ("guest", "")],
    )
    def test_pages_hide_what_the_role_may_not(self, house: House, role: Role, shown: str) -> None:
        page = house.member(role).get("/live", headers=PAGE).get_data(as_text=True)
        marks = {"system": '<a href="/system"', "health": 'id="health"', "add": "/cameras/add"}
        assert [name for name, mark in marks.items() if mark in page] == shown.split()

    def test_guest_sees_the_picture_of_an_event_but_no_recording(self, house: House, clip: Clip) -> None:
        house.record("garden", clip.video, clip.run())
        event = house.event(
            camera_id="garden", ts_ms=clip.run().utc_ns // 1_000_000, still_id=house.still("garden", b"jpeg")
        )
        shown: dict[Role, bool] = {"child": True, "guest": False}
        for role, is_shown in shown.items():
            client = house.member(role)
            page = client.get(f"/events/{event.id}", headers=PAGE).get_data(as_text=True)
            assert ("clip.mp4" in page) is is_shown
            assert client.get(f"/events/{event.id}/still.jpg").data == b"jpeg"
            assert client.get(f"/events/{event.id}/clip.mp4").status_code == (200 if is_shown else 403)

    def test_me_says_who_asks(self, house: House) -> None:
        assert house.member("guest", {"shed", "garden"}).get("/api/v1/me").get_json() == {
            "name": "the guest",
            "role": "guest",
            "rights": ["see_live", "see_events"],
            "cameras": ["garden", "shed"],
        }
        assert house.client().get("/api/v1/me").get_json()["cameras"] is None

    def test_address_of_a_camera_is_for_who_may_change_it(self, house: House) -> None:
        house.client().post("/api/v1/cameras", json={"name": "Attic", "address": "rtsp://10.0.0.9/x"})
        assert house.client().get("/api/v1/cameras/attic").get_json()["address"] == "rtsp://10.0.0.9/x"
        facts = house.member("adult").get("/api/v1/cameras/attic").get_json()
        assert (facts["name"], "address" in facts, "has_login" in facts) == ("Attic", False, False)


class TestLimit:
    """Who may see the garden and the drive, of four cameras."""

    SEEN = ("garden", "drive")

    @pytest.fixture
    def adult(self, house: House) -> FlaskClient:
        return house.member("adult", self.SEEN)

    def test_hidden_camera_answers_as_an_unknown_one(self, house: House, adult: FlaskClient) -> None:
        tried = 0
        for rule in house.app.url_map.iter_rules():
            declared = declaration_of(house.app.view_functions[rule.endpoint])
            if (
                "camera_id" not in rule.arguments
                or declared is Right.CHANGE_CAMERAS
                or rule.websocket
                or "GET" not in (rule.methods or ())
            ):
                continue  # of the WebSocket: tests/flow/test_live_socket.py
            query = "?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z"
            for headers in ({}, PAGE):
                hidden = adult.get(asked(rule, "shed") + query, headers=headers)
                unknown = adult.get(asked(rule, "attic") + query, headers=headers)
                assert hidden.status_code == unknown.status_code == 404, rule.rule
                assert hidden.data.replace(b"shed", b"attic") == unknown.data, rule.rule
                tried += 1
        assert tried == 48

    def test_bad_question_tells_no_hidden_camera(self, adult: FlaskClient) -> None:
        for path in ("/footage/{}/timeline?from=x", "/cameras/{}/snapshot.jpg?width=1", "/footage/{}/clip.mp4"):
            assert adult.get(path.format("shed")).get_json() == adult.get(path.format("attic")).get_json()

    def test_lists_and_pages_name_seen_cameras_only(self, house: House, adult: FlaskClient) -> None:
        house.well("front-door", "garden", "drive", "shed")
        assert [one["id"] for one in adult.get("/api/v1/cameras").get_json()["cameras"]] == list(self.SEEN)
        for path in ("/live", "/events", "/system", "/watch/garden"):
            page = adult.get(path, headers=PAGE).get_data(as_text=True)
            assert "shed" not in page.lower(), path
            assert "front" not in page.lower(), path
            assert "Garden" in page, path

    def test_system_tells_of_seen_cameras_only(self, house: House, adult: FlaskClient, clip: Clip) -> None:
        house.well("garden", "drive", "front-door", "shed")
        house.health("shed", "no-picture")
        for camera_id in ("shed", "garden"):
            house.record(camera_id, clip.video, clip.run())
        facts = adult.get("/api/v1/system").get_json()
        assert [one["id"] for one in facts["cameras"]] == list(self.SEEN)
        assert [one for one in facts["problems"] if "disk" not in one] == []
        names = {one["name"] for one in facts["processes"]}
        assert names == {"supervisor", "broker", "events", "web", "camera/garden", "camera/drive"}
        page = adult.get("/system", headers=PAGE).get_data(as_text=True)
        assert (page.count(">Garden</a>"), page.lower().count("shed")) == (1, 0)

    def test_events_of_hidden_cameras_do_not_exist(self, house: House, adult: FlaskClient) -> None:
        seen = house.event(camera_id="garden", title="Motion, Garden")
        still = house.still("shed", b"jpeg")
        hidden = house.event(camera_id="shed", title="Motion, Shed", still_id=still, severity="ALERT")
        known = [event["id"] for event in adult.get("/api/v1/events").get_json()["events"]]
        assert known == [seen.id]
        for query in ("q=motion", "type=motion", "limit=1"):
            assert [one["id"] for one in adult.get(f"/api/v1/events?{query}").get_json()["events"]] == [seen.id]
        for query in ("camera=shed", "q=shed", "severity=ALERT"):
            assert adult.get(f"/api/v1/events?{query}").get_json() == {"events": [], "next": None}
        page = adult.get("/events", headers=PAGE).get_data(as_text=True)
        assert "1 new since" in page
        assert "Shed" not in page
        assert adult.get("/events/summary").get_json()["levels"] == {"alert": 0, "notable": 0, "background": 1}
        for path in ("/events/{}", "/events/{}/card", "/events/{}/still.jpg", "/events/{}/clip.mp4",
                     "/events/{}/index.m3u8", "/api/v1/events/{}", "/api/v1/events/{}/tracks"):  # fmt: skip
            answer, unknown = adult.get(path.format(hidden.id)), adult.get(path.format(99))
            assert (answer.status_code, answer.get_json()) == (404, unknown.get_json()), path
        assert house.client().get(f"/events/{hidden.id}/still.jpg").data == b"jpeg"

    def test_pages_of_events_are_full_although_others_lie_between(self, house: House, adult: FlaskClient) -> None:
        for number in range(9):
            house.event(camera_id=("shed", "front-door", "garden")[number % 3], ts_ms=1_770_000_000_000 + number)
        first = adult.get("/api/v1/events?limit=2").get_json()
        assert [one["source_id"] for one in first["events"]] == ["garden", "garden"]
        second = adult.get(f"/api/v1/events?limit=2&cursor={first['next']}").get_json()
        assert ([one["source_id"] for one in second["events"]], second["next"]) == (["garden"], None)

    @pytest.mark.parametrize(
        ("role", "cameras", "seen"),
        [
            ("adult", None, "system garden"),
            ("adult", SEEN, "system garden"),
            ("adult", (), "system"),
            ("child", None, "garden"),
            ("guest", SEEN, "garden"),
            ("guest", (), ""),
        ],
    )
    def test_events_of_no_camera_are_for_who_sees_the_system(
        self, house: House, role: Role, cameras: Any, seen: str
    ) -> None:
        client = house.member(role, cameras)
        garden, system = house.event(camera_id="garden"), house.event("system_started", "system", length_ms=None)
        listed = [event["source_id"] for event in client.get("/api/v1/events").get_json()["events"]]
        assert listed == seen.split()
        for event in (garden, system):
            status = 200 if event.source_id in seen.split() else 404
            assert client.get(f"/api/v1/events/{event.id}").status_code == status

    def test_new_limit_counts_from_the_next_request(self, house: House, adult: FlaskClient) -> None:
        me = next(one for one in list_users(house.store) if one.role == "adult")
        assert adult.get("/api/v1/cameras/drive").status_code == 200
        set_cameras(house.store, me.id, ["garden"])
        assert adult.get("/api/v1/cameras/drive").status_code == 404
        set_cameras(house.store, me.id, None)
        assert adult.get("/api/v1/cameras/shed").status_code == 200

    def test_footage_of_a_removed_camera_plays(self, house: House, adult: FlaskClient, clip: Clip) -> None:
        house.record("old", clip.video, clip.run())
        when = f"from={clip.run().utc_ns // 1_000_000}&to={clip.run().utc_ns // 1_000_000 + 1000}"
        assert house.client().get(f"/footage/old/clip.mp4?{when}").status_code == 200
        assert adult.get(f"/footage/old/clip.mp4?{when}").status_code == 404

    def test_sheet_shows_seen_cameras_only(self, house: House, adult: FlaskClient, clip: Clip) -> None:
        house.feed("garden", clip)
        house.feed("shed", clip)
        assert sheet_of(adult) == ["garden", "drive"]
        assert sheet_of(house.client()) == ["front-door", "garden", "drive", "shed"]


def sheet_of(client: FlaskClient) -> list[str]:
    """The cameras of the contact sheet, once there are pictures."""
    wait_until(lambda: client.get("/live/contact-sheet.jpg").status_code == 200, 10.0)
    response = client.get("/live/contact-sheet.jpg")
    return [one for one, _ in json.loads(response.headers["X-Sheet"])["cameras"]]
