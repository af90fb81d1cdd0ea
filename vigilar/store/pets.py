"""Rows of pets: who they are, which pictures people answered for, and where each was seen. Plain SQL.

An event has at most one animal here, that of its picture. What becomes of its name is settled by the events process
(``pets.keeper``): who changes an answer or a pet puts the events it is about among those that are due.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.ids import slug
from vigilar.store.engine import Store
from vigilar.store.sql import Run

_NOTHING = bytes(64)
"""Written over numbers before their rows go: what is deleted stays on the disk until it is written over."""

_PET = "id, name, slug, kind, indoor_only, not_seen_ms, made_ms"
_SEEN = "event_id, pet_id, said_by, score, camera_id, ts_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pet:
    """One of the household's. ``not_seen_ms`` None: nobody is told however long it is away."""

    id: int
    name: str
    slug: str
    kind: str
    indoor_only: bool
    not_seen_ms: int | None
    made_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said of a picture: ``yes`` and ``no`` name a pet, ``none`` (not ours) and ``unsure`` do not."""

    verdict: str
    pet_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A pet in an event. ``said_by`` is ``box`` or ``person``; times are UTC ms."""

    event_id: int
    pet_id: int
    said_by: str
    score: float
    camera_id: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Due:
    """An event whose name is to be settled, since when (UTC ms). Below 0: at once, whatever its visit does; the number
    says no time, but is another one each time, so that what is due again meanwhile is not taken for what was done."""

    event_id: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was answered for, with its numbers."""

    event_id: int
    answer: Answer
    look: bytes | None
    answered_ms: int


def list_pets(store: Store) -> list[Pet]:
    """In the order of their names."""
    with store.sql_read("read pets") as run:
        rows = run(f"SELECT {_PET} FROM pets")
    return sorted((_pet(row) for row in rows), key=lambda one: (one.name.casefold(), one.id))


def find_pet(store: Store, pet_id: int) -> Pet | None:
    with store.sql_read("read pets") as run:
        rows = run(f"SELECT {_PET} FROM pets WHERE id = :id", id=pet_id)
    return _pet(rows[0]) if rows else None


def add_pet(
    store: Store,
    *,
    name: str,
    kind: str,
    made_by: int | None,
    now_ms: int,
    indoor_only: bool = False,
    not_seen_ms: int | None = None,
) -> Pet:
    """Raises StoreError (``pet.name_taken``) when another has that name, or one that differs by marks alone."""
    with store.sql_write("store a pet") as run:
        _check_free(run, name, 0)
        rows = run(
            "INSERT INTO pets (name, slug, kind, indoor_only, not_seen_ms, made_ms, made_by) "
            f"VALUES (:name, :slug, :kind, :indoor_only, :not_seen_ms, :now_ms, :made_by) RETURNING {_PET}",
            name=name,
            slug=pet_slug(name),
            kind=kind,
            indoor_only=int(indoor_only),
            not_seen_ms=not_seen_ms,
            now_ms=now_ms,
            made_by=made_by,
        )
        return _pet(rows[0])


def change_pet(store: Store, pet_id: int, *, name: str, indoor_only: bool, not_seen_ms: int | None) -> Pet | None:
    """Give a pet this name and these settings; None when there is none. With another name all its events are due."""
    with store.sql_write("change a pet") as run:
        before = run("SELECT name FROM pets WHERE id = :id", id=pet_id)
        if not before:
            return None
        _check_free(run, name, pet_id)
        if before[0][0] != name:
            _make_due(run, _events_of(run, pet_id))
        rows = run(
            "UPDATE pets SET name = :name, slug = :slug, indoor_only = :indoor_only, not_seen_ms = :not_seen_ms "
            f"WHERE id = :id RETURNING {_PET}",
            id=pet_id,
            name=name,
            slug=pet_slug(name),
            indoor_only=int(indoor_only),
            not_seen_ms=not_seen_ms,
        )
        return _pet(rows[0])


def delete_pet(store: Store, pet_id: int) -> bool:
    """Forget a pet, and the numbers of every picture in which it was said to be, by whom ever; False when there is
    none. Its events lose the name, their footage stays."""
    with store.sql_write("forget a pet") as run:
        if not run("SELECT id FROM pets WHERE id = :id", id=pet_id):
            return False
        of_pet = "event_id IN (SELECT event_id FROM pet_sightings WHERE pet_id = :id)"
        _make_due(run, _events_of(run, pet_id))
        run(f"UPDATE pet_looks SET look = :nothing WHERE {of_pet}", id=pet_id, nothing=_NOTHING)
        run(f"DELETE FROM pet_looks WHERE {of_pet}", id=pet_id)
        run("UPDATE pet_pictures SET look = :nothing WHERE pet_id = :id", id=pet_id, nothing=_NOTHING)
        for table in ("pet_pictures", "pet_sightings"):
            run(f"DELETE FROM {table} WHERE pet_id = :id", id=pet_id)
        run("DELETE FROM pets WHERE id = :id", id=pet_id)
        return True


def put_look(store: Store, event_id: int, look: bytes, now_ms: int) -> None:
    """The numbers of an event's newest picture; its name is due."""
    with store.sql_write("store how an animal looks") as run:
        run("DELETE FROM pet_looks WHERE event_id = :id", id=event_id)
        run(
            "INSERT INTO pet_looks (event_id, look, made_ms) VALUES (:id, :look, :now_ms)",
            id=event_id,
            look=look,
            now_ms=now_ms,
        )
        if not run("SELECT event_id FROM pet_due WHERE event_id = :id", id=event_id):
            run("INSERT INTO pet_due (event_id, since_ms) VALUES (:id, :now_ms)", id=event_id, now_ms=now_ms)


def find_look(store: Store, event_id: int) -> bytes | None:
    with store.sql_read("read how an animal looks") as run:
        rows = run("SELECT look FROM pet_looks WHERE event_id = :id", id=event_id)
    return bytes(rows[0][0]) if rows else None


def list_due(store: Store, limit: int) -> list[Due]:
    with store.sql_read("read what is to be named") as run:
        rows = run("SELECT event_id, since_ms FROM pet_due ORDER BY since_ms, event_id LIMIT :most", most=limit)
    return [Due(int(event_id), int(since_ms)) for event_id, since_ms in rows]


def see(store: Store, event_id: int, sighting: Sighting | None) -> None:
    """An event has this sighting now by the box, unless a person said who it is."""
    with store.sql_write("store who was seen") as run:
        if not run("SELECT 1 FROM pet_sightings WHERE event_id = :id AND said_by = 'person'", id=event_id):
            _see(run, event_id, sighting)


def end_due(store: Store, due: Due) -> None:
    """The event of ``due`` has its name; it is due no longer, unless it became so in another way meanwhile."""
    with store.sql_write("note what was named") as run:
        run("DELETE FROM pet_due WHERE event_id = :id AND since_ms = :since", id=due.event_id, since=due.since_ms)


def answers_of(store: Store, event_id: int) -> list[Answer]:
    """What was said of the picture of an event, the oldest first."""
    with store.sql_read("read answers") as run:
        return _answers(run, event_id)


def set_answers(
    store: Store,
    event: Sighting,
    kind: str,
    answers: Sequence[Answer],
    *,
    by: int | None,
    now_ms: int,
) -> list[Answer]:
    """Have ``answers``, and no others, said of the picture of an event; what was said before. ``event`` tells its id,
    camera and time. Whoever is named by a yes is seen in it; without one it is named by its looks again."""
    with store.sql_write("store an answer") as run:
        before = _answers(run, event.event_id)
        known = run("SELECT look FROM pet_looks WHERE event_id = :id", id=event.event_id)
        if not known:
            known = run(
                "SELECT look FROM pet_pictures WHERE event_id = :id AND look IS NOT NULL LIMIT 1", id=event.event_id
            )
        run("DELETE FROM pet_pictures WHERE event_id = :id", id=event.event_id)
        for one in answers:
            run(
                "INSERT INTO pet_pictures (event_id, pet_id, verdict, kind, look, answered_ms, answered_by) "
                "VALUES (:event_id, :pet_id, :verdict, :kind, :look, :now_ms, :by)",
                event_id=event.event_id,
                pet_id=one.pet_id,
                verdict=one.verdict,
                kind=kind,
                look=known[0][0] if known else None,
                now_ms=now_ms,
                by=by,
            )
        named = next((one.pet_id for one in answers if one.verdict == "yes"), None)
        seen = None
        if named is not None:
            seen = Sighting(event.event_id, named, "person", 1.0, event.camera_id, event.ts_ms)
        _see(run, event.event_id, seen)
        _make_due(run, [event.event_id])
        return before


def list_answered(store: Store, kind: str, limit: int) -> list[Picture]:
    """The pictures of cats, or of dogs, that were answered for and have numbers: of each pet ``limit`` at most, the
    newest."""
    with store.sql_read("read answered pictures") as run:
        rows = run(
            "SELECT event_id, verdict, pet_id, look, answered_ms FROM (SELECT *, row_number() OVER (PARTITION BY "
            "pet_id, verdict ORDER BY answered_ms DESC, id DESC) AS place FROM pet_pictures WHERE kind = :kind "
            "AND look IS NOT NULL AND verdict <> 'unsure') AS placed WHERE place <= :most",
            kind=kind,
            most=limit,
        )
    return [_picture(*row) for row in rows]


def list_pictures(store: Store, pet_id: int, limit: int) -> list[Picture]:
    """The pictures confirmed as this pet, the newest first."""
    with store.sql_read("read answered pictures") as run:
        rows = run(
            "SELECT event_id, verdict, pet_id, look, answered_ms FROM pet_pictures WHERE pet_id = :id AND "
            "verdict = 'yes' ORDER BY answered_ms DESC, id DESC LIMIT :most",
            id=pet_id,
            most=limit,
        )
    return [_picture(*row) for row in rows]


def count_pictures(store: Store, pet_id: int) -> int:
    """How many pictures were confirmed as this pet."""
    with store.sql_read("read answered pictures") as run:
        rows = run("SELECT count(*) FROM pet_pictures WHERE pet_id = :id AND verdict = 'yes'", id=pet_id)
    return int(rows[0][0])


def find_sighting(store: Store, event_id: int) -> Sighting | None:
    """Who was seen in an event."""
    with store.sql_read("read sightings") as run:
        rows = run(f"SELECT {_SEEN} FROM pet_sightings WHERE event_id = :id", id=event_id)
    return Sighting(*rows[0]) if rows else None


def newest_sighting(store: Store, pet_id: int, cameras: Iterable[str] | None = None) -> Sighting | None:
    """Where a pet was seen last, of the ``cameras`` that count (None: all)."""
    found = list_sightings(store, pet_id, limit=1, cameras=cameras)
    return found[0] if found else None


def list_sightings(
    store: Store, pet_id: int, *, limit: int, since_ms: int = 0, cameras: Iterable[str] | None = None
) -> list[Sighting]:
    """The newest first."""
    values = {} if cameras is None else {f"camera_{at}": one for at, one in enumerate(sorted(cameras))}
    limited = "" if cameras is None else f"AND camera_id IN ({', '.join(f':{one}' for one in values) or 'NULL'}) "
    with store.sql_read("read sightings") as run:
        rows = run(
            f"SELECT {_SEEN} FROM pet_sightings WHERE pet_id = :id AND ts_ms >= :since_ms {limited}"
            "ORDER BY ts_ms DESC, event_id DESC LIMIT :most",
            id=pet_id,
            since_ms=since_ms,
            most=limit,
            **values,
        )
    return [Sighting(*row) for row in rows]


def list_ends(store: Store, pet_id: int, since_ms: int) -> dict[int, int]:
    """When the events ended in which a pet was seen since then, by their ids; those that go on are not in it."""
    with store.sql_read("read sightings") as run:
        rows = run(
            "SELECT e.id, e.end_ms FROM pet_sightings AS s JOIN events AS e ON e.id = s.event_id "
            "WHERE s.pet_id = :id AND s.ts_ms >= :since_ms AND e.end_ms IS NOT NULL",
            id=pet_id,
            since_ms=since_ms,
        )
    return {int(event_id): int(end_ms) for event_id, end_ms in rows}


def list_unanswered(store: Store, since_ms: int, limit: int) -> list[int]:
    """Events with a picture of a cat or dog since then of which nobody said who it is, the newest first."""
    with store.sql_read("read what is not answered") as run:
        rows = run(
            "SELECT l.event_id FROM pet_looks AS l JOIN events AS e ON e.id = l.event_id WHERE e.ts_ms >= :since_ms "
            "AND e.kind IN ('cat', 'dog') AND NOT EXISTS (SELECT 1 FROM pet_pictures AS p WHERE "
            "p.event_id = l.event_id AND p.verdict <> 'no') ORDER BY e.ts_ms DESC LIMIT :most",
            since_ms=since_ms,
            most=limit,
        )
    return [int(row[0]) for row in rows]


def list_open(store: Store, event_type: str, since_ms: int) -> list[int]:
    """Events of a type that go on and began since then."""
    with store.sql_read("read events") as run:
        rows = run(
            "SELECT id FROM events WHERE type = :type AND ts_ms >= :since_ms AND end_ms IS NULL ORDER BY ts_ms, id",
            type=event_type,
            since_ms=since_ms,
        )
    return [int(row[0]) for row in rows]


def pet_slug(name: str) -> str:
    """As it stands in topics. A name in other letters than Latin ones keeps them, without what a topic may not hold."""
    plain = slug(name)
    if plain != "camera" or name.isascii():
        return plain
    return "".join(one for one in name.casefold() if one.isalnum())[:40] or "pet"


def _check_free(run: Run, name: str, but_id: int) -> None:
    if run("SELECT id FROM pets WHERE slug = :slug AND id <> :id", slug=pet_slug(name), id=but_id):
        raise StoreError(f"there is a pet called {name} already", kind=ErrorKind.PERMANENT, code="pet.name_taken")


def _answers(run: Run, event_id: int) -> list[Answer]:
    rows = run("SELECT verdict, pet_id FROM pet_pictures WHERE event_id = :id ORDER BY id", id=event_id)
    return [Answer(str(verdict), pet_id) for verdict, pet_id in rows]


def _see(run: Run, event_id: int, sighting: Sighting | None) -> None:
    run("DELETE FROM pet_sightings WHERE event_id = :id", id=event_id)
    if sighting is not None and run("SELECT id FROM pets WHERE id = :id", id=sighting.pet_id):
        run(
            f"INSERT INTO pet_sightings ({_SEEN}) VALUES (:id, :pet_id, :said_by, :score, :camera_id, :ts_ms)",
            id=event_id,
            pet_id=sighting.pet_id,
            said_by=sighting.said_by,
            score=sighting.score,
            camera_id=sighting.camera_id,
            ts_ms=sighting.ts_ms,
        )


def _events_of(run: Run, pet_id: int) -> list[int]:
    return [int(row[0]) for row in run("SELECT event_id FROM pet_sightings WHERE pet_id = :id", id=pet_id)]


def _make_due(run: Run, event_ids: Iterable[int]) -> None:
    for event_id in event_ids:
        run("DELETE FROM pet_due WHERE event_id = :id", id=event_id)
        run(
            "INSERT INTO pet_due (event_id, since_ms) VALUES (:id, :since)",
            id=event_id,
            since=-1 - secrets.randbelow(2**40),
        )


def _pet(row: tuple[object, ...]) -> Pet:
    names = ("id", "name", "slug", "kind", "indoor_only", "not_seen_ms", "made_ms")
    values = dict(zip(names, row, strict=True))
    return Pet(**(values | {"indoor_only": bool(values["indoor_only"])}))  # type: ignore[arg-type]


def _picture(event_id: int, verdict: str, pet_id: int | None, look: bytes | None, answered_ms: int) -> Picture:
    return Picture(event_id, Answer(verdict, pet_id), None if look is None else bytes(look), answered_ms)
