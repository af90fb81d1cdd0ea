"""Changing what guards the house in the configuration file: keys of any table, and the rows of the schedule."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from vigilar.base.errors import ConfigError, ErrorKind, ExitCode
from vigilar.config.blocks import without_table
from vigilar.config.edit import Value, beyond_us, edit_document, edit_text, put_value
from vigilar.config.load import read_config_file
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.undo import version_of

Path = tuple[str, ...]
Wanted = Value | list[str] | None
"""What a key may become; None removes it, so that its default holds."""

_SCHEDULE = ("arm", "schedule")


def read_version(places: Places) -> str:
    """Names the file as it is now. Raises ConfigError when it cannot be read."""
    return version_of(read_config_file(places, may_lack=True) or b"")


def set_keys(places: Places, changes: Mapping[Path, Wanted], what: str, version: str = "") -> Config:
    """Set keys by their way through the tables, all or none. ``version``: what was looked at, else ConfigError (409 in
    pages, ``settings.changed``). Raises ConfigError."""

    def change(doc: tomlkit.TOMLDocument, _config: Config) -> None:
        for path, value in changes.items():
            table: Any = doc
            for name in path[:-1]:
                if name not in table:
                    if value is None:
                        break
                    table[name] = tomlkit.table()
                table = table[name]
            else:
                put_value(table, path[-1], value)

    return edit_document(places, change, what=what, check=lambda data: check_version(data, version))


def add_schedule(places: Places, row: Mapping[str, Value | list[str]], what: str, version: str = "") -> Config:
    """Append a row of the schedule. Raises ConfigError; the file is then as before."""
    block = tomlkit.dumps({"arm": {"schedule": [dict(row)]}}).replace("[arm]\n", "", 1).lstrip("\n")

    def change(text: str) -> str:
        if isinstance(tomllib.loads(text).get("arm", {}).get("schedule"), list) and "[[arm.schedule]]" not in text:
            raise beyond_us(places)  # one list in one line: a second way to write it would not be read
        return f"{text.rstrip()}\n\n{block}" if text.strip() else block

    return edit_text(places, change, what=what, check=lambda data: check_version(data, version))


def change_schedule(
    places: Places, index: int, row: Mapping[str, Value | list[str]], what: str, version: str = ""
) -> Config:
    """Set the keys of one row, counted from 0. Raises ConfigError."""

    def change(doc: tomlkit.TOMLDocument, config: Config) -> None:
        if not 0 <= index < len(config.arm.schedule):
            raise _no_row()
        tables: Any = doc["arm"]["schedule"]
        for key, value in row.items():
            put_value(tables[index], key, value)

    return edit_document(places, change, what=what, check=lambda data: check_version(data, version))


def remove_schedule(places: Places, index: int, what: str, version: str = "") -> Config:
    """Take one row out; comments before and behind it stay. Raises ConfigError."""

    def change(text: str) -> str:
        expected = tomllib.loads(text)
        rows = expected.get("arm", {}).get("schedule", [])
        if not 0 <= index < len(rows):
            raise _no_row()
        del rows[index]
        changed = without_table(text, (*_SCHEDULE, index))
        if not _reads_as(changed, expected):
            raise beyond_us(places)
        return changed

    return edit_text(places, change, what=what, check=lambda data: check_version(data, version))


def _reads_as(text: str, expected: dict[str, Any]) -> bool:
    try:
        return _plain(tomllib.loads(text)) == _plain(expected)
    except tomllib.TOMLDecodeError:
        return False


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Without an empty schedule, and an ``[arm]`` that holds nothing else."""
    arm = {key: value for key, value in content.get("arm", {}).items() if key != "schedule" or value}
    return {**{key: value for key, value in content.items() if key != "arm"}, **({"arm": arm} if arm else {})}


def check_version(data: bytes, version: str) -> None:
    """Refuse when the file is not the one that was looked at. Raises ConfigError (``settings.changed``)."""
    if version and version_of(data) != version:
        raise ConfigError(
            "Somebody changed the settings meanwhile.",
            kind=ErrorKind.PERMANENT,
            code="settings.changed",
            next_step="They are shown as they are now; make your change again.",
            exit_code=ExitCode.BUSY,
        )


def _no_row() -> ConfigError:
    return ConfigError("There is no such row of the schedule.", code="settings.unknown", exit_code=ExitCode.NOT_FOUND)
