"""Pets as people read them, and as programs get them: where each is, what was said of a picture, and what is not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from vigilar.base.amounts import length_text
from vigilar.base.day_spans import day_start_ms, house_day
from vigilar.base.visit_kinds import PET_KINDS
from vigilar.store import pets as rows
from vigilar.store.events import StoredEvent
from vigilar.store.pets import Answer, Pet, Sighting
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem
from vigilar.web.visible import VisibleCameras

STATES = {"exterior": "out", "transition": "door", "interior": "in"}
STATE_WORDS = {"out": "Outside", "in": "Inside", "door": "At the door", "unknown": ""}

NOT_SEEN_CHOICES = (
    ("none", "Never missed"),
    *((f"{hours}h", f"{hours} hours") for hours in (2, 4, 6, 12, 24)),
    *(("2d", "2 days"), ("4d", "4 days")),
)

ASKED_MS = 7 * 86_400_000
"""Of older pictures nobody is asked."""

DAY_MS = 86_400_000
USUAL_MS = 30 * DAY_MS
MOST_TODAY = 400
LEAST_PART = 0.004
"""Of the strip of a day: six minutes, one pixel on a phone."""

_UNITS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}


@dataclass(frozen=True, slots=True)
class Mark:
    """A sighting on the strip of a day, from and to in 0..1 of it."""

    from_part: float
    to_part: float
    event_id: int
    ts_ms: int
    camera: str
    place: str


@dataclass(frozen=True, slots=True)
class PetCard:
    """A pet with where it was last, as far as the asker sees the cameras."""

    pet: Pet
    last: StoredEvent | None
    camera: str
    ago: str
    state: str
    marks: tuple[Mark, ...]

    @property
    def sentence(self) -> str:
        if self.last is None:
            return f"{self.pet.name} has not been seen yet."
        return f"{self.pet.name} last seen {self.ago}, {self.camera}."


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of the cat or dog of an event: ``pet`` by the box (``is_guess``) or a person. ``answers`` as
    ``dump_answers`` gives them; ``verdict`` of the newest, empty for none. ``learns``: the picture says enough."""

    event: StoredEvent
    pet: Pet | None
    is_guess: bool
    verdict: str
    answers: str
    others: tuple[Pet, ...]
    learns: bool


def make_card(here: Parts, visible: VisibleCameras, pet: Pet) -> PetCard:
    now_ms, seen = here.now_ms(), visible.member.cameras
    last = rows.newest_sighting(here.store, pet.id, seen)
    event = visible.find_event(last.event_id) if last is not None else None
    names, places = camera_names(here), _places(here)
    state = STATES.get(places.get(last.camera_id, ""), "unknown") if last is not None else "unknown"
    ended_ms = (event.end_ms or (now_ms if event.payload.get("is_open") else event.ts_ms)) if event else 0
    return PetCard(
        pet=pet,
        last=event,
        camera=names.get(last.camera_id, last.camera_id) if last is not None else "",
        ago=_ago(now_ms - ended_ms),
        state=state,
        marks=_marks(here, pet, seen),
    )


def question_of(here: Parts, event: StoredEvent) -> Question | None:
    """What may be said of an event; None for what is no visit of a cat or dog."""
    if event.kind not in PET_KINDS or event.type != "motion":
        return None
    answers = rows.answers_of(here.store, event.id)
    sighting = rows.find_sighting(here.store, event.id)
    pets = [one for one in rows.list_pets(here.store) if one.kind == event.kind]
    pet = next((one for one in pets if sighting is not None and one.id == sighting.pet_id), None)
    return Question(
        event=event,
        pet=pet,
        is_guess=sighting is not None and sighting.said_by == "box",
        verdict=next((one.verdict for one in reversed(answers) if one.verdict != "no"), "no" if answers else ""),
        answers=dump_answers(answers),
        others=tuple(one for one in pets if pet is None or one.id != pet.id),
        learns=rows.find_look(here.store, event.id) is not None,
    )


def answered(before: Sequence[Answer], verdict: str, pet_id: int | None) -> list[Answer]:
    """What is said of a picture after one more word. One picture is one animal: a new yes takes the place of
    the old."""
    kept = [one for one in before if one.verdict == "no" and one.pet_id != pet_id]
    if verdict == "clear":
        return []
    if verdict in ("none", "unsure"):
        return [Answer(verdict)]
    if verdict == "no":
        kept += [one for one in before if one.verdict == "yes" and one.pet_id != pet_id]
    return [*kept, Answer(verdict, pet_id)]


def dump_answers(answers: Sequence[Answer]) -> str:
    """``no:3,yes:5``: what an undo sends back."""
    return ",".join(one.verdict if one.pet_id is None else f"{one.verdict}:{one.pet_id}" for one in answers)


def parse_answers(text: str, known: frozenset[int]) -> list[Answer]:
    """What ``dump_answers`` made, without pets that are gone. Raises Problem."""
    found: list[Answer] = []
    for part in text.split(",") if text else ():
        match = re.fullmatch(r"(yes|no):(\d{1,15})|(none|unsure)", part, re.ASCII)
        if match is None or len(found) >= 50:
            raise Problem(422, "pet.undo", "This cannot be taken back.", field="to")
        if match[3]:
            found.append(Answer(match[3]))
        elif int(match[2]) in known:
            found.append(Answer(match[1], int(match[2])))
    if len({one.pet_id for one in found}) < len(found) or sum(one.verdict == "yes" for one in found) > 1:
        raise Problem(422, "pet.undo", "This cannot be taken back.", field="to")
    return found


def parse_not_seen(text: str) -> int | None:
    """``none``, or ``90m``, ``6h``, ``2d`` in ms. Raises Problem."""
    if text == "none":
        return None
    match = re.fullmatch(r"(\d{1,4})(m|h|d)", text, re.ASCII)
    ms = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 10 * 60_000 <= ms <= 30 * DAY_MS:
        raise Problem(422, "pet.not_seen_for", 'Say "none", or how long: "6h", "2d"; 10m to 30d.', field="not_seen_for")
    return ms


def dump_not_seen(ms: int | None) -> str:
    if ms is None:
        return "none"
    for unit, size in (("d", DAY_MS), ("h", 3_600_000)):
        if ms % size == 0 and (unit == "h" or ms > DAY_MS):
            return f"{ms // size}{unit}"
    return f"{ms // 60_000}m"


def pet_json(here: Parts, card: PetCard) -> dict[str, Any]:
    last = card.last
    return {
        "id": card.pet.id,
        "name": card.pet.name,
        "kind": card.pet.kind,
        "indoor_only": card.pet.indoor_only,
        "not_seen_for": dump_not_seen(card.pet.not_seen_ms),
        "state": card.state,
        "last_seen": None if last is None else {"ts": last.ts_ms, "camera": last.source_id, "event": last.id},
        "pictures": rows.count_pictures(here.store, card.pet.id),
    }


def usual_places(here: Parts, sightings: Sequence[Sighting]) -> list[tuple[str, int]]:
    """Cameras by name with how often, the most first."""
    names = camera_names(here)
    counted = Counter(names.get(one.camera_id, one.camera_id) for one in sightings)
    return counted.most_common(6)


def camera_names(here: Parts) -> dict[str, str]:
    return {camera.id: camera.name for camera in here.cameras.all()}


def _marks(here: Parts, pet: Pet, cameras: frozenset[str] | None) -> tuple[Mark, ...]:
    """The sightings of today by the cameras that count, the oldest first."""
    today = house_day(here.now_ms(), here.zone)
    start, end = (day_start_ms(day, here.zone) for day in (today, today + timedelta(days=1)))
    names, places, ends = camera_names(here), _places(here), rows.list_ends(here.store, pet.id, start)
    found = []
    for one in reversed(rows.list_sightings(here.store, pet.id, limit=MOST_TODAY, since_ms=start, cameras=cameras)):
        from_part, to_part = ((at - start) / (end - start) for at in (one.ts_ms, ends.get(one.event_id, one.ts_ms)))
        to_part = min(1.0, max(to_part, from_part + LEAST_PART))
        name = names.get(one.camera_id, one.camera_id)
        found.append(Mark(from_part, to_part, one.event_id, one.ts_ms, name, places.get(one.camera_id, "")))
    return tuple(found)


def _places(here: Parts) -> dict[str, str]:
    return {camera.id: camera.place for camera in here.cameras.all()}


def _ago(ms: int) -> str:
    if ms < 60_000:
        return "just now"
    return f"{length_text(ms // 60_000 * 60_000)} ago"
