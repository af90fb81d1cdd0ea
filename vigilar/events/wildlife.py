"""The subject of wild animals: a visit of something new, or of something that is back after a long time.

The visit itself is an event already. What is new about it is one more event of the same story, with its still and its
time, made when the visit is over; what people say of the visit later changes its words, and never makes a second one of
the same sort.
"""

from __future__ import annotations

from vigilar.base.clock import Clock
from vigilar.base.said_species import SAID
from vigilar.base.visit_kinds import MOTION
from vigilar.base.wildlife_rules import DAY_MS, WildlifeRules
from vigilar.base.zone import load_zone
from vigilar.events.classification import WILDLIFE, EventType, Severity, Strand
from vigilar.events.desk import EventDesk
from vigilar.events.subject import Subject
from vigilar.store import wildlife as rows
from vigilar.store.cameras import list_cameras
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, newest_change
from vigilar.store.health import find_first_recording_ms
from vigilar.wildlife.novelty import NEW_STEPS, Novelty, find_novelty
from vigilar.wildlife.species import KnownSpecies, Species
from vigilar.wildlife.watched import HOUR_MS, SETTLED_MS, read_hours, watches_silently

FIRST = EventType("wildlife_first", Severity.INFO, (WILDLIFE,), "{name}", strand=Strand.VISIT)
BACK = EventType("wildlife_back", Severity.INFO, (WILDLIFE,), "{name}", strand=Strand.VISIT)

LOOK_EVERY_MS = 5_000
TOLD_MS = 2 * DAY_MS
"""An older visit that is named now is no news."""

BATCH = 200

COUNT_EVERY_MS = 60_000
AT_ONCE_MS = 7 * DAY_MS
KEPT_MS = 400 * DAY_MS
"""Hours watched are counted so far back, a week at a time, the newest first."""


class WildlifeWatch:
    """On the loop's thread; ``use`` may be called from any."""

    def __init__(self, store: Store, clock: Clock, rules: WildlifeRules) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._place: int | None = None
        self._due_ms = 0
        self._count_due_ms = 0

    def subject(self) -> Subject:
        """What looks; its types are those of ``WILDLIFE_SUBJECT``."""
        return Subject(name=WILDLIFE, look=self.look)

    def use(self, rules: WildlifeRules) -> None:
        self._rules = rules

    def look(self, desk: EventDesk) -> None:
        """With each sweep; works every LOOK_EVERY_MS. Raises StoreError."""
        now_ms = self._clock.utc_ns() // 1_000_000
        rules = self._rules
        if not rules.enabled or 0 < self._due_ms - now_ms <= LOOK_EVERY_MS:
            return
        self._due_ms = now_ms + LOOK_EVERY_MS
        for visit in self._changed(now_ms):
            self._tell(desk, visit, rules, now_ms)
        if not 0 < self._count_due_ms - now_ms <= COUNT_EVERY_MS:
            self._count_due_ms = now_ms + COUNT_EVERY_MS
            self._count_hours(rules, now_ms)

    def _changed(self, now_ms: int) -> list[StoredEvent]:
        """Visits since the last look; at the first look those of the last days, of which some may be told already."""
        if self._place is None:
            self._place = newest_change(self._store)
            return rows.recent_visits(self._store, now_ms - TOLD_MS)
        found: list[StoredEvent] = []
        while True:
            visits, newest = rows.changed_visits(self._store, self._place, BATCH)
            found += visits
            if newest == self._place:
                return found
            self._place = newest

    def _tell(self, desk: EventDesk, visit: StoredEvent, rules: WildlifeRules, now_ms: int) -> None:
        if visit.end_ms is None or visit.ts_ms < now_ms - TOLD_MS:
            return
        found = self._news_of(visit, rules)
        wanted = None if found is None else FIRST if found[1].step in NEW_STEPS else BACK
        for event_type in (FIRST, BACK):
            uid = f"{visit.uid}-{event_type.name}"
            told = desk.find(uid)
            if told is None and (event_type is not wanted or found is None):
                continue
            species, novelty = found if found is not None and event_type is wanted else (None, None)
            payload = _payload(visit, species, novelty)
            if told is not None:
                desk.update(told, told.end_ms, payload)
            else:
                desk.insert(
                    event_type,
                    uid=uid,
                    source_id=visit.source_id,
                    ts_ms=visit.ts_ms,
                    end_ms=visit.end_ms,
                    payload=payload,
                    still_id=visit.still_id,
                    zones=visit.zones,
                    cause_id=visit.id,
                )

    def _news_of(self, visit: StoredEvent, rules: WildlifeRules) -> tuple[Species, Novelty] | None:
        """What is new about a visit: for an event, the season is not enough."""
        known = KnownSpecies.of_house(rows.list_own(self._store))
        said = visit.payload.get(SAID) or {}
        species = known.of_visit(visit.kind, str(said.get("species") or ""))
        if species is None:
            return None
        before_ms = rows.last_before(self._store, species.key, visit.ts_ms, EventFilter(), but_id=visit.id)
        south = rules.place is not None and rules.place[0] < 0
        zone = load_zone(rules.time_zone)
        novelty = find_novelty(visit.ts_ms, before_ms, rules.back_after_ms, zone, south)
        return None if novelty is None or novelty.step == "season" else (species, novelty)

    def _count_hours(self, rules: WildlifeRules, now_ms: int) -> None:
        """Note the hours that are over since the last look, and a week of those before the first that is noted."""
        until_ms = (now_ms - SETTLED_MS) // HOUR_MS * HOUR_MS
        for camera in list_cameras(self._store):
            noted = rows.noted_span(self._store, camera.id)
            first_ms, after_ms = (noted[0], noted[1] + HOUR_MS) if noted is not None else (until_ms, until_ms)
            self._count(rules, camera.id, max(after_ms, until_ms - AT_ONCE_MS), until_ms, now_ms)
            begin_ms = max(first_ms - AT_ONCE_MS, now_ms - KEPT_MS)
            if begin_ms < first_ms and not self._is_before_all(camera.id, first_ms):
                self._count(rules, camera.id, begin_ms, first_ms, now_ms)

    def _is_before_all(self, camera_id: str, hour_ms: int) -> bool:
        first_ms = find_first_recording_ms(self._store, camera_id)
        return first_ms is None or first_ms >= hour_ms

    def _count(self, rules: WildlifeRules, camera_id: str, from_ms: int, to_ms: int, now_ms: int) -> None:
        if to_ms <= from_ms:
            return
        silently = watches_silently(rules, camera_id)
        hours = read_hours(self._store, camera_id, from_ms, to_ms, now_ms, motion_only=silently)
        rows.add_hours(self._store, camera_id, hours)


def _payload(visit: StoredEvent, species: Species | None, novelty: Novelty | None) -> dict[str, object]:
    name = str(visit.payload.get("camera_name") or visit.source_id)
    told: dict[str, object] = {"camera_name": name, "visit_id": visit.id}
    if species is None or novelty is None:
        said = visit.payload.get(SAID) or {}
        after_all = str(said.get("name") or ("no animal" if visit.kind == MOTION else visit.kind))
        return {**told, "title": f"Taken back, after all {after_all[:1].lower()}{after_all[1:]}"}
    return {
        **told,
        "title": f"{species.name}, {novelty.words}",
        "species": species.key,
        "novelty": novelty.step,
        "days": novelty.days,
    }


WILDLIFE_SUBJECT = Subject(name=WILDLIFE, types=(FIRST, BACK))
