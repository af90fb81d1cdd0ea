"""Whether the data folder is the house's own, asked by whoever is about to make a file there."""

from __future__ import annotations

from pathlib import Path

from vigilar.base.errors import ErrorKind, RecordingError, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.folder_look import AWAY, CODE, Claim, claim, explain_away, look_at_folder
from vigilar.base.house_file import HouseFile, HouseMemory
from vigilar.config.places import Places


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


def require_folder_id(data_dir: Path) -> str:
    """The id of the folder, for who is about to make files there. The supervisor made it before anything else, so a
    folder without one is where the drive was a moment ago. Raises VigilarError (V-DRIVE), OSError."""
    found = find_folder_id(data_dir)
    if found is None:
        raise explain_away(HouseMemory(), data_dir, "does not hold this house's data")
    return found


def require_folder(places: Places, *, is_trial: bool = False) -> None:
    """For a command that writes settings or logins. Raises VigilarError when the drive of the house is not there:
    what were written now would lie under its mount point. Looks itself, so it blocks for as long as the drive hangs.

    ``is_trial``: an emptied folder is forgotten, so that a trial (``vigilar demo``) begins anew in it.
    """
    house = HouseFile(places.house_file)
    memory = house.load()
    verdict, why = claim(memory, look_at_folder(places.data_dir), is_trial=is_trial)
    if verdict is Claim.NOT_OURS:
        raise explain_away(memory, places.data_dir, why)
    if verdict is Claim.NEW and memory.folder_id:
        house.change(folder_id="", file_system=None)
