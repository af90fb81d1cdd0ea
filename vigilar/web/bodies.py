"""Reading what a request carries: strict JSON for the API, small forms for the first pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import request

from vigilar.web.problems import Problem

MOMENT = (int, str)
"""A field that names a time: UTC milliseconds, or an ISO time with a zone."""

LIST_OR_NULL = (list, type(None))

Fields = Mapping[str, type | tuple[type, ...]]


def read_json(allowed: Fields, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON object of this request. ``allowed`` names each key and its type (``object``: the view looks itself);
    nothing else may be in it.

    Raises Problem: 415 for another content type, 400 for what is not strict JSON (no doubled keys, no NaN), 422 for a
    key that is unknown, missing or of another type.
    """
    if request.mimetype != "application/json":
        raise Problem(415)
    try:
        found = json.loads(
            request.get_data().decode("utf-8"), object_pairs_hook=_no_doubles, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise Problem(400, "body.json", f"The text is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, "body.json", f"This is not JSON: {error.msg} at {where}.") from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "body.json", "This is not strict JSON.") from error
    if not isinstance(found, dict):
        raise Problem(400, "body.json", "Send a JSON object.")
    for key, value in found.items():
        if key not in allowed:
            raise Problem(422, "body.unknown", f"There is no field {key[:40]!r}.", field=key[:40])
        kinds = allowed[key]
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if object not in kinds and type(value) not in kinds:
            names = " or ".join(_NAMES[kind] for kind in kinds)
            raise Problem(422, "body.type", f"{key} must be of type {names}.", field=key)
    for key in required:
        if found.get(key) in (None, ""):
            raise Problem(422, "body.missing", f"{key} is missing.", field=key)
    return found


_NAMES: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    list: "list",
    dict: "object",
    type(None): "null",
}


def check_texts(field: str, values: list[Any]) -> list[str]:
    """A list that holds nothing but texts. Raises Problem."""
    if not all(isinstance(value, str) for value in values):
        raise Problem(422, "body.type", f"{field} must be a list of texts.", field=field)
    return values


def read_limit(default: int, most: int) -> int:
    """``?limit=`` of this request: how many rows are asked for. Raises Problem."""
    text = request.args.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise Problem(422, "query.limit", f"limit is 1 to {most}.", field="limit")
    return int(text)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
