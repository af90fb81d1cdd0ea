"""What is wrong with a form, in the words of its page: the settings file's own names and units are for who writes that
file, and for the log. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

LABELS: Mapping[str, str] = {
    "address": "Address",
    "after": "After",
    "again_after": "At most once in",
    "alarm_lasts": "How long an alarm sounds",
    "away_after": "A phone has left after",
    "before": "Before",
    "daily": "Every day at",
    "days": "Days on which it begins",
    "enter_delay": "Time to disarm",
    "for": "For",
    "from": "From",
    "host": "Broker",
    "lasts": "It has gone on for",
    "leave_delay": "Time to leave",
    "length": "How long",
    "listen": "Where it reaches this box",
    "low_battery": "A battery is low below",
    "name": "Name",
    "ordinary_per_day": "Ordinary ones",
    "port": "Port",
    "record": "Record the camera for",
    "scene": "Send a message to this topic",
    "sensors": "Sensors",
    "silent_after": "A sensor is silent after",
    "summary": "Summary at",
    "tell": "Tell",
    "to": "To",
    "zigbee2mqtt": "Its base topic",
}
"""Keys of the file, and what their fields are labelled, as far as all pages agree on it."""

_CHOICES = frozenset(
    {"bus", "cameras", "home", "least", "level", "lock_screen", "mode", "modes", "only_if", "place", "sensors",
     "trigger", "when", "zones"}
)  # fmt: skip
"""Fields that offer what there is: who sends something else has an old page, or none."""

_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_WORDS = (
    (re.compile(r'"?\b(\d+)([smhd])\b"?'), lambda found: _amount(int(found[1]), _UNITS[found[2]])),
    (re.compile(r" in quotes, such as \"(\d\d:\d\d)\""), lambda found: f", such as {found[1]}"),
    (
        re.compile(r"a topic of letters.*"),
        lambda _: "a topic of letters, digits, dots, dashes, underscores and slashes, not below vigilar/",
    ),
)


def form_sentence(wrongs: Sequence[tuple[str, str]]) -> str:
    """A sentence for each key that is wrong, given with the end of the file's sentence about it; empty where one of
    them is in no form."""
    if not all(key in LABELS or key in _CHOICES for key, _ in wrongs):
        return ""
    return " ".join(dict.fromkeys(_sentence(key, what) for key, what in wrongs))


def _sentence(key: str, what: str) -> str:
    if key in _CHOICES:
        return "Choose one of those that are offered."
    for pattern, said in _WORDS:
        what = pattern.sub(said, what)
    return f"“{LABELS[key]}” {what}."


def _amount(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
