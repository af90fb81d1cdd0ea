"""Arming by page and API: who may, the PIN and its counting, what is not ready, and what others see of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import NAME, PASSWORD, House, open_house
from vigilar.base.arm_rules import ArmRules, ModeRules
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.store import arming, pins
from vigilar.store.arming import read_state
from vigilar.store.engine import Store
from vigilar.store.guard_tables import arm_pins
from vigilar.store.pins import FIRST_WAIT_MS, LONGEST_WAIT_MS, begin_try, wait_after
from vigilar.store.sensors import Word, ensure_sensor, note_word
from vigilar.web.passwords import check_password
from vigilar.web.pins import make_pin_row

PAGE = {"Accept": "text/html"}
PIN, DURESS, WRONG = "482913", "913482", "700431"
RULES = ArmRules(
    modes=(
        ModeRules(mode="home"),
        ModeRules(mode="night", cameras=("front-door",)),
        ModeRules(mode="away", cameras=("front-door", "garden"), trigger="motion", motion_sensors=True, leave_s=60),
    )
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.parts.use_settings(replace(house.parts.cfg, arm=RULES))
        house.parts.clock = SimulatedClock(utc_ns=time.time_ns())
        house.client()
        house.well("front-door", "garden", "drive", "shed")
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    client = house.client()
    assert client.put("/api/v1/members/me/pin", json={"pin": PIN, "duress_pin": DURESS}).status_code == 204
    return client


def arm(client: FlaskClient, mode: str, **more: Any) -> Any:
    return client.post("/api/v1/arm", json={"mode": mode, **more})


def advance(house: House, seconds: float) -> None:
    assert isinstance(house.parts.clock, SimulatedClock)
    house.parts.clock.advance(seconds)
    house.well("front-door", "garden", "drive", "shed")


def test_arms_and_disarms(house: House, owner: FlaskClient) -> None:
    facts = owner.get("/api/v1/arm").get_json()
    assert (facts["mode"], facts["pending"], facts["ready"], facts["problems"]) == ("disarmed", None, True, [])
    facts = arm(owner, "home").get_json()
    assert (facts["mode"], facts["by"], facts["since_ts"]) == ("home", "sam", house.now_ms())
    facts = arm(owner, "away").get_json()
    assert facts["pending"] == {"mode": "away", "until_ts": house.now_ms() + 60_000}
    facts = arm(owner, "disarmed", pin=PIN).get_json()
    assert (facts["mode"], facts["pending"]) == ("disarmed", None)
    actions = [row["action"] for row in owner.get("/api/v1/arm/history").get_json()["history"]]
    assert actions == ["disarmed", "leaving", "armed", "pin_set"]


@pytest.mark.parametrize("before", ["disarmed", "home"])
def test_mode_that_comes_is_not_taken_back_without_a_pin(house: House, owner: FlaskClient, before: str) -> None:
    """Somebody left, and whoever finds the page open chooses Home: that would be disarming the half of it."""
    if before == "home":
        arm(owner, "home")
    arm(owner, "away")
    refused = arm(owner, "home")
    assert (refused.status_code, refused.get_json()["type"]) == (422, "pin.missing")
    assert refused.get_json()["detail"] == "Home guards less than Away: give your PIN."
    pending = read_state(house.store).pending
    assert pending is not None
    assert pending.mode == "away"
    facts = arm(owner, "home", pin=PIN).get_json()
    assert (facts["mode"], facts["pending"] is None) == ("home", True) if before == "home" else ("disarmed", False)


class TestMoreTimeToLeave:
    def test_a_minute_at_a_time_and_ten_in_all(self, house: House, owner: FlaskClient) -> None:
        begun_ms = house.now_ms()
        arm(owner, "away")
        assert longer(owner).get_json()["pending"] == {"mode": "away", "until_ts": begun_ms + 120_000}
        for _ in range(7):
            assert longer(owner).status_code == 200
        assert longer(owner).get_json()["pending"] == {"mode": "away", "until_ts": begun_ms + 600_000}
        refused = longer(owner)
        assert (refused.status_code, refused.get_json()["type"]) == (409, "arm.longest")
        assert 'action="/arm/longer"' not in owner.get("/arm", headers=PAGE).get_data(as_text=True)
        told = owner.get("/api/v1/arm/history").get_json()["history"]
        assert [row["action"] for row in told[:10]] == ["longer"] * 9 + ["leaving"]
        assert told[0]["words"] == "A minute more to leave, then Away, by sam, on the page"

    def test_choosing_modes_in_turn_puts_it_off_no_further(self, house: House, owner: FlaskClient) -> None:
        begun_ms = house.now_ms()
        arm(owner, "home", delay_s=600)
        advance(house, 500)
        assert arm(owner, "away", delay_s=600).get_json()["pending"]["until_ts"] == begun_ms + 600_000
        assert arm(owner, "home", delay_s=600, pin=PIN).get_json()["pending"]["until_ts"] == begun_ms + 600_000
        assert longer(owner).get_json()["type"] == "arm.longest"
        arm(owner, "disarmed", pin=PIN)
        assert arm(owner, "home", delay_s=600).get_json()["pending"]["until_ts"] == house.now_ms() + 600_000

    def test_only_of_the_time_to_leave(self, house: House, owner: FlaskClient) -> None:
        assert longer(owner).get_json()["type"] == "arm.not_leaving"
        arm(owner, "home")
        entered = arming.Entry(house.now_ms() + 30_000, arming.Trigger(1, "garden", "Person", "Garden", house.now_ms()))
        arming.change_state(house.store, lambda state: arming.Decision(replace(state, entry=entered)), house.now_ms())
        assert longer(owner).get_json()["type"] == "arm.not_leaving"
        assert read_state(house.store).entry == entered

    def test_who_may_not_disarm_makes_nothing_longer(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "away")
        guest = house.member("guest")
        assert longer(guest).status_code == 403
        assert 'action="/arm/longer"' not in guest.get("/arm", headers=PAGE).get_data(as_text=True)

    def test_clock_set_back_makes_it_no_longer(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "away", delay_s=600)
        house.parts.clock = SimulatedClock(utc_ns=time.time_ns() - 3_600_000_000_000)
        assert longer(owner).get_json()["type"] == "arm.longest"

    def test_without_script(self, house: House, owner: FlaskClient) -> None:
        begun_ms = house.now_ms()
        arm(owner, "away")
        assert 'action="/arm/longer"' in owner.get("/arm", headers=PAGE).get_data(as_text=True)
        assert owner.post("/arm/longer", headers=PAGE).headers["Location"] == "/arm"
        assert read_state(house.store).pending == arming.Pending("away", begun_ms + 120_000, "sam", "page", begun_ms)


def longer(client: FlaskClient) -> Any:
    return client.post("/api/v1/arm/longer", json={})


def test_twice_changes_nothing(owner: FlaskClient, house: House) -> None:
    first = arm(owner, "home").get_json()
    assert arm(owner, "home").get_json() == first
    arm(owner, "disarmed", pin=PIN)
    change = read_state(house.store).change
    assert arm(owner, "disarmed").status_code == 200
    assert arm(owner, "disarmed", pin=PIN).status_code == 200
    assert read_state(house.store).change == change


@pytest.mark.parametrize("pin", [482913, ["482913"], None, True, {"a": 1}])
def test_pin_that_is_no_text_is_refused(owner: FlaskClient, pin: object) -> None:
    arm(owner, "home")
    for answer in (arm(owner, "disarmed", pin=pin), owner.put("/api/v1/members/me/pin", json={"pin": pin})):
        assert (answer.status_code, answer.get_json()["type"]) == (422, "pin.type")


@pytest.mark.parametrize(
    ("pin", "code"),
    [("12ab56", "pin.form"), ("123", "pin.form"), ("1" * 13, "pin.form"), ("٤٨٢٩١٣", "pin.form"), ("", "pin.form")]
    + [(weak, "pin.weak") for weak in ("000000", "123456", "987654", "121212", "482482", "890123", "112233")],
)
def test_pin_nobody_should_have_is_refused(owner: FlaskClient, pin: str, code: str) -> None:
    answer = owner.put("/api/v1/members/me/pin", json={"pin": pin})
    assert (answer.status_code, answer.get_json()["type"]) == (422, code)
    assert pin == "" or pin not in answer.get_data(as_text=True)


def test_disarming_needs_a_pin(owner: FlaskClient) -> None:
    arm(owner, "home")
    answer = arm(owner, "disarmed")
    assert (answer.status_code, answer.get_json()["type"]) == (422, "pin.missing")


def test_less_guard_needs_a_pin_and_more_does_not(owner: FlaskClient) -> None:
    arm(owner, "away", delay_s=0)
    assert arm(owner, "home").get_json()["type"] == "pin.missing"
    assert arm(owner, "home", pin=PIN).get_json()["mode"] == "home"
    assert arm(owner, "away", delay_s=0).get_json()["mode"] == "away"


class TestCounting:
    def test_three_wrong_ones_and_a_wait_that_grows(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "home")
        waits = []
        for _ in range(7):
            tries = [arm(owner, "disarmed", pin=WRONG) for _ in range(3)]
            assert [(one.status_code, one.get_json()["tries_left"]) for one in tries] == [(403, 2), (403, 1), (403, 0)]
            answer = arm(owner, "disarmed", pin=PIN)
            assert (answer.status_code, answer.get_json()["type"]) == (429, "pin.wait")
            waits.append(int(answer.headers["Retry-After"]))
            advance(house, waits[-1] - 1)
            assert arm(owner, "disarmed", pin=PIN).status_code == 429
            advance(house, 1)
        assert waits == [90, 180, 360, 720, 900, 900, 900]
        assert arm(owner, "disarmed", pin=PIN).status_code == 200
        arm(owner, "home")
        assert arm(owner, "disarmed", pin=WRONG).get_json()["tries_left"] == 2

    def test_many_at_once_are_only_as_many_as_are_left(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "home")
        cookie = owner.get_cookie("vigilar_session")
        assert cookie is not None

        def one_try(_number: int) -> int:
            client = house.app.test_client()
            client.set_cookie("vigilar_session", cookie.value)
            return int(arm(client, "disarmed", pin=WRONG).status_code)

        with ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(one_try, range(60)))
        assert (codes.count(403), codes.count(429)) == (3, 57)

    def test_another_device_waits_too(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "home")
        for _ in range(3):
            arm(owner, "disarmed", pin=WRONG)
        assert arm(house.client(), "disarmed", pin=PIN).status_code == 429

    def test_own_right_pin_gives_another_device_no_tries(self, house: House, owner: FlaskClient) -> None:
        """A member who disarms between two guesses must not keep the guesser's count at nothing."""
        guesser = house.client()
        arm(owner, "home")
        for left in (2, 1, 0):
            assert arm(guesser, "disarmed", pin=WRONG).get_json()["tries_left"] == left
            if left:
                assert arm(owner, "disarmed", pin=PIN).status_code == 200
                arm(owner, "home")

    def test_counts_are_on_the_disk(self, house: House, owner: FlaskClient, tmp_path: Path) -> None:
        arm(owner, "home")
        for _ in range(2):
            arm(owner, "disarmed", pin=WRONG)
        other = tmp_path / "copy"
        other.mkdir()
        for name in ("vigilar.db", "vigilar.db-wal"):  # what a power cut leaves
            if (house.folder / name).exists():
                (other / name).write_bytes((house.folder / name).read_bytes())
        again = Store.open(f"sqlite:///{other / 'vigilar.db'}")
        assert begin_try(again, "another device", house.now_ms()).tries_left == 0
        again.close()

    def test_all_pins_take_nine_years(self) -> None:
        waited_ms = tries = 0
        while tries < 1_000_000:
            tries += 1
            waited_ms += wait_after(tries)
        assert waited_ms / (365.25 * 86_400_000) > 9
        assert (wait_after(3), wait_after(300)) == (FIRST_WAIT_MS, LONGEST_WAIT_MS)

    def test_clock_set_back_shortens_and_lengthens_nothing(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "home")
        for _ in range(3):
            arm(owner, "disarmed", pin=WRONG)
        clock = house.parts.clock
        assert isinstance(clock, SimulatedClock)
        clock.step_utc(-86_400)
        assert arm(owner, "disarmed", pin=PIN).status_code == 429
        clock.advance(901)
        assert arm(owner, "disarmed", pin=PIN).status_code == 200


class TestDuress:
    def test_looks_like_any_disarming(self, house: House, owner: FlaskClient) -> None:
        arm(owner, "home")
        plain = arm(owner, "disarmed", pin=PIN).get_json()
        arm(owner, "home")
        forced = arm(owner, "disarmed", pin=DURESS).get_json()
        assert {**forced, "change": 0} == {**plain, "change": 0}
        shown = owner.get("/api/v1/arm/history").get_data(as_text=True) + owner.get("/arm", headers=PAGE).text
        shown += owner.get("/api/v1/events").get_data(as_text=True)
        assert "duress" not in shown
        assert [line.action for line in arming.lines_after(house.store, 0)].count("duress") == 1

    def test_is_another_pin(self, owner: FlaskClient) -> None:
        answer = owner.put("/api/v1/members/me/pin", json={"pin": PIN, "duress_pin": PIN})
        assert answer.get_json()["type"] == "pin.same"


class TestReadiness:
    def test_dead_camera_and_open_door_are_told(self, house: House, owner: FlaskClient) -> None:
        house.health("shed", "no-picture")
        door = ensure_sensor(house.store, "box", "zigbee/1", "Back door", house.now_ms())
        note_word(house.store, door.id, Word({"contact": 1.0}), {}, house.now_ms())
        answer = arm(owner, "away", delay_s=0)
        assert (answer.status_code, answer.get_json()["type"]) == (409, "arm.not_ready")
        assert answer.get_json()["problems"] == [
            {"source_id": "shed", "sentence": "Shed has no picture."},
            {"source_id": "sensor/back-door", "sentence": "Back door is open."},
        ]
        facts = arm(owner, "away", delay_s=0, override=True).get_json()
        assert (facts["mode"], facts["bypassed"]) == ("away", ["sensor/back-door"])

    def test_house_without_a_pin_is_not_ready(self, house: House) -> None:
        answer = arm(house.client(), "home")
        assert [one["source_id"] for one in answer.get_json()["problems"]] == ["pin"]
        assert arm(house.client(), "home", override=True).status_code == 200

    def test_who_has_no_pin_is_told_what_works(self, house: House) -> None:
        """While armed none can be set, so the page must not lead there."""
        client = house.client()
        assert (
            arm(client, "disarmed", pin=PIN).get_json()["detail"]
            == "You have no PIN yet. " + "Set one on the page /arm/pin."
        )
        assert arm(client, "away", override=True, delay_s=0).status_code == 200
        alone = "Nobody has one: on the box `vigilar disarm` asks for none then."
        for given in ({"pin": PIN}, {}):
            answer = arm(client, "disarmed", **given)
            assert (answer.status_code, answer.get_json()["type"]) == (403, "pin.none")
            assert answer.get_json()["detail"] == "You have no PIN yet. " + alone
        assert arm(client, "home").get_json()["type"] == "pin.none", "it guards less"
        assert "on the box <code>vigilar disarm</code> asks for none then." in client.get("/arm").text
        kim = house.member("adult", name="kim")
        pins.set_pin(
            house.store,
            2,
            make_pin_row(house.parts.cfg.secrets_dir, PIN, None),
            arming.Line(action="pin_set", mode="disarmed", by="kim", how="page"),
            house.now_ms(),
        )
        others = "Somebody who has one must disarm. On the box `vigilar pin set` gives you one."
        for given in ({"pin": PIN}, {}):
            assert arm(client, "disarmed", **given).get_json()["detail"] == "You have no PIN yet. " + others
        assert "On the box <code>vigilar pin set</code> gives you one." in client.get("/arm").text
        assert arm(kim, "disarmed", pin=PIN).status_code == 200


class TestWhoMay:
    def test_history_says_what_a_program_did(self, house: House, owner: FlaskClient) -> None:
        token = owner.post("/api/v1/tokens", json={"name": "script", "rights": ["arm"]}).get_json()["token"]
        program = house.app.test_client(use_cookies=False)
        bearer = {"Authorization": f"Bearer {token}"}
        assert program.post("/api/v1/arm", json={"mode": "night"}, headers=bearer).status_code == 200
        newest = owner.get("/api/v1/arm/history").get_json()["history"][0]
        assert (newest["by"], newest["how"]) == ("sam", "token")
        assert newest["words"].endswith(", by a program")

    def test_guest_sees_and_does_not_arm(self, house: House, owner: FlaskClient) -> None:
        guest = house.member("guest")
        assert guest.get("/api/v1/arm").get_json()["mode"] == "disarmed"
        assert arm(guest, "home").get_json()["type"] == "right.missing"

    def test_own_pin_disarms_and_nobody_elses(self, house: House, owner: FlaskClient) -> None:
        child = house.member("child")
        assert child.put("/api/v1/members/me/pin", json={"pin": "771904"}).status_code == 204
        arm(child, "home")
        assert arm(child, "disarmed", pin=PIN).status_code == 403
        assert arm(child, "disarmed", pin="771904").get_json()["by"] == "the child"

    def test_owner_sets_anybodys_pin_and_nobody_the_owners(self, house: House, owner: FlaskClient) -> None:
        child = house.member("child")
        assert owner.put("/api/v1/members/2/pin", json={"pin": "771904"}).status_code == 204
        assert child.put("/api/v1/members/1/pin", json={"pin": "771904"}).get_json()["type"] == "user.unknown"
        assert owner.put("/api/v1/members/99/pin", json={"pin": "771904"}).get_json()["type"] == "user.unknown"

    def test_open_page_of_an_armed_house_gives_no_new_pin(self, owner: FlaskClient) -> None:
        arm(owner, "home")
        answer = owner.put("/api/v1/members/me/pin", json={"pin": "551937"})
        assert (answer.status_code, answer.get_json()["type"]) == (409, "pin.armed")
        assert owner.delete("/api/v1/members/me/pin").status_code == 409
        with_old = {"pin": "551937", "old_pin": WRONG}
        assert owner.put("/api/v1/members/me/pin", json=with_old).get_json()["type"] == "pin.wrong"
        assert owner.put("/api/v1/members/me/pin", json={**with_old, "old_pin": PIN}).status_code == 204

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/api/v1/arm", {"mode": "disarmed", "pin": PIN}),
            ("POST", "/api/v1/arm", {"mode": "home"}),
            ("PUT", "/api/v1/members/me/pin", {"pin": PIN}),
        ],
    )
    def test_nothing_of_it_goes_over_plain_http(
        self, house: House, method: str, path: str, body: dict[str, str]
    ) -> None:
        distant = house.app.test_client()
        there: Any = {"environ_overrides": {"REMOTE_ADDR": "192.168.1.20"}, "base_url": "http://192.168.1.5:49735"}
        assert distant.post("/api/v1/login", json={"name": NAME, "password": PASSWORD}, **there).status_code == 200
        answer = distant.open(path, method=method, json=body, **there)
        assert (answer.status_code, answer.get_json()["type"]) == (403, "transport.insecure")


def test_stored_pin_is_of_no_use_without_the_key_of_the_box(house: House, owner: FlaskClient) -> None:
    with house.store.read("look") as connection:
        row = connection.execute(arm_pins.select()).one()
    assert row.pin_hash.startswith("$argon2id$")
    assert not check_password(row.pin_hash, PIN)
    assert (house.folder / "secrets" / "pin-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("seconds", ["1_0", "\u0663\u0660", " 5", "+5", "-1", "1e1", "5.0", "9" * 20])
def test_time_to_leave_of_a_form_is_plain_digits(house: House, owner: FlaskClient, seconds: str) -> None:
    answer = owner.post("/arm", data={"mode": "away", "delay_s": seconds}, headers=PAGE)
    assert (answer.status_code, "The time to leave is a number of seconds." in answer.text) == (422, True)
    assert read_state(house.store).is_quiet


def test_pages_work_without_script(house: House) -> None:
    client = house.client()
    assert "You have no PIN yet" in client.get("/arm/pin", headers=PAGE).text
    answer = client.post("/arm/pin", data={"pin": PIN, "again": "1"}, headers=PAGE)
    assert (answer.status_code, "not the same" in answer.text) == (422, True)
    assert client.post("/arm/pin", data={"pin": PIN, "again": PIN}, headers=PAGE).status_code == 303
    assert client.post("/arm", data={"mode": "home", "delay_s": ""}, headers=PAGE).status_code == 303
    page = client.get("/arm", headers=PAGE).text
    assert re.search("Home since (today|yesterday)", page), "it may be midnight just now"
    answer = client.post("/arm", data={"mode": "disarmed", "pin": WRONG}, headers=PAGE)
    assert (answer.status_code, "Wrong PIN. 2 tries left" in answer.text, WRONG in answer.text) == (403, True, False)
    answer = client.post("/arm", data={"mode": "disarmed", "pin": "abc"}, headers=PAGE)
    assert (answer.status_code, "6 to 12 digits" in answer.text) == (422, True)
    assert client.post("/arm", data={"mode": "disarmed", "pin": PIN}, headers=PAGE).status_code == 303


def test_page_names_what_is_open_while_armed_until_it_was_closed(house: House, owner: FlaskClient) -> None:
    sensor = ensure_sensor(house.store, house.node_id, "zigbee/1", "Cellar door", house.now_ms())
    says = b"Cellar door is open and does not count until closed."
    note_word(house.store, sensor.id, Word({"contact": 1.0}), {"contact": 1.0}, house.now_ms())
    assert arm(owner, "home", override=True).get_json()["bypassed"] == [f"sensor/{sensor.id}"]
    assert says in owner.get("/arm", headers=PAGE).data
    note_word(house.store, sensor.id, Word({"contact": 0.0}), {"contact": 0.0}, house.now_ms())
    assert says not in owner.get("/arm", headers=PAGE).data


@pytest.mark.parametrize("path", ["/arm", "/arm/pin"])
def test_database_that_does_not_take_it_is_not_the_fault_of_who_typed(
    house: House, owner: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and not the form again with "this is wrong" beside the PIN."""

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the database is locked", kind=ErrorKind.TRANSIENT)

    arm(owner, "home")
    monkeypatch.setattr(pins, "begin_try", refuse)
    form = {"mode": "disarmed", "pin": PIN, "again": PIN, "old_pin": PIN}
    response = owner.post(path, data=form, headers=PAGE)
    assert response.status_code == 503
    assert b"The database is locked." in response.data


def test_every_page_has_the_chip(house: House, owner: FlaskClient) -> None:
    arm(owner, "home")
    for path in ("/live", "/events", "/exports", "/system", "/arm", "/arm/pin", "/system/storage", "/nothing"):
        assert 'id="arm-chip" href="/arm" data-state="home"' in owner.get(path, headers=PAGE).text, path


def test_member_does_not_learn_of_a_hidden_camera(house: House, owner: FlaskClient) -> None:
    limited = house.member("adult", ["shed"])
    now = house.now_ms()
    trigger = arming.Trigger(7, "garden", "Motion", "Garden", now)
    arming.change_state(
        house.store,
        lambda state: arming.Decision(
            replace(state, mode="away", since_ms=now, by="sam", alarm=arming.Alarm("u", "away", now + 9000, trigger))
        ),
        now,
    )
    assert owner.get("/api/v1/arm").get_json()["alarm"]["where"] == "Garden"
    facts = limited.get("/api/v1/arm").get_json()
    assert (facts["alarm"]["where"], facts["alarm"]["event"]) == ("a camera", None)
    assert "Garden" not in json.dumps(facts) + limited.get("/arm", headers=PAGE).text


def test_history_names_no_hidden_camera(house: House, owner: FlaskClient) -> None:
    """Of a line that says what it came from, and of one from before that was written; sensors are nobody's secret."""
    limited = house.member("adult", ["shed"])
    lines = tuple(
        arming.Line(action=action, mode="away", by="", how="", detail={"what": "Motion", "where": place} | source)
        for place, source in (
            ("Garden", {"source": "garden"}),
            ("Garden", {}),
            ("Shed", {"source": "shed"}),
            ("Back door", {"source": "sensor/0x1"}),
        )
        for action in ("entry", "alarm")
    )
    arming.change_state(house.store, lambda state: arming.Decision(state, lines), house.now_ms())
    for client, places in (
        (owner, ["Back door", "Shed", "Garden", "Garden"]),
        (limited, ["Back door", "Shed", "a camera", "a camera"]),
    ):
        history = client.get("/api/v1/arm/history").get_json()["history"]
        told = [words for place in places for words in (f"Alarm: Motion, {place}", f"Somebody came in: {place}")]
        assert [row["words"] for row in history[:8]] == told
        page = client.get("/arm", headers=PAGE).text
        assert [one in page for one in told] == [True] * 8
    assert "Garden" not in page
