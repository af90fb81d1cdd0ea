"""Counts over stories: by level, what a member has not seen, and the days of a calendar. Times are UTC ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import case, func, select

from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, conditions_of, filtered
from vigilar.store.schema import SEVERITIES, events
from vigilar.store.sql import Run
from vigilar.store.story_query import StoryFilter, event_rank, is_unseen, settled, story_id, whole_stories
from vigilar.store.told_gaps import read_gaps

MATTERS_FROM = SEVERITIES.index("ALERT")


@dataclass(frozen=True, slots=True)
class NewStories:
    """What a member has not seen: how many stories, how many of them matter, and when the first began (0: none)."""

    count: int
    matter: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """A day of the calendar: events that began in it, whether some are unseen, whether something was not recorded."""

    events: int
    has_unseen: bool
    has_gap: bool


def count_by_level(store: Store, wanted: StoryFilter) -> dict[str, int]:
    """Stories by the level of what may be seen of them, those without any left out. ``levels`` does not count."""
    stories = whole_stories(replace(wanted, levels=()))
    rank = stories.c.rank
    with store.read("count events") as connection:
        rows = connection.execute(select(rank, func.count()).select_from(stories).group_by(rank))
        return {SEVERITIES[int(level)]: int(count) for level, count in rows}


def count_new(store: Store, limits: EventFilter, member_id: int, from_ms: int) -> NewStories:
    """What a member has not seen of what began at or after ``from_ms``."""
    query = select(
        story_id.label("story"), func.max(event_rank).label("rank"), func.min(events.c.ts_ms).label("since_ms")
    ).where(is_unseen(member_id))
    stories = filtered(query, settled(replace(limits, from_ms=from_ms))).group_by("story").subquery()
    totals = select(
        func.count(), func.sum(case((stories.c.rank >= MATTERS_FROM, 1), else_=0)), func.min(stories.c.since_ms)
    ).select_from(stories)
    with store.read("count events") as connection:
        count, matter, since_ms = connection.execute(totals).one()
        return NewStories(int(count), int(matter or 0), int(since_ms or 0))


def newest_story_ms(store: Store, limits: EventFilter) -> int | None:
    """When the newest event began that may be seen."""
    query = filtered(select(events.c.ts_ms), limits).order_by(events.c.ts_ms.desc()).limit(1)
    with store.read("read events") as connection:
        found = connection.execute(query).scalar_one_or_none()
        return None if found is None else int(found)


def count_days(
    store: Store, limits: EventFilter, days: Sequence[tuple[int, int]], member_id: int, now_ms: int
) -> list[DayCount]:
    """What each of ``days``, [from, to) in order, had. A gap counts on every day that it touches."""
    if not days:
        return []
    with store.sql_read("count events") as run:
        gaps = read_gaps(run, limits, days[0][0], days[-1][1], now_ms)
        return [
            DayCount(
                _count_events(run, limits, day),
                _has_unseen(run, limits, day, member_id),
                any(start < day[1] and end > day[0] for start, end in gaps),
            )
            for day in days
        ]


def _count_events(run: Run, limits: EventFilter, day: tuple[int, int]) -> int:
    where, values = conditions_of(settled(replace(limits, from_ms=day[0], to_ms=day[1])))
    return int(run(f"SELECT count(*) FROM events WHERE {where}", **values)[0][0])


def _has_unseen(run: Run, limits: EventFilter, day: tuple[int, int], member_id: int) -> bool:
    where, values = conditions_of(settled(replace(limits, from_ms=day[0], to_ms=day[1])))
    mine = "SELECT event_id FROM event_seen WHERE user_id = :member_id AND event_id = events.id"
    sql = f"SELECT id FROM events WHERE {where} AND NOT EXISTS ({mine}) LIMIT 1"
    return bool(run(sql, **values, member_id=member_id))
