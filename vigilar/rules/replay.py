"""What rules would have told of the past days: ``decide`` over stored events, with the situation of then as far as it
is known.

Known are the arm modes, the snoozes, and what the same rules would have told before. Not known is who was at home: a
rule that asks for it counts as if no phone had said anything. An event is taken as it is now: what it was in its first
second is not stored.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from vigilar.base.arm_rules import Mode
from vigilar.base.day_spans import house_day
from vigilar.base.notify_rules import Level, NotifyRules, Rule, louder
from vigilar.base.zone import load_zone
from vigilar.rules.conditions import is_about, speaks_of
from vigilar.rules.decide import decide, is_recognised, level_of
from vigilar.rules.decision import Decision
from vigilar.rules.duress import is_secret
from vigilar.rules.situation import COOL_DOWN_MS, Person, Situation, read_people
from vigilar.store import cameras, snoozes
from vigilar.store.arming import modes_since
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent
from vigilar.store.replay import Sort, past_events, past_sorts
from vigilar.store.snoozes import Snooze

DAYS = 7
DAY_MS = 86_400_000

WARM_UP_MS = 2 * COOL_DOWN_MS
"""So long before the seven days it begins: the limit of a day that is cut, and the longest cool-down of a rule, which
may have begun within another."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the past days, read once and replayed with several sets of rules. ``modes``: from when on which
    was in force. ``snoozes``: with the moment at which each had ended. What began before ``from_ms`` is decided, as
    limits and cool-downs go on from there, and is not counted."""

    events: tuple[StoredEvent, ...]
    people: tuple[Person, ...]
    modes: tuple[tuple[int, Mode], ...]
    snoozes: tuple[tuple[Snooze, int], ...]
    camera_ids: frozenset[str]
    from_ms: int = 0


@dataclass(slots=True)
class Replay:
    """What came of it. ``by_rule``: incidents of which each rule told somebody, or did its part. ``by_member``:
    incidents of which each member was told; ``ordinary`` those of them in the ordinary way. ``told``: by event that
    told somebody the names of who was told."""

    by_rule: Counter[str] = field(default_factory=Counter)
    by_member: Counter[int] = field(default_factory=Counter)
    ordinary: Counter[tuple[int, str]] = field(default_factory=Counter)
    told: dict[int, tuple[str, ...]] = field(default_factory=dict)


def read_past(store: Store, now_ms: int, rule_sets: Iterable[NotifyRules]) -> Past:
    """What is known of the last seven days, for all ``rule_sets``. Raises StoreError."""
    counted_from_ms = now_ms - DAYS * DAY_MS
    from_ms = counted_from_ms - WARM_UP_MS
    rules = [rule for one in rule_sets for rule in one.rules]
    sorts = {one for one in past_sorts(store, from_ms, now_ms) if _matters(one, rules)}
    found = past_events(store, from_ms, now_ms, sorts)
    held = [
        (one, min(_end_of(one), snoozes.quiet_end_ms(store, one, now_ms) or one.until_ms))
        for one in snoozes.snoozes_between(store, from_ms, now_ms)
    ]
    return Past(
        events=tuple(found),
        people=tuple(replace(one, place="unknown") for one in read_people(store)),
        modes=tuple(modes_since(store, from_ms)),
        snoozes=tuple(held),
        camera_ids=frozenset(one.id for one in cameras.list_cameras(store, with_removed=True)),
        from_ms=counted_from_ms,
    )


def _matters(sort: Sort, rules: Sequence[Rule]) -> bool:
    """Whether a rule may be about such an event, or a story that somebody was told of may go on with it."""
    event_type, kind, severity = sort
    return is_recognised(kind) or any(speaks_of(one.when, one.least, event_type, kind, severity) for one in rules)


def replay(past: Past, settings: NotifyRules) -> Replay:
    """Decide each event of the past by ``settings``, in the order of time. Pure. 20,000 events take about a second."""
    ledger = _Ledger(past, load_zone(settings.time_zone))
    for event in past.events:
        if is_secret(event):
            continue  # counted nowhere, so that no figure betrays it
        if ledger.knows(event) or any(is_about(rule, event) for rule in settings.rules):
            ledger.take(event, settings)
    return ledger.result


class _Ledger:
    """What the rules would have told so far."""

    def __init__(self, past: Past, zone: tzinfo) -> None:
        self.result = Replay()
        self._past = past
        self._zone = zone
        self._names = {one.id: one.name for one in past.people}
        self._mode_starts = [at for at, _ in past.modes]
        self._told: dict[int, dict[int, Level]] = {}
        self._today: Counter[int] = Counter()
        self._day = ""
        self._held: dict[tuple[str, str], tuple[int, int]] = {}
        self._counted: set[tuple[str, int]] = set()

    def knows(self, event: StoredEvent) -> bool:
        return _incident(event) in self._told

    def take(self, event: StoredEvent, settings: NotifyRules) -> None:
        decision = decide(event, self._situation(event, event.ts_ms), settings)
        again_ms = decision.look_again_ms
        if again_ms is not None and (event.end_ms is None or event.end_ms >= again_ms):
            decision = decide(event, self._situation(event, again_ms), settings)
        self._note(event, decision)

    def _situation(self, event: StoredEvent, now_ms: int) -> Situation:
        day = house_day(event.ts_ms, self._zone).isoformat()
        if day != self._day:
            self._day = day
            self._today.clear()
        return Situation(
            now_ms=now_ms,
            zone=self._zone,
            mode=self._mode_at(now_ms),
            people=self._past.people,
            is_of_camera=event.source_id in self._past.camera_ids,
            snoozes=tuple(one for one, end_ms in self._past.snoozes if one.start_ms <= now_ms < end_ms),
            ordinary_today=self._today,
            told=self._told.get(_incident(event), {}),
            held=self._held_of(event, now_ms),
        )

    def _mode_at(self, now_ms: int) -> Mode:
        return self._past.modes[max(0, bisect.bisect_right(self._mode_starts, now_ms) - 1)][1]

    def _held_of(self, event: StoredEvent, now_ms: int) -> Mapping[str, int]:
        return {
            rule: at
            for (rule, source), (at, incident) in self._held.items()
            if source == event.source_id and incident != _incident(event) and now_ms - at < COOL_DOWN_MS
        }

    def _note(self, event: StoredEvent, decision: Decision) -> None:
        incident = _incident(event)
        told = self._told.setdefault(incident, {}) if decision.tellings else {}
        result = self.result if event.ts_ms >= self._past.from_ms else Replay()
        for one in decision.tellings:
            level = level_of(one)
            if one.member_id not in told:
                result.by_member[one.member_id] += 1
                if level == "ordinary":
                    self._today[one.member_id] += 1
                    result.ordinary[one.member_id, self._day] += 1
            told[one.member_id] = louder(level, told.get(one.member_id, level))
        anew = [one for one in decision.tellings if not one.is_update]
        for rule in {one.rule for one in anew} | {one.rule for one in decision.actions}:
            if (rule, incident) not in self._counted:
                self._counted.add((rule, incident))
                result.by_rule[rule] += 1
        for rule in decision.held:
            self._held[rule, event.source_id] = (event.ts_ms, incident)
        if anew:
            result.told[event.id] = tuple(self._names[one.member_id] for one in anew)


def compare(before: Replay, after: Replay, events: Sequence[StoredEvent]) -> list[tuple[StoredEvent, str]]:
    """The events whose telling changes, newest first: ``comes`` or ``goes`` (also where other people are told)."""
    changed = []
    for event in reversed(events):
        old, new = before.told.get(event.id, ()), after.told.get(event.id, ())
        if set(new) - set(old):
            changed.append((event, "comes"))
        elif set(old) - set(new):
            changed.append((event, "goes"))
    return changed


def _incident(event: StoredEvent) -> int:
    return event.incident_id if event.incident_id is not None else -event.id


def _end_of(snooze: Snooze) -> int:
    return snooze.until_ms if snooze.ended_ms is None else snooze.ended_ms
