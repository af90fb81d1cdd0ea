"""What the events process does about pets: names visits of cats and dogs, tells where each pet is, and that one got out
or was not seen for long.

Names come late and may change: a visit is looked at once it is over, or has a picture for some seconds, and again after
each answer of a person. All that follows is made of what the rows say by then, so doing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.amounts import keep_text
from vigilar.base.clock import Clock
from vigilar.base.visit_kinds import PET_KINDS, visit_title
from vigilar.bus.messages import PetLocation
from vigilar.bus.topics import Topics
from vigilar.events.desk import EventDesk
from vigilar.events.pets import ESCAPED, MISSING, PETS
from vigilar.events.subject import Subject
from vigilar.pets.match import MOST_PICTURES, Answered, BadLook, Look, find_pet
from vigilar.store import pets as rows
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent, get_event
from vigilar.store.pets import Due, Pet, Sighting

logger = logging.getLogger(__name__)

SETTLED_MS = 10_000
"""A visit that goes on for longer is named before its end: a cat may sleep in the picture for hours."""

AT_A_TIME = 20
"""Events named in one sweep; one with a new pet's name for thousands of old ones must not hold up the others."""

LOOK_EVERY_MS = 2_000
"""How late a changed pet is noticed, and the longest that nobody is told that one got out."""

FRESH_MS = 600_000
"""Nobody is told that a pet got out by what was seen longer ago: it may be a person who says so of an old picture."""

AGAIN_MS = 6 * 3_600_000
"""Who is out for so long and seen again is told again."""

GRACE_MS = 600_000
"""After the start nobody is missed for so long: the box itself may have been off."""

OPEN_MS = 30 * 86_400_000
"""Older events that go on are looked at no more."""

EXTERIOR, INTERIOR = "exterior", "interior"


class RetainingBus(Protocol):
    """The part of ``bus.client.MessageBus`` that is needed here."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> object: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pet with where it was seen last, and its event."""

    pet: Pet
    sighting: Sighting
    event: StoredEvent


class PetKeeper:
    """``look`` belongs to the loop of events, ``notice_connection`` to any thread. ``place_of`` gives ``exterior``,
    ``transition``, ``interior`` or nothing for a camera."""

    def __init__(self, store: Store, bus: RetainingBus, clock: Clock, place_of: Callable[[str], str]) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._place_of = place_of
        self._started_ms = clock.utc_ns() // 1_000_000
        self._next_mono_ns = 0
        self._told: dict[str, tuple[object, ...]] = {}
        self._is_new_bus = False

    def subject(self) -> Subject:
        """What the processor calls it for; the types are those of ``events.pets``."""
        return Subject(name=PETS, look=self.look)

    def notice_connection(self) -> None:
        """The broker may have forgotten what it was told."""
        self._is_new_bus = True

    def look(self, desk: EventDesk) -> None:
        """With each sweep. Raises StoreError."""
        now_ms = desk.now_ms()
        for due in rows.list_due(self._store, AT_A_TIME):
            self._settle(desk, due, now_ms)
        if self._clock.mono_ns() < self._next_mono_ns and not self._is_new_bus:
            return
        self._next_mono_ns = self._clock.mono_ns() + LOOK_EVERY_MS * 1_000_000
        if self._is_new_bus:
            self._is_new_bus, self._told = False, dict.fromkeys(self._told, ())
        pets = rows.list_pets(self._store)
        if not pets and not self._told:
            return
        seen = [one for pet in pets if (one := self._newest(pet)) is not None]
        self._tell(seen)
        self._end(desk, pets, {one.pet.id: one for one in seen}, now_ms)
        for one in seen:
            self._tell_escape(desk, one, now_ms)
            self._tell_missing(desk, one, now_ms)

    # Which pet it is

    def _settle(self, desk: EventDesk, due: Due, now_ms: int) -> None:
        event = get_event(self._store, due.event_id)
        if event is None:
            rows.end_due(self._store, due)
            return
        if due.since_ms > 0 and event.end_ms is None and 0 <= now_ms - due.since_ms < SETTLED_MS:
            return
        rows.see(self._store, event.id, self._sighting(event))
        sighting = rows.find_sighting(self._store, event.id)
        pet = rows.find_pet(self._store, sighting.pet_id) if sighting is not None else None
        payload = named_payload(event, pet.id if pet else None, pet.name if pet else "", desk.camera_name)
        desk.update(event, event.end_ms, payload)
        rows.end_due(self._store, due)  # last: after a crash before it all of this is done again

    def _sighting(self, event: StoredEvent) -> Sighting | None:
        """Who it is by looks and answers; None while that is not sure."""
        answers = rows.answers_of(self._store, event.id)
        if event.kind not in PET_KINDS or any(one.verdict in ("none", "unsure") for one in answers):
            return None
        raw = rows.find_look(self._store, event.id)
        look = parsed(raw)
        if look is None:
            return None
        denied = {one.pet_id for one in answers if one.verdict == "no"}
        answered = [
            Answered(one.answer.pet_id, one.answer.verdict == "yes", own)
            for one in rows.list_answered(self._store, event.kind, MOST_PICTURES)
            if one.event_id != event.id and (own := parsed(one.look)) is not None
        ]
        match = find_pet(look, answered)
        if match is None or match.pet_id in denied:
            return None
        return Sighting(event.id, match.pet_id, "box", match.score, event.source_id, event.ts_ms)

    # Where it is

    def _newest(self, pet: Pet) -> _Seen | None:
        sighting = rows.newest_sighting(self._store, pet.id)
        event = get_event(self._store, sighting.event_id) if sighting is not None else None
        return _Seen(pet, sighting, event) if sighting is not None and event is not None else None

    def _tell(self, seen: list[_Seen]) -> None:
        """Where each is, retained; what was told of one that is gone, or is called otherwise now, is taken back."""
        now: dict[str, tuple[object, ...]] = {}
        for one in seen:
            topic = Topics.pet_location(one.pet.slug)
            place = self._place_of(one.sighting.camera_id)
            now[topic] = (one.event.uid, one.pet.name, one.sighting.camera_id, place)
            if self._told.get(topic) != now[topic]:
                told = PetLocation(one.event.uid, one.sighting.ts_ms, one.pet.name, one.sighting.camera_id, place)
                self._bus.publish(topic, told.dump(), retain=True)
        for topic in self._told.keys() - now.keys():
            self._bus.publish(topic, b"", retain=True)
        self._told = now

    # What is told of it

    def _tell_escape(self, desk: EventDesk, one: _Seen, now_ms: int) -> None:
        sighting, pet = one.sighting, one.pet
        if not pet.indoor_only or self._place_of(sighting.camera_id) != EXTERIOR:
            return
        if not 0 <= now_ms - max(sighting.ts_ms, one.event.end_ms or now_ms) < FRESH_MS:
            return
        if self._open_of(ESCAPED.name, pet.id, now_ms):
            return
        camera = desk.camera_name(sighting.camera_id)
        desk.insert(
            ESCAPED,
            uid=_uid(ESCAPED.name, pet.id, sighting.event_id),
            source_id=sighting.camera_id,
            ts_ms=max(sighting.ts_ms, min(now_ms, one.event.end_ms or now_ms)),
            payload={
                "title": f"{pet.name} got out, {camera}",
                "camera_name": camera,
                "pet": {"id": pet.id, "name": pet.name},
                "event_id": sighting.event_id,
                "is_open": True,
            },
            still_id=one.event.still_id,
            cause_id=sighting.event_id,
        )

    def _tell_missing(self, desk: EventDesk, one: _Seen, now_ms: int) -> None:
        pet, last_ms = one.pet, _last_ms(one, now_ms)
        if pet.not_seen_ms is None or now_ms - self._started_ms < GRACE_MS or now_ms - last_ms < pet.not_seen_ms:
            return
        if self._open_of(MISSING.name, pet.id, now_ms):
            return
        camera = desk.camera_name(one.sighting.camera_id)
        desk.insert(
            MISSING,
            uid=_uid(MISSING.name, pet.id, one.sighting.event_id),
            source_id=one.sighting.camera_id,
            ts_ms=now_ms,
            payload={
                "title": f"{pet.name} was not seen for {keep_text(pet.not_seen_ms)}",
                "camera_name": camera,
                "pet": {"id": pet.id, "name": pet.name},
                "event_id": one.sighting.event_id,
                "last_ms": last_ms,
                "is_open": True,
            },
        )

    def _end(self, desk: EventDesk, pets: list[Pet], seen: dict[int, _Seen], now_ms: int) -> None:
        """End what is over: who is inside again or was seen again, and what was told of the wrong one."""
        known = {pet.id: pet for pet in pets}
        for type_ in (ESCAPED.name, MISSING.name):
            for event in self._open(type_, now_ms):
                pet_id = _pet_of(event)
                pet, newest = known.get(pet_id), seen.get(pet_id)
                end_ms = self._end_of(event, pet, newest, now_ms)
                if end_ms is not None:
                    end_ms = max(end_ms, event.ts_ms)
                    ended = {**event.payload, "is_open": False, "duration_ms": end_ms - event.ts_ms}
                    desk.update(event, end_ms, ended)

    def _end_of(self, event: StoredEvent, pet: Pet | None, newest: _Seen | None, now_ms: int) -> int | None:
        """When it was over; None while it goes on."""
        if pet is None or newest is None:
            return now_ms
        if event.type == MISSING.name:
            is_again = newest.sighting.event_id != event.payload.get("event_id")
            return newest.sighting.ts_ms if is_again else now_ms if pet.not_seen_ms is None else None
        cause = rows.find_sighting(self._store, int(event.payload.get("event_id") or 0))
        if cause is None or cause.pet_id != pet.id or not pet.indoor_only or now_ms - event.ts_ms > AGAIN_MS:
            return now_ms
        is_inside = self._place_of(newest.sighting.camera_id) == INTERIOR
        return newest.sighting.ts_ms if is_inside and newest.sighting.ts_ms >= cause.ts_ms else None

    def _open(self, type_: str, now_ms: int) -> list[StoredEvent]:
        found = (get_event(self._store, one) for one in rows.list_open(self._store, type_, now_ms - OPEN_MS))
        return [one for one in found if one is not None]

    def _open_of(self, type_: str, pet_id: int, now_ms: int) -> bool:
        return any(_pet_of(one) == pet_id for one in self._open(type_, now_ms))


def named_payload(
    event: StoredEvent, pet_id: int | None, pet_name: str, camera_name: Callable[[str], str]
) -> dict[str, object]:
    """The payload of a visit once it is known which pet came, or that nobody knows."""
    payload = {key: value for key, value in event.payload.items() if key != "pet"}
    if pet_id is not None and event.kind in PET_KINDS:
        payload["pet"] = {"id": pet_id, "name": pet_name}
    if event.kind in PET_KINDS:
        where = str(event.payload.get("camera_name") or camera_name(event.source_id))
        payload["title"] = visit_title(event.kind, where, pet_name)
    return payload


def parsed(raw: bytes | None) -> Look | None:
    """The numbers of a picture, None for what is none."""
    if raw is None:
        return None
    try:
        return Look.parse(raw)
    except BadLook:
        return None


def _last_ms(one: _Seen, now_ms: int) -> int:
    """When the pet was seen last: until the end of its visit, or now while it goes on."""
    return min(now_ms, one.event.end_ms if one.event.end_ms is not None else now_ms)


def _pet_of(event: StoredEvent) -> int:
    pet = event.payload.get("pet")
    return int(pet.get("id") or 0) if isinstance(pet, dict) else 0


def _uid(type_: str, pet_id: int, event_id: int) -> str:
    return hashlib.sha256(f"{type_} {pet_id} {event_id}".encode()).hexdigest()[:32]
