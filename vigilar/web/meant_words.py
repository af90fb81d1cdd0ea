"""A search that finds nothing, with the words put right that are one letter away from what the house knows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.web.event_words import TYPES
from vigilar.web.plain_search import Search
from vigilar.web.search_words import GROUPS, KINDS, LEVELS, MONTHS, PARTS_OF_DAY, WEEKDAYS, WORD, words_of
from vigilar.web.search_words import TYPES as ASKED_TYPES
from vigilar.web.visible import SECRET_TYPES

FEWEST_LETTERS = 3
"""Of two letters with a wrong one nobody knows what was meant."""

_OF_KINDS = (*KINDS, *(word for words in KINDS.values() for word in words), *GROUPS, *KIND_WORDS.values())
_OF_TYPES = (*ASKED_TYPES, *(words for name, words in TYPES.items() if name not in SECRET_TYPES))
_OF_TIMES = (*WEEKDAYS, *MONTHS, *PARTS_OF_DAY, "today", "yesterday", "week", "month")


def meant_text(search: Search, names: Iterable[str]) -> str:
    """The text of ``search`` as it was perhaps meant, empty where nothing is near: in place of each word that was not
    understood stands the word of ``names``, or of what searches and events say, that is one letter away."""
    known = _words((*names, *_OF_KINDS, *LEVELS, *_OF_TYPES, *_OF_TIMES))
    text, is_other = search.text, False
    for token in reversed(list(WORD.finditer(text))):
        word = token.group().casefold()
        near = next((one for one in known if _is_near(word, one)), "")
        if word in search.words and word not in known and near:
            text, is_other = text[: token.start()] + near + text[token.end() :], True
    return text if is_other else ""


def _words(texts: Iterable[str]) -> Sequence[str]:
    found = dict.fromkeys(word for text in texts for word in words_of(text))
    return [word for word in found if len(word) >= FEWEST_LETTERS]


def _is_near(word: str, other: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two beside each other are the wrong way round."""
    if len(word) < FEWEST_LETTERS or abs(len(word) - len(other)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    mine, theirs = word[same:], other[same:]
    turned = mine[1::-1] + mine[2:]
    return theirs in (mine[1:], turned) or mine == theirs[1:] or mine[1:] == theirs[1:]
