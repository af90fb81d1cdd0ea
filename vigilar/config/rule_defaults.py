"""The rules of a house that wrote none: nobody writes one to be told of a person at night."""

from __future__ import annotations

from typing import Any

from vigilar.config.rule_models import QuietTable, RuleTable

FIRST_OF_YEAR = "wildlife-first"
"""What a rule is about that `[wildlife] push_first_of_year` switches off."""

_NIGHT = {"from": "23:00", "to": "06:00"}

_RULES: tuple[dict[str, Any], ...] = (
    {
        "name": "Danger",
        "when": ["alarm", "smoke", "gas", "water", "glass"],
        "tell": ["everyone"],
        "level": "critical",
    },
    {
        "name": "Somebody came in while armed",
        "when": ["entry", "left-open", "tamper", "wrong-pin"],
        "tell": ["adults"],
        "level": "loud",
    },
    {
        "name": "Person while away",
        "when": ["person"],
        "modes": ["away"],
        "tell": ["adults"],
        "level": "loud",
        "again_after": "5m",
    },
    {
        "name": "Person outside while armed",
        "when": ["person"],
        "cameras": "outside",
        "modes": ["home", "night"],
        "tell": ["adults"],
        "level": "loud",
        "again_after": "5m",
    },
    {
        "name": "Person outside at night",
        "when": ["person"],
        "cameras": "outside",
        "modes": ["disarmed"],
        **_NIGHT,
        "tell": ["adults"],
        "level": "loud",
        "again_after": "5m",
    },
    {
        "name": "Person at a door by day",
        "when": ["person"],
        "cameras": "doors",
        "modes": ["disarmed"],
        "from": "06:00",
        "to": "23:00",
        "tell": ["adults"],
        "again_after": "10m",
    },
    {"name": "Everyone left without arming", "when": ["arm-suggested"], "tell": ["adults"]},
    {"name": "Camera down", "when": ["camera-down"], "lasts": "3m", "tell": ["owners"], "level": "loud"},
    {
        "name": "Footage in danger",
        "when": ["footage-lost", "recording-changed", "disk", "drive", "database", "part-failing"],
        "least": "alert",
        "tell": ["owners"],
        "level": "loud",
        "again_after": "1h",
    },
    {"name": "Power", "when": ["power"], "least": "alert", "tell": ["owners"], "level": "loud"},
    {
        "name": "The house needs a hand",
        "when": ["power", "backup", "holes"],
        "least": "notable",
        "tell": ["owners"],
        "again_after": "24h",
    },
    {"name": "Phone not reached", "when": ["phone"], "tell": ["owners"]},
    {
        "name": "Sensor needs a hand",
        "when": ["sensor-silent", "sensor-battery"],
        "tell": ["owners"],
        "again_after": "24h",
    },
    {"name": "First of the year", "when": [FIRST_OF_YEAR], "tell": ["everyone"]},
    {"name": "Anything else that is critical", "least": "critical", "tell": ["owners"], "level": "loud"},
)

DEFAULT_RULES = tuple(RuleTable.model_validate(one) for one in _RULES)
DEFAULT_QUIET = (QuietTable(),)
