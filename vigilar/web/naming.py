"""Saying what an animal was: the words offered for a visit, what was said of it, and visits that look the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vigilar.base.errors import StoreError
from vigilar.base.ids import new_id, slug
from vigilar.base.said_species import SAID
from vigilar.base.wildlife_rules import DAY_MS
from vigilar.store import wildlife as rows
from vigilar.store.events import StoredEvent
from vigilar.store.wildlife import OwnSpecies, Said, Word
from vigilar.web.auth import asker
from vigilar.web.deeds import note_deed
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem
from vigilar.web.times import house_time
from vigilar.web.visible import VisibleCameras
from vigilar.web.wildlife import known_species
from vigilar.wildlife.journal import NOON, HouseClock
from vigilar.wildlife.species import (
    CORRECTIONS,
    MAX_NAME_CHARS,
    MOST_OWN,
    NAMEABLE,
    TIERS,
    WILD_KINDS,
    KnownSpecies,
    Species,
)

MOST_ALIKE = 12
"""Visits that look the same are shown before anything is said of them: more at once nobody looks at."""

MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Naming:
    """What the page of a visit asks and shows. ``alike``: of the same night, kind and camera, once it is named."""

    event: StoredEvent
    said: str
    by: str
    is_sure_wild: bool
    first: Sequence[Species]
    rest: Sequence[Species]
    corrections: Sequence[Species]
    history: Sequence[tuple[str, Said]]
    alike: Sequence[StoredEvent]
    word: Species | None


def can_name(event: StoredEvent) -> bool:
    """Whether a person may say of an event which animal it was."""
    return event.type == rows.VISIT and (event.kind in NAMEABLE or SAID in event.payload)


def make_naming(here: Parts, visible: VisibleCameras, event: StoredEvent, known: KnownSpecies) -> Naming | None:
    """None for an event that is no animal's. Raises StoreError."""
    if not can_name(event):
        return None
    said = event.payload.get(SAID) or {}
    word = known.find_word(str(said.get("species") or ""))
    kind = kind_before(event)
    first, rest = known.offered(kind)
    history = rows.history(here.store, event.id) if said or event.kind in NAMEABLE else []
    return Naming(
        event=event,
        said=str(said.get("name") or ""),
        by=str(said.get("by") or ""),
        is_sure_wild=event.kind in WILD_KINDS or bool(said),
        first=first,
        rest=rest,
        corrections=[one for one in CORRECTIONS.values() if one.key != kind or said],
        history=[(_words(known, one.species), one) for one in history],
        alike=find_alike(here, visible, event, kind) if word is not None else [],
        word=word,
    )


def kind_before(event: StoredEvent) -> str:
    """The kind of a visit before anybody said anything of it."""
    return str(((event.payload.get(SAID) or {}).get("before") or {}).get("kind") or event.kind)


def find_alike(here: Parts, visible: VisibleCameras, event: StoredEvent, kind: str) -> list[StoredEvent]:
    """Visits of the same kind at the same camera in the same night, of which nobody said anything."""
    if kind not in NAMEABLE or event.source_id not in visible:
        return []
    at = house_time(event.ts_ms, here.zone)
    noon = at.replace(hour=NOON, minute=0, second=0, microsecond=0)
    from_ms = int(noon.timestamp() * 1000) - (0 if at.hour >= NOON else DAY_MS + 3_600_000)
    night = HouseClock(here.zone)
    found = rows.list_alike(here.store, event, kind, from_ms, from_ms + 2 * DAY_MS, MOST_ALIKE * 4)
    mine = night.place(event.ts_ms)[0]
    return [visible.veil(one) for one in found if night.place(one.ts_ms)[0] == mine][:MOST_ALIKE]


def say_word(here: Parts, visible: VisibleCameras, event_ids: Sequence[int], key: str) -> tuple[str, list[StoredEvent]]:
    """Say of these visits what they were; the token of the act and the visits that changed. Empty ``key``: take back
    what was said. Raises Problem for a word that nobody knows, or for a visit that is not to be named."""
    word = None
    if key:
        species = known_word(here, key)
        word = Word(species.key, species.name, species.kind, species.tier)
    if len(event_ids) > MOST_AT_ONCE:
        raise Problem(422, "species.many", f"At most {MOST_AT_ONCE} visits at once.")
    for event_id in event_ids:
        event = visible.find_event(event_id)
        if event is None:
            raise Problem(404, "event.unknown", "There is no such event.")
        if not can_name(event):
            raise Problem(422, "species.kind", "This event is not of an animal.", field="species")
    act, name, now_ms = new_id(), asker().name, here.now_ms()
    changed = here.reserve.help(lambda: rows.say(here.store, event_ids, word, act=act, by_name=name, now_ms=now_ms))
    if changed:
        first = changed[0].id
        note_deed("named_animal", subject=f"event:{first}", detail=word.name if word is not None else "taken back")
    return act, [visible.veil(one) for one in changed]


def take_back(here: Parts, visible: VisibleCameras, act: str) -> list[StoredEvent]:
    """Undo an act: each of its visits is again what was said before. Raises Problem 409 when nothing of it holds."""
    before = rows.words_before(here.store, act)
    if not before:
        raise Problem(409, "undo.gone", "This can be taken back no more: something else was said since.")
    changed: list[StoredEvent] = []
    for key in sorted(set(before.values())):
        ids = [event_id for event_id, word in before.items() if word == key]
        changed += say_word(here, visible, ids, key)[1]
    return changed


def known_word(here: Parts, key: str) -> Species:
    """Raises Problem 422 for a word that nobody knows."""
    species = known_species(here).find_word(key)
    if species is None:
        raise Problem(422, "species.unknown", "There is no such species.", field="species")
    return species


def add_species(here: Parts, name: str, tier: str, kind: str) -> Species:
    """A species of the household, or the known one of this name. Raises Problem 422."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Problem(422, "species.name", f"Give it a name of 1 to {MAX_NAME_CHARS} letters.", field="name")
    if tier not in TIERS:
        raise Problem(422, "species.tier", f"tier is one of {', '.join(TIERS)}.", field="tier")
    known = known_species(here)
    if (found := known.by_name(name)) is not None:
        return found
    keys = {one.key for one in known.all}
    plain = f"own-{slug(name)}"
    key = next(one for one in (plain, *(f"{plain}-{number}" for number in range(2, MOST_OWN + 3))) if one not in keys)
    new = OwnSpecies(key, name, kind if kind in WILD_KINDS else "animal", tier)
    by, now_ms = asker().name, here.now_ms()
    try:
        here.reserve.help(lambda: rows.add_own(here.store, new, by_name=by, now_ms=now_ms, most=MOST_OWN))
    except StoreError as error:
        if error.code != "species.many":
            raise
        raise Problem(
            422, "species.many", f"There are {MOST_OWN} species of your own already.", field="name"
        ) from error
    return Species(new.key, new.name, new.kind, new.tier, True)


def _words(known: KnownSpecies, key: str) -> str:
    if not key:
        return "Taken back"
    species = known.find_word(key)
    return species.name if species is not None else key
