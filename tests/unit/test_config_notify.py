"""Rules of the configuration file: what is wrong is named, what is right is cut with the cameras in force."""

from __future__ import annotations

import json

import pytest

from vigilar.base.notify_rules import Hours, NotifyRules, Rule
from vigilar.config.jobs import WebJob, live_settings
from vigilar.config.load import InvalidConfigError, parse_config
from vigilar.config.models import Config
from vigilar.config.notify_cut import notify_rules
from vigilar.config.reference import dump_effective
from vigilar.config.rule_defaults import DEFAULT_RULES
from vigilar.processes.kinds import KINDS

CAMERAS = """
[[camera]]
name = "Front door"
address = "demo:street"
[[camera.zone]]
id = "porch"
name = "Porch"
points = [[0, 0], [1, 0], [0, 1]]
[[camera]]
name = "Hall"
address = "demo:hall"
indoor = true
[[camera]]
name = "Garden"
address = "demo:garden"
[[camera]]
name = "Old gate"
address = "demo:garden"
enabled = false
"""


def config_of(text: str) -> Config:
    return parse_config((text + CAMERAS).encode(), "vigilar.toml")


def rule_of(text: str) -> Rule:
    [rule] = notify_rules(config_of(f'[[notify.rule]]\nname = "R"\ntell = "Kim"\n{text}')).rules
    return rule


def test_house_without_rules_has_sensible_ones() -> None:
    rules = {one.name: one for one in notify_rules(config_of("")).rules}
    night = rules["Person outside at night"]
    assert (night.level, night.tell, night.cameras) == ("loud", ("adults",), ("front-door", "garden"))
    assert night.hours == Hours(from_min=23 * 60, to_min=6 * 60)
    assert rules["Danger"].level == "critical"
    assert rules["Camera down"].lasts_s == 180
    assert len(rules) == len(DEFAULT_RULES)


def test_first_rule_of_ones_own_takes_the_place_of_all() -> None:
    assert rule_of('when = "person"').when == ("person",)
    assert notify_rules(config_of("[notify]\nrule = []\nquiet = []")).rules == ()


def test_what_is_written_counts() -> None:
    rule = rule_of(
        'when = ["person", "camera-down"]\nlasts = "3m"\ncameras = ["hall", "old-gate"]\nzones = ["Porch"]\nleast = '
        '"alert"\nmodes = "armed"\nhome = "nobody"\nfrom = "22:00"\nto = "06:00"\ndays = "weekend"\nagain_after = '
        '"10m"\nlevel = "loud"\nkeep = true\nrecord = "30s"\nscene = "home/all-on"'
    )
    assert rule.cameras == ("hall",)
    assert (rule.lasts_s, rule.again_after_s, rule.least, rule.presence) == (180, 600, "ALERT", "nobody-home")
    assert rule.modes == ("home", "night", "away")
    assert rule.hours == Hours(from_min=1320, to_min=360, days=(5, 6))
    assert (rule.does.keep, rule.does.record_s, rule.does.scene) == (True, 30, "home/all-on")


def test_doors_are_known_by_name_or_by_word() -> None:
    rules = notify_rules(config_of(""))
    assert rules.doors == ("front-door",)
    assert rules.door_zones == (("front-door", "Porch"),)
    other = CAMERAS.replace('name = "Hall"', 'name = "Hall"\ndoor = true').replace(
        'name = "Front door"', 'name = "Front door"\ndoor = false'
    )
    assert notify_rules(parse_config(other.encode(), "x")).doors == ("hall",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "A"\ntell = "Kim"\nwhen = "persn"', 'rule "A": when: names "persn", which is unknown; did you mean'),
        ('name = "A"\ntell = "Kim"\nwhen = "leak"', 'did you mean "water"?'),
        ('name = "A"\ntell = "owner"', 'did you mean "owners"?'),
        ('name = "A"\ntell = "Kim"\ncameras = ["frontdoor"]', 'did you mean "front-door"?'),
        ('name = "A"\ntell = "Kim"\ncameras = "doorz"', '"doors" or a list of camera ids'),
        ('name = "A"\ntell = "Kim"\nzones = ["Proch"]', 'did you mean "Porch"?'),
        ('name = "A"\ntell = "Kim"\nmodes = ["away", "nite"]', 'did you mean "night"?'),
        ('name = "A"\ntell = "Kim"\nfrom = "22:00"', "to: is needed too"),
        ('name = "A"\ntell = "Kim"\nfrom = "22:00"\nto = "22:00"', "must not be the time at which it begins"),
        ('name = "A"', "tells nobody and does nothing"),
        ('tell = "Kim"', "name: is missing"),
        ('name = "A"\ntell = "Kim"\nlevel = "shout"', 'must be "ordinary", "loud" or "critical"'),
        ('name = "A"\ntell = "Kim"\nlasts = "2d"', "must be a time with its unit"),
        ('name = "A"\ntell = "Kim"\nscene = "vigilar/system/shutdown"', "other than vigilar"),
        ('name = "A"\ntell = "Kim"\nwhn = "person"', 'did you mean "when"?'),
        ('name = "A"\ntell = "Kim"\n[[notify.rule]]\nname = "a"\ntell = "Kim"', "is the name of another rule already"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        config_of(f"[[notify.rule]]\n{text}")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[notify.quiet]]\nfrom = "22:00"\nto = "22:00"', "must not be the time at which they begin"),
        ("[notify]\nordinary_per_day = -1", "must be 0 to 1000"),
        ('[notify]\nsummary = "8"', "must be a time of day"),
        ('[[notify.profile]]\nleast = "none"', 'must be "ordinary", "loud" or "critical"'),
        ("[notify]\nper_day = 3", "unknown"),
    ],
)
def test_what_is_wrong_beside_rules_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        config_of(text)
    assert said in str(caught.value)


def test_rules_reach_the_running_pages() -> None:
    web = next(kind for kind in KINDS if kind.name == "web")
    assert "notify" in web.live
    rules = notify_rules(config_of('[[notify.profile]]\nfor = "Kim"\nplace = "home"\nmodes = "armed"\nleast = "loud"'))
    assert NotifyRules.parse(json.loads(json.dumps(rules.dump()))) == rules
    assert WebJob.__dataclass_fields__["notify"].type == "NotifyRules"
    assert live_settings.__doc__


def test_rules_in_force_read_back() -> None:
    config = config_of("")
    assert parse_config(dump_effective(config).encode(), "x").notify == config.notify
