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

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from vigilar.base import story
from vigilar.base.story import Happening, Parts
from vigilar.base.story_words import title_of
from vigilar.store.schema import events, files, incidents

logger = logging.getLogger(__name__)

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


HAPPENED = tuple(
    column
    for name, column in events.c.items()
    if name in ("payload", "type", "kind", "severity", "source_id", "ts_ms", "end_ms", "still_id", "label_score")
)
"""The columns of ``events`` that count for an incident."""

_NEAR = (
    select(incidents.c.id, incidents.c.parts)
    .where(
        incidents.c.end_ms.between(bindparam("since"), bindparam("until")),
        incidents.c.start_ms <= bindparam("begin_until"),
        incidents.c.into_id.is_(None),
    )
    .order_by(incidents.c.end_ms.desc())
    .limit(MOST_CANDIDATES)
)
# The picture of an event may have been deleted since it was counted in.
_STILL = select(files.c.id).where(files.c.id == bindparam("best_still")).scalar_subquery()
_BEGIN = insert(incidents).values(still_id=_STILL).returning(incidents.c.id)
_GROW = update(incidents).where(incidents.c.id == bindparam("incident_id")).values(still_id=_STILL)
_PARTS = select(incidents.c.parts).where(incidents.c.id == bindparam("incident_id"))
_MEMBERS = (
    select(*HAPPENED)
    .where(events.c.incident_id == bindparam("incident_id"), events.c.id != bindparam("but_id"))
    .order_by(events.c.ts_ms, events.c.id)
)


def join_within(
    connection: Connection,
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
    known = [] if grouping is ALONE else _near(connection, one.ts_ms)
    cause = None
    if cause_id is not None:
        cause = connection.execute(select(events.c.incident_id).where(events.c.id == cause_id)).scalar()
    chosen = grouping.choose(one, known, cause)
    if chosen is None:
        return _begin(connection, story.count_in((), one), moment)
    parts = next((candidate.parts for candidate in known if candidate.id == chosen), None)
    if parts is None:
        parts = _read(connection, chosen)
    _grow(connection, chosen, story.count_in(parts, one), moment)
    return chosen


def follow_within(
    connection: Connection, incident_id: int | None, before: Happening, after: Happening, *, change: int, now_ms: int
) -> None:
    """Bring the incident of an event up to date whose row has just been changed without becoming something else."""
    if incident_id is None:
        return
    parts = _parse(connection.execute(_PARTS, {"incident_id": incident_id}).scalar() or "")
    grown = story.changed(parts, before, after) or _count_members(connection, incident_id)
    if grown != parts:
        _grow(connection, incident_id, grown, _Moment(change, now_ms))


def rename_within(
    connection: Connection,
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
        return join_within(connection, after, grouping, change=change, now_ms=now_ms)
    others = _count_members(connection, incident_id, but_id=event_id)
    chosen = _choose_anew(connection, incident_id, others, after, grouping)
    if chosen == incident_id:
        _grow(connection, incident_id, story.count_in(others, after), moment)
        return incident_id
    if chosen is None:
        chosen = _begin(connection, story.count_in((), after), moment)
    else:
        _grow(connection, chosen, story.count_in(_read(connection, chosen), after), moment)
    if others:
        _grow(connection, incident_id, others, moment)
    else:
        _end(connection, incident_id, chosen, moment)
    return chosen


def _choose_anew(
    connection: Connection, incident_id: int, others: Parts, after: Happening, grouping: Grouping
) -> int | None:
    own = Candidate(incident_id, others)
    if grouping is ALONE or grouping.stays(own):
        return incident_id
    known = [candidate for candidate in _near(connection, after.ts_ms) if candidate.id != incident_id]
    chosen = grouping.choose(after, [*known, own] if others else known, None)
    return incident_id if chosen is None and not others else chosen


def _near(connection: Connection, ts_ms: int) -> list[Candidate]:
    """The incidents that an event of that moment may join."""
    around = {"since": ts_ms - REACH_MS, "until": ts_ms + 2 * REACH_MS, "begin_until": ts_ms + REACH_MS}
    found = [Candidate(row.id, _parse(row.parts)) for row in connection.execute(_NEAR, around)]
    return [candidate for candidate in found if candidate.parts]


def _begin(connection: Connection, parts: Parts, moment: _Moment) -> int:
    return int(connection.execute(_BEGIN, _values(parts, moment)).scalar_one())


def _grow(connection: Connection, incident_id: int, parts: Parts, moment: _Moment) -> None:
    connection.execute(_GROW, {"incident_id": incident_id, **_values(parts, moment)})


def _end(connection: Connection, incident_id: int, into_id: int, moment: _Moment) -> None:
    """Its last event went to another incident. What was told of it leads there."""
    ended = {"event_count": 0, "into_id": into_id, "change": moment.change, "updated_ms": moment.now_ms}
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(ended))
    connection.execute(update(incidents).where(incidents.c.into_id == incident_id).values(into_id=into_id))


def _values(parts: Parts, moment: _Moment) -> dict[str, Any]:
    values = values_of(parts)
    return {**values, "best_still": values.pop("still_id"), "change": moment.change, "updated_ms": moment.now_ms}


def values_of(parts: Parts) -> dict[str, Any]:
    """The columns that follow from the events of an incident."""
    return {
        "start_ms": story.start_ms(parts),
        "end_ms": story.end_ms(parts),
        "title": title_of(parts),
        "severity": story.worst(parts),
        "cameras": _dump(story.cameras(parts)),
        "kinds": _dump(story.kinds(parts)),
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


def make_incident(row: Row[Any]) -> StoredIncident:
    """From a row of the table."""
    values = dict(row._mapping)
    values["cameras"] = tuple(json.loads(values["cameras"]))
    values["kinds"] = tuple(json.loads(values["kinds"]))
    values["parts"] = _parse(values["parts"])
    return StoredIncident(**values)


def _read(connection: Connection, incident_id: int) -> Parts:
    text = connection.execute(_PARTS, {"incident_id": incident_id}).scalar()
    return _parse(text or "") or _count_members(connection, incident_id)


def _parse(text: str) -> Parts:
    """Empty for what nobody can read: a row that was changed by hand is counted anew, and keeps no event waiting."""
    try:
        return story.parse_parts(text)
    except (TypeError, ValueError):
        logger.warning("the parts of an incident cannot be read, its events are counted anew")
        return ()


def _count_members(connection: Connection, incident_id: int, but_id: int = 0) -> Parts:
    rows = connection.execute(_MEMBERS, {"incident_id": incident_id, "but_id": but_id})
    return story.count_all(happening_of_row(row) for row in rows)


def happening_of_row(row: Row[Any]) -> Happening:
    """Of a row with the columns HAPPENED."""
    return story.happening_of(
        json.loads(row.payload),
        type_=row.type,
        kind=row.kind,
        severity=row.severity,
        source_id=row.source_id,
        ts_ms=row.ts_ms,
        end_ms=row.end_ms,
        still_id=row.still_id,
        score=row.label_score,
    )


def _dump(texts: tuple[str, ...]) -> str:
    return json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
