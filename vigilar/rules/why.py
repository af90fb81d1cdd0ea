"""Why an event was told to whom, or not: the stored decision and what became of each push; for an event of which none
is stored, that nobody was told, and what today's rules say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vigilar.base.notify_rules import NotifyRules
from vigilar.base.zone import load_zone
from vigilar.rules.decide import decide
from vigilar.rules.decision import TOLD, Decision, Step
from vigilar.rules.duress import SECRET_FOR_MS, is_secret
from vigilar.rules.situation import Person, Situation, read_people
from vigilar.rules.words import clock_at, length_words
from vigilar.store import cameras, decisions, deliveries, snoozes
from vigilar.store.arming import modes_since
from vigilar.store.deliveries import Delivery
from vigilar.store.engine import Store
from vigilar.store.events import StoredEvent, get_event
from vigilar.store.phones import list_phones

NOT_YET_MS = 10_000
"""An event this young may not have been decided yet."""

WAITS = "wait"
"""The only step of such an event."""

OF_EVENT = frozenset({"event", "decided", "then", WAITS})
"""Steps that tell of the event alone, and of no rule."""


@dataclass(frozen=True, slots=True)
class Push:
    """What became of one message. Times are UTC ms, None if it did not happen. ``member`` is empty for what is told to
    the whole house."""

    member_id: int | None
    member: str
    device: str
    state: str
    sent_ms: int | None
    shown_ms: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Why:
    """``steps`` of the event and its rules; ``members`` what each member's trace says, by name, in the order of the
    household; ``is_stored``: it was decided, and is not today's opinion."""

    steps: tuple[Step, ...]
    members: tuple[tuple[Person, tuple[Step, ...]], ...]
    pushes: tuple[Push, ...]
    is_stored: bool


def read_why(store: Store, settings: NotifyRules, event: StoredEvent, now_ms: int) -> Why:
    """Raises StoreError. Whether the asker may see the event is the caller's to ask."""
    people = read_people(store)
    stored = decisions.find_decision(store, event.id)
    if stored is None:
        return _not_decided(store, settings, event, people, now_ms)
    decision = Decision.parse(stored.decision)
    rows = _without_secret(store, deliveries.list_deliveries_of(store, event.id, event.incident_id), event, now_ms)
    names = {one.id: one.name for one in people}
    told = {member for member, steps in decision.member_steps.items() if steps and steps[-1].step == TOLD}
    zone = load_zone(settings.time_zone)
    begin = Step("decided", True, f"Decided at {clock_at(stored.decided_ms, zone)}.")
    return Why(
        steps=(*decision.steps, begin),
        members=tuple((one, _trace(one, decision)) for one in people),
        pushes=tuple(_pushes(rows, names, told, _late(store, rows, now_ms))),
        is_stored=True,
    )


def _without_secret(store: Store, rows: Sequence[Delivery], event: StoredEvent, now_ms: int) -> list[Delivery]:
    """Without what another event of the incident owes in secret, as long as that is one."""
    young = set()
    for event_id in {one.event_id for one in rows} - {event.id, None}:
        other = None if event_id is None else get_event(store, event_id)
        if other is not None and is_secret(other) and now_ms - other.ts_ms < SECRET_FOR_MS:
            young.add(event_id)
    return [one for one in rows if one.event_id not in young]


def _late(store: Store, rows: Sequence[Delivery], now_ms: int) -> set[int]:
    """Ids of messages that a phone took no note of until they were no news any more, of phones that otherwise say what
    they show: not every browser does."""
    speaks = {one.id for one in list_phones(store) if one.shown_ms is not None}
    return {one.id for one in rows if one.state == "accepted" and one.expires_ms <= now_ms and one.phone_id in speaks}


def _trace(person: Person, decision: Decision) -> tuple[Step, ...]:
    return decision.member_steps.get(person.id) or (
        Step("member", False, f"{person.name} was not in this household yet."),
    )


def _not_decided(
    store: Store, settings: NotifyRules, event: StoredEvent, people: tuple[Person, ...], now_ms: int
) -> Why:
    if now_ms - event.created_ms < NOT_YET_MS:
        step = Step(WAITS, False, "It is just being decided who is told.")
        return Why((step,), tuple((one, (step,)) for one in people), (), is_stored=False)
    decision = decide(event, _then(store, settings, event, people), settings)
    begin = Step("then", True, "Nobody was told: the house did not tell people then. Today's rules say:")
    return Why(
        steps=(begin, *decision.steps),
        members=tuple((one, _would(one, decision.member_steps[one.id])) for one in people),
        pushes=(),
        is_stored=False,
    )


def _would(person: Person, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The trace of what was not decided then ends in what stopped it: that nothing told."""
    if steps[-1].step != TOLD:
        return steps
    return (*steps[:-1], Step("then", False, f"{person.name} would be told today, and was not then."))


def _then(store: Store, settings: NotifyRules, event: StoredEvent, people: tuple[Person, ...]) -> Situation:
    """The house when the event happened, as far as it is known: not who was at home."""
    at_ms = event.ts_ms
    return Situation(
        now_ms=at_ms,
        zone=load_zone(settings.time_zone),
        mode=modes_since(store, at_ms)[0][1],
        people=tuple(replace(one, place="unknown") for one in people),
        is_of_camera=cameras.get_camera(store, event.source_id) is not None,
        snoozes=tuple(
            one
            for one in snoozes.snoozes_between(store, at_ms, at_ms)
            if snoozes.quiet_end_ms(store, one, at_ms) is None
        ),
    )


def _pushes(rows: Iterable[Delivery], names: Mapping[int, str], told: set[int], late: set[int]) -> Iterator[Push]:
    reached = set()
    for one in rows:
        member = "" if one.user_id is None else names.get(one.user_id, "")
        if one.user_id is not None:
            reached.add(one.user_id)
        yield Push(
            one.user_id,
            member,
            one.device,
            one.state,
            one.sent_ms,
            one.shown_ms,
            _sentence(one, is_late=one.id in late),
        )
    for member_id in sorted(told - reached):
        name = names.get(member_id, "")
        yield Push(member_id, name, "", "none", None, None, f"{name} has no phone here that could be told.")


def _sentence(one: Delivery, *, is_late: bool) -> str:
    """What became of a message, for people."""
    if is_late and one.shown_ms is None:
        return f"Sent to {one.device}, which has not said that it showed it: it was off, or cannot reach the house."
    took = None if one.shown_ms is None else length_of(one.shown_ms - one.created_ms)
    if took is not None:
        return f"Shown on {one.device} after {took}."
    words = {
        "owed": f"Waits to be sent to {one.device}.",
        "sent": f"On its way to {one.device}.",
        "accepted": f"Sent to {one.device}; whether it was shown is not known.",
        "acknowledged": "Taken note of on an open page before it was sent.",
        "expired": f"Not delivered to {one.device} while it was still news.",
        "failed": f"Could not be delivered to {one.device}.",
        "gone": f"{one.device} does not take pushes any more.",
    }
    return one.sentence or words.get(one.state, "")


def length_of(ms: int) -> str:
    """``0.8 s``, ``40 s``, ``3 min``."""
    return f"{max(0, ms) / 1000:.1f} s" if ms < 10_000 else length_words(ms / 1000)
