"""Which events are one story for people: the incident that an event joins, or none, so that it begins its own. Pure.

Three things must not happen: that one visit is five cards; that a card grows for ever; and that somebody is swallowed
by something that goes on all day (wind, traffic, children in the garden), as a story sounds once. So kinds matter: what
somebody does joins what somebody did, and nothing else can keep such a story open.

Distances are measured from an event's begin to the nearest moment of what it would join, before or behind it, so that
an event that comes late joins the story it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from vigilar.base import story
from vigilar.base.story import Happening, Part
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.events.classification import EventType, Strand
from vigilar.store.incidents import Candidate, Grouping

LONGEST_MS = 3_600_000
"""From the first to the newest moment of an incident that takes in another event: after an hour of wind there is
another card."""

MOST_EVENTS = 250
"""Events of one incident: a windy hour of one camera has about a hundred."""

VISIT_GAP_MS = 120_000
"""Between two signs of somebody: from the gate around the house to the back door takes about a minute, and nobody is
seen while they look for a key."""

SPREAD_MS = 600_000
"""A story of somebody takes in further places for so long. Later somebody in a place that is not in it is somebody
else: a person at the door must not vanish in the story of the gardener."""

TRACE_GAP_MS = 30_000
"""Between somebody, or something known, and motion of which it is not known what it was: their shadow, the door."""

WALK_GAP_MS = 20_000
"""Between unknown motions of two cameras that are one walk: past the house in a few steps, but not the next gust."""

REPEAT_GAP_MS = 900_000
"""Between two of the same at the same place: the cat that comes back, wind, traffic."""

RESTLESS = 3
"""So many of something at one place is what goes on there by itself. It takes in nothing from other places."""

TROUBLE_GAP_MS = 600_000
"""Between two troubles of one camera, or two of the same of any other source."""

TOGETHER_GAP_MS = 60_000
"""Between cameras whose pictures go at the same time: one switch, one fuse."""

HOUSE_GAP_MS = 300_000
"""Between troubles of disks, or of programs: a restart takes seconds, a drive that is put back minutes."""

ALARM_GAP_MS = 900_000
"""From an entry or alarm to the disarming that belongs to it: an alarm may sound for ten minutes."""

_HANDS = frozenset({"sensor_opened", "sensor_glass", "sensor_tamper", "alarm", "entry", "disarmed"})
"""Types that are somebody's doing."""

_ALARMS = frozenset({"alarm", "entry"})

_SOMETHING = frozenset(KIND_WORDS) - {"person"}
"""Kinds that are not somebody. A kind without a word is somebody's name."""


def grouping_of(types: Mapping[str, EventType]) -> Grouping:
    """The rules, for the store, which asks them within the transaction that stores an event."""
    return Grouping(choose=partial(choose, types), stays=stays)


def choose(types: Mapping[str, EventType], one: Happening, known: Sequence[Candidate], cause: int | None) -> int | None:
    """The id of the incident among ``known`` that ``one`` joins; None when it begins its own.

    ``cause`` is the incident of the event that set it off, None when nothing did.
    """
    if cause is not None:
        return cause
    strand = _strand_of(types, one.type, is_camera=one.is_camera)
    choices = []
    for candidate in known:
        if not _has_room(candidate, one) or _strand_of_all(types, candidate) is not strand:
            continue
        preference = _preference(strand, one, candidate)
        if preference is not None:
            distance_ms = min(part.gap_ms(one.ts_ms) for part in candidate.parts)
            choices.append((preference, distance_ms, -candidate.id))
    return -min(choices)[2] if choices else None


def stays(candidate: Candidate) -> bool:
    """Whether an incident keeps its events whatever they turn out to be: an alarm names what set it off."""
    return any(part.type in _ALARMS for part in candidate.parts)


def _strand_of(types: Mapping[str, EventType], type_: str, *, is_camera: bool) -> Strand:
    event_type = types.get(type_)
    if event_type is None:
        return Strand.ALONE
    # What became of a camera's program is the camera's trouble.
    is_trouble = event_type.strand is Strand.SYSTEM and is_camera and type_.startswith("process_")
    return Strand.OUTAGE if is_trouble else event_type.strand


def _strand_of_all(types: Mapping[str, EventType], candidate: Candidate) -> Strand:
    first = candidate.parts[0]
    return _strand_of(types, first.type, is_camera=first.is_camera)


def _has_room(candidate: Candidate, one: Happening) -> bool:
    if story.count(candidate.parts) >= MOST_EVENTS:
        return False
    return max(story.end_ms(candidate.parts), one.ts_ms) - min(story.start_ms(candidate.parts), one.ts_ms) <= LONGEST_MS


def _preference(strand: Strand, one: Happening, candidate: Candidate) -> int | None:
    """How good it is to join ``candidate``, lower is better; None when it cannot."""
    if strand is Strand.VISIT:
        return _visit(one, candidate.parts)
    if strand is Strand.OUTAGE:
        return _outage(one, candidate.parts)
    if strand is Strand.REPEATS:
        is_same = any(_is_same_source(part, one) and part.type == one.type for part in candidate.parts)
        return 0 if is_same and _gap_ms(candidate.parts, one) <= TROUBLE_GAP_MS else None
    if strand in (Strand.DISK, Strand.SYSTEM):
        return 0 if _gap_ms(candidate.parts, one) <= HOUSE_GAP_MS else None
    return None


def _outage(one: Happening, parts: Sequence[Part]) -> int | None:
    same = [part for part in parts if _is_same_source(part, one)]
    if same:
        return 0 if _gap_ms(same, one) <= TROUBLE_GAP_MS else None
    begins = [abs(part.from_ms - one.ts_ms) for part in parts if part.type == one.type == "camera_offline"]
    return 1 if begins and min(begins) <= TOGETHER_GAP_MS else None


def _visit(one: Happening, parts: Sequence[Part]) -> int | None:
    if one.type == "disarmed":
        alarms = [part for part in parts if part.type in _ALARMS]
        return 0 if alarms and _gap_ms(alarms, one) <= ALARM_GAP_MS else None
    if _is_somebody(one.type, one.kind):
        return _somebody(one, parts)
    return _trace(one, parts) if _is_trace(one.type, one.kind) else _something(one, parts)


def _somebody(one: Happening, parts: Sequence[Part]) -> int | None:
    signs = [part for part in parts if _is_somebody(part.type, part.kind)]
    if signs:
        is_near = _gap_ms(signs, one) <= VISIT_GAP_MS
        knows_place = any(_is_same_source(part, one) for part in parts)
        is_young = abs(one.ts_ms - min(part.from_ms for part in signs)) <= SPREAD_MS
        return 0 if is_near and (knows_place or is_young) else None
    # A car that has just come, a dog that runs ahead, a first motion before anything was recognised.
    return 1 if not _is_restless(parts) and _gap_ms(parts, one) <= TRACE_GAP_MS else None


def _something(one: Happening, parts: Sequence[Part]) -> int | None:
    """An animal or a vehicle: with somebody, with the same again, or with the motion that began before it was known."""
    here = [part for part in parts if _is_same_source(part, one)]
    signs = [part for part in parts if _is_somebody(part.type, part.kind)]
    if signs:
        beside = signs if one.kind == "vehicle" else [part for part in signs if _is_same_source(part, one)]
        return 0 if beside and _gap_ms(beside, one) <= TRACE_GAP_MS else None
    alike = [part for part in parts if part.kind == one.kind]
    if any(_is_same_source(part, one) for part in alike):
        return 1 if _gap_ms([part for part in alike if _is_same_source(part, one)], one) <= REPEAT_GAP_MS else None
    if _is_restless(parts):
        return None
    beside = alike or [part for part in here if _is_trace(part.type, part.kind)]
    return 2 if beside and _gap_ms(beside, one) <= TRACE_GAP_MS else None


def _trace(one: Happening, parts: Sequence[Part]) -> int | None:
    """Motion of which it is not known what it was. It never keeps a story open that is somebody's."""
    known = [part for part in parts if not _is_trace(part.type, part.kind)]
    here = [part for part in parts if _is_same_source(part, one)]
    if known:
        signs = [part for part in known if _is_somebody(part.type, part.kind)]
        beside = signs or [part for part in known if _is_same_source(part, one)]
        return 1 if beside and _gap_ms(beside, one) <= TRACE_GAP_MS else None
    if here:
        is_wind = _is_restless(here)
        if _is_restless(parts) and not is_wind:  # what looked like a walk is wind, and elsewhere
            return None
        return (0 if is_wind else 2) if _gap_ms(here, one) <= REPEAT_GAP_MS else None
    is_walk = all(part.count == 1 for part in parts) and len(parts) < RESTLESS
    return 3 if is_walk and _gap_ms(parts, one) <= WALK_GAP_MS else None


def _is_somebody(type_: str, kind: str) -> bool:
    return type_ in _HANDS or (bool(kind) and kind not in _SOMETHING)


def _is_trace(type_: str, kind: str) -> bool:
    return kind == MOTION or type_ in ("sensor_motion", "sensor_vibration")


def _is_restless(parts: Sequence[Part]) -> bool:
    return any(part.count >= RESTLESS for part in parts)


def _is_same_source(part: Part, one: Happening) -> bool:
    return part.source_id == one.source_id


def _gap_ms(parts: Sequence[Part], one: Happening) -> int:
    """From ``one`` to the nearest of ``parts``. What is in the picture now is near, whenever it came."""
    return min(0 if _goes_on(part, one) else part.gap_ms(one.ts_ms) for part in parts)


def _goes_on(part: Part, one: Happening) -> bool:
    return part.open_count > 0 and not part.type.startswith("sensor_") and part.from_ms <= one.ts_ms
