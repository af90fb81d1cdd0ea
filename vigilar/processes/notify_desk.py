"""Turns each stored change into a decision and what is owed, and takes its place, in one transaction.

What is owed is then the outbox's (``notify.outbox``). ``ChangeReader`` calls ``handle`` on its thread; ``look`` is for
the loop of the process, under the same lock.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vigilar.base.clock import Clock
from vigilar.base.notify_rules import NotifyRules
from vigilar.base.story_words import title_of
from vigilar.notify.push.endpoints import BadSubscription, parse_endpoint
from vigilar.notify.push.sender import lane_of
from vigilar.notify.ways import BUS_LANE, Least, Ways
from vigilar.notify.words import Told, make_content, story_of
from vigilar.rules.decide import SEES_HOUSE, decide, rows_of
from vigilar.rules.decision import Action, Decision, Telling, with_told
from vigilar.rules.duress import is_secret
from vigilar.rules.news import LIVES_MS, lives_until_ms, newest_moment_ms
from vigilar.rules.situation import Person, Situation, read_situation
from vigilar.rules.summary import Summary, read_summaries
from vigilar.store import decisions, owing
from vigilar.store.consumers import Change, Consumer
from vigilar.store.deliveries import NewDelivery
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, set_kept, veiled
from vigilar.store.incident_reading import seen_parts
from vigilar.store.owing import Surroundings
from vigilar.store.phones import PhoneRow, list_phones
from vigilar.store.veils import find_veil

logger = logging.getLogger(__name__)

LOCAL_FIRST_MS = 5_000
"""How long a page that is open has for an acknowledgement before phones are told. Figure of ``reliability.md`` (f)."""

PAGE_HOLDS_MS = 45_000
"""An open page that can sound says so every 20 s."""

SUMMARY_LIVES_MS = 12 * 3_600_000

UPDATE_WAIT_MS = 3_000
"""New words about an incident wait so long for still newer ones: a visit is named, grows and ends within seconds."""

_WITH_MODE = frozenset(
    {"motion", "alarm", "entry", "sensor_opened", "sensor_motion", "sensor_vibration", "sensor_glass"}
)
"""Types for which it matters whether the house is armed."""

Decide = Callable[[StoredEvent, Situation, NotifyRules], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """``shows_names``: locked screens show who and where. ``push_hosts`` are push services of the owner's own."""

    rules: NotifyRules = field(default_factory=NotifyRules)
    shows_names: bool = True
    push_hosts: tuple[str, ...] = ()
    ways: Ways = field(default_factory=Ways)


class NotifyDesk:
    """``handle`` and ``look`` raise StoreError; ``use`` and ``handle`` are for any thread. The lock (level 1) is held
    while a change is decided."""

    def __init__(
        self,
        store: Store,
        consumer: Consumer,
        clock: Clock,
        settings: DeskSettings,
        wake: Callable[[], None],
        decide: Decide = decide,
    ) -> None:
        self._store = store
        self._consumer = consumer
        self._clock = clock
        self._settings = settings
        self._wake = wake
        self._decide = decide
        self._deciding = threading.Lock()

    def use(self, settings: DeskSettings) -> None:
        """From the next change on."""
        self._settings = settings

    def house_ways(self) -> int:
        """By how many ways beside phones people are told."""
        ways = self._settings.ways
        return (ways.ntfy is not None) + (ways.email is not None)

    def handle(self, change: Change) -> None:
        """Decide of a change. The place is taken when this returns."""
        with self._deciding:
            self._decide_of(change.event, change)

    def look(self) -> None:
        """Decide anew what was to be looked at again by now; of rows that nobody decides meanwhile, as what has just
        ended must not be told as if it went on."""
        with self._deciding:
            for event in decisions.due_again(self._store, self._now_ms()):
                self._decide_of(event, None)

    def sum_up(self) -> None:
        """Owe the summaries of the day before that are due; each is owed once, however often this is called."""
        now_ms = self._now_ms()
        due = read_summaries(self._store, self._settings.rules, now_ms)
        phones = list_phones(self._store) if due else []
        owed = [
            _summary(one, phone, self._settings, now_ms)
            for one in due
            for phone in phones
            if phone.user_id == one.member_id
        ]
        if owed:
            owing.owe(self._store, self._consumer.node_id, owed, now_ms)
            self._wake()

    def _decide_of(self, event: StoredEvent, taken: Change | None) -> None:
        settings, now_ms = self._settings, self._now_ms()
        situation = read_situation(self._store, settings.rules, event, now_ms)
        decision = self._decide(event, situation, settings.rules)
        around = owing.read_surroundings(self._store, event, now_ms - PAGE_HOLDS_MS)
        before = decisions.find_decision(self._store, event.id)
        kept = decision if before is None else with_told(Decision.parse(before.decision), decision)
        case = _Case(self._store, event, situation, decision, around, settings, now_ms)
        outcome = owing.Outcome(
            decision=kept.dump(),
            look_again_ms=decision.look_again_ms if event.end_ms is None else None,
            rows=rows_of(decision),
            owed=list(_owed(case)),
            once=list(_actions(case)),
        )
        if any(action.kind == "keep" for action in decision.actions) and not event.kept:
            set_kept(self._store, event.id, kept=True, by="a rule", now_ms=now_ms)
        owing.write_outcome(self._store, self._consumer, event, outcome, now_ms, taken=taken)
        if outcome.owed or outcome.once:
            self._wake()

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class _Case:
    """One event with all that telling of it looks at."""

    store: Store
    event: StoredEvent
    situation: Situation
    decision: Decision
    around: Surroundings
    settings: DeskSettings
    now_ms: int

    @property
    def story(self) -> str:
        return story_of(self.event.incident_id, self.event.id)

    def told(self, person: Person | None) -> Told:
        """What is told to a member, or to the whole house: of the incident that part which this member may see, as on
        the pages, without the names of cameras that are hidden; of a danger that is told all the same no more than its
        line."""
        cameras = None if person is None else person.cameras
        event, around = veiled(self.event, find_veil(self.store, cameras)), self.around
        is_seen = cameras is None or not around.is_of_camera or event.source_id in cameras
        title = around.title
        if person is not None and cameras is not None:
            title = self._title_for(person) if is_seen else ""
        return Told(
            title=title or str(event.payload.get("title") or event.type.replace("_", " ").capitalize()),
            type=event.type,
            kind=event.kind,
            severity=event.severity,
            camera=event.source_id if around.is_of_camera and is_seen else "",
            ts_ms=event.ts_ms,
            event_id=event.id,
            incident_id=event.incident_id,
            mode=self.situation.mode,
            has_mode=event.type in _WITH_MODE,
            has_still=event.still_id is not None and is_seen,
            zones=event.zones if is_seen else (),
        )

    def _title_for(self, person: Person) -> str:
        """The line of the incident for who sees a part of it; empty without any."""
        incident_id = self.event.incident_id
        limits = EventFilter(cameras=person.cameras, of_house=person.role in SEES_HOUSE)
        parts = () if incident_id is None else seen_parts(self.store, incident_id, limits)
        return title_of(parts) if parts else ""

    def lives_until_ms(self, rule: str, *, is_critical: bool) -> int:
        """Until when what ``rule`` says of it is news."""
        waited_s = self.settings.rules.waits_s(rule)
        return lives_until_ms(self.event, self.now_ms, is_critical=is_critical, waited_s=waited_s)

    def acts_until_ms(self, rule: str) -> int:
        """Until when ``rule`` may still do something in the house."""
        return newest_moment_ms(self.event, self.now_ms, self.settings.rules.waits_s(rule)) + LIVES_MS["INFO"]


def _owed(case: _Case) -> Iterator[NewDelivery]:
    """What members and the ways of the house are told. What happened so long ago that it is no news is owed to nobody:
    a house that was off for a day does not tell of it at its start."""
    for telling in case.decision.tellings:
        if case.lives_until_ms(telling.rule, is_critical=telling.is_critical) <= case.now_ms:
            continue
        for phone in case.around.phones:
            if phone.user_id == telling.member_id:
                yield _push(case, telling, phone)
    yield from _house_ways(case)


def _summary(one: Summary, phone: PhoneRow, settings: DeskSettings, now_ms: int) -> NewDelivery:
    """Its words name no place: they are the same on a locked screen."""
    content = {
        "title": one.title,
        "body": one.body,
        "path": "/events",
        "tag": f"summary-{one.day}",
        "type": "summary",
        "kind": "",
        "severity": "INFO",
        "camera": "",
        "ts": now_ms,
        "event_id": one.newest_id,
        "incident_id": None,
        "still": "",
    }
    return NewDelivery(
        story=one.story,
        lane=_lane(phone, settings),
        way="push",
        target=f"phone-{phone.id}",
        device=f"{phone.name} ({phone.user_name})",
        content=content,
        is_loud=False,
        is_critical=False,
        next_try_ms=now_ms,
        expires_ms=now_ms + SUMMARY_LIVES_MS,
        topic=secrets.token_urlsafe(24),
        token=secrets.token_urlsafe(24),
        phone_id=phone.id,
        user_id=one.member_id,
    )


def _lane(phone: PhoneRow, settings: DeskSettings) -> str:
    try:
        return lane_of(parse_endpoint(phone.endpoint, settings.push_hosts))
    except BadSubscription:  # the settings had its host once: the sender says so
        return "push:unknown"


def _push(case: _Case, telling: Telling, phone: PhoneRow) -> NewDelivery:
    settings = case.settings
    person = next(one for one in case.situation.people if one.id == telling.member_id)
    content = make_content(case.told(person), case.situation.zone, shows_names=settings.shows_names)
    return NewDelivery(
        story=case.story,
        lane=_lane(phone, settings),
        way="push",
        target=f"phone-{phone.id}",
        device=f"{phone.name} ({phone.user_name})",
        content=content,
        is_loud=telling.is_loud,
        is_critical=telling.is_critical,
        next_try_ms=case.now_ms + _wait_ms(case, telling),
        expires_ms=case.lives_until_ms(telling.rule, is_critical=telling.is_critical),
        topic=secrets.token_urlsafe(24),
        token=secrets.token_urlsafe(24),
        phone_id=phone.id,
        user_id=telling.member_id,
        incident_id=case.event.incident_id,
        event_id=case.event.id,
    )


def _wait_ms(case: _Case, telling: Telling) -> int:
    """Local first: who has a page open that can sound is asked there, and gets the push when nothing is said. What is
    critical goes out at once: five seconds of smoke are worth more than a doubled bell."""
    if telling.is_critical:
        return 0
    if telling.is_update:
        return UPDATE_WAIT_MS
    return LOCAL_FIRST_MS if telling.member_id in case.around.listening else 0


def _house_ways(case: _Case) -> Iterator[NewDelivery]:
    """ntfy and e-mail, which belong to nobody alone: the loudest that anybody is told. What is secret goes to chosen
    members only: such a way may ring beside who was made to disarm."""
    if is_secret(case.event):
        return
    loudest = max(case.decision.tellings, key=lambda one: (one.is_critical, one.is_loud), default=None)
    if loudest is None or case.lives_until_ms(loudest.rule, is_critical=loudest.is_critical) <= case.now_ms:
        return
    ways = case.settings.ways
    if ways.ntfy is not None and _reaches(loudest, ways.ntfy.least):
        yield _house_way(case, "ntfy", "ntfy", loudest, "ntfy")
    if ways.email is not None and _reaches(loudest, ways.email.least):
        yield _house_way(case, "email", "email", loudest, "e-mail")


def _reaches(telling: Telling, least: Least) -> bool:
    return least == "all" or telling.is_critical or (least == "loud" and telling.is_loud)


def _house_way(case: _Case, way: str, lane: str, loudest: Telling, device: str) -> NewDelivery:
    content = make_content(case.told(None), case.situation.zone)
    return NewDelivery(
        story=case.story,
        lane=lane,
        way=way,
        target=way,
        device=device,
        content=content,
        is_loud=loudest.is_loud,
        is_critical=loudest.is_critical,
        next_try_ms=case.now_ms + (UPDATE_WAIT_MS if loudest.is_update else 0),
        expires_ms=case.lives_until_ms(loudest.rule, is_critical=loudest.is_critical),
        topic=secrets.token_urlsafe(24),
        token=secrets.token_urlsafe(24),
        incident_id=case.event.incident_id,
        event_id=case.event.id,
    )


def _actions(case: _Case) -> Iterator[NewDelivery]:
    """What rules do beside telling: once an event and rule, however often it is decided."""
    for action in case.decision.actions:
        if case.acts_until_ms(action.rule) <= case.now_ms:
            continue  # a siren that sounds because of yesterday helps nobody
        for lane, target, device in _ends_of(case, action):
            content = make_content(case.told(None), case.situation.zone)
            yield NewDelivery(
                story=f"event-{case.event.id}",
                lane=lane,
                way=action.kind,
                target=f"{target} {action.rule}",
                device=device,
                content={**content, "rule": action.rule, "params": action.params},
                is_loud=True,
                is_critical=False,
                next_try_ms=case.now_ms,
                expires_ms=case.acts_until_ms(action.rule),
                topic="",
                token=secrets.token_urlsafe(24),
                incident_id=case.event.incident_id,
                event_id=case.event.id,
            )


def _ends_of(case: _Case, action: Action) -> Iterator[tuple[str, str, str]]:
    """Lane, target and name for people of each thing that does the action."""
    match action.kind:
        case "webhook":
            for hook in case.settings.ways.webhooks:
                yield f"webhook:{hook.name}", f"webhook {hook.name}", f"webhook {hook.name}"
        case "record" if not case.around.is_of_camera:
            return
        case "siren" | "light" | "scene" | "record":
            yield BUS_LANE, action.kind, action.kind
