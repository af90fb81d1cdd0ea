"""Rows of wild animals: what people said of visits, with its history, the household's species, hours watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from vigilar.base.errors import StoreError
from vigilar.base.said_species import SAID
from vigilar.store.engine import Store
from vigilar.store.events import (
    SELECT_EVENTS,
    EventFilter,
    StoredEvent,
    as_happening,
    conditions_of,
    find_within,
    make_event,
    next_change,
    write_change,
)
from vigilar.store.incidents import ALONE, rename_within
from vigilar.store.sql import Database, Run, id_list

VISIT = "motion"
"""Type of the events that are visits."""

_KINDS = "('animal', 'bird')"
PET_SPECIES = ("neighbours-cat", "stray-cat", "neighbours-dog", "stray-dog")
"""Species whose visits stay of the kind cat or dog."""

_OF_PETS = f"({', '.join(repr(one) for one in PET_SPECIES)})"


class Sighting(NamedTuple):
    """A visit that may be of a wild animal; ``said`` is the key of what somebody said that it was, empty for nothing.
    A tuple, because a year has twenty thousand."""

    event_id: int
    ts_ms: int
    kind: str
    camera_id: str
    said: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a visit; ``kind`` is the kind of visit that it becomes."""

    key: str
    name: str
    kind: str
    tier: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the history of a visit. ``species`` is empty where a word was taken back."""

    species: str
    act: str
    by_name: str
    said_ms: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class OwnSpecies:
    """A species that the household added."""

    key: str
    name: str
    kind: str
    tier: str


def say(
    store: Store, event_ids: Sequence[int], word: Word | None, *, act: str, by_name: str, now_ms: int
) -> list[StoredEvent]:
    """Say of these visits what they were, or take back what was said (None). Those that changed, as they are now.

    In one transaction with their events, whose kind and title follow; a word that holds already changes nothing.
    """
    with store.sql_write("name a visit") as run:
        changed = [_say(run, one, word, act, by_name, now_ms) for one in event_ids]
    return [one for one in changed if one is not None]


def _say(run: Run, event_id: int, word: Word | None, act: str, by_name: str, now_ms: int) -> StoredEvent | None:
    found = find_within(run, event_id)
    if found is None or found.type != VISIT:
        return None
    said = found.payload.get(SAID)
    if (said or {}).get("species") == (word.key if word is not None else None):
        return None
    run("UPDATE species_said SET is_current = 0 WHERE event_id = :id AND is_current = 1", id=event_id)
    run(
        "INSERT INTO species_said (event_id, species, is_current, camera_id, ts_ms, act, by_name, said_ms) "
        "VALUES (:id, :species, :current, :camera, :ts, :act, :by, :now)",
        id=event_id,
        species=word.key if word is not None else "",
        current=int(word is not None),
        camera=found.source_id,
        ts=found.ts_ms,
        act=act,
        by=by_name,
        now=now_ms,
    )
    before = (said or {}).get("before") or {
        "kind": found.kind,
        "score": found.label_score,
        "title": found.payload.get("title", ""),
    }
    payload = {key: value for key, value in found.payload.items() if key != SAID}
    if word is None:
        named = found._replace(
            kind=before["kind"], label_score=before["score"], payload={**payload, "title": before["title"]}
        )
    else:
        where = found.payload.get("camera_name") or found.source_id
        told = {"species": word.key, "name": word.name, "tier": word.tier, "by": by_name, "ts": now_ms}
        payload |= {"title": f"{word.name}, {where}", SAID: {**told, "before": before}}
        score = before["score"] if word.kind == before["kind"] else None
        named = found._replace(kind=word.kind, label_score=score, payload=payload)
    change = next_change(run)
    # It stays in its story: what a person says of it later must not tear apart what was told as one.
    incident_id = rename_within(
        run, found.id, found.incident_id, as_happening(named), ALONE, change=change, now_ms=now_ms
    )
    named = named._replace(change=change, incident_id=incident_id)
    write_change(run, named, kind=named.kind, label_score=named.label_score, incident_id=incident_id)
    return named


def words_before(store: Database, act: str) -> dict[int, str]:
    """Visits of which what was said in this act still holds, with the key of what held before, empty for nothing."""
    with store.sql_read("read what was said") as run:
        rows = run(
            "SELECT event_id, id FROM species_said AS said WHERE act = :act AND id = "
            "(SELECT max(id) FROM species_said WHERE event_id = said.event_id)",
            act=act,
        )
        found = {}
        for event_id, row_id in rows:
            older = run(
                "SELECT species FROM species_said WHERE event_id = :id AND id < :row ORDER BY id DESC LIMIT 1",
                id=event_id,
                row=row_id,
            )
            found[int(event_id)] = str(older[0][0]) if older else ""
    return found


def history(store: Database, event_id: int) -> list[Said]:
    """What was said of a visit, newest first."""
    with store.sql_read("read what was said") as run:
        rows = run(
            "SELECT species, act, by_name, said_ms, is_current FROM species_said WHERE event_id = :id ORDER BY id DESC",
            id=event_id,
        )
    return [Said(species, act, by_name, said_ms, bool(current)) for species, act, by_name, said_ms, current in rows]


def list_own(store: Database) -> list[OwnSpecies]:
    """What the household added, by name."""
    with store.sql_read("read species") as run:
        rows = run("SELECT key, name, kind, tier FROM own_species ORDER BY name")
    return [OwnSpecies(*row) for row in rows]


def add_own(store: Database, new: OwnSpecies, *, by_name: str, now_ms: int, most: int) -> None:
    """Add a species of the household; one whose key is known gets this tier. Raises StoreError (``species.many``)."""
    with store.sql_write("add a species") as run:
        if run("SELECT key FROM own_species WHERE key = :key", key=new.key):
            run("UPDATE own_species SET tier = :tier WHERE key = :key", tier=new.tier, key=new.key)
            return
        if int(run("SELECT count(*) FROM own_species")[0][0]) >= most:
            raise StoreError(f"there are {most} species of your own already", code="species.many")
        run(
            "INSERT INTO own_species (key, name, kind, tier, by_name, made_ms) "
            "VALUES (:key, :name, :kind, :tier, :by, :now)",
            key=new.key,
            name=new.name,
            kind=new.kind,
            tier=new.tier,
            by=by_name,
            now=now_ms,
        )


# Sightings


def list_sightings(store: Database, limits: EventFilter, from_ms: int | None, to_ms: int) -> list[Sighting]:
    """Visits of birds and animals in [from_ms, to_ms), and those of which somebody said anything, oldest first."""
    where, values = conditions_of(replace(limits, from_ms=from_ms, to_ms=to_ms))
    columns = "events.id, events.ts_ms, events.kind, events.source_id"
    with store.sql_read("read sightings") as run:
        rows = run(
            f"SELECT {columns}, coalesce(said.species, '') FROM events "
            "LEFT JOIN species_said AS said ON said.event_id = events.id AND said.is_current = 1 "
            f"WHERE events.kind IN {_KINDS} AND {where} ORDER BY events.ts_ms, events.id",
            **values,
        )
        pets = run(
            f"SELECT {columns}, said.species FROM species_said AS said JOIN events ON events.id = said.event_id "
            f"WHERE said.is_current = 1 AND said.species IN {_OF_PETS} AND {where}",
            **values,
        )
    if pets:
        rows = sorted((*rows, *pets), key=lambda row: (row[1], row[0]))
    return list(map(Sighting._make, rows))


def last_before(store: Database, key: str, ts_ms: int, limits: EventFilter, *, but_id: int = 0) -> int | None:
    """UTC ms of the newest visit before ``ts_ms`` that is of this species, or for ``animal`` and ``bird`` of this kind
    whatever it was named."""
    return _edge(store, key, "max", limits, to_ms=ts_ms, but_id=but_id)


def first_seen(store: Database, key: str, limits: EventFilter) -> int | None:
    """UTC ms of the first visit of this species, or of this kind."""
    return _edge(store, key, "min", limits)


def _edge(
    store: Database, key: str, which: str, limits: EventFilter, *, to_ms: int | None = None, but_id: int = 0
) -> int | None:
    where, values = conditions_of(replace(limits, from_ms=None, to_ms=None))
    until = "" if to_ms is None else " AND {table}.ts_ms < :to_ms"
    values |= {"key": key, "but": but_id} | ({} if to_ms is None else {"to_ms": to_ms})
    if key in ("animal", "bird"):
        tables, of_key, table = "events", f"events.kind = :key AND events.type = '{VISIT}'", "events"
    else:
        tables = "species_said AS said JOIN events ON events.id = said.event_id"
        of_key, table = "said.species = :key AND said.is_current = 1", "said"
    order = "DESC" if which == "max" else "ASC"
    sql = (
        f"SELECT {table}.ts_ms FROM {tables} WHERE {of_key}{until.format(table=table)} AND events.id <> :but "
        f"AND {where} ORDER BY {table}.ts_ms {order} LIMIT 1"
    )
    with store.sql_read("read sightings") as run:
        rows = run(sql, **values)
    return int(rows[0][0]) if rows else None


def list_alike(
    store: Database, event: StoredEvent, kind: str, from_ms: int, to_ms: int, most: int
) -> list[StoredEvent]:
    """Other visits of this kind at the same camera in [from_ms, to_ms) of which nobody said anything, oldest first."""
    with store.sql_read("read visits alike") as run:
        rows = run(
            f"{SELECT_EVENTS} WHERE kind = :kind AND type = '{VISIT}' AND ts_ms >= :from_ms AND ts_ms < :to_ms "
            "AND source_id = :camera AND id <> :id AND NOT EXISTS "
            "(SELECT 1 FROM species_said WHERE event_id = events.id AND is_current = 1) "
            "ORDER BY ts_ms, id LIMIT :most",
            kind=kind,
            from_ms=from_ms,
            to_ms=to_ms,
            camera=event.source_id,
            id=event.id,
            most=most,
        )
    return [make_event(row) for row in rows]


def read_events(store: Database, event_ids: Sequence[int]) -> dict[int, StoredEvent]:
    """Events by their ids."""
    ids, values = id_list("event", event_ids)
    if not ids:
        return {}
    with store.sql_read("read events") as run:
        rows = run(f"{SELECT_EVENTS} WHERE id IN ({ids})", **values)
    return {one.id: one for one in map(make_event, rows)}


def changed_visits(store: Database, after: int, most: int) -> tuple[list[StoredEvent], int]:
    """Visits among the next ``most`` changes after this number that are, or were said to be, wild animals; and the
    newest change that was looked at."""
    with store.sql_read("read changes") as run:
        rows = run(
            f"{SELECT_EVENTS} WHERE change > :after ORDER BY change LIMIT :most",
            after=after,
            most=most,
        )
    found = [make_event(row) for row in rows]
    newest = max((one.change for one in found), default=after)
    return [one for one in found if is_sighting(one) or SAID in one.payload], newest


def recent_visits(store: Database, from_ms: int) -> list[StoredEvent]:
    """Visits of birds and animals since then, and those that were said to be any, oldest first."""
    with store.sql_read("read sightings") as run:
        rows = run(
            f"{SELECT_EVENTS} WHERE ts_ms >= :from_ms AND type = '{VISIT}' AND (kind IN {_KINDS} OR id IN "
            "(SELECT event_id FROM species_said WHERE ts_ms >= :from_ms)) ORDER BY ts_ms, id",
            from_ms=from_ms,
        )
    return [make_event(row) for row in rows]


def is_sighting(event: StoredEvent) -> bool:
    """Whether it is a visit of a wild animal, as far as its kind says."""
    return event.type == VISIT and event.kind in ("animal", "bird")


# Hours watched


def add_hours(store: Database, camera_id: str, hours: Mapping[int, int]) -> None:
    """Note how many ms a camera watched in these hours, in place of what was noted; nothing without its row."""
    if not hours:
        return
    with store.sql_write("note hours watched") as run:
        if not run("SELECT id FROM cameras WHERE id = :id", id=camera_id):
            return
        for hour_ms, watched_ms in hours.items():
            run(
                "INSERT INTO watched_hours (camera_id, hour_ms, watched_ms) VALUES (:camera, :hour, :watched) "
                "ON CONFLICT (camera_id, hour_ms) DO UPDATE SET watched_ms = excluded.watched_ms",
                camera=camera_id,
                hour=hour_ms,
                watched=watched_ms,
            )


def noted_span(store: Database, camera_id: str) -> tuple[int, int] | None:
    """The first and the last hour that is noted of a camera, UTC ms of their beginnings; None for none."""
    edges = []
    with store.sql_read("read hours watched") as run:
        for order in ("ASC", "DESC"):
            rows = run(
                f"SELECT hour_ms FROM watched_hours WHERE camera_id = :camera ORDER BY hour_ms {order} LIMIT 1",
                camera=camera_id,
            )
            edges += [int(row[0]) for row in rows]
    return (edges[0], edges[1]) if edges else None


def list_hours(store: Database, camera_ids: Iterable[str], from_ms: int, to_ms: int) -> dict[int, int]:
    """Ms of each hour that begins in [from_ms, to_ms) in which any of these cameras watched: the most of one."""
    named = {f"camera_{number}": camera_id for number, camera_id in enumerate(camera_ids)}
    if not named:
        return {}
    with store.sql_read("read hours watched") as run:
        rows = run(
            "SELECT hour_ms, max(watched_ms) FROM watched_hours WHERE hour_ms >= :from_ms AND hour_ms < :to_ms "
            f"AND camera_id IN ({', '.join(f':{name}' for name in named)}) GROUP BY hour_ms",
            from_ms=from_ms,
            to_ms=to_ms,
            **named,
        )
    return dict(rows)
