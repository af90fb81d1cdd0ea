"""A form of the page of notifications that was refused stands open with what was typed, and the sentence is at its
field: what a browser without script shows, reads out and would send again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests import forms_kit
from tests.browser.house import House, open_house
from tests.forms_kit import ReadPage, check_stands, form_with, press
from vigilar.config.load import parse_config
from vigilar.config.models import Config
from vigilar.store.phones import put_phone
from vigilar.store.users import list_users

PAGE = "/settings/notifications"
RULE = f"{PAGE}/rule"
SNOOZE = f"{PAGE}/snooze"
FILE = """\
[[camera]]
name = "Garden"
address = "demo:garden"
[[notify.rule]]
name = "People"
when = ["person"]
tell = ["everyone"]
[[notify.rule]]
name = "Cats"
when = ["cat"]
tell = ["sam"]
[[notify.quiet]]
from = "22:00"
to = "07:00"
for = ["everyone"]
[[notify.profile]]
for = ["sam"]
place = "home"
least = "loud"
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.parts.cfg.config_file.write_text(FILE, encoding="utf-8")
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def config(house: House) -> Config:
    return parse_config(house.parts.cfg.config_file.read_bytes(), "x")


def read(client: FlaskClient, path: str = PAGE) -> ReadPage:
    return forms_kit.read(client, path)


QUIET = {"section": "quiet-set", "index": "0"}
PROFILE = {"section": "profile-set", "index": "0"}
BAD = [
    ({"section": "limits"}, {"ordinary_per_day": "many", "summary": "09:10"}, "whole number"),
    ({"section": "limits"}, {"ordinary_per_day": "3", "summary": "soon"}, "time of day"),
    (QUIET, {"from": "20:15", "to": "20:15", "days": ["tue"]}, "another time than they begin"),
    (QUIET, {"from": "20:15", "days": []}, "at least one day"),
    (
        {"section": "quiet-add"},
        {"from": "13:00", "to": "15:00", "days": ["sat", "sun"], "for": []},
        "whom they are for",
    ),
    ({"section": "quiet-add"}, {"from": "13 o'clock"}, "time of day"),
    (PROFILE, {"for": ["children"], "least": "ordinary", "modes": ["away"]}, "what is left out"),
    (PROFILE, {"for": [], "ordinary_per_day": "4", "place": "away"}, "whom it is for"),
    ({"section": "profile-add"}, {"for": ["sam"], "ordinary_per_day": "5000"}, "0 to 1000"),
    ({"section": "profile-add"}, {"for": ["sam"], "ordinary_per_day": '"><b>'}, "whole number"),
]


@pytest.mark.parametrize(("which", "typed", "said"), BAD)
def test_refused_settings_stand_as_typed(
    house: House, owner: FlaskClient, which: dict[str, str], typed: dict[str, str | list[str]], said: str
) -> None:
    status, page, sent = press(owner, form_with(read(owner), **which), **typed)
    assert status == 422
    check_stands(page, sent, said)
    assert house.parts.cfg.config_file.read_text() == FILE


BAD_RULES: list[tuple[str, dict[str, str | list[str]], str]] = [
    ("", {"name": " ", "when": ["cat", "dog"], "level": "loud"}, "Give the rule a name"),
    ("", {"name": "people", "when": ["cat"]}, "the name of another rule"),
    ("2", {"name": "Cats out", "tell": []}, "tells nobody"),
    ("2", {"cameras": "chosen", "again_after": "7", "keep": "1"}, "at least one camera"),
    ("2", {"from": "06:00", "days": ["mon"], "cameras": "chosen", "cameras_ids": "garden"}, "a begin and an end"),
    ("2", {"from": "06:00", "to": "07:00", "days": []}, "at least one day"),
    ("2", {"lasts": "5000", "siren": "1"}, "At most 1440 minutes"),
    ("2", {"record": "soon", "modes": ["away", "night"]}, "whole number"),
    ("2", {"scene": "vigilar/x", "enabled": []}, "must be a topic"),
]


@pytest.mark.parametrize(("number", "typed", "said"), BAD_RULES)
def test_refused_rule_stands_as_typed(
    house: House, owner: FlaskClient, number: str, typed: dict[str, str | list[str]], said: str
) -> None:
    form = form_with(read(owner, f"{RULE}?number={number}"), number=number)
    status, page, sent = press(owner, form, **typed)
    assert status == 422
    check_stands(page, sent, said)
    assert form_with(page, number=number).fields["name"] == sent["name"]
    assert house.parts.cfg.config_file.read_text() == FILE


def test_refused_snooze_stands_as_typed(owner: FlaskClient) -> None:
    form = next(one for one in read(owner).forms if one.action == SNOOZE)
    status, page, sent = press(owner, form, camera="garden", how="until:", until="25:00", for_all="1")
    assert status == 422
    check_stands(page, sent, "time of day")


def test_refused_name_of_a_phone_stands_as_typed(house: House, owner: FlaskClient) -> None:
    [sam] = list_users(house.store)
    for name in ("Pixel", "Tablet"):
        put_phone(
            house.store, sam.id, name=name, endpoint=f"https://push.example/{name}", origin="", p256dh=b"p" * 65,
            auth=b"a" * 16, user_agent="", session_hash=None, now_ms=house.now_ms(),
        )  # fmt: skip
    status, page, sent = press(owner, form_with(read(owner), name="Tablet"), name="Kitchen\u200b")
    assert status == 422
    check_stands(page, sent, "cannot be seen")
    assert form_with(page, name="Pixel").is_open is False


def test_what_no_field_has_said_is_said_beside_the_buttons(house: House, owner: FlaskClient) -> None:
    """Whatever is wrong with the whole wish: here the house was armed while somebody typed."""
    pages = read(owner), read(owner, f"{RULE}?number=2")
    assert owner.post("/api/v1/arm", json={"mode": "home", "override": True}).status_code == 200
    for before, which in zip(pages, (QUIET, {"number": "2"}), strict=True):
        status, page, sent = press(owner, form_with(before, **which), **{"from": "20:15", "to": "21:00"})
        assert status == 409
        form = form_with(page, **which)
        assert (form.is_open, form.has_focus, form.fields["from"]) == (True, True, sent["from"])
        [at] = page.focus
        assert (at["role"], at["tabindex"]) == ("alert", "-1")


def test_row_that_moved_meanwhile_keeps_what_was_typed(house: House, owner: FlaskClient) -> None:
    """Two owners: one adds a row above, the other's form is about the row it was made from, not about its place."""
    before, rule = form_with(read(owner), **QUIET), form_with(read(owner, f"{RULE}?number=2"), number="2")
    first = '[[notify.quiet]]\nfrom = "12:00"\nto = "13:00"\nfor = ["sam"]\n'
    text = FILE.replace("[[notify.quiet]]", f"{first}[[notify.quiet]]")
    text = text.replace(
        "[[notify.rule]]", '[[notify.rule]]\nname = "Dogs"\nwhen = ["dog"]\ntell = ["sam"]\n[[notify.rule]]', 1
    )
    house.parts.cfg.config_file.write_text(text, encoding="utf-8")
    status, page, sent = press(owner, before, **{"from": "20:15"})
    assert status == 409
    form = form_with(page, section="quiet-set", index="1")
    assert (form.is_open, form.fields["from"]) == (True, sent["from"])
    assert form_with(page, **QUIET).fields["from"] == ["12:00"]
    assert press(owner, form)[0] == 303
    assert [one.from_min for one in config(house).notify.quiet] == [720, 1215]
    house.parts.cfg.config_file.write_text(text, encoding="utf-8")
    status, page, _ = press(owner, rule, name="Our cats")
    assert status == 409
    assert press(owner, form_with(page, number="3"))[0] == 303
    assert [one.name for one in config(house).notify.rule] == ["Dogs", "People", "Our cats"]


def test_row_that_is_gone_leaves_what_was_typed_for_a_new_one(house: House, owner: FlaskClient) -> None:
    before, rule = form_with(read(owner), **QUIET), form_with(read(owner, f"{RULE}?number=2"), number="2")
    text = (
        FILE.partition("[[notify.quiet]]")[0].partition('[[notify.rule]]\nname = "Cats"')[0] + "[notify]\nquiet = []\n"
    )
    house.parts.cfg.config_file.write_text(text, encoding="utf-8")
    _, page, sent = press(owner, before, **{"from": "20:15"})
    form = form_with(page, section="quiet-add")
    assert (form.is_open, form.fields["from"]) == (True, sent["from"])
    _, page, _ = press(owner, rule, name="Our cats")
    assert form_with(page, number="").fields["name"] == ["Our cats"]


def test_page_that_nobody_sent_anything_to_has_no_focus_and_no_open_row(owner: FlaskClient) -> None:
    page = read(owner)
    assert page.focus == []
    assert not any(one.is_open for one in page.forms if one.fields.get("section") in (["quiet-set"], ["profile-set"]))
