"""What is wrong with a configuration, said to its owner: errors of pydantic and tomllib become sentences.

No sentence repeats a value of the file: a password may stand in the wrong place.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from vigilar.base.errors import ConfigError
from vigilar.config.models import Camera, Config
from vigilar.config.notify_ways import Email, Ntfy
from vigilar.config.positions import Loc
from vigilar.config.table import Table

_MEANT: dict[str, str] = {
    "cameras": "camera",
    "full": "address",
    "host": "address",
    "ip": "address",
    "main": "address",
    "rtsp": "address",
    "source": "address",
    "stream": "address",
    "uri": "address",
    "url": "address",
    "sub": "small",
    "substream": "small",
    "audio": "sound",
    "mode": "record",
    "record": "mode",
    "disabled": "enabled",
    "active": "enabled",
    "timezone": "time_zone",
    "tz": "time_zone",
    "pre": "before",
    "preroll": "before",
    "post": "after",
    "postroll": "after",
}
"""Words people try, that no measure of likeness would bring to ours."""

_SECRET_KEY = re.compile(r"pass|pwd|user|credential|token|auth", re.IGNORECASE)

_TYPE_SENTENCES: dict[str, str] = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false, without quotes",
    "float_type": "must be a number",
    "tuple_type": "must be a list, as in [ ... ]",
    "model_type": "must be a table",
}

ALREADY_GIVEN = "is already given above"

_TOML_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"Cannot overwrite a value|Duplicate inline table key", ALREADY_GIVEN),
    (r"Cannot declare .* twice", "this table is already given above; join the two"),
    (r"Expected '=' after a key", 'a key must be followed by "=" and a value'),
    (r"Expected newline or end of document", "something stands behind the value; a text needs quotes around it"),
    (r"Invalid value", "this is no value; a text needs quotes around it, and true and false are written small"),
    (r"Invalid statement|Invalid initial character for a key", 'this is neither a [table] nor a "key = value"'),
    (r"Illegal character '\\n'|Unterminated string|Expected \"'\"|Expected '\"'", "the text has no closing quote"),
    (r"Unescaped '\\\\' in a string|Unescaped", 'a "\\" in a text must be written twice, or use single quotes'),
    (r"Unclosed array", "the list has no closing bracket"),
    (r"Unclosed inline table|Expected a? ?\"?}", "the table has no closing brace"),
    (r"Expected ']", "the name of the table has no closing bracket"),
    (r"hex value|Unicode scalar", 'a "\\" in a text must be written twice, or use single quotes'),
    (r"Illegal character", "there is a character that cannot be seen and must not be here"),
)


class WrongValueError(ConfigError):
    """Values of a change that cannot be. ``wrongs`` has for each its last key and the end of the sentence about it, for
    who calls them by other names; ``field`` is the key of a single one."""

    def __init__(self, sentence: str, wrongs: Sequence[tuple[str, str]], next_step: str = "") -> None:
        super().__init__(sentence, next_step=next_step, field=wrongs[0][0] if len(wrongs) == 1 else "")
        self.wrongs = tuple(wrongs)


def explain_errors(error: ValidationError, within: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Each error's place and the end of a sentence about it, in the order of pydantic. ``within``: where the table that
    was checked by itself stands in the file."""
    for item in error.errors(include_url=False, include_input=False):
        loc: Loc = (*within, *item["loc"])
        kind, context = item["type"], item.get("ctx", {})
        if kind == "extra_forbidden":
            yield loc, unknown_key(loc)
        elif kind == "plain":
            yield (*loc, context["key"]) if context["key"] else loc, str(context["what"])
        elif kind == "tuple_type" and loc == ("camera",):
            yield loc, "must be written with two brackets, [[camera]], once for each camera"
        elif kind == "tuple_type" and loc[-1] in ("zone", "line"):
            yield loc, f"must be written with two brackets, [[camera.{loc[-1]}]], once for each {loc[-1]}"
        elif kind == "literal_error":
            yield loc, f"must be {str(context['expected']).replace(chr(39), chr(34))}"
        else:
            yield loc, _TYPE_SENTENCES.get(kind, item["msg"])


def unknown_key(loc: Loc) -> str:
    """What to say about a key that does not exist: the nearest right one, here or in another table."""
    key = str(loc[-1])
    known = table_at(loc[:-1])
    if known in (Camera, Ntfy, Email) and _SECRET_KEY.search(key):
        return 'is unknown, and a login does not belong in this file; write login = "secret:NAME"'
    here = list(keys_of(known)) if known else []
    near = difflib.get_close_matches(key.lower(), here, n=1, cutoff=0.6)
    if (meant := _MEANT.get(key.lower())) in here:
        near = [str(meant)]
    if near:
        return f'is unknown; did you mean "{near[0]}"?'
    if elsewhere := [name for name in _tables() if key.lower() in keys_of(_tables()[name])]:
        return f"is unknown here; it belongs in {' or '.join(elsewhere)}"
    return f"is unknown; there {'is' if len(here) == 1 else 'are'} {', '.join(here)}"


def keys_of(table: type[Table]) -> dict[str, Any]:
    """The names in the file, with their fields."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def table_at(loc: Loc) -> type[Table] | None:
    """The model of the table at ``loc``, None when there is none."""
    table: type[Table] | None = Config
    for part in loc:
        if isinstance(part, int):
            continue
        field = keys_of(table).get(part) if table else None
        table = next((t for t in _types_in(field.annotation) if issubclass(t, Table)), None) if field else None
    return table


def _tables() -> Mapping[str, type[Table]]:
    found = {}
    for key, field in keys_of(Config).items():
        for kind in _types_in(field.annotation):
            if issubclass(kind, Table):
                found["[[camera]]" if kind is Camera else f"[{key}]"] = kind
    return found


def _types_in(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _types_in(inner)


def explain_toml(message: str) -> str:
    """A sentence for a syntax error of tomllib, whose ``message`` comes without its position."""
    for pattern, sentence in _TOML_SENTENCES:
        if re.search(pattern, message):
            return sentence
    return "this is not TOML"
