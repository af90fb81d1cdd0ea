"""The forms of rules, quiet hours and profiles, turned into rows of the configuration file and back. What is empty is
left out, so that its default holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from vigilar.base.arm_rules import MODES
from vigilar.config.guard_models import DAYS, dump_days, parse_days
from vigilar.config.values import dump_duration
from vigilar.web.guard_form import number
from vigilar.web.problems import Problem

Form = MultiDict[str, str]

_TEXTS = ("least", "home", "level", "scene")
_SWITCHES = ("keep", "siren", "light", "webhook")
_MINUTES = {"lasts": 1440, "again_after": 1440}

DEFAULTS = {"least": "background", "home": "any", "level": "ordinary", "scene": ""}


def rule_of_form(form: Form, before: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``[[notify.rule]]``. ``before`` is the row that was there: what the form does not show stays."""
    row: dict[str, Any] = {"name": form.get("name", "").strip()}
    if not row["name"]:
        raise Problem(422, "rule.name", "Give the rule a name.", field="name")
    _put(row, "when", form.getlist("when"))
    for key in _TEXTS:
        _put(row, key, "" if form.get(key, "").strip() == DEFAULTS[key] else form.get(key, "").strip())
    for key, most in _MINUTES.items():
        minutes = number(form, key)
        if minutes is not None and minutes > most:
            raise Problem(422, "rule.minutes", f"At most {most} minutes.", field=key)
        _put(row, key, dump_duration(minutes * 60) if minutes else "")
    _put(row, "cameras", _cameras(form))
    _put(row, "zones", form.getlist("zones"))
    _put(row, "sensors", form.getlist("sensors"))
    modes = [mode for mode in MODES if mode in form.getlist("modes")]
    _put(row, "modes", [] if len(modes) == len(MODES) else modes)
    _put_span(row, form, may_lack=True)
    _put(row, "tell", form.getlist("tell"))
    record_s = number(form, "record")
    _put(row, "record", dump_duration(record_s) if record_s else "")
    for key in _SWITCHES:
        _put(row, key, form.get(key) == "1")
    if form.get("enabled") != "1":
        row["enabled"] = False
    for key in ("at_home", "not_at_home"):
        _put(row, key, before.get(key, []))
    return row


def quiet_of_form(form: Form) -> dict[str, Any]:
    """A row of ``[[notify.quiet]]``."""
    row: dict[str, Any] = {}
    _put_span(row, form, may_lack=False)
    _put(row, "for", form.getlist("for"))
    if not row.get("for"):
        raise Problem(422, "quiet.whom", "Choose whom they are for.", field="for")
    if row.get("from") == row.get("to"):
        raise Problem(
            422, "quiet.length", "Quiet hours end at another time than they begin.", field="to",
            next_step="To be told less at all times, let somebody hear less.",
        )  # fmt: skip
    return row


def profile_of_form(form: Form) -> dict[str, Any]:
    """A row of ``[[notify.profile]]``."""
    row: dict[str, Any] = {}
    _put(row, "for", form.getlist("for"))
    _put(row, "place", form.get("place", "any").replace("any", ""))
    modes = [mode for mode in MODES if mode in form.getlist("modes")]
    _put(row, "modes", [] if len(modes) == len(MODES) else modes)
    _put(row, "least", form.get("least", "ordinary").replace("ordinary", ""))
    per_day = number(form, "ordinary_per_day")
    if per_day is not None:
        row["ordinary_per_day"] = per_day
    if not row.get("for"):
        raise Problem(422, "profile.whom", "Choose whom it is for.", field="for")
    if "least" not in row and per_day is None:
        raise Problem(422, "profile.empty", "Choose what is left out: this changes nothing yet.", field="least")
    return row


def _cameras(form: Form) -> str | list[str]:
    wanted = form.get("cameras", "all")
    if wanted == "chosen":
        chosen = form.getlist("cameras_ids")
        if not chosen:
            raise Problem(422, "rule.cameras", "Tick at least one camera, or choose all.", field="cameras")
        return chosen
    return "" if wanted == "all" else wanted


def _put_span(row: dict[str, Any], form: Form, *, may_lack: bool) -> None:
    begin, end = form.get("from", "")[:5], form.get("to", "")[:5]
    if may_lack and not begin and not end:
        return
    days = [day for day in DAYS if day in form.getlist("days")]
    if not days:
        raise Problem(422, "rule.days", "Choose at least one day.", field="days")
    _put(row, "from", begin)
    _put(row, "to", end)
    found = dump_days(parse_days(days))
    _put(row, "days", "" if found == "every day" else found)


def _put(row: dict[str, Any], key: str, value: Any) -> None:
    if value or (value == 0 and value is not False):
        row[key] = value
