"""What a part of the house says of itself, and what a person should do about it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a part is. ``UNKNOWN``: it cannot be told, which is never well. ``NOT_SET_UP``: the house does without."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"
    NOT_SET_UP = "not-set-up"

    @property
    def rank(self) -> int:
        """The worse, the lower."""
        return _ORDER.index(self)

    @property
    def word(self) -> str:
        return _WORDS[self]

    @property
    def shape(self) -> str:
        """The symbol that stands beside the word."""
        return _SHAPES[self]


_ORDER = (State.BAD, State.UNKNOWN, State.WARN, State.OK, State.NOT_SET_UP)
_WORDS = {
    State.OK: "Well",
    State.WARN: "To do",
    State.BAD: "Failed",
    State.UNKNOWN: "Not known",
    State.NOT_SET_UP: "Not set up",
}
_SHAPES = {
    State.OK: "ok",
    State.WARN: "alert",
    State.BAD: "bad",
    State.UNKNOWN: "unknown",
    State.NOT_SET_UP: "pause",
}


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing to press. ``path`` is a page of ours; ``is_post``: pressing it does something at once."""

    words: str
    path: str
    is_post: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One problem. ``id`` names it for as long as it lasts (``camera:shed``); ``sentence`` says what, ``detail`` more
    of it; ``since_ms`` UTC ms, None when not known; ``cost`` what it costs; ``next_step`` what to do, in words.
    ``short`` names it in the sentence of the house (``Shed``), ``code`` is a code for support."""

    id: str
    state: State
    sentence: str
    detail: str = ""
    short: str = ""
    since_ms: int | None = None
    cost: str = ""
    next_step: str = ""
    button: Button | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the page. ``short`` is its share of the house's sentence, said while it is well ("24 days kept.").
    ``page`` is where more of it stands."""

    id: str
    title: str
    state: State
    sentence: str
    short: str = ""
    page: str = ""
    todos: tuple[Todo, ...] = ()
