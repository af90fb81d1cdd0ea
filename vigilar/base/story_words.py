"""The one line that says what an incident is: who or what, and where. Pure.

It is made of parts (``base.story``), so that whoever may see only some of them reads a line that names no others.
Cameras and sensors are called as people call them. Where a name is made of common English words for a place, the line
reads as a sentence ("at the front door"); any other name stays as it is written ("at Haustür").
"""

from __future__ import annotations

from collections.abc import Sequence

from vigilar.base.amounts import length_text
from vigilar.base.story import SEVERITIES, Part, Parts, kinds, rank_of_kind, start_ms
from vigilar.base.visit_kinds import KIND_WORDS, MOTION

_OFTEN = 3
"""So many at one place are what the line is about; fewer elsewhere beside it are chance."""

_MOST_NAMED = 3
"""Places named in one line; a telephone shows some 40 characters of a title."""

_PREPOSITIONS = {
    "in": (
        *("garden", "yard", "street", "shed", "garage", "hall", "hallway"),
        *("kitchen", "room", "cellar", "basement", "attic"),
    ),
    "on": ("drive", "driveway", "porch", "terrace", "balcony", "stairs", "patio", "roof"),
    "at": ("door", "gate", "entrance", "feeder", "window", "fence", "pool", "letterbox", "mailbox"),
}
_BEFORE = {word: preposition for preposition, words in _PREPOSITIONS.items() for word in words}
"""The last word of a place -> what stands before it."""

_WITH = frozenset(
    (
        *("front", "back", "side", "main", "upper", "lower", "left", "right", "north", "south", "east", "west"),
        *("inner", "outer", "rear", "living", "dining", "bed", "garden", "garage", "cellar", "yard", "bird", "kitchen"),
    )
)
"""Words that may stand before the last one."""

_CLAUSES = {
    "sensor_opened": "{name} opened",
    "sensor_glass": "glass broken, {name}",
    "sensor_tamper": "{name} tampered with",
    "sensor_vibration": "{name} shaken",
}
"""What a sensor adds to the line of a visit."""

_NEWS = ("wildlife_first", "wildlife_back")
"""What the journal of wild animals adds: "Fox, first in 19 days" is "Fox in the garden, first in 19 days"."""

_NAMED_BY_PEOPLE = frozenset({"animal", "bird", "cat", "dog"})

_OUTAGE = "camera_offline"
_MOVED = "sensor_motion"
_ESCAPED = "pet_escaped"


def title_of(parts: Parts) -> str:
    """The line. There is at least one part."""
    visit = [part for part in parts if part.kind or part.type in (_MOVED, *_CLAUSES, *_NEWS)]
    if any(part.type == _OUTAGE for part in parts):
        return _outage([part for part in parts if part.type == _OUTAGE])
    if not any(part.kind or part.type == _MOVED for part in visit):
        return _of_house(parts)
    line = _visit(visit)
    for type_, opening in (("alarm", "Alarm: "), ("entry", "Somebody came in: ")):
        if any(part.type == type_ for part in parts):
            line = opening + line[:1].lower() + line[1:]
            break
    if any(part.type == _ESCAPED for part in parts):
        line = f"Got out: {line}"
    return line + (", then disarmed" if any(part.type == "disarmed" for part in parts) else "")


def _visit(parts: Sequence[Part]) -> str:
    lead = min((_kind_of(part) for part in parts if _kind_of(part)), key=rank_of_kind)
    led = [part for part in parts if _kind_of(part) == lead]
    if not _is_somebody(lead):
        led = [part for part in led if part.count >= _OFTEN] or led
    places = list(dict.fromkeys(_name_of(part) for part in led))
    who = _who(led, "") or _named(led) or _kind_words(lead)
    # Only what was at the first place, and at no other than these, may stand beside the first one: a line must not
    # place anybody who was not seen.
    for kind in kinds(tuple(parts)):
        seen = {_name_of(part) for part in parts if part.kind == kind}
        is_with = places[0] in seen and seen <= set(places)
        if kind not in (lead, MOTION) and is_with and " and " not in who:
            named = _who([part for part in parts if part.kind == kind], "")
            who += f" and {named or _kind_words(kind).lower()}"
    clauses = [_clause(part) for part in parts if part.type in _CLAUSES]
    clauses += [part.title.rpartition(", ")[2] for part in parts if part.type in _NEWS]
    return ", ".join([f"{who} {_way(places)}", *_times(lead, led), *dict.fromkeys(clauses)])


def _who(parts: Sequence[Part], kind: str) -> str:
    """The name of the pet that all of it was, or what came."""
    names = {part.who for part in parts}
    return names.pop() if len(names) == 1 and "" not in names else _kind_words(kind)


def _named(led: Sequence[Part]) -> str:
    """What a person called the one animal that it is about; empty where nobody did, or there are more."""
    if any(part.count > 1 or part.kind not in _NAMED_BY_PEOPLE for part in led):
        return ""
    names = {part.title.removesuffix(f", {part.name}") for part in led}
    return names.pop() if len(names) == 1 else ""


def _way(places: Sequence[str]) -> str:
    """``at the front door, then the drive``; ``at the front door, then the drive and 2 more places``."""
    preposition, first = _place(places[0])
    then = [_place(name)[1] for name in places[1:]]
    text = f"{preposition} {first}"
    if len(places) <= _MOST_NAMED:
        return ", then ".join([text, *then])
    return f"{text}, then {then[0]} and {len(then) - 1} more places"


def _times(kind: str, led: Sequence[Part]) -> list[str]:
    """How often: of what comes and goes by itself. Somebody who goes about is in and out of the picture all the
    time."""
    count = sum(part.count for part in led)
    places = len({part.source_id for part in led})
    return [f"{count} times"] if count > places and not _is_somebody(kind) else []


def _place(name: str) -> tuple[str, str]:
    """What stands before a place, and how it is called within a line."""
    words = name.split()
    plain = [word.casefold() for word in words]
    is_common = (
        bool(words)
        and name.isascii()
        and plain[-1] in _BEFORE
        and all(word in _WITH for word in plain[:-1])
        and all(word in (low, low.capitalize()) for word, low in zip(words, plain, strict=True))
    )
    return (_BEFORE[plain[-1]], f"the {' '.join(plain)}") if is_common else ("at", name)


def _clause(part: Part) -> str:
    return _CLAUSES[part.type].format(name=_place(_name_of(part))[1])


def _outage(parts: Sequence[Part]) -> str:
    names = list(dict.fromkeys(_name_of(part) for part in parts))
    is_over = not any(part.open_count for part in parts)
    count = max(part.count for part in parts)
    lasted = f" for {length_text(max(part.to_ms - part.from_ms for part in parts))}" if is_over and count == 1 else ""
    often = f", {count} times" if count > 1 else ""
    if len(names) == 1:
        return f"{names[0]}: no picture{lasted}{often}"
    return f"No picture from {_listed(names)}{lasted}{often}"


def _of_house(parts: Parts) -> str:
    """What is no visit: the sentence of the worst of it, and what else there was."""
    lead = max(parts, key=lambda part: (SEVERITIES.index(part.severity), part.from_ms == start_ms(parts)))
    alike = [part for part in parts if part.type == lead.type]
    others = [part for part in parts if part.type != lead.type]
    if lead.type in ("alarm", "entry"):  # its own sentence says what set it off
        others = [part for part in others if part.type == "disarmed"]
    line = lead.title or lead.type.replace("_", " ").capitalize()
    if lead.count > 1:
        line += f", {lead.count} times"
    if len(alike) > 1:
        line += f", and {len(alike) - 1} more"
    if len(others) == 1 and others[0].from_ms >= lead.from_ms:
        line += f", then {_within(others[0].title)}"
    elif others:
        line += f", and {len(others)} more {'thing' if len(others) == 1 else 'things'}"
    return line


def _within(title: str) -> str:
    """A sentence of ours within a line; one that begins with a name keeps its first letter."""
    first, _, rest = title.partition(" ")
    return f"{first.lower()} {rest}".strip() if first in ("The", "A", "An", "Disarmed", "Somebody") else title


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _kind_of(part: Part) -> str:
    return MOTION if part.type == _MOVED else part.kind


def _is_somebody(kind: str) -> bool:
    return rank_of_kind(kind) <= rank_of_kind("person")


def _kind_words(kind: str) -> str:
    return KIND_WORDS.get(kind, kind[:1].upper() + kind[1:])


def _name_of(part: Part) -> str:
    return part.name or part.source_id
