"""Rules, quiet hours and snoozes by page and API, and why an event was told to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.base.day_spans import house_day, moment_ms
from vigilar.config.guard_models import DAYS
from vigilar.config.load import parse_config
from vigilar.config.models import Config
from vigilar.config.notify_cut import notify_rules
from vigilar.rules.decide import SEES_HOUSE, decide, rows_of
from vigilar.rules.duress import SECRET_FOR_MS, SECRET_TYPES
from vigilar.rules.situation import read_situation
from vigilar.store import decisions, snoozes, tellings
from vigilar.store.cameras import ensure_camera
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.web import visible
from vigilar.web.rights import RIGHTS, Right
from vigilar.web.times import house_time

PAGE = {"Accept": "text/html"}
HOUR = 3_600_000
FILE = """\
# our house
[[camera]]
name = "Front door"
address = "demo:street"
[[camera]]
name = "Garden"
address = "demo:garden"

# people, by day
[[notify.rule]]
name = "People"
when = ["person"]
tell = ["everyone"]   # all of us
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        file(house).write_text(FILE, encoding="utf-8")
        for camera_id, name in (("front-door", "Front door"), ("garden", "Garden")):
            ensure_camera(house.store, camera_id, name, 1, house.node_id)
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def file(house: House) -> Path:
    return house.parts.cfg.config_file


def config(house: House) -> Config:
    return parse_config(file(house).read_bytes(), "x")


def seen(house: House, number: int, kind: str = "person", ago_ms: int = HOUR, **changes: Any) -> StoredEvent:
    at = house.now_ms() - ago_ms
    values: dict[str, Any] = {
        "uid": f"e-{number}", "type": "motion", "severity": "INFO", "source_id": "garden", "ts_ms": at,
        "end_ms": at + 5_000, "kind": kind, "payload": {"title": f"{kind.title()}, Garden", "camera_name": "Garden"},
    }  # fmt: skip
    event = insert_event(house.store, NewEvent(**{**values, **changes}), now_ms=at)
    assert event is not None
    return event


def noon_ago_ms(house: House) -> int:
    """How long ago it was noon yesterday: outside of quiet hours, whenever the test runs."""
    zone = house.parts.zone
    day = house_day(house.now_ms(), zone) - timedelta(days=1)
    return house.now_ms() - moment_ms(day, 12 * 60, zone)


class TestRules:
    def test_rules_are_read_and_set(self, house: House, owner: FlaskClient) -> None:
        found = owner.get("/api/v1/rules").get_json()
        assert found["rules"] == [{"name": "People", "when": ["person"], "tell": ["everyone"]}]
        assert (found["ordinary_per_day"], found["summary"]) == (6, "08:00")
        rules = [*found["rules"], {"name": "Cat", "when": ["cat"], "tell": ["sam"], "from": "06:00", "to": "22:00"}]
        answer = owner.put("/api/v1/rules", json={"rules": rules, "ordinary_per_day": 3, "version": found["version"]})
        assert answer.status_code == 200
        assert [one.name for one in config(house).notify.rule] == ["People", "Cat"]
        assert config(house).notify.per_day == 3
        assert "# all of us" in file(house).read_text()
        again = owner.put("/api/v1/rules", json={"rules": [], "version": found["version"]})
        assert (again.status_code, again.get_json()["type"]) == (409, "settings.changed")

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"rules": [{"name": "X", "when": ["persn"], "tell": ["sam"]}]}, 'did you mean "person"'),
            ({"rules": [{"name": "X", "tell": ["sam"], "cameras": ["gardn"]}]}, 'did you mean "garden"'),
            ({"rules": [{"name": "X", "tell": ["sam"], "soon": True}]}, "unknown"),
            ({"rules": [{"name": "X", "tell": ["sam"], "from": 7}]}, "time of day"),
            ({"rules": ["X"]}, "list of objects"),
            ({"quiet": [{"from": "22:00", "to": "22:00"}]}, "must not be the time"),
            ({"ordinary_per_day": -1}, "0 to 1000"),
            ({"summary": "soon"}, "time of day"),
            ({}, "Say what to set"),
        ],
    )
    def test_what_is_not_right_is_said(self, house: House, owner: FlaskClient, body: dict[str, Any], said: str) -> None:
        answer = owner.put("/api/v1/rules", json=body)
        assert answer.status_code == 422
        assert said in answer.get_json()["detail"]
        assert file(house).read_text() == FILE
        if body:
            tried = owner.post("/api/v1/rules/preview", json=body)
            assert (tried.status_code, said in tried.get_json()["detail"]) == (422, True)
            assert str(file(house)) + ":" not in tried.get_json()["detail"]

    def test_armed_house_keeps_its_rules_and_lets_them_be_tried(self, house: House, owner: FlaskClient) -> None:
        assert owner.post("/api/v1/arm", json={"mode": "home", "override": True}).status_code == 200
        answer = owner.put("/api/v1/rules", json={"rules": []})
        assert (answer.status_code, answer.get_json()["type"]) == (409, "arm.armed")
        assert owner.post("/settings/notifications/rule", data={"number": "1", "do": "remove"}).status_code == 409
        assert owner.post("/api/v1/rules/preview", json={"rules": []}).status_code == 200
        everybody = owner.post("/api/v1/snoozes", json={"minutes": 60, "for_all": True})
        assert (everybody.status_code, everybody.get_json()["type"]) == (409, "arm.armed")
        assert file(house).read_text() == FILE

    def test_preview_says_what_would_come_and_go(self, house: House, owner: FlaskClient) -> None:
        noon = noon_ago_ms(house)
        person, cat = seen(house, 1, ago_ms=noon), seen(house, 2, "cat", ago_ms=noon)
        rules = [{"name": "Cat", "when": ["cat"], "tell": ["sam"]}]
        found = owner.post("/api/v1/rules/preview", json={"rules": rules}).get_json()
        assert (found["days"], found["before"], found["after"]) == (7, 1, 1)
        assert {one["name"]: (one["before"], one["after"]) for one in found["rules"]} == {
            "Cat": (0, 1),
            "People": (1, 0),
        }
        changes = {one["id"]: (one["change"], one["members"]) for one in found["events"]}
        assert changes == {person.id: ("goes", ["sam"]), cat.id: ("comes", ["sam"])}
        assert file(house).read_text() == FILE

    def test_preview_names_twenty_events_and_counts_all(self, house: House, owner: FlaskClient) -> None:
        for number in range(25):
            seen(house, number, "cat", ago_ms=noon_ago_ms(house))
        body = {"rules": [{"name": "Cat", "when": ["cat"], "tell": ["sam"], "level": "loud"}]}
        found = owner.post("/api/v1/rules/preview", json=body).get_json()
        assert (len(found["events"]), found["changed"], found["after"]) == (20, 25, 25)

    def test_who_changed_rules_is_written_down_and_a_try_is_not(self, house: House, owner: FlaskClient) -> None:
        rules = owner.get("/api/v1/rules").get_json()["rules"]
        owner.post("/api/v1/rules/preview", json={"rules": []})
        form = {"name": "Cats", "when": ["cat"], "tell": ["sam"]}
        owner.post("/settings/notifications/rule", data={**form, "do": "preview"})
        owner.put("/api/v1/rules", json={"rules": rules, "ordinary_per_day": 4})
        owner.post("/settings/notifications/rule", data={**form, "do": "save"})
        owner.post("/api/v1/snoozes", json={"minutes": 5, "camera": "garden", "for_all": True})
        assert house.parts.audit.flush(10.0)
        entries = owner.get("/api/v1/audit?group=changes").get_json()["entries"]
        assert [one["sentence"] for one in entries] == [
            "sam snoozed for everybody of Garden.",
            "sam changed who is told of what: the rule Cats.",
            "sam changed who is told of what.",
        ]

    @pytest.mark.parametrize("role", ["adult", "child", "guest"])
    def test_only_an_owner_changes_rules(self, house: House, role: str) -> None:
        member = house.member(role)  # type: ignore[arg-type]  # one of the roles
        assert member.get("/api/v1/rules").status_code == 403
        assert member.put("/api/v1/rules", json={"rules": []}).status_code == 403
        page = member.get("/settings/notifications", headers=PAGE)
        assert page.status_code == 200
        assert ("People" in page.text) is (role == "adult")
        assert 'href="/settings/notifications/rule' not in page.text


class TestPage:
    def test_rule_reads_as_a_sentence_with_its_count(self, house: House, owner: FlaskClient) -> None:
        seen(house, 1, ago_ms=noon_ago_ms(house))
        text = owner.get("/settings/notifications", headers=PAGE).text
        assert "Person: everyone is told quietly." in text
        assert "Last 7 days: once" in text
        assert "With today's rules it would have been 1" in text.replace("&#39;", "'")

    def test_rule_is_tried_then_saved(self, house: House, owner: FlaskClient) -> None:
        seen(house, 1, "cat", ago_ms=noon_ago_ms(house))
        form = {
            "name": "Cats", "enabled": "1", "when": ["cat"], "cameras": "chosen", "cameras_ids": ["garden"],
            "modes": ["disarmed", "home"], "from": "06:00", "to": "22:00", "days": list(DAYS),
            "tell": ["sam"], "level": "loud", "again_after": "10", "lasts": "", "record": "30", "siren": "1",
        }  # fmt: skip
        tried = owner.post("/settings/notifications/rule", data={**form, "do": "preview"}, headers=PAGE)
        assert "Comes" in tried.text
        assert "Cat, Garden" in tried.text
        assert file(house).read_text() == FILE
        saved = owner.post("/settings/notifications/rule", data={**form, "do": "save"}, headers=PAGE)
        assert saved.status_code == 303
        rule = config(house).notify.rule[1]
        assert (rule.cameras, rule.modes, rule.from_min, rule.level) == (("garden",), ("disarmed", "home"), 360, "loud")
        assert (rule.again_after_s, rule.record_s, rule.siren) == (600, 30, True)
        assert "Undo: the rule Cats" in owner.get("/settings/notifications", headers=PAGE).text
        undone = owner.post("/settings/undo", data={"back": "/settings/notifications"}, headers=PAGE)
        assert undone.status_code == 303
        assert file(house).read_text() == FILE

    def test_form_of_a_rule_sends_back_what_it_shows(self, house: House, owner: FlaskClient) -> None:
        text = owner.get("/settings/notifications/rule?number=1", headers=PAGE).text
        assert 'value="People"' in text
        assert 'name="when" value="person" checked' in text
        assert owner.get("/settings/notifications/rule?number=9", headers=PAGE).status_code == 404

    def test_rule_of_the_house_is_written_when_it_is_changed(self, house: House, owner: FlaskClient) -> None:
        file(house).write_text("", encoding="utf-8")
        assert owner.post("/settings/notifications/rule", data={"number": "1", "do": "remove"}).status_code == 303
        names = [one.name for one in config(house).notify.rule]
        assert "Danger" not in names
        assert "Person outside at night" in names

    def test_rule_for_doors_of_a_house_without_any_says_so(self, house: House, owner: FlaskClient) -> None:
        words = "No camera of this kind is set up, so this does nothing yet."
        doors = FILE + '[[notify.rule]]\nname = "Door"\ncameras = "doors"\ntell = "sam"\n'
        file(house).write_text(doors, encoding="utf-8")
        assert words not in owner.get("/settings/notifications", headers=PAGE).text
        file(house).write_text(doors.replace('name = "Front door"', 'name = "Street"'), encoding="utf-8")
        assert words in owner.get("/settings/notifications", headers=PAGE).text

    def test_member_that_is_not_there_is_named(self, house: House, owner: FlaskClient) -> None:
        file(house).write_text(FILE.replace('["everyone"]', '["Sma", "sam"]'), encoding="utf-8")
        text = owner.get("/settings/notifications", headers=PAGE).text
        assert "Nobody here is called Sma" in text

    @pytest.mark.parametrize(
        "form",
        [
            {"name": "", "tell": ["sam"], "when": ["cat"]},
            {"name": "X", "when": ["cat"]},
            {"name": "People", "tell": ["sam"], "when": ["cat"]},
            {"name": "X", "tell": ["sam"], "from": "06:00", "days": ["mon"]},
            {"name": "X", "tell": ["sam"], "from": "06:00", "to": "07:00"},
            {"name": "X", "tell": ["sam"], "cameras": "chosen"},
            {"name": "X", "tell": ["sam"], "again_after": "soon"},
        ],
    )
    def test_what_is_not_right_is_said_with_the_form_kept(
        self, house: House, owner: FlaskClient, form: dict[str, Any]
    ) -> None:
        answer = owner.post("/settings/notifications/rule", data=form, headers=PAGE)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
        assert file(house).read_text() == FILE

    def test_quiet_hours_profiles_and_limits_are_set(self, house: House, owner: FlaskClient) -> None:
        days = ["mon", "tue"]
        quiet = {"section": "quiet-add", "from": "21:00", "to": "06:00", "days": days, "for": ["children"]}
        profile = {"section": "profile-add", "for": ["sam"], "place": "home", "least": "loud", "modes": ["disarmed"]}
        limits = {"section": "limits", "ordinary_per_day": "2", "summary": "09:30"}
        for form in (quiet, profile, limits):
            assert owner.post("/settings/notifications", data=form, headers=PAGE).status_code == 303, form
        notify = config(house).notify
        assert [(one.from_min, one.days, one.whom) for one in notify.quiet] == [
            (1320, (0, 1, 2, 3, 4, 5, 6), ("everyone",)),
            (1260, (0, 1), ("children",)),
        ]
        assert [(one.whom, one.place, one.least, one.modes) for one in notify.profile] == [
            (("sam",), "home", "loud", ("disarmed",))
        ]
        assert (notify.per_day, notify.summary_min) == (2, 570)
        locked = {"section": "lock", "lock_screen": "no names"}
        assert owner.post("/settings/notifications", data=locked, headers=PAGE).status_code == 303
        assert config(house).notify.lock_screen == "no names"
        assert 'value="no names" selected' in owner.get("/settings/notifications", headers=PAGE).text
        assert owner.get("/api/v1/rules").get_json()["lock_screen"] == "no names"
        wrong = {"section": "lock", "lock_screen": "pictures"}
        assert owner.post("/settings/notifications", data=wrong, headers=PAGE).status_code == 422
        gone = {"section": "quiet-set", "index": "0", "remove": "1"}
        for bad, said in (
            ({"to": "21:00"}, "at another time than they begin"),
            ({"for": []}, "Choose whom they are for"),
        ):
            refused = owner.post("/settings/notifications", data={**quiet, **bad}, headers=PAGE)
            assert (refused.status_code, said in refused.text) == (422, True), bad
        assert owner.post("/settings/notifications", data=gone, headers=PAGE).status_code == 303
        assert [one.whom for one in config(house).notify.quiet] == [("children",)]
        assert owner.get("/settings/notifications", headers=PAGE).status_code == 200


class TestSnooze:
    def test_camera_is_snoozed_from_its_own_page_and_says_so_there(self, house: House) -> None:
        """Two taps from any tile (B-19): the tile, and the button of its page."""
        kim = house.member("adult", name="Kim")
        page = kim.get("/watch/garden", headers=PAGE).text
        assert '<input type="hidden" name="camera" value="garden">' in page
        form = {"camera": "garden", "how": "minutes:60"}
        assert kim.post("/settings/notifications/snooze", data=form, headers=PAGE).status_code == 303
        page = kim.get("/watch/garden", headers=PAGE).text
        assert "is snoozed by Kim until" in page
        assert 'name="how" value="minutes:60"' not in page
        assert "Snooze 1 h" in kim.get("/watch/front-door", headers=PAGE).text

    def test_member_snoozes_for_an_hour_and_ends_it(self, house: House) -> None:
        kim = house.member("adult", name="Kim")
        made = kim.post("/api/v1/snoozes", json={"camera": "garden", "minutes": 60})
        assert made.status_code == 201
        body = made.get_json()
        assert body["until_ts"] - body["start_ts"] == HOUR
        assert (body["camera"], body["for_all"], body["by"]) == ("garden", False, "Kim")
        assert [one["id"] for one in kim.get("/api/v1/snoozes").get_json()["snoozes"]] == [body["id"]]
        assert "Garden is snoozed by Kim" in kim.get("/settings/notifications", headers=PAGE).text
        other = house.member("adult", name="Lee")
        assert other.get("/api/v1/snoozes").get_json()["snoozes"] == []
        assert other.delete(f"/api/v1/snoozes/{body['id']}").status_code == 404
        assert kim.delete(f"/api/v1/snoozes/{body['id']}").status_code == 204
        assert kim.get("/api/v1/snoozes").get_json()["snoozes"] == []

    def test_form_offers_the_same(self, house: House, owner: FlaskClient) -> None:
        form = {"camera": "", "how": "quiet:10", "for_all": "1"}
        assert owner.post("/settings/notifications/snooze", data=form, headers=PAGE).status_code == 303
        [one] = snoozes.snoozes_between(house.store, house.now_ms(), house.now_ms())
        assert (one.user_id, one.camera_id, one.quiet_ms) == (None, None, 600_000)
        assert owner.post(f"/settings/notifications/snooze/{one.id}/end", headers=PAGE).status_code == 303
        wrong = owner.post("/settings/notifications/snooze", data={"how": "for ever"}, headers=PAGE)
        assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "snooze.end"),
            ({"minutes": 0}, "snooze.end"),
            ({"minutes": 721}, "snooze.end"),
            ({"minutes": 5, "until": "07:00"}, "snooze.end"),
            ({"until": "25:00"}, "snooze.end"),
            ({"quiet_minutes": 500}, "snooze.end"),
            ({"minutes": 5, "camera": "nowhere"}, "camera.unknown"),
        ],
    )
    def test_snooze_without_a_right_end_is_refused(self, owner: FlaskClient, body: dict[str, Any], code: str) -> None:
        assert owner.post("/api/v1/snoozes", json=body).get_json()["type"] == code

    def test_snooze_until_a_time_of_the_house(self, house: House, owner: FlaskClient) -> None:
        house.parts.use_settings(replace(house.parts.cfg, time_zone="Etc/UTC"))  # where no time of a night comes twice
        soon = house.now_ms() + 2 * HOUR
        clock = house_time(soon, house.parts.zone).strftime("%H:%M")
        body = owner.post("/api/v1/snoozes", json={"until": clock}).get_json()
        assert body["until_ts"] == soon // 60_000 * 60_000

    def test_only_owners_snooze_for_everybody(self, house: House) -> None:
        adult = house.member("adult")
        assert adult.post("/api/v1/snoozes", json={"minutes": 5, "for_all": True}).status_code == 403

    def test_hidden_camera_cannot_be_snoozed_and_is_not_told(self, house: House, owner: FlaskClient) -> None:
        guest = house.member("guest", ["front-door"])
        hidden = guest.post("/api/v1/snoozes", json={"minutes": 5, "camera": "garden"})
        assert (hidden.status_code, hidden.get_json()["type"]) == (404, "camera.unknown")
        for_all = {"minutes": 5, "camera": "garden", "for_all": True}
        assert owner.post("/api/v1/snoozes", json=for_all).status_code == 201
        assert guest.get("/api/v1/snoozes").get_json()["snoozes"] == []


class TestWhy:
    def decide(self, house: House, event: StoredEvent) -> None:
        rules, now_ms = house.parts.cfg.notify, event.ts_ms
        decision = decide(event, read_situation(house.store, rules, event, now_ms), rules)
        with house.store.write("decide") as connection:
            decisions.put_decision(connection, event, decision.dump(), now_ms)
            tellings.write_tellings(
                connection,
                rows_of(decision),
                event_id=event.id,
                incident_id=None,
                source_id=event.source_id,
                now_ms=now_ms,
            )

    def test_event_before_telling_began_says_so(self, house: House, owner: FlaskClient) -> None:
        event = seen(house, 1)
        why = owner.get(f"/api/v1/events/{event.id}/why").get_json()
        assert why["steps"][0]["sentence"] == "Nobody was told: the house did not tell people then. Today's rules say:"
        assert why["decided"] is False
        assert why["sentence"].startswith("Nobody was told then. Today's rules: ")
        assert why["pushes"] == []
        assert not any(one["told"] for one in why["members"])

    def test_stored_decision_is_told_step_by_step(self, house: House, owner: FlaskClient) -> None:
        event = seen(house, 1)
        self.decide(house, event)
        why = owner.get(f"/api/v1/events/{event.id}/why").get_json()
        assert why["decided"] is True
        assert {"step", "passed", "sentence"} == set(why["steps"][0])
        assert why["steps"][0]["sentence"].startswith("Person, Garden")
        assert why["steps"][-1] == {"step": "rule", "passed": False, "sentence": "No rule is about this."}

    def test_who_came_to_the_house_later_reads_that(self, house: House) -> None:
        event = seen(house, 1)
        self.decide(house, event)
        kim = house.member("adult", name="kim")
        why = kim.get(f"/api/v1/events/{event.id}/why").get_json()
        assert why["sentence"] == "kim was not in this household yet."

    def test_who_was_told_without_a_phone_reads_that(self, house: House, owner: FlaskClient) -> None:
        event = seen(house, 1, "", type="sensor_smoke", severity="CRITICAL", source_id="sensor/kitchen")
        house.parts.use_settings(with_house_rules(house))
        self.decide(house, event)
        why = owner.get(f"/api/v1/events/{event.id}/why").get_json()
        assert why["sentence"] == "sam has no phone here that could be told."
        assert why["steps"][-1]["sentence"] == "sam is told at once, through everything."
        assert [(one["member"], one["state"], one["sentence"]) for one in why["pushes"]] == [
            ("sam", "none", "sam has no phone here that could be told.")
        ]

    def test_every_member_reads_of_itself_and_adults_of_all(self, house: House) -> None:
        child, adult = house.member("child"), house.member("adult")
        event = seen(house, 1)
        of_child = child.get(f"/api/v1/events/{event.id}/why").get_json()
        of_adult = adult.get(f"/api/v1/events/{event.id}/why").get_json()
        assert [one["member"] for one in of_child["members"]] == ["the child"]
        assert [one["member"] for one in of_adult["members"]] == ["sam", "the child", "the adult"]

    def test_rules_and_what_they_name_are_told_to_nobody_who_is_limited(self, house: House, owner: FlaskClient) -> None:
        text = (
            '[[notify.rule]]\nname = "At night"\nwhen = "person"\ncameras = ["front-door", "garden"]\ntell = "owners"'
        )
        rules = notify_rules(parse_config(f"{FILE}\n{text}\n".encode(), "x"))
        house.parts.use_settings(replace(house.parts.cfg, notify=rules))
        guest = house.member("guest", ["front-door"])
        event = seen(house, 1, source_id="front-door", payload={"title": "Person"})
        self.decide(house, event)
        assert "Garden" in owner.get(f"/api/v1/events/{event.id}/why").text
        assert "Garden" not in guest.get(f"/api/v1/events/{event.id}/why").text

    def test_guest_reads_its_own_steps_without_names_and_whereabouts(self, house: House) -> None:
        guest = house.member("guest", ["garden"], name="lee")
        rules = '[[notify.rule]]\nname = "Pool and shed"\nwhen = "person"\ntell = ["sam", "lee"]\n'
        cameras = FILE.partition("# people")[0]
        cases = (
            ('at_home = "sam"', "presence", "The rule for such things asks who is at home, and did not hold."),
            ('home = "nobody"', "presence", "The rule for such things asks who is at home, and did not hold."),
            ('cameras = ["front-door"]', "where", "The rule for such things is for other places."),
            ("", "rule", "A rule tells you of such things."),
        )
        for number, (condition, step, sentence) in enumerate(cases):
            settings = notify_rules(parse_config(f"{cameras}\n{rules}{condition}\n".encode(), "x"))
            house.parts.use_settings(replace(house.parts.cfg, notify=settings))
            event = seen(house, number)
            self.decide(house, event)
            why = guest.get(f"/api/v1/events/{event.id}/why").get_json()
            steps = {one["step"]: one["sentence"] for one in why["steps"]}
            assert steps.get(step) == sentence, steps
            told = why["members"][0]["steps"]
            assert {one["step"]: one["sentence"] for one in told}[step] == sentence
            assert not [name for name in ("sam", "Front", "Pool") if name in str(why)]

    def test_hidden_and_secret_events_have_no_why(self, house: House, owner: FlaskClient) -> None:
        guest = house.member("guest", ["front-door"])
        hidden = seen(house, 1)
        secret = seen(house, 2, "", type="duress", severity="CRITICAL", source_id="house", payload={"by": "sam"})
        assert guest.get(f"/api/v1/events/{hidden.id}/why").get_json()["type"] == "event.unknown"
        assert owner.get(f"/api/v1/events/{secret.id}/why").status_code == 404
        assert owner.get("/api/v1/events/99999/why").status_code == 404

    def test_duress_is_in_no_figure_of_the_page(self, house: House, owner: FlaskClient) -> None:
        secret = seen(house, 2, "", type="duress", severity="CRITICAL", source_id="house", payload={"by": "kim"})
        self.decide(house, secret)
        text = owner.get("/settings/notifications", headers=PAGE).text
        assert "Last week you were told of nothing." in text
        assert "uress" not in text


def with_house_rules(house: House) -> Any:
    return replace(house.parts.cfg, notify=notify_rules(parse_config(b"", "x")))


def test_who_sees_the_house_is_said_once() -> None:
    assert {role for role, rights in RIGHTS.items() if Right.SEE_SYSTEM in rights} == SEES_HOUSE
    assert (SECRET_TYPES, SECRET_FOR_MS) == (visible.SECRET_TYPES, visible.SECRET_FOR_MS)
