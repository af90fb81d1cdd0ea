"""Plain words of a person, read as a search: ``person garden tuesday after 5pm``, ``cat last week``, ``not the drive``.

Pure. There is nothing to learn: what is not understood is looked for in the events' own words. How it was read is told
in pieces, each with the place of its words in the text, so that it can be shown and taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from vigilar.store.story_query import Unwanted
from vigilar.web.said_times import AskedTime, ClockHours, SpanHours, in_sentence
from vigilar.web.search_times import Piece, TimeReader
from vigilar.web.search_words import (
    ALL_WORDS,
    EMPTY_WORDS,
    GROUPS,
    HOUR_MS,
    KINDS,
    LEVEL_WORDS,
    LEVELS,
    NOT_WORDS,
    SEVERITIES,
    TYPES,
    squeezed,
    words_of,
)

MAX_CHARS = 200
MAX_NAME_WORDS = 12
"""Of a camera or an area, as it may be written."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the house calls its things: names of cameras by id, and of zones."""

    cameras: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """A text as it was read. Times are UTC ms, [from_ms, to_ms). ``hours``: only then, by the clock, on any day
    or on some of the week; ``any_of``: in one of these, where several times were said; nothing began in a span of
    ``left_out`` or in ``left_out_hours``; ``words`` are looked for as they are, all of them. Empty means any."""

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
    any_of: tuple[SpanHours, ...] = ()
    left_out: tuple[tuple[int, int], ...] = ()
    left_out_hours: tuple[SpanHours, ...] = ()
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
        self._places = _read_places(names)

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
        place, count = self._place_of(self._ahead())
        return place is not None and self._take_any(place.sort, [place.value], count, place.shown)

    def _place_of(self, words: list[str]) -> tuple[_Place | None, int]:
        """The place that the words begin with and how many they are: as many as it goes, however it is parted."""
        for count in range(min(len(words), MAX_NAME_WORDS), 0, -1):
            if (place := self._places.get(squeezed(words[:count]))) is not None:
                return place, count
        return None, 0

    def _take_any(self, sort: str, values: Iterable[str], count: int, shown: str) -> bool:
        """One more of a sort of which an event has one: any of them is meant."""
        is_other = bool(self.found[sort]) and self.found is not self.unwanted
        self.found[sort] += [one for one in values if one not in self.found[sort]]
        self._take(count, f"or {shown}" if is_other else shown)
        self.pieces[-1] = replace(self.pieces[-1], sort=sort)
        return True

    def _sort_ahead(self, ahead: int) -> str:
        """Whether a ``place`` or one of ``kinds`` comes next, after words that say nothing: ``in the nursery``."""
        words = self._ahead(ahead)
        while words and words[0] in EMPTY_WORDS:
            words = words[1:]
        if self._place_of(words)[0] is not None:
            return "place"
        return "kinds" if words and _kinds_of(words[0]) else ""

    def _kind(self) -> bool:
        word = self._word_at()
        kinds = _kinds_of(word)
        if not kinds:
            return False
        return self._take_any("kinds", kinds, 1, " or ".join(kinds).capitalize())

    def _level_or_type(self) -> bool:
        for count in (2, 1):
            words = " ".join(self._word_at(ahead) for ahead in range(count))
            if words in LEVELS:
                shown = " or ".join(LEVEL_WORDS[one] for one in LEVELS[words])
                return self._take_any("levels", LEVELS[words], count, shown)
            if words in TYPES:
                return self._take_any("types", TYPES[words], count, words.capitalize())
        return False

    def _state(self) -> bool:
        word, after = self._word_at(), self._word_at(1)
        if word in ("kept", "starred"):
            self.kept = True
            return self._take(1, "Kept")
        if word in ("unseen", "new", "unread", "unwatched"):
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
        is_double = (word, self._word_at(1)) in (("but", "not"), ("but", "no"))
        is_all_but = word == "but" and begin > 0 and self.tokens[begin - 1].word in ALL_WORDS
        if word not in NOT_WORDS and not is_double and not is_all_but:
            return False
        lead = 1 + int(is_double)
        if self._sort_ahead(lead) != "place" and self._left_out(lead):
            return True
        wanted, pieces, kept = self.found, self.pieces, self.kept
        self.found, self.pieces, self.kept = self.unwanted, [], False
        self.at += lead
        rules = (self._place, self._kind, self._level_or_type, self._state, self._word)
        while self.at < len(self.tokens) and ((sort := self._sort_ahead(0)) == "place" or not self.is_time()):
            has_found = any(rule() for rule in rules)
            is_alike = sort and self._sort_ahead(0) == sort  # "not cats and dogs"
            if has_found and not is_alike and self._word_at() not in ("or", "nor"):
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

    def _ordered_pieces(self) -> tuple[Piece, ...]:
        """In the order of the text, but what is any of one sort together."""
        for time in self.times if len(self.times) > 1 else []:
            for place in time.pieces:
                is_next = time is not self.times[0] and place == time.pieces[0]
                words = self.pieces[place].words
                words = f"or {in_sentence(words)}" if is_next else words
                self.pieces[place] = replace(self.pieces[place], words=words, sort="time")
        begin: dict[str, int] = {}
        for piece in self.pieces:
            begin.setdefault(piece.sort, piece.start)
        return tuple(sorted(self.pieces, key=lambda one: begin[one.sort] if one.sort else one.start))

    def _finish(self) -> Search:
        times, no = self._read_times(), self.unwanted
        from_ms, to_ms, hours = times[0] if len(times) == 1 else _around(times)
        levels = self.found["levels"] or (no["levels"] and [one for one in SEVERITIES if one not in no["levels"]])
        return Search(
            text=self.text,
            pieces=self._ordered_pieces(),
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
            any_of=tuple(SpanHours(*one[:2], one[2] or ClockHours(0, 24 * HOUR_MS)) for one in times)
            if len(times) > 1
            else (),
            left_out=tuple(self.left_out),
            left_out_hours=tuple(self.left_out_hours),
            words=tuple(self.found["words"]),
            unwanted=Unwanted(
                **{name: tuple(no[name]) for name in ("sources", "kinds", "types", "zones", "words")},
                kept=self.not_kept,
            ),
        )


def _around(times: Sequence[AskedTime]) -> AskedTime:
    """The span of time in which all of them are."""
    lows = [one[0] for one in times if one[0] is not None]
    highs = [one[1] for one in times if one[1] is not None]
    is_bound = bool(times) and len(lows) == len(highs) == len(times)
    return (min(lows), max(highs), None) if is_bound else (None, None, None)


def _kinds_of(word: str) -> tuple[str, ...]:
    return GROUPS.get(word) or tuple(kind for kind, words in KINDS.items() if word in words)


def _nothing() -> dict[str, list[str]]:
    return {name: [] for name in ("sources", "kinds", "types", "zones", "levels", "words")}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a name goes, with which value, and how it is shown."""

    sort: str
    value: str
    shown: str


def _read_places(names: Names) -> dict[str, _Place]:
    """By the name's words as one. A camera stands before a zone of the same name."""
    places = [(name, _Place("sources", camera_id, name)) for camera_id, name in names.cameras.items()]
    places += [(camera_id, _Place("sources", camera_id, name)) for camera_id, name in names.cameras.items()]
    places += [(zone, _Place("zones", zone, f"Zone {zone}")) for zone in names.zones]
    found: dict[str, _Place] = {}
    for name, place in places:
        found.setdefault(squeezed(words_of(name)), place)
    found.pop("", None)
    return found
