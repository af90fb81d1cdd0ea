"""The forms of arming, sensors and presence, turned into keys of the configuration file. What is empty goes back to its
default: the key is removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from vigilar.base.arm_rules import ARMED_MODES
from vigilar.config.guard_edit import Path, Wanted
from vigilar.config.guard_models import DAYS, dump_days, parse_days
from vigilar.config.values import dump_duration
from vigilar.web.problems import Problem

Form = MultiDict[str, str]

CHOSEN = "chosen"
"""In a choice: the list of what is ticked."""

ALLOWED = ("arm", "sensors", "presence")
"""Tables that these pages may change."""


def house_keys(form: Form) -> dict[Path, Wanted]:
    """``[arm]`` itself."""
    return {
        ("arm", "leave_delay"): seconds(form, "leave_delay"),
        ("arm", "enter_delay"): seconds(form, "enter_delay"),
        ("arm", "alarm_lasts"): seconds(form, "alarm_lasts"),
        ("arm", "bus"): form.get("bus") or None,
        ("arm", "suggest"): form.get("suggest") == "1",
    }


def mode_keys(form: Form, mode: str) -> dict[Path, Wanted]:
    """``[arm.<mode>]``."""
    if mode not in ARMED_MODES:
        raise Problem(422, "arm.mode", f"mode is one of {', '.join(ARMED_MODES)}.", field="mode")
    motion = form.get("motion_sensors", "")
    return {
        ("arm", mode, "cameras"): choice(form, "cameras"),
        ("arm", mode, "trigger"): form.get("trigger") or None,
        ("arm", mode, "sensors"): choice(form, "sensors"),
        ("arm", mode, "motion_sensors"): None if motion == "" else motion == "1",
        ("arm", mode, "leave_delay"): seconds(form, "leave_delay"),
        ("arm", mode, "enter_delay"): seconds(form, "enter_delay"),
    }


def schedule_row(form: Form) -> dict[str, Any]:
    """One ``[[arm.schedule]]``."""
    days = [day for day in DAYS if day in form.getlist("days")]
    if not days:
        raise Problem(422, "arm.days", "Choose at least one day.", field="days")
    return {
        "mode": form.get("mode", ""),
        "from": form.get("from", "")[:5],
        "to": form.get("to", "")[:5],
        "days": dump_days(parse_days(days)),
        "only_if": form.get("only_if", "always"),
        "enabled": form.get("enabled") == "1",
    }


def sensors_keys(form: Form) -> dict[Path, Wanted]:
    """``[sensors]``, without login."""
    host = form.get("host", "").strip() or None
    listen = form.get("listen", "").strip() or None
    return {
        ("sensors", "listen"): None if host else listen,
        ("sensors", "tls"): True if form.get("tls") == "1" else None,
        ("sensors", "zigbee2mqtt"): form.get("zigbee2mqtt", "").strip() or None,
        ("sensors", "host"): host,
        ("sensors", "port"): number(form, "port") if host else None,
        ("sensors", "silent_after"): _hours(form, "silent_after"),
        ("sensors", "low_battery"): number(form, "low_battery"),
    }


def presence_keys(form: Form) -> dict[Path, Wanted]:
    """``[presence]``."""
    minutes = number(form, "away_after")
    return {
        ("presence", "enabled"): form.get("enabled") == "1",
        ("presence", "away_after"): None if minutes is None else dump_duration(minutes * 60),
    }


def json_keys(changes: Mapping[str, Any]) -> dict[Path, Wanted]:
    """``{"arm.leave_delay": "45s"}`` of the API. Raises Problem 422."""
    found: dict[Path, Wanted] = {}
    for key, value in changes.items():
        path = tuple(key.split("."))
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if len(path) not in (2, 3) or path[0] not in ALLOWED or path[-1] in ("login", "schedule", "gpio"):
            raise Problem(422, "settings.unknown", f"{key[:60]!r} is no setting of this page.", field=key[:60])
        if not (value is None or is_list or isinstance(value, str | bool | int | float)):
            raise Problem(422, "settings.type", f"{key[:60]} cannot be this.", field=key[:60])
        found[path] = value
    return found


def choice(form: Form, name: str) -> str | list[str] | None:
    """``all``, ``none``, ... or the ids that are ticked; None for the default."""
    wanted = form.get(name, "")
    return form.getlist(f"{name}_ids") if wanted == CHOSEN else wanted or None


def seconds(form: Form, name: str) -> str | None:
    """A number of seconds as a time of the file."""
    found = number(form, name)
    return None if found is None else dump_duration(found)


def number(form: Form, name: str) -> int | None:
    """A whole number; None for an empty field. Raises Problem 422."""
    text = form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise Problem(422, "settings.number", "This takes a whole number.", field=name)
    return int(text)


def _hours(form: Form, name: str) -> str | None:
    found = number(form, name)
    return None if found is None else f"{found}h"
