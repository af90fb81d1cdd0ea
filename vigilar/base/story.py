"""What an incident is made of: parts, one for each source and kind, into which its events are counted. Pure.

Everything that is shown of an incident follows from its parts, also of the parts that one member may see. Counting the
same events in any order gives the same parts, but for the words of events that say different things of one part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vigilar.base.visit_kinds import KIND_WORDS

SEVERITIES = ("INFO", "WARNING", "ALERT", "CRITICAL")
"""From the least to the most that a person should care."""

_KINDS = tuple(KIND_WORDS)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What counts of an event for its incident. ``kind`` is what came by (``base.visit_kinds``), empty for what is no
    visit; ``name`` the camera or sensor as people call it; times are UTC ms; ``score`` 0..1 how sure the
    kind is; ``who`` is the name of the pet that came, empty where none is known."""

    type: str
    kind: str
    severity: str
    source_id: str
    name: str
    title: str
    ts_ms: int
    end_ms: int | None = None
    is_open: bool = False
    is_camera: bool = False
    still_id: int | None = None
    score: float | None = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The events of one source, type and kind in an incident: ``count`` of them, of which ``open_count`` go on.

    ``from_ms`` is the first begin, ``to_ms`` the newest moment (UTC ms), ``name`` and ``title`` are the first one's,
    ``severity`` is the worst, ``still_id`` the picture of the surest, ``score`` how sure that one is. ``who`` is the
    pet that came, empty unless each of them was the same. The order of the fields is that of the database.
    """

    source_id: str
    type: str
    kind: str
    name: str
    title: str
    severity: str
    count: int
    open_count: int
    from_ms: int
    to_ms: int
    still_id: int | None
    score: float
    is_camera: bool
    who: str = ""

    def gap_ms(self, ts_ms: int) -> int:
        """How far a moment lies before or behind it; 0 within."""
        return max(0, self.from_ms - ts_ms, ts_ms - self.to_ms)


Parts = tuple[Part, ...]
"""In the order of their beginning."""


def happening_of(
    payload: dict[str, Any],
    *,
    type_: str,
    kind: str,
    severity: str,
    source_id: str,
    ts_ms: int,
    end_ms: int | None,
    still_id: int | None,
    score: float | None,
) -> Happening:
    """From the columns of an event. Only what a camera tells, or is told of it, carries the camera's name."""
    return Happening(
        type=type_,
        kind=kind,
        severity=severity,
        source_id=source_id,
        name=str(payload.get("camera_name") or payload.get("sensor_name") or payload.get("where") or ""),
        title=str(payload.get("title") or ""),
        ts_ms=ts_ms,
        end_ms=end_ms,
        is_open=end_ms is None and payload.get("is_open") is True,
        is_camera="camera_name" in payload,
        still_id=still_id,
        score=score,
        who=_who(payload),
    )


def _who(payload: dict[str, Any]) -> str:
    pet = payload.get("pet")
    return str(pet.get("name") or "") if isinstance(pet, dict) else ""


def count_in(parts: Parts, one: Happening) -> Parts:
    """``parts`` with one more event."""
    new = _part_of(one)
    others = []
    for part in parts:
        if (part.source_id, part.type, part.kind) == (one.source_id, one.type, one.kind):
            new = _joined(part, new)
        else:
            others.append(part)
    return tuple(sorted((*others, new), key=_place))


def count_all(happenings: Iterable[Happening]) -> Parts:
    """The parts that these events make."""
    parts: Parts = ()
    for one in happenings:
        parts = count_in(parts, one)
    return parts


def _told_by(one: Happening) -> tuple[object, ...]:
    """What of a happening is in the words of its incident beside how long it lasts."""
    return (one.source_id, one.type, one.kind, one.severity, one.still_id, one.score, one.title, one.who)


def changed(parts: Parts, before: Happening, after: Happening) -> Parts | None:
    """``parts`` after one of their events became another; None when that cannot be told without all of them."""
    if _told_by(before) != _told_by(after):
        return None
    if (before.end_ms or before.ts_ms) > (after.end_ms or after.ts_ms):
        return None
    opened = int(after.is_open) - int(before.is_open)
    found = []
    for part in parts:
        if (part.source_id, part.type, part.kind) == (after.source_id, after.type, after.kind):
            to_ms = max(part.to_ms, after.end_ms or after.ts_ms)
            part = replace(part, to_ms=to_ms, open_count=part.open_count + opened)
        found.append(part)
    return tuple(found)


def dump_parts(parts: Parts) -> str:
    """As the database keeps them: a JSON list of lists."""
    rows = [[getattr(part, name) for name in Part.__slots__] for part in parts]
    return _encode(rows)


def parse_parts(text: str) -> Parts:
    """What ``dump_parts`` made. Raises TypeError or ValueError for anything else."""
    return tuple(Part(*row) for row in json.loads(text))


def start_ms(parts: Parts) -> int:
    return min(part.from_ms for part in parts)


def end_ms(parts: Parts) -> int:
    return max(part.to_ms for part in parts)


def count(parts: Parts) -> int:
    return sum(part.count for part in parts)


def worst(parts: Sequence[Part]) -> str:
    """The worst severity."""
    return max((part.severity for part in parts), key=SEVERITIES.index)


def kinds(parts: Parts) -> tuple[str, ...]:
    """What came by, what matters most first."""
    return tuple(sorted({part.kind for part in parts if part.kind}, key=rank_of_kind))


def cameras(parts: Parts) -> tuple[str, ...]:
    """The ids of the cameras in it, in the order in which they joined."""
    return tuple(dict.fromkeys(part.source_id for part in parts if part.is_camera))


def best_still(parts: Parts) -> int | None:
    """The picture of what matters most, and of that the surest."""
    pictured = [part for part in parts if part.still_id is not None]
    if not pictured:
        return None
    return min(pictured, key=lambda part: (rank_of_kind(part.kind), -part.score, part.from_ms)).still_id


def rank_of_kind(kind: str) -> int:
    """Lower matters more. A kind that has no word of its own here is somebody's name; what is no visit comes last."""
    if not kind:
        return len(_KINDS)
    return _KINDS.index(kind) if kind in KIND_WORDS else -1


def _part_of(one: Happening) -> Part:
    return Part(
        source_id=one.source_id,
        type=one.type,
        kind=one.kind,
        name=one.name,
        title=one.title,
        severity=one.severity,
        count=1,
        open_count=int(one.is_open),
        from_ms=one.ts_ms,
        to_ms=max(one.ts_ms, one.end_ms or 0),
        still_id=one.still_id,
        score=(one.score or 0.0) if one.still_id is not None else 0.0,
        is_camera=one.is_camera,
        who=one.who,
    )


def _joined(part: Part, new: Part) -> Part:
    first = part if part.from_ms <= new.from_ms else new
    pictured = max(part, new, key=lambda one: (one.still_id is not None, one.score, -(one.still_id or 0)))
    return replace(
        part,
        name=first.name,
        title=first.title,
        severity=worst((part, new)),
        count=part.count + new.count,
        open_count=part.open_count + new.open_count,
        from_ms=first.from_ms,
        to_ms=max(part.to_ms, new.to_ms),
        still_id=pictured.still_id,
        score=pictured.score,
        who=part.who if part.who == new.who else "",
    )


def _place(part: Part) -> tuple[int, str, str, str]:
    return part.from_ms, part.source_id, part.type, part.kind
