"""Changing one setting by its name, as ``vigilar config set`` does: ``recording.mode``, ``camera.shed.record``."""

from __future__ import annotations

import difflib
import tomllib
from typing import Any

import tomlkit

from vigilar.base.errors import ConfigError, ExitCode
from vigilar.config.edit import edit_document, no_such_camera
from vigilar.config.explain import keys_of, table_at
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places

CAMERA = "camera"


def set_key(places: Places, key: str, value: str | None) -> Config:
    """Give ``key`` the value that ``value`` means in TOML, or as a text; None takes it out. The configuration as it is
    then. Raises ConfigError: NOT_FOUND for a key or a camera that is not there, CONFIG for a value that is not right;
    the file is then as before."""
    names = key.split(".")
    parsed = None if value is None else parse_value(value)

    def change(doc: tomlkit.TOMLDocument, config: Config) -> None:
        table, last = _table_of(doc, config, names, key, makes=value is not None)
        if value is not None:
            table[last] = parsed
        elif table is not None and last in table:
            del table[last]

    return edit_document(places, change, what=f"{key} was {'removed' if value is None else 'set'}")


def parse_value(text: str) -> Any:
    """What ``text`` is in TOML: a number, true, a list, a text in quotes; anything else is a text without them."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return text


def _table_of(doc: Any, config: Config, names: list[str], key: str, *, makes: bool) -> tuple[Any, str]:
    """The table that holds the key, made if it is missing, and the key's own name."""
    if names[0] == CAMERA and len(names) >= 3:
        index = next((i for i, one in enumerate(config.cameras) if one.id == names[1]), None)
        if index is None:
            raise no_such_camera(names[1], config)
        if len(names) > 3 or names[2] not in keys_of(Camera) or names[2] in ("zone", "line"):
            raise _unknown(key, [f"{CAMERA}.{names[1]}.{one}" for one in keys_of(Camera)])
        table = doc[CAMERA][index]
        if names[2] == "name" and "id" not in table:
            table["id"] = config.cameras[index].id  # or its recordings would lose their camera
        return table, names[2]
    path = tuple(names[:-1])
    kind = table_at(path) if path else None
    if kind is None or kind is Camera or names[-1] not in keys_of(kind) or table_at(tuple(names)) is not None:
        raise _unknown(key, _all_keys())
    table = doc
    for name in path:
        if name not in table:
            if not makes:
                return None, names[-1]
            table[name] = tomlkit.table()
        table = table[name]
    return table, names[-1]


def _all_keys() -> list[str]:
    """The names of all settings that are not of one camera."""
    found: list[str] = []

    def walk(path: tuple[str, ...]) -> None:
        for name in keys_of(table_at(path) or Config):
            inner = table_at((*path, name))
            if inner is None and path:
                found.append(".".join((*path, name)))
            elif inner is not None and inner is not Camera:
                walk((*path, name))

    walk(())
    return found


def _unknown(key: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(key, known, 1)
    return ConfigError(
        f"There is no setting {key}.",
        next_step=f"Did you mean {near[0]}?" if near else "All of them, with their values: vigilar config show",
        exit_code=ExitCode.NOT_FOUND,
    )
