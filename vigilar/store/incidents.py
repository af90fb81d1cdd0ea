"""Rows of incidents: the events of one visit, or of one trouble, as one story for people.

Every event belongs to one incident from the transaction on that stores it, so nobody ever hears of an event that has
none. Which one that is, say the rules that the events process hands in (``Grouping``); an event of which it turns out
later what it was may go over to another incident. Everything else in a row follows from its events: they are counted
into ``parts`` (``base.story``), and counting all of them anew gives the same.

A row is never deleted. An incident that has lost its last event to another says where that went (``into_id``), so that
whoever was told of it finds the story. ``change`` is the number of the event's change that brought about the newest
change of the incident: "all incidents changed after n" misses nothing, as with events (``store.events``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vigilar.base import story
from vigilar.base.story import Happening, Parts
from vigilar.base.story_words import title_of
from vigilar.base.veil import Veil
from vigilar.store.schema import events, incidents
from vigilar.store.sql import Run

logger = logging.getLogger(__name__)

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

REACH_MS = 3_600_000
"""How far before an event the newest moment of an incident may lie that it could join: something in it may go on since
then without having been told again. Behind it, as far again as an incident is long."""

MOST_CANDIDATES = 100
"""Incidents looked at for one event, the newest: a busy house has some thirty in an hour."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that an event may join."""

    id: int
    parts: Parts


Choose = Callable[[Happening, Sequence[Candidate], int | None], int | None]
"""Given an event, the incidents around it and the one of what set it off: which it joins, None for one of its own."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The rules. Called within a transaction: quick, and no I/O. ``stays``: whether an incident keeps its events,
    whatever they turn out to be."""

    choose: Choose
    stays: Callable[[Candidate], bool]


ALONE = Grouping(choose=lambda _one, _known, _cause: None, stays=lambda _candidate: True)
"""Each event is an incident of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIncident:
    """An incident as it is in the database. Times are UTC ms; ``cameras`` are ids in the order in which they joined,
    ``kinds`` what came by, what matters most first."""

    id: int
    start_ms: int
    end_ms: int
    title: str
    severity: str
    cameras: tuple[str, ...]
    kinds: tuple[str, ...]
    event_count: int
    still_id: int | None
    updated_ms: int
    parts: Parts
    change: int
    into_id: int | None


@dataclass(frozen=True, slots=True)
class _Moment:
    """The change that is being made: its number, and when (UTC ms)."""

    change: int
    now_ms: int


_HAPPENED = ("payload", "type", "kind", "severity", "source_id", "ts_ms", "end_ms", "still_id", "label_score")
HAPPENED = tuple(events.c[name] for name in _HAPPENED)
"""The columns of ``events`` that count for an incident."""

# Plain SQL: what stores an event is asked for as often as a house stirs, and SQLAlchemy took half of its time.
_NEAR = (
    "SELECT id, parts FROM incidents WHERE end_ms BETWEEN :since AND :until AND start_ms <= :begin_until "
    f"AND into_id IS NULL ORDER BY end_ms DESC LIMIT {MOST_CANDIDATES}"
)
_WRITTEN = (
    "start_ms", "end_ms", "title", "severity", "cameras", "kinds", "event_count", "parts", "still_id", "change",
    "updated_ms",
)  # fmt: skip
# The picture of an event may have been deleted since it was counted in.
_VALUES = [f":{name}" if name != "still_id" else "(SELECT id FROM files WHERE id = :still_id)" for name in _WRITTEN]
_BEGIN = f"INSERT INTO incidents ({', '.join(_WRITTEN)}) VALUES ({', '.join(_VALUES)}) RETURNING id"
_GROW = (
    f"UPDATE incidents SET {', '.join(f'{name} = {value}' for name, value in zip(_WRITTEN, _VALUES, strict=True))} "
    "WHERE id = :incident_id"
)
_PARTS = "SELECT parts FROM incidents WHERE id = :incident_id"
_MEMBERS = (
    f"SELECT {', '.join(_HAPPENED)} FROM events WHERE incident_id = :incident_id AND id <> :but_id ORDER BY ts_ms, id"
)


def join_within(
    run: Run,
    one: Happening,
    grouping: Grouping,
    *,
    change: int,
    now_ms: int,
    cause_id: int | None = None,
) -> int:
    """Give an event that is about to be stored its incident, in the same transaction; the incident's id. ``cause_id``
    is the event that set it off."""
    moment = _Moment(change, now_ms)
    known = [] if grouping is ALONE else _near(run, one.ts_ms)
    cause = None
    if cause_id is not None:
        found = run("SELECT incident_id FROM events WHERE id = :cause_id", cause_id=cause_id)
        cause = found[0][0] if found else None
    chosen = grouping.choose(one, known, cause)
    if chosen is None:
        return _begin(run, story.count_in((), one), moment)
    parts = next((candidate.parts for candidate in known if candidate.id == chosen), None)
    if parts is None:
        parts = _read(run, chosen)
    _grow(run, chosen, story.count_in(parts, one), moment)
    return chosen


def follow_within(
    run: Run, incident_id: int | None, before: Happening, after: Happening, *, change: int, now_ms: int
) -> None:
    """Bring the incident of an event up to date whose row has just been changed without becoming something else."""
    if incident_id is None:
        return
    parts = _stored_parts(run, incident_id)
    grown = story.changed(parts, before, after) or _count_members(run, incident_id)
    if grown != parts:
        _grow(run, incident_id, grown, _Moment(change, now_ms))


def rename_within(
    run: Run,
    event_id: int,
    incident_id: int | None,
    after: Happening,
    grouping: Grouping,
    *,
    change: int,
    now_ms: int,
) -> int:
    """Find the incident of an event that is about to become ``after``; its id. When the event goes over to another one,
    that one has it and its own lets go of it, in the same transaction."""
    moment = _Moment(change, now_ms)
    if incident_id is None:
        return join_within(run, after, grouping, change=change, now_ms=now_ms)
    others = _count_members(run, incident_id, but_id=event_id)
    chosen = _choose_anew(run, incident_id, others, after, grouping)
    if chosen == incident_id:
        _grow(run, incident_id, story.count_in(others, after), moment)
        return incident_id
    if chosen is None:
        chosen = _begin(run, story.count_in((), after), moment)
    else:
        _grow(run, chosen, story.count_in(_read(run, chosen), after), moment)
    if others:
        _grow(run, incident_id, others, moment)
    else:
        _end(run, incident_id, chosen, moment)
    return chosen


def _choose_anew(run: Run, incident_id: int, others: Parts, after: Happening, grouping: Grouping) -> int | None:
    own = Candidate(incident_id, others)
    if grouping is ALONE or grouping.stays(own):
        return incident_id
    known = [candidate for candidate in _near(run, after.ts_ms) if candidate.id != incident_id]
    chosen = grouping.choose(after, [*known, own] if others else known, None)
    return incident_id if chosen is None and not others else chosen


def _near(run: Run, ts_ms: int) -> list[Candidate]:
    """The incidents that an event of that moment may join."""
    rows = run(_NEAR, since=ts_ms - REACH_MS, until=ts_ms + 2 * REACH_MS, begin_until=ts_ms + REACH_MS)
    found = [Candidate(incident_id, _parse(parts)) for incident_id, parts in rows]
    return [candidate for candidate in found if candidate.parts]


def _begin(run: Run, parts: Parts, moment: _Moment) -> int:
    return int(run(_BEGIN, **_values(parts, moment))[0][0])


def _grow(run: Run, incident_id: int, parts: Parts, moment: _Moment) -> None:
    run(_GROW, incident_id=incident_id, **_values(parts, moment))


def _end(run: Run, incident_id: int, into_id: int, moment: _Moment) -> None:
    """Its last event went to another incident. What was told of it leads there."""
    run(
        "UPDATE incidents SET event_count = 0, into_id = :into_id, change = :change, updated_ms = :now_ms "
        "WHERE id = :incident_id",
        incident_id=incident_id,
        into_id=into_id,
        change=moment.change,
        now_ms=moment.now_ms,
    )
    run(
        "UPDATE incidents SET into_id = :into_id WHERE into_id = :incident_id",
        incident_id=incident_id,
        into_id=into_id,
    )


def _values(parts: Parts, moment: _Moment) -> dict[str, Any]:
    return {**values_of(parts), "change": moment.change, "updated_ms": moment.now_ms}


def values_of(parts: Parts) -> dict[str, Any]:
    """The columns that follow from the events of an incident."""
    return {
        "start_ms": story.start_ms(parts),
        "end_ms": story.end_ms(parts),
        "title": title_of(parts),
        "severity": story.worst(parts),
        "cameras": _encode(story.cameras(parts)),
        "kinds": _encode(story.kinds(parts)),
        "event_count": story.count(parts),
        "still_id": story.best_still(parts),
        "parts": story.dump_parts(parts),
    }


def cut_to(incident: StoredIncident, parts: Parts) -> StoredIncident:
    """The incident as if it had only these of its parts, of which there is one at least."""
    return replace(
        incident,
        start_ms=story.start_ms(parts),
        end_ms=story.end_ms(parts),
        title=title_of(parts),
        severity=story.worst(parts),
        cameras=story.cameras(parts),
        kinds=story.kinds(parts),
        event_count=story.count(parts),
        still_id=story.best_still(parts),
        parts=parts,
    )


INCIDENT_NAMES = [column.name for column in incidents.columns]


def make_incident(row: Sequence[Any]) -> StoredIncident:
    """From a row of ``INCIDENT_NAMES``: all columns of the table."""
    values = dict(zip(INCIDENT_NAMES, row, strict=True))
    values["cameras"] = tuple(json.loads(values["cameras"]))
    values["kinds"] = tuple(json.loads(values["kinds"]))
    values["parts"] = _parse(values["parts"])
    return StoredIncident(**values)


def _read(run: Run, incident_id: int) -> Parts:
    return _stored_parts(run, incident_id) or _count_members(run, incident_id)


def _stored_parts(run: Run, incident_id: int) -> Parts:
    found = run(_PARTS, incident_id=incident_id)
    return _parse(found[0][0]) if found else ()


def _parse(text: str) -> Parts:
    """Empty for what nobody can read: a row that was changed by hand is counted anew, and keeps no event waiting."""
    try:
        return story.parse_parts(text)
    except (TypeError, ValueError):
        logger.warning("the parts of an incident cannot be read, its events are counted anew")
        return ()


def _count_members(run: Run, incident_id: int, but_id: int = 0) -> Parts:
    return story.count_all(happening_of_row(row) for row in run(_MEMBERS, incident_id=incident_id, but_id=but_id))


def happening_of_row(row: Sequence[Any], veil: Veil | None = None) -> Happening:
    """Of a row with the columns HAPPENED, as it is told to somebody behind ``veil``."""
    payload, type_, kind, severity, source_id, ts_ms, end_ms, still_id, score = row
    said = json.loads(payload)
    return story.happening_of(
        said if veil is None else veil.payload(type_, source_id, said),
        type_=type_,
        kind=kind,
        severity=severity,
        source_id=source_id,
        ts_ms=ts_ms,
        end_ms=end_ms,
        still_id=still_id,
        score=score,
    )
