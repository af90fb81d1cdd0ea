"""Whether one rule holds for an event: its conditions in order, and the sentence of the first that does not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from vigilar.base.arm_rules import MODE_NAMES
from vigilar.base.day_spans import find_span
from vigilar.base.ids import SENSOR_PREFIX
from vigilar.base.notify_kinds import subjects_of
from vigilar.base.notify_rules import NotifyRules, Rule
from vigilar.rules.decision import Step
from vigilar.rules.situation import Person, Situation
from vigilar.rules.words import and_list, clock_at, hours_words, length_words, mode_words, rule_sentence
from vigilar.store.events import StoredEvent

SEVERITIES = ("INFO", "WARNING", "ALERT", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a rule that is about such events. ``step`` is its line in the trace: passed if the rule holds.
    ``reach``: how many conditions held. ``look_again_ms``: it may hold from then on."""

    rule: Rule
    step: Step
    reach: int = 0
    look_again_ms: int | None = None

    @property
    def holds(self) -> bool:
        return self.step.passed


def is_about(rule: Rule, event: StoredEvent) -> bool:
    """Whether the rule speaks of events like this one."""
    return speaks_of(rule.when, rule.least, event.type, event.kind, event.severity)


@lru_cache(maxsize=4096)
def speaks_of(when: tuple[str, ...], least: str, event_type: str, kind: str, severity: str) -> bool:
    """The same without an event; kept, as a preview asks it of each event of a week."""
    if when and not subjects_of(event_type, kind).intersection(when):
        return False
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def check_rule(rule: Rule, event: StoredEvent, situation: Situation, settings: NotifyRules) -> Outcome:
    """The rule, which is about such events, against the event as it is now."""
    for reach, (name, check) in enumerate(_CONDITIONS.items()):
        reason = check(rule, event, situation, settings)
        if reason:
            step = Step(name, False, f"“{rule.name}” did not hold: {reason}.")
            return Outcome(rule, step, reach=reach, look_again_ms=_look_again(name, rule, event, situation))
    step = Step("rule", True, f"“{rule.name}” holds. {rule_sentence(rule, settings)}")
    return Outcome(rule, step, reach=len(_CONDITIONS))


def names_person(names: tuple[str, ...], person: Person) -> bool:
    """Whether one of ``names`` (members and groups) stands for the member."""
    groups = {"everyone"} | _GROUPS_OF[person.role]
    own = person.name.casefold()
    return any(name in groups or name.casefold() == own for name in names)


_GROUPS_OF = {
    "owner": {"owners", "adults"},
    "adult": {"adults"},
    "child": {"children"},
    "guest": {"guests"},
}


def _enabled(rule: Rule, _event: StoredEvent, _now: Situation, _settings: NotifyRules) -> str:
    return "" if rule.enabled else "it is switched off"


def _where(rule: Rule, event: StoredEvent, _now: Situation, settings: NotifyRules) -> str:
    if rule.cameras is None and rule.place != "doors" and not rule.zones and not rule.sensors:
        return ""
    name = settings.camera_names.get(event.source_id) or place_of(event)
    if event.source_id.startswith(SENSOR_PREFIX):
        is_in = event.source_id.removeprefix(SENSOR_PREFIX) in rule.sensors
        return "" if is_in else f"it is not for {name}"
    if rule.sensors and rule.cameras is None and not rule.zones and rule.place != "doors":
        return "it is for sensors"
    if rule.cameras is not None and event.source_id not in rule.cameras:
        return f"it is not for {name}"
    if rule.place == "doors" and not is_at_door(event, settings):
        return f"{name} is not at a door"
    if rule.zones and not set(rule.zones) & set(event.zones):
        return f"it is for {and_list(rule.zones, 'or')}, and it was {_in_words(event.zones)}"
    return ""


def _in_words(zones: tuple[str, ...]) -> str:
    return f"in {and_list(zones)}" if zones else "in none of the zones"


def is_at_door(event: StoredEvent, settings: NotifyRules) -> bool:
    """A camera at a door, or a zone of one, where its zones say which part of the picture that is."""
    zones = [zone for camera, zone in settings.door_zones if camera == event.source_id]
    if zones:
        return bool(set(zones) & set(event.zones))
    return event.source_id in settings.doors


def place_of(event: StoredEvent) -> str:
    """What people call the place of an event."""
    return str(event.payload.get("camera_name") or event.payload.get("sensor_name") or event.source_id)


def _modes(rule: Rule, _event: StoredEvent, now: Situation, _settings: NotifyRules) -> str:
    if not rule.modes or now.mode in rule.modes:
        return ""
    was = "disarmed" if now.mode == "disarmed" else f"armed {MODE_NAMES.get(now.mode, now.mode)}"
    return f"it is for {mode_words(rule.modes)}, and the house was {was}"


def _hours(rule: Rule, event: StoredEvent, now: Situation, _settings: NotifyRules) -> str:
    hours = rule.hours
    if hours is None or find_span(hours.from_min, hours.to_min, hours.days, event.ts_ms, now.zone):
        return ""
    return f"it is for {hours_words(hours)}, and it was {clock_at(event.ts_ms, now.zone)}"


def _presence(rule: Rule, _event: StoredEvent, now: Situation, _settings: NotifyRules) -> str:
    if rule.presence == "nobody-home" and not now.is_nobody_home:
        return "it is for an empty house, and the phones did not say that everybody was out"
    if rule.presence == "somebody-home" and not now.is_somebody_home:
        return "it is for when somebody is at home, and no phone said so"
    for name in rule.at_home:
        if not any(names_person((name,), one) and one.place == "home" for one in now.people):
            return f"{name} was not known to be at home"
    for name in rule.not_at_home:
        if any(names_person((name,), one) and one.place != "away" for one in now.people):
            return f"{name} was not known to be out"
    return ""


def _lasts(rule: Rule, event: StoredEvent, now: Situation, _settings: NotifyRules) -> str:
    if not rule.lasts_s:
        return ""
    waits = length_words(rule.lasts_s)
    if not has_length(event):
        return f"it waits {waits}, and this has no length"
    if event.end_ms is not None and event.end_ms - event.ts_ms < rule.lasts_s * 1000:
        return f"it waits {waits}, and this was over after {length_words((event.end_ms - event.ts_ms) / 1000)}"
    if event.end_ms is None and now.now_ms - event.ts_ms < rule.lasts_s * 1000:
        return f"it waits until this has gone on for {waits}"
    return ""


def has_length(event: StoredEvent) -> bool:
    """Whether it has an end, or will."""
    return event.end_ms is not None or event.type == "motion" or event.payload.get("is_open") is True


def _again(rule: Rule, _event: StoredEvent, now: Situation, _settings: NotifyRules) -> str:
    held_ms = now.held.get(rule.name)
    if not rule.again_after_s or held_ms is None or now.now_ms - held_ms >= rule.again_after_s * 1000:
        return ""
    ago = length_words(max(0, now.now_ms - held_ms) / 1000)
    return f"it held here {ago} before, and holds once in {length_words(rule.again_after_s)}"


_Check = Callable[[Rule, StoredEvent, Situation, NotifyRules], str]
_CONDITIONS: dict[str, _Check] = {
    "enabled": _enabled,
    "where": _where,
    "armed": _modes,
    "hours": _hours,
    "presence": _presence,
    "lasts": _lasts,
    "again": _again,
}
"""Name of the step -> why it does not hold, empty if it does; in the order in which they are looked at."""


def _look_again(name: str, rule: Rule, event: StoredEvent, now: Situation) -> int | None:
    if name != "lasts" or event.end_ms is not None or not has_length(event):
        return None
    due_ms = event.ts_ms + rule.lasts_s * 1000
    return due_ms if due_ms > now.now_ms else None


def outcomes(event: StoredEvent, situation: Situation, settings: NotifyRules) -> Iterator[Outcome]:
    """Of each rule that is about such events, in the order of the settings."""
    for rule in settings.rules:
        if is_about(rule, event):
            yield check_rule(rule, event, situation, settings)
