"""Addresses are built as werkzeug builds them, and nothing is compiled for those that nobody asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import url_for
from werkzeug.routing import BuildError, Map, Rule

from tests.browser.house import open_house
from vigilar.web.quick_rules import QuickRule


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The routes that werkzeug compiled something for."""
    found: list[str] = []
    plain = Rule._compile_builder

    def note(rule: Rule, append_unknown: bool = True) -> Any:
        found.append(rule.rule)
        return plain(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", note)
    return found


def rules(kind: type[Rule]) -> list[Rule]:
    return [
        kind("/", endpoint="home"),
        kind("/cameras/<camera>/clips/<int:number>", endpoint="clip"),
        kind("/days/", defaults={"day": 1}, endpoint="day"),
        kind("/days/<int:day>", endpoint="day"),
        kind("/files/<path:name>", endpoint="file"),
    ]


ASKED: list[tuple[str, dict[str, Any]]] = [
    ("home", {}),
    ("home", {"q": "a b", "page": 2}),
    ("clip", {"camera": "front door", "number": 7}),
    ("clip", {"camera": "ä/b", "number": 7, "from": "x&y"}),
    ("day", {"day": 1}),
    ("day", {"day": 2}),
    ("file", {"name": "a/b c.mp4"}),
]


@pytest.mark.parametrize(("endpoint", "values"), ASKED)
def test_address_is_the_one_that_werkzeug_builds(endpoint: str, values: dict[str, Any]) -> None:
    plain, quick = (Map(rules(kind)).bind("house.local") for kind in (Rule, QuickRule))
    for _ in range(2):  # the second is built by what the first compiled
        assert quick.build(endpoint, values) == plain.build(endpoint, values)


def test_value_that_is_missing_or_wrong_is_refused_as_ever() -> None:
    quick = Map(rules(QuickRule)).bind("house.local")
    for values in ({}, {"camera": "front"}, {"camera": "front", "number": "seven"}):
        with pytest.raises((BuildError, ValueError)):
            quick.build("clip", values)


def test_app_compiles_what_is_asked_for_alone(tmp_path: Path, compiled: list[str]) -> None:
    with open_house(tmp_path) as house:
        assert compiled == []
        with house.app.test_request_context():
            assert url_for("account.login") == url_for("account.login") == "/login"
        assert compiled == ["/login"]
