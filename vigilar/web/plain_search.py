"""Plain words of a person, read as a search: ``person garden tuesday after 5pm``, ``cat last week``, ``not the drive``.

Pure. There is nothing to learn: what is not understood is looked for in the events' own words. How it was read is told
in pieces, each with the place of its words in the text, so that it can be shown and taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from vigilar.store.story_query import Unwanted
from vigilar.web.search_times import ClockHours, LeftOutHours, Piece, TimeReader, with_any_day
from vigilar.web.search_words import (
    EMPTY_WORDS,
    GROUPS,
    KINDS,
    LEVEL_WORDS,
    LEVELS,
    NOT_WORDS,
    SEVERITIES,
    TYPES,
    words_of,
)

MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Names:
    """What the house calls its things: names of cameras by id, and of zones."""

    cameras: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """A text as it was read. Times are UTC ms, [from_ms, to_ms). ``hours``: only then, by the clock, on any day
    or on some of the week; nothing began in a span of ``left_out`` or in ``left_out_hours``; ``words`` are looked
    for as they are, all of them. Empty means any."""

    text: str
    pieces: tuple[Piece, ...] = ()
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    kept: bool = False
    seen: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    hours: ClockHours | None = None
    left_out: tuple[tuple[int, int], ...] = ()
    left_out_hours: tuple[LeftOutHours, ...] = ()
    words: tuple[str, ...] = ()
    unwanted: Unwanted = field(default_factory=Unwanted)

    def without(self, piece: Piece) -> str:
        """The text without the words of a piece."""
        return " ".join((self.text[: piece.start] + " " + self.text[piece.end :]).split())


def read_search(text: str, now_ms: int, zone: tzinfo, names: Names) -> Search:
    """Read ``text``, its first 200 characters, as it would be meant at ``now_ms`` (UTC) in a house in ``zone``."""
    text = "".join(char if char.isprintable() else " " for char in text[:MAX_CHARS])
    return _Reader(text, now_ms, zone, names).read()


class _Reader(TimeReader):
    """Reads from left to right; each rule takes the words it understands, longest first."""

    def __init__(self, text: str, now_ms: int, zone: tzinfo, names: Names) -> None:
        super().__init__(text, now_ms, zone)
        self.found = _nothing()
        self.unwanted = _nothing()
        self.kept = self.not_kept = False
        self.seen: bool | None = None
        self._places = _name_rows(names)

    def read(self) -> Search:
        rules: tuple[Callable[[], bool], ...] = (
            self._place, *self.time_rules, self._kind, self._level_or_type, self._state, self._negation, self._word,
        )  # fmt: skip
        while self.at < len(self.tokens):
            if not any(rule() for rule in rules):
                self.at += 1
        return self._finish()

    # Names, kinds, levels

    def _place(self) -> bool:
        for words, kind, value, shown in self._places:
            if [one.word for one in self.tokens[self.at : self.at + len(words)]] == words:
                if value not in self.found[kind]:
                    self.found[kind].append(value)
                return self._take(len(words), shown)
        return False

    def _is_place(self, ahead: int) -> bool:
        """Whether a name comes next, after words that say nothing: ``in the night nursery``."""
        words = self._ahead(ahead)
        while words and words[0] in EMPTY_WORDS:
            words = words[1:]
        return any(words[: len(name)] == name for name, *_ in self._places)

    def _kind(self) -> bool:
        word = self._word_at()
        kinds = GROUPS.get(word) or tuple(kind for kind, words in KINDS.items() if word in words)
        if not kinds:
            return False
        self.found["kinds"] += [kind for kind in kinds if kind not in self.found["kinds"]]
        return self._take(1, " or ".join(kinds).capitalize())

    def _level_or_type(self) -> bool:
        for count in (2, 1):
            words = " ".join(self._word_at(ahead) for ahead in range(count))
            if words in LEVELS:
                self.found["levels"] += LEVELS[words]
                return self._take(count, " or ".join(LEVEL_WORDS[one] for one in LEVELS[words]))
            if words in TYPES:
                self.found["types"] += TYPES[words]
                return self._take(count, words.capitalize())
        return False

    def _state(self) -> bool:
        word, after = self._word_at(), self._word_at(1)
        if word in ("kept", "starred"):
            self.kept = True
            return self._take(1, "Kept")
        if word in ("unseen", "new"):
            self.seen = False
            return self._take(1, "Not seen yet")
        if word == "not" and after == "seen":
            self.seen = False
            return self._take(2, "Not seen yet")
        if word == "already" and after == "seen":
            self.seen = True
            return self._take(2, "Seen")
        return False

    def _negation(self) -> bool:
        """``not garden``, ``without cats or dogs``, ``no alerts``: nothing of the story may be that. ``not today``."""
        word, begin = self._word_at(), self.at
        if word not in NOT_WORDS and (word, self._word_at(1)) not in (("but", "not"), ("but", "no")):
            return False
        lead = 1 + int(word == "but")
        if not self._is_place(lead) and self._left_out(lead):
            return True
        wanted, pieces, kept = self.found, self.pieces, self.kept
        self.found, self.pieces, self.kept = self.unwanted, [], False
        self.at += lead
        rules = (self._place, self._kind, self._level_or_type, self._state, self._word)
        while self.at < len(self.tokens) and (self._is_place(0) or not self.is_time()):
            if any(rule() for rule in rules) and self._word_at() not in ("or", "nor"):
                break
            if not self.pieces and self._word_at() not in EMPTY_WORDS:
                break
            self.at += int(self._word_at() in EMPTY_WORDS or self._word_at() == "nor")
        self.not_kept = self.not_kept or self.kept
        found, self.found, self.pieces, self.kept = self.pieces, wanted, pieces, kept
        if not found:
            self.at = begin
            return False
        shown = " or ".join(one.words for one in found)
        self.pieces.append(Piece(f"Without {shown}", self.tokens[begin].start, found[-1].end))
        return True

    def _word(self) -> bool:
        word = self._word_at()
        if word in EMPTY_WORDS:
            return False
        self.found["words"].append(word)
        token = self.tokens[self.at]
        return self._take(1, f"“{self.text[token.start : token.end]}”")

    # All together

    def _finish(self) -> Search:
        from_ms, to_ms, hours = self._times()
        pieces, no = self.pieces, self.unwanted
        levels = self.found["levels"] or (no["levels"] and [one for one in SEVERITIES if one not in no["levels"]])
        if hours is not None and not hours.weekdays:
            pieces = [replace(one, words=with_any_day(one.words)) for one in pieces]
        return Search(
            text=self.text,
            pieces=tuple(pieces),
            sources=tuple(self.found["sources"]),
            kinds=tuple(self.found["kinds"]),
            types=tuple(self.found["types"]),
            zones=tuple(self.found["zones"]),
            levels=tuple(dict.fromkeys(levels)),
            kept=self.kept,
            seen=self.seen,
            from_ms=from_ms,
            to_ms=to_ms,
            hours=hours,
            left_out=tuple(self.left_out),
            left_out_hours=tuple(self.left_out_hours),
            words=tuple(self.found["words"]),
            unwanted=Unwanted(
                **{name: tuple(no[name]) for name in ("sources", "kinds", "types", "zones", "words")},
                kept=self.not_kept,
            ),
        )


def _nothing() -> dict[str, list[str]]:
    return {name: [] for name in ("sources", "kinds", "types", "zones", "levels", "words")}


def _name_rows(names: Names) -> list[tuple[list[str], str, str, str]]:
    """Words, where they go, with which value, and how they are shown; those with the most words first. A camera stands
    before a zone of the same name."""
    rows = [(words_of(name), "sources", camera_id, name) for camera_id, name in names.cameras.items()]
    rows += [([camera_id.casefold()], "sources", camera_id, name) for camera_id, name in names.cameras.items()]
    rows += [(words_of(zone), "zones", zone, f"Zone {zone}") for zone in names.zones]
    return sorted((row for row in rows if row[0]), key=lambda row: -len(row[0]))
