"""A refused form of the settings says what is wrong in the words of its page: nobody there sees the settings file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.web.form_words import form_sentence

PAGE = {"Accept": "text/html"}
RULE, NOTICES, ARMING, SENSORS = (
    f"/settings/{one}" for one in ("notifications/rule", "notifications", "arming", "sensors")
)
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "rule": (RULE, {"name": "X", "when": "person", "tell": "adults", "days": "mon", "enabled": "1"}),
    "quiet": (NOTICES, {"section": "quiet-add", "days": "mon", "from": "10:00", "to": "11:00", "for": "everyone"}),
    "profile": (NOTICES, {"section": "profile-add", "least": "loud", "place": "home", "for": "everyone"}),
    "limits": (NOTICES, {"section": "limits", "ordinary_per_day": "6", "summary": "08:00"}),
    "lock": (NOTICES, {"section": "lock"}),
    "times": (ARMING, {"section": "house", "leave_delay": "30", "enter_delay": "30", "alarm_lasts": "60", "bus": "no"}),
    "away": (ARMING, {"section": "away"}),
    "schedule": (ARMING, {"section": "schedule-add", "mode": "night", "days": "mon", "from": "22:00", "to": "06:00"}),
    "sensors": (SENSORS, {"section": "sensors", "silent_after": "24", "low_battery": "10"}),
    "broker": (SENSORS, {"section": "sensors", "silent_after": "24", "low_battery": "10", "host": "broker"}),
    "presence": (SENSORS, {"section": "presence", "enabled": "1"}),
}
SENTENCE = re.compile(r'<p class="notice notice-bad"[^>]*>(?:(?!</p>).)*?<span>((?:(?!</p>).)*)</span></p>', re.DOTALL)
OF_THE_FILE = re.compile(
    r"\[|_|\d[smhd]\b|in quotes|\.toml|\b(arm|sensors|presence|notify|rule|quiet|profile)[.\s]\S*:", re.I
)
LEAVE = "“Time to leave” must be between 0 seconds and 10 minutes."


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.member("owner")


def refused(owner: FlaskClient, form: str, **typed: str) -> tuple[str, str]:
    """The one sentence that is said, and the page without it."""
    path, known = FORMS[form]
    answer = owner.post(path, data={**known, **typed}, headers=PAGE)
    assert answer.status_code == 422
    said = [html.unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in SENTENCE.findall(answer.text)]
    [sentence] = [one for one in said if one]
    return sentence, html.unescape(SENTENCE.sub("", answer.text))


@pytest.mark.parametrize(
    ("form", "field", "typed"),
    [
        ("rule", "name", "x" * 80), ("rule", "name", "a\x07"), ("rule", "when", "nonsense"), ("rule", "least", "zz"),
        ("rule", "lasts", "9999"), ("rule", "cameras", "zz"), ("rule", "zones", "a\x07"), ("rule", "home", "zz"),
        ("rule", "from", "25:99"), ("rule", "from", "10:00"), ("rule", "to", "10:00"), ("rule", "tell", ""),
        ("rule", "level", "zz"), ("rule", "record", "900"), ("rule", "scene", "a/#"), ("rule", "again_after", "x"),
        ("quiet", "from", "25:99"), ("quiet", "from", "11:00"), ("quiet", "for", ""), ("quiet", "days", ""),
        ("profile", "place", "zz"), ("profile", "least", "zz"), ("profile", "ordinary_per_day", "99999"),
        ("limits", "ordinary_per_day", "9999"), ("limits", "summary", ""), ("lock", "lock_screen", "zz"),
        ("times", "leave_delay", "9999"), ("times", "enter_delay", "9999"), ("times", "alarm_lasts", "0"),
        ("times", "bus", "zz"), ("away", "cameras", "zz"), ("away", "trigger", "zz"), ("away", "sensors", "zz"),
        ("away", "leave_delay", "9999"), ("schedule", "mode", "zz"), ("schedule", "from", "25:00"),
        ("schedule", "to", "22:00"), ("schedule", "only_if", "zz"), ("sensors", "listen", "nonsense"),
        ("sensors", "zigbee2mqtt", "a/#"), ("sensors", "silent_after", "0"), ("sensors", "low_battery", "100"),
        ("broker", "host", "a b"), ("broker", "port", "99999"), ("presence", "away_after", "999"),
    ],
)  # fmt: skip
def test_sentence_has_the_words_of_the_page(owner: FlaskClient, form: str, field: str, typed: str) -> None:
    sentence, page = refused(owner, form, **{field: typed})
    assert OF_THE_FILE.search(sentence) is None, sentence
    for label in re.findall(r"“(.*?)”", sentence):
        assert re.search(rf">{re.escape(label)}[^<>]*</(label|legend)>", page), label


@pytest.mark.parametrize(
    ("form", "typed", "said"),
    [
        ("times", {"leave_delay": "9999"}, LEAVE),
        ("sensors", {"silent_after": "0"}, "“A sensor is silent after” must be between 1 hour and 36500 days."),
        ("quiet", {"from": "25:99"}, "“From” must be a time of day, such as 22:30."),
        ("times", {"bus": "zz"}, "Choose one of those that are offered."),
        (
            "times",
            {"leave_delay": "9999", "alarm_lasts": "1"},
            f"“How long an alarm sounds” must be between 5 seconds and 1 hour. {LEAVE}",
        ),
    ],
)
def test_units_and_values_are_words(owner: FlaskClient, form: str, typed: dict[str, str], said: str) -> None:
    sentence, _ = refused(owner, form, **typed)
    assert sorted(re.split(r"(?<=\.) ", sentence)) == sorted(re.split(r"(?<=\.) ", said))


def test_program_is_told_the_names_of_the_file(owner: FlaskClient) -> None:
    answer = owner.patch("/api/v1/settings/guard", json={"set": {"arm.leave_delay": "9999s"}})
    assert answer.get_json()["field"] == "leave_delay"
    assert "rm.leave_delay: must be between 0s and 10m" in answer.get_json()["detail"]


def test_second_rule_of_one_name_is_refused_at_its_name(owner: FlaskClient) -> None:
    path, known = FORMS["rule"]
    assert owner.post(path, data=known, headers=PAGE).status_code == 303
    sentence, page = refused(owner, "rule")
    assert sentence == "There is a rule of this name already."
    assert re.search(r'id="name"[^>]*aria-invalid="true"', page)


def test_what_is_in_no_form_keeps_its_sentence() -> None:
    assert form_sentence([("leave_delay", "must be so"), ("retention", "must be 3d")]) == ""
