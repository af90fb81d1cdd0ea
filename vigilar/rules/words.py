"""Rules and their reasons in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from vigilar.base.arm_rules import MODE_NAMES
from vigilar.base.notify_kinds import WHEN
from vigilar.base.notify_rules import EVERY_DAY, GROUPS, Does, Hours, NotifyRules, Rule

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SEVERITY_WORDS = {"INFO": "background", "WARNING": "notable", "ALERT": "alert", "CRITICAL": "critical"}
_MANY = tuple((group,) for group in GROUPS if group != "everyone")
LEVEL_WORDS = {"ordinary": "quietly", "loud": "loudly", "critical": "at once, whatever else is set"}


def and_list(words: Iterable[str], joined: str = "and") -> str:
    """``a, b and c``."""
    found = list(words)
    return f"{', '.join(found[:-1])} {joined} {found[-1]}" if len(found) > 1 else "".join(found)


def when_words(rule: Rule) -> str:
    if not rule.when:
        return f"anything {_least_words(rule)}" if rule.least != "INFO" else "anything"
    words = and_list((WHEN[one].words for one in rule.when if one in WHEN), "or")
    if rule.lasts_s:
        words += f" for {length_words(rule.lasts_s)}"
    return words if rule.least == "INFO" else f"{words}, if {_least_words(rule)}"


def _least_words(rule: Rule) -> str:
    """Nothing is worse than critical."""
    return SEVERITY_WORDS[rule.least] + ("" if rule.least == "CRITICAL" else " or worse")


def where_words(rule: Rule, settings: NotifyRules) -> str:
    """Empty for everywhere."""
    found: list[str] = []
    if rule.place:
        found.append("at a door" if rule.place == "doors" else rule.place)
    elif rule.cameras is not None:
        names = [settings.camera_names.get(one, one) for one in rule.cameras]
        found.append(and_list(names, "or") or "no camera there is")
    if rule.zones:
        found.append(and_list(rule.zones, "or"))
    if rule.sensors:
        found.append(and_list(rule.sensors, "or"))
    return ", ".join(found)


def only_if_words(rule: Rule) -> str:
    """Empty for always."""
    found = [mode_words(rule.modes)] if rule.modes else []
    if rule.hours is not None:
        found.append(hours_words(rule.hours))
    if rule.presence != "any":
        found.append("nobody is home" if rule.presence == "nobody-home" else "somebody is home")
    if rule.at_home:
        found.append(f"{and_list(rule.at_home)} at home")
    if rule.not_at_home:
        found.append(f"{and_list(rule.not_at_home)} not at home")
    return ", ".join(found)


def tell_words(rule: Rule) -> str:
    """Whom and how, and what else it does."""
    are = "are" if len(rule.tell) > 1 or rule.tell[:1] in _MANY else "is"
    found = [f"{and_list(rule.tell)} {are} told {LEVEL_WORDS[rule.level]}"] if rule.tell else []
    return "; ".join([*found, *does_words(rule.does)])


def does_words(does: Does) -> list[str]:
    found = [
        ("footage is kept", does.keep),
        (f"recording for {length_words(does.record_s)}", does.record_s > 0),
        ("siren", does.siren),
        ("light", does.light),
        ("webhook", does.webhook),
        (f"scene {does.scene}", bool(does.scene)),
    ]
    return [words for words, is_on in found if is_on]


def rule_sentence(rule: Rule, settings: NotifyRules) -> str:
    """One sentence: ``Person (outside), only if armed Away: adults are told loudly.``"""
    where, only_if = where_words(rule, settings), only_if_words(rule)
    begin = when_words(rule) + (f" ({where})" if where else "") + (f", only if {only_if}" if only_if else "")
    again = f", at most every {length_words(rule.again_after_s)}" if rule.again_after_s else ""
    return f"{begin[:1].upper()}{begin[1:]}: {tell_words(rule)}{again}."


def mode_words(modes: Sequence[str]) -> str:
    if set(modes) == {"home", "night", "away"}:
        return "armed"
    armed = [MODE_NAMES.get(one, one) for one in modes if one != "disarmed"]
    words = [f"armed {and_list(armed, 'or')}"] if armed else []
    return and_list([*words, *(["disarmed"] if "disarmed" in modes else [])], "or")


def hours_words(hours: Hours) -> str:
    days = "" if hours.days == EVERY_DAY else f" {days_words(hours.days)}"
    return f"{clock(hours.from_min)} to {clock(hours.to_min)}{days}"


def days_words(days: Sequence[int]) -> str:
    if tuple(days) == EVERY_DAY:
        return "every day"
    named = {(0, 1, 2, 3, 4): "Mon to Fri", (5, 6): "Sat and Sun"}
    return named.get(tuple(days)) or and_list(DAY_NAMES[one] for one in days)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def clock_at(ms: int, zone: tzinfo) -> str:
    """``02:15``; ``02:15 CEST`` where the clock of the house shows the same an hour later or earlier."""
    at = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    comes_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return at.strftime("%H:%M %Z" if comes_twice else "%H:%M")


def length_words(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1 h``."""
    if seconds < 60:
        return f"{round(seconds)} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
