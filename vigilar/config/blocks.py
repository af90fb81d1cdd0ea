"""The lines of the file that belong to one ``[[camera]]``, and to each table within it; rows of other tables. Pure;
works on text.

The library that edits TOML moves comments when a table within a table comes or goes. These blocks leave every line of
other blocks where it is. A file that has its cameras in one list has no blocks: what comes of it then is refused by the
check of the caller, that the new text means what it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vigilar.config.positions import Loc, find_heads, find_positions, where


@dataclass(frozen=True, slots=True)
class CameraBlock:
    """Numbers of lines, from 0: those of the camera's own keys are ``start`` to ``own_stop``, those of its tables up to
    ``stop``. Comments and empty lines behind the last are not its."""

    start: int
    own_stop: int
    stop: int


def find_block(text: str, index: int) -> CameraBlock:
    """The block of the camera of that index."""
    lines = text.split("\n")
    start = where(find_positions(text), ("camera", index)).line - 1
    heads = [at for at in find_heads(text) if at > start]
    end = next((at for at in heads if not _is_within(lines[at])), len(lines))
    first = next((at for at in heads if at < end), end)
    return CameraBlock(start, _last_key(lines, start, first) + 1, _last_key(lines, start, end) + 1)


def _is_within(line: str) -> bool:
    """Whether the line opens a table of a camera, such as ``[[camera.zone]]``."""
    return line.replace(" ", "").lstrip().startswith(("[[camera.", "[camera."))


def without_block(text: str, index: int) -> str:
    """The text without the ``[[camera]]`` of that index; comments before and after it stay."""
    block = find_block(text, index)
    return _without_lines(text.split("\n"), block.start, block.stop)


def without_table(text: str, loc: Loc) -> str:
    """The text without the ``[[table]]`` at that place; comments before and after it stay."""
    lines = text.split("\n")
    start = where(find_positions(text), loc).line - 1
    end = next((at for at in find_heads(text) if at > start), len(lines))
    return _without_lines(lines, start, _last_key(lines, start, end) + 1)


def _without_lines(lines: list[str], start: int, stop: int) -> str:
    """The text without these lines, and without one of two empty lines that would meet then."""
    if start and not lines[start - 1].strip() and stop < len(lines) and not lines[stop].strip():
        stop += 1
    return "\n".join(lines[:start] + lines[stop:])


def table_texts(text: str, index: int) -> list[str]:
    """The text of each table of a camera in the order of the file, with the comments right above it."""
    lines, block = text.split("\n"), find_block(text, index)
    heads = [at for at in find_heads(text) if block.own_stop <= at < block.stop]
    if not heads:
        return []
    starts = [_with_comments(lines, at, block.own_stop) for at in heads]
    ends = [*(_last_key(lines, head, start) + 1 for head, start in zip(heads, starts[1:], strict=False)), block.stop]
    return ["\n".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def with_tables(text: str, index: int, tables: Sequence[str]) -> str:
    """The text with these in place of the tables of a camera."""
    lines, block = text.split("\n"), find_block(text, index)
    new = [line for table in tables for line in ("", *table.split("\n"))]
    return "\n".join(lines[: block.own_stop] + new + lines[block.stop :])


def _with_comments(lines: list[str], head: int, least: int) -> int:
    while head > least and lines[head - 1].lstrip().startswith("#"):
        head -= 1
    return head


def _last_key(lines: list[str], start: int, stop: int) -> int:
    """The last line before ``stop`` that is neither empty nor a comment."""
    return next(at for at in range(stop - 1, start - 1, -1) if at == start or lines[at].strip()[:1] not in ("", "#"))
