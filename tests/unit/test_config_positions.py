"""Line and column of keys."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from vigilar.config.positions import Loc, Position, find_positions, where

TEXT = '''\
schema = 1 # [not] = "a table"
title = """
[web]
port = 3 \\""" """
web.port = 99
"quoted key" . 'other' = {a = 1, "b" = [1, 2]}

[bus]  # comment
  host = 'it''s'
[[camera]]
name = "a # no comment"
zones = [ # one
  [0.1, 0.2], # two
  ["z", 1],
]
[camera.more]
x = 2026-01-01T00:00:00Z
[[camera]]
name = "b"
'''.replace("'it''s'", "'it is'")


@pytest.mark.parametrize(
    ("loc", "line", "column"),
    [
        (("schema",), 1, 1),
        (("title",), 2, 1),
        (("web", "port"), 5, 1),
        (("quoted key", "other"), 6, 1),
        (("quoted key", "other", "a"), 6, 27),
        (("quoted key", "other", "b", 1), 6, 44),
        (("bus",), 8, 2),
        (("bus", "host"), 9, 3),
        (("camera", 0, "name"), 11, 1),
        (("camera", 0, "zones", 1, 0), 14, 4),
        (("camera", 0, "more", "x"), 17, 1),
        (("camera", 1), 18, 3),
        (("camera", 1, "name"), 19, 1),
    ],
)
def test_key_has_its_place(loc: Loc, line: int, column: int) -> None:
    assert find_positions(TEXT)[loc] == Position(line, column)


def test_missing_key_has_the_place_of_its_table() -> None:
    assert where(find_positions(TEXT), ("camera", 1, "address")) == Position(18, 3)
    assert where({}, ("a", "b")) == Position(1, 1)


def _paths(value: Any, at: Loc = ()) -> set[Loc]:
    found = {at}
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found |= _paths(inner, (*at, key))
    return found


_KEYS = st.text(st.sampled_from("ab-_1 .\"'#[]=ü\\"), min_size=1, max_size=4)
_VALUES = st.recursive(
    st.one_of(st.integers(-5, 5), st.booleans(), st.text(st.sampled_from("a\"'#[]{}=,\n\\ "), max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_every_key_of_any_file_is_found(content: dict[str, Any]) -> None:
    text = tomlkit.dumps(content)
    assert _paths(tomllib.loads(text)) <= find_positions(text).keys()


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.sampled_from("ab=[]{}\"'.,# \n\\"), max_size=40))
def test_any_text_ends_the_search(text: str) -> None:
    assert find_positions(text)[()] == Position(1, 1)
