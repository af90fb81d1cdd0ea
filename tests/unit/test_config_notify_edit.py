"""Rules in the file change as a person would change them: comments and order stay, and nothing else moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vigilar.base.errors import ConfigError
from vigilar.config.load import load_config
from vigilar.config.notify_edit import notify_form, rule_row, set_notify
from vigilar.config.places import Places
from vigilar.config.rule_defaults import DEFAULT_RULES

FILE = """\
# our house
[notify]
# enough is enough
ordinary_per_day = 4   # was 6

# the dog next door
[[notify.rule]]
name = "Dog"
when = "dog"
tell = ["Kim"]   # not Sam

# people
[[notify.rule]]
name = "People"
when = ["person"]
tell = ["everyone"]

[[notify.quiet]]
from = "21:00"
to = "06:00"

# the door
[[camera]]
name = "Front door"
address = "demo:street"
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "vigilar.toml").write_text(FILE, encoding="utf-8")
    return Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "secrets", may_lack_config=True)


def text(places: Places) -> str:
    return places.config_file.read_text(encoding="utf-8")


def rules(places: Places) -> list[dict[str, Any]]:
    return [rule_row(one) for one in load_config(places).notify.rule]


def test_rule_changes_in_its_place(places: Places) -> None:
    wanted = rules(places)
    wanted[0] = {**wanted[0], "level": "loud", "tell": ["Kim", "Sam"]}
    set_notify(places, {"rule": wanted}, "a rule")
    assert rules(places)[0] == {"name": "Dog", "when": ["dog"], "tell": ["Kim", "Sam"], "level": "loud"}
    for comment in ("# our house", "# enough is enough", "# was 6", "# the dog next door", "# people", "# the door"):
        assert comment in text(places)


def test_rule_is_renamed_in_its_place(places: Places) -> None:
    wanted = rules(places)
    wanted[1] = {**wanted[1], "name": "Somebody"}
    set_notify(places, {"rule": wanted}, "a rule")
    assert [one["name"] for one in rules(places)] == ["Dog", "Somebody"]
    assert text(places).index("# people") < text(places).index('name = "Somebody"') < text(places).index("# the door")


def test_rule_is_added_and_another_removed(places: Places) -> None:
    wanted = [rules(places)[1], {"name": "Cat", "when": ["cat"], "tell": ["Kim"]}]
    set_notify(places, {"rule": wanted}, "rules")
    assert rules(places) == wanted
    assert "# the door" in text(places)


def test_no_rules_are_not_those_of_the_house(places: Places) -> None:
    set_notify(places, {"rule": []}, "none")
    assert load_config(places).notify.rule == ()
    set_notify(places, {"rule": [{"name": "Cat", "when": ["cat"], "tell": ["Kim"]}]}, "one")
    assert [one["name"] for one in rules(places)] == ["Cat"]


def test_rules_of_the_house_are_written_with_the_first_change(tmp_path: Path) -> None:
    places = Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "secrets", may_lack_config=True)
    wanted = [rule_row(one) for one in DEFAULT_RULES]
    wanted[3]["enabled"] = False
    set_notify(places, {"rule": wanted}, "a rule was set aside")
    assert rules(places) == wanted


def test_quiet_hours_and_limits_are_set_together(places: Places) -> None:
    changes = {
        "quiet": [{"from": "23:00", "to": "07:00", "days": "weekdays"}],
        "ordinary_per_day": 9,
        "summary": "09:00",
    }
    set_notify(places, changes, "quiet hours")
    form = notify_form(load_config(places))
    assert (form["ordinary_per_day"], form["summary"]) == (9, "09:00")
    assert form["quiet"] == [{"from": "23:00", "to": "07:00", "days": "weekdays", "for": ["everyone"]}]
    assert "ordinary_per_day = 9   # was 6" in text(places)
    set_notify(places, {"quiet": [], "profile": [{"for": ["Kim"], "least": "loud"}]}, "none")
    config = load_config(places)
    assert (config.notify.quiet, len(config.notify.profile)) == ((), 1)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "X", "when": ["persn"], "tell": ["Kim"]}, 'did you mean "person"'),
        ({"name": "dog", "tell": ["Kim"]}, "name of another rule already"),
        ({"name": "X", "tell": ["Kim"], "cameras": ["back-door"]}, 'names "back-door"'),
    ],
)
def test_wrong_rule_leaves_the_file_as_it_was(places: Places, row: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        set_notify(places, {"rule": [*rules(places), row]}, "a rule")
    assert text(places) == FILE


def test_list_in_one_line_is_written_anew(places: Places) -> None:
    places.config_file.write_text('[notify]\nrule = [{name = "Dog", when = "dog", tell = ["Kim"]}]\n', encoding="utf-8")
    set_notify(places, {"rule": [*rules(places), {"name": "Cat", "when": ["cat"], "tell": ["Kim"]}]}, "a rule")
    assert [one["name"] for one in rules(places)] == ["Dog", "Cat"]
