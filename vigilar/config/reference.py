"""The configuration shown: what is in force, its JSON schema, and the reference page made from the models.

``python -m vigilar.config.reference > docs/ref/configuration.md`` makes the page; a test keeps it true.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import tomlkit
from pydantic.fields import FieldInfo

from vigilar.config.areas import Line, Zone
from vigilar.config.explain import keys_of, table_at
from vigilar.config.models import Camera, Config
from vigilar.config.rule_models import RuleTable
from vigilar.config.table import Table

_INHERITED = {
    "record": "`mode` of `[recording]`",
    "sensitivity": "as in `[detect]`",
    "sound": "as in `[recording]`",
    "keep": "as in `[storage]`",
}

_OF_CAMERA: dict[str, type[Table]] = {"zone": Zone, "line": Line}
"""The tables within ``[[camera]]``."""

_HEAD = """\
# Settings

<!-- Made from the models by `python -m vigilar.config.reference`; a test keeps it true. Do not change it by hand. -->

One TOML file, `/etc/vigilar/vigilar.toml`, or the one named by `--config` or `VIGILAR_CONFIG`; with `--data-dir DIR` it
is `DIR/vigilar.toml`. Every line is optional, and so is the file: without it there are the defaults and no cameras.

- Strict: a key that does not exist is an error that names the nearest right one. `vigilar config validate` names the
  line, column and key of everything that is wrong; `vigilar config show` prints what is in force.
- Secrets are not in this file, only their names (`secret:NAME`). They lie in the folder `secrets` beside it, one file
  each, readable by the service alone. `vigilar camera add` and `vigilar camera login` store them.
- `vigilar config set KEY VALUE` changes one setting and keeps comments: `recording.mode motion`,
  `camera.front-door.record always`. `vigilar config undo` takes the newest change back.
- A running service keeps its last good settings when the file is wrong, and starts by them too. The page and
  `vigilar status` show the line. `vigilar reload` makes it read the file again.
- What the house remembers of its drive lies outside of the data folder, in the state folder: `VIGILAR_STATE_DIR`, else
  systemd's `STATE_DIRECTORY`, else `/var/lib/vigilar` for root, else `~/.local/state/vigilar` (`XDG_STATE_HOME`). While
  the drive is away, nothing is written in the data folder; `vigilar new-drive` takes another drive.
- Times are texts with their unit: `"500ms"`, `"5s"`, `"2m"`, `"1h"`; how long is kept: `"12h"`, `"30d"`.
- Sizes are texts with their unit, powers of a thousand: `"500 MB"`, `"100 GB"`, `"2 TB"`.
"""


def effective(config: Config) -> dict[str, Any]:
    """All values in force by their names in the file, also those that cameras take over from the house.

    Holds no secret: of logins it has the names.
    """
    plain = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    for shown, camera in zip(plain["camera"], config.cameras, strict=True):
        shown["id"] = camera.id
        shown["record"] = config.mode_of(camera)
        shown["sound"] = config.sound_of(camera)
        taken = {"sensitivity": config.sensitivity_of(camera), "keep": config.keep_of(camera)}
        for key in _OF_CAMERA:
            if not shown[key]:
                del shown[key]
        filled = camera.model_copy(update=taken).model_dump(mode="json", exclude_none=True)
        shown |= {key: filled[key] for key in taken if key in filled}
    if not plain["camera"]:
        del plain["camera"]
    return plain


def dump_effective(config: Config) -> str:
    """``effective`` as TOML, which ``parse_config`` reads back to an equal configuration."""
    return tomlkit.dumps(effective(config))


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file (draft 2020-12), for editors. Defaults read as they are written in the file."""
    schema = Config.model_json_schema(by_alias=True, mode="validation")
    for table in (*filter(None, (table_at((key,)) for key in keys_of(Config))), *_OF_CAMERA.values()):
        defaults = _shown_defaults(table)
        for key, found in schema["$defs"][table.__name__]["properties"].items():
            if "default" in found and key in defaults:
                found["default"] = defaults[key]
    del schema["properties"]["camera"]["default"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "vigilar.toml"}


def reference_page() -> str:
    """``docs/ref/configuration.md``: every key with what it takes, its default and what it means."""
    return "\n".join([_HEAD, *_top_rows(), *_tables()]) + "\n"


def _top_rows() -> Iterator[str]:
    plain = {key: field for key, field in keys_of(Config).items() if table_at((key,)) is None}
    yield from _rows(plain)


def _tables(above: tuple[str, ...] = ()) -> Iterator[str]:
    for key, field in keys_of(table_at(above) or Config).items():
        path = (*above, key)
        table = table_at(path)
        if table is None or (above and table is table_at((*above, "home")) and key != "home"):
            continue  # the modes of [arm] have the same keys: one section for all
        name = "[arm.home]`, `[arm.night]`, `[arm.away]" if path == ("arm", "home") else f"[{'.'.join(path)}]"
        is_list = table is Camera or (bool(above) and isinstance(field.default, tuple))
        yield f"\n## `{f'[{name}]' if is_list else name}`\n"
        yield f"{(table.__doc__ or '').strip()}\n"
        yield from _rows(keys_of(table), table)
        yield from _tables(path)


def _rows(fields: dict[str, FieldInfo], table: type[Table] | None = None) -> Iterator[str]:
    yield "| key | takes | default | what it means |"
    yield "|---|---|---|---|"
    for key, field in fields.items():
        extra = field.json_schema_extra
        takes = extra["x-takes"] if isinstance(extra, dict) else ""
        yield f"| `{key}` | {takes} | {_default(key, field, table)} | {field.description} |"


def _default(key: str, field: FieldInfo, table: type[Table] | None) -> str:
    if field.is_required():
        return "must be given"
    if isinstance(field.default, tuple) and field.default and isinstance(field.default[0], Table):
        return "those of the house"
    if field.default is None:
        inherited = _INHERITED.get(key) if table is Camera else None
        return inherited or ("made of the name" if key == "id" else "none")
    shown = _shown_defaults(table)[key] if table else field.default
    if isinstance(shown, dict):
        inline = tomlkit.inline_table()
        inline.update({name: value for name, value in shown.items() if value is not None})
        return f"`{inline.as_string()}`"
    return f"`{tomlkit.item(shown).as_string()}`"


def _shown_defaults(table: type[Table]) -> dict[str, Any]:
    return _example(table).model_dump(mode="json", by_alias=True)


def _example(table: type[Table]) -> Table:
    """One with nothing but what must be given."""
    if table is Camera:
        return Camera(name="x", address="demo:hall")
    if table is RuleTable:
        return RuleTable.model_construct(name="x")  # one that does nothing is refused
    if table is Zone:
        return Zone(id="x", name="x", points=((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    if table is Line:
        return Line.model_validate({"id": "x", "name": "x", "from": (0.0, 0.0), "to": (1.0, 0.0)})
    return table()


if __name__ == "__main__":
    sys.stdout.write(reference_page())
