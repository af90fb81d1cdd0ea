"""The page of notifications: rules as sentences with what they told last week, quiet hours, limits, snoozes. The
configuration file is the truth. All of it works without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.arm_rules import MODE_NAMES
from vigilar.base.notify_kinds import offered
from vigilar.base.notify_rules import GROUPS, NotifyRules, Rule
from vigilar.config.guard_models import DAYS, dump_clock, parse_days
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.notify_cut import notify_rules
from vigilar.config.notify_edit import notify_form, set_notify
from vigilar.config.values import parse_duration
from vigilar.rules import words
from vigilar.rules.conditions import names_person
from vigilar.rules.situation import Person, read_people
from vigilar.rules.snooze_words import snooze_words
from vigilar.store import sensors as sensor_rows
from vigilar.store.arming import read_state
from vigilar.store.tellings import told_between
from vigilar.web import guard_form, rule_form
from vigilar.web.auth import asker
from vigilar.web.deeds import note_deed, note_nothing
from vigilar.web.event_words import event_title
from vigilar.web.own_ways import test_way, way_lines
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs, own_account, signed_in
from vigilar.web.rule_preview import MOST_EVENTS, Preview, preview_of
from vigilar.web.settings_file import edit_settings, page_values, places_of
from vigilar.web.shown_form import ShownForm, forms_of, told_here
from vigilar.web.snoozing import SnoozeWish, end_by_asker, snooze_by_asker, visible_snoozes
from vigilar.web.visible import SECRET_TYPES, visible_cameras

bp = Blueprint("notifications", __name__)

PATH = "/settings/notifications"
DAY_NAMES = dict(zip(DAYS, words.DAY_NAMES, strict=True))
WEEK_MS = 7 * 86_400_000

_NEW = {"name": "", "when": ["person"], "tell": ["adults"]}


@bp.get("/settings/notifications")
@signed_in
def page() -> str:
    """Each member's phones and snoozes; rules, quiet hours and limits for who may know of the whole house."""
    return _page()


@bp.post("/settings/notifications")
@needs(Right.CHANGE_ARMING)
def change() -> AnyResponse:
    """One section of the page: limits, quiet hours, or profiles."""
    form = request.form
    section, version = form.get("section", ""), form.get("version", "")
    try:
        what, changes = _section(section, form)
        edit_settings(parts(), lambda places: set_notify(places, changes, what, version), PATH)
        note_deed("rules_changed", detail=what)
    except Problem as problem:
        return refused_page(problem, _sent_form(section, form.get("was", "")))
    return _back(section)


@bp.get("/settings/notifications/rule")
@needs(Right.CHANGE_ARMING)
def rule_page() -> str:
    """The form of one rule, ``?number=`` from 1; without it a new one."""
    here = parts()
    _, row = _row_of(load_config(places_of(here)), request.args.get("number", ""))
    return _rule_page(row, request.args.get("number", ""))


@bp.post("/settings/notifications/rule")
@needs(Right.CHANGE_ARMING)
def change_rule() -> AnyResponse:
    """Show what would change (``do=preview``), save (``do=save``), or remove (``do=remove``)."""
    here, form = parts(), request.form
    number, version, what_to_do = form.get("number", ""), form.get("version", ""), form.get("do", "save")
    config = load_config(places_of(here))
    row: dict[str, Any] = dict(_NEW)
    try:
        place, row = _row_of(config, number)
        rows = notify_form(config)["rule"]
        if what_to_do == "remove":
            new = [one for index, one in enumerate(rows) if index != place]
            said = f"the rule {row['name']} was removed"
        else:
            typed = rule_form.rule_of_form(form, row)
            if any(one["name"] == typed["name"] for index, one in enumerate(rows) if index != place):
                raise Problem(422, "rule.name", "There is a rule of this name already.", field="name")
            new = [*rows, typed] if place is None else [*rows[:place], typed, *rows[place + 1 :]]
            said = f"the rule {typed['name']}"
        if what_to_do == "preview":
            note_nothing()
            return Response(_rule_page(typed, number, preview=preview_of(here, asker().id, {"rule": new})))
        edit_settings(here, lambda places: set_notify(places, {"rule": new}, said, version), PATH)
        note_deed("rules_changed", detail=said)
    except Problem as problem:
        return _refused_rule(problem, row, number)
    return _back("rules")


@bp.post("/settings/notifications/ways/test")
@needs(Right.CHANGE_ARMING)
def try_way() -> AnyResponse:
    lane = request.form.get("way", "")
    address = test_way(lane)
    note_nothing()
    return Response(status=303, headers={"Location": address})


@bp.post("/settings/notifications/snooze")
@own_account
def snooze() -> AnyResponse:
    """One of the offered lengths, for one camera or all."""
    form = request.form
    kind, _, value = form.get("how", "").partition(":")
    wish = SnoozeWish(
        camera_id=form.get("camera") or None,
        minutes=int(value) if kind == "minutes" and value.isdigit() else None,
        until=form.get("until", "07:00")[:5] if kind == "until" else "",
        quiet_minutes=int(value) if kind == "quiet" and value.isdigit() else None,
        for_all=form.get("for_all") == "1",
    )
    return _snoozed(lambda: snooze_by_asker(parts(), asker(), wish), "snooze")


@bp.post("/settings/notifications/snooze/<int:snooze_id>/end")
@own_account
def end_snooze(snooze_id: int) -> AnyResponse:
    return _snoozed(lambda: end_by_asker(parts(), asker(), snooze_id), "")


def _snoozed(do: Callable[[], object], name: str) -> AnyResponse:
    try:
        do()
    except Problem as problem:
        return refused_page(problem, name)
    return Response(status=303, headers={"Location": f"{PATH}#snooze"})


def refused_page(problem: Problem, name: str) -> AnyResponse:
    """The page after a refusal; the form ``name`` of it stands open with what was typed. Empty: what was sent is none
    of its forms, and the sentence stands at the top."""
    return Response(_page(told_here(problem), name), problem.status, mimetype="text/html")


def _sent_form(section: str, was: str) -> str:
    """The name of the form that was sent. A row is known by what it ``was``: others may have moved it; what was typed
    for one that is gone stands in the form of a new one."""
    key, _, action = section.partition("-")
    if action != "set":
        return section if section in ("limits", "lock", "quiet-add", "profile-add") else ""
    notify = load_config(places_of(parts())).notify
    rows = {"quiet": [str(one) for one in notify.quiet], "profile": [str(one) for one in notify.profile]}
    if key not in rows:
        return ""
    return f"{section}-{rows[key].index(was)}" if was in rows[key] else f"{key}-add"


def _refused_rule(problem: Problem, row: dict[str, Any], number: str) -> AnyResponse:
    """The form of a rule with what was typed; when others changed the rules meanwhile, at the place it has now."""
    if problem.code in ("settings.changed", "rule.unknown"):
        rows = notify_form(load_config(places_of(parts())))["rule"]
        place = next((place for place, one in enumerate(rows) if one["name"] == request.form.get("was")), None)
        row, number = (dict(_NEW), "") if place is None else (rows[place], str(place + 1))
    page = _rule_page(row, number, problem=told_here(problem))
    return Response(page, problem.status, mimetype="text/html")


def _back(section: str) -> AnyResponse:
    return Response(status=303, headers={"Location": f"{PATH}?saved=1#{section.partition('-')[0] or 'top'}"})


def _section(section: str, form: rule_form.Form) -> tuple[str, dict[str, Any]]:
    """What is changed, for people, and the change."""
    if section == "limits":
        per_day = guard_form.number(form, "ordinary_per_day")
        if per_day is None:
            raise Problem(422, "settings.number", "Say how many a day; 0 for none.", field="ordinary_per_day")
        return "the daily limit", {"ordinary_per_day": per_day, "summary": form.get("summary", "")[:5]}
    if section == "lock":
        return "what a locked phone shows", {"lock_screen": form.get("lock_screen", "")}
    now = notify_form(load_config(places_of(parts())))
    key, _, action = section.partition("-")
    makers = {"quiet": rule_form.quiet_of_form, "profile": rule_form.profile_of_form}
    if key not in makers:
        raise Problem(422, "settings.unknown", "There is no such part of the settings.", field="section")
    rows, what = list(now[key]), "quiet hours" if key == "quiet" else "who hears less"
    if action == "add":
        return what, {key: [*rows, makers[key](form)]}
    index = guard_form.number(form, "index")
    if index is None or index >= len(rows):
        raise Problem(404, "settings.unknown", "There is no such row.", field="index")
    if form.get("remove") == "1":
        del rows[index]
    else:
        rows[index] = makers[key](form)
    return what, {key: rows}


def _row_of(config: Config, number: str) -> tuple[int | None, dict[str, Any]]:
    """Place and row of a rule; no place and what a new one begins with for none. Raises Problem 404."""
    if not number:
        return None, dict(_NEW)
    rows = notify_form(config)["rule"]
    if not (number.isascii() and number.isdigit() and len(number) < 5 and 1 <= int(number) <= len(rows)):
        raise Problem(404, "rule.unknown", "There is no such rule.", next_step="Look at the list again.")
    return int(number) - 1, rows[int(number) - 1]


def _page(problem: Problem | None = None, sent: str = "") -> str:
    here, me = parts(), asker()
    now_ms = here.now_ms()
    config = load_config(places_of(here))
    settings = notify_rules(config)
    sees_rules = me.may(Right.SEE_SYSTEM) and me.cameras is None
    people = read_people(here.store)
    preview = preview_of(here, me.id, {}) if sees_rules else None
    return render_template(
        "notifications.html",
        sees_rules=sees_rules,
        may_change=me.may(Right.CHANGE_ARMING),
        ways=way_lines() if me.may(Right.CHANGE_ARMING) else [],
        is_armed=not read_state(here.store).is_quiet,
        rules=[_shown(one, settings, people, preview) for one in settings.rules] if sees_rules else [],
        told=told_between(here.store, me.id, now_ms - WEEK_MS, now_ms, SECRET_TYPES),
        would=preview.after if preview else 0,
        notify=config.notify,
        snoozes=[(one, snooze_words(one, settings, here.zone)) for one in visible_snoozes(here, me)],
        mine=me.id,
        snooze_choices=[("", "everything"), *((one.id, one.name) for one in visible_cameras(me).all())],
        form_of=forms_of(problem, sent, request.form),
        **_choices(people),
        **{**page_values(here, problem, PATH), "problem": None if sent else problem},
    )


def _choices(people: tuple[Person, ...]) -> dict[str, Any]:
    return {
        "names": [*GROUPS, *(one.name for one in people)],
        "days": DAYS,
        "day_names": DAY_NAMES,
        "days_of": lambda numbers: [DAYS[one] for one in numbers],
        "days_words": words.days_words,
        "clock_of": dump_clock,
        "mode_names": MODE_NAMES,
        "and_list": words.and_list,
        "mode_words": words.mode_words,
    }


def _shown(rule: Rule, settings: NotifyRules, people: tuple[Person, ...], preview: Preview | None) -> dict[str, Any]:
    """A rule as the page shows it, with who in it is nobody."""
    named = (*rule.tell, *rule.at_home, *rule.not_at_home)
    unknown = [name for name in named if name not in GROUPS and not any(names_person((name,), one) for one in people)]
    counts = {name: after for name, _, after in preview.rules} if preview else {}
    return {
        "name": rule.name,
        "sentence": words.rule_sentence(rule, settings),
        "level": rule.level,
        "enabled": rule.enabled,
        "count": counts.get(rule.name, 0),
        "unknown": unknown,
        "is_nowhere": (rule.cameras == () and not rule.sensors)
        or (rule.place == "doors" and not settings.doors and not settings.door_zones),
    }


def _rule_page(
    row: dict[str, Any], number: str, *, problem: Problem | None = None, preview: Preview | None = None
) -> str:
    here = parts()
    config = load_config(places_of(here))
    people = read_people(here.store)
    names = [*GROUPS, *(one.name for one in people)]
    names += [name for name in row.get("tell", []) if name not in names]
    return render_template(
        "rule.html",
        row=row,
        number=number,
        was=request.form.get("was", row["name"]),
        form=ShownForm(problem, request.form) if problem else ShownForm(),
        preview=preview,
        preview_events=[
            (event.id, event_title(event), event.ts_ms, change, words.and_list(who))
            for event, change, who in preview.changes[:MOST_EVENTS]
        ]
        if preview
        else [],
        when=offered(),
        minutes_of=lambda text: round(parse_duration(text) / 60) if text else "",
        seconds_of=lambda text: round(parse_duration(text)) if text else "",
        parse_days=parse_days,
        cameras={camera.id: camera.name for camera in config.cameras},
        zones=sorted({zone.name for camera in config.cameras for zone in camera.zones if zone.role == "include"}),
        sensors={one.id: one.name for one in sensor_rows.list_sensors(here.store)},
        **{**_choices(people), "names": names},
        **{**page_values(here, problem, PATH), "problem": None},
    )
