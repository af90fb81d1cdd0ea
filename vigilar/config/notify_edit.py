"""Changing who is told of what in the configuration file: rules, quiet hours, profiles, limits and what a
locked phone shows."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import tomlkit
import tomlkit.exceptions
from pydantic import ValidationError

from vigilar.config.blocks import without_table
from vigilar.config.edit import beyond_us, edit_text, parse_changed
from vigilar.config.explain import WrongValueError, explain_errors
from vigilar.config.guard_edit import check_version
from vigilar.config.load import read_config_file
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.rule_models import ProfileTable, QuietTable, RuleTable
from vigilar.config.table import Table

Row = Mapping[str, Any]

NOTIFY = "notify"
LISTS = ("rule", "quiet", "profile")
VALUES = ("ordinary_per_day", "summary", "lock_screen")
_TABLES: Mapping[str, type[Table]] = {"rule": RuleTable, "quiet": QuietTable, "profile": ProfileTable}


def rule_row(rule: RuleTable) -> dict[str, Any]:
    """A rule by its keys of the file; what is as always is left out."""
    return rule.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def notify_form(config: Config) -> dict[str, Any]:
    """Everything that ``set_notify`` may set, as it is in force."""
    plain = config.notify.model_dump(mode="json", by_alias=True, exclude_none=True, include={"quiet", "profile"})
    return {
        "ordinary_per_day": config.notify.per_day,
        "summary": f"{config.notify.summary_min // 60:02d}:{config.notify.summary_min % 60:02d}",
        "lock_screen": config.notify.lock_screen,
        "rule": [rule_row(one) for one in config.notify.rule],
        **plain,
    }


def with_notify(places: Places, changes: Mapping[str, Any]) -> Config:
    """The configuration as it would be with ``changes``; nothing is written. Raises ConfigError."""
    text = (read_config_file(places, may_lack=True) or b"").decode("utf-8-sig")
    return parse_changed(_change(places, text, _check_rows(changes)).encode(), str(places.config_file))


def set_notify(places: Places, changes: Mapping[str, Any], what: str, version: str = "") -> Config:
    """Set values and whole lists of ``[notify]``; what is not in ``changes`` stays. Rules keep their place and their
    comments by their names. ``version``: as in ``guard_edit.set_keys``. Raises ConfigError; the file is then as
    before."""

    changes = _check_rows(changes)
    check = partial(check_version, version=version)
    return edit_text(places, lambda text: _change(places, text, changes), what=what, check=check)


def _change(places: Places, text: str, changes: Mapping[str, Any]) -> str:
    try:
        return _changed(text, changes)
    except (tomlkit.exceptions.TOMLKitError, tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        raise beyond_us(places) from error


def _check_rows(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, with each row checked by itself before it comes near the file; a key that is None is one that is
    left out. Raises ConfigError with the first thing that is wrong."""
    clean = {
        key: [{name: value for name, value in row.items() if value is not None} for row in rows]
        for key, rows in changes.items()
        if key in _TABLES
    }
    for key, table in _TABLES.items():
        for number, row in enumerate(clean.get(key, ()), 1):
            try:
                table.model_validate(dict(row))
            except ValidationError as error:
                loc, what = next(iter(explain_errors(error, (NOTIFY, key))))
                name = row.get("name") if isinstance(row.get("name"), str) else ""
                where = ".".join(map(str, loc[2:]))
                who = f'{key} "{name[:60]}"' if name else f"{key} {number}"
                sentence = f"{who}: {where} {what}" if where else f"{who} {what}"
                raise WrongValueError(sentence, [(where.partition(".")[0], what)]) from error
    return {**changes, **clean}


def _changed(text: str, changes: Mapping[str, Any]) -> str:
    expected = tomllib.loads(text)
    wanted = {**expected.get(NOTIFY, {}), **{key: _plain(value) for key, value in changes.items()}}
    for key in LISTS:
        if key in changes:
            text = _with_rows(text, key, [dict(row) for row in changes[key]])
    doc = tomlkit.parse(text)
    for key in VALUES:
        if key in changes:
            _notify_table(doc)[key] = changes[key]
    text = tomlkit.dumps(doc)
    found = tomllib.loads(text)
    same = {key: value for key, value in found.items() if key != NOTIFY}
    if same != {key: value for key, value in expected.items() if key != NOTIFY} or not _is_same(
        found.get(NOTIFY, {}), wanted
    ):
        raise LookupError("the text would mean something else")
    return text


def _is_same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether both mean the same; the order of rules means nothing."""

    def in_order(table: Mapping[str, Any]) -> dict[str, Any]:
        rules = sorted(table.get("rule", ()), key=lambda row: str(row.get("name")))
        return {**table, "rule": rules}

    return in_order(found) == in_order(wanted)


def _plain(value: Any) -> Any:
    return [dict(row) for row in value] if isinstance(value, list | tuple) else value


def _with_rows(text: str, key: str, rows: Sequence[dict[str, Any]]) -> str:
    """The text with these ``[[notify.<key>]]``: what is gone is taken out, what stays is changed in place, what is new
    comes at the end."""
    listed = tomllib.loads(text).get(NOTIFY, {}).get(key, [])
    if listed == list(rows) and key in tomllib.loads(text).get(NOTIFY, {}):
        return text
    if f"[[{NOTIFY}.{key}]]" not in text.replace(" ", ""):
        text, listed = _without_key(text, key), []
    match = _by_name(listed, rows) if key == "rule" else list(range(min(len(listed), len(rows))))
    for index in reversed(range(len(listed))):
        if index not in match:
            text = without_table(text, (NOTIFY, key, index))
    kept = sorted(index for index in match if index is not None)
    if kept:
        doc = tomlkit.parse(text)
        tables: Any = doc[NOTIFY][key]
        for place, index in enumerate(kept):
            _fill(tables[place], rows[match.index(index)])
        text = tomlkit.dumps(doc)
    match += [None] * (len(rows) - len(match))
    new = [row for row, index in zip(rows, match, strict=True) if index is None]
    for row in new:
        block = tomlkit.dumps({NOTIFY: {key: [row]}}).replace(f"[{NOTIFY}]\n", "", 1).lstrip("\n")
        text = f"{text.rstrip()}\n\n{block}" if text.strip() else block
    return text if rows else _with_empty(text, key)


def _by_name(listed: Sequence[Row], rows: Sequence[Row]) -> list[int | None]:
    """Of each wanted rule the index of the one that is there: by its name, else by its place if that one is gone."""
    names = [str(row.get("name")) for row in listed]
    wanted = {str(row.get("name")) for row in rows}
    found: list[int | None] = []
    for place, row in enumerate(rows):
        name = str(row.get("name"))
        if name in names:
            found.append(names.index(name))
        elif len(rows) == len(listed) and names[place] not in wanted:
            found.append(place)  # it was renamed
        else:
            found.append(None)
    return found


def _fill(table: Any, row: Row) -> None:
    for name in [*table]:
        if name not in row:
            del table[name]
    for name, value in row.items():
        if name not in table or table[name] != value:
            table[name] = value


def _notify_table(doc: tomlkit.TOMLDocument) -> Any:
    if NOTIFY not in doc:
        doc[NOTIFY] = tomlkit.table()
    return doc[NOTIFY]


def _without_key(text: str, key: str) -> str:
    doc = tomlkit.parse(text)
    table: Any = doc.get(NOTIFY, {})
    if key not in table:
        return text
    del table[key]
    return tomlkit.dumps(doc)


def _with_empty(text: str, key: str) -> str:
    """The text that says that there are none: without the key those of the house would hold."""
    doc = tomlkit.parse(text)
    _notify_table(doc)[key] = []
    return tomlkit.dumps(doc)
