"""What is asked of a list of stories, and the conditions of SQL that it becomes.

An event matches or does not; a story is listed when one of its events matches. Times are UTC ms.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from vigilar.base.veil import says_where
from vigilar.store.events import EventFilter, filtered
from vigilar.store.schema import SEVERITIES, event_seen, events

MAX_STORY_MS = 24 * 3_600_000
"""No incident has an event that began so long after it: so a list of a day need not look at all older ones."""

DAY_MS = 86_400_000

_GROUP = 50

_EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday."""


@dataclass(frozen=True, slots=True)
class ClockHours:
    """The hours of the house's clock in which an event began, for a stretch of time in which its zone is ``offset_ms``
    from UTC: [from_ms, to_ms). ``after_ms`` and ``before_ms`` are ms since midnight; after >= before means over
    midnight. ``weekdays`` (Monday is 0; empty: any) are the days on which the hours begin."""

    from_ms: int
    to_ms: int
    offset_ms: int
    after_ms: int
    before_ms: int
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """What no event of a story may be or have, as far as the asker may see its events."""

    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryFilter:
    """Which stories to list. ``base`` has what the asker may see, and conditions of one value; beside it each of these
    must hold of the same event: its source, kind, type and zone are among those named (empty: any), it is ``kept``, it
    began in one of ``hours``, and in no span of ``left_out`` and none of ``left_out_hours``. ``levels`` is of the whole
    story, its worst event, and so is what is ``unwanted``. ``unseen_by`` and ``seen_by`` are the id of a member.
    ``cursor`` and ``limit`` (1 to 500) are those of ``base``."""

    base: EventFilter
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    kept: bool = False
    unseen_by: int | None = None
    seen_by: int | None = None
    hours: tuple[ClockHours, ...] = ()
    left_out: tuple[tuple[int, int], ...] = ()
    left_out_hours: tuple[ClockHours, ...] = ()
    unwanted: Unwanted = Unwanted()

    @property
    def asks_events(self) -> bool:
        """Whether it asks more of an event than when it began and who may see it."""
        base = self.base
        wishes = (self.sources, self.kinds, self.types, self.zones, self.kept, self.hours)
        times = (self.left_out, self.left_out_hours)
        return (
            self.unwanted != Unwanted()
            or any((*wishes, *times, base.camera, base.type, base.kind, base.severity, base.q))
            or self.is_of_one_member
        )

    @property
    def is_of_one_member(self) -> bool:
        return self.unseen_by is not None or self.seen_by is not None


story_id = func.coalesce(events.c.incident_id, -events.c.id)

event_rank = case({level: rank for rank, level in enumerate(SEVERITIES)}, value=events.c.severity)


def is_unseen(member_id: int) -> ColumnElement[bool]:
    mine = and_(event_seen.c.user_id == member_id, event_seen.c.event_id == events.c.id)
    return ~exists().where(mine).correlate(events)


def unbound(base: EventFilter) -> EventFilter:
    """What may be seen, without what is asked for."""
    return EventFilter(
        cameras=base.cameras, of_house=base.of_house, secret=base.secret, secret_from_ms=base.secret_from_ms
    )


def settled(base: EventFilter) -> EventFilter:
    """The same, without the condition on secrets where it can hide nothing: it would need the row of each event."""
    if base.to_ms is not None and base.to_ms <= base.secret_from_ms:
        return replace(base, secret=frozenset())
    return base


def matching(query: Select[Any], wanted: StoryFilter) -> Select[Any]:
    """``query`` over events, with all that is asked of one event."""
    query = filtered(query, settled(wanted.base))
    for column, values in (
        (events.c.source_id, wanted.sources),
        (events.c.kind, wanted.kinds),
        (events.c.type, wanted.types),
    ):
        if values:
            query = query.where(column.in_(values))
    if wanted.zones:
        query = query.where(or_(*(events.c.zones.contains(json_text(zone), autoescape=True) for zone in wanted.zones)))
    if wanted.kept:
        query = query.where(events.c.kept == 1)
    if wanted.unseen_by is not None:
        query = query.where(is_unseen(wanted.unseen_by))
    if wanted.seen_by is not None:
        query = query.where(~is_unseen(wanted.seen_by))
    if wanted.hours:
        query = query.where(_in_any(wanted.hours))
    for from_ms, to_ms in wanted.left_out:
        query = query.where(or_(events.c.ts_ms < from_ms, events.c.ts_ms >= to_ms))
    if wanted.left_out_hours:
        query = query.where(~_in_any(wanted.left_out_hours))
    if wanted.unwanted != Unwanted():
        query = query.where(~_has_any(events, wanted), ~_has_sibling(wanted))
    return query


def _has_any(of: Any, wanted: StoryFilter) -> ColumnElement[bool]:
    """Whether a row of ``of``, which is ``events`` by some name, is or has any of what is unwanted."""
    unwanted, is_limited = wanted.unwanted, wanted.base.cameras is not None
    lists = ((of.c.source_id, unwanted.sources), (of.c.kind, unwanted.kinds), (of.c.type, unwanted.types))
    found = [column.in_(values) for column, values in lists if values]
    found += [of.c.zones.contains(json_text(zone), autoescape=True) for zone in unwanted.zones]
    for word in unwanted.words:
        has_word = of.c.words.contains(word.casefold(), autoescape=True)
        found.append(and_(has_word, of.c.type != "entry") if is_limited and says_where(word) else has_word)
    return or_(*found, *([of.c.kept == 1] if unwanted.kept else []))


def _has_sibling(wanted: StoryFilter) -> ColumnElement[bool]:
    """Whether another event of the incident is what is unwanted, of those that the asker may see."""
    other, cameras = events.alias("other"), wanted.base.cameras
    is_seen = [] if cameras is None else [other.c.source_id.in_(cameras)]
    return (
        exists().where(other.c.incident_id == events.c.incident_id, _has_any(other, wanted), *is_seen).correlate(events)
    )


def _in_any(hours: Sequence[ClockHours]) -> ColumnElement[bool]:
    """In one of them. SQLite takes no condition that is nested more than 1000 deep, and counts each ``OR`` of a row as
    that: said as "not in none of a group, and of the next", which SQLAlchemy keeps in groups."""
    terms = [_in_hours(one) for one in hours]
    return ~and_(*(~or_(*terms[at : at + _GROUP]) for at in range(0, len(terms), _GROUP)))


def _in_hours(hours: ClockHours) -> ColumnElement[bool]:
    clock = (events.c.ts_ms + hours.offset_ms) % DAY_MS
    inside = (
        and_(clock >= hours.after_ms, clock < hours.before_ms)
        if hours.after_ms < hours.before_ms
        else or_(clock >= hours.after_ms, clock < hours.before_ms)
    )
    is_then = and_(events.c.ts_ms >= hours.from_ms, events.c.ts_ms < hours.to_ms, inside)
    if not hours.weekdays:
        return is_then
    # What is after midnight belongs to the day on which the night began.
    begin = events.c.ts_ms + hours.offset_ms - (hours.before_ms if hours.after_ms >= hours.before_ms else 0)
    weekday = (begin // DAY_MS + _EPOCH_WEEKDAY) % 7
    return and_(is_then, weekday.in_(sorted(hours.weekdays)))


def of_stories(query: Select[Any], wanted: StoryFilter) -> Select[Any]:
    """``query`` over events, of all that belongs to the stories of ``wanted``."""
    if wanted.asks_events or wanted.base.from_ms is not None or wanted.base.to_ms is not None:
        matched = matching(select(events.c.incident_id), wanted).where(events.c.incident_id.is_not(None))
        alone = matching(select(events.c.id), wanted).where(events.c.incident_id.is_(None))
        query = query.where(or_(events.c.incident_id.in_(matched), events.c.id.in_(alone)))
    if wanted.levels:
        whole = whole_stories(replace(wanted, levels=()))
        ranks = [SEVERITIES.index(level) for level in wanted.levels]
        query = query.where(story_id.in_(select(whole.c.story).where(whole.c.rank.in_(ranks))))
    return query


def whole_stories(wanted: StoryFilter) -> Any:
    """The stories of ``wanted`` with the rank of the worst that may be seen of them."""
    query: Select[Any] = select(story_id.label("story"), func.max(event_rank).label("rank"))
    query = filtered(query, settled(_near(wanted.base)))
    return of_stories(query, wanted).group_by("story").subquery()


def _near(base: EventFilter) -> EventFilter:
    """What may be seen of the stories that touch the time of ``base``."""
    return replace(
        unbound(base),
        from_ms=None if base.from_ms is None else base.from_ms - MAX_STORY_MS,
        to_ms=None if base.to_ms is None else base.to_ms + MAX_STORY_MS,
    )


def json_text(word: str) -> str:
    """As it stands in a JSON list of ours."""
    return json.dumps(word, ensure_ascii=False)
