"""The identity of a data folder: one id, made at the first start, in a small file inside it.

It is also the id of the box ("node") in the rows of a database that several boxes share.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from vigilar.base.atomic import write_atomic
from vigilar.base.errors import ErrorKind, VigilarError

FILE_NAME = "vigilar-folder.json"
_HEX_DIGITS = 32


def find_folder_id(data_dir: Path) -> str | None:
    """The id of ``data_dir``, 32 hex digits; None when it has none yet. Raises VigilarError (CORRUPT) for a damaged
    one, OSError when the folder cannot be read."""
    file = data_dir / FILE_NAME
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = str(json.loads(text)["id"])
        if len(found) != _HEX_DIGITS or int(found, 16) < 0:
            raise ValueError(found)
    except (ValueError, KeyError, TypeError) as error:
        raise VigilarError(
            f"{file} is damaged",
            kind=ErrorKind.CORRUPT,
            next_step="Restore it from a backup of the data folder.",
        ) from error
    return found


def make_folder_id(data_dir: Path) -> str:
    """Give ``data_dir``, which has none, a new id; on the disk when this returns. Raises OSError."""
    made = os.urandom(_HEX_DIGITS // 2).hex()
    write_atomic(data_dir / FILE_NAME, json.dumps({"v": 1, "id": made}).encode())
    return made
