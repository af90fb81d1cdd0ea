"""Decides of one event who is told how, what else is done, and says each step of why. Pure.

The notify process calls ``decide`` for each new or changed event, and again at ``look_again_ms``; the preview of a
changed rule replays it over stored events. One incident sounds once for each member: what comes later of it takes the
place of the push without a sound, unless it is told louder than before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vigilar.base.day_spans import find_span
from vigilar.base.notify_kinds import is_danger
from vigilar.base.notify_rules import LEVELS, Level, NotifyRules, Profile, Rule
from vigilar.base.visit_kinds import KIND_WORDS, MOTION
from vigilar.rules.conditions import Outcome, names_person, outcomes, place_of
from vigilar.rules.decision import TOLD, Action, Decision, Step, Telling
from vigilar.rules.duress import decide_duress, is_secret
from vigilar.rules.news import lives_until_ms, newest_moment_ms
from vigilar.rules.situation import Person, Situation
from vigilar.rules.snooze_words import snooze_words
from vigilar.rules.words import and_list, clock_at, hours_words, length_words, mode_words
from vigilar.store.events import StoredEvent
from vigilar.store.snoozes import Snooze
from vigilar.store.tellings import TellingRow

SAME_INCIDENT = "same incident"
"""In place of a rule's name: the event goes on with what the member was told of."""

SEES_HOUSE = frozenset({"owner", "adult"})
"""Roles that see events of no camera (``web.rights``: SEE_SYSTEM; a test keeps the two equal)."""


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything that the steps of a member look at. ``level`` is how the member would be told, by ``rule``, which
    waited ``waited_s`` for the event to last."""

    event: StoredEvent
    situation: Situation
    settings: NotifyRules
    person: Person
    rule: str
    level: Level
    is_update: bool
    waited_s: int


def decide(event: StoredEvent, situation: Situation, rules: NotifyRules) -> Decision:
    """What the rules say of ``event`` as it is now. Any thread.

    For each member of ``situation.people`` the trace in ``member_steps`` ends in one step: ``told``, which passed, or
    the one that stopped it.
    """
    if is_secret(event):
        return decide_duress(event, situation)
    about = Step("event", True, _about(event, situation))
    found = list(outcomes(event, situation, rules))
    if not found:
        found_steps: tuple[Step, ...] = (Step("rule", False, "No rule is about this."),)
    else:
        found_steps = tuple(one.step for one in found)
    held = [one.rule for one in found if one.holds]
    member_steps, tellings, limited = {}, [], []
    for person in situation.people:
        steps, telling = _decide_member(person, event, situation, rules, found)
        member_steps[person.id] = steps
        if telling is not None:
            tellings.append(telling)
        elif steps[-1].step == "limit":
            limited.append(person.id)
    waits = [one.look_again_ms for one in found if one.look_again_ms is not None]
    return Decision(
        steps=(about, *found_steps),
        member_steps=member_steps,
        tellings=tuple(tellings),
        actions=tuple(action for rule in held for action in _actions(rule, event)),
        held=tuple(rule.name for rule in held),
        look_again_ms=min(waits, default=None),
        limited=tuple(limited),
    )


def rows_of(decision: Decision) -> list[TellingRow]:
    """What ``store.tellings.write_tellings`` is to remember of a decision, in the transaction that stores it."""
    told = [TellingRow(one.member_id, one.rule, level_of(one)) for one in decision.tellings]
    limited = [TellingRow(member, "limit", "limited") for member in decision.limited]
    return [*told, *limited, *(TellingRow(None, rule, "rule") for rule in decision.held)]


def level_of(telling: Telling) -> Level:
    return "critical" if telling.is_critical else "loud" if telling.is_loud else "ordinary"


def _about(event: StoredEvent, situation: Situation) -> str:
    title = str(event.payload.get("title") or event.type.replace("_", " ").capitalize())
    score = f", {event.label_score:.0%} sure" if event.label_score is not None and event.kind in KIND_WORDS else ""
    return f"{title}, {clock_at(event.ts_ms, situation.zone)}{score}."


def _decide_member(
    person: Person, event: StoredEvent, situation: Situation, rules: NotifyRules, found: Sequence[Outcome]
) -> tuple[tuple[Step, ...], Telling | None]:
    mine = [one for one in found if names_person(one.rule.tell, person)]
    told_before = situation.told.get(person.id)
    best = max((one.rule for one in mine if one.holds), key=_loudness, default=None)
    if best is not None:
        level, name, waited_s = best.level, best.name, best.lasts_s
        is_update = told_before is not None and LEVELS.index(told_before) >= LEVELS.index(level)
        begin = Step("rule", True, f"“{best.name}” tells {and_list(best.tell)}.")
    elif told_before is not None and _goes_on(event):
        level, name, is_update, waited_s = told_before, SAME_INCIDENT, True, 0
        begin = Step("incident", True, f"It belongs to what {person.name} was told of before.")
    else:
        return (_no_rule(person, found, mine),), None
    case = _Case(event, situation, rules, person, name, level, is_update, waited_s)
    steps = [begin, *_until_stopped(case)]
    if not steps[-1].passed:
        return tuple(steps), None
    return (*steps, _told_step(case)), Telling(
        person.id, name, is_loud=level != "ordinary", is_critical=level == "critical", is_update=is_update
    )


def _loudness(rule: Rule) -> int:
    return LEVELS.index(rule.level)


def _goes_on(event: StoredEvent) -> bool:
    """Whether an event that no rule is about is worth a word to who knows the incident."""
    return is_recognised(event.kind)


def is_recognised(kind: str) -> bool:
    return kind in KIND_WORDS and kind != MOTION


def _no_rule(person: Person, found: Sequence[Outcome], mine: Sequence[Outcome]) -> Step:
    """Why none of the rules tells the member: the one that came closest."""
    if mine:
        return max(mine, key=lambda one: one.reach).step
    if any(one.holds for one in found):
        return Step("rule", False, f"No rule tells {person.name} of this.")
    return Step("rule", False, "No rule is about this." if not found else f"No rule tells {person.name} of this.")


def _until_stopped(case: _Case) -> Iterator[Step]:
    for check in _CHECKS:
        step = check(case)
        if step is not None:
            yield step
            if not step.passed:
                return


def _news(case: _Case) -> Step | None:
    """Whether it is one: an event may be decided late, or change days later, when somebody keeps it."""
    now_ms, is_critical = case.situation.now_ms, case.level == "critical"
    if case.is_update or lives_until_ms(case.event, now_ms, is_critical=is_critical, waited_s=case.waited_s) > now_ms:
        return None
    ago = length_words((now_ms - newest_moment_ms(case.event, now_ms, case.waited_s)) / 1000)
    return Step("late", False, f"It was over {ago} before this was decided, and no news any more.")


def _sees(case: _Case) -> Step | None:
    person, place = case.person, place_of(case.event)
    if is_danger(case.event.type):
        return Step("sees", True, "It may be a danger to everybody.")
    if not case.situation.is_of_camera:
        is_open = person.role in SEES_HOUSE
        return None if is_open else Step("sees", False, f"{person.name} does not see how the house is.")
    if person.cameras is None or case.event.source_id in person.cameras:
        return None
    return Step("sees", False, f"{person.name} does not see {place}.")


def _profile(case: _Case) -> Step | None:
    for profile in _profiles(case):
        if LEVELS.index(case.level) < LEVELS.index(profile.least):
            least = "loud" if profile.least == "loud" else "critical"
            return Step("profile", False, f"{_profile_words(profile)} only {least} ones come: this was {case.level}.")
    return None


def _profiles(case: _Case) -> list[Profile]:
    """Those that hold for the member now."""
    return [
        one
        for one in case.settings.profiles
        if names_person(one.whom, case.person)
        and one.place in ("any", case.person.place)
        and (not one.modes or case.situation.mode in one.modes)
    ]


def _profile_words(profile: Profile) -> str:
    place = {"any": "", "home": " at home", "away": " while out"}[profile.place]
    modes = f" while {mode_words(profile.modes)}" if profile.modes else ""
    return f"To {and_list(profile.whom)}{place}{modes}"


def _quiet(case: _Case) -> Step | None:
    now = case.situation
    for quiet in case.settings.quiet:
        hours = quiet.hours
        is_in = find_span(hours.from_min, hours.to_min, hours.days, now.now_ms, now.zone) is not None
        if is_in and names_person(quiet.whom, case.person):
            if case.level == "ordinary":
                return Step("quiet", False, f"Quiet hours {hours_words(hours)} stopped it.")
            return Step("quiet", True, f"Quiet hours {hours_words(hours)}: {case.level} ones come all the same.")
    return Step("quiet", True, "It was outside of quiet hours.") if case.settings.quiet else None


def _snooze(case: _Case) -> Step | None:
    for snooze in case.situation.snoozes:
        if not _is_snoozed(snooze, case):
            continue
        words = snooze_words(snooze, case.settings, case.situation.zone, "was")
        if case.level == "critical":
            return Step("snooze", True, f"{words}: critical ones come all the same.")
        return Step("snooze", False, f"{words}: that stopped it.")
    return Step("snooze", True, "It was not snoozed.")


def _is_snoozed(snooze: Snooze, case: _Case) -> bool:
    return snooze.user_id in (None, case.person.id) and snooze.camera_id in (None, case.event.source_id)


def _limit(case: _Case) -> Step | None:
    if case.level != "ordinary" or case.is_update:
        return None
    own = [one.per_day for one in _profiles(case) if one.per_day is not None]
    per_day = min(own, default=case.settings.per_day)
    sent = case.situation.ordinary_today.get(case.person.id, 0)
    if sent >= per_day:
        return Step(
            "limit",
            False,
            f"{case.person.name} had {sent} ordinary ones that day; from {per_day} on there is one summary.",
        )
    return Step("limit", True, f"It was number {sent + 1} of {per_day} ordinary ones that day.")


_CHECKS: tuple[Callable[[_Case], Step | None], ...] = (_news, _sees, _profile, _quiet, _snooze, _limit)
"""What may stop it, in order; None says nothing."""


def _told_step(case: _Case) -> Step:
    if case.is_update:
        return Step(TOLD, True, f"{case.person.name} is told in place of the push before, without a sound.")
    how = {"ordinary": "", "loud": " loudly", "critical": " at once, through everything"}[case.level]
    return Step(TOLD, True, f"{case.person.name} is told{how}.")


def _actions(rule: Rule, event: StoredEvent) -> Iterator[Action]:
    does = rule.does
    if does.keep:
        yield Action("keep", rule.name, {})
    if does.record_s:
        yield Action("record", rule.name, {"camera": event.source_id, "seconds": does.record_s})
    if does.siren:
        yield Action("siren", rule.name, {})
    if does.light:
        yield Action("light", rule.name, {})
    if does.webhook:
        yield Action("webhook", rule.name, {})
    if does.scene:
        yield Action("scene", rule.name, {"topic": does.scene})
