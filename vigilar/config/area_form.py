"""The form in which a page sends zones and lines: checked, names made into ids where they lack one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from vigilar.base.errors import ConfigError
from vigilar.base.ids import slug
from vigilar.config.areas import Line, Zone, check_areas, line_table, plain_areas, zone_table
from vigilar.config.explain import explain_errors

_NUMBER = (int, float)
_ZONE_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "name": (str,),
    "kind": (str,),
    "kinds": (list, type(None)),
    "points": (list,),
    "dwell_s": _NUMBER,
    "least_height": _NUMBER,
    "most_height": _NUMBER,
}
_LINE_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "name": (str,),
    "from": (list,),
    "to": (list,),
    "kinds": (list, type(None)),
    "direction": (str,),
}
_FORM_NAMES = {"dwell": "dwell_s", "smallest": "least_height", "largest": "most_height"}
"""What stands in the file under another name."""


class WrongAreaError(ConfigError):
    """``field`` names what is wrong, as ``zones.0.points``."""

    def __init__(self, sentence: str, field: str) -> None:
        super().__init__(sentence)
        self.field = field


def read_areas(body: Mapping[str, Any]) -> dict[str, Any]:
    """``{"zones": [...], "lines": [...]}`` as it would stand in the file, in the same form with every field.

    Raises WrongAreaError with one sentence about the first thing that is wrong.
    """
    taken: set[str] = {one["id"] for one in _tables(body) if isinstance(one.get("id"), str)}
    zones = tuple(Zone.model_validate(table) for table in _checked(body.get("zones", []), "zones", _ZONE_FIELDS, taken))
    lines = tuple(Line.model_validate(table) for table in _checked(body.get("lines", []), "lines", _LINE_FIELDS, taken))
    if (found := check_areas(zones, lines)) is not None:
        key, index, what = found
        raise WrongAreaError(f"The id of {key} {index + 1} {what}.", f"{key}s.{index}.id")
    return plain_areas(zones, lines)


def _tables(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("zones", "lines"):
        yield from (one for one in body.get(key, []) if isinstance(one, dict))


def _checked(
    listed: Sequence[Any], key: str, fields: Mapping[str, tuple[type, ...]], taken: set[str]
) -> Iterator[dict[str, Any]]:
    """Each as a table of the file, after its own check."""
    for index, plain in enumerate(listed):
        where = f"{key}.{index}"
        if not isinstance(plain, dict):
            raise WrongAreaError(f"Each of {key} must be an object.", where)
        for name, value in plain.items():
            if name not in fields:
                raise WrongAreaError(f"{key[:-1].title()} {index + 1} has no field {name[:40]!r}.", where)
            if not isinstance(value, fields[name]) or isinstance(value, bool):
                raise WrongAreaError(f"{name} of {key[:-1]} {index + 1} is of another type.", f"{where}.{name}")
        table = (zone_table if key == "zones" else line_table)({**plain, "id": _id_of(plain, taken)})
        try:
            (Zone if key == "zones" else Line).model_validate(table)
        except ValidationError as error:
            loc, what = next(explain_errors(error))
            field = _FORM_NAMES.get(str(loc[0]), str(loc[0])) if loc else "id"
            name = plain.get("name") or f"{key[:-1]} {index + 1}"
            raise WrongAreaError(f"{str(name)[:60]}: {field} {what}.", f"{where}.{field}") from error
        yield table


def _id_of(plain: Mapping[str, Any], taken: set[str]) -> str:
    """Its own, or one made of its name that nobody has."""
    if plain.get("id"):
        return str(plain["id"])
    wanted = slug(str(plain.get("name", ""))) or "zone"
    number, found = 2, wanted
    while found in taken:
        found, number = f"{wanted[:36]}-{number}", number + 1
    taken.add(found)
    return found
