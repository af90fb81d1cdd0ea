"""What commands print: lines for people, JSON for programs, times of the house."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

from vigilar.base import house_time as times

JSON_SCHEMA = 1
"""The version in all JSON that commands print; it rises when a key goes away or changes its meaning."""


def print_json(content: dict[str, Any], *, is_line: bool = False) -> None:
    """``content`` with its schema number; ``is_line`` puts it on one line and sends it off at once."""
    whole = {"schema": JSON_SCHEMA, **content}
    print(json.dumps(whole, ensure_ascii=False, indent=None if is_line else 2), flush=is_line)


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their longest text, two spaces between, without lines or colours."""
    held = [list(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*held, strict=True)]
    for row in held:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def one_line(text: str) -> str:
    """``text`` without what could move the cursor or colour the terminal: a camera chooses some of our texts."""
    return "".join(character if character.isprintable() else "?" for character in text)


def tell(text: str) -> None:
    """Talk: on standard error, so that it is not in what a program reads."""
    print(text, file=sys.stderr, flush=True)


def house_time(ts_ms: int, zone: tzinfo) -> str:
    """UTC milliseconds as date and time of the house; with ``CEST`` or the like behind it where the house's clock shows
    that time twice, in the night when summer time ends."""
    form = "%Y-%m-%d %H:%M:%S %Z" if times.comes_twice(ts_ms, zone) else "%Y-%m-%d %H:%M:%S"
    return times.house_time(ts_ms, zone).strftime(form)
