"""Lists of incidents as people look through them: a page by filter, the ones beside one, and what is seen.

A *story* is what one card shows: an incident with those of its events that the asker may see, or an event that has no
incident. It stands in the list where it began, so it keeps its place while it grows. Times are UTC ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.veil import SAYS_WHERE
from vigilar.store.engine import Store, runner
from vigilar.store.events import (
    EVENT_COLUMNS,
    SELECT_EVENTS,
    EventFilter,
    StoredEvent,
    conditions_of,
    filtered,
    make_event,
    veiled,
)
from vigilar.store.schema import SEVERITIES, event_seen, events, incidents
from vigilar.store.sql import Run, id_list
from vigilar.store.story_query import (
    MAX_STORY_MS,
    StoryFilter,
    event_rank,
    is_unseen,
    json_text,
    matching,
    of_stories,
    settled,
    unbound,
)
from vigilar.store.veils import read_veil

SEEN_AT_ONCE = 5000
"""Events that one transaction marks as seen: 20 ms, so that events that come meanwhile are not kept waiting."""


@dataclass(frozen=True, slots=True)
class StoryKey:
    """``i12``: the incident 12; ``e57``: the event 57, which has none."""

    kind: Literal["i", "e"]
    id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        kind, number = text[:1], text[1:]
        if kind not in ("i", "e") or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return cls("i" if kind == "i" else "e", int(number))

    def dump(self) -> str:
        return f"{self.kind}{self.id}"


@dataclass(frozen=True, slots=True)
class Story:
    """``events`` are those that the asker may see, oldest first, never none; ``unseen`` the ids of those that the asker
    has not seen. ``title`` is the incident's own, empty when it tells of more than the asker may see. ``updated_ms``:
    its newest change."""

    key: StoryKey
    title: str
    start_ms: int
    updated_ms: int
    events: tuple[StoredEvent, ...]
    unseen: frozenset[int]
    still_id: int | None = None

    @property
    def severity(self) -> str:
        """The worst of what the asker may see."""
        return max((event.severity for event in self.events), key=SEVERITIES.index)

    @property
    def change(self) -> int:
        """Rises with every change of any of its events."""
        return max(event.change for event in self.events)


def list_stories(store: Store, wanted: StoryFilter, member_id: int) -> tuple[list[Story], str | None]:
    """A page of stories, newest first, and the cursor of the next page, None after the last.

    The cursor is a place in time, so pages stay stable while stories come and grow. Raises StoreError (code
    V-DB-CURSOR) for a cursor that is none of ours.
    """
    limit = max(1, min(wanted.base.limit, 500))
    place = None if wanted.base.cursor is None else _parse_cursor(wanted.base.cursor)
    with store.read("list events") as connection:
        found = _find_places(connection, wanted, place, limit + 1)
        keys = [StoryKey("i" if is_incident else "e", number) for _, is_incident, number in found[:limit]]
        stories = _read_stories(runner(connection), keys, wanted.base, member_id)
    if len(found) <= limit:
        return stories, None
    start_ms, is_incident, number = found[limit - 1]
    return stories, f"{start_ms}.{is_incident}.{number}"


def story_of(store: Store, event: StoredEvent, limits: EventFilter, member_id: int) -> Story | None:
    """The story that an event belongs to; None when the asker may see none of it. ``limits``: what may be seen."""
    key = StoryKey("e", event.id) if event.incident_id is None else StoryKey("i", event.incident_id)
    with store.sql_read("read an incident") as run:
        return next(iter(_read_stories(run, [key], limits, member_id)), None)


def matches(store: Store, story: Story, wanted: StoryFilter) -> bool:
    """Whether a story is in the list of ``wanted``."""
    place = (story.start_ms, int(story.key.kind == "i"), story.key.id + 1)
    with store.read("read an incident") as connection:
        found = _find_places(connection, wanted, place, 1)
    return bool(found) and found[0] == (story.start_ms, int(story.key.kind == "i"), story.key.id)


def neighbours(store: Store, story: Story, wanted: StoryFilter, member_id: int) -> tuple[Story | None, Story | None]:
    """The story before ``story`` (older) and the one after it (newer) in the list of ``wanted``; None at its ends."""
    place = (story.start_ms, int(story.key.kind == "i"), story.key.id)
    with store.read("read incidents") as connection:
        found = [_find_places(connection, wanted, place, 1, newer=newer) for newer in (False, True)]
        keys = [StoryKey("i" if one[0][1] else "e", one[0][2]) for one in found if one]
        read = {one.key: one for one in _read_stories(runner(connection), keys, wanted.base, member_id)}
    older, newer = (read.get(StoryKey("i" if one[0][1] else "e", one[0][2])) if one else None for one in found)
    return older, newer


def around(store: Store, story: Story, limits: EventFilter, from_ms: int, to_ms: int, limit: int) -> list[StoredEvent]:
    """Events of other stories that began in [from_ms, to_ms), oldest first."""
    query = filtered(select(*EVENT_COLUMNS), replace(limits, from_ms=from_ms, to_ms=to_ms))
    if story.key.kind == "i":
        query = query.where(events.c.incident_id.is_distinct_from(story.key.id))
    query = query.where(events.c.id.not_in([event.id for event in story.events]))
    with store.read("read events") as connection:
        veil = read_veil(runner(connection), limits.cameras)
        rows = connection.execute(query.order_by(events.c.ts_ms, events.c.id).limit(limit))
        return [veiled(make_event(row), veil) for row in rows]


def mark_seen(store: Store, wanted: StoryFilter, member_id: int) -> list[int]:
    """Note that a member has seen all stories of ``wanted``; the ids of the events that were not seen before.

    Newest first, some thousand a transaction: an error in between leaves the rest as it was.
    """
    marked: list[int] = []
    while True:
        query = select(events.c.id).where(is_unseen(member_id))
        query = of_stories(filtered(query, settled(unbound(wanted.base))), wanted)
        query = query.order_by(events.c.ts_ms.desc()).limit(SEEN_AT_ONCE)
        with store.write("note seen events") as connection:
            ids = [int(one) for one in connection.execute(query).scalars()]
            _note_seen(connection, member_id, ids)
        marked += ids
        if len(ids) < SEEN_AT_ONCE:
            return marked


def set_all_seen(store: Store, member_id: int, event_ids: Sequence[int], *, seen: bool) -> list[int]:
    """Note for these events, those that are there, whether a member has seen them; the ids of those that changed."""
    changed: list[int] = []
    for first in range(0, len(event_ids), SEEN_AT_ONCE):
        some = list(event_ids[first : first + SEEN_AT_ONCE])
        mine = and_(event_seen.c.user_id == member_id, event_seen.c.event_id.in_(some))
        with store.write("note seen events") as connection:
            noted = set(connection.execute(select(event_seen.c.event_id).where(mine)).scalars())
            if not seen:
                connection.execute(delete(event_seen).where(mine))
                changed += [one for one in some if one in noted]
                continue
            known = set(connection.execute(select(events.c.id).where(events.c.id.in_(some))).scalars())
            fresh = [one for one in dict.fromkeys(some) if one in known and one not in noted]
            _note_seen(connection, member_id, fresh)
            changed += fresh
    return changed


def events_of(store: Store, keys: Sequence[StoryKey], limits: EventFilter) -> list[StoredEvent]:
    """What may be seen of these stories, oldest first."""
    with store.sql_read("read incidents") as run:
        return _read_events(run, keys, limits)


def _note_seen(connection: Connection, member_id: int, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(insert(event_seen), [{"user_id": member_id, "event_id": one} for one in ids])


Place = tuple[int, int, int]
"""Where a story stands: when it began, 1 for an incident and 0 for an event, its id. Newest first: high to low."""


def _find_places(
    connection: Connection, wanted: StoryFilter, place: Place | None, limit: int, *, newer: bool = False
) -> list[Place]:
    """The places before ``place`` (older), or after it, nearest first."""
    halves = (_incident_places(wanted, place, newer=newer), _event_places(wanted, place, newer=newer))
    found: list[Place] = []
    for half in halves:
        at, number = half.selected_columns.start_ms, half.selected_columns.id
        order = (at, number) if newer else (at.desc(), number.desc())
        found += [(int(a), int(b), int(c)) for a, b, c in connection.execute(half.order_by(*order).limit(limit))]
    return sorted(found, reverse=not newer)[:limit]


def _incident_places(wanted: StoryFilter, place: Place | None, *, newer: bool) -> Select[Any]:
    base = wanted.base
    query = select(incidents.c.start_ms, literal(1), incidents.c.id)
    if base.from_ms is not None:
        query = query.where(incidents.c.start_ms >= base.from_ms - MAX_STORY_MS, incidents.c.end_ms >= base.from_ms)
    if base.to_ms is not None:
        query = query.where(incidents.c.start_ms < base.to_ms)
    if place is not None:
        query = query.where(_beyond(incidents.c.start_ms, incidents.c.id, place, kind=1, newer=newer))
    query = query.where(*_first_look(wanted))
    found = matching(select(events.c.id), wanted).where(events.c.incident_id == incidents.c.id)
    query = query.where(exists(found.correlate(incidents)))
    if wanted.levels:
        query = query.where(_has_level(wanted))
    return query


def _first_look(wanted: StoryFilter) -> list[ColumnElement[bool]]:
    """Conditions on the incident's own row that every match meets: they spare most looks at its events."""
    base, found = wanted.base, []
    kinds = (*wanted.kinds, base.kind) if base.kind else wanted.kinds
    if kinds and "" not in kinds and "motion" not in kinds:
        found.append(or_(*(incidents.c.kinds.contains(json_text(kind), autoescape=True) for kind in kinds)))
    if base.severity is not None:
        worse = SEVERITIES[SEVERITIES.index(base.severity) :]
        found.append(incidents.c.severity.in_(worse))
    if wanted.levels:
        least = min(SEVERITIES.index(level) for level in wanted.levels)
        found.append(incidents.c.severity.in_(SEVERITIES[least:]))
    return found


def _has_level(wanted: StoryFilter) -> ColumnElement[bool]:
    """Whether the worst that may be seen of an incident is one of the levels."""
    seen = filtered(select(func.max(event_rank)), unbound(wanted.base)).where(events.c.incident_id == incidents.c.id)
    return seen.correlate(incidents).scalar_subquery().in_([SEVERITIES.index(level) for level in wanted.levels])


def _event_places(wanted: StoryFilter, place: Place | None, *, newer: bool) -> Select[Any]:
    query = select(events.c.ts_ms.label("start_ms"), literal(0), events.c.id)
    query = matching(query, wanted).where(events.c.incident_id.is_(None))
    if wanted.levels:
        query = query.where(events.c.severity.in_(wanted.levels))
    if place is not None:
        query = query.where(_beyond(events.c.ts_ms, events.c.id, place, kind=0, newer=newer))
    return query


def _beyond(at: Any, number: Any, place: Place, *, kind: int, newer: bool) -> ColumnElement[bool]:
    """Older, or newer, than the place. The bound on time alone stands first: by it the index is entered."""
    start_ms, of_kind, last = place
    if kind == of_kind:
        beside: ColumnElement[bool] = and_(at == start_ms, number > last if newer else number < last)
    else:
        beside = at == start_ms if (kind > of_kind) == newer else literal(value=False)
    bound = at >= start_ms if newer else at <= start_ms
    return and_(bound, or_(at > start_ms if newer else at < start_ms, beside))


@dataclass(frozen=True, slots=True)
class _Head:
    """What a story takes of its incident's own row."""

    id: int
    title: str
    start_ms: int
    updated_ms: int
    event_count: int
    still_id: int | None


_HEAD = f"SELECT {', '.join(one.name for one in fields(_Head))} FROM incidents"


def _read_stories(run: Run, keys: Sequence[StoryKey], limits: EventFilter, member_id: int) -> list[Story]:
    """In the order of ``keys``; those of which nothing may be seen are left out."""
    names, numbers = id_list("incident", [key.id for key in keys if key.kind == "i"])
    heads = {row[0]: _Head(*row) for row in run(f"{_HEAD} WHERE id IN ({names})", **numbers)} if numbers else {}
    found: dict[StoryKey, list[StoredEvent]] = {}
    for event in _read_events(run, keys, limits):
        key = StoryKey("e", event.id) if event.incident_id is None else StoryKey("i", event.incident_id)
        found.setdefault(key, []).append(event)
    seen = _read_seen(run, [event.id for some in found.values() for event in some], member_id)
    is_limited = limits.cameras is not None
    return [
        _make_story(key, heads.get(key.id), found[key], seen, is_limited=is_limited) for key in keys if key in found
    ]


def _make_story(
    key: StoryKey, head: _Head | None, found: list[StoredEvent], seen: set[int], *, is_limited: bool
) -> Story:
    unseen = frozenset(event.id for event in found if event.id not in seen)
    if key.kind == "e" or head is None:
        return Story(key, "", found[0].ts_ms, found[0].ts_ms, tuple(found), unseen)
    says_more = is_limited and any(event.type in SAYS_WHERE for event in found)
    is_whole = head.event_count <= len(found) and not says_more
    stills = {event.still_id for event in found}
    still_id = head.still_id if head.still_id in stills else None
    return Story(key, head.title if is_whole else "", head.start_ms, head.updated_ms, tuple(found), unseen, still_id)


def _read_events(run: Run, keys: Sequence[StoryKey], limits: EventFilter) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    seen, values = conditions_of(unbound(limits))
    veil = read_veil(run, limits.cameras)
    for kind, where in (("i", "incident_id IN ({})"), ("e", "id IN ({}) AND incident_id IS NULL")):
        names, numbers = id_list("story", [key.id for key in keys if key.kind == kind])
        rows = run(f"{SELECT_EVENTS} WHERE {where.format(names)} AND {seen}", **numbers, **values) if numbers else []
        found += [veiled(make_event(row), veil) for row in rows]
    return sorted(found, key=lambda event: (event.ts_ms, event.id))


def _read_seen(run: Run, event_ids: list[int], member_id: int) -> set[int]:
    names, numbers = id_list("event", event_ids)
    sql = f"SELECT event_id FROM event_seen WHERE user_id = :member_id AND event_id IN ({names})"
    return {row[0] for row in run(sql, **numbers, member_id=member_id)} if numbers else set()


def _parse_cursor(cursor: str) -> Place:
    numbers = cursor.split(".")
    if len(numbers) != 3 or not all(one.isascii() and one.isdigit() and len(one) <= 18 for one in numbers):
        raise StoreError("the cursor is not one of this list", kind=ErrorKind.PERMANENT, code="V-DB-CURSOR")
    start_ms, of_kind, number = (int(one) for one in numbers)
    return start_ms, of_kind, number
