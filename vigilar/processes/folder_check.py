"""Whether the data folder is still the house's own, asked by a process before it makes a file there."""

from __future__ import annotations

from pathlib import Path

from vigilar.base.errors import ErrorKind, RecordingError, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.folder_look import AWAY, CODE


def check_folder(data_dir: Path, node_id: str) -> None:
    """Raises RecordingError (TRANSIENT, V-DRIVE) when ``data_dir`` does not carry ``node_id``: its drive was pulled and
    its path is an ordinary folder of the system disk now, or another drive was put in.

    Reads one small file by its path, which takes some microseconds. Blocks for as long as the drive hangs, like the
    writing that follows it. A drive that fails (EIO) passes: writing will tell what is wrong with it.
    """
    found: str | None
    try:
        found = find_folder_id(data_dir) or ""
    except VigilarError:
        found = None
    except OSError:
        return
    if found != node_id:
        raise RecordingError(AWAY, kind=ErrorKind.TRANSIENT, code=CODE)
