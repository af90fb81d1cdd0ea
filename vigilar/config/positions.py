"""Line and column of every key and value in a TOML text: neither tomllib nor pydantic tells them.

Source: TOML 1.0.0. Works on text that tomllib accepted, so it need not refuse anything; should the two ever disagree,
positions are missing and ``where`` answers with the nearest thing around.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Loc = tuple[str | int, ...]
"""The way to a value: keys, and numbers counted from 0 in lists and in ``[[tables]]``."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Both count from 1; columns in characters."""

    line: int
    column: int


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|' + r"'''.*?'{3,5}(?!')|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'", re.DOTALL
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^\s,\]}#][^,\]}#\n]*")


def find_positions(text: str) -> dict[Loc, Position]:
    """Where each key, table, list item begins. ``()`` is the beginning of the file."""
    return _Scanner(text).scan()


def find_heads(text: str) -> list[int]:
    """The lines, counted from 0, that open a table. A line of a list that goes over several may begin like one."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.heads


def where(positions: Mapping[Loc, Position], loc: Sequence[str | int]) -> Position:
    """The place of ``loc``, or of the nearest thing around it when it is missing from the file."""
    loc = tuple(loc)
    while loc and loc not in positions:
        loc = loc[:-1]
    return positions.get(loc, Position(1, 1))


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._found: dict[Loc, Position] = {(): Position(1, 1)}
        self._counts: dict[Loc, int] = {}
        self.heads: list[int] = []

    def scan(self) -> dict[Loc, Position]:
        here: Loc = ()
        while self._skip(_BLANK) < len(self._text):
            before = self._at
            if self._peek() == "[":
                here = self._header()
            else:
                self._pair(here)
            if self._at == before:
                break
        return self._found

    def _header(self) -> Loc:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        self._skip(_SPACE)
        start, keys = self._at, self._keys()
        self.heads.append(self._position(start).line - 1)
        path: Loc = ()
        for index, key in enumerate(keys):
            path += (key,)
            if is_array and index == len(keys) - 1:
                self._note(path, start)
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path += (self._counts[path],)
            self._note(path, start)
        self._found[path] = self._position(start)
        self._at += 2 if is_array else 1
        return path

    def _pair(self, here: Loc) -> None:
        start, keys = self._at, self._keys()
        for index in range(1, len(keys) + 1):
            self._note(here + tuple(keys[:index]), start)
        self._skip(_SPACE)
        self._at += self._peek() == "="
        self._value(here + tuple(keys))

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            quoted = self._take(_STRING)
            keys.append(_unquote(quoted) if quoted else self._take(_BARE))
            self._skip(_SPACE)
            if self._peek() != ".":
                return keys
            self._at += 1

    def _value(self, loc: Loc) -> None:
        self._skip(_SPACE)
        if self._peek() == "[":
            self._list(loc)
        elif self._peek() == "{":
            self._inline_table(loc)
        elif not self._take(_STRING):
            self._take(_PLAIN)

    def _list(self, loc: Loc) -> None:
        self._at += 1
        index = 0
        while self._skip(_BLANK) < len(self._text) and self._peek() != "]":
            before = self._at
            self._note((*loc, index), before)
            self._value((*loc, index))
            self._skip(_BLANK)
            self._at += self._peek() == ","
            index += 1
            if self._at == before:
                return
        self._at += 1

    def _inline_table(self, loc: Loc) -> None:
        self._at += 1
        while self._skip(_BLANK) < len(self._text) and self._peek() != "}":
            before = self._at
            self._pair(loc)
            self._skip(_BLANK)
            self._at += self._peek() == ","
            if self._at == before:
                return
        self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> int:
        self._take(pattern)
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _note(self, loc: Loc, at: int) -> None:
        self._found.setdefault(loc, self._position(at))

    def _position(self, at: int) -> Position:
        line = bisect.bisect_right(self._starts, at)
        return Position(line, at - self._starts[line - 1] + 1)


def _unquote(key: str) -> str:
    try:
        return str(tomllib.loads(f"k = {key}")["k"])
    except tomllib.TOMLDecodeError:
        return key
