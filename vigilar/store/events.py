"""Rows of events: inserted and changed by the events process, listed and searched by pages and commands.

Each insert or update of any event gets the next *change number* in the same transaction, so "all changes after n"
finds everything a page has missed, and nothing is committed out of order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
)

from vigilar.base.said_species import SAID, keep_said
from vigilar.base.story import Happening, happening_of
from vigilar.base.veil import Veil, says_where
from vigilar.store.cursors import parse_cursor
from vigilar.store.engine import Store
from vigilar.store.incidents import ALONE, Grouping, follow_within, join_within, rename_within
from vigilar.store.outbox import consume_within
from vigilar.store.schema import cameras, event_seen, events
from vigilar.store.sql import Run
from vigilar.store.veils import read_veil

MAX_PAGE = 500
"""Events of one list at most, so that a request cannot ask for all there are."""

_NO_ZONES = "[]"
_DAY_MS = 86_400_000
_decode = json.JSONDecoder().raw_decode
"""Without the search for space around: what is stored has none."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to store. ``uid`` is the id of its message. Times are UTC ms; ``payload`` is JSON-able. ``kept``: its
    footage is kept from the first moment on. ``cause_id`` is the event that set it off, whose incident it joins."""

    uid: str
    type: str
    severity: str
    source_id: str
    ts_ms: int
    payload: dict[str, Any] = field(default_factory=dict)
    end_ms: int | None = None
    still_id: int | None = None
    kept: bool = False
    zones: tuple[str, ...] = ()
    kind: str = ""
    cause_id: int | None = None


class StoredEvent(NamedTuple):
    """An event as it is in the database. ``change`` is the number of its newest insert or update, ``first_change`` that
    of its insert; of an event that is ``kept`` no footage is ever deleted. ``kind`` is what came by
    (``base.visit_kinds``), empty for what is no visit; ``label_score`` 0..1 how sure that is. ``incident_id`` is the
    story it belongs to, which may be another one after a change. A tuple, because a day has hundreds: a frozen class
    takes four times as long to make."""

    id: int
    uid: str
    change: int
    type: str
    severity: str
    source_id: str
    ts_ms: int
    end_ms: int | None
    still_id: int | None
    payload: dict[str, Any]
    created_ms: int
    first_change: int
    kept: bool
    kind: str = ""
    label_score: float | None = None
    zones: tuple[str, ...] = ()
    incident_id: int | None = None


_NAMES = StoredEvent._fields
EVENT_COLUMNS = tuple(events.c[name] for name in _NAMES)

# Plain SQL where it is asked for often: to put a statement together takes SQLAlchemy longer than SQLite to run it.
SELECT_EVENTS = f"SELECT {', '.join(_NAMES)} FROM events"
_STORED = (*(name for name in _NAMES if name not in ("id", "label_score")), "words")
_INSERT = (
    f"INSERT INTO events ({', '.join(_STORED)}) VALUES ({', '.join(f':{name}' for name in _STORED)}) "
    f"RETURNING {', '.join(_NAMES)}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list, newest first. None means all.

    ``camera`` is a camera id (or any other source), ``from_ms`` and ``to_ms`` bound the start of the event as
    [from, to) in UTC ms, each word of ``q`` must be in title, name or type, ``cursor`` is the ``next`` of the page
    before, ``limit`` is cut to 1..500. ``cameras`` are the ids of the cameras whose events may be seen, ``of_house``
    says whether those of no camera may be (``system_started``); a camera that was removed is still a camera. With
    ``cameras`` the events that are read name no others (``base.veil``), and none is found by such a name. Events of the
    types ``secret`` that began at or after ``secret_from_ms`` are left out.
    """

    camera: str | None = None
    type: str | None = None
    kind: str | None = None
    severity: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    q: str | None = None
    cursor: str | None = None
    limit: int = 50
    cameras: frozenset[str] | None = None
    of_house: bool = True
    secret: frozenset[str] = frozenset()
    secret_from_ms: int = 0


def insert_event(
    store: Store,
    new: NewEvent,
    *,
    now_ms: int,
    consumed_outbox: tuple[str, str] | None = None,
    grouping: Grouping = ALONE,
) -> StoredEvent | None:
    """Store an event and give it its incident, on the disk when this returns; None when its ``uid`` is known, which
    changes nothing.

    In the same transaction the message ``consumed_outbox`` (uid, topic) is deleted, also when the event was known. A
    ``still_id`` without a row becomes None: an event without a picture is better than none.
    """
    with store.sql_write("store an event") as run:
        if consumed_outbox is not None:
            consume_within(run, *consumed_outbox)
        if run("SELECT id FROM events WHERE uid = :uid", uid=new.uid):
            return None
        still_id = new.still_id if new.still_id and _has_file(run, new.still_id) else None
        change = next_change(run)
        incident_id = join_within(
            run,
            as_happening(replace(new, still_id=still_id)),
            grouping,
            change=change,
            now_ms=now_ms,
            cause_id=new.cause_id,
        )
        values = {
            "uid": new.uid,
            "change": change,
            "first_change": change,
            "type": new.type,
            "severity": new.severity,
            "source_id": new.source_id,
            "ts_ms": new.ts_ms,
            "end_ms": new.end_ms,
            "still_id": still_id,
            "kind": new.kind,
            "payload": _encode(new.payload),
            "words": _words(new.type, new.source_id, new.payload, new.zones),
            "created_ms": now_ms,
            "kept": int(new.kept),
            "zones": _encode(new.zones),
            "incident_id": incident_id,
        }
        return make_event(run(_INSERT, **values)[0])


def update_event(
    store: Store,
    event: StoredEvent,
    *,
    end_ms: int | None,
    payload: dict[str, Any],
    zones: tuple[str, ...] | None = None,
    now_ms: int | None = None,
    consumed_outbox: tuple[str, str] | None = None,
) -> StoredEvent | None:
    """Give an event this end, payload and zones (None: those it has); None when it has them already, which changes
    nothing. Its incident grows with it, at ``now_ms`` (None: when the event began).

    ``consumed_outbox`` as in ``insert_event``.
    """
    with store.sql_write("change an event") as run:
        if consumed_outbox is not None:
            consume_within(run, *consumed_outbox)
        found = find_within(run, event.id)
        if found is None:
            return None
        payload, zones = keep_said(found.payload, payload), found.zones if zones is None else zones
        if found.end_ms == end_ms and found.payload == payload and found.zones == zones:
            return None
        changed = found._replace(change=next_change(run), end_ms=end_ms, payload=payload, zones=zones)
        write_change(run, changed, end_ms=end_ms, zones=_encode(zones))
        before, after = as_happening(found), as_happening(changed)
        follow_within(run, found.incident_id, before, after, change=changed.change, now_ms=now_ms or found.ts_ms)
        return changed


def name_event(
    store: Store,
    event_id: int,
    *,
    kind: str,
    label_score: float | None,
    still_id: int | None,
    payload: dict[str, Any],
    now_ms: int | None = None,
    consumed_outbox: tuple[str, str] | None = None,
    grouping: Grouping = ALONE,
) -> StoredEvent | None:
    """Say what came by in an event, with its payload and, unless ``still_id`` is None or has no row, another still. It
    goes over to another incident if what it turned out to be belongs there. What a person said of it stays.

    The event as it is now; None when there is none or nothing changes. ``now_ms`` as in ``update_event``,
    ``consumed_outbox`` as in ``insert_event``.
    """
    with store.sql_write("name an event") as run:
        if consumed_outbox is not None:
            consume_within(run, *consumed_outbox)
        found = find_within(run, event_id)
        if found is None:
            return None
        if SAID in found.payload:
            kind, label_score = found.kind, found.label_score
        payload = keep_said(found.payload, payload)
        has_file = still_id is not None and _has_file(run, still_id)
        named = found._replace(
            kind=kind,
            label_score=label_score,
            still_id=still_id if has_file else found.still_id,
            payload=payload,
        )
        if named == found:
            return None
        change = next_change(run)
        incident_id = rename_within(
            run,
            found.id,
            found.incident_id,
            as_happening(named),
            grouping,
            change=change,
            now_ms=now_ms or found.ts_ms,
        )
        named = named._replace(change=change, incident_id=incident_id)
        found_out = {"kind": kind, "label_score": label_score, "still_id": named.still_id}
        write_change(run, named, incident_id=incident_id, **found_out)
        return named


def set_kept(store: Store, event_id: int, *, kept: bool, by: str = "", now_ms: int = 0) -> StoredEvent | None:
    """Say whether the footage of an event is kept for ever; the event as it is now, None when there is none. ``by`` is
    the name of who keeps it, which the payload then tells (``kept``), with when.

    From the end of this on no footage of it goes; what is gone already stays gone. A change, so open pages hear of it.
    """
    with store.sql_write("keep an event") as run:
        found = find_within(run, event_id)
        if found is None:
            return None
        if found.kept == kept:
            return found
        payload = {key: value for key, value in found.payload.items() if key != "kept"}
        if kept and by:
            payload["kept"] = {"by": by, "ts": now_ms}
        changed = found._replace(change=next_change(run), kept=kept, payload=payload)
        write_change(run, changed, kept=int(kept))
        return changed


def set_seen(store: Store, user_id: int, event_id: int, *, seen: bool) -> None:
    """Note whether a member has seen an event, which is there."""
    with store.write("note a seen event") as connection:
        mine = and_(event_seen.c.user_id == user_id, event_seen.c.event_id == event_id)
        is_noted = connection.execute(select(event_seen.c.event_id).where(mine)).first() is not None
        if seen and not is_noted:
            connection.execute(insert(event_seen).values(user_id=user_id, event_id=event_id))
        elif is_noted and not seen:
            connection.execute(delete(event_seen).where(mine))


def find_seen(store: Store, user_id: int, event_ids: Sequence[int]) -> frozenset[int]:
    """Those of ``event_ids`` that a member has seen."""
    query = select(event_seen.c.event_id).where(event_seen.c.user_id == user_id, event_seen.c.event_id.in_(event_ids))
    with store.read("read seen events") as connection:
        return frozenset(connection.execute(query).scalars())


def get_event(store: Store, event_id: int) -> StoredEvent | None:
    with store.sql_read("read events") as run:
        return find_within(run, event_id)


def find_event(store: Store, uid: str) -> StoredEvent | None:
    """The event that came from the message ``uid``."""
    with store.sql_read("read events") as run:
        rows = run(f"{SELECT_EVENTS} WHERE uid = :uid", uid=uid)
    return make_event(rows[0]) if rows else None


def open_motions(store: Store, node_id: str, *, source_id: str | None = None, until_ms: int) -> list[StoredEvent]:
    """Motions without an end that began at or before ``until_ms``, oldest first; of one camera, or of all but those
    that another box than ``node_id`` runs."""
    foreign = select(cameras.c.id).where(cameras.c.node_id.not_in(("", node_id)))
    query = select(*EVENT_COLUMNS).where(
        events.c.type == "motion", events.c.end_ms.is_(None), events.c.ts_ms <= until_ms
    )
    query = query.where(events.c.source_id.not_in(foreign))
    if source_id is not None:
        query = query.where(events.c.source_id == source_id)
    with store.read("read events") as connection:
        return [make_event(row) for row in connection.execute(query.order_by(events.c.ts_ms, events.c.id))]


def find_newest(store: Store, source_id: str, event_type: str, now_ms: int) -> StoredEvent | None:
    """The newest event of this type of a source: the one stored last, as after a clock was set back what begins has a
    time before what is over. Where none began for a day it is the one that began last."""
    which = f"{SELECT_EVENTS} WHERE type = :type AND source_id = :source_id"
    values = {"type": event_type, "source_id": source_id}
    with store.sql_read("read events") as run:
        # "id + 0": by the index of types, of which a day is read, and not backwards through all events.
        rows = run(f"{which} AND ts_ms > :since ORDER BY id + 0 DESC LIMIT 1", **values, since=now_ms - _DAY_MS)
        rows = rows or run(f"{which} ORDER BY ts_ms DESC, id DESC LIMIT 1", **values)
    return make_event(rows[0]) if rows else None


def list_events(store: Store, wanted: EventFilter) -> tuple[list[StoredEvent], str | None]:
    """A page of events, newest first, and the cursor of the next page, None after the last.

    Pages stay stable while events arrive: the cursor is a place in time, not a count. Raises StoreError (code
    V-DB-CURSOR) for a cursor that is none of ours.
    """
    limit = max(1, min(wanted.limit, MAX_PAGE))
    conditions, values = _conditions(wanted)
    if wanted.cursor is not None:
        values["cursor_ms"], values["cursor_id"] = parse_cursor(wanted.cursor)
        conditions.append("(ts_ms < :cursor_ms OR ts_ms = :cursor_ms AND id < :cursor_id)")
    which = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    with store.sql_read("read events") as run:
        rows = run(f"{SELECT_EVENTS} {which}ORDER BY ts_ms DESC, id DESC LIMIT :most", **values, most=limit + 1)
        veil = read_veil(run, wanted.cameras)
    found = [veiled(make_event(row), veil) for row in rows]
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], f"{last.ts_ms}.{last.id}"


def count_events(store: Store, wanted: EventFilter) -> int:
    """How many events match; ``cursor`` and ``limit`` do not count."""
    with store.read("count events") as connection:
        return int(connection.execute(filtered(select(func.count()).select_from(events), wanted)).scalar_one())


def newest_change(store: Store) -> int:
    """The newest change number; 0 before the first event."""
    with store.sql_read("read events") as run:
        return int(run("SELECT value FROM counters WHERE name = 'event_change'")[0][0])


def next_change(run: Run) -> int:
    """Also the lock that keeps commits in order on PostgreSQL, where writers do not take turns by themselves."""
    return int(run("UPDATE counters SET value = value + 1 WHERE name = 'event_change' RETURNING value")[0][0])


def find_within(run: Run, event_id: int) -> StoredEvent | None:
    rows = run(f"{SELECT_EVENTS} WHERE id = :id", id=event_id)
    return make_event(rows[0]) if rows else None


def _has_file(run: Run, file_id: int) -> bool:
    return bool(run("SELECT id FROM files WHERE id = :id", id=file_id))


def write_change(run: Run, event: StoredEvent, **columns: object) -> None:
    """Write the payload of an event that has changed, what follows from it, and these ``columns``."""
    columns |= {"change": event.change, "payload": _encode(event.payload)}
    columns["words"] = _words(event.type, event.source_id, event.payload, event.zones)
    run(
        f"UPDATE events SET {', '.join(f'{name} = :{name}' for name in columns)} WHERE id = :id", id=event.id, **columns
    )


def as_happening(event: NewEvent | StoredEvent) -> Happening:
    return happening_of(
        event.payload,
        type_=event.type,
        kind=event.kind,
        severity=event.severity,
        source_id=event.source_id,
        ts_ms=event.ts_ms,
        end_ms=event.end_ms,
        still_id=event.still_id,
        score=event.label_score if isinstance(event, StoredEvent) else None,
    )


def filtered(query: Select[Any], wanted: EventFilter) -> Select[Any]:
    """``query``, which reads ``events``, cut to what is wanted; ``cursor`` and ``limit`` do not count."""
    conditions, values = _conditions(wanted)
    if not conditions:
        return query
    # Names of their own: a statement may be cut to two filters.
    bound: list[BindParameter[Any]] = [bindparam(name, value, unique=True) for name, value in values.items()]
    return query.where(text(" AND ".join(conditions)).bindparams(*bound))


def _conditions(wanted: EventFilter) -> tuple[list[str], dict[str, Any]]:
    """What a row of ``events`` must meet, as SQL, and its values; ``cursor`` and ``limit`` do not count."""
    compared = (
        ("source_id", "=", wanted.camera),
        ("type", "=", wanted.type),
        ("kind", "=", wanted.kind),
        ("severity", "=", wanted.severity),
        ("ts_ms", ">=", wanted.from_ms),
        ("ts_ms", "<", wanted.to_ms),
    )
    conditions, values = [], dict[str, Any]()

    def named(value: object) -> str:
        name = f"wanted_{len(values)}"
        values[name] = value
        return f":{name}"

    conditions += [f"events.{name} {sign} {named(value)}" for name, sign, value in compared if value is not None]
    if wanted.cameras is not None or not wanted.of_house:
        known = "SELECT id FROM cameras"
        seen = known if wanted.cameras is None else ", ".join(map(named, sorted(wanted.cameras))) or "NULL"
        of_house = f" OR events.source_id NOT IN ({known})" if wanted.of_house else ""
        conditions.append(f"(events.source_id IN ({seen}){of_house})")
    if wanted.secret:
        secret = ", ".join(map(named, sorted(wanted.secret)))
        conditions.append(f"(events.type NOT IN ({secret}) OR events.ts_ms < {named(wanted.secret_from_ms)})")
    for word in (wanted.q or "").casefold().split():
        escaped = re.sub(r"[/%_]", r"/\g<0>", word)
        conditions.append(f"events.words LIKE {named(f'%{escaped}%')} ESCAPE '/'")
        if wanted.cameras is not None and says_where(word):
            conditions.append(f"events.type <> {named('entry')}")
    return conditions, values


def _words(event_type: str, source_id: str, payload: dict[str, Any], zones: tuple[str, ...]) -> str:
    texts = (event_type.replace("_", " "), source_id, payload.get("title", ""), payload.get("camera_name", ""), *zones)
    return " ".join(str(text) for text in texts if text).casefold()


def conditions_of(wanted: EventFilter) -> tuple[str, dict[str, Any]]:
    """For plain SQL over ``events``: what a row must meet, and the values in it, ``wanted_0`` and so on."""
    conditions, values = _conditions(wanted)
    return " AND ".join(conditions) or "1 = 1", values


def veiled(event: StoredEvent, veil: Veil | None) -> StoredEvent:
    """The event as it is told to somebody behind this veil."""
    if veil is None:
        return event
    return event._replace(payload=veil.payload(event.type, event.source_id, event.payload))


def told_fields(event: StoredEvent) -> dict[str, Any]:
    """What is told of an event beside its columns, in the forms of the bus and the API."""
    return {
        "end_ts": event.end_ms,
        "title": str(event.payload.get("title") or ""),
        "kind": event.kind,
        "label_score": event.label_score,
        "zones": list(event.zones),
        "still": f"/events/{event.id}/still.jpg?v={event.still_id}" if event.still_id is not None else None,
        "kept": event.kept,
        "incident_id": event.incident_id,
    }


def make_event(values: Sequence[Any]) -> StoredEvent:
    """From a row of ``EVENT_COLUMNS``."""
    # By place: by name takes twice as long, and a day has hundreds.
    (
        id_, uid, change, type_, severity, source_id, ts_ms, end_ms, still_id, payload, created_ms, first_change, kept,
        kind, label_score, zones, incident_id,
    ) = values  # fmt: skip
    areas = () if zones == _NO_ZONES else tuple(_decode(zones)[0])
    return StoredEvent(
        id_, uid, change, type_, severity, source_id, ts_ms, end_ms, still_id, _decode(payload)[0], created_ms,
        first_change, bool(kept), kind, label_score, areas, incident_id,
    )  # fmt: skip
